package sess

import (
	"context"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"testing"
	"time"

	"example.com/libsess/go/internal/csess"
)

// manySessions is 100,000 if SESS_LONG is set, and a tenth otherwise.
func manySessions() int {
	if os.Getenv("SESS_LONG") != "" {
		return 100_000
	}
	return 10_000
}

// settle waits until what nobody has any more was freed.
func settle(t *testing.T, live int) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); csess.Live() > live; time.Sleep(time.Millisecond) {
		runtime.GC()
		if time.Now().After(deadline) {
			t.Fatalf("%d C sessions live, %d are wanted", csess.Live(), live)
		}
	}
	debug.FreeOSMemory()
}

// Sessions leave nothing behind, whether they are released or only dropped, closed or active.
func TestLeaks(t *testing.T) {
	ids := make([]string, 200)
	files := newManager(t, Files(t.TempDir()))
	callbacks := newManager(t, PerSession(func(context.Context) (Handler, error) { return newStore(), nil }),
		Set("session.use_strict_mode", "0"))
	for i := range ids {
		ids[i] = newID(t, files)
	}
	for _, tt := range []struct {
		name string
		m    *Manager
		end  func(s *Session) error
	}{
		{"released", files, func(s *Session) error { s.Release(); return nil }},
		{"closed and dropped", files, (*Session).Close},
		{"dropped while active", files, func(*Session) error { return nil }},
		{"callbacks, released", callbacks, func(s *Session) error { s.Release(); return nil }},
		{"callbacks, closed and dropped", callbacks, (*Session).Close},
		{"callbacks, dropped while active", callbacks, func(*Session) error { return nil }},
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
			run(manySessions())
			settle(t, maxIdle*2)
			open, memory := descriptors(t), resident(t)
			run(manySessions())
			settle(t, maxIdle*2)
			if now := descriptors(t); now > open {
				t.Errorf("%d descriptors, %d before", now, open)
			}
			if grown := resident(t) - memory; measuresMemory && grown > 8<<20 {
				t.Errorf("%d KiB more", grown>>10)
			} else {
				t.Logf("%d KiB more", grown>>10)
			}
		})
	}
}
