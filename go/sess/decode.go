package sess

import (
	"encoding"
	"fmt"
	"reflect"
	"strconv"
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

// decodeBorrowed is As for bytes in serialize() form that are libsess's, and gone when it returns.
func decodeBorrowed[T any](serialized []byte) (T, error) {
	var t T
	if scalar(any(&t), serialized) {
		return t, nil
	}
	v, err := newValue(string(serialized), 0)
	if err != nil {
		return t, err
	}
	return As[T](v)
}

// scalar decodes the commonest values into the commonest types without ado. Whatever is different in any way is left
// alone, for others to look at.
func scalar[S string | []byte](dst any, s S) bool {
	const shortest = len("N;")
	if len(s) <= shortest || s[1] != ':' || s[len(s)-1] != ';' {
		return false
	}
	body := s[2 : len(s)-1]
	switch dst := dst.(type) {
	case *string:
		text, ok := quotedWhole(s[0], body)
		if ok {
			*dst = string(text)
		}
		return ok
	case *[]byte:
		text, ok := quotedWhole(s[0], body)
		if ok {
			*dst = []byte(text)
		}
		return ok
	case *bool:
		if s[0] != 'b' || len(body) != 1 || body[0]>>1 != '0'>>1 {
			return false
		}
		*dst = body[0] == '1'
		return true
	case *int:
		n, ok := shortInt(s[0], body)
		if ok {
			*dst = n
		}
		return ok
	case *int64:
		n, ok := shortInt(s[0], body)
		if ok {
			*dst = int64(n)
		}
		return ok
	}
	return false
}

// quotedWhole is the text of LEN:"…" that is all of body.
func quotedWhole[S string | []byte](letter byte, body S) (S, bool) {
	n, at := 0, 0
	for at < len(body) && at < 9 && isDigit(body[at]) {
		n = n*10 + int(body[at]-'0')
		at++
	}
	if letter != 's' || at == 0 || len(body) != at+n+3 || body[at] != ':' || body[at+1] != '"' || body[len(body)-1] != '"' {
		return body, false
	}
	return body[at+2 : at+2+n], true
}

// shortInt is an integer of few digits.
func shortInt[S string | []byte](letter byte, body S) (n int, ok bool) {
	negative := body[0] == '-'
	if negative {
		body = body[1:]
	}
	if letter != 'i' || len(body) == 0 || len(body) > 9 {
		return 0, false
	}
	for i := range len(body) {
		if !isDigit(body[i]) {
			return 0, false
		}
		n = n*10 + int(body[i]-'0')
	}
	if negative {
		n = -n
	}
	return n, true
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
				return skipToken(d.text, at), u.UnmarshalText([]byte(text))
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
				return at, overflow(n, v.Type())
			}
			v.SetInt(n)
			return skipToken(d.text, at), nil
		}
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		if n, ok := d.looseInt(at, loose); ok {
			if n < 0 || v.OverflowUint(uint64(n)) {
				return at, overflow(n, v.Type())
			}
			v.SetUint(uint64(n))
			return skipToken(d.text, at), nil
		}
	case reflect.Float32, reflect.Float64:
		if f, ok := d.looseFloat(at, loose); ok {
			if v.OverflowFloat(f) {
				return at, overflow(f, v.Type())
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

func overflow[N int64 | float64](n N, t reflect.Type) error {
	return fmt.Errorf("%w: %v does not fit into %v", ErrType, n, t)
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

// elements calls f for each element of a container, with its key and where it stands; f returns where it ends.
func (d *decoder) elements(at int, f func(i int, key Key, at int) (int, error)) (int, error) {
	if err := d.enter(at); err != nil {
		return at, err
	}
	count, at := headOf(d.text, at)
	for i := range count {
		key, start := keyAt(d.text, at)
		end, err := f(i, key, start)
		if err != nil {
			return at, within(err, key.String())
		}
		at = end
	}
	d.depth--
	return at + len("}"), nil
}

func (d *decoder) list(at int, v reflect.Value, loose bool) (int, error) {
	count, _ := headOf(d.text, at)
	t := v.Type()
	if t.Kind() == reflect.Array && count != t.Len() {
		return at, fmt.Errorf("%w: %d elements for %v", ErrType, count, t)
	}
	// Made aside: what stands there may be shared.
	made := v
	if t.Kind() == reflect.Slice {
		made = reflect.MakeSlice(t, count, count)
	}
	end, err := d.elements(at, func(i int, key Key, start int) (int, error) {
		if !loose && key != (Key{Int: int64(i), IsInt: true}) {
			return at, d.mismatch(at, t)
		}
		return d.value(start, made.Index(i), loose)
	})
	if err == nil && t.Kind() == reflect.Slice {
		v.Set(made)
	}
	return end, err
}

func (d *decoder) toMap(at int, v reflect.Value, loose bool) (int, error) {
	t := v.Type()
	isObject := d.text[at] == 'O'
	count, _ := headOf(d.text, at)
	made := reflect.MakeMapWithSize(t, count)
	name := reflect.New(t.Key()).Elem()
	element := reflect.New(t.Elem()).Elem()
	end, err := d.elements(at, func(_ int, key Key, start int) (int, error) {
		if isObject {
			key.Text = propertyName(key.Text)
		}
		if err := setKey(name, key); err != nil {
			return at, err
		}
		element.SetZero()
		end, err := d.value(start, element, loose)
		made.SetMapIndex(name, element)
		return end, err
	})
	if err == nil {
		v.Set(made)
	}
	return end, err
}

func setKey(v reflect.Value, key Key) error {
	switch {
	case v.Kind() == reflect.String:
		v.SetString(key.String())
		return nil
	case v.CanInt() && key.IsInt && !v.OverflowInt(key.Int):
		v.SetInt(key.Int)
		return nil
	case v.CanUint() && key.IsInt && key.Int >= 0 && !v.OverflowUint(uint64(key.Int)):
		v.SetUint(uint64(key.Int))
		return nil
	}
	return fmt.Errorf("%w: the key %q for a map by %v", ErrType, key, v.Type())
}

func (d *decoder) structure(at int, v reflect.Value, loose bool) (int, error) {
	s := structureOf(v.Type())
	if s.err != nil {
		return at, s.err
	}
	isObject := d.text[at] == 'O'
	guess := 0
	return d.elements(at, func(_ int, key Key, start int) (int, error) {
		name := key.Text
		switch {
		case key.IsInt:
			name = key.String()
		case isObject:
			name = propertyName(name)
		}
		i, ok := s.find(name, guess)
		if !ok {
			return skip(d.text, start), nil
		}
		guess = i + 1
		member, err := makeField(v, s.fields[i].index)
		if err != nil {
			return at, err
		}
		return d.value(start, member, loose || s.fields[i].loose)
	})
}

// makeField finds a field, and makes the embedded structs that it is in.
func makeField(v reflect.Value, index []int) (reflect.Value, error) {
	for i, at := range index {
		if i > 0 && v.Kind() == reflect.Pointer {
			if v.IsNil() {
				if !v.CanSet() {
					return v, fmt.Errorf("%w: an embedded %v that is nil and cannot be set", ErrType, v.Type())
				}
				v.Set(reflect.New(v.Type().Elem()))
			}
			v = v.Elem()
		}
		v = v.Field(at)
	}
	return v, nil
}

// any decodes into the Go type that fits the value best; arrays into an Array if they are to stay ordered.
func (d *decoder) any(at int, ordered, loose bool) (any, int, error) {
	switch d.text[at] {
	case 'R', 'r':
		v, _, err := d.any(d.whole.follow(at), ordered, loose)
		return v, skipToken(d.text, at), err
	}
	if err := d.spend(1); err != nil {
		return nil, at, err
	}
	end := at
	if c := d.text[at]; c != 'a' && c != 'O' {
		end = skipToken(d.text, at)
	}
	switch d.text[at] {
	case 'N':
		return nil, end, nil
	case 'b':
		return d.text[at+2] == '1', end, nil
	case 'i':
		return clampedInt(d.text[at+2 : end-1]), end, nil
	case 'd':
		return parseFloat(d.text[at+2 : end-1]), end, nil
	case 's':
		text, _ := quotedAt(d.text, at+2)
		return text, end, nil
	case 'a':
		if ordered {
			return d.anyArray(at, true, loose)
		}
		return d.anyContainer(at, loose)
	}
	v := d.part(at, loose)
	return v, at + len(v.text), nil
}

func (d *decoder) anyArray(at int, ordered, loose bool) (Array, int, error) {
	count, _ := headOf(d.text, at)
	a := make(Array, 0, 2*count)
	end, err := d.elements(at, func(_ int, key Key, start int) (int, error) {
		v, end, err := d.any(start, ordered, loose)
		if key.IsInt {
			a = append(a, key.Int, v)
		} else {
			a = append(a, key.Text, v)
		}
		return end, err
	})
	return a, end, err
}

// anyContainer makes a []any of a list and a map[string]any of another array.
func (d *decoder) anyContainer(at int, loose bool) (any, int, error) {
	count, _ := headOf(d.text, at)
	list := make([]any, 0, count)
	var byKey map[string]any
	end, err := d.elements(at, func(i int, key Key, start int) (int, error) {
		if byKey == nil && key != (Key{Int: int64(i), IsInt: true}) {
			byKey = make(map[string]any, count)
			for i, v := range list {
				byKey[strconv.Itoa(i)] = v
			}
		}
		v, end, err := d.any(start, false, loose)
		if byKey != nil {
			byKey[key.String()] = v
		} else {
			list = append(list, v)
		}
		return end, err
	})
	if byKey != nil {
		return byKey, end, err
	}
	return list, end, err
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
