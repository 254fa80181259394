package sess

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
)

// requestKey is what a Manager's request is found by in a context.
type requestKey struct{ m *Manager }

// request is a request behind Middleware: its context, its session and its response, in one allocation.
type request struct {
	context.Context
	session Session
	out     http.ResponseWriter
	// begun: the head of the response is out.
	begun bool
	// passedOn: another server makes the response, and may do so with a session cookie of its own.
	passedOn bool
}

func (q *request) Value(key any) any {
	if key == (requestKey{q.session.m}) {
		return q
	}
	return q.Context.Value(key)
}

func (m *Manager) requestOf(ctx context.Context) *request {
	q, _ := ctx.Value(requestKey{m}).(*request)
	return q
}

// Middleware gives every request to next a session, which [Manager.Start] starts when a handler asks for it. A
// request whose handler does not ask costs no I/O, and its response gets no header.
//
// The cookie goes out with the head of the response. Data may change until the handler returns: then, or before
// the connection is hijacked, the session is saved and unlocked, also for a client that has gone away. If the handler
// panics, nothing is saved. A session that cannot be saved before the response has begun becomes the response of
// [OnError]; later ones are logged.
//
// The ResponseWriter that next gets knows what [http.ResponseController] asks for, and io.ReaderFrom. Several managers
// may be nested, each with its own session.name.
func (m *Manager) Middleware(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if m.requestOf(r.Context()) != nil {
			next.ServeHTTP(w, r)
			return
		}
		q := &request{Context: r.Context(), out: w}
		q.session.m = m
		q.session.cookies = r.Header["Cookie"]
		q.session.asked = r
		q.session.response = w.Header()
		r = r.WithContext(q)
		returned := false
		defer func() {
			if returned {
				q.end(r)
			}
			// A panic goes on from here, and finds nothing saved and nothing locked.
			q.session.Release()
		}()
		next.ServeHTTP((*responseWriter)(q), r)
		returned = true
	})
}

// end saves when the handler has returned.
func (q *request) end(r *http.Request) {
	err := q.session.Close()
	begun := q.begun
	q.begin()
	switch {
	case err == nil:
	case begun:
		q.session.m.site.config.logUnsaved(r, err)
	default:
		q.session.m.site.config.answer(q.out, r, err)
	}
}

// begin adds the session's headers to those of the response, which is about to begin.
func (q *request) begin() {
	if q.begun {
		return
	}
	q.begun = true
	q.session.sendHeaders(q.out.Header(), q.passedOn)
}

func (c *config) logUnsaved(r *http.Request, err error) {
	c.loggerOrDefault().LogAttrs(r.Context(), slog.LevelError, "sess: the session was not saved",
		slog.String("method", r.Method), slog.String("path", r.URL.Path), slog.Any("err", err))
}

// answer is what a client gets whose session was not saved.
func (c *config) answer(w http.ResponseWriter, r *http.Request, err error) {
	if c.onError != nil {
		c.onError(w, r, err)
		return
	}
	c.logUnsaved(r, err)
	status := http.StatusInternalServerError
	if errors.Is(err, ErrLocked) {
		status = http.StatusServiceUnavailable
	}
	http.Error(w, http.StatusText(status), status)
}

// Session returns the session of the request that ctx belongs to, which may not have been started. It is nil
// without [Manager.Middleware].
func (m *Manager) Session(ctx context.Context) *Session {
	if q := m.requestOf(ctx); q != nil {
		return &q.session
	}
	return nil
}

// Start starts the session of the request that ctx belongs to: session_start(). Called again it returns the same
// session, which is started again if it was closed. As in PHP a start adds the headers of session.cache_limiter to
// the response, where the handler may still replace them.
//
// [ErrNoRequest] without [Manager.Middleware], and the errors of [Session.Start].
func (m *Manager) Start(ctx context.Context, opts ...StartOption) (*Session, error) {
	s := m.Session(ctx)
	if s == nil {
		return nil, &Error{Op: opStart, Err: ErrNoRequest}
	}
	if s.Status() == Active {
		return s, nil
	}
	if err := s.Start(ctx, opts...); err != nil && !(errors.Is(err, ErrActive) && s.Status() == Active) {
		return nil, err
	}
	return s, nil
}
