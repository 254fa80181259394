package sess

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"net/netip"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

func serialized(t *testing.T, text string) Value {
	t.Helper()
	v, err := Serialized([]byte(text))
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return v
}

// decodeBorrowed is what Get makes of what libsess lends it.
func decodeBorrowed[T any](serialized []byte) (T, error) {
	var t T
	if scalar(any(&t), serialized) {
		return t, nil
	}
	return decodeText[T](string(serialized))
}

// writes: v is written as this.
func writes(t *testing.T, v any, want string) {
	t.Helper()
	got, err := ValueOf(v)
	if err != nil || string(got.Serialize()) != want {
		t.Errorf("%#v is written as %s, not %s: %v", v, got.Serialize(), want, err)
	}
	set, err := appendSerialized(nil, v)
	if err != nil || string(set) != want {
		t.Errorf("%#v is set as %s, not %s: %v", v, set, want, err)
	}
}

func cannotWrite(t *testing.T, v any) {
	t.Helper()
	if got, err := ValueOf(v); !errors.Is(err, ErrType) {
		t.Errorf("%T is written as %s: %v", v, got.Serialize(), err)
	}
}

// reads: each of these values is read as want, strictly and loosely.
func reads[T any](t *testing.T, want T, texts ...string) {
	t.Helper()
	readsStrictly(t, want, texts...)
	readsLoosely(t, want, texts...)
}

func readsStrictly[T any](t *testing.T, want T, texts ...string) {
	t.Helper()
	for _, text := range texts {
		got, err := As[T](serialized(t, text))
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s is read as %#v, not %#v: %v", text, got, want, err)
		}
		got, err = decodeBorrowed[T]([]byte(text))
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s is got as %#v, not %#v: %v", text, got, want, err)
		}
	}
}

func readsLoosely[T any](t *testing.T, want T, texts ...string) {
	t.Helper()
	for _, text := range texts {
		got, err := As[T](serialized(t, text).Loose())
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s is loosely read as %#v, not %#v: %v", text, got, want, err)
		}
	}
}

func refuses[T any](t *testing.T, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if got, err := As[T](serialized(t, text)); !errors.Is(err, ErrType) {
			t.Errorf("%s is read as %#v: %v", text, got, err)
		}
		if got, err := decodeBorrowed[T]([]byte(text)); !errors.Is(err, ErrType) {
			t.Errorf("%s is got as %#v: %v", text, got, err)
		}
	}
}

// refusesLoosely: not even loosely.
func refusesLoosely[T any](t *testing.T, texts ...string) {
	t.Helper()
	refuses[T](t, texts...)
	for _, text := range texts {
		if got, err := As[T](serialized(t, text).Loose()); !errors.Is(err, ErrType) {
			t.Errorf("%s is loosely read as %#v: %v", text, got, err)
		}
	}
}

type (
	named string
	inner struct {
		A int
		B int `sess:"b"`
	}
	Outer struct {
		C     int `sess:"c"`
		Clash int
	}
	Other struct{ Clash int }
	whole struct {
		inner
		*Outer
		Other
		hidden  int    //lint:ignore U1000 unexported fields are passed over
		Skipped int    `sess:"-"`
		A       string `sess:"A"`
		Dash    int    `sess:"-,"`
	}
	node struct {
		Next *node
	}
)

