package sess

import (
	"context"
	"errors"
	"net/http"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestUpdateIsAllOrNothing(t *testing.T) {
	m := newManager(t, Files(t.TempDir()))
	id := newID(t, m)
	ctx := context.Background()
	failing := errors.New("no")
	half := func(s *Session) error {
		must(t, s.Set("n", 5))
		return failing
	}
	if err := m.Update(ctx, id, half); err != failing {
		t.Errorf("%v is not f's error", err)
	}
	func() {
		defer func() {
			if v := recover(); v != "mine" {
				t.Errorf("recovered %v", v)
			}
		}()
		_ = m.Update(ctx, id, func(s *Session) error {
			must(t, s.Set("n", 6))
			panic("mine")
		})
	}()
	var group sync.WaitGroup
	group.Go(func() {
		_ = m.Update(ctx, id, func(s *Session) error {
			must(t, s.Set("n", 7))
			runtime.Goexit()
			return nil
		})
	})
	group.Wait()
	s, err := m.Open(ctx, id)
	must(t, err)
	defer s.Release()
	must(t, s.Close())
	if err := s.Update(ctx, half); err != failing {
		t.Errorf("%v is not f's error", err)
	}
	if n := valueOfN(t, m, id); n != 0 {
		t.Errorf("half a change was saved: n = %d", n)
	}
	must(t, s.Update(ctx, increment))
	if n := valueOfN(t, m, id); n != 1 {
		t.Errorf("n = %d", n)
	}
}

func TestHooks(t *testing.T) {
	failing := errors.New("no")
	var ran []string
	var fail, panics string
	hook := func(name string) func(context.Context, *Session) error {
		return func(_ context.Context, s *Session) error {
			ran = append(ran, name)
			if panics == name {
				panic(name)
			}
			if fail == name {
				return failing
			}
			if err := s.Close(); !errors.Is(err, ErrInCallback) {
				t.Errorf("Close in %s: %v", name, err)
			}
			must(t, s.Set(name, len(ran)))
			_, err := Get[int](s, name)
			return err
		}
	}
	m := newManager(t, Files(t.TempDir()), AfterStart(hook("after")), BeforeClose(hook("before")))
	ctx := context.Background()
	id := newID(t, m)
	must(t, m.Update(ctx, id, func(s *Session) error {
		if keys := slices.Collect(s.Keys()); !slices.Equal(keys, []string{"after", "n", "before"}) {
			t.Errorf("keys: %q", keys)
		}
		return nil
	}))
	if !slices.Equal(ran, []string{"after", "before", "after", "before"}) {
		t.Errorf("ran %q", ran)
	}
	for _, name := range []string{"after", "before"} {
		fail = name
		if err := m.Update(ctx, id, increment); !errors.Is(err, failing) {
			t.Errorf("%s fails: %v", name, err)
		}
		fail, panics = "", name
		var p *PanicError
		if err := m.Update(ctx, id, increment); !errors.As(err, &p) || p.Value != any(name) {
			t.Errorf("%s panics: %v", name, err)
		}
		panics = ""
	}
	must(t, m.Update(ctx, id, func(s *Session) error {
		if n := GetOr(s, "n", -1); n != 0 {
			t.Errorf("n = %d", n)
		}
		return nil
	}))
}

// What a session is asked to do from inside its own callbacks is an error and not a deadlock.
func TestUseFromCallback(t *testing.T) {
	h := newStore()
	m := newManager(t, h)
	s, err := m.Open(context.Background(), "")
	must(t, err)
	defer s.Release()
	h.before = func(context.Context, string, string) error {
		_, read := Get[int](s, "n")
		for what, err := range map[string]error{"Get": read, "Set": s.Set("n", 1), "Close": s.Close()} {
			if !errors.Is(err, ErrInCallback) {
				t.Errorf("%s: %v", what, err)
			}
		}
		s.Release()
		return nil
	}
	must(t, s.Set("n", 1))
	must(t, s.Close())
	h.before = nil
}

func TestLife(t *testing.T) {
	m := newManager(t, Files(t.TempDir()))
	ctx := context.Background()
	s, err := m.Open(ctx, "")
	must(t, err)
	first := s.ID()
	if s.Status() != Active || !s.IsNew() || first == "" {
		t.Errorf("started: %v, new %v", s.Status(), s.IsNew())
	}
	if err := s.Start(ctx); !errors.Is(err, ErrActive) {
		t.Errorf("Start when active: %v", err)
	}
	if err := s.SetID(first); !errors.Is(err, ErrActive) {
		t.Errorf("SetID when active: %v", err)
	}
	must(t, s.Set("n", 1))
	header := http.Header{"Set-Cookie": {"other=1", "PHPSESSID=old"}}
	s.Header(header)
	if cookies := header["Set-Cookie"]; len(cookies) != 2 || cookies[0] != "other=1" ||
		!strings.HasPrefix(cookies[1], "PHPSESSID="+first+";") {
		t.Errorf("cookies: %q", cookies)
	}
	must(t, s.Regenerate(true))
	second := s.ID()
	if second == first {
		t.Error("the id is still the same")
	}
	must(t, s.Set("n", 2))
	must(t, s.Reset())
	if n, err := Get[int](s, "n"); n != 1 || err != nil {
		t.Errorf("what is stored under the new id is what there was before: %d, %v", n, err)
	}
	must(t, s.Set("n", 3))
	must(t, s.Close())
	must(t, s.Close())
	must(t, s.Abort())
	if err := s.Set("n", 4); !errors.Is(err, ErrNotActive) {
		t.Errorf("Set after Close: %v", err)
	}
	if n := GetOr(s, "n", 0); n != 3 || s.Status() != Closed {
		t.Errorf("closed: %v, n = %d", s.Status(), n)
	}
	must(t, s.Start(ctx))
	if s.ID() != second {
		t.Error("opened again under another id")
	}
	must(t, s.Destroy())
	if s.Status() != Destroyed || s.ID() != "" || GetOr(s, "n", 0) != 3 {
		t.Errorf("destroyed: %v, %q", s.Status(), s.ID())
	}
	if err := s.Destroy(); !errors.Is(err, ErrNotActive) {
		t.Errorf("Destroy again: %v", err)
	}
	s.Release()
	s.Release()
	if err := s.Start(ctx); !errors.Is(err, ErrReleased) {
		t.Errorf("Start after Release: %v", err)
	}
	for _, id := range []string{first, second} {
		if err := m.View(ctx, id, func(*Session) error { return nil }); !errors.Is(err, ErrNotFound) {
			t.Errorf("a destroyed session: %v", err)
		}
	}
}

func TestBadIDs(t *testing.T) {
	m := newManager(t, Files(t.TempDir()))
	for _, id := range []string{"short", "../../../../etc/passwd0000000000", strings.Repeat("a", 257), "\x00"} {
		if _, err := m.Open(context.Background(), id); !errors.Is(err, ErrBadID) {
			t.Errorf("%q: %v", id, err)
		}
	}
}

// A type that embeds *FilesHandler has to make one.
func TestFilesHandlerThatNobodyMade(t *testing.T) {
	var none *FilesHandler
	for _, h := range []Handler{none, &wrapped{}} {
		if _, err := New(h, quiet); err == nil || !strings.Contains(err.Error(), "make it with Files") {
			t.Errorf("%T: %v", h, err)
		}
	}
}

func TestManager(t *testing.T) {
	if _, err := New(nil, quiet, Set("session.gc_maxlifetme", "1")); err == nil ||
		!strings.Contains(err.Error(), "gc_maxlifetime") {
		t.Errorf("a name that is none: %v", err)
	}
	ini := strings.NewReader("[PHP]\nmemory_limit = 1G\n[Session]\nsession.gc_maxlifetime = 99\nsession.name = A\n")
	h := newStore()
	m := newManager(t, h, INI(ini), Set("session.name", "B"))
	for name, want := range map[string]string{
		"session.gc_maxlifetime": "99", "session.name": "B", "session.save_handler": "user", "sess.max_waiters": "0",
	} {
		if got, ok := m.Directive(name); !ok || got != want {
			t.Errorf("%s = %q, not %q", name, got, want)
		}
	}
	if _, ok := m.Directive("nothing"); ok {
		t.Error("there is a directive of no name")
	}
	s, err := m.Open(context.Background(), "")
	must(t, err)
	defer s.Release()
	must(t, s.Set("n", 1))
	must(t, m.Close())
	must(t, s.Close())
	if _, err := m.Open(context.Background(), ""); !errors.Is(err, ErrReleased) {
		t.Errorf("Open after Close: %v", err)
	}
}

func TestGC(t *testing.T) {
	dir := t.TempDir()
	m := newManager(t, Files(dir), Set("session.gc_maxlifetime", "60"), Set("session.gc_probability", "0"))
	old := time.Now().Add(-time.Hour)
	for range 10 {
		must(t, os.Chtimes(dir+"/sess_"+newID(t, m), old, old))
	}
	kept := newID(t, m)
	if n, err := m.GC(context.Background()); n != 10 || err != nil {
		t.Errorf("removed %d, %v", n, err)
	}
	valueOfN(t, m, kept)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := m.GC(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("with a context that has ended: %v", err)
	}
}

func TestRaw(t *testing.T) {
	m := newManager(t, Files(t.TempDir()))
	ctx := context.Background()
	id := newID(t, m)
	s, err := m.Open(ctx, id, Raw(), ReadOnly())
	must(t, err)
	defer s.Release()
	must(t, s.View(func(b []byte) error {
		if string(b) != "n|i:0;" {
			t.Errorf("the payload is %q", b)
		}
		if s.Status() != Closed {
			t.Errorf("a read-only session is %v", s.Status())
		}
		if err := s.SetRaw(nil); !errors.Is(err, ErrInCallback) {
			t.Errorf("SetRaw inside View: %v", err)
		}
		return nil
	}))
	must(t, s.Start(ctx, Raw()))
	must(t, s.SetRaw([]byte("n|i:8;")))
	must(t, s.Close())
	if err := s.View(func([]byte) error { return nil }); !errors.Is(err, ErrNotActive) {
		t.Errorf("View after Close: %v", err)
	}
	if n := valueOfN(t, m, id); n != 8 {
		t.Errorf("n = %d", n)
	}
	must(t, s.Start(ctx))
	must(t, s.Decode([]byte("x|i:1;")))
	payload, err := s.Encode()
	must(t, err)
	if string(payload) != "n|i:8;x|i:1;" {
		t.Errorf("encoded: %q", payload)
	}
	if err := s.Decode([]byte("x|?")); !errors.Is(err, ErrData) {
		t.Errorf("bytes that are none: %v", err)
	}
	must(t, s.Unset("x"))
	must(t, s.Unset("x"))
	if got, err := Pop[int](s, "n"); got != 8 || err != nil || s.Has("n") {
		t.Errorf("popped %d, %v", got, err)
	}
	must(t, s.Clear())
	if _, err := Get[string](s, "n"); !errors.Is(err, ErrNotFound) {
		t.Errorf("after Clear: %v", err)
	}
}
