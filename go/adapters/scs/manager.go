// Package scs has the methods of github.com/alexedwards/scs over libsess, for programs that use that package: they
// change an import and the line that makes the manager, and get locks and sessions that PHP shares. It does not need
// that package.
//
//	mgr, err := sess.New(sess.Files("/var/lib/php/sessions"))
//	...
//	sessions := scs.New(mgr)
//	http.ListenAndServe(address, sessions.LoadAndSave(mux))
//
// # What is different
//
// The first use of a session in a request starts it, and locks it until the handler returns: requests of one visitor
// that use it take turns. A handler that goes on for long, as for server-sent events, unlocks with
// [SessionManager.Unlock]. A request that does not use its session costs nothing.
//
// Methods without an error result panic if the session cannot be started, as for a lock timeout or a full disk, or if
// PHP has no form for a value. LoadAndSave catches that, saves nothing and calls ErrorFunc. Goroutines that a
// handler starts must not use the session, as nobody catches what they panic with.
//
// Values are PHP's: what [SessionManager.Get] returns is nil, bool, int, float64, string, []any or map[string]any,
// whatever was put there, or a sess.Value for what is none of these. Times have whole seconds.
//
// Lifetimes and cookies are set on the sess.Manager, as session.gc_maxlifetime and session.cookie_*. There is no
// absolute deadline; Load, Commit, Iterate, MergeSession, RememberMe, Deadline and SetDeadline have no counterpart.
package scs

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"slices"

	"example.com/libsess/go/internal/plain"
	"example.com/libsess/go/sess"
)

// Status is what was done to a session in its request.
type Status int

const (
	// Unmodified: nothing was changed.
	Unmodified Status = iota
	// Modified: data or the id were changed.
	Modified
	// Destroyed: the session was destroyed, and no new one begun.
	Destroyed
)

// SessionManager is scs's, over a sess.Manager.
type SessionManager struct {
	// ErrorFunc answers a request that could not start or change its session. nil answers 503 for a session
	// that is locked, else 500, and logs. What fails at the end of a request, sess.OnError answers.
	ErrorFunc func(w http.ResponseWriter, r *http.Request, err error)

	mgr *sess.Manager
}

// New returns a manager with scs's methods.
func New(mgr *sess.Manager) *SessionManager { return &SessionManager{mgr: mgr} }

// request is a request behind LoadAndSave.
type request struct {
	context.Context
	manager *SessionManager
	status  Status
}

type requestKey struct{ m *SessionManager }

func (q *request) Value(key any) any {
	if key == (requestKey{q.manager}) {
		return q
	}
	return q.Context.Value(key)
}

func (m *SessionManager) requestOf(ctx context.Context) *request {
	q, ok := ctx.Value(requestKey{m}).(*request)
	if !ok {
		panic("scs: no session data in context")
	}
	return q
}

// failure is what methods panic with that cannot return an error.
type failure struct{ err error }

func check(err error) {
	if err != nil {
		panic(&failure{err})
	}
}

// LoadAndSave gives every request to next a session. See sess.Manager.Middleware for what it promises.
func (m *SessionManager) LoadAndSave(next http.Handler) http.Handler {
	return m.mgr.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		q := &request{Context: r.Context(), manager: m}
		defer func() {
			v := recover()
			if v == nil {
				return
			}
			failed, ours := v.(*failure)
			if !ours {
				panic(v)
			}
			err := failed.err
			if abort := m.mgr.Session(q).Abort(); abort != nil {
				err = errors.Join(err, abort)
			}
			m.answer(w, r, err)
		}()
		next.ServeHTTP(w, r.WithContext(q))
	}))
}

func (m *SessionManager) answer(w http.ResponseWriter, r *http.Request, err error) {
	if m.ErrorFunc != nil {
		m.ErrorFunc(w, r, err)
		return
	}
	slog.ErrorContext(r.Context(), "scs: session", "method", r.Method, "path", r.URL.Path, "err", err)
	status := http.StatusInternalServerError
	if errors.Is(err, sess.ErrLocked) {
		status = http.StatusServiceUnavailable
	}
	http.Error(w, http.StatusText(status), status)
}

