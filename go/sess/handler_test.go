package sess

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// six is a handler with the required methods only.
type six struct{ h *store }

func (s six) Open(ctx context.Context, savePath, name string) error {
	return s.h.Open(ctx, savePath, name)
}
func (s six) Close(ctx context.Context) error                     { return s.h.Close(ctx) }
func (s six) Read(ctx context.Context, id string) ([]byte, error) { return s.h.Read(ctx, id) }
func (s six) Write(ctx context.Context, id string, data []byte) error {
	return s.h.Write(ctx, id, data)
}
func (s six) Destroy(ctx context.Context, id string) error { return s.h.Destroy(ctx, id) }
func (s six) GC(ctx context.Context, maxLifetime time.Duration) (int, error) {
	return s.h.GC(ctx, maxLifetime)
}

// trace notes which callbacks run.
func (s *store) trace(ops *[]string) {
	s.before = func(_ context.Context, op, _ string) error {
		*ops = append(*ops, op)
		return nil
	}
}

// twoRequests are the calls of a first visit and of one that changes nothing.
func twoRequests(t *testing.T, h Handler, ops *[]string) string {
	t.Helper()
	m := newManager(t, h, Set("session.gc_probability", "0"))
	id := newID(t, m)
	*ops = append(*ops, "|")
	must(t, m.Update(context.Background(), id, func(*Session) error { return nil }))
	return strings.Join(*ops, " ")
}

func TestOptionalMethods(t *testing.T) {
	h, ops := newStore(), []string(nil)
	h.trace(&ops)
	funcs := Funcs{Open: h.Open, Close: h.Close, Read: h.Read, Write: h.Write, Destroy: h.Destroy, GC: h.GC}
	some := funcs
	some.ValidateID = h.ValidateID
	for _, tt := range []struct {
		name string
		make func() (Handler, error)
		want string
	}{
		{"all nine", func() (Handler, error) { return h, nil },
			"open create_sid read write close | open validate_sid read update_timestamp close"},
		{"six", func() (Handler, error) { return six{h}, nil },
			"open read write close | open read write close"},
		{"six functions", funcs.Handler,
			"open read write close | open read write close"},
		{"seven functions", some.Handler,
			"open read write close | open validate_sid read write close"},
		{"per session, all nine", func() (Handler, error) {
			return PerSession(func(context.Context) (Handler, error) { return h, nil }), nil
		}, "open create_sid read write close | open validate_sid read update_timestamp close"},
		{"per session, six", func() (Handler, error) {
			return PerSession(func(context.Context) (Handler, error) { return six{h}, nil }), nil
		}, "open read write close | open read write close"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ops, h.data, h.held = nil, map[string][]byte{}, map[string]bool{}
			made, err := tt.make()
			must(t, err)
			if got := twoRequests(t, made, &ops); got != tt.want {
				t.Errorf("called:\n%s\nnot:\n%s", got, tt.want)
			}
		})
	}
}

func TestFuncsNameWhatIsMissing(t *testing.T) {
	h := newStore()
	_, err := Funcs{Open: h.Open, Close: h.Close, Read: h.Read, Destroy: h.Destroy, GC: h.GC}.Handler()
	if err == nil || !strings.Contains(err.Error(), "Write") {
		t.Errorf("without Write: %v", err)
	}
}

func TestPerSessionMakesOneForEach(t *testing.T) {
	type own struct{ six }
	var mu sync.Mutex
	var made []*own
	shared := newStore()
	m := newManager(t, PerSession(func(context.Context) (Handler, error) {
		h := &own{six: six{shared}}
		mu.Lock()
		defer mu.Unlock()
		made = append(made, h)
		return h, nil
	}), Set("session.gc_probability", "0"))
	id := newID(t, m)
	s, err := m.Open(context.Background(), id)
	must(t, err)
	must(t, s.Close())
	must(t, s.Start(context.Background()))
	s.Release()
	if len(made) != 2 {
		t.Errorf("%d handlers for two sessions", len(made))
	}
	failing := errors.New("no connection")
	m = newManager(t, PerSession(func(context.Context) (Handler, error) { return nil, failing }))
	if _, err := m.Open(context.Background(), ""); !errors.Is(err, failing) {
		t.Errorf("a handler that could not be made: %v", err)
	}
}

