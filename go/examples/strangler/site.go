package main

import (
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httputil"
	"net/url"

	"example.com/libsess/go/sess"
)

// site is the new one in front of the old one.
type site struct {
	sessions *sess.Manager
	php      *httputil.ReverseProxy
}

func newSite(mgr *sess.Manager, php *url.URL) http.Handler {
	s := &site{mgr, &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(php)
			r.SetXForwarded()
		},
	}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /cart", s.showCart)
	mux.HandleFunc("POST /cart", s.addToCart)
	mux.HandleFunc("/", s.passOn)
	return mgr.Middleware(mux)
}

// showCart only looks, and so holds up no other request of the visitor.
func (s *site) showCart(w http.ResponseWriter, r *http.Request) {
	session, err := s.sessions.Start(r.Context(), sess.ReadOnly())
	if err != nil {
		failed(w, r, err)
		return
	}
	if loggedIn(w, session) {
		s.writeCart(w, r, session)
	}
}

func (s *site) addToCart(w http.ResponseWriter, r *http.Request) {
	item := r.FormValue("item")
	if item == "" {
		http.Error(w, "no item", http.StatusBadRequest)
		return
	}
	session, err := s.sessions.Start(r.Context())
	if err != nil {
		failed(w, r, err)
		return
	}
	if !loggedIn(w, session) {
		return
	}
	cart, err := cartOf(session)
	if err == nil {
		cart[item]++
		err = session.Set("cart", cart)
	}
	// Before a slow client reads the response.
	if err == nil {
		err = session.Close()
	}
	if err != nil {
		failed(w, r, err)
		return
	}
	s.writeCart(w, r, session)
}

// loggedIn answers those who are not. The user is what the old site's login stores.
func loggedIn(w http.ResponseWriter, session *sess.Session) bool {
	if sess.GetOr(session, "user", "") != "" {
		return true
	}
	http.Error(w, "log in first", http.StatusUnauthorized)
	return false
}

// cartOf is how many there are of each item. What is not there is an empty cart, what is of another type an error.
func cartOf(session *sess.Session) (map[string]int, error) {
	cart, err := sess.Get[map[string]int](session, "cart")
	if errors.Is(err, sess.ErrNotFound) || err == nil && cart == nil {
		return make(map[string]int), nil
	}
	return cart, err
}

func (s *site) writeCart(w http.ResponseWriter, r *http.Request, session *sess.Session) {
	cart, err := cartOf(session)
	if err != nil {
		failed(w, r, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	err = json.NewEncoder(w).Encode(map[string]any{
		"served by": "Go", "user": sess.GetOr(session, "user", ""), "cart": cart,
	})
	if err != nil {
		slog.DebugContext(r.Context(), "the client went away", "err", err)
	}
}

// passOn hands a request to PHP. What this one holds is saved and unlocked first: PHP would wait for it, and this one
// for PHP.
func (s *site) passOn(w http.ResponseWriter, r *http.Request) {
	// Every page counts, of either site.
	session, err := s.sessions.Start(r.Context())
	if err == nil {
		err = session.Set("pages", sess.GetOr(session, "pages", 0)+1)
	}
	if err != nil {
		failed(w, r, err)
		return
	}
	out, err := s.sessions.Outgoing(r)
	if err != nil {
		failed(w, r, err)
		return
	}
	s.php.ServeHTTP(w, out)
}

func failed(w http.ResponseWriter, r *http.Request, err error) {
	status := http.StatusInternalServerError
	if errors.Is(err, sess.ErrLocked) {
		status = http.StatusServiceUnavailable
	}
	slog.ErrorContext(r.Context(), "session", "path", r.URL.Path, "err", err)
	http.Error(w, http.StatusText(status), status)
}
