package sess

import (
	"encoding"
	"fmt"
	"reflect"
	"time"
)

// As converts a value to a Go type. It is strict: [ErrType] for another type, [ErrNotFound] for the zero Value.
// [Value.Loose] converts as PHP does. Package documentation has the table of types.
func As[T any](v Value) (T, error) {
	var simple T
	if value, ok := any(&simple).(*Value); ok && v.text != "" {
		*value = v
		return simple, nil
	}
	if scalar(any(&simple), v.text) {
		return simple, nil
	}
	t := new(T)
	if err := v.Unmarshal(t); err != nil {
		return simple, err
	}
	return *t, nil
}

// decodeText is As for what libsess has in serialize() form.
func decodeText[T any](serialized string) (t T, err error) {
	v, err := newValue(serialized, 0)
	if err != nil {
		return t, err
	}
	return As[T](v)
}

// Unmarshal fills what dst points at, as [As] would make it. Fields of structs that have no element are left as they
// are; slices and maps are made anew. After an error part of it may have been filled.
func (v Value) Unmarshal(dst any) error {
	if v.text == "" {
		return ErrNotFound
	}
	p := reflect.ValueOf(dst)
	if p.Kind() != reflect.Pointer || p.IsNil() {
		return fmt.Errorf("%w: Unmarshal needs a pointer, not %T", ErrType, dst)
	}
	d := decoder{text: v.text}
	if v.whole != nil {
		d.text, d.whole = v.whole.text, v.whole
	}
	_, err := d.value(v.at, p.Elem(), v.loose)
	return err
}

// decoder reads values out of text that is as PHP writes it.
type decoder struct {
	text  string
	whole *linked
	depth int
	spent int
}

// value decodes what stands at an offset, and returns where that ends.
func (d *decoder) value(at int, v reflect.Value, loose bool) (int, error) {
	if letter := d.text[at]; letter == 'R' || letter == 'r' {
		_, err := d.value(d.whole.follow(at), v, loose)
		return skipToken(d.text, at), err
	}
	if err := d.spend(1); err != nil {
		return at, err
	}
	isNull := d.text[at] == 'N'
	for hops := 0; v.Kind() == reflect.Pointer && !isNull; hops++ {
		if hops == hopLimit {
			return at, fmt.Errorf("%w: %d pointers in a row", ErrType, hops)
		}
		if v.IsNil() {
			v.Set(reflect.New(v.Type().Elem()))
		}
		v = v.Elem()
	}
	switch formOf(v.Type()) {
	case formValue:
		found := d.part(at, loose)
		v.Set(reflect.ValueOf(found))
		return skip(d.text, at), nil
	case formArray:
		if d.text[at] == 'a' {
			a, end, err := d.anyArray(at, true, loose)
			v.Set(reflect.ValueOf(a))
			return end, err
		}
	case formTime:
		t, err := d.time(at, loose)
		v.Set(reflect.ValueOf(t))
		return skip(d.text, at), err
	case formText:
		if text, ok := d.looseString(at, loose); ok && v.CanAddr() {
			if u, ok := v.Addr().Interface().(encoding.TextUnmarshaler); ok {
				return skipToken(d.text, at), hidden(u.UnmarshalText([]byte(text)), v.Type())
			}
		}
	}
	if isNull {
		return d.null(at, v, loose)
	}
	switch v.Kind() {
	case reflect.String:
		if text, ok := d.looseString(at, loose); ok {
			v.SetString(text)
			return skipToken(d.text, at), nil
		}
	case reflect.Bool:
		if b, ok := d.looseBool(at, loose); ok {
			v.SetBool(b)
			return skipToken(d.text, at), nil
		}
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		if n, ok := d.looseInt(at, loose); ok {
			if v.OverflowInt(n) {
				return at, overflow(v.Type())
			}
			v.SetInt(n)
			return skipToken(d.text, at), nil
		}
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		if n, ok := d.looseInt(at, loose); ok {
			if n < 0 || v.OverflowUint(uint64(n)) {
				return at, overflow(v.Type())
			}
			v.SetUint(uint64(n))
			return skipToken(d.text, at), nil
		}
	case reflect.Float32, reflect.Float64:
		if f, ok := d.looseFloat(at, loose); ok {
			if v.OverflowFloat(f) {
				return at, overflow(v.Type())
			}
			v.SetFloat(f)
			return skipToken(d.text, at), nil
		}
	case reflect.Interface:
		if v.NumMethod() == 0 {
			found, end, err := d.any(at, false, loose)
			if err == nil {
				v.Set(reflect.ValueOf(found))
			}
			return end, err
		}
	case reflect.Slice, reflect.Array:
		if isBytes(v.Type()) {
			if end, ok, err := d.bytes(at, v, loose); ok || err != nil {
				return end, err
			}
		} else if d.text[at] == 'a' {
			return d.list(at, v, loose)
		}
	case reflect.Map:
		if d.text[at] == 'a' || d.text[at] == 'O' {
			return d.toMap(at, v, loose)
		}
	case reflect.Struct:
		if d.text[at] == 'a' || d.text[at] == 'O' {
			return d.structure(at, v, loose)
		}
	}
	return at, d.mismatch(at, v.Type())
}

