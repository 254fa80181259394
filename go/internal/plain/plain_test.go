package plain

import (
	"reflect"
	"testing"

	"example.com/libsess/go/sess"
)

// Integers are ints at every depth, and what Go has no type for stays as it is.
func TestOf(t *testing.T) {
	for serialized, want := range map[string]any{
		`N;`:                               nil,
		`b:1;`:                             true,
		`i:42;`:                            42,
		`d:1.5;`:                           1.5,
		`s:2:"42";`:                        "42",
		`a:1:{i:0;i:7;}`:                   []any{7},
		`a:1:{s:1:"k";a:1:{s:1:"n";i:7;}}`: map[string]any{"k": map[string]any{"n": 7}},
	} {
		v, err := sess.Serialized([]byte(serialized))
		if err != nil {
			t.Fatal(err)
		}
		if got := Of(v); !reflect.DeepEqual(got, want) {
			t.Errorf("%s is %#v, not %#v", serialized, got, want)
		}
	}
	for _, serialized := range []string{`O:1:"C":1:{s:1:"p";i:1;}`, `O:1:"C":1:{s:4:"self";r:1;}`} {
		v, err := sess.Serialized([]byte(serialized))
		if err != nil {
			t.Fatal(err)
		}
		got, ok := Of(v).(sess.Value)
		if !ok || string(got.Serialize()) != serialized {
			t.Errorf("%s is %#v", serialized, Of(v))
		}
	}
}
