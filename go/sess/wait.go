package sess

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"example.com/libsess/go/internal/csess"
)

// How starts wait for the lock.
//
// Each first tries without waiting: an id that is free is never kept waiting by anything. One that is refused joins
// the line of its id, where goroutines wait that cost no thread. Only the first in line waits in C, which joins the
// kernel's queue beside other processes: who polls starves beside a PHP that blocks. There are places for a
// certain number of those, as each holds a thread, and another one inside libsess; the first in a line that got none
// tries again now and then.

// The places for starts that wait in C, of the whole process.
var places = make(chan struct{}, 48)

// How many calls of a Manager may be in C at once, besides those that wait there: Go starts another thread for every
// goroutine whose call takes longer than a moment, and on a busy machine all do. A handler in Go is not limited so:
// its callbacks may wait for each other.
const callsInC = 32

// inC takes one of the calls; nil once it has it, else ctx's error.
func (m *Manager) inC(ctx context.Context) error {
	if m.calls == nil {
		return nil
	}
	return m.calls.enter(ctx)
}

// outOfC gives it back.
func (m *Manager) outOfC() {
	if m.calls != nil {
		m.calls.leave()
	}
}

// gate lets a number of goroutines in at once. A channel could do that alone, at several times the price for those
// that need not wait.
type gate struct {
	most int64
	// n counts who is inside and who waits outside.
	n atomic.Int64
	// free has one for each who may go in and has not done so yet.
	free chan struct{}
}

func newGate(most int64) *gate { return &gate{most: most, free: make(chan struct{}, most)} }

func (g *gate) enter(ctx context.Context) error {
	if g.n.Add(1) <= g.most {
		return nil
	}
	select {
	case <-g.free:
		return nil
	case <-ctx.Done():
	}
	// While more are counted than may be inside, one that waits may go away; otherwise all who wait were let in.
	for n := g.n.Load(); n > g.most; n = g.n.Load() {
		if g.n.CompareAndSwap(n, n-1) {
			return ctx.Err()
		}
	}
	<-g.free
	g.leave()
	return ctx.Err()
}

func (g *gate) leave() {
	if g.n.Add(-1) >= g.most {
		g.free <- struct{}{}
	}
}

// How often all those without a place together try again, and the shortest and longest pauses of one.
const (
	tryEvery      = 250 * time.Microsecond
	shortestPause = 5 * time.Millisecond
	longestPause  = 500 * time.Millisecond
)

// placeless counts the first in lines that got no place.
var placeless struct {
	sync.Mutex
	n int
}

// lines are the waiting goroutines of a Manager, by session.
type lines struct {
	mu sync.Mutex
	by map[string]*line
}

type line struct {
	length int
	// head holds a token while somebody is first in line; Go hands it on in the order in which it was asked for.
	head chan struct{}
}

// join stands in line; nil if there are that many already.
func (l *lines) join(key string, most int) *line {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.by == nil {
		l.by = make(map[string]*line)
	}
	queue := l.by[key]
	if queue == nil {
		queue = &line{head: make(chan struct{}, 1)}
		l.by[key] = queue
	}
	if most > 0 && queue.length >= most {
		return nil
	}
	queue.length++
	return queue
}

func (l *lines) leave(key string, queue *line) {
	l.mu.Lock()
	defer l.mu.Unlock()
	queue.length--
	if queue.length == 0 {
		delete(l.by, key)
	}
}

// startOrWait starts, and waits for the lock as long as that is wanted.
func (s *Session) startOrWait(ctx context.Context, h *handle, id string, st start) error {
	timeout := s.lockTimeout(h, st)
	s.waits = timeout
	want := s.id
	f := s.try(ctx, h, st.flags, id, 0, nil)
	if f == nil || f.Code != csess.ELOCKED || timeout == 0 {
		return s.startFailed(ctx, f)
	}
	w := waiter{s: s, h: h, ctx: ctx, flags: st.flags, want: want}
	if timeout > 0 {
		// The try did not wait.
		w.deadline = time.Now().Add(timeout)
	}
	return w.wait()
}

// startFailed makes the error of a start.
func (s *Session) startFailed(ctx context.Context, f *csess.Failure) error {
	if f != nil && f.Code == csess.ECANCELED && ctx.Err() != nil {
		return lockedBy(ctx)
	}
	return s.failed(opStart, f)
}