func isBytes(t reflect.Type) bool {
	return t.Elem().Kind() == reflect.Uint8 && formOf(t.Elem()) == plain
}

func overflow(t reflect.Type) error {
	return fmt.Errorf("%w: a number that does not fit into %v", ErrType, t)
}

func (d *decoder) mismatch(at int, t reflect.Type) error {
	return fmt.Errorf("%w: %v wanted, %v found", ErrType, t, d.part(at, false).Kind())
}

// spend bounds what references can make of little data by naming it again and again: that is no more than some times
// as much as without them.
func (d *decoder) spend(bytes int) error {
	if d.whole == nil {
		return nil
	}
	d.spent += 8 + bytes
	if d.spent > 64*len(d.text)+1<<16 {
		return fmt.Errorf("%w: references repeat too much of the value", ErrType)
	}
	return nil
}

func (d *decoder) enter(at int) error {
	d.depth++
	if d.depth > nestingLimit {
		return fmt.Errorf("%w: nested deeper than %d, or an object inside itself", ErrType, nestingLimit)
	}
	return nil
}

// part is a Value of what stands at an offset.
func (d *decoder) part(at int, loose bool) Value {
	v := Value{text: d.text[at:skip(d.text, at)], loose: loose}
	if d.whole != nil {
		v.whole, v.at = d.whole, at
	}
	return v
}

// null is nil for what can be nil. PHP's conversions make zero of it otherwise.
func (d *decoder) null(at int, v reflect.Value, loose bool) (int, error) {
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface, reflect.Map, reflect.Slice:
	default:
		if !loose {
			return at, d.mismatch(at, v.Type())
		}
	}
	v.SetZero()
	return at + len("N;"), nil
}

func (d *decoder) bytes(at int, v reflect.Value, loose bool) (end int, ok bool, err error) {
	text, ok := d.looseString(at, loose)
	if !ok {
		return at, false, nil
	}
	if err := d.spend(len(text)); err != nil {
		return at, false, err
	}
	if v.Kind() == reflect.Slice {
		v.SetBytes([]byte(text))
	} else {
		if len(text) != v.Len() {
			return at, false, fmt.Errorf("%w: %d bytes for %v", ErrType, len(text), v.Type())
		}
		reflect.Copy(v, reflect.ValueOf([]byte(text)))
	}
	return skipToken(d.text, at), true, nil
}

// time reads a Unix time, or one of PHP's own objects.
func (d *decoder) time(at int, loose bool) (time.Time, error) {
	if d.text[at] == 'O' {
		if v := d.part(at, false); v.Class() == "DateTime" || v.Class() == "DateTimeImmutable" {
			return dateTime(v)
		}
	}
	if d.text[at] == 'N' && loose {
		return time.Time{}, nil
	}
	if n, ok := d.looseInt(at, loose); ok {
		return time.Unix(n, 0).UTC(), nil
	}
	if f, ok := d.looseFloat(at, loose); ok && loose {
		if t, ok := unixTime(f); ok {
			return t, nil
		}
	}
	return time.Time{}, d.mismatch(at, timeType)
}
