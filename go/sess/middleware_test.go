package sess

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"
)

// webSite is a server behind Middleware and a browser.
type webSite struct {
	m      *Manager
	url    string
	client *http.Client
}

func newWebSite(t testing.TB, m *Manager, handler http.HandlerFunc) *webSite {
	t.Helper()
	server := httptest.NewServer(m.Middleware(handler))
	t.Cleanup(server.Close)
	jar, err := cookiejar.New(nil)
	must(t, err)
	client := server.Client()
	client.Jar = jar
	client.Timeout = time.Minute
	return &webSite{m, server.URL, client}
}

func (w *webSite) get(t testing.TB, path string) (*http.Response, string) {
	t.Helper()
	response, err := w.client.Get(w.url + path)
	must(t, err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	must(t, err)
	return response, string(body)
}

// idOf is the session id that a response gives the client.
func idOf(t testing.TB, response *http.Response) string {
	t.Helper()
	var id string
	for _, c := range response.Cookies() {
		if c.Name == "PHPSESSID" {
			if id != "" {
				t.Errorf("several session cookies: %q", response.Header["Set-Cookie"])
			}
			id = c.Value
		}
	}
	if id == "" {
		t.Fatalf("no session cookie in %q", response.Header)
	}
	return id
}

func wantNoHeaders(t *testing.T, h http.Header) {
	t.Helper()
	for _, name := range []string{"Set-Cookie", "Vary", "Cache-Control", "Expires", "Pragma", "Last-Modified"} {
		if h[name] != nil {
			t.Errorf("%s: %q", name, h[name])
		}
	}
}

// counting is a handler that notes what is called.
func counting(calls *[]string) Handler {
	var mu sync.Mutex
	note := func(name string) {
		mu.Lock()
		defer mu.Unlock()
		*calls = append(*calls, name)
	}
	h, _ := Funcs{
		Open:    func(context.Context, string, string) error { note("open"); return nil },
		Close:   func(context.Context) error { note("close"); return nil },
		Read:    func(context.Context, string) ([]byte, error) { note("read"); return nil, nil },
		Write:   func(context.Context, string, []byte) error { note("write"); return nil },
		Destroy: func(context.Context, string) error { note("destroy"); return nil },
		GC:      func(context.Context, time.Duration) (int, error) { return 0, nil },
	}.Handler()
	return h
}

// A handler that does not touch the session costs nothing: no call, no header, also for a client with a cookie.
func TestUntouchedSession(t *testing.T) {
	var calls []string
	m := newManager(t, counting(&calls))
	web := newWebSite(t, m, func(w http.ResponseWriter, r *http.Request) {
		if m.Session(r.Context()).Status() != None {
			t.Error("started")
		}
		_, _ = io.WriteString(w, "static")
	})
	request, err := http.NewRequest("GET", web.url, nil)
	must(t, err)
	request.Header.Set("Cookie", "PHPSESSID=0123456789abcdef0123456789abcdef")
	response, err := web.client.Do(request)
	must(t, err)
	response.Body.Close()
	wantNoHeaders(t, response.Header)
	if m.Session(context.Background()) != nil {
		t.Error("a session without a request")
	}
	if calls != nil || len(m.idle) != 0 {
		t.Errorf("the store was asked: %q", calls)
	}
}

// A started session that stays empty is not made, so its client gets no cookie; but what it sees is its own.
func TestEmptySession(t *testing.T) {
	dir := t.TempDir()
	m := newManager(t, Files(dir))
	web := newWebSite(t, m, func(w http.ResponseWriter, r *http.Request) {
		_, err := m.Start(r.Context())
		must(t, err)
	})
	response, _ := web.get(t, "/")
	if response.Header["Set-Cookie"] != nil || response.Header.Get("Cache-Control") == "" {
		t.Errorf("headers %q", response.Header)
	}
	files, err := os.ReadDir(dir)
	must(t, err)
	for _, f := range files {
		if strings.HasPrefix(f.Name(), "sess_") {
			t.Errorf("left behind: %s", f.Name())
		}
	}
}

// Known trouble elsewhere: parallel requests of one visitor overwrite each other's changes.
func TestParallelIncrements(t *testing.T) {
	m := newManager(t, Files(t.TempDir()))
	web := newWebSite(t, m, func(w http.ResponseWriter, r *http.Request) {
		s, err := m.Start(r.Context())
		must(t, err)
		must(t, s.Set("n", GetOr(s, "n", 0)+1))
	})
	response, _ := web.get(t, "/")
	id := idOf(t, response)
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			if response, _ := web.get(t, "/"); response.StatusCode != http.StatusOK {
				t.Error(response.Status)
			}
		})
	}
	all.Wait()
	if n := valueOfN(t, m, id); n != 51 {
		t.Errorf("n = %d after 51 increments", n)
	}
}

var errRefused = errors.New("refused")

