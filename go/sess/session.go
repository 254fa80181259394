package sess

import (
	"context"
	"net/http"
)

// Session is the session of one request. Its methods take turns. Release it.
type Session struct {
	core *core
}

// core is what the views of one session share.
type core struct {
	m *Manager
}

// Status is where a session is in its life: session_status(), which knows the first two.
type Status int

const (
	// None: not started, or the start failed.
	None Status = iota
	// Active: open and locked; changes will be saved.
	Active
	// Closed: unlocked; data can still be read, and Start opens it again.
	Closed
	// Destroyed: the stored copy is gone; data can still be read.
	Destroyed
)

// String returns the name of the status.
func (s Status) String() string { panic(unfinished) }

// Start locks and loads, or begins a new session: session_start(). A session that was closed is opened again
// under its id. It waits for others as long as ctx and the lock timeout let it.
//
// [ErrLocked], [ErrNotFound] with [Existing], [ErrBadID], [ErrData], [ErrUnsafe], [ErrActive], the system's
// and the handler's errors. After a failure nothing is locked, and Start may be tried again.
func (s *Session) Start(ctx context.Context, opts ...StartOption) error { panic(unfinished) }

// Close saves and unlocks: session_write_close(). The lock is let go even if saving fails, with [ErrGone],
// [ErrData], [ErrTooBig], the system's or the handler's error. For a session that is not active it does
// nothing. It ignores the cancellation of the start's context.
func (s *Session) Close() error { panic(unfinished) }

// Abort unlocks without saving: session_abort(). Data stays readable as it is. For a session that is not
// active it does nothing, so it may be deferred.
func (s *Session) Abort() error { panic(unfinished) }

// Release aborts a session that is active and gives up everything it holds; only ID and Status may be asked
// after it, the rest says [ErrReleased]. It may be deferred and called again. [Manager.Middleware],
// [Manager.Update] and [Manager.View] do it themselves.
func (s *Session) Release() { panic(unfinished) }

// Update starts a closed session again, runs f and closes it, for what a request has to save after its early
// Close. If f fails or panics nothing is saved.
func (s *Session) Update(ctx context.Context, f func(*Session) error) error { panic(unfinished) }

// Reset throws changes away and loads again: session_reset(). If that fails the session is not active.
func (s *Session) Reset() error { panic(unfinished) }

// Destroy deletes the stored session and closes: session_destroy(). Data stays readable here, and the cookie
// of the client untouched.
func (s *Session) Destroy() error { panic(unfinished) }

// Regenerate goes on under a new id: session_regenerate_id(). Do this at every login. deleteOld destroys what
// is stored under the old one. [ErrHeadersSent] after the first byte of the response.
func (s *Session) Regenerate(deleteOld bool) error { panic(unfinished) }

// CreateID makes an id that begins with prefix, for [Session.SetID]: session_create_id().
func (s *Session) CreateID(prefix string) (string, error) { panic(unfinished) }

// ID returns the id in force, "" before the start and after Destroy: session_id(). It is a secret that opens
// the session: never log it.
func (s *Session) ID() string { panic(unfinished) }

// SetID sets the id for the next start: session_id($id). [ErrBadID], [ErrActive].
func (s *Session) SetID(id string) error { panic(unfinished) }

// Status returns where the session is in its life: session_status().
func (s *Session) Status() Status { panic(unfinished) }

// IsNew tells whether the start made the id, so that the client has yet to show that it keeps our cookie.
func (s *Session) IsNew() bool { panic(unfinished) }

// Header adds what the response has to carry, the cookie and the cache headers, and replaces what it replaces.
// [Manager.Middleware] does it.
func (s *Session) Header(dst http.Header) { panic(unfinished) }
