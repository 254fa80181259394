//go:build linux && cgo

package csess

// #include "shim.h"
import "C"

import (
	"runtime"
	"runtime/cgo"
	"sync/atomic"
	"time"
	"unsafe"
)

// Session is a session in C. One goroutine at a time; what its methods say about a call is about the last one.
// A Session that is not reachable any more is freed.
type Session struct {
	c       *C.csess
	cleanup runtime.Cleanup
	binding cgo.Handle
}

type sessionParts struct {
	c       *C.csess
	binding cgo.Handle
}

var live atomic.Int64

// Live returns how many sessions are there that were not freed.
func Live() int { return int(live.Load()) }

// NewSession makes a session that calls b. b must not lead back to the Session, which would never be freed.
func (e *Engine) NewSession(b Binding) (*Session, error) {
	binding := cgo.NewHandle(b)
	c := C.csess_new(e.ptr, C.uintptr_t(binding))
	runtime.KeepAlive(e)
	if c == nil {
		binding.Delete()
		return nil, &Failure{Code: ENOMEM, Message: "no memory for a session"}
	}
	live.Add(1)
	s := &Session{c: c, binding: binding}
	s.cleanup = runtime.AddCleanup(s, freeSession, sessionParts{c, binding})
	return s, nil
}

func freeSession(parts sessionParts) {
	C.csess_free(parts.c)
	parts.binding.Delete()
	live.Add(-1)
}

// Free frees the session; one that is active is aborted.
func (s *Session) Free() {
	s.cleanup.Stop()
	freeSession(sessionParts{s.c, s.binding})
	s.c = nil
}

// Abandon gives up a session in which a callback was left by runtime.Goexit: C is inside a call for ever, and so
// nothing of it can be freed.
func (s *Session) Abandon() {
	s.cleanup.Stop()
	s.binding.Delete()
	live.Add(-1)
	s.c = nil
}

// at is the session as a number, see shim.h.
func (s *Session) at() C.csess_at { return C.csess_at(uintptr(unsafe.Pointer(s.c))) }

// ended returns the failure of the last call, nil if it succeeded.
func (s *Session) ended() *Failure {
	if s.c.rc == C.SESS_OK {
		runtime.KeepAlive(s)
		return nil
	}
	f := &Failure{Code: Code(s.c.rc), Errno: int(s.c.sys_errno), Message: C.GoString(s.c.message)}
	runtime.KeepAlive(s)
	return f
}

// Recycle makes the session as new: aborts it, forgets the request, keeps buffers.
func (s *Session) Recycle() *Failure {
	C.csess_recycle(s.at())
	return s.ended()
}

// Start starts; an id that is not empty is set before. timeout is that of sess_set_lock_timeout; cancel may be nil.
func (s *Session) Start(flags uint32, id string, timeout int64, cancel *Cancel) *Failure {
	ptr, n := text(id)
	token := C.uintptr_t(0)
	if cancel != nil {
		token = C.uintptr_t(uintptr(unsafe.Pointer(cancel.ptr)))
	}
	C.csess_start(s.at(), C.uint32_t(flags), ptr, n, C.int64_t(timeout), token)
	runtime.KeepAlive(cancel)
	return s.ended()
}

// Close saves and unlocks.
func (s *Session) Close() *Failure {
	C.csess_close(s.at())
	return s.ended()
}

// Abort unlocks without saving.
func (s *Session) Abort() *Failure {
	C.csess_abort(s.c)
	return s.ended()
}

// Reset loads again; timeout is that of sess_set_lock_timeout.
func (s *Session) Reset(timeout int64) *Failure {
	C.csess_reset(s.c, C.int64_t(timeout))
	return s.ended()
}

// Destroy deletes what is stored, and closes.
func (s *Session) Destroy() *Failure {
	C.csess_destroy(s.c)
	return s.ended()
}

// Regenerate goes on under a new id.
func (s *Session) Regenerate(deleteOld bool) *Failure {
	C.csess_regenerate(s.c, C.bool(deleteOld))
	return s.ended()
}

