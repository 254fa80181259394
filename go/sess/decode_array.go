package sess

import (
	"fmt"
	"reflect"
	"strconv"
)

// Arrays and objects: what has elements.

// elements calls f for each element of a container, with its key and where it stands; f returns where it ends.
func (d *decoder) elements(at int, f func(i int, key Key, at int) (int, error)) (int, error) {
	if err := d.enter(at); err != nil {
		return at, err
	}
	isObject := d.text[at] == 'O'
	count, at := headOf(d.text, at)
	for i := range count {
		key, start := keyAt(d.text, at, isObject)
		end, err := f(i, key, start)
		if err != nil {
			return at, within(err, shown(key))
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
	return fmt.Errorf("%w: a key that does not fit a map by %v", ErrType, v.Type())
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
