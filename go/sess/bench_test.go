package sess

import (
	"context"
	"encoding/binary"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"example.com/libsess/go/internal/onerecord"
)

// What the package adds to the system calls of a request, and the middleware to the package. The figures of
// docs/performance.md come from
//
//	go test ./go/sess -run '^$' -bench 'Request|Handler'

// storedSession makes a session of 2 KiB with a string in it, and returns its id and file.
func storedSession(b *testing.B, m *Manager, dir string) (id, file string) {
	b.Helper()
	must(b, m.Update(context.Background(), "", func(s *Session) error {
		id = s.ID()
		must(b, s.Set("user", "somebody"))
		return s.Set("rest", strings.Repeat("x", 2048-45))
	}))
	return id, filepath.Join(dir, "sess_"+id)
}

func benchDir(b *testing.B) string {
	b.Helper()
	// Memory: a disk would be measured instead.
	dir, err := os.MkdirTemp("/dev/shm", "sess-bench")
	must(b, err)
	b.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// work is something to measure.
type work struct {
	name string
	do   func()
}

// inTurns measures works in short turns and keeps each one's best, as a busy machine disturbs them all; and then each
// by itself, for the allocations.
func inTurns(b *testing.B, works []work) {
	b.Run("in-turns", func(b *testing.B) {
		const each = 8
		best := make([]time.Duration, len(works))
		for b.Loop() {
			for i, w := range works {
				began := time.Now()
				for range each {
					w.do()
				}
				if took := time.Since(began) / each; best[i] == 0 || took < best[i] {
					best[i] = took
				}
			}
		}
		b.ReportMetric(0, "ns/op")
		for i, w := range works {
			b.ReportMetric(float64(best[i].Nanoseconds()), w.name+"-ns")
		}
	})
	for _, w := range works {
		b.Run(w.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				w.do()
			}
		})
	}
}

// BenchmarkRequest reads a session of 2 KiB and lets it go.
func BenchmarkRequest(b *testing.B) {
	ctx := context.Background()
	dir := benchDir(b)
	m := newManager(b, Files(dir), Set("session.gc_probability", "0"))
	id, file := storedSession(b, m, dir)
	length := 0
	buffer := make([]byte, 4096)
	works := []work{{"system-calls", func() { length += benchSystemCalls(b, file, buffer) }}}
	look := func(payload []byte) error {
		length += len(payload)
		return nil
	}
	raw := func(s *Session) {
		if err := s.View(look); err != nil {
			b.Fatal(err)
		}
	}
	decoded := func(s *Session) {
		user, err := Get[string](s, "user")
		if err != nil {
			b.Fatal(err)
		}
		length += len(user)
	}
	for _, c := range []struct {
		name string
		opts []StartOption
		use  func(s *Session)
	}{
		{"raw", []StartOption{ReadOnly(), Raw()}, raw},
		{"one-string", []StartOption{ReadOnly()}, decoded},
	} {
		handler := m.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			s, err := m.Start(r.Context(), c.opts...)
			if err != nil {
				b.Fatal(err)
			}
			c.use(s)
			w.WriteHeader(http.StatusNoContent)
		}))
		w, r := &nowhere{http.Header{}}, requestWith(id)
		works = append(works,
			work{"package-" + c.name, func() {
				s, err := m.Open(ctx, id, c.opts...)
				if err != nil {
					b.Fatal(err)
				}
				c.use(s)
				s.Release()
			}},
			work{"middleware-" + c.name, func() {
				clear(w.header)
				handler.ServeHTTP(w, r)
			}})
	}
	untouched := m.Middleware(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusNoContent)
	}))
	w, r := &nowhere{http.Header{}}, requestWith(id)
	works = append(works, work{"middleware-untouched", func() { untouched.ServeHTTP(w, r) }})
	inTurns(b, works)
	if length == 0 {
		b.Fatal("nothing was read")
	}
}

// nowhere is a response that nobody gets.
type nowhere struct{ header http.Header }

func (w *nowhere) Header() http.Header         { return w.header }
func (w *nowhere) WriteHeader(int)             {}
func (w *nowhere) Write(p []byte) (int, error) { return len(p), nil }

// statx is the number of the system call, which package syscall does not have.
var statx = map[string]uintptr{"amd64": 332, "arm64": 291}[runtime.GOARCH]

// benchSystemCalls makes the calls of a read-only start.
func benchSystemCalls(b *testing.B, file string, buffer []byte) int {
	fd, err := syscall.Open(file, syscall.O_RDONLY|syscall.O_NONBLOCK|syscall.O_NOFOLLOW|syscall.O_CLOEXEC, 0)
	if err != nil {
		b.Fatal(err)
	}
	if err := syscall.Flock(fd, syscall.LOCK_SH|syscall.LOCK_NB); err != nil {
		b.Fatal(err)
	}
	var about [256]byte
	var empty [1]byte
	const emptyPath, sizeAndOwner = 0x1000, 0xb0f
	if _, _, errno := syscall.Syscall6(statx, uintptr(fd), uintptr(unsafe.Pointer(&empty)), emptyPath, sizeAndOwner,
		uintptr(unsafe.Pointer(&about)), 0); errno != 0 {
		b.Fatal(errno)
	}
	size := binary.NativeEndian.Uint64(about[40:])
	n, err := syscall.Pread(fd, buffer[:size], 0)
	if err != nil {
		b.Fatal(err)
	}
	if err := syscall.Close(fd); err != nil {
		b.Fatal(err)
	}
	return n
}

// oneRecord is a handler with one session, and no work of its own.
type oneRecord struct{ data []byte }

func (*oneRecord) Open(context.Context, string, string) error            { return nil }
func (*oneRecord) Close(context.Context) error                           { return nil }
func (r *oneRecord) Read(context.Context, string) ([]byte, error)        { return r.data, nil }
func (*oneRecord) Write(context.Context, string, []byte) error           { return nil }
func (*oneRecord) Destroy(context.Context, string) error                 { return nil }
func (*oneRecord) GC(context.Context, time.Duration) (int, error)        { return 0, nil }
func (*oneRecord) ValidateID(context.Context, string) (bool, error)      { return true, nil }
func (*oneRecord) UpdateTimestamp(context.Context, string, []byte) error { return nil }

// inC makes a handler in C the store.
func inC(c *config) { c.settings = append(c.settings, onerecord.Set) }

// BenchmarkHandler starts and closes a session that does not change: open, validate, read, update, close, with the
// same handler in Go and in C, and with the built-in memory.
func BenchmarkHandler(b *testing.B) {
	const id = "0123456789abcdef0123456789abcdef"
	var works []work
	for _, c := range []struct {
		name string
		h    Handler
		more Option
	}{
		{"go", &oneRecord{data: []byte("n|i:0;")}, optionFunc(func(*config) {})},
		{"c", nil, optionFunc(inC)},
		{"builtin", Memory(), optionFunc(func(*config) {})},
	} {
		m := newManager(b, c.h, Set("session.gc_probability", "0"), c.more)
		ctx, id := context.Background(), id
		if c.name == "builtin" {
			id = newID(b, m)
		}
		s := m.newSession()
		defer s.Release()
		must(b, s.SetID(id))
		works = append(works, work{c.name, func() {
			if err := s.Start(ctx); err != nil {
				b.Fatal(err)
			}
			if err := s.Close(); err != nil {
				b.Fatal(err)
			}
		}})
	}
	inTurns(b, works)
}
