package sess

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// Shows: ASVS 7.2.4, CS10.
func TestLogin(t *testing.T) {
	overStores(t, func(t *testing.T, w *world) {
		old := w.begin(t)
		s := w.open(t, old)
		token, err := s.Token("form")
		must(t, err)
		must(t, s.Login(context.Background(), "anna"))
		if s.ID() == old || !strings.HasPrefix(setCookie(s), "PHPSESSID="+s.ID()+";") {
			t.Error("there is no new id, or the cookie is not of it")
		}
		must(t, s.Set("secret", true))
		if !errors.Is(s.CheckToken("form", token, 0), ErrRefused) {
			t.Error("a token from before the login is good")
		}
		must(t, s.Close())

		w.clock.advance(10 * time.Second)
		s = w.open(t, s.ID())
		user, isUser := s.User()
		age, hasAge := s.AuthAge()
		if user != "anna" || !isUser || age != 10*time.Second || !hasAge || s.Kind() != LoggedIn {
			t.Errorf("user %q, since %v, %v", user, age, s.Kind())
		}
		if GetOr(s, "n", -1) != 0 || !GetOr(s, "secret", false) {
			t.Error("data was lost")
		}
		before := s.ID()
		must(t, s.Login(context.Background(), "anna"))
		if age, _ := s.AuthAge(); age != 0 || s.ID() == before {
			t.Errorf("after the password was asked for again: %v", age)
		}
		must(t, s.Close())

		// Who knows the old id gets nothing, and no way to keep it.
		for range 2 {
			late := w.open(t, old)
			if late.Has("n") || late.IsStored() || late.IsNew() || late.Kind() != Anonymous || setCookie(late) != "" {
				t.Error("the old id leads somewhere")
			}
			must(t, late.Set("mine", 1))
			must(t, late.Close())
		}
		w.clock.advance(time.Minute)
		if s := w.open(t, old); s.ID() == old || s.PreviousEnd() != EndRotated {
			t.Errorf("after the grace: %v", s.PreviousEnd())
		}
	})
}

func TestLoginRemember(t *testing.T) {
	overStores(t, func(t *testing.T, w *world) {
		id := w.login(t, w.begin(t), "anna", Remember())
		w.clock.advance(time.Hour)
		s := w.open(t, id)
		if left, _ := s.ExpiresIn(); s.Kind() != RememberedLogin || left != 24*time.Hour {
			t.Errorf("%v, for %v", s.Kind(), left)
		}
	}, Set("sess.login.idle", "60"), Set("sess.remember.idle", "86400"))
}

func TestLoginRefused(t *testing.T) {
	w := newManager(t, Memory(), Set("sess.moin_lifetime", "(1, 0)"))
	s, err := w.Open(context.Background(), "")
	must(t, err)
	defer s.Release()
	if err := s.Login(context.Background(), "anna"); !errors.Is(err, ErrRefused) {
		t.Errorf("logins are disabled: %v", err)
	}
	must(t, s.Close())
	if err := s.Login(context.Background(), "anna"); !errors.Is(err, ErrNotActive) {
		t.Errorf("after the close: %v", err)
	}
	if err := s.Logout(context.Background()); !errors.Is(err, ErrNotActive) {
		t.Errorf("after the close: %v", err)
	}
}

// Logins and logouts outlive the request that asks for them, as saves do.
func TestLoginOfAClientThatLeaves(t *testing.T) {
	w := &world{clock: newClock()}
	w.table = newTable(w.clock.Now)
	type key struct{}
	w.table.before = func(ctx context.Context, op, _ string) error {
		if v, _ := ctx.Value(key{}).(string); v == "the request's" {
			return ctx.Err()
		}
		return nil
	}
	w.Manager = newManager(t, w.table.handler(), Clock(w.clock.Now))
	gone, leave := context.WithCancel(context.WithValue(context.Background(), key{}, "the request's"))
	leave()
	s := w.open(t, w.begin(t))
	must(t, s.Login(gone, "anna"))
	must(t, s.Close())
	s = w.open(t, s.ID())
	if user, _ := s.User(); user != "anna" {
		t.Errorf("user %q", user)
	}
	must(t, s.Logout(gone))
	if s.Status() != Destroyed || w.table.payload(s.ID()) != "" {
		t.Errorf("%v", s.Status())
	}
}

