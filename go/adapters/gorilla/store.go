// Package gorilla is a store for github.com/gorilla/sessions that keeps sessions where libsess does, and so shares
// them with PHP: programs that use gorilla's package change the line that makes the store.
//
//	mgr, err := sess.New(sess.Files("/var/lib/php/sessions"))
//	...
//	store := gorilla.NewStore(mgr)
//	...
//	session, err := store.Get(r, "PHPSESSID")
//	session.Values["n"] = 1
//	err = session.Save(r, w)
//
// # Locks
//
// gorilla's interface does not tell when a request is done with its session, so no lock can be held from Get to Save.
// Get reads and lets go. Save opens the session again, under the lock, and applies the keys that were changed
// since Get: set, removed, or changed in place. Requests that change different keys of one session lose nothing.
// Of two that change the same key the last one wins: a counter loses counts. Use sess.Manager itself where that
// matters.
//
// # Values
//
// Keys are strings. Values are what sess.ValueOf takes; they are PHP's afterwards, and come back as nil, bool, int,
// float64, string, []any and map[string]any: a struct as a map, []byte as a string. Objects of PHP come back as
// sess.Value, and are stored again as they were. Flash messages work, and are an array "_flash" in PHP.
//
// # Cookies
//
// The name given to Get is that of the cookie: PHP's session.name. The manager's session.cookie_* decide what the
// cookie is like; Options of a session shows them, and of what is set there only a MaxAge below zero has an effect:
// Save then destroys the session and the cookie, whatever else Options say.
package gorilla

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"weak"

	"github.com/gorilla/sessions"

	"example.com/libsess/go/internal/plain"
	"example.com/libsess/go/sess"
)

// Store is a sessions.Store. It is for all goroutines.
type Store struct {
	mgr     *sess.Manager
	options sessions.Options

	mu   sync.Mutex
	seen map[weak.Pointer[sessions.Session]]*record
}

// record is what Get saw of a session, or what the last Save left.
type record struct {
	values map[string]string // in serialize() form
	made   string            // the id that Save made in this request: the request's cookie does not have it
}

// NewStore returns a store over a manager. The requests need not go through the manager's Middleware; if they do, the
// session is that of the middleware.
func NewStore(mgr *sess.Manager) *Store {
	return &Store{mgr: mgr, options: optionsOf(mgr), seen: make(map[weak.Pointer[sessions.Session]]*record)}
}

// optionsOf is what the manager's cookies are like, in gorilla's words.
func optionsOf(mgr *sess.Manager) sessions.Options {
	text := func(name string) string {
		value, _ := mgr.Directive("session.cookie_" + name)
		return value
	}
	isOn := func(name string) bool { on, _ := strconv.ParseBool(text(name)); return on }
	lifetime, _ := strconv.Atoi(text("lifetime"))
	sameSite := map[string]http.SameSite{
		"strict": http.SameSiteStrictMode, "lax": http.SameSiteLaxMode, "none": http.SameSiteNoneMode,
	}
	return sessions.Options{
		Path: text("path"), Domain: text("domain"), MaxAge: lifetime, Secure: isOn("secure"),
		HttpOnly: isOn("httponly"), SameSite: sameSite[strings.ToLower(text("samesite"))],
	}
}

// Get returns the session of a request, the same one for each call.
func (s *Store) Get(r *http.Request, name string) (*sessions.Session, error) {
	return sessions.GetRegistry(r).Get(s, name)
}

// New reads the session of a request. One that does not exist is new and empty. After an error too there is one, which
// cannot be saved over what could not be read: Save reads it again.
func (s *Store) New(r *http.Request, name string) (*sessions.Session, error) {
	session := sessions.NewSession(s, name)
	options := s.options
	session.Options = &options
	session.IsNew = true
	saw := &record{values: make(map[string]string)}
	s.remember(session, saw)
	err := s.inRequest(make(http.Header), r, func(ctx context.Context) error {
		current := s.mgr.Session(ctx)
		if current.Status() != sess.Active {
			var err error
			current, err = s.mgr.Start(ctx, s.named(name, sess.ReadOnly(), sess.Existing())...)
			if errors.Is(err, sess.ErrNotFound) {
				return nil
			}
			if err != nil {
				return err
			}
		}
		session.IsNew = false
		session.ID = current.ID()
		for key, value := range current.All() {
			session.Values[key] = plain.Of(value)
		}
		return saw.see(session)
	})
	return session, err
}

// Save applies what was changed since Get, and adds the cookie of a new session to the response, which must not have
// begun. Without changes it renews the session's age. sess.ErrGone: another request has destroyed the session.
func (s *Store) Save(r *http.Request, w http.ResponseWriter, session *sessions.Session) error {
	return s.save(r, w, session, func(current *sess.Session) error { return nil })
}

// Regenerate saves under a new id and destroys the old one. Do this at every login.
func (s *Store) Regenerate(r *http.Request, w http.ResponseWriter, session *sessions.Session) error {
	return s.save(r, w, session, func(current *sess.Session) error { return current.Regenerate(true) })
}

func (s *Store) save(r *http.Request, w http.ResponseWriter, session *sessions.Session, also func(*sess.Session) error) error {
	saw := s.recall(session)
	if session.Options != nil && session.Options.MaxAge < 0 {
		return s.destroy(r, w, session, saw)
	}
	wanted, err := serialized(session)
	if err != nil {
		return err
	}
	return s.change(r, w, session, saw, !session.IsNew, func(current *sess.Session) error {
		if err := apply(current, saw.values, wanted); err != nil {
			return err
		}
		return also(current)
	}, func(current *sess.Session) {
		if id := current.ID(); id != session.ID {
			session.ID, saw.made = id, id
		}
		saw.values = wanted
		session.IsNew = false
	})
}

