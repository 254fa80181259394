package sess

import (
	"errors"
)

// What errors.Is finds in the errors of this package.
var (
	// ErrLocked: others held the session for the whole lock timeout, or too many wait already
	// (sess.max_waiters). Answer 503 and let the client try again. A wait that the context ended
	// matches this and the context's error.
	ErrLocked = errors.New("sess: session is locked")
	// ErrNotFound: there is no such session, or no such key.
	ErrNotFound = errors.New("sess: no such session or key")
	// ErrNotActive: the session is not open. What was closed can be read, not written.
	ErrNotActive = errors.New("sess: session is not active")
	// ErrActive: the session is open, and this has to be done before it starts.
	ErrActive = errors.New("sess: session is active")
	// ErrGone: another request destroyed or replaced the session while it was open here; nothing was
	// stored.
	ErrGone = errors.New("sess: session was destroyed meanwhile")
	// ErrHeadersSent: the response has begun, so that no cookie can be sent.
	ErrHeadersSent = errors.New("sess: response has begun")
	// ErrBadID: the id has a forbidden length or character.
	ErrBadID = errors.New("sess: malformed session id")
	// ErrData: the payload cannot be decoded, or the data not be encoded. What is stored stays.
	ErrData = errors.New("sess: payload cannot be decoded")
	// ErrTooBig: the payload is larger than sess.max_data_bytes.
	ErrTooBig = errors.New("sess: payload is too large")
	// ErrType: the value is there but has another type.
	ErrType = errors.New("sess: value has another type")
	// ErrNoRequest: the context is not that of a request behind [Manager.Middleware].
	ErrNoRequest = errors.New("sess: no session in this context")
	// ErrNoCall: a method of [FilesHandler] or [Memory] was called outside a callback, or with another
	// context than the callback's.
	ErrNoCall = errors.New("sess: parent called outside a callback")
	// ErrPoisoned: runtime.Goexit ended a goroutine inside a callback of this session. Its lock was
	// let go, nothing was saved, and the session cannot be used any more.
	ErrPoisoned = errors.New("sess: abandoned by runtime.Goexit in a callback")
	// ErrUnsafe: a path has the wrong owner, mode or type.
	ErrUnsafe = errors.New("sess: wrong owner, mode or type of a path")
	// ErrReleased: the session was given back by [Session.Release], or the manager was closed.
	ErrReleased = errors.New("sess: session was released")
)

// Error says which operation failed. errors.Is and errors.As find the sentinel and what the handler
// returned. Its text holds no session id.
type Error struct {
	// Op is PHP's word for the operation: "start", "write_close", "regenerate_id", ...
	Op string
	// Code is libsess's sess_code, 0 if the failure was found before libsess was called.
	Code int
	// Err is the cause.
	Err error

	text string
}

// Error returns the operation and the reason, in one line.
func (e *Error) Error() string { panic(unfinished) }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// PanicError is a panic of a callback, caught before it could cross C.
type PanicError struct {
	// Op is the callback: "read", "write", ...
	Op string
	// Value is what panic was called with.
	Value any
	// Stack is the stack of the panic, as debug.Stack gives it.
	Stack []byte
}

// Error returns the callback and the value of the panic.
func (e *PanicError) Error() string { panic(unfinished) }

// Unwrap returns the value of the panic if that is an error.
func (e *PanicError) Unwrap() error { panic(unfinished) }

const unfinished = "sess: unfinished"
