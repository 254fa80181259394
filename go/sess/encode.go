package sess

import (
	"encoding"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
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
		return 0, fmt.Errorf("%w: %d is more than PHP's largest int", ErrType, v.Uint())
	}
	return 0, fmt.Errorf("%w: PHP has none for %v", ErrType, v.Type())
}

// enter goes one level deeper.
func (e *encoder) enter() error {
	e.depth++
	if e.depth > nestingLimit {
		return fmt.Errorf("%w: nested deeper than %d, or leading back to itself", ErrType, nestingLimit)
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
		return true, err
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

// open begins an array; its elements and close follow.
func (e *encoder) open(count int) error {
	if err := e.enter(); err != nil {
		return err
	}
	e.slots++
	e.out = append(strconv.AppendInt(append(e.out, "a:"...), int64(count), 10), ":{"...)
	return nil
}

func (e *encoder) close() error {
	e.depth--
	e.out = append(e.out, '}')
	return nil
}

func (e *encoder) list(v reflect.Value) error {
	if err := e.open(v.Len()); err != nil {
		return err
	}
	for i := range v.Len() {
		e.out = appendInt(e.out, int64(i))
		if err := e.reflected(v.Index(i)); err != nil {
			return within(err, strconv.Itoa(i))
		}
	}
	return e.close()
}

func (e *encoder) fromMap(v reflect.Value) error {
	type element struct {
		key   Key
		value reflect.Value
	}
	elements := make([]element, 0, v.Len())
	for it := v.MapRange(); it.Next(); {
		key, err := keyOfValue(it.Key())
		if err != nil {
			return err
		}
		elements = append(elements, element{key, it.Value()})
	}
	slices.SortFunc(elements, func(a, b element) int { return compareKeys(a.key, b.key) })
	if err := e.open(len(elements)); err != nil {
		return err
	}
	for _, el := range elements {
		e.out = el.key.appendTo(e.out)
		if err := e.reflected(el.value); err != nil {
			return within(err, el.key.String())
		}
	}
	return e.close()
}

// compareKeys orders keys: integers first, by value, then texts by their bytes.
func compareKeys(a, b Key) int {
	switch {
	case a.IsInt && b.IsInt && a.Int < b.Int, a.IsInt && !b.IsInt:
		return -1
	case a.IsInt && b.IsInt && a.Int > b.Int, !a.IsInt && b.IsInt:
		return 1
	}
	return strings.Compare(a.Text, b.Text)
}

// keyOfValue is the PHP key that a Go value is, as one of a map.
func keyOfValue(v reflect.Value) (Key, error) {
	if v.Kind() == reflect.String {
		return keyOf(v.String()), nil
	}
	n, err := intOf(v)
	if err != nil {
		return Key{}, fmt.Errorf("%w, as a key", err)
	}
	return Key{Int: n, IsInt: true}, nil
}

func (e *encoder) structure(v reflect.Value) error {
	s := structureOf(v.Type())
	if s.err != nil {
		return s.err
	}
	e.slots++
	if err := e.enter(); err != nil {
		return err
	}
	count := 0
	for i := range s.fields {
		if _, ok := fieldOf(v, s.fields[i].index); ok {
			count++
		}
	}
	e.out = append(strconv.AppendInt(append(e.out, "a:"...), int64(count), 10), ":{"...)
	for i := range s.fields {
		f := &s.fields[i]
		member, ok := fieldOf(v, f.index)
		if !ok {
			continue
		}
		e.out = keyOf(f.key).appendTo(e.out)
		if err := e.reflected(member); err != nil {
			return within(err, f.key)
		}
	}
	return e.close()
}

// fieldOf finds a field through embedded structs; there is none behind an embedded nil pointer.
func fieldOf(v reflect.Value, index []int) (reflect.Value, bool) {
	for i, at := range index {
		if i > 0 && v.Kind() == reflect.Pointer {
			if v.IsNil() {
				return v, false
			}
			v = v.Elem()
		}
		v = v.Field(at)
	}
	return v, true
}

// array writes an Array, whose slot has been counted.
func (e *encoder) array(a Array) error {
	if len(a)%2 != 0 {
		return fmt.Errorf("%w: an Array with a key and no value", ErrType)
	}
	e.slots--
	if err := e.open(len(a) / 2); err != nil {
		return err
	}
	seen := make(map[Key]struct{}, len(a)/2)
	for i := 0; i < len(a); i += 2 {
		key, ok := a[i].(Key)
		if ok && !key.IsInt {
			key = keyOf(key.Text)
		} else if !ok {
			var err error
			if a[i] == nil {
				return fmt.Errorf("%w: an Array with nil as a key", ErrType)
			}
			if key, err = keyOfValue(reflect.ValueOf(a[i])); err != nil {
				return err
			}
		}
		if _, twice := seen[key]; twice {
			return fmt.Errorf("%w: an Array with the key %q twice", ErrType, key)
		}
		seen[key] = struct{}{}
		e.out = key.appendTo(e.out)
		if err := e.encode(a[i+1]); err != nil {
			return within(err, key.String())
		}
	}
	return e.close()
}

// value writes a Value; its references are numbered by where it now stands.
func (e *encoder) value(v Value) error {
	if v.text == "" {
		return fmt.Errorf("%w: the zero Value is no value", ErrType)
	}
	text, refers, err := v.standalone()
	if err != nil {
		return err
	}
	if e.custom && refers {
		return errBehindCustom
	}
	base := e.slots
	parts := link(text)
	e.slots += len(parts.slots)
	e.custom = e.custom || holdsCustom(parts)
	e.refers = e.refers || refers
	if refers && base > 0 {
		e.renumber(text, base)
	} else {
		e.out = append(e.out, text...)
	}
	return nil
}

func holdsCustom(l *linked) bool {
	return slices.ContainsFunc(l.slots, func(at int) bool { return l.text[at] == 'C' })
}

// renumber writes a value with references of which all numbers grow.
func (e *encoder) renumber(text string, by int) {
	for at := 0; at < len(text); {
		var end int
		switch text[at] {
		case 'R', 'r':
			n, digits := lengthAt(text, at+2)
			end = digits + 1
			e.out = append(strconv.AppendInt(append(e.out, text[at], ':'), int64(n+by), 10), ';')
			at = end
			continue
		case 'a', 'O':
			_, end = headOf(text, at)
		case '}':
			end = at + 1
		default:
			end = skipToken(text, at)
		}
		e.out = append(e.out, text[at:end]...)
		at = end
	}
}

// wrongType is a type that does not fit, and where: the keys that lead there, outermost first.
type wrongType struct {
	path string
	err  error
}

func (w *wrongType) Error() string { return w.err.Error() + " (at " + w.path + ")" }
func (w *wrongType) Unwrap() error { return w.err }

// within says under which key something failed.
func within(err error, key string) error {
	const shown = 256
	var w *wrongType
	if !errors.As(err, &w) {
		return &wrongType{key, err}
	}
	if len(w.path) < shown {
		w.path = key + "." + w.path
	}
	return err
}
