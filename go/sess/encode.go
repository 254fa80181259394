package sess

import (
	"encoding"
	"fmt"
	"reflect"
	"strconv"
	"sync"
	"time"
)

// ValueOf makes a PHP value of a Go value. [ErrType] for what PHP cannot hold: a uint64 beyond int64, channels,
// functions, complex numbers, what leads back to itself. Package documentation has the table of types.
func ValueOf(v any) (Value, error) {
	if v, ok := v.(Value); ok && v.text != "" {
		return v, nil
	}
	e := encoder{}
	if err := e.encode(v); err != nil {
		return Value{}, err
	}
	made := Value{text: string(e.out)}
	if e.refers {
		made.whole = link(made.text)
	}
	return made, nil
}

// appendSerialized writes v in serialize() form at the end of dst, for Session.Set.
func appendSerialized(dst []byte, v any) ([]byte, error) {
	e := encoder{out: dst}
	err := e.encode(v)
	return e.out, err
}

// encoder writes one value in serialize() form.
type encoder struct {
	out []byte
	// slots counts the values so far, which references are numbered by.
	slots int
	depth int
	// custom: a custom object was written, behind which numbers mean something else.
	custom, refers bool
}

func appendInt(dst []byte, n int64) []byte {
	return append(strconv.AppendInt(append(dst, "i:"...), n, 10), ';')
}

func appendString(dst []byte, s string) []byte {
	return append(appendQuoted(append(dst, "s:"...), s), ';')
}

// appendQuoted writes LEN:"BYTES".
func appendQuoted(dst []byte, s string) []byte {
	dst = append(strconv.AppendInt(dst, int64(len(s)), 10), `:"`...)
	return append(append(dst, s...), '"')
}

func appendBool(dst []byte, b bool) []byte {
	if b {
		return append(dst, "b:1;"...)
	}
	return append(dst, "b:0;"...)
}

// encode writes the commonest types without a look at what Go knows about them.
func (e *encoder) encode(v any) error {
	e.slots++
	switch v := v.(type) {
	case nil:
		e.out = append(e.out, "N;"...)
	case string:
		e.out = appendString(e.out, v)
	case int:
		e.out = appendInt(e.out, int64(v))
	case int64:
		e.out = appendInt(e.out, v)
	case bool:
		e.out = appendBool(e.out, v)
	case float64:
		e.out = append(appendFloat(append(e.out, "d:"...), v), ';')
	case Value:
		e.slots--
		return e.value(v)
	case Array:
		return e.array(v)
	default:
		e.slots--
		return e.reflected(reflect.ValueOf(v))
	}
	return nil
}

// form is how values of a type stand in PHP, apart from what their kind says.
type form uint8

const (
	plain form = iota
	formValue
	formArray
	formTime
	formText
	formKey
)

var (
	valueType       = reflect.TypeFor[Value]()
	arrayType       = reflect.TypeFor[Array]()
	timeType        = reflect.TypeFor[time.Time]()
	keyType         = reflect.TypeFor[Key]()
	marshalerType   = reflect.TypeFor[encoding.TextMarshaler]()
	unmarshalerType = reflect.TypeFor[encoding.TextUnmarshaler]()
)

// forms are those of types with a name, of which asking takes long.
var forms sync.Map

// formOf is for what pointers and interfaces lead to, and not for themselves.
func formOf(t reflect.Type) form {
	if t.PkgPath() == "" && t.Kind() != reflect.Struct || t.Kind() == reflect.Interface {
		return plain
	}
	if known, ok := forms.Load(t); ok {
		return known.(form)
	}
	f := plain
	switch {
	case t == valueType:
		f = formValue
	case t == arrayType:
		f = formArray
	case t == timeType:
		f = formTime
	case t == keyType:
		f = formKey
	case reflect.PointerTo(t).Implements(marshalerType), reflect.PointerTo(t).Implements(unmarshalerType):
		f = formText
	}
	forms.Store(t, f)
	return f
}

