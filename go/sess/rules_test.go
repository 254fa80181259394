package sess

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"example.com/libsess/go/internal/csess"
)

// The rules that a binding over C has to keep. Each was found by breaking it.

func deep(n int) int {
	var room [128]byte
	room[n%len(room)] = 1
	if n == 0 {
		runtime.GC()
		return int(room[0])
	}
	return deep(n-1) + int(room[n%len(room)])
}

// Rule 1: what is no address must not look like a pointer when the stack moves.
func TestStackGrowsInCallback(t *testing.T) {
	s := newStore()
	s.before = func(context.Context, string, string) error {
		deep(2000)
		return nil
	}
	m := newManager(t, s)
	done := make(chan struct{})
	go func() { // with a stack that is still small
		defer close(done)
		must(t, m.Update(context.Background(), newID(t, m), increment))
	}()
	<-done
}

// slots are the callbacks, and what makes each of them run on a session that has just been started.
var slots = map[string]func(s *Session) error{
	"open":             nil, // in the start
	"create_sid":       nil,
	"validate_sid":     nil,
	"read":             nil,
	"write":            func(s *Session) error { return errors.Join(s.Set("n", 7), s.Close()) },
	"update_timestamp": (*Session).Close,
	"destroy":          (*Session).Destroy,
	"close":            (*Session).Close,
}

// in makes a slot run with something for it to do.
func in(t *testing.T, m *Manager, known, slot string) error {
	t.Helper()
	id := known
	if slot == "create_sid" {
		id = ""
	}
	s, err := m.Open(context.Background(), id)
	if err != nil {
		return err
	}
	defer s.Release()
	run := slots[slot]
	if run == nil {
		return fmt.Errorf("%s did not run", slot)
	}
	return run(s)
}

// Rule 2: a panic of a callback is an error with its stack, and the session is let go.
func TestPanicInCallback(t *testing.T) {
	for slot := range slots {
		t.Run(slot, func(t *testing.T) {
			h, broken := newStore(), false
			m := newManager(t, h)
			id := newID(t, m)
			h.before = func(_ context.Context, op, _ string) error {
				if op == slot && broken {
					broken = false
					panic(fs.ErrClosed)
				}
				return nil
			}
			broken = true
			err := in(t, m, id, slot)
			var p *PanicError
			if !errors.As(err, &p) {
				t.Fatalf("%v is no PanicError", err)
			}
			if p.Op != slot || p.Value != any(fs.ErrClosed) || !strings.Contains(string(p.Stack), "rules_test.go") {
				t.Errorf("%s: %v\n%s", p.Op, p.Value, p.Stack)
			}
			if !errors.Is(err, fs.ErrClosed) {
				t.Errorf("%v is not what panic was called with", err)
			}
			delete(h.held, id) // where close is what failed
			must(t, m.Update(context.Background(), id, increment))
		})
	}
}

// Rule 3: runtime.Goexit in a callback ends the goroutine and the session, and lets go of the lock.
func TestGoexitInCallback(t *testing.T) {
	for slot := range slots {
		t.Run(slot, func(t *testing.T) {
			h, broken := newStore(), false
			m := newManager(t, h, Set("sess.lock_timeout_ms", "0"))
			id := newID(t, m)
			h.before = func(_ context.Context, op, _ string) error {
				if op == slot && broken {
					broken = false
					runtime.Goexit()
				}
				return nil
			}
			broken = true
			var group sync.WaitGroup
			group.Go(func() {
				t.Errorf("came back with %v", in(t, m, id, slot))
			})
			group.Wait()
			if slot == "close" {
				delete(h.held, id)
			}
			must(t, m.Update(context.Background(), id, increment))
		})
	}
}

func TestGoexitPoisons(t *testing.T) {
	broken := true
	h := &wrapped{Files(t.TempDir()), func(_ context.Context, op, _ string) error {
		if op == "write" && broken {
			broken = false
			runtime.Goexit()
		}
		return nil
	}}
	m := newManager(t, h, Set("sess.lock_timeout_ms", "0"))
	s, err := m.Open(context.Background(), "")
	must(t, err)
	id := s.ID()
	must(t, s.Set("n", 1))
	var group sync.WaitGroup
	group.Go(func() { t.Errorf("came back with %v", s.Close()) })
	group.Wait()
	for name, use := range map[string]func() error{
		"Start":  func() error { return s.Start(context.Background()) },
		"Close":  s.Close,
		"Abort":  s.Abort,
		"Set":    func() error { return s.Set("n", 2) },
		"Encode": func() error { _, err := s.Encode(); return err },
	} {
		if err := use(); !errors.Is(err, ErrPoisoned) {
			t.Errorf("%s after Goexit: %v", name, err)
		}
	}
	s.Release()
	// The files store unlocked as well: another session has the id at once.
	other, err := m.Open(context.Background(), "")
	must(t, err)
	defer other.Release()
	must(t, other.Close())
	must(t, other.SetID(id))
	must(t, other.Start(context.Background()))
}

