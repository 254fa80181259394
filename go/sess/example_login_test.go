package sess_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"time"

	"example.com/libsess/go/sess"
)

// A login, a form that only a page of this session can send, and a logout.
func ExampleSession_Login() {
	mgr, err := sess.New(sess.Memory(), sess.Set("sess.login.idle", "1800"), sess.Set("sess.login.absolute", "28800"))
	if err != nil {
		log.Fatal(err)
	}
	defer mgr.Close()

	mux := http.NewServeMux()
	mux.HandleFunc("POST /login", func(w http.ResponseWriter, r *http.Request) {
		s, err := mgr.Start(r.Context())
		if err == nil { // and the password is right
			err = s.Login(r.Context(), r.FormValue("user"))
		}
		if err != nil {
			http.Error(w, "try again", http.StatusServiceUnavailable)
		}
	})
	mux.HandleFunc("GET /account", func(w http.ResponseWriter, r *http.Request) {
		s, err := mgr.Start(r.Context())
		if err != nil {
			http.Error(w, "try again", http.StatusServiceUnavailable)
			return
		}
		user, ok := s.User()
		if !ok {
			http.Error(w, "log in first: "+s.PreviousEnd().String(), http.StatusUnauthorized)
			return
		}
		token, err := s.Token("close the account of " + user)
		if err != nil {
			http.Error(w, "try again", http.StatusServiceUnavailable)
			return
		}
		fmt.Fprint(w, token)
	})
	mux.HandleFunc("POST /close", func(w http.ResponseWriter, r *http.Request) {
		s, err := mgr.Start(r.Context())
		if err != nil {
			http.Error(w, "try again", http.StatusServiceUnavailable)
			return
		}
		user, _ := s.User()
		if s.CheckToken("close the account of "+user, r.FormValue("token"), time.Hour) != nil {
			http.Error(w, "no", http.StatusForbidden)
			return
		}
		if err := s.Logout(r.Context()); err != nil {
			http.Error(w, "try again", http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintf(w, "goodbye, %s", user)
	})
	server := httptest.NewServer(mgr.Middleware(mux))
	defer server.Close()

	client := server.Client()
	client.Jar, _ = cookiejar.New(nil)
	text := func(response *http.Response, err error) string {
		if err != nil {
			log.Fatal(err)
		}
		defer response.Body.Close()
		body, err := io.ReadAll(response.Body)
		if err != nil {
			log.Fatal(err)
		}
		return string(body)
	}
	text(client.PostForm(server.URL+"/login", url.Values{"user": {"anna"}}))
	token := text(client.Get(server.URL + "/account"))
	fmt.Print(text(client.PostForm(server.URL+"/close", url.Values{"token": {"guessed"}})))
	fmt.Println(text(client.PostForm(server.URL+"/close", url.Values{"token": {token}})))
	fmt.Print(text(client.Get(server.URL + "/account")))
	// Output:
	// no
	// goodbye, anna
	// log in first: none
}

// Tests of timeouts need not wait.
func ExampleClock() {
	now := time.Date(2030, 1, 1, 9, 0, 0, 0, time.UTC)
	mgr, err := sess.New(sess.Memory(), sess.Set("sess.anon.idle", "600"), sess.Clock(func() time.Time { return now }))
	if err != nil {
		log.Fatal(err)
	}
	defer mgr.Close()

	var id string
	visit := func() {
		s, err := mgr.Open(context.Background(), id)
		if err != nil {
			log.Fatal(err)
		}
		defer s.Release()
		fmt.Println(s.PreviousEnd(), sess.GetOr(s, "n", 0))
		if err := s.Set("n", sess.GetOr(s, "n", 0)+1); err != nil {
			log.Fatal(err)
		}
		if err := s.Close(); err != nil {
			log.Fatal(err)
		}
		id = s.ID()
	}
	visit()
	now = now.Add(10 * time.Minute)
	visit()
	now = now.Add(11 * time.Minute)
	visit()
	// Output:
	// none 0
	// none 1
	// idle 0
}
