package sess

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"
)

const testSecret = "hex:00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

// Shows: CS13: a new id from time to time, and none of the requests that are under way with the old one is lost.
func TestRotationAmongOthers(t *testing.T) {
	overStores(t, func(t *testing.T, w *world) {
		old := w.begin(t)
		// Files know when they were made, but not by this clock: the next save notes it.
		must(t, w.open(t, old).Close())
		w.clock.advance(time.Hour)
		var mu sync.Mutex
		ids := map[string]int{}
		var group sync.WaitGroup
		for range 8 {
			group.Go(func() {
				s := w.newSession()
				defer s.Release()
				s.cookies = []string{"PHPSESSID=" + old}
				err := s.Start(context.Background())
				if err == nil {
					err = errors.Join(increment(s), s.Close())
				}
				if err != nil {
					t.Error(err)
					return
				}
				if setCookie(s) == "" {
					t.Error("a request with the old id gets no cookie")
				}
				mu.Lock()
				ids[s.ID()]++
				mu.Unlock()
			})
		}
		group.Wait()
		if len(ids) != 1 || ids[old] != 0 {
			t.Fatalf("%d sessions, %d of 8 requests under the old id", len(ids), ids[old])
		}
		for id := range ids {
			if n := valueOfN(t, w.Manager, id); n != 8 {
				t.Errorf("%d of 8 changes were kept", n)
			}
		}
		w.clock.advance(31 * time.Second)
		s := w.open(t, old)
		if s.Has("n") {
			// The request that copied the session could not shut the old id, as others held it: it leads here once more.
			must(t, s.Close())
			s = w.open(t, old)
		}
		if s.Has("n") || s.ID() == old || !s.IsNew() {
			t.Errorf("after the grace the old id leads to the session: %v", s.PreviousEnd())
		}
	}, Set("sess.anon.rotate", "3600"), Set("sess.rotate_grace", "30"))
}

// Shows: C11: of several cookies the one that is known counts, also if its session is in use just now.
func TestSeveralCookiesAndALock(t *testing.T) {
	overStores(t, func(t *testing.T, w *world) {
		id := w.begin(t)
		holder := w.open(t, id)
		must(t, increment(holder))
		s := w.newSession()
		t.Cleanup(s.Release)
		s.cookies = []string{"PHPSESSID=00000000000000000000000000000099; PHPSESSID=" + id}
		if err := s.Start(context.Background(), LockTimeout(0)); !errors.Is(err, ErrLocked) {
			t.Errorf("while others hold it: %v", err)
		}
		done := make(chan error)
		go func() { done <- s.Start(context.Background(), LockTimeout(time.Minute)) }()
		must(t, holder.Close())
		must(t, <-done)
		if s.ID() != id || GetOr(s, "n", 0) != 1 {
			t.Errorf("another session, whose n is %d", GetOr(s, "n", 0))
		}
	})
}

// Shows: M11, M13, M18: who never returns the cookie costs nothing, and ids that nobody gave out are not taken.
func TestSecondRequest(t *testing.T) {
	overStores(t, func(t *testing.T, w *world) {
		var written int
		if w.table != nil {
			w.table.before = func(_ context.Context, op, _ string) error {
				if op == "write" {
					written++
				}
				return nil
			}
		}
		mux := http.NewServeMux()
		mux.HandleFunc("/", func(out http.ResponseWriter, r *http.Request) {
			s, err := w.Start(r.Context())
			must(t, err)
			must(t, s.Set("n", GetOr(s, "n", 0)+1))
			fmt.Fprintf(out, "%v %v %d", s.IsNew(), s.IsStored(), GetOr(s, "n", 0))
		})
		mux.HandleFunc("/asks-for-nothing", func(http.ResponseWriter, *http.Request) {})
		server := httptest.NewServer(w.Middleware(mux))
		defer server.Close()
		client := server.Client()
		client.Jar, _ = cookiejar.New(nil)
		here, err := url.Parse(server.URL)
		must(t, err)

		get(t, client, server.URL+"/asks-for-nothing")
		if len(client.Jar.Cookies(here)) != 0 {
			t.Error("a request that asks for nothing gets a cookie")
		}
		for i, want := range []string{"true false 1", "false true 1", "false true 2"} {
			if got := get(t, client, server.URL); got != want {
				t.Errorf("request %d: %s, not %s", i+1, got, want)
			}
			if i == 0 && written != 0 {
				t.Error("the first request was stored")
			}
		}
		for name, id := range map[string]string{
			"of nobody":    "00000000000000000000000000000000000000000000x",
			"not in time":  strings.Replace(client.Jar.Cookies(here)[0].Value, client.Jar.Cookies(here)[0].Value[:4], "0000", 1),
			"malformed id": "../../etc/passwd",
		} {
			r, err := http.NewRequest("GET", server.URL, nil)
			must(t, err)
			r.Header.Set("Cookie", "PHPSESSID="+id)
			response, err := http.DefaultClient.Do(r)
			must(t, err)
			must(t, response.Body.Close())
			if c := response.Cookies(); len(c) != 1 || c[0].Value == id {
				t.Errorf("an id %s is taken: %v", name, c)
			}
		}
	}, Set("sess.create", "second_request"), Set("sess.secret", testSecret))
}
