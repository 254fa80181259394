package sess

import (
	"context"
	"errors"
	"log/slog"
	"runtime"
	"runtime/debug"
	"strings"

	"example.com/libsess/go/internal/csess"
)

// What the exported methods of Session are made of.

// enter takes the session. nested: this goroutine has it already, as it runs one of the session's callbacks. Such a
// goroutine does not leave its thread, so that it is known by that.
func (s *Session) enter() (nested bool) {
	if s.mu.TryLock() {
		return false
	}
	if h := s.h.Load(); h != nil && h.binding.thread.Load() == csess.Thread() {
		return true
	}
	s.mu.Lock()
	return false
}

// done is the end of what enter began, for what cannot have called back.
func (s *Session) done(nested bool) {
	if !nested {
		s.mu.Unlock()
	}
}

// lock takes the session for what its callbacks must not do.
func (s *Session) lock(op string) error {
	if s.enter() {
		return &Error{Op: op, Code: int(csess.EMISUSE), Err: ErrInCallback}
	}
	if s.poisoned {
		s.mu.Unlock()
		return &Error{Op: op, Err: ErrPoisoned}
	}
	return nil
}

// unlock is the end of what lock began, also when the goroutine ends here.
func (s *Session) unlock() {
	if h := s.h.Load(); h != nil {
		s.leave(h)
	}
	ctx, said := s.ctx, s.said
	s.said = nil
	s.mu.Unlock()
	if said != nil {
		s.m.site.config.report(ctx, said)
	}
}

// said is what an operation leaves to be logged once the session is unlocked, as a logger is the program's.
type said struct {
	events []csess.Event
	panics []panicked
}

// panicked is a panic that failed nothing and so reached nobody.
type panicked struct {
	text  string // without the id
	stack []byte
}

// leave ends the operation of a C session.
func (s *Session) leave(h *handle) {
	b := h.binding
	b.end()
	events := b.events
	b.events = nil
	var panics []panicked
	for _, f := range b.failures {
		var p *PanicError
		if errors.As(f.err, &p) {
			panics = append(panics, panicked{redact(p.Error(), b.id), p.Stack})
		}
	}
	b.failures = b.failures[:0]
	if p := s.m.site.clockPanicked.Load(); p != nil && s.m.site.clockPanicked.CompareAndSwap(p, nil) {
		panics = append(panics, *p)
	}
	if b.abandoned {
		s.poisoned, s.status = true, Closed
		s.h.Store(nil)
		h.Abandon()
	}
	if events != nil || panics != nil {
		s.said = &said{events, panics}
	}
}

// report logs what is left to be logged.
func (c *config) report(ctx context.Context, said *said) {
	if ctx == nil {
		ctx = context.Background()
	}
	c.log(ctx, said.events)
	for _, p := range said.panics {
		c.loggerOrDefault().LogAttrs(ctx, slog.LevelError, "sess: "+p.text, slog.String("stack", string(p.stack)))
	}
}

// From here on the caller has the session.

// acquire gets a C session if there is none yet.
func (s *Session) acquire() (*handle, error) {
	if h := s.h.Load(); h != nil {
		return h, nil
	}
	if s.released {
		return nil, ErrReleased
	}
	var request Request
	if s.asked != nil {
		request = s.requested()
	}
	h, err := s.m.take()
	if err != nil {
		return nil, err
	}
	if s.asked != nil {
		if f := h.SetRequest(request.Scheme, request.Host, request.Port, request.Mount); f != nil {
			h.Free()
			return nil, f
		}
	}
	for _, header := range s.cookies {
		if f := h.SetCookieHeader(header); f != nil {
			h.Free()
			return nil, f
		}
	}
	if s.begun {
		h.MarkHeadersSent()
	}
	s.h.Store(h)
	return h, nil
}

// failed makes the error of what C says failed, nil of nil.
func (s *Session) failed(op string, f *csess.Failure) error {
	if f == nil {
		return nil
	}
	var cause error
	if h := s.h.Load(); h != nil {
		cause = h.binding.cause(f)
	}
	e := newError(op, f, cause)
	e.text = redact(e.text, s.id)
	return e
}

// failedWith makes the error of what failed before C was called.
func (s *Session) failedWith(op string, err error) error {
	var f *csess.Failure
	if errors.As(err, &f) {
		return newError(op, f, nil)
	}
	return &Error{Op: op, Err: err}
}

func (s *Session) notActive(op string) error {
	if s.released {
		return &Error{Op: op, Err: ErrReleased}
	}
	return &Error{Op: op, Code: int(csess.EMISUSE), Err: ErrNotActive}
}

// moved takes over where C says the session is.
func (s *Session) moved(h *handle) {
	s.status = Status(h.State())
	s.isNew = h.IsNew()
	s.id = h.ID(s.id)
}

// startOperation is for callbacks that ctx may end, saveOperation for those that it may not. Without a handler in Go
// there are none.
func (s *Session) startOperation(ctx context.Context) operation {
	if s.m.site.handler == nil {
		return nil
	}
	return &callContext{Context: ctx}
}