// Collect collects for about that long; negative: to the end. How many were removed, -1 if the store does not
// know, and whether there is more.
func (s *Session) Collect(budget time.Duration) (removed int64, more bool, f *Failure) {
	ms := C.int64_t(-1)
	if budget >= 0 {
		ms = C.int64_t(budget.Milliseconds())
	}
	C.csess_collect(s.c, ms)
	removed, more = int64(s.c.number), bool(s.c.more)
	return removed, more, s.ended()
}

// CreateID makes an id.
func (s *Session) CreateID(prefix string) (string, *Failure) {
	ptr, n := text(prefix)
	C.csess_create_id(s.c, ptr, n)
	if f := s.ended(); f != nil {
		return "", f
	}
	id := C.GoString(s.c.value)
	runtime.KeepAlive(s)
	return id, nil
}

// SetID sets the id of the next start.
func (s *Session) SetID(id string) *Failure {
	ptr, n := text(id)
	C.csess_set_id(s.c, ptr, n)
	return s.ended()
}

// SetCookieHeader adds the value of a Cookie header.
func (s *Session) SetCookieHeader(header string) *Failure {
	ptr, n := text(header)
	C.csess_set_cookie(s.c, ptr, n)
	return s.ended()
}

// SetOption overrides a directive.
func (s *Session) SetOption(name, value string) *Failure {
	n, v := cText(name), cText(value)
	C.csess_set_option(s.c, n, v)
	return s.ended()
}

// Option returns the value of a directive in this session.
func (s *Session) Option(name string) (string, bool) {
	n := cText(name)
	value := C.csess_option(s.c, n)
	t := C.GoString(value)
	runtime.KeepAlive(s)
	return t, value != nil
}

// MarkHeadersSent says that the response has begun.
func (s *Session) MarkHeadersSent() *Failure {
	C.csess_mark_headers_sent(s.c)
	return s.ended()
}

// Header is a header of the response. Those of its name that begin with Replaces are to go before, all if it is nil.
type Header struct {
	Name, Value string
	Replaces    *string
}

// Headers returns the headers in seen, whose texts are kept where they are the same.
func (s *Session) Headers(seen []Header) []Header {
	found := 0
	for {
		n := int(C.csess_list_headers(s.c, C.size_t(found)))
		for i := range n {
			if found+i == len(seen) {
				seen = append(seen, Header{})
			}
			seen[found+i].update(&s.c.headers[i])
		}
		found += n
		if n < C.CSESS_HEADERS {
			runtime.KeepAlive(s)
			return seen[:found]
		}
	}
}

func (h *Header) update(c *C.csess_header) {
	update(&h.Name, c.name)
	update(&h.Value, c.value)
	switch {
	case c.replaces == nil:
		h.Replaces = nil
	case h.Replaces == nil:
		begins := C.GoString(c.replaces)
		h.Replaces = &begins
	default:
		update(h.Replaces, c.replaces)
	}
}

// update makes known a text of C's, without allocating if it is that.
func update(known *string, text *C.char) {
	at := func(i int) byte { return *(*byte)(unsafe.Add(unsafe.Pointer(text), i)) }
	for i := range len(*known) {
		if at(i) != (*known)[i] {
			*known = C.GoString(text)
			return
		}
	}
	if at(len(*known)) != 0 {
		*known = C.GoString(text)
	}
}

// State returns where the session was after the last call that could move it.
func (s *Session) State() State {
	state := State(s.c.state)
	runtime.KeepAlive(s)
	return state
}

// IsNew tells whether the start made the id.
func (s *Session) IsNew() bool {
	is := bool(s.c.is_new)
	runtime.KeepAlive(s)
	return is
}

// ID returns the id after the last call that could change it; known if it is that, so that nothing is allocated.
func (s *Session) ID(known string) string {
	if s.c.id == nil {
		return ""
	}
	b := unsafe.Slice((*byte)(unsafe.Pointer(s.c.id)), int(s.c.id_len))
	if string(b) != known {
		known = string(b)
	}
	runtime.KeepAlive(s)
	return known
}