// rows are tests of the rows of the table in the package documentation.
var rows = map[string]func(t *testing.T){
	"bool": func(t *testing.T) {
		writes(t, true, "b:1;")
		writes(t, false, "b:0;")
		reads(t, true, "b:1;")
		reads(t, false, "b:0;")
		refuses[bool](t, "i:1;", "s:1:\"1\";", "N;", "d:1;")
		readsLoosely(t, true, "i:1;", "i:-5;", "d:0.1;", "d:NAN;", `s:3:"0.0";`, `s:1:"a";`)
		readsLoosely(t, false, "i:0;", "d:0;", "d:-0;", `s:0:"";`, `s:1:"0";`, "N;")
		refusesLoosely[bool](t, "a:0:{}", `O:1:"A":0:{}`)
	},
	"int, int8-int64": func(t *testing.T) {
		writes(t, int8(-128), "i:-128;")
		writes(t, int64(math.MinInt64), "i:-9223372036854775808;")
		writes(t, 'x', "i:120;")
		reads(t, 42, "i:42;", "i:+42;", "i:042;")
		reads(t, int64(math.MinInt64), "i:-9223372036854775808;")
		reads(t, int64(1234567890123), "i:1234567890123;")
		reads(t, int8(-128), "i:-128;")
		refuses[int](t, `s:2:"42";`, "d:42;", "b:1;", "N;")
		refusesLoosely[int8](t, "i:128;", "i:-129;")
		refusesLoosely[int32](t, "i:2147483648;")
		readsLoosely(t, 42, `s:2:"42";`, `s:3:" 42";`, `s:3:"42`+"\n"+`";`, `s:3:"+42";`, `s:4:"42.0";`, `s:5:"4.2e1";`, "d:42;")
		readsLoosely(t, 1, "b:1;")
		readsLoosely(t, 0, "b:0;", "N;", `s:2:"-0";`)
		refusesLoosely[int](t, `s:0:"";`, `s:1:" ";`, `s:3:"42x";`, `s:4:"42.5";`, `s:4:"0x1A";`, `s:3:"INF";`, `s:3:"1_0";`,
			`s:20:"99999999999999999999";`, "d:42.5;", "d:1.0E+19;", "d:NAN;", "d:INF;", "a:0:{}")
	},
	"uint, uint8-uint64": func(t *testing.T) {
		writes(t, uint8(255), "i:255;")
		writes(t, uint64(math.MaxInt64), "i:9223372036854775807;")
		cannotWrite(t, uint64(math.MaxInt64+1))
		cannotWrite(t, []uint{math.MaxUint64})
		reads(t, uint(42), "i:42;")
		reads(t, uint64(math.MaxInt64), "i:9223372036854775807;")
		reads(t, uintptr(1), "i:1;")
		refusesLoosely[uint](t, "i:-1;", `s:2:"-1";`)
		refusesLoosely[uint8](t, "i:256;")
		readsLoosely(t, uint16(42), `s:2:"42";`, "d:42;")
	},
	"float32, float64": func(t *testing.T) {
		writes(t, 0.1, "d:0.1;")
		writes(t, 1e17, "d:1.0E+17;")
		writes(t, 3.0, "d:3;")
		writes(t, math.Copysign(0, -1), "d:-0;")
		writes(t, math.NaN(), "d:NAN;")
		writes(t, math.Inf(-1), "d:-INF;")
		writes(t, float32(0.1), "d:0.10000000149011612;")
		reads(t, 0.1, "d:0.1;", "d:.1;", "d:1e-1;")
		reads(t, 3.0, "d:3;", "i:3;")
		reads(t, float32(0.1), "d:0.10000000149011612;")
		reads(t, math.Inf(1), "d:INF;", "d:1.0E+999;")
		if f, err := As[float64](serialized(t, "d:-0;")); err != nil || !math.Signbit(f) {
			t.Errorf("-0 is %v, %v", f, err)
		}
		refuses[float64](t, `s:3:"1.5";`, "b:1;", "N;")
		refusesLoosely[float32](t, "d:1.0E+300;")
		readsLoosely(t, 1.5, `s:3:"1.5";`, `s:6:" 1.5e0";`)
		readsLoosely(t, 1e20, `s:21:"100000000000000000000";`)
		readsLoosely(t, 1.0, "b:1;")
		readsLoosely(t, 0.0, "N;")
		refusesLoosely[float64](t, `s:0:"";`, `s:1:".";`, `s:3:"NAN";`, `s:4:"1.5a";`)
	},
	"string": func(t *testing.T) {
		writes(t, "a\x00\xff\"", "s:4:\"a\x00\xff\"\";")
		writes(t, named("n"), `s:1:"n";`)
		reads(t, "", `s:0:"";`)
		reads(t, "abc", `s:3:"abc";`, `S:3:"\61bc";`, `s:03:"abc";`)
		reads(t, named("n"), `s:1:"n";`)
		refuses[string](t, "i:42;", "N;", "b:1;", "d:1;")
		readsLoosely(t, "42", "i:42;")
		readsLoosely(t, "1.5", "d:1.5;")
		readsLoosely(t, "1", "b:1;")
		readsLoosely(t, "", "b:0;", "N;")
		refusesLoosely[string](t, "a:0:{}", `O:1:"A":0:{}`, `E:3:"A:B";`)
	},
	"[]byte, [N]byte": func(t *testing.T) {
		writes(t, []byte("a\x00b"), "s:3:\"a\x00b\";")
		writes(t, []byte(nil), `s:0:"";`)
		writes(t, [2]byte{'x', 'y'}, `s:2:"xy";`)
		reads(t, []byte("ab"), `s:2:"ab";`)
		reads(t, [2]byte{'x', 'y'}, `s:2:"xy";`)
		reads(t, []byte(nil), "N;")
		refuses[[]byte](t, "i:1;", "a:1:{i:0;i:1;}")
		refusesLoosely[[2]byte](t, `s:3:"xyz";`)
		readsLoosely(t, []byte("42"), "i:42;")
	},
	"[]T, [N]T": func(t *testing.T) {
		writes(t, []int{7, 8}, "a:2:{i:0;i:7;i:1;i:8;}")
		writes(t, [2]bool{true, false}, "a:2:{i:0;b:1;i:1;b:0;}")
		writes(t, [][]string{{}, {"a"}}, `a:2:{i:0;a:0:{}i:1;a:1:{i:0;s:1:"a";}}`)
		reads(t, []int{7, 8}, "a:2:{i:0;i:7;i:1;i:8;}")
		reads(t, []int{}, "a:0:{}")
		reads(t, [2]int{7, 8}, "a:2:{i:0;i:7;i:1;i:8;}")
		refuses[[]int](t, "a:1:{i:1;i:7;}", `a:1:{s:1:"a";i:7;}`, "a:2:{i:1;i:7;i:0;i:8;}")
		refusesLoosely[[]int](t, `O:8:"stdClass":0:{}`, "i:7;", `s:1:"a";`)
		refusesLoosely[[2]int](t, "a:1:{i:0;i:7;}")
		readsLoosely(t, []int{7, 8}, `a:2:{i:5;i:7;s:1:"a";s:1:"8";}`)
	},
	"map[string]T": func(t *testing.T) {
		writes(t, map[string]int{"b": 1, "10": 2, "9": 3, "a": 4, "-1": 5, "05": 6},
			`a:6:{i:-1;i:5;i:9;i:3;i:10;i:2;s:2:"05";i:6;s:1:"a";i:4;s:1:"b";i:1;}`)
		reads(t, map[string]int{"a": 4, "9": 3}, `a:2:{s:1:"a";i:4;i:9;i:3;}`, `a:2:{s:1:"a";i:4;s:1:"9";i:3;}`,
			"O:1:\"A\":2:{s:4:\"\x00*\x00a\";i:4;s:1:\"9\";i:3;}")
		reads(t, map[named]bool{"a": true}, `a:1:{s:1:"a";b:1;}`)
		refusesLoosely[map[string]int](t, "i:1;", `s:1:"a";`, `a:1:{i:0;s:1:"x";}`)
		cannotWrite(t, map[float64]int{1: 1})
		cannotWrite(t, map[any]int{"a": 1})
	},
	"map[int]T": func(t *testing.T) {
		writes(t, map[int]string{3: "c", -1: "a"}, `a:2:{i:-1;s:1:"a";i:3;s:1:"c";}`)
		cannotWrite(t, map[uint64]int{math.MaxUint64: 1})
		reads(t, map[int]string{3: "c", -1: "a"}, `a:2:{i:3;s:1:"c";i:-1;s:1:"a";}`)
		reads(t, map[uint8]int{255: 1}, "a:1:{i:255;i:1;}")
		refusesLoosely[map[int]int](t, `a:1:{s:1:"a";i:1;}`)
		refusesLoosely[map[uint8]int](t, "a:1:{i:256;i:1;}", "a:1:{i:-1;i:1;}")
	},
	"struct": func(t *testing.T) {
		writes(t, inner{1, 2}, `a:2:{s:1:"A";i:1;s:1:"b";i:2;}`)
		writes(t, struct{}{}, "a:0:{}")
		writes(t, struct {
			X int `sess:"7"`
		}{1}, "a:1:{i:7;i:1;}")
		reads(t, inner{1, 2}, `a:2:{s:1:"A";i:1;s:1:"b";i:2;}`, `a:3:{s:1:"b";i:2;s:1:"x";a:1:{i:0;N;}s:1:"A";i:1;}`,
			`O:1:"X":2:{s:1:"A";i:1;s:4:"`+"\x00X\x00"+`b";i:2;}`)
		reads(t, inner{}, `a:1:{s:1:"B";i:2;}`, "a:0:{}")
		refuses[inner](t, "N;", `a:1:{s:1:"b";s:1:"2";}`)
		refusesLoosely[inner](t, "i:1;")
		readsLoosely(t, inner{}, "N;")
		readsLoosely(t, inner{B: 2}, `a:1:{s:1:"b";s:1:"2";}`)
		kept := inner{A: 1, B: 1}
		must(t, serialized(t, `a:1:{s:1:"b";i:2;}`).Unmarshal(&kept))
		if kept != (inner{1, 2}) {
			t.Errorf("a field without an element is %v", kept)
		}
		cannotWrite(t, struct {
			X int `sess:"x,omitempty"`
		}{})
	},
	"embedded struct": func(t *testing.T) {
		writes(t, whole{inner: inner{A: 1, B: 2}, Outer: &Outer{C: 3}, A: "a"},
			`a:4:{s:1:"b";i:2;s:1:"c";i:3;s:1:"A";s:1:"a";s:1:"-";i:0;}`)
		writes(t, whole{A: "a"}, `a:3:{s:1:"b";i:0;s:1:"A";s:1:"a";s:1:"-";i:0;}`)
		reads(t, whole{inner: inner{B: 2}, Outer: &Outer{C: 3}, A: "a"}, `a:4:{s:1:"b";i:2;s:1:"c";i:3;s:5:"Clash";i:4;s:1:"A";s:1:"a";}`)
		reads(t, whole{A: "a"}, `a:1:{s:1:"A";s:1:"a";}`)
		refusesLoosely[struct{ *inner }](t, `a:1:{s:1:"b";i:2;}`)
	},
	"unexported field": func(t *testing.T) {
		writes(t, struct{ a, B int }{1, 2}, `a:1:{s:1:"B";i:2;}`)
		reads(t, struct{ a, B int }{0, 2}, `a:2:{s:1:"a";i:1;s:1:"B";i:2;}`)
	},
	`sess:"-"`: func(t *testing.T) {
		type skips struct {
			A int `sess:"-"`
			B int `sess:"-,"`
		}
		writes(t, skips{1, 2}, `a:1:{s:1:"-";i:2;}`)
		reads(t, skips{0, 2}, `a:3:{s:1:"A";i:1;s:1:"-";i:2;s:0:"";i:3;}`)
	},
	"*T": func(t *testing.T) {
		n := 42
		p := &n
		writes(t, &p, "i:42;")
		writes(t, (*int)(nil), "N;")
		reads(t, &n, "i:42;")
		reads(t, (*int)(nil), "N;")
		refuses[*int](t, `s:2:"42";`)
		readsLoosely(t, &n, `s:2:"42";`)
	},
	"nil slice, nil map": func(t *testing.T) {
		writes(t, []int(nil), "a:0:{}")
		writes(t, map[string]int(nil), "a:0:{}")
		reads(t, []int(nil), "N;")
		reads(t, map[string]int(nil), "N;")
	},
	"any": func(t *testing.T) {
		writes(t, nil, "N;")
		writes(t, []any{nil, 1, "a", []any{}, map[string]any{"k": 1.5}},
			`a:5:{i:0;N;i:1;i:1;i:2;s:1:"a";i:3;a:0:{}i:4;a:1:{s:1:"k";d:1.5;}}`)
		reads[any](t, nil, "N;")
		reads[any](t, int64(1), "i:1;")
		reads[any](t, []any{}, "a:0:{}")
		reads[any](t, []any{true, 1.5, "a"}, `a:3:{i:0;b:1;i:1;d:1.5;i:2;s:1:"a";}`)
		reads[any](t, map[string]any{"0": int64(1), "k": []any{nil}}, `a:2:{i:0;i:1;s:1:"k";a:1:{i:0;N;}}`)
		reads(t, map[string]any{"k": nil}, `a:1:{s:1:"k";N;}`)
		for _, text := range []string{`O:1:"A":0:{}`, `E:3:"A:B";`, `C:1:"A":1:{x}`} {
			readsStrictly[any](t, serialized(t, text), text)
			readsLoosely[any](t, serialized(t, text).Loose(), text)
		}
		refusesLoosely[fmt.Stringer](t, `s:1:"a";`)
		reads[fmt.Stringer](t, nil, "N;")
	},
	"time.Time": func(t *testing.T) {
		at := time.Date(2024, 1, 2, 3, 4, 5, 6000, time.UTC)
		writes(t, at, "i:1704164645;")
		writes(t, &at, "i:1704164645;")
		writes(t, time.Time{}, "i:-62135596800;")
		reads(t, at.Truncate(time.Second), "i:1704164645;")
		reads(t, time.Time{}, "i:-62135596800;")
		refuses[time.Time](t, `s:10:"1704164645";`, "d:1.5;", "N;", `s:20:"2024-01-02T03:04:05Z";`)
		readsLoosely(t, at.Truncate(time.Second), `s:10:"1704164645";`)
		readsLoosely(t, time.Unix(1, 5e8).UTC(), "d:1.5;", `s:3:"1.5";`)
		readsLoosely(t, time.Time{}, "N;")
		object := func(class string, zoneType int, zone string) string {
			return fmt.Sprintf(`O:%d:"%s":3:{s:4:"date";s:26:"2024-01-02 03:04:05.000006";s:13:"timezone_type";i:%d;s:8:"timezone";s:%d:"%s";}`,
				len(class), class, zoneType, len(zone), zone)
		}
		for zone, text := range map[string]string{
			"Z":      object("DateTime", 3, "UTC"),
			"+02:00": object("DateTimeImmutable", 1, "+02:00"),
			"UTC":    object("DateTime", 2, "UTC"),
			"CET":    object("DateTime", 3, "Europe/Berlin"),
		} {
			got, err := As[time.Time](serialized(t, text))
			want := at
			if zone == "+02:00" {
				want = at.Add(-2 * time.Hour)
			} else if zone == "CET" {
				want = at.Add(-time.Hour)
			}
			if err != nil || !got.Equal(want) {
				t.Errorf("%s is %v, not %v: %v", text, got, want, err)
			}
		}
		refusesLoosely[time.Time](t, object("Other", 3, "UTC"), object("DateTime", 2, "XYZ"), object("DateTime", 3, "../x"),
			object("DateTime", 9, "UTC"), object("DateTime", 1, "x"), `O:8:"DateTime":0:{}`, "a:0:{}", "d:NAN;")
	},
	"time.Duration": func(t *testing.T) {
		writes(t, time.Second, "i:1000000000;")
		reads(t, time.Second, "i:1000000000;")
	},
	"TextMarshaler": func(t *testing.T) {
		ip := netip.MustParseAddr("192.0.2.1")
		writes(t, ip, `s:9:"192.0.2.1";`)
		writes(t, []any{ip, &ip}, `a:2:{i:0;s:9:"192.0.2.1";i:1;s:9:"192.0.2.1";}`)
		reads(t, ip, `s:9:"192.0.2.1";`)
		reads(t, &ip, `s:9:"192.0.2.1";`)
		refuses[netip.Addr](t, "i:1;", "N;")
		if _, err := As[netip.Addr](serialized(t, `s:1:"x";`)); err == nil || errors.Is(err, ErrType) {
			t.Errorf("x is an address: %v", err)
		}
	},
	"Array": func(t *testing.T) {
		a := Array{"b", int64(1), int64(0), Array{int64(0), "x"}, "a", nil}
		text := `a:3:{s:1:"b";i:1;i:0;a:1:{i:0;s:1:"x";}s:1:"a";N;}`
		writes(t, a, text)
		reads(t, a, text)
		reads(t, Array{}, "a:0:{}")
		reads(t, Array(nil), "N;")
		writes(t, Array{"5", 1, named("n"), 2, Key{Int: 6, IsInt: true}, 3, Key{Text: "7"}, 4}, `a:4:{i:5;i:1;s:1:"n";i:2;i:6;i:3;i:7;i:4;}`)
		cannotWrite(t, Array{"a"})
		cannotWrite(t, Array{nil, 1})
		cannotWrite(t, Array{"5", 1, 5, 2})
		cannotWrite(t, Array{1.5, 1})
		cannotWrite(t, Key{})
		refusesLoosely[Array](t, "i:1;", `O:1:"A":0:{}`)
	},
	"Value": func(t *testing.T) {
		for _, text := range []string{"N;", "i:1;", `O:1:"A":1:{s:4:"` + "\x00*\x00" + `a";r:1;}`, `E:3:"A:B";`, `C:1:"A":3:{"};}`,
			"a:2:{i:0;a:0:{}i:1;R:2;}"} {
			v := serialized(t, text)
			writes(t, v, text)
			readsStrictly(t, v, text)
			readsLoosely(t, v.Loose(), text)
		}
		readsStrictly(t, map[string]Value{"a": serialized(t, "i:1;")}, `a:1:{s:1:"a";i:1;}`)
		cannotWrite(t, Value{})
		cannotWrite(t, []Value{{}})
	},
	"cycle": func(t *testing.T) {
		n := &node{}
		n.Next = n
		cannotWrite(t, n)
		m := map[string]any{}
		m["m"] = m
		cannotWrite(t, m)
		s := []any{nil}
		s[0] = s
		cannotWrite(t, s)
		type pointer *pointer
		var p pointer
		p = &p
		cannotWrite(t, p)
		refuses[pointer](t, "i:1;")
		refuses[node](t, `O:1:"A":1:{s:4:"Next";r:1;}`)
		refuses[any](t, "a:1:{i:0;a:1:{i:0;R:2;}}")
		v := serialized(t, `O:1:"A":1:{s:4:"Next";r:1;}`)
		for range 5 {
			v = v.Key("Next")
		}
		if v.Class() != "A" {
			t.Errorf("an object inside itself: %v", v.Kind())
		}
	},
	"chan, func, ...": func(t *testing.T) {
		cannotWrite(t, make(chan int))
		cannotWrite(t, func() {})
		cannotWrite(t, 1i)
		cannotWrite(t, struct{ C chan int }{make(chan int)})
		refusesLoosely[chan int](t, "i:1;")
		refusesLoosely[complex128](t, "d:1;")
	},
}

