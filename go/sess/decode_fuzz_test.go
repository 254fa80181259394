package sess

import (
	"bytes"
	"errors"
	"testing"
	"time"
)

// everything has a field of every kind of type.
type everything struct {
	Any    any               `sess:"any"`
	Array  Array             `sess:"array"`
	Bool   bool              `sess:"bool"`
	Bytes  []byte            `sess:"bytes"`
	Int8   int8              `sess:"int8"`
	Uint   uint              `sess:"uint"`
	Float  float32           `sess:"float"`
	Text   string            `sess:"text,loose"`
	Time   time.Time         `sess:"time"`
	List   []everything      `sess:"list"`
	Fixed  [2]int            `sess:"fixed"`
	ByText map[string]string `sess:"by_text,loose"`
	ByInt  map[int]Value     `sess:"by_int"`
	Next   *everything       `sess:"next"`
}

// Whatever the bytes are, decoding ends, without a panic, and what was accepted is as PHP would write it.
func FuzzDecode(f *testing.F) {
	for _, seed := range []string{
		`i:42;`, `d:0.10;`, `s:3:"abc";`, `S:3:"a\00c";`, `b:1;`, `N;`,
		`a:2:{i:0;s:1:"5";s:1:"0";i:+07;}`,
		`a:3:{i:0;a:1:{i:0;R:2;}i:1;R:2;i:2;O:8:"STDCLASS":1:{s:4:"` + "\x00*\x00" + `a";r:5;}}`,
		`C:1:"X":3:{abc}`, `E:6:"Suit:A";`, `a:2:{i:0;C:1:"X":0:{}i:1;r:2;}`,
		`a:4:{s:3:"any";a:1:{i:7;i:1;}s:4:"next";a:1:{s:5:"bytes";s:1:"x";}s:4:"text";i:5;s:5:"by_int";a:1:{i:1;N;}}`,
		`O:8:"DateTime":3:{s:4:"date";s:26:"2024-01-02 03:04:05.000006";s:13:"timezone_type";i:1;s:8:"timezone";s:6:"+02:00";}`,
	} {
		f.Add([]byte(seed))
	}
	eachLine(f, "malformed", 720, func(line oracleMalformed) error {
		f.Add(line.Bytes)
		return nil
	})
	f.Fuzz(func(t *testing.T, data []byte) {
		v, err := Serialized(data)
		if err != nil {
			return
		}
		text := v.Serialize()
		again, err := Serialized(text)
		if err != nil || !bytes.Equal(again.Serialize(), text) {
			t.Fatalf("%q is written as %q, and that as %q: %v", data, text, again.Serialize(), err)
		}
		look(v, 100)
		for _, v := range []Value{v, v.Loose()} {
			_, _ = As[string](v)
			_, _ = As[int](v)
			_, _ = As[time.Time](v)
			_, _ = As[[]string](v)
			_, _ = As[everything](v)
			_, _ = decodeBorrowed[everything](data)
			if found, err := As[any](v); err == nil {
				if _, err := ValueOf(found); err != nil && !errors.Is(err, errors.ErrUnsupported) {
					t.Errorf("%q as any cannot be put back: %v", data, err)
				}
			}
			if found, err := As[Array](v); err == nil && v.whole == nil && v.Kind() != Null {
				if put, err := ValueOf(found); err != nil || !bytes.Equal(put.Serialize(), text) {
					t.Errorf("%q as Array is put back as %q: %v", text, put.Serialize(), err)
				}
			}
		}
		whole, err := ValueOf([]Value{v, v})
		if err != nil {
			return // too deep, or behind a custom object
		}
		if _, err := Serialized(whole.Serialize()); err != nil {
			t.Errorf("twice %q is %q: %v", text, whole.Serialize(), err)
		}
		if got := whole.Index(1).Serialize(); v.whole == nil && !bytes.Equal(got, text) {
			t.Errorf("the second of twice %q is %q", text, got)
		}
	})
}

// look goes through some of a value.
func look(v Value, left int) int {
	_, _ = v.Class(), v.Len()
	for key, value := range v.All() {
		if left--; left < 0 {
			break
		}
		_ = v.Key(key.String())
		_ = value.Serialize()
		left = look(value, left)
	}
	return left
}