// lockTimeout is how long to wait; 0 not at all, negative for ever.
func (s *Session) lockTimeout(h *handle, st start) time.Duration {
	if st.hasLockTimeout {
		return st.lockTimeout
	}
	if len(st.overrides) > 0 {
		value, _ := h.Option("sess.lock_timeout_ms")
		return milliseconds(value)
	}
	return s.m.lockTimeout
}

// try starts once.
func (s *Session) try(ctx context.Context, h *handle, flags uint32, id string, timeout int64, cancel *csess.Cancel) *csess.Failure {
	if timeout == 0 {
		if s.m.inC(ctx) != nil {
			return &csess.Failure{Code: csess.ECANCELED}
		}
		defer s.m.outOfC()
	}
	h.binding.begin(s.startOperation(ctx))
	f := h.Start(flags, id, timeout, cancel)
	h.binding.end()
	return f
}

// waiter is a start that was refused.
type waiter struct {
	s        *Session
	h        *handle
	ctx      context.Context
	flags    uint32
	want     string    // the id to start, if C forgets it
	deadline time.Time // zero: none
}

func (w *waiter) wait() error {
	key := w.s.lineKey()
	queue := w.s.m.lines.join(key, w.s.m.maxWaiters)
	if queue == nil {
		f := &csess.Failure{Code: csess.EBUSY, Message: "sess.max_waiters wait for this lock already"}
		return newError(opStart, f, nil)
	}
	defer w.s.m.lines.leave(key, queue)
	var timeout <-chan time.Time
	if !w.deadline.IsZero() {
		timer := time.NewTimer(time.Until(w.deadline))
		defer timer.Stop()
		timeout = timer.C
	}
	select {
	case queue.head <- struct{}{}:
		defer func() { <-queue.head }()
	case <-timeout:
		return w.timedOut()
	case <-w.ctx.Done():
		return lockedBy(w.ctx)
	}
	for {
		select {
		case places <- struct{}{}:
			defer func() { <-places }()
			return w.block()
		default:
		}
		f, err := w.tryWithoutPlace(timeout)
		if err != nil {
			return err
		}
		if f == nil || f.Code != csess.ELOCKED {
			return w.s.startFailed(w.ctx, f)
		}
	}
}

// tryWithoutPlace waits for a place, but only for a while, and then tries without one. ELOCKED: go on waiting.
func (w *waiter) tryWithoutPlace(timeout <-chan time.Time) (*csess.Failure, error) {
	placeless.Lock()
	placeless.n++
	pause := min(max(time.Duration(placeless.n)*tryEvery, shortestPause), longestPause)
	placeless.Unlock()
	defer func() {
		placeless.Lock()
		placeless.n--
		placeless.Unlock()
	}()
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case places <- struct{}{}:
		<-places
	case <-timer.C:
	case <-timeout:
		return nil, w.timedOut()
	case <-w.ctx.Done():
		return nil, lockedBy(w.ctx)
	}
	return w.again(0, nil), nil
}

// block waits in C.
func (w *waiter) block() error {
	ms := int64(-1)
	if !w.deadline.IsZero() {
		ms = max(int64((time.Until(w.deadline)+time.Millisecond-1)/time.Millisecond), 0)
	}
	var cancel *csess.Cancel
	if w.ctx.Done() != nil {
		var err error
		if cancel, err = csess.NewCancel(); err != nil {
			return w.s.failedWith(opStart, err)
		}
		defer cancel.Free()
		stop := context.AfterFunc(w.ctx, cancel.Fire)
		defer stop()
	}
	return w.s.startFailed(w.ctx, w.again(ms, cancel))
}

// again starts as the try did that was refused; that others have the lock is no news.
func (w *waiter) again(ms int64, cancel *csess.Cancel) *csess.Failure {
	b := w.h.binding
	kept := b.events[:0]
	for _, e := range b.events {
		if e.Code != csess.ELOCKED {
			kept = append(kept, e)
		}
	}
	b.events = kept
	id := ""
	if w.h.ID("") == "" {
		id = w.want
	}
	return w.s.try(w.ctx, w.h, w.flags, id, ms, cancel)
}

func (w *waiter) timedOut() error {
	f := &csess.Failure{Code: csess.ELOCKED, Message: "others hold the session's lock"}
	return newError(opStart, f, nil)
}

// lineKey is what those have in common who wait for one session. It may be too fine, not too coarse: two lines for one
// id only mean that two wait in C.
func (s *Session) lineKey() string {
	if s.id != "" {
		return s.id
	}
	return "\x00" + strings.Join(s.cookies, "; ")
}
