package sess

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// Known trouble elsewhere: the cookie is lost when the handler flushes before it writes.
func TestCookieAfterFlush(t *testing.T) {
	m := newManager(t, Files(t.TempDir()))
	web := newWebSite(t, m, func(w http.ResponseWriter, r *http.Request) {
		s, err := m.Start(r.Context())
		must(t, err)
		must(t, s.Set("n", 1))
		if r.URL.Path == "/controller" {
			must(t, http.NewResponseController(w).Flush())
		} else {
			w.(http.Flusher).Flush()
		}
		_, _ = io.WriteString(w, "body")
	})
	for _, path := range []string{"/flusher", "/controller"} {
		web.client.Jar, _ = cookiejar.New(nil)
		response, body := web.get(t, path)
		if n := valueOfN(t, m, idOf(t, response)); n != 1 || body != "body" {
			t.Errorf("n = %d, body %q", n, body)
		}
	}
}

// Known trouble elsewhere: what is changed after the first byte is lost.
func TestChangeAfterFirstByte(t *testing.T) {
	m := newManager(t, Files(t.TempDir()))
	web := newWebSite(t, m, func(w http.ResponseWriter, r *http.Request) {
		s, err := m.Start(r.Context())
		must(t, err)
		must(t, s.Set("n", 1))
		_, _ = io.WriteString(w, "first")
		w.(http.Flusher).Flush()
		must(t, s.Set("n", 2))
		must(t, s.Set("late", "kept"))
		if err := s.Regenerate(true); !errors.Is(err, ErrHeadersSent) {
			t.Errorf("regenerate: %v", err)
		}
		_, _ = io.WriteString(w, " last")
	})
	response, body := web.get(t, "/")
	if body != "first last" {
		t.Errorf("body %q", body)
	}
	must(t, m.View(context.Background(), idOf(t, response), func(s *Session) error {
		if n, late := GetOr(s, "n", 0), GetOr(s, "late", ""); n != 2 || late != "kept" {
			t.Errorf("n = %d, late = %q", n, late)
		}
		return nil
	}))
}

// The connection of a websocket must not hold the lock for its whole life.
func TestHijack(t *testing.T) {
	m := newManager(t, Files(t.TempDir()))
	id := newID(t, m)
	web := newWebSite(t, m, func(w http.ResponseWriter, r *http.Request) {
		s, err := m.Start(r.Context())
		must(t, err)
		must(t, s.Set("n", 7))
		var conn net.Conn
		if r.URL.Path == "/controller" {
			conn, _, err = http.NewResponseController(w).Hijack()
		} else {
			conn, _, err = w.(http.Hijacker).Hijack()
		}
		must(t, err)
		defer conn.Close()
		if n := valueOfN(t, m, id); s.Status() != Closed || n != 7 {
			t.Errorf("%v, n = %d while hijacked", s.Status(), n)
		}
		// What comes later in the connection's life takes the lock for a moment.
		must(t, s.Update(r.Context(), func(s *Session) error { return s.Set("n", 8) }))
		_, _ = io.WriteString(conn, "HTTP/1.1 204 No Content\r\n\r\n")
	})
	for _, path := range []string{"/hijacker", "/controller"} {
		request, err := http.NewRequest("GET", web.url+path, nil)
		must(t, err)
		request.Header.Set("Cookie", "PHPSESSID="+id)
		response, err := web.client.Do(request)
		must(t, err)
		response.Body.Close()
		if n := valueOfN(t, m, id); n != 8 {
			t.Errorf("n = %d after the connection", n)
		}
	}
}

// What was not saved must not be hijacked: the handler can still tell the client.
func TestHijackUnsaved(t *testing.T) {
	m := newManager(t, Files(t.TempDir()), BeforeClose(func(context.Context, *Session) error { return errRefused }))
	web := newWebSite(t, m, func(w http.ResponseWriter, r *http.Request) {
		s, err := m.Start(r.Context())
		must(t, err)
		must(t, s.Set("n", 1))
		if _, _, err := http.NewResponseController(w).Hijack(); !errors.Is(err, errRefused) {
			t.Errorf("hijack: %v", err)
		}
		http.Error(w, "try later", http.StatusServiceUnavailable)
	})
	if response, _ := web.get(t, "/"); response.StatusCode != http.StatusServiceUnavailable {
		t.Error(response.Status)
	}
}

// Early hints are not the response: the cookie can still be sent.
func TestInformationalResponse(t *testing.T) {
	m := newManager(t, Files(t.TempDir()))
	web := newWebSite(t, m, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Link", "</style.css>; rel=preload")
		w.WriteHeader(http.StatusEarlyHints)
		s, err := m.Start(r.Context())
		must(t, err)
		must(t, s.Set("n", 1))
		w.WriteHeader(http.StatusCreated)
	})
	response, _ := web.get(t, "/")
	if n := valueOfN(t, m, idOf(t, response)); n != 1 || response.StatusCode != http.StatusCreated {
		t.Errorf("n = %d, %s", n, response.Status)
	}
}

