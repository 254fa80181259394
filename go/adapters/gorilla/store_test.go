package gorilla

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/sessions"

	"example.com/libsess/go/sess"
)

const name = "PHPSESSID"

var _ sessions.Store = (*Store)(nil)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func newStore(t testing.TB, dir string, opts ...sess.Option) *Store {
	t.Helper()
	mgr, err := sess.New(sess.Files(dir), append(opts, sess.Logger(slog.New(slog.DiscardHandler)))...)
	must(t, err)
	t.Cleanup(func() { must(t, mgr.Close()) })
	return NewStore(mgr)
}

// visit is a request with a cookie; "" is none.
func visit(cookie string) (*http.Request, *httptest.ResponseRecorder) {
	r := httptest.NewRequest("GET", "/", nil)
	if cookie != "" {
		r.Header.Set("Cookie", cookie)
	}
	return r, httptest.NewRecorder()
}

// cookieOf is the one cookie of a response, "" if there is none.
func cookieOf(t testing.TB, w *httptest.ResponseRecorder) string {
	t.Helper()
	cookies := w.Header().Values("Set-Cookie")
	if len(cookies) > 1 {
		t.Fatalf("%d cookies: %q", len(cookies), cookies)
	}
	if len(cookies) == 0 {
		return ""
	}
	pair, _, _ := strings.Cut(cookies[0], ";")
	return pair
}

// change is a whole request that edits the values, and returns the cookie that the client has after it.
func change(t testing.TB, store *Store, cookie string, edit func(map[any]any)) string {
	t.Helper()
	r, w := visit(cookie)
	session, err := store.Get(r, name)
	must(t, err)
	edit(session.Values)
	must(t, session.Save(r, w))
	if sent := cookieOf(t, w); sent != "" {
		return sent
	}
	return cookie
}

func values(t testing.TB, store *Store, cookie string) map[any]any {
	t.Helper()
	r, _ := visit(cookie)
	session, err := store.Get(r, name)
	must(t, err)
	return session.Values
}

func TestSaveAndGet(t *testing.T) {
	store := newStore(t, t.TempDir())
	r, w := visit("")
	session, err := store.Get(r, name)
	must(t, err)
	if !session.IsNew || session.ID != "" || len(session.Values) != 0 {
		t.Errorf("a new session: %+v", session)
	}
	if again, _ := store.Get(r, name); again != session {
		t.Error("Get makes another session of the same request")
	}
	session.Values["n"] = 1
	session.Values["list"] = []any{"a", 2}
	session.AddFlash("hello")
	must(t, session.Save(r, w))
	if session.IsNew || session.ID == "" {
		t.Errorf("after Save: %+v", session)
	}
	cookie := cookieOf(t, w)
	if cookie != name+"="+session.ID {
		t.Fatalf("the cookie is %q", cookie)
	}

	r, w = visit(cookie)
	session, err = store.Get(r, name)
	must(t, err)
	if session.IsNew || session.Values["n"] != 1 || fmt.Sprint(session.Values["list"]) != "[a 2]" {
		t.Errorf("the next request sees %+v", session)
	}
	if flashes := session.Flashes(); len(flashes) != 1 || flashes[0] != "hello" {
		t.Errorf("flashes: %v", flashes)
	}
	must(t, session.Save(r, w))
	if got := cookieOf(t, w); got != "" {
		t.Errorf("a cookie that the client has: %q", got)
	}
	if _, is := values(t, store, cookie)["_flash"]; is {
		t.Error("the flash message is there again")
	}
}