// encoded is PHP's class that extends SessionHandler.
type encoded struct{ *FilesHandler }

func (e *encoded) Read(ctx context.Context, id string) ([]byte, error) {
	data, err := e.FilesHandler.Read(ctx, id)
	if err != nil || data == nil {
		return nil, err
	}
	return base64.StdEncoding.AppendDecode(nil, data)
}

func (e *encoded) Write(ctx context.Context, id string, data []byte) error {
	return e.FilesHandler.Write(ctx, id, base64.StdEncoding.AppendEncode(nil, data))
}

func (e *encoded) UpdateTimestamp(ctx context.Context, id string, data []byte) error {
	return e.FilesHandler.UpdateTimestamp(ctx, id, base64.StdEncoding.AppendEncode(nil, data))
}

func TestEmbeddedFiles(t *testing.T) {
	dir := t.TempDir()
	m := newManager(t, &encoded{Files(dir)})
	id := newID(t, m)
	must(t, m.Update(context.Background(), id, increment))
	must(t, m.Update(context.Background(), id, func(*Session) error { return nil }))
	if n := valueOfN(t, m, id); n != 1 {
		t.Errorf("n = %d", n)
	}
	stored, err := os.ReadFile(dir + "/sess_" + id)
	must(t, err)
	if plain, err := base64.StdEncoding.DecodeString(string(stored)); err != nil || string(plain) != "n|i:1;" {
		t.Errorf("stored is %q: %q, %v", stored, plain, err)
	}
	// Optional methods are those of the embedded handler: an id that has no file is not known.
	unknown := strings.Repeat("0", 32)
	if _, err := m.Open(context.Background(), unknown, Existing()); !errors.Is(err, ErrNotFound) {
		t.Errorf("an unknown id: %v", err)
	}
	must(t, m.Update(context.Background(), unknown, func(s *Session) error {
		if s.ID() == unknown || !s.IsNew() {
			t.Errorf("an unknown id was adopted")
		}
		return nil
	}))
}

func TestParentOutsideCallback(t *testing.T) {
	files := Files(t.TempDir())
	if _, err := files.Read(context.Background(), "x"); !errors.Is(err, ErrNoCall) {
		t.Errorf("without a call: %v", err)
	}
	h, kept := newStore(), context.Background()
	h.before = func(ctx context.Context, _, _ string) error {
		kept = ctx
		// The built-in store there is another one.
		if err := Memory().Destroy(ctx, strings.Repeat("a", 32)); !errors.Is(err, ErrNoCall) {
			t.Errorf("another store: %v", err)
		}
		return nil
	}
	m := newManager(t, h)
	id := newID(t, m)
	if _, err := files.Read(kept, id); !errors.Is(err, ErrNoCall) {
		t.Errorf("after the callback: %v", err)
	}
	if call := CallOf(kept); call.ReadOnly() || call.MaxLifetime() != 0 {
		t.Error("a call that is over knows something")
	}
}

func TestCall(t *testing.T) {
	h, looked := newStore(), 0
	m := newManager(t, h, Set("session.gc_maxlifetime", "77"))
	id := newID(t, m)
	want := true
	h.before = func(ctx context.Context, op, _ string) error {
		if op != "read" {
			return nil
		}
		looked++
		call := CallOf(ctx)
		if age := call.MaxLifetime(); age != 77*time.Second {
			t.Errorf("MaxLifetime is %v", age)
		}
		if call.ReadOnly() != want {
			t.Errorf("ReadOnly is not %v", want)
		}
		if _, may := call.LockTimeout(); may {
			t.Error("the first try may wait")
		}
		return nil
	}
	must(t, m.View(context.Background(), id, func(*Session) error { return nil }))
	want = false
	must(t, m.Update(context.Background(), id, func(*Session) error { return nil }))
	if looked != 2 {
		t.Errorf("read ran %d times", looked)
	}
}

