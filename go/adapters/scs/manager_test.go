package scs

import (
	"bytes"
	"context"
	"encoding/gob"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	real "github.com/alexedwards/scs/v2"

	"example.com/libsess/go/sess"
)

// methods are those that programs which change over go on using: scs's own have the same form.
type methods interface {
	Clear(context.Context) error
	Destroy(context.Context) error
	Exists(context.Context, string) bool
	Get(context.Context, string) any
	GetBool(context.Context, string) bool
	GetBytes(context.Context, string) []byte
	GetFloat(context.Context, string) float64
	GetInt(context.Context, string) int
	GetInt32(context.Context, string) int32
	GetInt64(context.Context, string) int64
	GetString(context.Context, string) string
	GetTime(context.Context, string) time.Time
	Keys(context.Context) []string
	LoadAndSave(http.Handler) http.Handler
	Pop(context.Context, string) any
	PopBool(context.Context, string) bool
	PopBytes(context.Context, string) []byte
	PopFloat(context.Context, string) float64
	PopInt(context.Context, string) int
	PopString(context.Context, string) string
	PopTime(context.Context, string) time.Time
	Put(context.Context, string, any)
	Remove(context.Context, string)
	RenewToken(context.Context) error
	Token(context.Context) string
}

var (
	_ methods = (*SessionManager)(nil)
	_ methods = (*real.SessionManager)(nil)
)

func TestMain(m *testing.M) {
	// The packages' default answers log.
	slog.SetDefault(slog.New(slog.DiscardHandler))
	// What scs asks of programs that store times.
	gob.Register(time.Time{})
	m.Run()
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func newManager(t testing.TB, h sess.Handler, opts ...sess.Option) *SessionManager {
	t.Helper()
	mgr, err := sess.New(h, append(opts, sess.Logger(slog.New(slog.DiscardHandler)))...)
	must(t, err)
	t.Cleanup(func() { must(t, mgr.Close()) })
	return New(mgr)
}

// visitor is a browser at a server with one handler for each path.
type visitor struct {
	t      *testing.T
	base   string
	client *http.Client
}

func newVisitor(t *testing.T, m methods, pages map[string]http.HandlerFunc) *visitor {
	t.Helper()
	mux := http.NewServeMux()
	for path, page := range pages {
		mux.HandleFunc(path, page)
	}
	server := httptest.NewServer(m.LoadAndSave(mux))
	t.Cleanup(server.Close)
	jar, err := cookiejar.New(nil)
	must(t, err)
	return &visitor{t, server.URL, &http.Client{Jar: jar, Timeout: time.Minute}}
}

func (v *visitor) get(path string) (*http.Response, string) {
	v.t.Helper()
	response, err := v.client.Get(v.base + path)
	must(v.t, err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	must(v.t, err)
	return response, string(body)
}

func (v *visitor) expect(path, want string) *http.Response {
	v.t.Helper()
	response, body := v.get(path)
	if body != want {
		v.t.Errorf("%s is %q, not %q", path, body, want)
	}
	return response
}

func (v *visitor) id() string {
	v.t.Helper()
	base, err := url.Parse(v.base)
	must(v.t, err)
	for _, cookie := range v.client.Jar.Cookies(base) {
		return cookie.Value
	}
	return ""
}

// What is put by one request the next one gets, by either package.
func TestPutAndGet(t *testing.T) {
	when := time.Date(2026, 5, 4, 3, 2, 1, 0, time.UTC)
	for name, m := range map[string]methods{"libsess": newManager(t, sess.Files(t.TempDir())), "scs": real.New()} {
		t.Run(name, func(t *testing.T) {
			pages := map[string]http.HandlerFunc{
				"/put": func(_ http.ResponseWriter, r *http.Request) {
					for key, value := range map[string]any{
						"string": "text", "bool": true, "int": 42, "float": 1.5, "bytes": []byte{0, 255}, "time": when,
					} {
						m.Put(r.Context(), key, value)
					}
				},
				"/get": func(_ http.ResponseWriter, r *http.Request) {
					ctx := r.Context()
					if m.GetString(ctx, "string") != "text" || !m.GetBool(ctx, "bool") || m.GetInt(ctx, "int") != 42 ||
						m.GetFloat(ctx, "float") != 1.5 || !bytes.Equal(m.GetBytes(ctx, "bytes"), []byte{0, 255}) ||
						!m.GetTime(ctx, "time").Equal(when) || m.Get(ctx, "int") != 42 || m.Get(ctx, "string") != "text" {
						t.Error("what was put is not what is there")
					}
					// Of another type, and not there.
					if m.GetInt(ctx, "string") != 0 || m.GetString(ctx, "int") != "" || m.Get(ctx, "none") != nil ||
						m.GetBytes(ctx, "none") != nil || !m.GetTime(ctx, "none").IsZero() {
						t.Error("something is there that was not put")
					}
					want := []string{"bool", "bytes", "float", "int", "string", "time"}
					if keys := m.Keys(ctx); !slices.Equal(keys, want) || m.Exists(ctx, "none") || !m.Exists(ctx, "int") {
						t.Errorf("keys: %q", keys)
					}
				},
				"/pop": func(_ http.ResponseWriter, r *http.Request) {
					ctx := r.Context()
					if m.PopInt(ctx, "int") != 42 || m.PopString(ctx, "string") != "text" || !m.PopBool(ctx, "bool") ||
						m.PopFloat(ctx, "float") != 1.5 || !bytes.Equal(m.PopBytes(ctx, "bytes"), []byte{0, 255}) ||
						!m.PopTime(ctx, "time").Equal(when) || m.Pop(ctx, "none") != nil {
						t.Error("what is popped is not what is there")
					}
				},
				"/left": func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, m.Keys(r.Context())) },
			}
			v := newVisitor(t, m, pages)
			v.get("/put")
			v.get("/get")
			v.get("/pop")
			v.expect("/left", "[]")
		})
	}
}