// Only what was changed is applied, to what is there by now.
func TestDifferentKeys(t *testing.T) {
	store := newStore(t, t.TempDir())
	cookie := change(t, store, "", func(v map[any]any) {
		v["a"], v["b"], v["gone"], v["inside"] = 1, 1, 1, map[string]any{"n": 1}
	})
	r1, w1 := visit(cookie)
	first, err := store.Get(r1, name)
	must(t, err)
	r2, w2 := visit(cookie)
	second, err := store.Get(r2, name)
	must(t, err)
	first.Values["a"] = 2
	first.Values["inside"].(map[string]any)["n"] = 2
	second.Values["b"] = 2
	delete(second.Values, "gone")
	must(t, second.Save(r2, w2))
	must(t, first.Save(r1, w1))
	got := values(t, store, cookie)
	inside, _ := got["inside"].(map[string]any)
	if len(got) != 3 || got["a"] != 2 || got["b"] != 2 || inside["n"] != 2 {
		t.Errorf("both changes made %v", got)
	}
}

// The same key twice: the last one wins.
func TestSameKey(t *testing.T) {
	store := newStore(t, t.TempDir())
	cookie := change(t, store, "", func(v map[any]any) { v["n"] = 0 })
	r1, w1 := visit(cookie)
	first, err := store.Get(r1, name)
	must(t, err)
	change(t, store, cookie, func(v map[any]any) { v["n"] = 10 })
	first.Values["n"] = 1
	must(t, first.Save(r1, w1))
	if got := values(t, store, cookie)["n"]; got != 1 {
		t.Errorf("n is %v", got)
	}
}

// No lock is held from Get to Save.
func TestGetLetsGo(t *testing.T) {
	store := newStore(t, t.TempDir(), sess.Set("sess.lock_timeout_ms", "0"))
	cookie := change(t, store, "", func(v map[any]any) { v["n"] = 0 })
	r, _ := visit(cookie)
	_, err := store.Get(r, name)
	must(t, err)
	change(t, store, cookie, func(v map[any]any) { v["n"] = 1 })
}

// Requests at once that change keys of their own lose nothing.
func TestAtOnce(t *testing.T) {
	store := newStore(t, t.TempDir(), sess.Set("sess.lock_timeout_ms", "-1"))
	cookie := change(t, store, "", func(v map[any]any) { v["n"] = 0 })
	const crowd = 50
	var group sync.WaitGroup
	for i := range crowd {
		group.Go(func() {
			change(t, store, cookie, func(v map[any]any) { v[fmt.Sprint("key", i)] = i })
		})
	}
	group.Wait()
	if got := values(t, store, cookie); len(got) != crowd+1 {
		t.Errorf("%d keys of %d", len(got)-1, crowd)
	}
}

// Saving twice in one request makes one session.
func TestSaveTwice(t *testing.T) {
	store := newStore(t, t.TempDir())
	r, w := visit("")
	session, err := store.Get(r, name)
	must(t, err)
	session.Values["a"] = 1
	must(t, session.Save(r, w))
	id := session.ID
	session.Values["b"] = 2
	must(t, session.Save(r, w))
	if session.ID != id || cookieOf(t, w) != name+"="+id {
		t.Errorf("%d cookies", len(w.Header().Values("Set-Cookie")))
	}
	want := map[any]any{"a": 1, "b": 2}
	if got := values(t, store, name+"="+id); !maps.Equal(got, want) {
		t.Errorf("stored is %v", got)
	}
}

// A MaxAge below zero is a logout.
func TestDestroy(t *testing.T) {
	store := newStore(t, t.TempDir())
	cookie := change(t, store, "", func(v map[any]any) { v["n"] = 1 })
	r, w := visit(cookie)
	session, err := store.Get(r, name)
	must(t, err)
	session.Options.MaxAge = -1
	must(t, session.Save(r, w))
	if got := w.Header().Values("Set-Cookie"); len(got) != 1 || !strings.Contains(got[0], "Max-Age=0") {
		t.Errorf("the cookie is not taken away: %q", got)
	}
	r, _ = visit(cookie)
	if session, err = store.Get(r, name); err != nil || !session.IsNew {
		t.Errorf("the session is still there: %v", err)
	}
}

