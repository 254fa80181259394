package sess

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// newIDs are what gives a visitor a new id.
var newIDs = map[string]func(s *Session) error{
	"new":        func(s *Session) error { return s.Set("n", 1) },
	"regenerate": func(s *Session) error { return s.Regenerate(true) },
	"keep":       func(s *Session) error { return s.Regenerate(false) },
	"login":      func(s *Session) error { return s.Login(context.Background(), "eve") },
}

// begins are what sends the head of a response.
var begins = map[string]func(w http.ResponseWriter){
	"flush":       func(w http.ResponseWriter) { w.(http.Flusher).Flush() },
	"controller":  func(w http.ResponseWriter) { _ = http.NewResponseController(w).Flush() },
	"first bytes": func(w http.ResponseWriter) { _, _ = io.WriteString(w, strings.Repeat("a page\n", 1000)) },
	"status": func(w http.ResponseWriter) {
		w.WriteHeader(http.StatusOK)
		w.(http.Flusher).Flush()
	},
	"copy": func(w http.ResponseWriter) {
		_, _ = io.Copy(w, strings.NewReader(strings.Repeat("a page\n", 1000)))
	},
}

// The browser's next request, sent while the page of a new id is still being made, waits for it and has its session.
func TestNextRequestWaits(t *testing.T) {
	for how, begin := range begins {
		for what, act := range newIDs {
			overStores(t, func(t *testing.T, w *world) {
				begun, goOn := make(chan bool), make(chan bool)
				web := newWebSite(t, w.Manager, func(rw http.ResponseWriter, r *http.Request) {
					s, err := w.Start(r.Context())
					if err != nil {
						http.Error(rw, err.Error(), http.StatusTeapot)
						return
					}
					if r.URL.Path == "/slow" {
						if err := act(s); err != nil {
							t.Errorf("%s: %v", what, err)
						}
						begin(rw)
						<-goOn
						if err := s.Set("late", 2); err != nil {
							t.Errorf("%s: %v", what, err)
						}
						return
					}
					if r.URL.Path == "/first" {
						must(t, s.Set("n", 1))
						return
					}
					if n, late := GetOr(s, "n", 0), GetOr(s, "late", 0); n != 1 || late != 2 || s.IsNew() {
						t.Errorf("%s, %s: n %d, late %d, new %v", what, how, n, late, s.IsNew())
					}
					must(t, s.Set("seen", 1))
				})
				if what != "new" {
					web.get(t, "/first")
				}
				slow, err := web.client.Get(web.url + "/slow")
				must(t, err)
				id := idOf(t, slow)
				answer := make(chan *http.Response)
				go func() {
					close(begun)
					response, err := web.client.Get(web.url + "/next")
					if err != nil {
						t.Error(err)
					}
					answer <- response
				}()
				<-begun
				select {
				case <-answer:
					t.Errorf("%s, %s: the next request did not wait", what, how)
				case <-time.After(20 * time.Millisecond):
				}
				close(goOn)
				next := <-answer
				if lines := next.Header["Set-Cookie"]; lines != nil {
					t.Errorf("%s, %s: %q", what, how, lines)
				}
				must(t, next.Body.Close())
				_, _ = io.Copy(io.Discard, slow.Body)
				must(t, slow.Body.Close())
				must(t, w.View(context.Background(), id, func(s *Session) error {
					if GetOr(s, "seen", 0) != 1 {
						t.Errorf("%s, %s: what the next request set is lost", what, how)
					}
					return nil
				}))
			}, Set("session.cookie_secure", "0"))
		}
	}
}

// The next request goes to a PHP on the same directory, which takes unknown ids or not.
func TestNextRequestOfPHPWaits(t *testing.T) {
	php, err := exec.LookPath("php")
	if err != nil {
		t.Fatal("php is missing: apt-get install php-cli")
	}
	for what, act := range newIDs {
		for _, strict := range []string{"0", "1"} {
			dir := t.TempDir()
			m := newManager(t, Files(dir))
			var err error
			var s *Session
			if what == "new" {
				s, err = m.Open(t.Context(), "")
			} else {
				s, err = m.Open(t.Context(), newID(t, m))
			}
			must(t, err)
			must(t, act(s))
			header := http.Header{}
			s.Header(header)
			id := s.ID()
			if len(header["Set-Cookie"]) != 1 || !strings.Contains(header["Set-Cookie"][0], id) {
				t.Fatalf("%s: %q", what, header)
			}
			var out bytes.Buffer
			cmd := exec.Command(php, "-n", "-d", "session.save_path="+dir, "-d", "session.use_cookies=0",
				"-d", "session.use_only_cookies=0", "-d", "session.cache_limiter=",
				"-d", "session.use_strict_mode="+strict, "-r",
				`session_id($argv[1]); session_start(); echo $_SESSION['late'] ?? '-', session_id() === $argv[1];
				$_SESSION['php'] = 1;`, "--", id)
			cmd.Stdout, cmd.Stderr = &out, &out
			must(t, cmd.Start())
			time.Sleep(50 * time.Millisecond)
			must(t, s.Set("late", 2))
			must(t, s.Close())
			s.Release()
			must(t, cmd.Wait())
			if out.String() != "21" {
				t.Errorf("%s, strict %s: PHP says %q", what, strict, out.String())
			}
			must(t, m.View(t.Context(), id, func(s *Session) error {
				if GetOr(s, "php", 0) != 1 {
					t.Errorf("%s, strict %s: what PHP has set is lost", what, strict)
				}
				return nil
			}))
		}
	}
}