// A login that cannot store the session, or not shut its old id, leaves the session as it was, and the handler's error
// is found. Where no tombstone can be stored the old record is destroyed.
func TestLoginFails(t *testing.T) {
	broken := errors.New("disk full")
	for at, fails := range [][]string{{"write"}, {"write old", "destroy old"}, {"write old"}} {
		w := &world{clock: newClock()}
		w.table = newTable(w.clock.Now)
		w.Manager = newManager(t, w.table.handler(), Clock(w.clock.Now))
		id := w.begin(t)
		s := w.open(t, id)
		w.table.before = func(_ context.Context, op, which string) error {
			if which == id {
				op += " old"
			}
			if slices.Contains(fails, op) {
				return broken
			}
			return nil
		}
		if at == 2 {
			must(t, s.Login(context.Background(), "anna"))
			must(t, s.Close())
			if w.table.payload(id) != "" {
				t.Error("the old record is there")
			}
			continue
		}
		if err := s.Login(context.Background(), "anna"); !errors.Is(err, broken) {
			t.Errorf("write %d: %v", at, err)
		}
		if s.ID() != id || s.Status() != Active || GetOr(s, "n", -1) != 0 {
			t.Errorf("write %d: another id, or %v", at, s.Status())
		}
		if _, isUser := s.User(); isUser {
			t.Errorf("write %d: somebody is logged in", at)
		}
		w.table.before = nil
		must(t, s.Close())
		if len(w.table.rows) != 1 {
			t.Errorf("write %d: %d records", at, len(w.table.rows))
		}
	}
}

// Shows: ASVS 7.4.1, CS14, F-71: a request that is under way cannot bring the session back.
func TestLogout(t *testing.T) {
	overStores(t, func(t *testing.T, w *world) {
		id := w.login(t, w.begin(t), "anna")
		s := w.open(t, id)
		must(t, s.Logout(context.Background(), ClearSiteData()))
		header := http.Header{}
		s.Header(header)
		if !strings.Contains(setCookie(s), "Max-Age=0") || header.Get("Clear-Site-Data") == "" {
			t.Errorf("%v", header)
		}
		if s.Status() != Destroyed || GetOr(s, "n", -1) != 0 {
			t.Errorf("%v, or data cannot be read any more", s.Status())
		}
		if s := w.open(t, id); s.ID() == id || s.PreviousEnd() != EndUnknownID || !s.IsNew() {
			t.Errorf("the id is still good: %v", s.PreviousEnd())
		}
	})
}

// After the first byte of the response the session ends all the same; only the cookie stays, which leads nowhere.
func TestLogoutAfterFirstByte(t *testing.T) {
	m := newManager(t, Memory())
	web := newWebSite(t, m, func(w http.ResponseWriter, r *http.Request) {
		s, err := m.Start(r.Context())
		must(t, err)
		if r.URL.Path == "/login" {
			must(t, s.Login(r.Context(), "anna"))
			return
		}
		_, _ = io.WriteString(w, "first")
		w.(http.Flusher).Flush()
		must(t, s.Logout(r.Context(), ClearSiteData()))
		if s.Status() != Destroyed {
			t.Errorf("%v", s.Status())
		}
	})
	login, _ := web.get(t, "/login")
	id := idOf(t, login)
	if response, _ := web.get(t, "/logout"); len(response.Cookies()) > 0 {
		t.Errorf("%v", response.Cookies())
	}
	if err := m.View(context.Background(), id, func(*Session) error { return nil }); !errors.Is(err, ErrNotFound) {
		t.Errorf("the session is still there: %v", err)
	}
}

