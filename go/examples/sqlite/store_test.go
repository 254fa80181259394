package sqlite

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"example.com/libsess/go/sess"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// open is the store as another process has it.
func open(t *testing.T, path string, lease time.Duration, opts ...sess.Option) *sess.Manager {
	t.Helper()
	store, err := Open(path)
	must(t, err)
	t.Cleanup(func() { must(t, store.Close()) })
	store.Lease = lease
	m, err := sess.New(store.Handler(), append(opts, sess.Logger(slog.New(slog.DiscardHandler)))...)
	must(t, err)
	t.Cleanup(func() { must(t, m.Close()) })
	return m
}

func database(t *testing.T) string { return filepath.Join(t.TempDir(), "sessions.db") }

func newID(t *testing.T, m *sess.Manager) (id string) {
	t.Helper()
	must(t, m.Update(t.Context(), "", func(s *sess.Session) error {
		id = s.ID()
		return s.Set("n", 0)
	}))
	return id
}

func increment(s *sess.Session) error {
	n, err := sess.Get[int](s, "n")
	if err != nil {
		return err
	}
	return s.Set("n", n+1)
}

func valueOfN(t *testing.T, m *sess.Manager, id string) (n int) {
	t.Helper()
	must(t, m.View(t.Context(), id, func(s *sess.Session) (err error) {
		n, err = sess.Get[int](s, "n")
		return err
	}))
	return n
}

// Goroutines of two managers, each with its own connections, increment one number, and none is lost.
func TestNoIncrementIsLost(t *testing.T) {
	path := database(t)
	wait := sess.Set("sess.lock_timeout_ms", "-1")
	managers := []*sess.Manager{open(t, path, time.Minute, wait), open(t, path, time.Minute, wait)}
	id := newID(t, managers[0])
	const each, goroutines = 20, 4
	var group sync.WaitGroup
	for _, m := range managers {
		for range goroutines {
			group.Go(func() {
				for range each {
					if err := m.Update(context.Background(), id, increment); err != nil {
						t.Error(err)
					}
				}
			})
		}
	}
	group.Wait()
	if n, want := valueOfN(t, managers[1], id), each*goroutines*len(managers); n != want {
		t.Errorf("%d increments became %d", want, n)
	}
}