func (s *Store) destroy(r *http.Request, w http.ResponseWriter, session *sessions.Session, saw *record) error {
	err := s.inRequest(w.Header(), r, func(ctx context.Context) error {
		err := s.changeIn(ctx, session, saw, true, (*sess.Session).Destroy, func(*sess.Session) {})
		if err != nil && !errors.Is(err, sess.ErrGone) {
			return err
		}
		// Options are what the program has put there; the cookie in the browser is the manager's. After the response has
		// begun it stays, and leads nowhere.
		if err := s.mgr.Session(ctx).ExpireCookie(); !errors.Is(err, sess.ErrHeadersSent) {
			return err
		}
		return nil
	})
	if err != nil {
		return err
	}
	session.ID, session.IsNew = "", true
	saw.values, saw.made = make(map[string]string), ""
	return nil
}

// change opens the session, which has to be there if existing is set, runs f, closes it, and runs saved. If f fails
// nothing is saved.
func (s *Store) change(
	r *http.Request, w http.ResponseWriter, session *sessions.Session, saw *record, existing bool,
	f func(*sess.Session) error, saved func(*sess.Session),
) error {
	return s.inRequest(w.Header(), r, func(ctx context.Context) error {
		return s.changeIn(ctx, session, saw, existing, f, saved)
	})
}

// changeIn is change in a context that has the request's session.
func (s *Store) changeIn(
	ctx context.Context, session *sessions.Session, saw *record, existing bool,
	f func(*sess.Session) error, saved func(*sess.Session),
) error {
	current := s.mgr.Session(ctx)
	if current.Status() == sess.Active {
		// The program has it open, behind Middleware, and will close it.
		if err := f(current); err != nil {
			return err
		}
		saved(current)
		return nil
	}
	if saw.made != "" {
		if err := current.SetID(saw.made); err != nil {
			return err
		}
	}
	options := s.named(session.Name())
	if existing {
		options = append(options, sess.Existing())
	}
	if _, err := s.mgr.Start(ctx, options...); err != nil {
		if errors.Is(err, sess.ErrNotFound) {
			return fmt.Errorf("gorilla: save: %w", sess.ErrGone)
		}
		return err
	}
	if err := f(current); err != nil {
		return errors.Join(err, current.Abort())
	}
	if err := current.Close(); err != nil {
		return err
	}
	saved(current)
	return nil
}

// inRequest runs f in a context that has the request's session, whose headers go to header.
func (s *Store) inRequest(header http.Header, r *http.Request, f func(ctx context.Context) error) (err error) {
	s.mgr.Middleware(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		err = f(r.Context())
	})).ServeHTTP(head{header}, r)
	return err
}

// head is the response as far as a session is concerned with it.
type head struct{ header http.Header }

func (h head) Header() http.Header         { return h.header }
func (h head) Write(p []byte) (int, error) { return len(p), nil }
func (h head) WriteHeader(int)             {}

// named adds the session's name to the options of a start.
func (s *Store) named(name string, options ...sess.StartOption) []sess.StartOption {
	if inForce, _ := s.mgr.Directive("session.name"); inForce == name {
		return options
	}
	return append(options, sess.With("session.name", name))
}

// apply makes of a session whose values were before the changes that lead to wanted, and leaves all other keys alone.
func apply(current *sess.Session, before, wanted map[string]string) error {
	for key, value := range wanted {
		if old, was := before[key]; was && old == value {
			continue
		}
		v, err := sess.Serialized([]byte(value))
		if err == nil {
			err = current.Set(key, v)
		}
		if err != nil {
			return err
		}
	}
	for key := range before {
		if _, is := wanted[key]; is {
			continue
		}
		if err := current.Unset(key); err != nil {
			return err
		}
	}
	return nil
}

// see takes down what the values are now, as they may be changed in place.
func (saw *record) see(session *sessions.Session) (err error) {
	saw.values, err = serialized(session)
	return err
}

func serialized(session *sessions.Session) (map[string]string, error) {
	values := make(map[string]string, len(session.Values))
	for key, value := range session.Values {
		name, ok := key.(string)
		if !ok {
			return nil, fmt.Errorf("gorilla: a key of type %T is no string: %w", key, sess.ErrType)
		}
		v, err := sess.ValueOf(value)
		if err != nil {
			return nil, fmt.Errorf("gorilla: the value of %q: %w", name, err)
		}
		values[name] = string(v.Serialize())
	}
	return values, nil
}

// remember keeps a record as long as its session.
func (s *Store) remember(session *sessions.Session, saw *record) {
	key := weak.Make(session)
	s.mu.Lock()
	s.seen[key] = saw
	s.mu.Unlock()
	runtime.AddCleanup(session, s.forget, key)
}

func (s *Store) forget(key weak.Pointer[sessions.Session]) {
	s.mu.Lock()
	delete(s.seen, key)
	s.mu.Unlock()
}

// recall returns the record of a session; of one that is not from this store nothing is known.
func (s *Store) recall(session *sessions.Session) *record {
	s.mu.Lock()
	saw := s.seen[weak.Make(session)]
	s.mu.Unlock()
	if saw == nil {
		saw = &record{values: make(map[string]string)}
		s.remember(session, saw)
	}
	return saw
}