// A session cannot be started when its headers cannot be sent any more; that is told, not swallowed. One that has none
// to send can.
func TestStartAfterFirstByte(t *testing.T) {
	m := newManager(t, Files(t.TempDir()))
	id := newID(t, m)
	noCacheHeaders := With("session.cache_limiter", "")
	for _, c := range []struct {
		name, id string
		opts     []StartOption
		starts   bool
	}{
		{"new", "", nil, false},
		{"new, no cache headers", "", []StartOption{noCacheHeaders}, false},
		{"known", id, nil, false},
		{"known, no cache headers", id, []StartOption{noCacheHeaders}, true},
	} {
		handler := m.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(http.StatusOK)
			s, err := m.Start(r.Context(), c.opts...)
			if c.starts {
				must(t, err)
				must(t, increment(s))
			} else if err == nil {
				err = s.Set("n", 1)
			}
			if !c.starts && !errors.Is(err, ErrHeadersSent) {
				t.Errorf("%s: %v", c.name, err)
			}
		}))
		w, r := httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil)
		if c.id != "" {
			r = requestWith(c.id)
		}
		handler.ServeHTTP(w, r)
		wantNoHeaders(t, w.Result().Header)
	}
	if n := valueOfN(t, m, id); n != 1 {
		t.Errorf("n = %d", n)
	}
}

// What ResponseController does reaches the server, over HTTP/2 too.
func TestResponseController(t *testing.T) {
	m := newManager(t, Files(t.TempDir()))
	server := httptest.NewUnstartedServer(m.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s, err := m.Start(r.Context())
		must(t, err)
		must(t, s.Set("n", 1))
		c := http.NewResponseController(w)
		must(t, c.SetReadDeadline(time.Now().Add(time.Minute)))
		must(t, c.SetWriteDeadline(time.Now().Add(time.Minute)))
		must(t, c.EnableFullDuplex())
		must(t, c.Flush())
		if r.ProtoMajor == 2 {
			if _, _, err := c.Hijack(); !errors.Is(err, http.ErrNotSupported) {
				t.Errorf("hijack: %v", err)
			}
			if err := w.(http.Pusher).Push("/style.css", nil); err == nil {
				t.Error("pushed to a client that wants none")
			}
		} else if err := w.(http.Pusher).Push("/style.css", nil); !errors.Is(err, http.ErrNotSupported) {
			t.Errorf("push: %v", err)
		}
	})))
	server.EnableHTTP2 = true
	server.StartTLS()
	defer server.Close()
	one := server.Client().Transport.(*http.Transport).Clone()
	one.ForceAttemptHTTP2 = false
	one.TLSClientConfig.NextProtos = []string{"http/1.1"}
	for version, client := range map[int]*http.Client{2: server.Client(), 1: {Transport: one}} {
		response, err := client.Get(server.URL)
		must(t, err)
		_, _ = io.Copy(io.Discard, response.Body)
		response.Body.Close()
		if n := valueOfN(t, m, idOf(t, response)); n != 1 || response.ProtoMajor != version {
			t.Errorf("%s: n = %d", response.Proto, n)
		}
	}
}

// readerFrom is a response that notes by what it was written.
type readerFrom struct {
	*httptest.ResponseRecorder
	used string
}

func (w *readerFrom) ReadFrom(src io.Reader) (int64, error) {
	w.used += "ReadFrom "
	return io.Copy(struct{ io.Writer }{w.ResponseRecorder}, src)
}

func (w *readerFrom) WriteString(s string) (int, error) {
	w.used += "WriteString "
	return w.ResponseRecorder.WriteString(s)
}

// io.Copy and io.WriteString reach what the server has for them, with the cookie before.
func TestReaderFrom(t *testing.T) {
	m := newManager(t, Files(t.TempDir()))
	handler := m.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s, err := m.Start(r.Context())
		must(t, err)
		must(t, s.Set("n", 1))
		_, err = io.Copy(w, struct{ io.Reader }{strings.NewReader("file")})
		must(t, err)
		_, err = io.WriteString(w, " end")
		must(t, err)
	}))
	fast := &readerFrom{ResponseRecorder: httptest.NewRecorder()}
	handler.ServeHTTP(fast, httptest.NewRequest("GET", "/", nil))
	idOf(t, fast.Result())
	if fast.used != "ReadFrom WriteString " || fast.Body.String() != "file end" {
		t.Errorf("used %q, body %q", fast.used, fast.Body)
	}
	plain := httptest.NewRecorder()
	handler.ServeHTTP(struct{ http.ResponseWriter }{plain}, httptest.NewRequest("GET", "/", nil))
	idOf(t, plain.Result())
	if plain.Body.String() != "file end" {
		t.Errorf("body %q", plain.Body)
	}
}

// A handler that http.TimeoutHandler has given up may go on with the session, and finds it given back.
func TestTimeoutHandler(t *testing.T) {
	m := newManager(t, Files(t.TempDir()))
	id := newID(t, m)
	started, gone, done := make(chan bool), make(chan bool), make(chan error, 1)
	slow := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s, err := m.Start(r.Context())
		close(started)
		<-gone
		done <- errors.Join(err, s.Set("n", 1))
	})
	w := httptest.NewRecorder()
	ctx, giveUp := context.WithCancel(context.Background())
	go func() {
		<-started
		giveUp()
	}()
	m.Middleware(http.TimeoutHandler(slow, time.Hour, "slow")).ServeHTTP(w, requestWith(id).WithContext(ctx))
	close(gone)
	if err := <-done; !errors.Is(err, ErrReleased) {
		t.Errorf("after the end of the request: %v", err)
	}
	wantUnlocked(t, m, id)
	if n := valueOfN(t, m, id); w.Code != http.StatusServiceUnavailable || n != 0 {
		t.Errorf("%d, n = %d", w.Code, n)
	}
}