// The cookie of a logout is the manager's, whatever Options are by then: another one leaves the old one in the browser.
func TestCookieOfLogout(t *testing.T) {
	for what, settings := range map[string][]sess.Option{
		"defaults":    nil,
		"__Host-":     {sess.Set("session.name", "__Host-sid"), sess.Set("sess.cookie_secure", "on")},
		"path":        {sess.Set("session.cookie_path", "/app"), sess.Set("session.cookie_domain", "x.org")},
		"site":        {sess.Set("sess.cookie_name", "site"), sess.Set("sess.site_id", "A")},
		"partitioned": {sess.Set("session.cookie_partitioned", "1"), sess.Set("session.cookie_samesite", "None"), sess.Set("sess.cookie_secure", "on")},
	} {
		for _, behind := range []bool{false, true} {
			mgr, err := sess.New(sess.Files(t.TempDir()), append(settings, sess.Logger(slog.New(slog.DiscardHandler)))...)
			must(t, err)
			store := NewStore(mgr)
			name, _ := mgr.Directive("session.name")
			var handler http.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				session, err := store.Get(r, name)
				must(t, err)
				if r.URL.Path == "/account/logout" {
					session.Options = &sessions.Options{MaxAge: -1}
				} else {
					session.Values["user"] = "eve"
				}
				must(t, session.Save(r, w))
			})
			if behind {
				handler = mgr.Middleware(handler)
			}
			r, w := visit("")
			handler.ServeHTTP(w, r)
			sent := w.Header().Get("Set-Cookie")
			r, w = visit(cookieOf(t, w))
			r.URL.Path = "/account/logout"
			handler.ServeHTTP(w, r)
			called, rest, _ := strings.Cut(sent, "=")
			_, attributes, _ := strings.Cut(rest, ";")
			want := called + "=; expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0;" + attributes
			if got := w.Header().Values("Set-Cookie"); len(got) != 1 || got[0] != want {
				t.Errorf("%s, behind Middleware %v: %q, not %q", what, behind, got, want)
			}
			must(t, mgr.Close())
		}
	}
}

// A logout is not undone by a request that began before it.
func TestSaveAfterDestroy(t *testing.T) {
	store := newStore(t, t.TempDir())
	cookie := change(t, store, "", func(v map[any]any) { v["user"] = "eve" })
	r, w := visit(cookie)
	late, err := store.Get(r, name)
	must(t, err)
	r2, w2 := visit(cookie)
	ending, err := store.Get(r2, name)
	must(t, err)
	ending.Options.MaxAge = -1
	must(t, ending.Save(r2, w2))
	late.Values["n"] = 1
	if err := late.Save(r, w); !errors.Is(err, sess.ErrGone) {
		t.Errorf("Save: %v", err)
	}
}

// Regenerate moves everything to a new id.
func TestRegenerate(t *testing.T) {
	store := newStore(t, t.TempDir())
	old := change(t, store, "", func(v map[any]any) { v["n"] = 1 })
	r, w := visit(old)
	session, err := store.Get(r, name)
	must(t, err)
	session.Values["user"] = "eve"
	must(t, store.Regenerate(r, w, session))
	cookie := cookieOf(t, w)
	if cookie == "" || cookie == old || cookie != name+"="+session.ID {
		t.Fatalf("the cookie is %q", cookie)
	}
	want := map[any]any{"n": 1, "user": "eve"}
	if got := values(t, store, cookie); !maps.Equal(got, want) {
		t.Errorf("stored is %v", got)
	}
	if got := values(t, store, old); len(got) != 0 {
		t.Error("the old id still opens the session")
	}
	session.Values["n"] = 2
	must(t, session.Save(r, w))
	if got := values(t, store, cookie)["n"]; got != 2 {
		t.Errorf("saved after Regenerate: %v", got)
	}
}