// A wait ends with its time limit and with its context, and readers do not wait.
func TestWaiting(t *testing.T) {
	path := database(t)
	m, other := open(t, path, time.Minute), open(t, path, time.Minute)
	id := newID(t, m)
	holder, err := m.Open(t.Context(), id)
	must(t, err)
	defer holder.Release()

	_, err = other.Open(t.Context(), id, sess.LockTimeout(20*time.Millisecond))
	if !errors.Is(err, sess.ErrLocked) {
		t.Errorf("after the time limit: %v", err)
	}
	_, err = other.Open(t.Context(), id, sess.LockTimeout(0))
	if !errors.Is(err, sess.ErrLocked) {
		t.Errorf("without waiting: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err = other.Open(ctx, id); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("after the end of the context: %v", err)
	}
	if n := valueOfN(t, other, id); n != 0 {
		t.Errorf("a reader sees %d", n)
	}
}

// The lock of a process that died is taken over when its lease has ended, and should it live after all, its save is
// refused.
func TestLease(t *testing.T) {
	path := database(t)
	m, other := open(t, path, 50*time.Millisecond), open(t, path, time.Minute)
	id := newID(t, m)
	late, err := m.Open(t.Context(), id)
	must(t, err)
	defer late.Release()
	must(t, increment(late))

	must(t, other.Update(t.Context(), id, func(s *sess.Session) error {
		if err := late.Close(); !errors.Is(err, ErrLeaseLost) {
			t.Errorf("a late save: %v", err)
		}
		return s.Set("n", 10)
	}))
	if n := valueOfN(t, m, id); n != 10 {
		t.Errorf("n is %d: the late save overwrote it", n)
	}
}

// A session that another request destroyed does not come back with a save.
func TestDestroyedMeanwhile(t *testing.T) {
	path := database(t)
	m, other := open(t, path, 50*time.Millisecond), open(t, path, time.Minute)
	id := newID(t, m)
	late, err := m.Open(t.Context(), id)
	must(t, err)
	defer late.Release()
	must(t, increment(late))
	ending, err := other.Open(t.Context(), id)
	must(t, err)
	defer ending.Release()
	must(t, ending.Destroy())
	if err := late.Close(); !errors.Is(err, ErrLeaseLost) {
		t.Errorf("a save of a session that was destroyed: %v", err)
	}
	if err := m.View(t.Context(), id, func(*sess.Session) error { return nil }); !errors.Is(err, sess.ErrNotFound) {
		t.Errorf("the session is there again: %v", err)
	}
}

// A record that was deleted under a holder does not come back either.
func TestDeletedUnderAHolder(t *testing.T) {
	path := database(t)
	m := open(t, path, time.Minute)
	id := newID(t, m)
	store, err := Open(path)
	must(t, err)
	defer store.Close()
	for _, change := range []func(*sess.Session) error{increment, func(*sess.Session) error { return nil }} {
		s, err := m.Open(t.Context(), id)
		must(t, err)
		defer s.Release()
		must(t, change(s))
		_, err = store.db.Exec("DELETE FROM sessions")
		must(t, err)
		if err := s.Close(); !errors.Is(err, sess.ErrGone) {
			t.Errorf("close: %v", err)
		}
		id = newID(t, m)
	}
}

// Regenerate moves the data to a new id, and logs the old one out.
func TestRegenerate(t *testing.T) {
	m := open(t, database(t), time.Minute)
	old := newID(t, m)
	id := ""
	must(t, m.Update(t.Context(), old, func(s *sess.Session) error {
		defer func() { id = s.ID() }()
		return s.Regenerate(true)
	}))
	if err := m.View(t.Context(), old, func(*sess.Session) error { return nil }); !errors.Is(err, sess.ErrNotFound) {
		t.Errorf("the old id: %v", err)
	}
	if id == old || valueOfN(t, m, id) != 0 {
		t.Error("nothing under the new id")
	}
}

// GC removes what is old, but not what is held, and reading renews.
func TestGC(t *testing.T) {
	path := database(t)
	m := open(t, path, time.Minute, sess.Set("session.gc_maxlifetime", "3600"))
	old, held, young, looked := newID(t, m), newID(t, m), newID(t, m), newID(t, m)
	store, err := Open(path)
	must(t, err)
	defer store.Close()
	_, err = store.db.Exec("UPDATE sessions SET touched = ? WHERE id <> ?", now()-2*3600*1000, key(young))
	must(t, err)
	must(t, m.Update(t.Context(), looked, func(s *sess.Session) error { return nil }))
	holder, err := m.Open(t.Context(), held)
	must(t, err)
	defer holder.Release()
	removed, err := m.GC(t.Context())
	must(t, err)
	if removed != 1 {
		t.Errorf("%d removed, not 1", removed)
	}
	must(t, holder.Close())
	for name, id := range map[string]string{"held": held, "young": young, "looked at": looked} {
		if err := m.View(t.Context(), id, func(*sess.Session) error { return nil }); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := m.View(t.Context(), old, func(*sess.Session) error { return nil }); !errors.Is(err, sess.ErrNotFound) {
		t.Errorf("old: %v", err)
	}
}

// The file holds no id.
func TestIDsAreNotStored(t *testing.T) {
	path := database(t)
	m := open(t, path, time.Minute)
	id := newID(t, m)
	for _, suffix := range []string{"", "-wal"} {
		file, err := os.ReadFile(path + suffix)
		must(t, err)
		if strings.Contains(string(file), id) {
			t.Errorf("the id stands in %s", path+suffix)
		}
	}
}

// The ends of the life of a database.
func TestOpenFails(t *testing.T) {
	if _, err := Open(filepath.Join(t.TempDir(), "missing", "sessions.db")); err == nil {
		t.Error("opened a database in a directory that is not there")
	}
}

func Example() {
	dir, err := os.MkdirTemp("", "sessions")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	store, err := Open(filepath.Join(dir, "sessions.db"))
	if err != nil {
		panic(err)
	}
	defer store.Close()
	mgr, err := sess.New(store.Handler())
	if err != nil {
		panic(err)
	}
	defer mgr.Close()

	id := ""
	for range 3 {
		err := mgr.Update(context.Background(), id, func(s *sess.Session) error {
			id = s.ID()
			n := sess.GetOr(s, "n", 0) + 1
			fmt.Println(n)
			return s.Set("n", n)
		})
		if err != nil {
			panic(err)
		}
	}
	// Output:
	// 1
	// 2
	// 3
}
