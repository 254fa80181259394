package sess

import (
	"context"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"
	"time"

	"example.com/libsess/go/internal/csess"
)

// Among so many a leak of a hundred bytes for each shows. Fewer are enough where memory is not measured.
const manySessions, someSessions = 100_000, 10_000

// settle waits until what nobody has any more was freed.
func settle(t *testing.T, live int) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); csess.Live() > live; time.Sleep(time.Millisecond) {
		runtime.GC()
		if time.Now().After(deadline) {
			t.Fatalf("%d C sessions live, %d are wanted", csess.Live(), live)
		}
	}
}

// wantDescriptors fails if more are open than there were. What others are about to close is waited for; a leak stays.
func wantDescriptors(t *testing.T, before []string) {
	t.Helper()
	var now []string
	for deadline := time.Now().Add(5 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if now = descriptors(t); len(now) <= len(before) {
			return
		}
		runtime.GC()
	}
	t.Errorf("open now:\n%s\nopen before:\n%s", strings.Join(now, "\n"), strings.Join(before, "\n"))
}

// Sessions leave nothing behind, whether they are released or only dropped, closed or active.
func TestLeaks(t *testing.T) {
	ids := make([]string, 200)
	// A collection that has more to do keeps its directory open.
	files := newManager(t, Files(t.TempDir()), Set("session.gc_probability", "0"))
	callbacks := newManager(t, PerSession(func(context.Context) (Handler, error) { return newStore(), nil }),
		Set("session.use_strict_mode", "0"), Set("session.gc_probability", "0"))
	for i := range ids {
		ids[i] = newID(t, files)
	}
	for _, tt := range []struct {
		name string
		m    *Manager
		end  func(s *Session) error
		n    int
	}{
		{"released", files, func(s *Session) error { s.Release(); return nil }, manySessions},
		{"closed and dropped", files, (*Session).Close, manySessions},
		{"dropped while active", files, func(*Session) error { return nil }, someSessions},
		{"callbacks, released", callbacks, func(s *Session) error { s.Release(); return nil }, someSessions},
		{"callbacks, closed and dropped", callbacks, (*Session).Close, someSessions},
		{"callbacks, dropped while active", callbacks, func(*Session) error { return nil }, someSessions},
	} {
		t.Run(tt.name, func(t *testing.T) {
			run := func(n int) {
				for i := range n {
					s, err := tt.m.Open(context.Background(), ids[i%len(ids)])
					must(t, err)
					must(t, s.Set("i", strconv.Itoa(i)))
					must(t, tt.end(s))
					if i%len(ids) == len(ids)-1 {
						s = nil
						settle(t, maxIdle*2)
					}
				}
			}
			// C's allocator keeps memory for each thread that ever freed some: it fills up once.
			run(someSessions)
			debug.FreeOSMemory()
			open, memory := descriptors(t), resident(t)
			n := tt.n
			if !measuresMemory {
				n = someSessions
			}
			run(n)
			debug.FreeOSMemory()
			wantDescriptors(t, open)
			if grown := resident(t) - memory; measuresMemory && grown > 8<<20 {
				t.Errorf("%d KiB more", grown>>10)
			} else {
				t.Logf("%d KiB more", grown>>10)
			}
		})
	}
}
