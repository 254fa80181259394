package sess

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"reflect"
	"strings"
	"syscall"

	"example.com/libsess/go/internal/csess"
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
	// ErrRefused: a rule says no: a token that is not right, or sessions of this kind are disabled.
	ErrRefused = errors.New("sess: refused")
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
	// ErrInCallback: the session was used from inside one of its own callbacks, or driven from inside
	// one of the functions of [AfterStart] and [BeforeClose], which may only read and edit its data.
	ErrInCallback = errors.New("sess: session used from inside its own callback")
	// ErrReleased: the session was given back by [Session.Release], or the manager was closed.
	ErrReleased = errors.New("sess: session was released")
)

// Error says which operation failed. errors.Is and errors.As find the sentinel and what the handler
// returned. Its text holds no session id, other than Err's own may.
type Error struct {
	// Op is PHP's word for the operation: "start", "write_close", "regenerate_id", ...
	Op string
	// Code is libsess's sess_code, 0 if there is none for it.
	Code int
	// Err is the cause.
	Err error

	text       string
	fromParent bool
}

// Error returns the operation and the reason, in one line.
func (e *Error) Error() string {
	text := e.text
	if text == "" {
		text = strings.TrimPrefix(e.Err.Error(), "sess: ")
	}
	return "sess: " + e.Op + ": " + text
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// textError is what a type says of a text. It may quote the text, and so is no message, but errors.Is and errors.As
// find it.
type textError struct {
	of  reflect.Type
	err error
}

func (e *textError) Error() string {
	return fmt.Sprintf("sess: %v and its text do not go together", e.of)
}

func (e *textError) Unwrap() error { return e.err }

// hidden keeps what a type says of a text out of messages.
func hidden(err error, of reflect.Type) error {
	if err == nil {
		return nil
	}
	return &textError{of, err}
}

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
func (e *PanicError) Error() string { return fmt.Sprintf("panic in %s: %v", e.Op, e.Value) }

// Unwrap returns the value of the panic if that is an error.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}

// sentinels are the errors that stand for codes, in both directions.
var sentinels = []struct {
	code csess.Code
	err  error
}{
	{csess.ELOCKED, ErrLocked},
	{csess.ECANCELED, ErrLocked},
	{csess.EBUSY, ErrLocked},
	{csess.ENOTFOUND, ErrNotFound},
	{csess.ENOTFOUND, fs.ErrNotExist},
	{csess.EBADID, ErrBadID},
	{csess.EDATA, ErrData},
	{csess.ETOOBIG, ErrTooBig},
	{csess.EUNSAFE, ErrUnsafe},
	{csess.EHEADERS, ErrHeadersSent},
	{csess.EREFUSED, ErrRefused},
	{csess.EGONE, ErrGone},
	{csess.EUNSUPPORTED, errors.ErrUnsupported},
}

func sentinelOf(code csess.Code) error {
	for _, s := range sentinels {
		if s.code == code {
			return s.err
		}
	}
	return nil
}

// codeOf is what C is told of a callback's error. What it does not know as something else is a failure of the
// handler.
func codeOf(err error) csess.Code {
	var own *Error
	if errors.As(err, &own) && own.Code < 0 {
		return csess.Code(own.Code)
	}
	for _, s := range sentinels {
		if errors.Is(err, s.err) {
			return s.code
		}
	}
	return csess.EHANDLER
}

// causes is an error with several causes and one text.
type causes struct {
	text string
	errs []error
}

func (c *causes) Error() string   { return c.text }
func (c *causes) Unwrap() []error { return c.errs }

// newError makes the error of an operation that C says failed; handler is what a callback returned, or nil.
func newError(op string, f *csess.Failure, handler error) *Error {
	var errs []error
	if handler != nil {
		errs = append(errs, handler)
	}
	if s := sentinelOf(f.Code); s != nil && (handler == nil || !errors.Is(handler, s)) {
		errs = append(errs, s)
	}
	if f.Errno != 0 && handler == nil {
		errs = append(errs, syscall.Errno(f.Errno))
	}
	e := &Error{Op: op, Code: int(f.Code), text: f.Message}
	switch len(errs) {
	case 0:
		e.Err = errors.New(f.Message)
	case 1:
		e.Err = errs[0]
	default:
		e.Err = &causes{f.Message, errs}
	}
	return e
}

// lockedBy is the error of a wait for the lock that ctx ended.
func lockedBy(ctx context.Context) *Error {
	err := ctx.Err()
	text := "the wait for the session's lock was given up: " + err.Error()
	errs := []error{ErrLocked, err}
	if cause := context.Cause(ctx); !errors.Is(err, cause) {
		errs = append(errs, cause)
	}
	return &Error{Op: opStart, Code: int(csess.ECANCELED), Err: &causes{text, errs}, text: text}
}

// PHP's words for the operations.
const (
	opStart      = "start"
	opClose      = "write_close"
	opAbort      = "abort"
	opReset      = "reset"
	opDestroy    = "destroy"
	opRegenerate = "regenerate_id"
	opCreateID   = "create_id"
	opSetID      = "id"
	opGC         = "gc"
	opEncode     = "encode"
	opDecode     = "decode"
	opGet        = "get"
	opSet        = "set"
	opUnset      = "unset"
	opClear      = "unset_all"
	opRaw        = "raw"
	opCookie     = "cookie"
	opToken      = "token"
	opLogin      = "login"
	opLogout     = "logout"
)

// redact shortens a session id wherever it stands in a text.
func redact(text, id string) string {
	if len(id) < 8 {
		return text
	}
	return strings.ReplaceAll(text, id, id[:4]+"...")
}