type notOurs struct{ what string }

func (e *notOurs) Error() string { return "not ours: " + e.what }

// Rule 4: the error of a callback is found in what the operation returns.
func TestErrorSurvives(t *testing.T) {
	for slot := range slots {
		t.Run(slot, func(t *testing.T) {
			h := newStore()
			m := newManager(t, h)
			id := newID(t, m)
			mine := &notOurs{slot}
			h.before = func(_ context.Context, op, _ string) error {
				if op == slot {
					return fmt.Errorf("while %s: %w", op, mine)
				}
				return nil
			}
			err := in(t, m, id, slot)
			var got *notOurs
			var whole *Error
			if !errors.As(err, &got) || got != mine || !errors.As(err, &whole) || whole.Code >= 0 {
				t.Errorf("%#v", err)
			}
			if err != nil && !strings.Contains(err.Error(), "while "+slot) {
				t.Errorf("%q does not say what the handler said", err)
			}
		})
	}
}

func TestSystemErrorSurvives(t *testing.T) {
	_, err := newManager(t, Files("/nonexistent/dir")).Open(context.Background(), strings.Repeat("a", 32))
	if !errors.Is(err, fs.ErrNotExist) || !errors.Is(err, syscall.ENOENT) {
		t.Errorf("%v", err)
	}
}

// Rule 5: what C says about a failure is the session's and not the thread's.
func TestErrorsOfManyThreads(t *testing.T) {
	h := newStore()
	h.before = func(_ context.Context, op, id string) error {
		if op == "read" {
			runtime.Gosched()
			return &notOurs{id}
		}
		return nil
	}
	m := newManager(t, h, Set("session.use_strict_mode", "0"))
	var group sync.WaitGroup
	for i := range 64 {
		group.Go(func() {
			id := fmt.Sprintf("%032d", i)
			_, err := m.Open(context.Background(), id)
			var mine *notOurs
			if !errors.As(err, &mine) || mine.what != id {
				t.Errorf("%s got %v", id, err)
			}
		})
	}
	group.Wait()
}

// Rule 6: callbacks of different sessions run at once, and may use other sessions.
func TestCallbacksAtOnce(t *testing.T) {
	h := newStore()
	inner := newManager(t, Memory())
	var both sync.WaitGroup
	both.Add(2)
	h.before = func(ctx context.Context, op, _ string) error {
		if op != "read" {
			return nil
		}
		both.Done()
		both.Wait()
		return inner.Update(ctx, "", func(s *Session) error { return s.Set("n", 1) })
	}
	m := newManager(t, h)
	var group sync.WaitGroup
	for range 2 {
		group.Go(func() { must(t, m.Update(context.Background(), "", func(*Session) error { return nil })) })
	}
	group.Wait()
}

// Rule 8: a mapped file that others truncate is an error and not the end.
func TestTruncatedWhileViewed(t *testing.T) {
	dir := t.TempDir()
	m := newManager(t, Files(dir), Set("sess.mmap_threshold", "64K"))
	ctx := context.Background()
	id := newID(t, m)
	payload := strings.Repeat("x", 1<<20)
	s, err := m.Open(ctx, id, Raw())
	must(t, err)
	must(t, s.SetRaw([]byte(payload)))
	must(t, s.Close())
	must(t, s.Start(ctx, Raw()))
	sum := 0
	err = s.View(func(b []byte) error {
		must(t, os.Truncate(dir+"/sess_"+id, 0))
		for _, c := range b {
			sum += int(c)
		}
		return nil
	})
	if !errors.Is(err, ErrData) {
		t.Errorf("the file is gone: %v, and %d was read", err, sum)
	}
	s.Release()
	// Once the lock is let go there is no mapping to take away.
	must(t, os.Truncate(dir+"/sess_"+id, 1<<20))
	s, err = m.Open(ctx, id, Raw(), ReadOnly())
	must(t, err)
	defer s.Release()
	must(t, os.Truncate(dir+"/sess_"+id, 0))
	must(t, s.View(func(b []byte) error {
		if len(b) != 1<<20 {
			t.Errorf("%d bytes", len(b))
		}
		for _, c := range b {
			sum += int(c)
		}
		return nil
	}))
}

