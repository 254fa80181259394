package sess

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"sync/atomic"
	"syscall"
	"time"

	"example.com/libsess/go/internal/csess"
)

// binding carries the callbacks of one C session to the handler. It must not lead back to the Session or to the
// Manager's pool: C knows it by number, so that what it reaches lives as long as the C session.
type binding struct {
	site *site
	// operation is what runs now; nil between calls and in a session that is freed because nobody has it any more.
	operation operation
	// own are the handlers that PerSession made for this session.
	own map[ownKey]Handler
	// calls counts those that got a number.
	calls uintptr
	// open are the calls that a handler has open: a session that moves to another id has two.
	open []csess.Call
	// failures are what callbacks of this operation returned, in order.
	failures []failure
	events   []csess.Event
	// id and texts are the last ones seen, so that strings need not be made again.
	id, savePath, name string
	// thread is that of the callback or hook that is running, else 0. Its goroutine does not leave it.
	thread atomic.Uintptr
	// mode is what that goroutine may do. It is only looked at there.
	mode mode
	// abandoned is set when runtime.Goexit left a callback.
	abandoned bool
}

// mode is what may be done to a session from inside.
type mode int

const (
	driving mode = iota // C is inside: nothing
	editing             // a hook: reading and editing data
	reading             // View: reading
)

// failure is what a callback returned, and what C was told.
type failure struct {
	told csess.Failure
	err  error
}

// site is what all sessions of a Manager share.
type site struct {
	handler     Handler // nil: the store runs in C
	saveHandler string  // the built-in one
	saveTimeout time.Duration
	config      config
	// clockPanicked is a panic of the program's clock, which failed nothing.
	clockPanicked atomic.Pointer[panicked]
}

// begin makes ready for an operation of C's.
func (b *binding) begin(op operation) {
	b.failures = b.failures[:0]
	b.operation = op
	if op != nil {
		op.current().binding = b
	}
}

// end is the end of the operation.
func (b *binding) end() {
	if b.operation != nil {
		b.operation.end()
		b.operation = nil
	}
}

// reset forgets a session, for the next one.
func (b *binding) reset() {
	b.own = nil
	b.calls = 0
	b.open = b.open[:0]
	clear(b.failures)
	b.failures = b.failures[:0]
	b.events = nil
}

// cause takes out what made a call of C's fail: the callback's error that C was told in these words. That a session is
// not there C says in its own.
func (b *binding) cause(f *csess.Failure) error {
	for i := range b.failures {
		told := b.failures[i].told
		if told.Code != f.Code {
			continue
		}
		if told.Message == f.Message || told.Message == "" || f.Code == csess.ENOTFOUND {
			found := b.failures[i].err
			b.failures = append(b.failures[:i], b.failures[i+1:]...)
			return found
		}
	}
	return nil
}

// fail takes down why a callback failed, and is what C is told.
func (b *binding) fail(err error) *csess.Failure {
	told := csess.Failure{Code: codeOf(err), Message: redact(err.Error(), b.id)}
	var errno syscall.Errno
	var own *Error
	var panicked *PanicError
	switch {
	case errors.As(err, &panicked):
		// As PHP's exceptions, which go further up than a false.
		told.Code = csess.EUSER
	case errors.As(err, &own) && own.fromParent:
		told.Message = ""
	case errors.As(err, &errno):
		told.Errno = int(errno)
	}
	b.failures = append(b.failures, failure{told, err})
	return &told
}

// run runs a callback.
func (b *binding) run(op string, call csess.Call, thread uintptr, f func(ctx context.Context, h Handler) error) (failed *csess.Failure) {
	if b.operation == nil {
		b.begin(&saveContext{callContext: callContext{Context: context.Background()}, timeout: b.site.saveTimeout})
	}
	ctx, current := context.Context(b.operation), b.operation.current()
	current.set(call)
	before := b.admit(user{thread, driving})
	returned := false
	defer func() {
		if !returned {
			if v := recover(); v != nil {
				failed = b.fail(&PanicError{Op: op, Value: v, Stack: debug.Stack()})
			} else {
				b.abandon(op, ctx, call)
			}
		}
		b.admit(before)
		current.set(0)
	}()
	err := f(ctx, b.site.handler)
	returned = true
	if err != nil {
		return b.fail(err)
	}
	return nil
}

