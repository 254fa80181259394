package sess

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"testing"
)

// behindProxy is a server that passes requests on to another one with the same sessions, after front has seen them.
func behindProxy(t *testing.T, front func(m *Manager, w http.ResponseWriter, r *http.Request), back func(m *Manager, w http.ResponseWriter, r *http.Request)) *webSite {
	t.Helper()
	dir := t.TempDir()
	// The other server's, as PHP would have it: no profile of ours, no waiting for what its caller holds.
	theirs := newManager(t, Files(dir), Set("sess.profile", "php82"), Set("session.use_strict_mode", "1"), Set("sess.lock_timeout_ms", "0"))
	backend := httptest.NewServer(theirs.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { back(theirs, w, r) })))
	t.Cleanup(backend.Close)
	target, err := url.Parse(backend.URL)
	must(t, err)
	proxy := httputil.NewSingleHostReverseProxy(target)
	ours := newManager(t, Files(dir))
	return newWebSite(t, ours, func(w http.ResponseWriter, r *http.Request) {
		front(ours, w, r)
		out, err := ours.Outgoing(r)
		must(t, err)
		proxy.ServeHTTP(w, out)
	})
}

func startAndAdd(t *testing.T, n int) func(m *Manager, w http.ResponseWriter, r *http.Request) {
	return func(m *Manager, w http.ResponseWriter, r *http.Request) {
		s, err := m.Start(r.Context())
		if err != nil {
			t.Error(err)
			return
		}
		must(t, s.Set("n", GetOr(s, "n", 0)+n))
	}
}

// A session that began here goes on there, under one cookie, and nobody waits for the lock.
func TestOutgoingNewSession(t *testing.T) {
	web := behindProxy(t, startAndAdd(t, 1), startAndAdd(t, 10))
	response, _ := web.get(t, "/")
	id := idOf(t, response)
	if n := valueOfN(t, web.m, id); n != 11 {
		t.Errorf("n = %d after one request", n)
	}
	for _, name := range []string{"Cache-Control", "Expires", "Pragma"} {
		if len(response.Header[name]) != 1 {
			t.Errorf("%s: %q", name, response.Header[name])
		}
	}
	response, _ = web.get(t, "/")
	if n := valueOfN(t, web.m, id); n != 22 || response.Header["Set-Cookie"] != nil {
		t.Errorf("n = %d after two, %q", n, response.Header["Set-Cookie"])
	}
}

// A login over there changes the id: its cookie is the one that the client gets.
func TestOutgoingRegenerated(t *testing.T) {
	var theirs string
	web := behindProxy(t, startAndAdd(t, 1), func(m *Manager, w http.ResponseWriter, r *http.Request) {
		s, err := m.Start(r.Context())
		must(t, err)
		must(t, s.Regenerate(true))
		theirs = s.ID()
	})
	response, _ := web.get(t, "/")
	if id := idOf(t, response); id != theirs {
		t.Errorf("the client got an id that is gone")
	}
	if n := valueOfN(t, web.m, theirs); n != 1 {
		t.Errorf("n = %d", n)
	}
}

// Here and there are different cookies for a session that was regenerated here, and that was destroyed here.
func TestOutgoingCookie(t *testing.T) {
	const others = "a=1; PHPSESSIDX=2; =3; b=%20\"x\""
	for name, c := range map[string]struct {
		front func(t *testing.T, m *Manager, r *http.Request)
		want  func(old, now string) string
	}{
		"untouched": {
			func(*testing.T, *Manager, *http.Request) {},
			func(old, _ string) string { return "PHPSESSID=" + old + "; " + others },
		},
		"known": {
			func(t *testing.T, m *Manager, r *http.Request) { startAndAdd(t, 1)(m, nil, r) },
			func(old, _ string) string { return "PHPSESSID=" + old + "; " + others },
		},
		"regenerated": {
			func(t *testing.T, m *Manager, r *http.Request) {
				s, err := m.Start(r.Context())
				must(t, err)
				must(t, s.Regenerate(false))
			},
			func(_, now string) string { return others + "; PHPSESSID=" + now },
		},
		"destroyed": {
			func(t *testing.T, m *Manager, r *http.Request) {
				s, err := m.Start(r.Context())
				must(t, err)
				must(t, s.Destroy())
			},
			func(_, _ string) string { return others },
		},
	} {
		t.Run(name, func(t *testing.T) {
			m := newManager(t, Files(t.TempDir()))
			old := newID(t, m)
			handler := m.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				c.front(t, m, r)
				before := slices.Clone(r.Header["Cookie"])
				out, err := m.Outgoing(r)
				must(t, err)
				if status := m.Session(r.Context()).Status(); status == Active {
					t.Error("still locked")
				}
				want := c.want(old, m.Session(r.Context()).ID())
				if got := out.Header["Cookie"]; !slices.Equal(got, []string{want}) {
					t.Errorf("out goes %q, not %q", got, want)
				}
				if !slices.Equal(r.Header["Cookie"], before) {
					t.Errorf("the request became %q", r.Header["Cookie"])
				}
			}))
			r := httptest.NewRequest("GET", "/", nil)
			r.Header.Set("Cookie", "PHPSESSID="+old+"; "+others)
			handler.ServeHTTP(httptest.NewRecorder(), r)
		})
	}
}

// A session without data is not stored, and its id would only keep the other server from giving out its own.
func TestOutgoingEmptySession(t *testing.T) {
	web := behindProxy(t, func(m *Manager, _ http.ResponseWriter, r *http.Request) {
		_, err := m.Start(r.Context())
		must(t, err)
	}, startAndAdd(t, 10))
	response, _ := web.get(t, "/")
	if n := valueOfN(t, web.m, idOf(t, response)); n != 10 {
		t.Errorf("n = %d", n)
	}
}

// What the other server leaves out of its response the session adds: the page was made for one visitor.
func TestOutgoingStaticResponse(t *testing.T) {
	web := behindProxy(t, startAndAdd(t, 1), func(_ *Manager, w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Pragma", "theirs")
		_, _ = io.WriteString(w, "static")
	})
	response, _ := web.get(t, "/")
	idOf(t, response)
	if c, p := response.Header["Cache-Control"], response.Header["Pragma"]; len(c) != 1 ||
		!strings.Contains(c[0], "no-store") || !slices.Equal(p, []string{"theirs"}) {
		t.Errorf("Cache-Control %q, Pragma %q", c, p)
	}
}

// Nothing is passed on that was not saved.
func TestOutgoingUnsaved(t *testing.T) {
	m := newManager(t, Files(t.TempDir()), BeforeClose(func(context.Context, *Session) error { return errRefused }))
	r := httptest.NewRequest("GET", "/", nil)
	if _, err := m.Outgoing(r); !errors.Is(err, ErrNoRequest) {
		t.Errorf("without Middleware: %v", err)
	}
	m.Middleware(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		startAndAdd(t, 1)(m, nil, r)
		if out, err := m.Outgoing(r); out != nil || !errors.Is(err, errRefused) {
			t.Errorf("%v, %v", out, err)
		}
	})).ServeHTTP(httptest.NewRecorder(), r)
}
