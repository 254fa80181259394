package sess

import (
	"context"
	"sync"
	"time"

	"example.com/libsess/go/internal/csess"
)

// Call is what a callback may know beyond its arguments, and how it answers beyond its results. When the
// callback has returned it is used up, and says what a nil Call says.
type Call struct {
	// Held while C is asked, so that a goroutine that outlives its callback cannot be in C then.
	mu      sync.Mutex
	raw     csess.Call // 0 between callbacks
	binding *binding
	// created and touched are what SetTimes said in this callback; zero: nothing.
	created, touched time.Time
}

type callKey struct{}

// CallOf returns the call that ctx, or the context it was derived from, was given to. It is nil outside of
// callbacks; the methods of a nil Call give their neutral values.
func CallOf(ctx context.Context) *Call {
	call, _ := ctx.Value(callKey{}).(*Call)
	return call
}

// LockTimeout is how long Read may still wait for a lock, and whether it may wait at all. If it may not, it
// returns [ErrLocked] at once; a negative timeout is for ever. Every start first tries like that and
// then waits in line, so that goroutines wait and not threads.
func (c *Call) LockTimeout() (timeout time.Duration, mayWait bool) {
	c.use(func(raw csess.Call) { timeout = raw.LockTimeout() })
	return timeout, timeout != 0
}

// ReadOnly tells that this session will not write, so that Read need not keep a lock.
func (c *Call) ReadOnly() (is bool) {
	c.use(func(raw csess.Call) { is = raw.ReadOnly() })
	return is
}

// MaxLifetime is session.gc_maxlifetime, for stores that keep the age beside the data.
func (c *Call) MaxLifetime() (age time.Duration) {
	c.use(func(raw csess.Call) { age = raw.MaxLifetime() })
	return age
}

// GCBudget is how long GC should take at most, and whether there is such a limit.
func (c *Call) GCBudget() (budget time.Duration, limited bool) {
	c.use(func(raw csess.Call) {
		budget = raw.GCBudget()
		limited = budget >= 0
	})
	return max(budget, 0), limited
}

// GCMore is GC's answer that it stopped at its budget and has more to do.
func (c *Call) GCMore() { c.use(csess.Call.GCMore) }

// SetTimes is Read's answer, beside the data, when the record was made and when it was last written or touched; a zero
// time is one that is not known. The clocks of sess.*.idle and sess.*.absolute go by these. Without them idle sessions
// do not end, and absolute clocks begin with the first save. Call it before Read returns:
//
//	sess.CallOf(ctx).SetTimes(row.Created, row.Touched)
//	return row.Data, nil
func (c *Call) SetTimes(created, touched time.Time) {
	c.use(func(csess.Call) { c.created, c.touched = created, touched })
}

// answer gives C the data that Read returned, and the times if it said any: those of a parent stay otherwise.
func (c *Call) answer(raw csess.Call, data []byte) csess.Code {
	c.mu.Lock()
	created, touched := c.created, c.touched
	c.mu.Unlock()
	if created.IsZero() && touched.IsZero() {
		return raw.SetData(data)
	}
	return raw.Answer(data, unixOrUnknown(created), unixOrUnknown(touched))
}

func unixOrUnknown(t time.Time) int64 {
	if t.IsZero() {
		return -1
	}
	return t.Unix()
}

// use runs f while the callback is running, else not; it tells which.
func (c *Call) use(f func(raw csess.Call)) bool {
	if c == nil {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.raw == 0 {
		return false
	}
	f(c.raw)
	return true
}

func (c *Call) set(raw csess.Call) {
	c.mu.Lock()
	c.raw = raw
	c.created, c.touched = time.Time{}, time.Time{}
	c.mu.Unlock()
}

// callContext is the context of the callbacks of one operation.
type callContext struct {
	context.Context
	call Call
}

func (c *callContext) Value(key any) any {
	if key == (callKey{}) {
		return &c.call
	}
	return c.Context.Value(key)
}

// operation is a callContext of either kind.
type operation interface {
	context.Context
	current() *Call
	end()
}

func (c *callContext) current() *Call { return &c.call }
func (c *callContext) end()           {}

// saveContext has the values of a context, not its end, and a time limit that begins when it is first looked at:
// most callbacks never do, and a timer is dear.
type saveContext struct {
	callContext
	timeout time.Duration // negative: none

	mu      sync.Mutex
	limited context.Context
	cancel  context.CancelFunc
}

func (c *saveContext) limit() context.Context {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.limited == nil {
		free := context.WithoutCancel(c.Context)
		if c.timeout < 0 {
			c.limited, c.cancel = context.WithCancel(free)
		} else {
			c.limited, c.cancel = context.WithTimeout(free, c.timeout)
		}
	}
	return c.limited
}

func (c *saveContext) Deadline() (time.Time, bool) { return c.limit().Deadline() }
func (c *saveContext) Done() <-chan struct{}       { return c.limit().Done() }
func (c *saveContext) Err() error                  { return c.limit().Err() }

func (c *saveContext) Value(key any) any {
	if key == (callKey{}) {
		return &c.call
	}
	c.mu.Lock()
	limited := c.limited
	c.mu.Unlock()
	if limited != nil {
		// Contexts derived from this one look here for what to hang on to.
		return limited.Value(key)
	}
	return c.Context.Value(key)
}

// end gives the timer back, and ends what callbacks derived.
func (c *saveContext) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.limited == nil {
		c.limited = over
		return
	}
	if c.cancel != nil {
		c.cancel()
	}
}

// over is a context that has ended.
var over = func() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}()