// A request that is under way while its session is logged out by one that had not to wait cannot save.
func TestLogoutWhileInFlight(t *testing.T) {
	dir := t.TempDir()
	clock := newClock()
	inFlight := &world{Manager: newManager(t, Files(dir), Clock(clock.Now)), clock: clock}
	id := inFlight.login(t, inFlight.begin(t), "anna")
	s := inFlight.open(t, id)
	must(t, s.Set("n", 7))
	must(t, s.Close())
	// It is closed early, as DokuWiki's are, and wants to save something more at its end.
	other := inFlight.open(t, id)
	must(t, other.Logout(context.Background()))
	for range 2 {
		err := s.Update(context.Background(), func(*Session) error {
			t.Error("another session is begun, or the old one is back")
			return nil
		})
		if !errors.Is(err, ErrGone) || s.Status() != Closed || setCookie(s) != "" {
			t.Errorf("%v, %v", err, s.Status())
		}
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "sess_*")); len(left) != 1 {
		t.Errorf("%q: more than the tombstone of the login's old id", left)
	}

	// Without locks both are open at once.
	w := &world{clock: clock, table: newTable(clock.Now)}
	w.table.lockless = true
	w.Manager = newManager(t, w.table.handler(), Clock(clock.Now))
	id = w.login(t, w.begin(t), "anna")
	s = w.open(t, id)
	must(t, s.Set("n", 8))
	must(t, w.open(t, id).Logout(context.Background()))
	w.table.before = func(_ context.Context, op, at string) error {
		if op == "write" && at == id {
			return fmt.Errorf("row: %w", ErrNotFound) // as an UPDATE that finds no row
		}
		return nil
	}
	if err := s.Close(); !errors.Is(err, ErrGone) {
		t.Errorf("the close of a session that was logged out: %v", err)
	}
	if w.table.payload(id) != "" {
		t.Error("it is stored again")
	}
}

// Shows: ASVS 7.2.4: eight requests that are under way during a login never replace its cookie.
func TestLoginAmongOthers(t *testing.T) {
	overStores(t, func(t *testing.T, w *world) {
		arrived, held := make(chan struct{}, 8), make(chan struct{})
		mux := http.NewServeMux()
		mux.HandleFunc("/begin", func(_ http.ResponseWriter, r *http.Request) {
			s, err := w.Start(r.Context())
			must(t, err)
			must(t, s.Set("n", 0))
		})
		mux.HandleFunc("/login", func(_ http.ResponseWriter, r *http.Request) {
			s, err := w.Start(r.Context())
			must(t, err)
			close(held)
			for range 8 {
				<-arrived // they are to wait for this lock, with the old id in their hands
			}
			must(t, s.Login(r.Context(), "anna"))
		})
		mux.HandleFunc("/slow", func(_ http.ResponseWriter, r *http.Request) {
			arrived <- struct{}{}
			<-held
			s, err := w.Start(r.Context())
			if err != nil {
				t.Errorf("a request under way: %v", err)
				return
			}
			if err := s.Set("late", 1); err != nil {
				t.Error(err)
			}
		})
		mux.HandleFunc("/who", func(out http.ResponseWriter, r *http.Request) {
			s, err := w.Start(r.Context())
			must(t, err)
			user, _ := s.User()
			fmt.Fprintf(out, "%s %v", user, s.Has("late"))
		})
		server := httptest.NewServer(w.Middleware(mux))
		defer server.Close()
		client := server.Client()
		client.Jar, _ = cookiejar.New(nil)
		get(t, client, server.URL+"/begin")
		here, err := url.Parse(server.URL)
		must(t, err)
		before := client.Jar.Cookies(here)[0].Value

		var group sync.WaitGroup
		var login string
		group.Go(func() {
			get(t, client, server.URL+"/login")
			login = client.Jar.Cookies(here)[0].Value
		})
		for range 8 {
			group.Go(func() { get(t, client, server.URL+"/slow") })
		}
		group.Wait()
		after := client.Jar.Cookies(here)
		if len(after) != 1 || after[0].Value == before || after[0].Value != login {
			t.Errorf("the cookie of the login was replaced: %v", after)
		}
		if who := get(t, client, server.URL+"/who"); who != "anna false" {
			t.Errorf("afterwards it is %q", who)
		}
	})
}

// get is a page's text.
func get(t *testing.T, client *http.Client, address string) string {
	t.Helper()
	response, err := client.Get(address)
	if err != nil {
		t.Error(err)
		return ""
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Error(err)
	}
	return string(body)
}
