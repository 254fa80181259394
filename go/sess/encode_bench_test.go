package sess

import "testing"

type benchUser struct {
	ID    int      `sess:"id"`
	Name  string   `sess:"name"`
	Email string   `sess:"email"`
	Admin bool     `sess:"admin"`
	Roles []string `sess:"roles"`
	Seen  int      `sess:"seen,loose"`
}

var benchData = benchUser{7, "Ada Lovelace", "ada@example.org", true, []string{"user", "editor"}, 1700000000}

// benchSession is a session with the values of the benchmarks.
func benchSession(b *testing.B) *Session {
	m := newManager(b, Memory())
	s, err := m.Open(b.Context(), "")
	must(b, err)
	b.Cleanup(s.Release)
	must(b, s.Set("string", "a text of usual length"))
	must(b, s.Set("int", 1234567))
	must(b, s.Set("struct", benchData))
	b.ReportAllocs()
	return s
}

func benchGet[T any](b *testing.B, key string) {
	s := benchSession(b)
	for b.Loop() {
		if _, err := Get[T](s, key); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkGetString(b *testing.B) { benchGet[string](b, "string") }
func BenchmarkGetInt(b *testing.B)    { benchGet[int](b, "int") }
func BenchmarkGetStruct(b *testing.B) { benchGet[benchUser](b, "struct") }
func BenchmarkGetAny(b *testing.B)    { benchGet[any](b, "struct") }
func BenchmarkGetValue(b *testing.B)  { benchGet[Value](b, "struct") }

func benchSet(b *testing.B, v any) {
	s := benchSession(b)
	for b.Loop() {
		if err := s.Set("string", v); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSetString(b *testing.B) { benchSet(b, "a text of usual length") }
func BenchmarkSetStruct(b *testing.B) { benchSet(b, benchData) }

func benchDecode[T any](b *testing.B, v any) {
	text, err := ValueOf(v)
	must(b, err)
	serialized := text.Serialize()
	b.SetBytes(int64(len(serialized)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := decodeBorrowed[T](serialized); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecodeString(b *testing.B) { benchDecode[string](b, "a text of usual length") }
func BenchmarkDecodeInt(b *testing.B)    { benchDecode[int](b, 1234567) }
func BenchmarkDecodeStruct(b *testing.B) { benchDecode[benchUser](b, benchData) }
func BenchmarkDecodeMap(b *testing.B) {
	benchDecode[map[string]int](b, map[string]int{"a": 1, "b": 2, "c": 3, "d": 4})
}

func BenchmarkEncodeStruct(b *testing.B) {
	b.ReportAllocs()
	var buffer []byte
	for b.Loop() {
		var err error
		if buffer, err = appendSerialized(buffer[:0], benchData); err != nil {
			b.Fatal(err)
		}
	}
}