// A login's new id, a logout, and a new session in the request of the logout.
func TestRenewAndDestroy(t *testing.T) {
	for name, m := range map[string]methods{"libsess": newManager(t, sess.Files(t.TempDir())), "scs": real.New()} {
		t.Run(name, func(t *testing.T) {
			v := newVisitor(t, m, map[string]http.HandlerFunc{
				"/n": func(w http.ResponseWriter, r *http.Request) {
					m.Put(r.Context(), "n", m.GetInt(r.Context(), "n")+1)
					fmt.Fprint(w, m.GetInt(r.Context(), "n"))
				},
				"/login": func(_ http.ResponseWriter, r *http.Request) {
					if err := m.RenewToken(r.Context()); err != nil {
						t.Error(err)
					}
				},
				"/logout": func(w http.ResponseWriter, r *http.Request) {
					if err := m.Destroy(r.Context()); err != nil {
						t.Error(err)
					}
					fmt.Fprint(w, m.GetInt(r.Context(), "n"))
				},
				"/restart": func(_ http.ResponseWriter, r *http.Request) {
					if err := m.Destroy(r.Context()); err != nil {
						t.Error(err)
					}
					m.Put(r.Context(), "n", 10)
				},
				"/clear": func(_ http.ResponseWriter, r *http.Request) {
					if err := m.Clear(r.Context()); err != nil {
						t.Error(err)
					}
				},
			})
			v.expect("/n", "1")
			before := v.id()
			v.get("/login")
			if after := v.id(); after == before || after == "" {
				t.Error("the id is the one from before the login")
			}
			v.expect("/n", "2")
			renewed := v.id()
			v.get("/restart")
			if after := v.id(); after == renewed || after == "" {
				t.Error("the id is the one from before the restart")
			}
			v.expect("/n", "11")
			v.get("/clear")
			v.expect("/n", "1")
			v.expect("/logout", "0")
			if id := v.id(); id != "" {
				t.Error("the client keeps its cookie after the logout")
			}
			v.expect("/n", "1")
		})
	}
}

