package sess

import (
	"context"
	"crypto/tls"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"
)

// behind is what a handler behind the middleware of m leaves of a response.
func behind(t *testing.T, m *Manager, r *http.Request, handler func(s *Session)) http.Header {
	t.Helper()
	out := httptest.NewRecorder()
	m.Middleware(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		handler(m.Session(r.Context()))
	})).ServeHTTP(out, r)
	if out.Code != http.StatusOK {
		t.Errorf("status %d", out.Code)
	}
	return out.Result().Header
}

// Shows: M1, M2, M5, ASVS 3.3.1.
func TestRequestOf(t *testing.T) {
	https := httptest.NewRequest("GET", "https://wiki.example/wiki/Front%20Page?x", nil)
	for name, tt := range map[string]struct {
		request *http.Request
		mount   string // what StripPrefix takes off
		want    Request
		cookie  string
		secure  bool
	}{
		"plain":    {httptest.NewRequest("GET", "http://a.example/page", nil), "", Request{"http", "a.example", 0, ""}, "MOIN_SESSION_80_ROOT", false},
		"port":     {httptest.NewRequest("GET", "http://[::1]:8080/", nil), "", Request{"http", "::1", 8080, ""}, "MOIN_SESSION_8080_ROOT", false},
		"mounted":  {https, "/wiki", Request{"https", "wiki.example", 0, "/wiki"}, "MOIN_SESSION_443_ROOT_wiki", true},
		"slash":    {httptest.NewRequest("GET", "http://a/w/p", nil), "/w/", Request{"http", "a", 0, "/w"}, "MOIN_SESSION_80_ROOT_w", false},
		"absolute": {httptest.NewRequest("GET", "http://a/w/p", nil), "/w/p", Request{"http", "a", 0, "/w/p"}, "MOIN_SESSION_80_ROOT_w_p", false},
		"asterisk": {httptest.NewRequest("OPTIONS", "*", nil), "", Request{"http", "example.com", 0, ""}, "MOIN_SESSION_80_ROOT", false},
	} {
		t.Run(name, func(t *testing.T) {
			m := newManager(t, Memory(), Set("sess.cookie_name", "auto"))
			var got Request
			var cookie string
			out := httptest.NewRecorder()
			handler := m.Middleware(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				got = RequestOf(r)
				s, err := m.Start(r.Context())
				must(t, err)
				must(t, s.Set("n", 1))
				cookie = s.CookieName()
			}))
			http.StripPrefix(tt.mount, handler).ServeHTTP(out, tt.request)
			if got != tt.want || cookie != tt.cookie {
				t.Errorf("%+v, %q", got, cookie)
			}
			line := out.Header().Get("Set-Cookie")
			if !strings.HasPrefix(line, tt.cookie+"=") || strings.Contains(strings.ToLower(line), "; secure") != tt.secure {
				t.Errorf("Set-Cookie: %s", line)
			}
		})
	}
}

// Behind a proxy the program says who is to be believed.
func TestRequestFrom(t *testing.T) {
	m := newManager(t, Memory(), RequestFrom(func(r *http.Request) Request {
		q := RequestOf(r)
		q.Scheme = r.Header.Get("X-Forwarded-Proto")
		return q
	}))
	for scheme, secure := range map[string]bool{"https": true, "http": false} {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("X-Forwarded-Proto", scheme)
		line := behind(t, m, r, func(s *Session) {
			must(t, s.Start(context.Background()))
			must(t, s.Set("n", 1))
		}).Get("Set-Cookie")
		if strings.Contains(strings.ToLower(line), "; secure") != secure {
			t.Errorf("%s: %s", scheme, line)
		}
	}
	behind(t, m, httptest.NewRequest("GET", "/", nil), func(s *Session) {
		if err := s.Start(context.Background()); err == nil || !strings.Contains(err.Error(), "scheme") {
			t.Errorf("a request without a scheme: %v", err)
		}
	})
}