// The table of the package documentation, row by row.
func TestMapping(t *testing.T) {
	doc, err := os.ReadFile("doc.go")
	must(t, err)
	_, table, _ := strings.Cut(string(doc), "//\tGo  ")
	var documented []string
	gap := regexp.MustCompile(" {2,}")
	for i, line := range strings.Split(table, "\n") {
		row, ok := strings.CutPrefix(line, "//\t")
		if i > 0 && !ok {
			break
		} else if i > 0 {
			documented = append(documented, gap.Split(row, 2)[0])
		}
	}
	slices.Sort(documented)
	if tested := slices.Sorted(maps.Keys(rows)); !slices.Equal(documented, tested) {
		t.Errorf("documented and tested:\n%q\n%q", documented, tested)
	}
	for name, test := range rows {
		t.Run(name, test)
	}
}

// asksSession is text that asks a session while it is read and written.
type asksSession struct{ s *Session }

var asked *Session

func (a asksSession) MarshalText() ([]byte, error) { return []byte(a.s.ID()), nil }

func (a *asksSession) UnmarshalText(text []byte) error {
	a.s = asked
	if asked.ID() != string(text) {
		return errors.New("another session")
	}
	return nil
}

// Get and Set run the methods of types outside of the turn that they take on the session.
func TestTextMethodsMayUseTheSession(t *testing.T) {
	s := oracleSession(t, "php")
	asked = s
	must(t, s.Set("v", asksSession{s}))
	got, err := Get[*asksSession](s, "v")
	if err != nil || got.s != s {
		t.Errorf("%v, %v", got, err)
	}
	var all struct {
		V asksSession `sess:"v"`
	}
	must(t, s.Unmarshal(&all))
}

// Errors say which key did not fit, and name no value.
func TestErrorsNameTheKey(t *testing.T) {
	v := serialized(t, `a:1:{s:4:"user";a:1:{s:5:"roles";a:2:{i:0;s:1:"a";i:1;s:6:"secret";}}}`)
	_, err := As[map[string]map[string][]int](v)
	if want := "sess: value has another type: int wanted, string found (at user.roles.0)"; err == nil || err.Error() != want {
		t.Errorf("%v, not %s", err, want)
	}
	_, err = ValueOf(map[string]any{"user": []any{1, make(chan int)}})
	if want := "sess: value has another type: PHP has none for chan int (at user.1)"; err == nil || err.Error() != want {
		t.Errorf("%v, not %s", err, want)
	}
	s := oracleSession(t, "php")
	if err := s.Set("v", 1i); !errors.Is(err, ErrType) || s.Has("v") {
		t.Errorf("%v, and v is set: %t", err, s.Has("v"))
	}
	must(t, s.Set("v", v))
	_, err = Get[int](s, "v")
	var own *Error
	if !errors.As(err, &own) || own.Op != opGet || !errors.Is(err, ErrType) {
		t.Errorf("%#v", err)
	}
}