// A record that cannot be made: the page comes without the cookie, the log tells, and the close tries again.
func TestRecordCannotBeMade(t *testing.T) {
	table := newTable(time.Now)
	writes := 0
	table.before = func(_ context.Context, op, _ string) error {
		if op == "write" {
			if writes++; writes == 1 {
				return errors.New("disk full")
			}
		}
		return nil
	}
	var log bytes.Buffer
	m, err := New(table.handler(), Logger(slog.New(slog.NewTextHandler(&log, nil))))
	must(t, err)
	web := newWebSite(t, m, func(w http.ResponseWriter, r *http.Request) {
		s, err := m.Start(r.Context())
		must(t, err)
		must(t, s.Set("n", 1))
		w.(http.Flusher).Flush()
		if err := s.Set("n", 2); !errors.Is(err, ErrHeadersSent) {
			t.Errorf("a value that nobody could come back for: %v", err)
		}
		_, _ = io.WriteString(w, "a page")
	})
	response, body := web.get(t, "/")
	if body != "a page" || response.Header["Set-Cookie"] != nil {
		t.Errorf("%q, %q", body, response.Header)
	}
	if text := log.String(); !strings.Contains(text, "WRITE_FAILED") || !strings.Contains(text, "disk full") {
		t.Errorf("the log: %q", text)
	}
	if writes != 2 {
		t.Errorf("%d writes", writes)
	}
}

// What the program's hook sees of the headers leads to a record too, and the hook can go on.
func TestHeadersInHook(t *testing.T) {
	table := newTable(time.Now)
	seen := ""
	m := newManager(t, table.handler(), BeforeClose(func(_ context.Context, s *Session) error {
		header := http.Header{}
		s.Header(header)
		seen = header.Get("Set-Cookie")
		if table.payload(s.ID()) != "n|i:1;" {
			t.Errorf("stored: %q", table.payload(s.ID()))
		}
		return s.Set("n", 2)
	}))
	s, err := m.Open(t.Context(), "")
	must(t, err)
	must(t, s.Set("n", 1))
	must(t, s.Close())
	if !strings.Contains(seen, s.ID()) || table.payload(s.ID()) != "n|i:2;" {
		t.Errorf("%q, stored %q", seen, table.payload(s.ID()))
	}
}

// A handler that panics after the first bytes keeps nothing but the id, which the client knows.
func TestPanicAfterFirstBytes(t *testing.T) {
	overStores(t, func(t *testing.T, w *world) {
		web := newWebSite(t, w.Manager, func(rw http.ResponseWriter, r *http.Request) {
			s, err := w.Start(r.Context())
			must(t, err)
			if r.URL.Path == "/panic" {
				must(t, s.Set("n", 1))
				rw.(http.Flusher).Flush()
				panic(http.ErrAbortHandler)
			}
			if GetOr(s, "n", 0) != 0 {
				t.Error("what was not saved is there")
			}
			must(t, s.Set("n", 2))
		})
		web.client.Jar, _ = cookiejar.New(nil)
		response, err := web.client.Get(web.url + "/panic")
		must(t, err)
		id := idOf(t, response)
		_, _ = io.Copy(io.Discard, response.Body)
		_ = response.Body.Close()
		if response, _ := web.get(t, "/"); response.Header["Set-Cookie"] != nil {
			t.Errorf("%q", response.Header["Set-Cookie"])
		}
		if n := valueOfN(t, w.Manager, id); n != 2 {
			t.Errorf("n = %d", n)
		}
	}, Set("session.cookie_secure", "0"))
}

// The cookie that ExpireCookie sends is the one in force with nothing in it.
func TestExpireCookie(t *testing.T) {
	for _, settings := range [][]Option{
		nil,
		{Set("session.name", "__Host-sid")},
		{Set("session.name", "__Secure-sid"), Set("session.cookie_path", "/app"), Set("session.cookie_domain", "x.org")},
		{Set("sess.cookie_name", "site"), Set("sess.site_id", "A")},
		{Set("session.cookie_partitioned", "1"), Set("session.cookie_samesite", "None")},
	} {
		m := newManager(t, Memory(), settings...)
		s, err := m.Open(t.Context(), "")
		must(t, err)
		must(t, s.Set("n", 1))
		header := http.Header{}
		s.Header(header)
		sent := header.Get("Set-Cookie")
		must(t, s.Destroy())
		must(t, s.ExpireCookie())
		header = http.Header{"Set-Cookie": {sent}}
		s.Header(header)
		lines := header["Set-Cookie"]
		name, rest, _ := strings.Cut(sent, "=")
		_, attributes, _ := strings.Cut(rest, ";")
		want := name + "=; expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0;" + attributes
		if len(lines) != 1 || lines[0] != want {
			t.Errorf("%q, not %q", lines, want)
		}
		s.Release()
	}
	m := newManager(t, Memory())
	web := newWebSite(t, m, func(w http.ResponseWriter, r *http.Request) {
		w.(http.Flusher).Flush()
		if err := m.Session(r.Context()).ExpireCookie(); !errors.Is(err, ErrHeadersSent) {
			t.Error(err)
		}
	})
	web.get(t, "/")
}