// Shows: D20, ASVS 3.3.5, C2, C3, C7.
func TestOwnCookie(t *testing.T) {
	clock := newClock()
	m := newManager(t, Memory(), Clock(clock.Now))
	value := "sizeCtl#80%#wörter; x"
	var line string
	for name, tt := range map[string]struct {
		cookie http.Cookie
		want   []string
		not    []string
	}{
		"bare":    {http.Cookie{Name: "DOKU_PREFS", Value: value}, []string{"Path=/", "SameSite=Lax"}, []string{"Max-Age", "HttpOnly", "Secure"}},
		"year":    {http.Cookie{Name: "p", Value: "1", MaxAge: 31536000, Path: "/wiki", SameSite: http.SameSiteStrictMode}, []string{"Max-Age=31536000", "Path=/wiki", "SameSite=Strict"}, nil},
		"expires": {http.Cookie{Name: "p", Value: "1", Expires: clock.Now().Add(time.Hour)}, []string{"Max-Age=3600"}, nil},
		"forget":  {http.Cookie{Name: "p", MaxAge: -1}, []string{"Max-Age=0"}, nil},
		"expired": {http.Cookie{Name: "p", Expires: clock.Now().Add(-time.Hour)}, []string{"Max-Age=0"}, nil},
		"for all": {http.Cookie{Name: "p", MaxAge: 1 << 30, Domain: "example.com", Secure: true, HttpOnly: true, Partitioned: true, SameSite: http.SameSiteNoneMode},
			[]string{"Max-Age=34560000", "Domain=example.com", "Secure", "HttpOnly", "Partitioned", "SameSite=None"}, nil},
	} {
		header := behind(t, m, httptest.NewRequest("GET", "/", nil), func(s *Session) { must(t, s.SetCookie(&tt.cookie)) })
		line = header.Get("Set-Cookie")
		parts := strings.Split(line, "; ")
		for _, want := range tt.want {
			if !slices.ContainsFunc(parts, func(p string) bool { return strings.EqualFold(p, want) }) {
				t.Errorf("%s: no %s in %s", name, want, line)
			}
		}
		for _, not := range tt.not {
			if strings.Contains(line, not) {
				t.Errorf("%s: %s in %s", name, not, line)
			}
		}
		if name == "bare" {
			// It comes back as it was set.
			pair, _, _ := strings.Cut(line, ";")
			r := httptest.NewRequest("GET", "/", nil)
			r.Header.Set("Cookie", "a=b; "+pair)
			behind(t, m, r, func(s *Session) {
				if got, err := s.Cookie("DOKU_PREFS"); got != value || err != nil {
					t.Errorf("%q comes back as %q (%v)", value, got, err)
				}
				for _, absent := range []string{"DOKU", "a\x00"} {
					if _, err := s.Cookie(absent); !errors.Is(err, ErrNotFound) {
						t.Errorf("%q: %v", absent, err)
					}
				}
			})
		}
	}
}

func TestOwnCookieRefused(t *testing.T) {
	m := newManager(t, Memory())
	behind(t, m, httptest.NewRequest("GET", "/", nil), func(s *Session) {
		for name, c := range map[string]http.Cookie{
			"no name":          {Value: "x"},
			"a space":          {Name: "a b"},
			"too much":         {Name: "p", Value: strings.Repeat("x", 4096)},
			"a second path":    {Name: "p", Path: "/; Domain=evil.example"},
			"the session's":    {Name: "PHPSESSID", Value: "x"},
			"None, not Secure": {Name: "p", SameSite: http.SameSiteNoneMode},
			"a prefix's rules": {Name: "__Host-p", Secure: true, Path: "/x"},
		} {
			if err := s.SetCookie(&c); err == nil {
				t.Errorf("%s is accepted", name)
			}
		}
	})
	s := m.newSession()
	s.sendHeaders(http.Header{}, false)
	defer s.Release()
	if err := s.SetCookie(&http.Cookie{Name: "p", Value: "x"}); !errors.Is(err, ErrHeadersSent) {
		t.Errorf("after the first byte: %v", err)
	}
}

// Hooks may set cookies, callbacks of a handler may not.
func TestOwnCookieInHook(t *testing.T) {
	h := newStore()
	var s *Session
	h.before = func(context.Context, string, string) error {
		if err := s.SetCookie(&http.Cookie{Name: "p"}); !errors.Is(err, ErrInCallback) {
			t.Errorf("from a callback: %v", err)
		}
		return nil
	}
	m := newManager(t, h, AfterStart(func(_ context.Context, s *Session) error {
		return s.SetCookie(&http.Cookie{Name: "hooked", Value: "x"})
	}))
	header := behind(t, m, httptest.NewRequest("GET", "/", nil), func(its *Session) {
		s = its
		must(t, s.Start(context.Background()))
	})
	if !strings.HasPrefix(header.Get("Set-Cookie"), "hooked=x;") {
		t.Errorf("%v", header)
	}
}

// Shows: D5: Vary stands beside the program's own, once.
func TestVary(t *testing.T) {
	m := newManager(t, Memory(), Set("sess.vary", "1"))
	out := httptest.NewRecorder()
	r := httptest.NewRequest("GET", "/", nil)
	r.TLS = &tls.ConnectionState{}
	m.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Vary", "Accept")
		s, err := m.Start(r.Context())
		must(t, err)
		s.Header(w.Header())
	})).ServeHTTP(out, r)
	if got := out.Header()["Vary"]; !slices.Equal(got, []string{"Accept", "Cookie"}) {
		t.Errorf("Vary: %q", got)
	}
}
