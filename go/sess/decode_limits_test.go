package sess

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
)

func nested(depth int) []byte {
	return []byte(strings.Repeat("a:1:{i:0;", depth) + "N;" + strings.Repeat("}", depth))
}

// As deep as PHP reads, and no deeper.
func TestNesting(t *testing.T) {
	v, err := Serialized(nested(nestingLimit))
	must(t, err)
	found, err := As[any](v)
	must(t, err)
	writes(t, found, string(nested(nestingLimit)))
	for range nestingLimit {
		v = v.Index(0)
	}
	if v.Kind() != Null {
		t.Errorf("at the bottom is %v", v.Kind())
	}
	if _, err := Serialized(nested(nestingLimit + 1)); !errors.Is(err, ErrData) {
		t.Errorf("deeper: %v", err)
	}
	cannotWrite(t, []any{found})
	cannotWrite(t, []Value{serialized(t, string(nested(nestingLimit)))})
	// What the settings of a session let in can be looked at, but not become a Go value.
	deep := trusted(nested(100_000))
	if deep.Kind() != List || deep.Len() != 1 || deep.Index(0).Index(0).Kind() != List {
		t.Errorf("%v of %d", deep.Kind(), deep.Len())
	}
	if _, err := As[any](deep); !errors.Is(err, ErrType) {
		t.Errorf("deeper as any: %v", err)
	}
}

// allocated is how much memory f asks for.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// What bytes claim to hold is not believed before it is seen.
func TestClaims(t *testing.T) {
	for _, text := range []string{
		"a:1000000000:{}", "a:1000000000:{i:0;N;}", "a:99999999999999999999:{}",
		`s:1000000000:"abc";`, `s:18446744073709551615:"abc";`, `S:1000000000:"abc";`,
		`O:1:"A":1000000000:{}`, `O:1:"A":-1:{}`, `O:1000000000:"A":0:{}`,
		`C:1:"A":1000000000:{abc}`, `C:1:"A":9223372036854775807:{abc}`, `E:1000000000:"A:B";`,
		"R:1000000000;", "a:1:{i:0;R:99999999999999999999;}", "a:2:{i:0;R:1000000000;i:1;r:5;}",
	} {
		var err error
		bytes := allocated(func() { _, err = Serialized([]byte(text)) })
		if !errors.Is(err, ErrData) || bytes > 64<<10 {
			t.Errorf("%s: %v, with %d bytes allocated", text, err, bytes)
		}
		if !strings.Contains(fmt.Sprint(err), "at byte ") {
			t.Errorf("%q does not say where", err)
		}
	}
}

// Arrays of references to arrays of references ... are small bytes and an enormous value.
func TestReferenceBomb(t *testing.T) {
	const levels, width = 30, 10
	var text strings.Builder
	// Slots: 1 is the whole, 2 the first level; every level is one more, and its members take none.
	fmt.Fprintf(&text, "a:%d:{i:0;i:1;", levels+1)
	for level := 1; level <= levels; level++ {
		fmt.Fprintf(&text, "i:%d;a:%d:{", level, width)
		for i := range width {
			fmt.Fprintf(&text, "i:%d;R:%d;", i, level+1)
		}
		text.WriteString("}")
	}
	text.WriteString("}")
	v, err := Serialized([]byte(text.String()))
	must(t, err)
	for name, decode := range map[string]func() error{
		"any":     func() error { _, err := As[any](v); return err },
		"Array":   func() error { _, err := As[Array](v); return err },
		"[][]any": func() error { _, err := As[[][]any](v.Index(levels)); return err },
	} {
		bytes := allocated(func() { err = decode() })
		if !errors.Is(err, ErrType) || bytes > 16<<20 {
			t.Errorf("%s: %v, with %d bytes allocated", name, err, bytes)
		}
	}
	// One long text, again and again.
	long := fmt.Sprintf(`a:1000:{i:0;s:10000:"%s";`, strings.Repeat("x", 10000))
	for i := 1; i < 1000; i++ {
		long += fmt.Sprintf("i:%d;R:2;", i)
	}
	v, err = Serialized([]byte(long + "}"))
	must(t, err)
	texts, err := As[[]string](v)
	if err != nil || len(texts) != 1000 || len(texts[999]) != 10000 {
		t.Errorf("as texts, which are shared: %v", err)
	}
	if _, err := As[[][]byte](v); !errors.Is(err, ErrType) {
		t.Errorf("as copies: %v", err)
	}
}

// What is read costs its result and little else.
func TestDecodeAllocations(t *testing.T) {
	for _, c := range []struct {
		text   string
		most   float64
		decode func(text []byte) error
	}{
		{`s:3:"abc";`, 1, func(b []byte) error { _, err := decodeBorrowed[string](b); return err }},
		{`i:42;`, 0, func(b []byte) error { _, err := decodeBorrowed[int](b); return err }},
		{`b:1;`, 0, func(b []byte) error { _, err := decodeBorrowed[bool](b); return err }},
		// The text, and the struct.
		{`a:2:{s:1:"A";i:1;s:1:"b";i:2;}`, 3, func(b []byte) error { _, err := decodeBorrowed[inner](b); return err }},
	} {
		text := []byte(c.text)
		if n := testing.AllocsPerRun(100, func() { must(t, c.decode(text)) }); measuresMemory && n > c.most {
			t.Errorf("%s: %v allocations, not %v", c.text, n, c.most)
		}
	}
}