func TestReadSaysNotExist(t *testing.T) {
	h := newStore()
	m := newManager(t, six{h})
	h.before = func(_ context.Context, op, id string) error {
		if _, ok := h.data[id]; op == "read" && !ok {
			return &fs.PathError{Op: "open", Path: id, Err: fs.ErrNotExist}
		}
		return nil
	}
	id := strings.Repeat("b", 32)
	_, err := m.Open(context.Background(), id, Existing())
	if !errors.Is(err, ErrNotFound) || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Existing: %v", err)
	}
	must(t, m.Update(context.Background(), id, func(s *Session) error {
		if s.ID() == id {
			t.Error("an unknown id was adopted")
		}
		return s.Set("n", 0)
	}))
}

func TestWriteSaysGone(t *testing.T) {
	h := newStore()
	m := newManager(t, h)
	id := newID(t, m)
	h.before = func(_ context.Context, op, _ string) error {
		if op == "write" {
			return fs.ErrNotExist
		}
		return nil
	}
	if err := m.Update(context.Background(), id, increment); !errors.Is(err, ErrGone) {
		t.Errorf("%v is not ErrGone", err)
	}
}

// Ids are secrets: neither errors nor logs hold one, whoever put it there.
func TestNoIDInErrorsAndLogs(t *testing.T) {
	var said bytes.Buffer
	h := newStore()
	m := newManager(t, h, Logger(slog.New(slog.NewTextHandler(&said, &slog.HandlerOptions{Level: slog.LevelDebug}))))
	id := newID(t, m)
	for slot := range slots {
		h.before = func(_ context.Context, op, _ string) error {
			if op == slot {
				return fmt.Errorf("open /tmp/sess_%s: disk on fire", id)
			}
			return nil
		}
		err := in(t, m, id, slot)
		if err == nil {
			t.Errorf("%s did not fail", slot)
		} else if strings.Contains(err.Error(), id) {
			t.Errorf("%s: %v", slot, err)
		}
	}
	if strings.Contains(said.String(), id) {
		t.Errorf("the log:\n%s", said.String())
	}
	if !strings.Contains(said.String(), "disk on fire") {
		t.Errorf("the log does not say why:\n%s", said.String())
	}
}

// A client that goes away does not cost a save.
func TestCancelledRequestIsSaved(t *testing.T) {
	type key struct{}
	h := newStore()
	m := newManager(t, h, Set("sess.save_timeout_ms", "60000"))
	id := newID(t, m)
	for name, end := range map[string]func(*Session) error{
		"Close": (*Session).Close, "Destroy": (*Session).Destroy, "Abort": (*Session).Abort,
		"Regenerate": func(s *Session) error { return errors.Join(s.Regenerate(false), s.Close()) },
	} {
		t.Run(name, func(t *testing.T) {
			h.data[id], h.held = []byte("n|i:0;"), map[string]bool{}
			h.before = nil
			ctx, cancel := context.WithCancel(context.WithValue(context.Background(), key{}, "kept"))
			s, err := m.Open(ctx, id)
			must(t, err)
			defer s.Release()
			must(t, s.Set("n", 5))
			cancel()
			ran := 0
			h.before = func(ctx context.Context, op, _ string) error {
				ran++
				if deadline, ok := ctx.Deadline(); !ok || time.Until(deadline) > time.Minute {
					t.Errorf("%s may take until %v", op, deadline)
				}
				if ctx.Value(key{}) != "kept" {
					t.Errorf("%s has not the values of the request", op)
				}
				derived, stop := context.WithCancel(ctx)
				defer stop()
				return errors.Join(ctx.Err(), derived.Err())
			}
			must(t, end(s))
			if ran == 0 {
				t.Error("no callback ran")
			}
		})
	}
}

func TestSaveTimeout(t *testing.T) {
	h := newStore()
	m := newManager(t, h, Set("sess.save_timeout_ms", "10"))
	id := newID(t, m)
	h.before = func(ctx context.Context, op, _ string) error {
		if op != "write" {
			return nil
		}
		<-ctx.Done()
		return ctx.Err()
	}
	if err := m.Update(context.Background(), id, increment); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a save that takes too long: %v", err)
	}
}

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
	if _, err := Get[int](s, "n"); !errors.Is(err, ErrNotFound) {
		t.Errorf("what is stored under the new id is empty: %v", err)
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
