package sess

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// testClock is a clock that only tests move on.
type testClock struct {
	mu  sync.Mutex
	now time.Time
}

// newClock tells a time that is long past, so that the machine's cannot be taken for it.
func newClock() *testClock { return &testClock{now: time.Unix(1_000_000_000, 0)} }

func (c *testClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *testClock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// What is stored bears the time of the manager's clock, and ages by it.
func TestClock(t *testing.T) {
	clock := newClock()
	dir := t.TempDir()
	for name, h := range map[string]Handler{"files": Files(dir), "memory": Memory()} {
		t.Run(name, func(t *testing.T) {
			m := newManager(t, h, Clock(clock.Now), Set("session.gc_maxlifetime", "60"))
			id := newID(t, m)
			if name == "files" {
				info, err := os.Stat(filepath.Join(dir, "sess_"+id))
				must(t, err)
				if !info.ModTime().Equal(clock.Now()) {
					t.Errorf("written at %v, not at %v", info.ModTime(), clock.Now())
				}
			}
			clock.advance(time.Minute)
			must(t, m.View(context.Background(), id, func(*Session) error { return nil }))
			for _, want := range []int{0, 1} {
				n, err := m.GC(context.Background())
				if n != want || err != nil {
					t.Errorf("%d sessions collected (%v), not %d", n, err, want)
				}
				clock.advance(time.Second)
			}
		})
	}
}

// A clock that panics costs nothing but its log line.
func TestClockPanics(t *testing.T) {
	var log bytes.Buffer
	m := newManager(t, Files(t.TempDir()), Clock(func() time.Time { panic("no battery") }), Logger(testLogger(&log)))
	id := newID(t, m)
	must(t, m.Update(context.Background(), id, increment))
	if n := valueOfN(t, m, id); n != 1 {
		t.Errorf("n is %d", n)
	}
	if !strings.Contains(log.String(), "panic in clock: no battery") {
		t.Errorf("the log says %q", log.String())
	}
}