// The cookie that Destroy takes away is the manager's, with its name, path and attributes.
func TestCookieOfDestroy(t *testing.T) {
	for what, settings := range map[string][]sess.Option{
		"defaults":    nil,
		"__Host-":     {sess.Set("session.name", "__Host-sid"), sess.Set("sess.cookie_secure", "on")},
		"path":        {sess.Set("session.cookie_path", "/app"), sess.Set("session.cookie_domain", "x.org")},
		"site":        {sess.Set("sess.cookie_name", "site"), sess.Set("sess.site_id", "A")},
		"partitioned": {sess.Set("session.cookie_partitioned", "1"), sess.Set("session.cookie_samesite", "None"), sess.Set("sess.cookie_secure", "on")},
	} {
		m := newManager(t, sess.Files(t.TempDir()), settings...)
		handler := m.LoadAndSave(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/logout" {
				must(t, m.Destroy(r.Context()))
			} else {
				m.Put(r.Context(), "user", "eve")
			}
		}))
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
		sent := w.Header().Get("Set-Cookie")
		pair, attributes, _ := strings.Cut(sent, ";")
		name, _, _ := strings.Cut(pair, "=")
		r := httptest.NewRequest("GET", "/logout", nil)
		r.Header.Set("Cookie", pair)
		w = httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		want := name + "=; expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0;" + attributes
		if got := w.Header().Values("Set-Cookie"); len(got) != 1 || got[0] != want {
			t.Errorf("%s: %q, not %q", what, got, want)
		}
	}
}

// The next request, sent after the first bytes of the page that renews the id, waits for that page.
func TestRenewAndFlush(t *testing.T) {
	goOn := make(chan bool)
	m := newManager(t, sess.Files(t.TempDir()), sess.Set("session.cookie_secure", "0"))
	v := newVisitor(t, m, map[string]http.HandlerFunc{
		"/cart": func(_ http.ResponseWriter, r *http.Request) { m.Put(r.Context(), "cart", "full") },
		"/login": func(w http.ResponseWriter, r *http.Request) {
			if err := m.RenewToken(r.Context()); err != nil {
				t.Error(err)
			}
			m.Put(r.Context(), "user", "eve")
			w.(http.Flusher).Flush()
			<-goOn
			m.Put(r.Context(), "late", true)
		},
		"/who": func(w http.ResponseWriter, r *http.Request) {
			m.Put(r.Context(), "seen", true)
			fmt.Fprint(w, m.GetString(r.Context(), "user"), m.GetString(r.Context(), "cart"), m.GetBool(r.Context(), "late"))
		},
	})
	v.get("/cart")
	login, err := v.client.Get(v.base + "/login")
	must(t, err)
	renewed := v.id()
	time.AfterFunc(50*time.Millisecond, func() { close(goOn) })
	v.expect("/who", "evefulltrue")
	if v.id() != renewed {
		t.Error("the next request got another cookie")
	}
	_, _ = io.Copy(io.Discard, login.Body)
	must(t, login.Body.Close())
}

// Status follows what a request does.
func TestStatus(t *testing.T) {
	m := newManager(t, sess.Files(t.TempDir()))
	v := newVisitor(t, m, map[string]http.HandlerFunc{"/": func(_ http.ResponseWriter, r *http.Request) {
		ctx := r.Context()
		for _, step := range []struct {
			do   func()
			want Status
		}{
			{func() { m.Get(ctx, "n") }, Unmodified},
			{func() { m.Remove(ctx, "n") }, Unmodified},
			{func() { _ = m.Clear(ctx) }, Unmodified},
			{func() { m.Put(ctx, "n", 1) }, Modified},
			{func() { _ = m.Destroy(ctx) }, Destroyed},
			{func() { m.Get(ctx, "n") }, Destroyed},
			{func() { m.Put(ctx, "n", 1) }, Modified},
		} {
			if step.do(); m.Status(ctx) != step.want {
				t.Errorf("status %d, not %d", m.Status(ctx), step.want)
			}
		}
	}})
	v.get("/")
}

