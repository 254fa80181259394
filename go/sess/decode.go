package sess

import (
	"strconv"
	"strings"
)

// As converts a value to a Go type. It is strict: [ErrType] for another type, [ErrNotFound] for the zero Value.
func As[T any](v Value) (T, error) {
	var t T
	if v.serialized == "" {
		return t, ErrNotFound
	}
	err := v.Unmarshal(&t)
	return t, err
}

// decodeBorrowed is As for bytes in serialize() form that are libsess's, and gone when it returns.
func decodeBorrowed[T any](serialized []byte) (T, error) { return As[T](trusted(serialized)) }

// Unmarshal fills what dst points at.
func (v Value) Unmarshal(dst any) error {
	body, ok := strings.CutSuffix(v.serialized, ";")
	kind, text, _ := strings.Cut(body, ":")
	switch p := dst.(type) {
	case *Value:
		*p = v
		return nil
	case *int:
		n, err := strconv.Atoi(text)
		if !ok || kind != "i" || err != nil {
			return ErrType
		}
		*p = n
		return nil
	case *string:
		if !ok || kind != "s" {
			return ErrType
		}
		_, quoted, _ := strings.Cut(text, ":")
		*p = quoted[1 : len(quoted)-1]
		return nil
	case *bool:
		if !ok || kind != "b" {
			return ErrType
		}
		*p = text == "1"
		return nil
	}
	return ErrType
}
