// Package plain makes of PHP values what programs expect that kept Go values in their sessions before: the adapters
// share it.
package plain

import "example.com/libsess/go/sess"

// Of returns a value as nil, bool, int, float64, string, []any, map[string]any, or sess.Value where it is none of
// these, as an object is. It is sess.As[any] with int for int64, as most programs store ints.
func Of(v sess.Value) any {
	plain, err := sess.As[any](v)
	if err != nil {
		// Data that refers to itself.
		return v
	}
	return ints(plain)
}

func ints(v any) any {
	switch v := v.(type) {
	case int64:
		// Both have 64 bits wherever libsess runs.
		return int(v)
	case []any:
		for i := range v {
			v[i] = ints(v[i])
		}
	case map[string]any:
		for key := range v {
			v[key] = ints(v[key])
		}
	}
	return v
}