// Sessions of two names are two.
func TestTwoNames(t *testing.T) {
	store := newStore(t, t.TempDir())
	r, w := visit("")
	for _, name := range []string{name, "other"} {
		session, err := store.Get(r, name)
		must(t, err)
		session.Values["name"] = name
	}
	must(t, sessions.Save(r, w))
	cookies := w.Result().Cookies()
	if len(cookies) != 2 {
		t.Fatalf("%d cookies", len(cookies))
	}
	next, _ := visit("")
	for _, cookie := range cookies {
		next.AddCookie(cookie)
	}
	for _, name := range []string{name, "other"} {
		session, err := store.Get(next, name)
		must(t, err)
		if session.Values["name"] != name {
			t.Errorf("%s holds %v", name, session.Values)
		}
	}
}

// What PHP has no form for is an error, and nothing is saved.
func TestWhatPHPCannotHold(t *testing.T) {
	store := newStore(t, t.TempDir())
	for key, value := range map[any]any{"channel": make(chan int), 5: "a key that is no string"} {
		r, w := visit("")
		session, err := store.Get(r, name)
		must(t, err)
		session.Values["n"] = 1
		session.Values[key] = value
		if err := session.Save(r, w); !errors.Is(err, sess.ErrType) {
			t.Errorf("Save: %v", err)
		}
		if cookie := cookieOf(t, w); cookie != "" {
			t.Errorf("a cookie: %q", cookie)
		}
	}
}

// Behind the manager's Middleware there is one session, open or not.
func TestBehindMiddleware(t *testing.T) {
	store := newStore(t, t.TempDir(), sess.Set("sess.lock_timeout_ms", "0"))
	for _, open := range []bool{false, true} {
		r, w := visit("")
		store.mgr.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if open {
				_, err := store.mgr.Start(r.Context())
				must(t, err)
			}
			session, err := store.Get(r, name)
			must(t, err)
			session.Values["n"] = 1
			must(t, session.Save(r, w))
		})).ServeHTTP(w, r)
		if got := values(t, store, cookieOf(t, w))["n"]; got != 1 {
			t.Errorf("open before: %v: n is %v", open, got)
		}
	}
}

// What Get remembers goes with its session.
func TestNothingIsKept(t *testing.T) {
	store := newStore(t, t.TempDir())
	cookie := change(t, store, "", func(v map[any]any) { v["n"] = 0 })
	for range 100 {
		values(t, store, cookie)
	}
	left := -1
	for range 100 {
		runtime.GC()
		store.mu.Lock()
		left = len(store.seen)
		store.mu.Unlock()
		if left == 0 {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Errorf("%d records are left", left)
}

const phpCount = `
session_save_path($argv[1]);
session_id($argv[2]);
session_start() || exit(1);
$_SESSION['n']++;
$_SESSION['object'] = new ArrayObject([1]);
session_write_close() || exit(2);
`

// PHP changes the session, and what Go has no type for survives a change in Go.
func TestWithPHP(t *testing.T) {
	php, err := exec.LookPath("php")
	if err != nil {
		t.Fatal("php is missing: apt-get install php-cli")
	}
	dir := t.TempDir()
	store := newStore(t, dir)
	cookie := change(t, store, "", func(v map[any]any) { v["n"] = 1 })
	id := strings.TrimPrefix(cookie, name+"=")
	out, err := exec.CommandContext(t.Context(), php, "-n", "-d", "session.use_cookies=0", "-d", "session.cache_limiter=",
		"-r", phpCount, "--", dir, id).CombinedOutput()
	if err != nil || len(out) > 0 {
		t.Fatalf("php: %v: %s", err, out)
	}
	var before string
	must(t, store.mgr.View(context.Background(), id, func(s *sess.Session) error {
		before = string(s.Value("object").Serialize())
		return nil
	}))
	change(t, store, cookie, func(v map[any]any) {
		if v["n"] != 2 {
			t.Errorf("n is %v after PHP", v["n"])
		}
		v["n"] = 3
	})
	must(t, store.mgr.View(context.Background(), id, func(s *sess.Session) error {
		if after := string(s.Value("object").Serialize()); after != before || before == "" {
			t.Errorf("the object was %q and is %q", before, after)
		}
		return nil
	}))
}
