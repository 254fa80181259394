package sess

import (
	"context"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"example.com/libsess/go/internal/csess"
)

// Session is the session of one request. Its methods take turns; those that wait for others and those that only
// look at data alike. Release it.
type Session struct {
	m  *Manager
	mu sync.Mutex
	// h is nil until C is needed and after Release. Written under mu.
	h atomic.Pointer[handle]

	ctx      context.Context // of the last start
	waits    time.Duration   // how long for locks, as the last start; negative: for ever
	cookies  []string        // the Cookie headers of the request
	asked    *http.Request   // nil: none
	said     *said           // what is to be logged
	response http.Header     // what a start adds headers to; nil: nothing, or it has begun
	begun    bool            // the response has begun: no cookie can be sent any more
	id       string
	status   Status
	isNew    bool
	raw      bool
	readOnly bool
	released bool
	poisoned bool
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
func (s Status) String() string {
	switch s {
	case None:
		return "none"
	case Active:
		return "active"
	case Closed:
		return "closed"
	case Destroyed:
		return "destroyed"
	}
	return "unknown"
}

func (m *Manager) newSession() *Session { return &Session{m: m} }

// Start locks and loads, or begins a new session: session_start(). A session that was closed is opened again
// under its id. It waits for others as long as ctx and the lock timeout let it.
//
// [ErrLocked], [ErrNotFound] with [Existing], [ErrBadID], [ErrData], [ErrUnsafe], [ErrActive], the system's
// and the handler's errors. After a failure nothing is locked, and Start may be tried again.
func (s *Session) Start(ctx context.Context, opts ...StartOption) error {
	return s.startAs(ctx, "", startOf(opts))
}

// Close saves and unlocks: session_write_close(). The lock is let go even if saving fails, with [ErrGone],
// [ErrData], [ErrTooBig], the system's or the handler's error. For a session that is not active it does
// nothing. It ignores the cancellation of the start's context.
func (s *Session) Close() error {
	if err := s.lock(opClose); err != nil {
		return err
	}
	defer s.unlock()
	if s.status != Active {
		return nil
	}
	return s.close()
}

// Abort unlocks without saving: session_abort(). Data stays readable as it is. For a session that is not
// active it does nothing, so it may be deferred.
func (s *Session) Abort() error {
	if err := s.lock(opAbort); err != nil {
		return err
	}
	defer s.unlock()
	if s.status != Active {
		return nil
	}
	return s.abort()
}

// Release aborts a session that is active and gives up everything it holds; only ID and Status may be asked
// after it, the rest says [ErrReleased]. It may be deferred and called again. [Manager.Middleware],
// [Manager.Update] and [Manager.View] do it themselves. It does nothing from inside the session's own callbacks.
func (s *Session) Release() {
	if s.lock("release") != nil {
		return
	}
	defer s.unlock()
	s.released = true
	h := s.h.Load()
	if h == nil {
		return
	}
	if s.status == Active {
		_ = s.m.inC(context.Background())
		defer s.m.outOfC()
	}
	h.binding.begin(s.saveOperation())
	f := h.Recycle()
	if s.status == Active {
		s.status = Closed
	}
	s.leave(h)
	h.binding.reset()
	s.h.Store(nil)
	if f != nil || !s.m.give(h) {
		h.Free()
	}
}

// Update starts a closed session again, runs f and closes it, for what a request has to save after its early
// Close. If f fails or panics nothing is saved. f's error is returned as it is. [ErrGone]: the session was destroyed
// since it was closed here, or moved to an id that this request is not to know; f does not run, no session begins and
// no cookie is sent.
func (s *Session) Update(ctx context.Context, f func(*Session) error) error {
	if err := s.startAs(ctx, "", start{flags: csess.Again}); err != nil {
		return err
	}
	return s.change(f)
}

// change runs f on a session that was just started and closes it, or aborts it.
func (s *Session) change(f func(*Session) error) error {
	fine := false
	defer func() {
		if !fine {
			// Nothing is lost that f wanted to keep: it failed.
			_ = s.Abort()
		}
	}()
	if err := f(s); err != nil {
		return err
	}
	fine = true
	return s.Close()
}

// Reset throws changes away and loads again: session_reset(). If that fails the session is not active.
func (s *Session) Reset() error {
	if err := s.lock(opReset); err != nil {
		return err
	}
	defer s.unlock()
	if s.status != Active {
		return s.notActive(opReset)
	}
	return s.reset()
}

// Destroy deletes the stored session and closes: session_destroy(). Data stays readable here, and the cookie
// of the client untouched. [ErrNotActive].
func (s *Session) Destroy() error {
	return s.drive(opDestroy, func(h *handle) *csess.Failure { return h.Destroy() })
}

// Regenerate goes on under a new id: session_regenerate_id(). At a login call [Session.Login] instead. The session is
// stored under the new id, which stays locked until Close. With deleteOld the old id leads nowhere from then on: requests
// that are still under way with it get an empty session, which is not stored and sends no cookie. Without it the session
// stays there as it is now. [ErrNotActive]; [ErrHeadersSent] after the first byte of the response; [ErrGone] where others
// have destroyed the session; [ErrRefused] where it has moved to another id already. After a failure the session goes on
// under the old id.
func (s *Session) Regenerate(deleteOld bool) error {
	return s.drive(opRegenerate, func(h *handle) *csess.Failure { return h.Regenerate(deleteOld) })
}

// CreateID makes an id that begins with prefix, for [Session.SetID]: session_create_id(). [ErrBadID].
func (s *Session) CreateID(prefix string) (string, error) {
	if err := s.lock(opCreateID); err != nil {
		return "", err
	}
	defer s.unlock()
	h, err := s.acquire()
	if err != nil {
		return "", s.failedWith(opCreateID, err)
	}
	h.binding.begin(s.saveOperation())
	id, f := h.CreateID(prefix)
	return id, s.failed(opCreateID, f)
}

// ID returns the id in force, "" before the start and after Destroy: session_id(). It is a secret that opens
// the session: never log it.
func (s *Session) ID() string {
	defer s.done(s.enter())
	return s.id
}

// SetID sets the id for the next start: session_id($id). [ErrBadID], [ErrActive].
func (s *Session) SetID(id string) error {
	if err := s.lock(opSetID); err != nil {
		return err
	}
	defer s.unlock()
	if s.status == Active {
		return &Error{Op: opSetID, Code: int(csess.EMISUSE), Err: ErrActive}
	}
	h, err := s.acquire()
	if err != nil {
		return s.failedWith(opSetID, err)
	}
	h.binding.begin(nil)
	f := h.SetID(id)
	s.id = h.ID(s.id)
	return s.failed(opSetID, f)
}

// Status returns where the session is in its life: session_status().
func (s *Session) Status() Status {
	defer s.done(s.enter())
	return s.status
}

// IsNew tells whether the start made the id, so that the client has yet to show that it keeps our cookie.
func (s *Session) IsNew() bool {
	defer s.done(s.enter())
	return s.isNew
}