func (s *Session) saveOperation() operation {
	ctx := s.ctx
	if ctx == nil {
		ctx = context.Background()
	}
	return s.saveOperationOf(ctx)
}

func (s *Session) saveOperationOf(ctx context.Context) operation {
	if s.m.site.handler == nil {
		return nil
	}
	return &saveContext{callContext: callContext{Context: ctx}, timeout: s.m.site.saveTimeout}
}

// drive runs an operation on a session that has to be active.
func (s *Session) drive(op string, run func(*handle) *csess.Failure) error {
	if err := s.lock(op); err != nil {
		return err
	}
	defer s.unlock()
	if s.status != Active {
		return s.notActive(op)
	}
	return s.run(op, run)
}

// run runs an operation that ends with the session and not with its context.
func (s *Session) run(op string, run func(*handle) *csess.Failure) error {
	h := s.h.Load()
	_ = s.m.inC(context.Background())
	defer s.m.outOfC()
	h.binding.begin(s.saveOperation())
	f := run(h)
	s.moved(h)
	return s.failed(op, f)
}

// startAs starts; an id that is not empty goes before all others.
func (s *Session) startAs(ctx context.Context, id string, st start) error {
	if err := s.lock(opStart); err != nil {
		return err
	}
	defer s.unlock()
	if s.status == Active {
		return &Error{Op: opStart, Code: int(csess.EMISUSE), Err: ErrActive}
	}
	if err := ctx.Err(); err != nil {
		return &Error{Op: opStart, Err: err}
	}
	h, err := s.acquire()
	if err != nil {
		return s.failedWith(opStart, err)
	}
	for _, o := range st.overrides {
		h.binding.begin(nil)
		if f := h.SetOption(o.directive, o.value); f != nil {
			return s.failed(opStart, f)
		}
	}
	s.ctx = ctx
	s.raw = st.flags&csess.Raw != 0
	s.readOnly = st.flags&csess.ReadAndClose != 0
	if id != "" {
		s.id = id
	}
	if err := s.startOrWait(ctx, h, id, st); err != nil {
		s.moved(h)
		return err
	}
	s.moved(h)
	if s.response != nil {
		h.limitCaching(s.response)
	}
	return s.afterStart(ctx)
}

func (s *Session) afterStart(ctx context.Context) error {
	f := s.m.site.config.afterStart
	if f == nil {
		return nil
	}
	err := s.hook("after_start", ctx, f)
	if err == nil {
		return nil
	}
	if s.status == Active {
		_ = s.abort()
	}
	return s.hookFailed(opStart, err)
}

// hookFailed makes the error of an operation that one of the program's functions made fail. They know the id.
func (s *Session) hookFailed(op string, err error) error {
	return &Error{Op: op, Err: err, text: redact(strings.TrimPrefix(err.Error(), "sess: "), s.id)}
}

func (s *Session) close() error {
	if f := s.m.site.config.beforeClose; f != nil {
		ctx := &saveContext{callContext: callContext{Context: s.ctx}, timeout: s.m.site.saveTimeout}
		err := s.hook("before_close", ctx, f)
		ctx.end()
		if err != nil {
			_ = s.abort()
			return s.hookFailed(opClose, err)
		}
	}
	return s.run(opClose, func(h *handle) *csess.Failure { return h.Close() })
}

func (s *Session) abort() error {
	return s.run(opAbort, func(h *handle) *csess.Failure { return h.Abort() })
}

// reset loads again. Where that lets the lock go others may have it by now, and it is waited for in line.
func (s *Session) reset() error {
	h, id := s.h.Load(), s.id
	if err := s.run(opReset, func(h *handle) *csess.Failure { return h.Reset(0) }); !errors.Is(err, ErrLocked) {
		return err
	}
	st := start{}
	if s.raw {
		st.flags |= csess.Raw
	}
	s.id = id
	err := s.startOrWait(s.ctx, h, id, st)
	s.moved(h)
	return err
}

// user is who may use a session from inside, and for what.
type user struct {
	thread uintptr
	mode   mode
}

// admit lets this goroutine, and no other, use the session in that mode, and returns who it was before, to be admitted
// again. The goroutine has to stay on its thread until then.
func (b *binding) admit(u user) (before user) {
	before = user{b.thread.Load(), b.mode}
	b.mode = u.mode
	b.thread.Store(u.thread)
	return before
}

// hook runs one of the program's functions, which may use the session for data.
func (s *Session) hook(op string, ctx context.Context, f func(context.Context, *Session) error) (err error) {
	runtime.LockOSThread()
	b := s.h.Load().binding
	before := b.admit(user{csess.Thread(), editing})
	returned := false
	defer func() {
		b.admit(before)
		runtime.UnlockOSThread()
		if returned {
			return
		}
		if v := recover(); v != nil {
			err = &PanicError{Op: op, Value: v, Stack: debug.Stack()}
		} else if s.status == Active {
			// runtime.Goexit: nobody will come back to unlock.
			_ = s.abort()
		}
	}()
	err = f(ctx, s)
	returned = true
	return err
}
