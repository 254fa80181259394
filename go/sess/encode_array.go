package sess

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// Arrays: what has elements, and values that are there in serialize() form.

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
			return within(err, shown(el.key))
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
			return fmt.Errorf("%w: an Array with a key twice", ErrType)
		}
		seen[key] = struct{}{}
		e.out = key.appendTo(e.out)
		if err := e.encode(a[i+1]); err != nil {
			return within(err, shown(key))
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
	slots, deepest, custom := measure(text)
	if e.depth > 0 && e.depth+deepest > nestingLimit {
		return errTooDeep
	}
	e.slots += slots
	e.custom = e.custom || custom
	e.refers = e.refers || refers
	if refers && base > 0 {
		return e.renumber(text, base)
	}
	e.out = append(e.out, text...)
	return nil
}

// measure tells how many slots a value takes, how deep it is nested and whether it holds custom objects.
func measure(text string) (slots, deepest int, custom bool) {
	for at, depth := range values(text) {
		switch text[at] {
		case 'R':
			continue
		case 'a', 'O':
			deepest = max(deepest, depth+1)
		case 'C':
			custom = true
		}
		slots++
	}
	return slots, deepest, custom
}

// renumber writes a value with references of which all numbers grow.
func (e *encoder) renumber(text string, by int) error {
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
		case 'C':
			if isPinned(payloadAt(text, at)) {
				return errInsideCustom
			}
			end = skipToken(text, at)
		default:
			end = skipToken(text, at)
		}
		e.out = append(e.out, text[at:end]...)
		at = end
	}
	return nil
}

// shown is a key for messages: a name or a position. What else stands in keys, such as addresses and numbers of users,
// is data.
func shown(key Key) string {
	const longest, digits = 32, 4
	text := key.String()
	isName := func(c rune) bool {
		return c == '_' || '0' <= c && c <= '9' || 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z'
	}
	if key.IsInt && len(text) > digits || len(text) > longest || strings.ContainsFunc(text, func(c rune) bool { return !isName(c) }) {
		return "*"
	}
	return text
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
	const longest = 256
	var w *wrongType
	if !errors.As(err, &w) {
		return &wrongType{key, err}
	}
	if len(w.path) < longest {
		w.path = key + "." + w.path
	}
	return err
}