// A panic saves nothing, unlocks, and goes on as the panic that it was.
func TestPanicInHandler(t *testing.T) {
	m := newManager(t, Files(t.TempDir()))
	id := newID(t, m)
	for _, value := range []any{"oops", http.ErrAbortHandler} {
		handler := m.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			s, err := m.Start(r.Context())
			must(t, err)
			must(t, s.Set("n", 1))
			panic(value)
		}))
		w := httptest.NewRecorder()
		func() {
			defer func() {
				if v := recover(); v != value {
					t.Errorf("recovered %v", v)
				}
			}()
			handler.ServeHTTP(w, requestWith(id))
		}()
		if w.Header()["Set-Cookie"] != nil || w.Body.Len() != 0 {
			t.Errorf("written: %q %q", w.Header(), w.Body)
		}
		wantUnlocked(t, m, id)
		if n := valueOfN(t, m, id); n != 0 {
			t.Errorf("n = %d", n)
		}
	}
}

func requestWith(id string) *http.Request {
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("Cookie", "PHPSESSID="+id)
	return r
}

func wantUnlocked(t testing.TB, m *Manager, id string) {
	t.Helper()
	s, err := m.Open(context.Background(), id, LockTimeout(0))
	if err != nil {
		t.Fatal(err)
	}
	s.Release()
}

// A client that goes away does not cost a save.
func TestClientGone(t *testing.T) {
	m := newManager(t, Files(t.TempDir()))
	id := newID(t, m)
	started, saved := make(chan bool), make(chan bool)
	inner := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s, err := m.Start(r.Context())
		must(t, err)
		close(started)
		<-r.Context().Done()
		must(t, s.Set("n", 42))
		_, _ = io.WriteString(w, "to nobody")
	})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer close(saved)
		m.Middleware(inner).ServeHTTP(w, r)
	}))
	defer server.Close()
	ctx, leave := context.WithCancel(context.Background())
	request, err := http.NewRequestWithContext(ctx, "GET", server.URL, nil)
	must(t, err)
	request.Header.Set("Cookie", "PHPSESSID="+id)
	go func() {
		<-started
		leave()
	}()
	if _, err := http.DefaultClient.Do(request); !errors.Is(err, context.Canceled) {
		t.Errorf("the client got %v", err)
	}
	<-saved
	if n := valueOfN(t, m, id); n != 42 {
		t.Errorf("n = %d", n)
	}
}

// A store that hangs keeps the request only as long as sess.save_timeout_ms.
func TestSaveIsBounded(t *testing.T) {
	h, err := Funcs{
		Open:    func(context.Context, string, string) error { return nil },
		Close:   func(context.Context) error { return nil },
		Read:    func(context.Context, string) ([]byte, error) { return nil, nil },
		Write:   func(ctx context.Context, _ string, _ []byte) error { <-ctx.Done(); return ctx.Err() },
		Destroy: func(context.Context, string) error { return nil },
		GC:      func(context.Context, time.Duration) (int, error) { return 0, nil },
	}.Handler()
	must(t, err)
	var unsaved error
	m := newManager(t, h, Set("sess.save_timeout_ms", "20"),
		OnError(func(w http.ResponseWriter, _ *http.Request, err error) {
			unsaved = err
			w.WriteHeader(http.StatusGatewayTimeout)
		}))
	web := newWebSite(t, m, func(w http.ResponseWriter, r *http.Request) {
		s, err := m.Start(r.Context())
		must(t, err)
		must(t, s.Set("n", 1))
	})
	response, _ := web.get(t, "/")
	if response.StatusCode != http.StatusGatewayTimeout || !errors.Is(unsaved, context.DeadlineExceeded) {
		t.Errorf("%s, %v", response.Status, unsaved)
	}
}

// What cannot be saved before the response has begun becomes the response, what cannot be saved later is logged.
func TestUnsaved(t *testing.T) {
	refuse := BeforeClose(func(_ context.Context, s *Session) error {
		if s.Has("locked") {
			return ErrLocked
		}
		return errRefused
	})
	var log bytes.Buffer
	var asked error
	onError := OnError(func(w http.ResponseWriter, r *http.Request, err error) {
		asked = err
		http.Error(w, "sorry, "+r.URL.Path, http.StatusTeapot)
	})
	for _, c := range []struct {
		path   string
		opts   []Option
		status int
		logged bool
		asked  bool
	}{
		{"/early", nil, http.StatusInternalServerError, true, false},
		{"/locked", nil, http.StatusServiceUnavailable, true, false},
		{"/early", []Option{onError}, http.StatusTeapot, false, true},
		{"/late", []Option{onError}, http.StatusOK, true, false},
	} {
		log.Reset()
		asked = nil
		m := newManager(t, Files(t.TempDir()), append(c.opts, refuse, Logger(testLogger(&log)))...)
		web := newWebSite(t, m, func(w http.ResponseWriter, r *http.Request) {
			s, err := m.Start(r.Context())
			must(t, err)
			must(t, s.Set(strings.TrimPrefix(r.URL.Path, "/"), 1))
			if r.URL.Path == "/late" {
				_, _ = io.WriteString(w, "begun")
			}
		})
		response, _ := web.get(t, c.path)
		logged := strings.Contains(log.String(), "level=ERROR") && strings.Contains(log.String(), "path="+c.path)
		if response.StatusCode != c.status || logged != c.logged || (asked != nil) != c.asked {
			t.Errorf("%s: %s, log %q, asked %v", c.path, response.Status, log.String(), asked)
		}
		if c.asked && !errors.Is(asked, errRefused) {
			t.Errorf("asked about %v", asked)
		}
	}
}