// abandon lets go of the locks: runtime.Goexit goes on when the callback's deferred functions have run, and C will
// never come to call close.
func (b *binding) abandon(op string, ctx context.Context, call csess.Call) {
	b.abandoned = true
	current := b.operation.current()
	for _, other := range b.open {
		if other != call {
			current.set(other)
			b.letGo(ctx, other, true)
		}
	}
	current.set(call)
	b.letGo(ctx, call, op != "close")
}

func (b *binding) letGo(ctx context.Context, call csess.Call, closes bool) {
	defer call.ParentClose()
	if !closes {
		return
	}
	defer func() { _ = recover() }()
	_ = b.site.handler.Close(ctx)
}

// opens notes that a call is open, before its handler is asked: close is owed whatever that says.
func (b *binding) opens(call csess.Call) {
	if !slices.Contains(b.open, call) {
		b.open = append(b.open, call)
	}
}

func (b *binding) closes(call csess.Call) {
	b.open = slices.DeleteFunc(b.open, func(other csess.Call) bool { return other == call })
}

// text is a string of C's bytes; known if it is that.
func text(b []byte, known *string) string {
	if string(b) != *known {
		*known = string(b)
	}
	return *known
}

func (b *binding) Open(call csess.Call, thread uintptr, savePath, name []byte) *csess.Failure {
	b.opens(call)
	return b.run("open", call, thread, func(ctx context.Context, h Handler) error {
		return h.Open(ctx, text(savePath, &b.savePath), text(name, &b.name))
	})
}

func (b *binding) Close(call csess.Call, thread uintptr) *csess.Failure {
	b.closes(call)
	return b.run("close", call, thread, func(ctx context.Context, h Handler) error {
		return h.Close(ctx)
	})
}

func (b *binding) Read(call csess.Call, thread uintptr, id []byte) *csess.Failure {
	return b.run("read", call, thread, func(ctx context.Context, h Handler) error {
		data, err := h.Read(ctx, text(id, &b.id))
		if err != nil {
			return err
		}
		if data == nil && !call.HasData() {
			return nil
		}
		if code := b.operation.current().answer(call, data); code != csess.OK {
			return answerRefused("read", code)
		}
		return nil
	})
}

func (b *binding) Write(call csess.Call, thread uintptr, id, data []byte) *csess.Failure {
	return b.run("write", call, thread, func(ctx context.Context, h Handler) error {
		return h.Write(ctx, text(id, &b.id), data)
	})
}

func (b *binding) Destroy(call csess.Call, thread uintptr, id []byte) *csess.Failure {
	return b.run("destroy", call, thread, func(ctx context.Context, h Handler) error {
		return h.Destroy(ctx, text(id, &b.id))
	})
}

func (b *binding) GC(call csess.Call, thread uintptr, maxLifetime time.Duration) (removed int64, f *csess.Failure) {
	f = b.run("gc", call, thread, func(ctx context.Context, h Handler) error {
		n, err := h.GC(ctx, maxLifetime)
		removed = int64(n)
		return err
	})
	return removed, f
}

func (b *binding) CreateID(call csess.Call, thread uintptr) *csess.Failure {
	return b.run("create_sid", call, thread, func(ctx context.Context, h Handler) error {
		id, err := h.(IDHandler).CreateID(ctx)
		if err != nil {
			return err
		}
		if code := call.SetID(id); code != csess.OK {
			return answerRefused("create_sid", code)
		}
		return nil
	})
}

func (b *binding) ValidateID(call csess.Call, thread uintptr, id []byte) *csess.Failure {
	known := false
	f := b.run("validate_sid", call, thread, func(ctx context.Context, h Handler) (err error) {
		known, err = h.(TimestampHandler).ValidateID(ctx, text(id, &b.id))
		return err
	})
	if f == nil && !known {
		return &csess.Failure{Code: csess.ENOTFOUND}
	}
	return f
}

func (b *binding) UpdateTimestamp(call csess.Call, thread uintptr, id, data []byte) *csess.Failure {
	return b.run("update_timestamp", call, thread, func(ctx context.Context, h Handler) error {
		return h.(TimestampHandler).UpdateTimestamp(ctx, text(id, &b.id), data)
	})
}

// Event keeps an event until C has returned: a logger is the program's, and may panic.
func (b *binding) Event(e csess.Event) { b.events = append(b.events, e) }

// answerRefused is the error for an answer that C did not take; its reason is kept in C.
func answerRefused(op string, code csess.Code) error {
	e := newError(op, &csess.Failure{Code: code, Message: fmt.Sprintf("the answer is refused: %v", code)}, nil)
	e.fromParent = true
	return e
}
