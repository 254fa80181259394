package sess

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
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

// What the program's own functions say of their session, too.
func TestNoIDInErrorsOfHooks(t *testing.T) {
	says := func(_ context.Context, s *Session) error {
		if s.Has("refused") {
			return fmt.Errorf("refused: %s: %w", s.ID(), errRefused)
		}
		if s.Has("panics") {
			panic("at " + s.ID())
		}
		return nil
	}
	for name, hook := range map[string]func(func(context.Context, *Session) error) Option{
		"AfterStart": AfterStart, "BeforeClose": BeforeClose,
	} {
		dir := t.TempDir()
		plain, m := newManager(t, Files(dir)), newManager(t, Files(dir), hook(says))
		for _, key := range []string{"refused", "panics"} {
			id := newID(t, plain)
			must(t, plain.Update(context.Background(), id, func(s *Session) error { return s.Set(key, 1) }))
			err := m.Update(context.Background(), id, func(*Session) error { return nil })
			if err == nil || strings.Contains(err.Error(), id) || !strings.Contains(err.Error(), id[:4]+"...") {
				t.Errorf("%s, %s: %v", name, key, err)
			}
			if key == "refused" && !errors.Is(err, errRefused) {
				t.Errorf("%s: %v is not what the function returned", name, err)
			}
		}
	}
}

// A panic while a session is released fails nothing, so it is logged: its text and its stack, and not the id.
func TestPanicInReleaseIsLogged(t *testing.T) {
	var said bytes.Buffer
	h := newStore()
	m := newManager(t, h, Logger(testLogger(&said)))
	id := newID(t, m)
	s, err := m.Open(context.Background(), id)
	must(t, err)
	h.before = func(_ context.Context, op, _ string) error {
		if op == "close" {
			panic("while " + id + " is open")
		}
		return nil
	}
	s.Release()
	log := said.String()
	if !strings.Contains(log, "panic in close: while "+id[:4]+"...") || !strings.Contains(log, "handler_test.go") {
		t.Errorf("the log says %q", log)
	}
	if strings.Contains(log, id) {
		t.Errorf("the id is in the log: %q", log)
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
