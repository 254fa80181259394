package sess

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"
)

// world is a manager with a clock of its own, over one of the stores.
type world struct {
	*Manager
	clock *testClock
	table *table // nil over the built-in ones
}

// overStores runs a test over each store.
func overStores(t *testing.T, test func(t *testing.T, w *world), opts ...Option) {
	t.Helper()
	for _, store := range []string{"files", "memory", "table"} {
		t.Run(store, func(t *testing.T) {
			clock := newClock()
			w := &world{clock: clock}
			var h Handler
			switch store {
			case "files":
				h = Files(t.TempDir())
			case "memory":
				h = Memory()
			case "table":
				w.table = newTable(clock.Now)
				h = w.table.handler()
			}
			w.Manager = newManager(t, h, append([]Option{Clock(clock.Now), Set("session.gc_probability", "0")}, opts...)...)
			test(t, w)
		})
	}
}

// begin makes a session with n = 0 and returns its id.
func (w *world) begin(t *testing.T) string {
	t.Helper()
	return newID(t, w.Manager)
}

// open starts the session of an id, as a request that brings it in its cookie.
func (w *world) open(t *testing.T, id string, opts ...StartOption) *Session {
	t.Helper()
	s := w.newSession()
	s.cookies = []string{"PHPSESSID=" + id}
	must(t, s.Start(context.Background(), opts...))
	t.Cleanup(s.Release)
	return s
}

// Shows: M14, ASVS 7.3.1, ASVS 7.3.2, N10.
func TestClocksOfSessions(t *testing.T) {
	overStores(t, func(t *testing.T, w *world) {
		id := w.begin(t)
		for range 4 {
			w.clock.advance(time.Minute)
			s := w.open(t, id)
			if s.ID() != id || s.IsNew() || s.PreviousEnd() != EndNone {
				t.Fatalf("the session ended after a minute: %v", s.PreviousEnd())
			}
			must(t, s.Close())
		}
		s := w.open(t, id)
		if left, limited := s.ExpiresIn(); left != 10*time.Second || !limited {
			t.Errorf("expires in %v (%v)", left, limited)
		}
		if !s.Created().Equal(w.clock.Now().Add(-4 * time.Minute)) {
			t.Errorf("created at %v, and it is %v", s.Created(), w.clock.Now())
		}
		must(t, s.Close())
		w.clock.advance(11 * time.Second)
		s = w.open(t, id)
		if s.ID() == id || s.PreviousEnd() != EndAbsolute || s.Has("n") {
			t.Errorf("after 251 seconds: %v, the same id: %v", s.PreviousEnd(), s.ID() == id)
		}
		must(t, s.Set("n", 1))
		must(t, s.Close())
		w.clock.advance(61 * time.Second)
		if again := w.open(t, s.ID()); again.PreviousEnd() != EndIdle || !again.IsNew() {
			t.Errorf("after 61 seconds without use: %v", again.PreviousEnd())
		}
	}, Set("sess.anon.idle", "60"), Set("sess.anon.absolute", "250"))
}

// A handler that says no times keeps no idle clock, and an absolute one from the first save on.
func TestHandlerWithoutTimes(t *testing.T) {
	clock := newClock()
	m := newManager(t, newStore(), Clock(clock.Now), Set("sess.anon.idle", "60"), Set("sess.anon.absolute", "250"))
	id := newID(t, m)
	clock.advance(100 * time.Second)
	if n := valueOfN(t, m, id); n != 0 {
		t.Errorf("n is %d", n)
	}
	clock.advance(151 * time.Second)
	err := m.View(context.Background(), id, func(*Session) error { return nil })
	if !errors.Is(err, ErrNotFound) {
		t.Errorf("after 251 seconds: %v", err)
	}
}

// Facts of a session that is not there, or not any more, are neutral.
func TestFactsWithoutASession(t *testing.T) {
	m := newManager(t, Memory())
	s := m.newSession()
	neutral := func(when string) {
		t.Helper()
		_, isUser := s.User()
		_, hasAge := s.AuthAge()
		_, limited := s.ExpiresIn()
		if isUser || hasAge || limited || s.IsStored() || !s.Created().IsZero() || s.Kind() != Anonymous ||
			s.PreviousEnd() != EndNone {
			t.Errorf("%s: %+v", when, s.facts())
		}
	}
	neutral("before the start")
	must(t, s.Start(context.Background()))
	s.Release()
	neutral("after the release")
}

// Shows: D13, M24, ASVS 7.4.1.
func TestTokens(t *testing.T) {
	overStores(t, func(t *testing.T, w *world) {
		s := w.open(t, "")
		token, err := s.Token("delete page")
		must(t, err)
		if len(token) != 27 {
			t.Errorf("%d characters", len(token))
		}
		must(t, s.Close())
		id := s.ID()

		w.clock.advance(time.Minute)
		s = w.open(t, id, ReadOnly())
		for _, tt := range []struct {
			purpose, token string
			maxAge         time.Duration
			want           error
		}{
			{"delete page", token, 0, nil},
			{"delete page", token, time.Minute, nil},
			{"delete page", token, time.Minute - time.Nanosecond, nil}, // whole seconds
			{"delete page", token, 59 * time.Second, ErrRefused},
			{"save page", token, 0, ErrRefused},
			{"delete page", token[1:], 0, ErrRefused},
			{"delete page", "", 0, ErrRefused},
		} {
			if err := s.CheckToken(tt.purpose, tt.token, tt.maxAge); !errors.Is(err, tt.want) {
				t.Errorf("%q of %q within %v: %v, not %v", tt.token, tt.purpose, tt.maxAge, err, tt.want)
			}
		}
		if err := s.CheckToken("delete page", token, -1); err == nil {
			t.Error("a negative age is any")
		}
		if other := w.open(t, w.begin(t)); !errors.Is(other.CheckToken("delete page", token, 0), ErrRefused) {
			t.Error("another session takes the token")
		}
		if _, err := w.newSession().Token("x"); !errors.Is(err, ErrNotActive) {
			t.Errorf("a token without a session: %v", err)
		}
		s = w.open(t, id)
		for key := range s.Keys() {
			t.Errorf("the session shows a key %q", key)
		}
		must(t, s.Destroy())
		if !errors.Is(s.CheckToken("delete page", token, 0), ErrRefused) {
			t.Error("the token lives on")
		}
	})
}

// login logs a session in and returns its new id.
func (w *world) login(t *testing.T, id, user string, opts ...LoginOption) string {
	t.Helper()
	s := w.open(t, id)
	must(t, s.Login(context.Background(), user, opts...))
	must(t, s.Close())
	return s.ID()
}

// setCookie is the Set-Cookie line of a session's own cookie, "" for none.
func setCookie(s *Session) string {
	header := map[string][]string{}
	s.Header(header)
	for _, line := range header["Set-Cookie"] {
		if strings.HasPrefix(line, "PHPSESSID=") {
			return line
		}
	}
	return ""
}