// A start adds the cache limiter's headers, and what the handler says afterwards is kept, as in PHP.
func TestCacheHeaders(t *testing.T) {
	m := newManager(t, Files(t.TempDir()))
	web := newWebSite(t, m, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "public, max-age=60")
		_, err := m.Start(r.Context())
		must(t, err)
		if r.URL.Path == "/own" {
			w.Header().Set("Cache-Control", "private, max-age=60")
		}
	})
	for path, want := range map[string]string{
		"/":    "no-store, no-cache, must-revalidate",
		"/own": "private, max-age=60",
	} {
		response, _ := web.get(t, path)
		if got := response.Header["Cache-Control"]; len(got) != 1 || got[0] != want {
			t.Errorf("%s: Cache-Control %q", path, got)
		}
	}
}

// After an early Close a new start goes on under the id in force, not under what the client sent.
func TestStartAgainUnderIDInForce(t *testing.T) {
	m := newManager(t, Files(t.TempDir()))
	web := newWebSite(t, m, func(w http.ResponseWriter, r *http.Request) {
		s, err := m.Start(r.Context())
		must(t, err)
		must(t, s.Set("a", 1))
		id := s.ID()
		must(t, s.Close())
		_, _ = io.WriteString(w, "head and body are out")
		w.(http.Flusher).Flush()
		again, err := m.Start(r.Context())
		must(t, err)
		if again != s || s.ID() != id || GetOr(s, "a", 0) != 1 {
			t.Errorf("another session, or a = %d", GetOr(s, "a", 0))
		}
		must(t, s.Set("n", 2))
	})
	request, err := http.NewRequest("GET", web.url, nil)
	must(t, err)
	request.Header.Set("Cookie", "PHPSESSID=notours")
	response, err := web.client.Do(request)
	must(t, err)
	_, _ = io.Copy(io.Discard, response.Body)
	response.Body.Close()
	if n := valueOfN(t, m, idOf(t, response)); n != 2 {
		t.Errorf("n = %d", n)
	}
}

// Start returns the session that is there; without Middleware there is none.
func TestStartTwice(t *testing.T) {
	m := newManager(t, Files(t.TempDir()))
	if _, err := m.Start(context.Background()); !errors.Is(err, ErrNoRequest) {
		t.Errorf("without Middleware: %v", err)
	}
	web := newWebSite(t, m, func(w http.ResponseWriter, r *http.Request) {
		s, err := m.Start(r.Context())
		must(t, err)
		must(t, s.Set("n", 5))
		again, err := m.Start(r.Context(), ReadOnly())
		must(t, err)
		if again != s || s.Status() != Active || GetOr(s, "n", 0) != 5 {
			t.Errorf("%v, n = %d", s.Status(), GetOr(s, "n", 0))
		}
		// Of starts at once one starts, and all have it.
		must(t, s.Close())
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				if again, err := m.Start(r.Context()); again != s || err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
	})
	web.get(t, "/")
}

// Each Manager has its own session and cookie; a Middleware that is there twice is there once.
func TestSeveralManagers(t *testing.T) {
	shop := newManager(t, Files(t.TempDir()), Set("session.name", "SHOP"))
	forum := newManager(t, Files(t.TempDir()), Set("session.name", "FORUM"))
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for m, n := range map[*Manager]int{shop: 1, forum: 2} {
			s, err := m.Start(r.Context())
			must(t, err)
			must(t, s.Set("n", GetOr(s, "n", 0)+n))
		}
		w.(http.Flusher).Flush()
	})
	web := newWebSite(t, shop, forum.Middleware(shop.Middleware(handler)).ServeHTTP)
	response, _ := web.get(t, "/")
	ids := map[string]string{}
	for _, c := range response.Cookies() {
		ids[c.Name] = c.Value
	}
	if len(response.Cookies()) != 2 {
		t.Errorf("cookies %q", response.Header["Set-Cookie"])
	}
	if again, _ := web.get(t, "/"); again.Header["Set-Cookie"] != nil {
		t.Errorf("sent again: %q", again.Header["Set-Cookie"])
	}
	if s, f := valueOfN(t, shop, ids["SHOP"]), valueOfN(t, forum, ids["FORUM"]); s != 2 || f != 4 {
		t.Errorf("shop %d, forum %d", s, f)
	}
}