// Other faults and panics of View's function are its own.
func TestPanicInView(t *testing.T) {
	m := newManager(t, Memory())
	s, err := m.Open(context.Background(), "", Raw())
	must(t, err)
	defer s.Release()
	must(t, s.SetRaw(make([]byte, 10000)))
	defer func() {
		if v := recover(); v != "mine" {
			t.Errorf("recovered %v", v)
		}
		must(t, s.SetRaw(nil))
	}()
	_ = s.View(func([]byte) error { panic("mine") })
}

// Rule 9: C keeps nothing that is Go's.
func TestNothingOfGoIsKept(t *testing.T) {
	m := newManager(t, Memory())
	s, err := m.Open(context.Background(), "", Raw())
	must(t, err)
	defer s.Release()
	payload := []byte("as it was")
	must(t, s.SetRaw(payload))
	copy(payload, "changed !")
	must(t, s.View(func(b []byte) error {
		if string(b) != "as it was" {
			t.Errorf("%q", b)
		}
		return nil
	}))
}

// Rule 10: what may send an event is not declared as never calling back: setting the first value, when its cookie is
// refused.
func TestEventFromSetter(t *testing.T) {
	var said strings.Builder
	m := newManager(t, Memory(), Set("sess.profile", "php82"), Set("sess.create", "write"),
		Set("session.name", "a b"), Logger(testLogger(&said)))
	s, err := m.Open(context.Background(), "")
	must(t, err)
	defer s.Release()
	before := said.Len()
	must(t, s.Set("n", 1))
	if got := said.String()[before:]; !strings.Contains(got, "NAME_MALFORMED") {
		t.Errorf("the log says %q", got)
	}
}

// Rule 10: what only looks costs no allocation beyond its result.
func TestNoAllocations(t *testing.T) {
	m := newManager(t, Memory())
	s, err := m.Open(context.Background(), "", Raw())
	must(t, err)
	defer s.Release()
	must(t, s.SetRaw([]byte("payload")))
	for name, look := range map[string]func(){
		"View":   func() { must(t, s.View(func([]byte) error { return nil })) },
		"Has":    func() { s.Has("n") },
		"Status": func() { s.Status() },
		"ID":     func() { s.ID() },
	} {
		if n := testing.AllocsPerRun(100, look); n > 1 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

// Rule 11: a session that is dropped is freed and unlocked, and not saved.
func TestDroppedSession(t *testing.T) {
	m := newManager(t, Files(t.TempDir()))
	id := newID(t, m)
	live := csess.Live()
	func() {
		s, err := m.Open(context.Background(), id)
		must(t, err)
		must(t, s.Set("n", 99))
	}()
	for deadline := time.Now().Add(20 * time.Second); csess.Live() >= live; time.Sleep(time.Millisecond) {
		runtime.GC()
		if time.Now().After(deadline) {
			t.Fatalf("%d sessions live, %d before", csess.Live(), live)
		}
	}
	if n := valueOfN(t, m, id); n != 0 {
		t.Errorf("a dropped session was saved: n = %d", n)
	}
	must(t, m.Update(context.Background(), id, increment))
}

// Rule 12: callbacks run on the thread and goroutine of the call.
func TestCallbackThread(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	h, tid, calls := newStore(), syscall.Gettid(), 0
	h.before = func(context.Context, string, string) error {
		calls++
		if got := syscall.Gettid(); got != tid {
			t.Errorf("a callback on thread %d of a call on %d", got, tid)
		}
		return nil
	}
	m := newManager(t, h)
	must(t, m.Update(context.Background(), newID(t, m), increment))
	if calls < 8 {
		t.Errorf("only %d callbacks", calls)
	}
}

// Rule 13: the methods of one session take turns; run with -race.
func TestTurns(t *testing.T) {
	m := newManager(t, newStore())
	s, err := m.Open(context.Background(), "")
	must(t, err)
	defer s.Release()
	must(t, s.Set("n", 0))
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 50 {
				_ = s.Status()
				_ = s.ID()
				must(t, increment2(s))
				_, _ = s.Encode()
			}
		})
	}
	group.Wait()
	must(t, s.Close())
}

// increment2 is increment where others do so in between.
func increment2(s *Session) error {
	_, err := Get[int](s, "n")
	return errors.Join(err, s.Set("n", 1))
}

// Rule 14: Go's build cache sees which library is linked.
func TestBuildID(t *testing.T) {
	hash := sha256.New()
	for _, name := range []string{"../../build/libsess.a", "../../include/sess.h"} {
		f, err := os.Open(name)
		must(t, err)
		_, err = io.Copy(hash, f)
		must(t, err)
		must(t, f.Close())
	}
	if want := hex.EncodeToString(hash.Sum(nil))[:32]; csess.BuildID() != want {
		t.Errorf("the tests are linked with %s, and %s was built: run make", csess.BuildID(), want)
	}
}