// reading is the session to look at. One that was unlocked stays so.
func (m *SessionManager) reading(ctx context.Context) *sess.Session {
	q := m.requestOf(ctx)
	s := m.mgr.Session(q)
	switch s.Status() {
	case sess.None:
		check(s.Start(q))
	case sess.Destroyed:
		if q.status != Destroyed {
			check(s.Start(q))
		}
	}
	return s
}

// editing is the session to change, started again if it was unlocked or destroyed.
func (m *SessionManager) editing(ctx context.Context) (*request, *sess.Session) {
	q := m.requestOf(ctx)
	s := m.mgr.Session(q)
	if s.Status() != sess.Active {
		check(s.Start(q))
	}
	return q, s
}

// Put stores a value under a key.
func (m *SessionManager) Put(ctx context.Context, key string, val any) {
	q, s := m.editing(ctx)
	check(s.Set(key, val))
	q.status = Modified
}

// Get returns the value under a key, nil if there is none.
func (m *SessionManager) Get(ctx context.Context, key string) any {
	v := m.reading(ctx).Value(key)
	if v.Kind() == sess.Absent {
		return nil
	}
	return plain.Of(v)
}

// Pop returns the value under a key and removes it.
func (m *SessionManager) Pop(ctx context.Context, key string) any {
	v := m.Get(ctx, key)
	m.Remove(ctx, key)
	return v
}

// Remove removes a key. One that is not there is no change.
func (m *SessionManager) Remove(ctx context.Context, key string) {
	q, s := m.editing(ctx)
	if s.Has(key) {
		check(s.Unset(key))
		q.status = Modified
	}
}

// Clear removes all keys.
func (m *SessionManager) Clear(ctx context.Context) error {
	return caught(func() {
		q, s := m.editing(ctx)
		for range s.Keys() {
			check(s.Clear())
			q.status = Modified
			return
		}
	})
}

// Exists tells whether there is such a key.
func (m *SessionManager) Exists(ctx context.Context, key string) bool { return m.reading(ctx).Has(key) }

// Keys returns all keys, sorted.
func (m *SessionManager) Keys(ctx context.Context) []string {
	keys := slices.Sorted(m.reading(ctx).Keys())
	if keys == nil {
		return []string{}
	}
	return keys
}

// RenewToken goes on under a new id and destroys the old one. Do this at every login and logout.
func (m *SessionManager) RenewToken(ctx context.Context) error {
	return caught(func() {
		q, s := m.editing(ctx)
		check(s.Regenerate(true))
		q.status = Modified
	})
}

// Destroy deletes the session and the cookie, which is the manager's: its name, path, domain and attributes. What the
// request stores afterwards begins a new one. After the response has begun the cookie stays, and leads nowhere.
func (m *SessionManager) Destroy(ctx context.Context) error {
	return caught(func() {
		q, s := m.editing(ctx)
		check(s.Clear())
		check(s.Destroy())
		q.status = Destroyed
		// After the response has begun the cookie stays, and leads nowhere.
		if err := s.ExpireCookie(); !errors.Is(err, sess.ErrHeadersSent) {
			check(err)
		}
	})
}

// Unlock saves what was stored so far and lets other requests of the visitor in. What is stored afterwards locks
// again. scs has nothing to unlock, and no such method.
func (m *SessionManager) Unlock(ctx context.Context) error {
	return m.mgr.Session(m.requestOf(ctx)).Close()
}

// Status tells what was done to the session in this request.
func (m *SessionManager) Status(ctx context.Context) Status { return m.requestOf(ctx).status }

// Token returns the id: a secret that opens the session.
func (m *SessionManager) Token(ctx context.Context) string { return m.reading(ctx).ID() }

// caught turns a failure back into an error.
func caught(f func()) (err error) {
	defer func() {
		v := recover()
		if v == nil {
			return
		}
		failed, ours := v.(*failure)
		if !ours {
			panic(v)
		}
		err = failed.err
	}()
	f()
	return nil
}