// A request that does not use its session gets no header and makes no session.
func TestUntouched(t *testing.T) {
	m := newManager(t, sess.Files("/there/is/no/such/directory"))
	v := newVisitor(t, m, map[string]http.HandlerFunc{"/": func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "ok") }})
	response := v.expect("/", "ok")
	for _, name := range []string{"Set-Cookie", "Vary", "Cache-Control"} {
		if value := response.Header.Get(name); value != "" {
			t.Errorf("%s: %s", name, value)
		}
	}
}

// The cookie of a handler that flushes first arrives; scs loses it.
func TestFlushFirst(t *testing.T) {
	m := newManager(t, sess.Files(t.TempDir()))
	v := newVisitor(t, m, map[string]http.HandlerFunc{
		"/": func(w http.ResponseWriter, r *http.Request) {
			m.Put(r.Context(), "n", 1)
			must(t, http.NewResponseController(w).Flush())
			fmt.Fprint(w, "body")
		},
	})
	if response := v.expect("/", "body"); len(response.Header.Values("Set-Cookie")) != 1 {
		t.Error("no cookie")
	}
}

// What is put after the first byte is stored; scs loses it.
func TestLateChange(t *testing.T) {
	m := newManager(t, sess.Files(t.TempDir()))
	v := newVisitor(t, m, map[string]http.HandlerFunc{
		"/": func(w http.ResponseWriter, r *http.Request) {
			m.Put(r.Context(), "n", 1)
			fmt.Fprint(w, "body")
			m.Put(r.Context(), "n", 2)
		},
		"/n": func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, m.GetInt(r.Context(), "n")) },
	})
	v.expect("/", "body")
	v.expect("/n", "2")
}

// Of 51 increments at once none is lost; scs ends with 3 or so.
func TestIncrementsAtOnce(t *testing.T) {
	m := newManager(t, sess.Files(t.TempDir()), sess.Set("sess.lock_timeout_ms", "-1"))
	v := newVisitor(t, m, map[string]http.HandlerFunc{
		"/": func(w http.ResponseWriter, r *http.Request) {
			n := m.GetInt(r.Context(), "n")
			time.Sleep(time.Millisecond)
			m.Put(r.Context(), "n", n+1)
		},
		"/n": func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, m.GetInt(r.Context(), "n")) },
	})
	v.get("/")
	var group sync.WaitGroup
	for range 50 {
		group.Go(func() {
			response, err := v.client.Get(v.base + "/")
			if err != nil {
				t.Error(err)
				return
			}
			response.Body.Close()
		})
	}
	group.Wait()
	v.expect("/n", "51")
}

// A session that cannot be started answers the request, and so does a value that PHP has no form for, of which
// nothing is stored.
func TestFailures(t *testing.T) {
	m := newManager(t, sess.Files(t.TempDir()), sess.Set("sess.lock_timeout_ms", "0"))
	var told error
	m.ErrorFunc = func(w http.ResponseWriter, _ *http.Request, err error) {
		told = err
		http.Error(w, "sorry", http.StatusTeapot)
	}
	v := newVisitor(t, m, map[string]http.HandlerFunc{
		"/n": func(w http.ResponseWriter, r *http.Request) {
			m.Put(r.Context(), "n", m.GetInt(r.Context(), "n")+1)
			fmt.Fprint(w, m.GetInt(r.Context(), "n"))
		},
		"/channel": func(_ http.ResponseWriter, r *http.Request) {
			m.Put(r.Context(), "n", 100)
			m.Put(r.Context(), "channel", make(chan int))
		},
	})
	v.expect("/n", "1")
	holder, err := m.mgr.Open(t.Context(), v.id())
	must(t, err)
	defer holder.Release()
	if response := v.expect("/n", "sorry\n"); response.StatusCode != http.StatusTeapot || !errors.Is(told, sess.ErrLocked) {
		t.Errorf("a lock timeout: %v", told)
	}
	m.ErrorFunc = nil
	if response, _ := v.get("/n"); response.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("a lock timeout answers %s", response.Status)
	}
	must(t, holder.Close())
	if response, _ := v.get("/channel"); response.StatusCode != http.StatusInternalServerError {
		t.Errorf("a channel answers %s", response.Status)
	}
	v.expect("/n", "2")
}