// hopLimit is how many pointers may lead to a value.
const hopLimit = 64

func (e *encoder) reflected(v reflect.Value) error {
	for hops := 0; v.Kind() == reflect.Pointer || v.Kind() == reflect.Interface; hops++ {
		if v.IsNil() {
			e.slots++
			e.out = append(e.out, "N;"...)
			return nil
		}
		if hops == hopLimit {
			return fmt.Errorf("%w: %d pointers in a row", ErrType, hops)
		}
		v = v.Elem()
	}
	t := v.Type()
	kind := t.Kind()
	switch formOf(t) {
	case formValue:
		return e.value(v.Interface().(Value))
	case formArray:
		e.slots++
		return e.array(v.Interface().(Array))
	case formTime:
		e.slots++
		e.out = appendInt(e.out, v.Interface().(time.Time).Unix())
		return nil
	case formText:
		if done, err := e.textOf(v); done {
			return err
		}
	case formKey:
		return fmt.Errorf("%w: a Key is no value", ErrType)
	}
	switch kind {
	case reflect.Slice, reflect.Array:
		if t.Elem().Kind() == reflect.Uint8 && formOf(t.Elem()) == plain {
			return e.bytes(v)
		}
		return e.list(v)
	case reflect.Map:
		return e.fromMap(v)
	case reflect.Struct:
		return e.structure(v)
	}
	e.slots++
	switch kind {
	case reflect.String:
		e.out = appendString(e.out, v.String())
	case reflect.Bool:
		e.out = appendBool(e.out, v.Bool())
	case reflect.Float32, reflect.Float64:
		e.out = append(appendFloat(append(e.out, "d:"...), v.Float()), ';')
	default:
		n, err := intOf(v)
		if err != nil {
			return err
		}
		e.out = appendInt(e.out, n)
	}
	return nil
}

// intOf is the integer that v is.
func intOf(v reflect.Value) (int64, error) {
	switch {
	case v.CanInt():
		return v.Int(), nil
	case v.CanUint() && v.Uint() <= 1<<63-1:
		return int64(v.Uint()), nil
	case v.CanUint():
		return 0, fmt.Errorf("%w: more than PHP's largest int", ErrType)
	}
	return 0, fmt.Errorf("%w: PHP has none for %v", ErrType, v.Type())
}

var errTooDeep = fmt.Errorf("%w: nested deeper than %d, or leading back to itself", ErrType, nestingLimit)

// enter goes one level deeper.
func (e *encoder) enter() error {
	e.depth++
	if e.depth > nestingLimit {
		return errTooDeep
	}
	return nil
}

// textOf writes what has an encoding.TextMarshaler as a string. It is not done for types that can only be read.
func (e *encoder) textOf(v reflect.Value) (done bool, err error) {
	if !v.CanAddr() {
		p := reflect.New(v.Type())
		p.Elem().Set(v)
		v = p.Elem()
	}
	marshaler, ok := v.Addr().Interface().(encoding.TextMarshaler)
	if !ok {
		return false, nil
	}
	text, err := marshaler.MarshalText()
	if err != nil {
		return true, hidden(err, v.Type())
	}
	e.slots++
	e.out = append(strconv.AppendInt(append(e.out, "s:"...), int64(len(text)), 10), `:"`...)
	e.out = append(append(e.out, text...), `";`...)
	return true, nil
}

func (e *encoder) bytes(v reflect.Value) error {
	e.slots++
	e.out = append(strconv.AppendInt(append(e.out, "s:"...), int64(v.Len()), 10), `:"`...)
	if v.Kind() == reflect.Array && !v.CanAddr() {
		for i := range v.Len() {
			e.out = append(e.out, byte(v.Index(i).Uint()))
		}
	} else {
		e.out = append(e.out, v.Bytes()...)
	}
	e.out = append(e.out, `";`...)
	return nil
}
