package sess

import (
	"strconv"
)

// ValueOf makes a PHP value of a Go value. Map keys are sorted, so that equal data is equal bytes.
func ValueOf(v any) (Value, error) {
	b, err := appendSerialized(nil, v)
	return Value{string(b)}, err
}

// appendSerialized writes v in serialize() form at the end of dst, for Session.Set.
func appendSerialized(dst []byte, v any) ([]byte, error) {
	switch v := v.(type) {
	case Value:
		return append(dst, v.serialized...), nil
	case int:
		dst = strconv.AppendInt(append(dst, "i:"...), int64(v), 10)
		return append(dst, ';'), nil
	case string:
		dst = strconv.AppendInt(append(dst, "s:"...), int64(len(v)), 10)
		return append(append(append(dst, `:"`...), v...), `";`...), nil
	case bool:
		if v {
			return append(dst, "b:1;"...), nil
		}
		return append(dst, "b:0;"...), nil
	}
	return dst, ErrType
}