// A panic of the handler's own goes on to the server, and nothing is stored.
func TestPanic(t *testing.T) {
	m := newManager(t, sess.Files(t.TempDir()))
	handler := m.LoadAndSave(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		m.Put(r.Context(), "n", 1)
		panic("the handler's")
	}))
	w := httptest.NewRecorder()
	func() {
		defer func() {
			if v := recover(); v != "the handler's" {
				t.Errorf("recovered %v", v)
			}
		}()
		handler.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	}()
	if cookies := w.Header().Values("Set-Cookie"); len(cookies) != 0 {
		t.Errorf("cookies: %q", cookies)
	}
}

// Unlock lets others in while the handler goes on, and what is put later is stored too.
func TestUnlock(t *testing.T) {
	m := newManager(t, sess.Files(t.TempDir()), sess.Set("sess.lock_timeout_ms", "0"))
	var v *visitor
	v = newVisitor(t, m, map[string]http.HandlerFunc{
		"/n": func(w http.ResponseWriter, r *http.Request) {
			m.Put(r.Context(), "n", m.GetInt(r.Context(), "n")+1)
			fmt.Fprint(w, m.GetInt(r.Context(), "n"))
		},
		"/long": func(w http.ResponseWriter, r *http.Request) {
			m.Put(r.Context(), "n", 10)
			if err := m.Unlock(r.Context()); err != nil {
				t.Error(err)
			}
			if m.GetInt(r.Context(), "n") != 10 {
				t.Error("unlocked data cannot be read")
			}
			v.expect("/n", "11")
			m.Put(r.Context(), "late", true)
		},
		"/late": func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprint(w, m.GetInt(r.Context(), "n"), m.GetBool(r.Context(), "late"))
		},
	})
	v.expect("/n", "1")
	v.get("/long")
	v.expect("/late", "11 true")
}

// Without LoadAndSave it is the program that is wrong.
func TestNoMiddleware(t *testing.T) {
	m := newManager(t, sess.Files(t.TempDir()))
	defer func() {
		if v := recover(); v != "scs: no session data in context" {
			t.Errorf("recovered %v", v)
		}
	}()
	m.Get(t.Context(), "n")
}

const phpCount = `
session_save_path($argv[1]);
session_id($argv[2]);
session_start() || exit(1);
echo $_SESSION['n']++;
session_write_close() || exit(2);
`

// PHP goes on with the session.
func TestWithPHP(t *testing.T) {
	php, err := exec.LookPath("php")
	if err != nil {
		t.Fatal("php is missing: apt-get install php-cli")
	}
	dir := t.TempDir()
	m := newManager(t, sess.Files(dir))
	v := newVisitor(t, m, map[string]http.HandlerFunc{
		"/n": func(w http.ResponseWriter, r *http.Request) {
			m.Put(r.Context(), "n", m.GetInt(r.Context(), "n")+1)
			fmt.Fprint(w, m.GetInt(r.Context(), "n"))
		},
	})
	v.expect("/n", "1")
	out, err := exec.CommandContext(t.Context(), php, "-n", "-d", "session.use_cookies=0", "-d", "session.cache_limiter=",
		"-r", phpCount, "--", dir, v.id()).CombinedOutput()
	if err != nil || string(out) != "1" {
		t.Fatalf("php: %v: %s", err, out)
	}
	v.expect("/n", "3")
}
