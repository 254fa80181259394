package sess

import (
	"context"
	"time"
)

// Call is what a callback may know beyond its arguments, and how it answers beyond its results. It is
// used up when the callback returns: it then says what says nothing.
type Call struct{ _ [0]func() }

// CallOf returns the call that ctx was given to. It is nil outside of callbacks; the methods of a nil Call
// give their neutral values.
func CallOf(ctx context.Context) *Call { panic(unfinished) }

// LockTimeout is how long Read may still wait for a lock; wait is false when it must not wait at all but
// return [ErrLocked] at once. A negative timeout is for ever. Every start first tries like that, so that
// goroutines and not threads wait.
func (c *Call) LockTimeout() (timeout time.Duration, wait bool) { panic(unfinished) }

// ReadOnly tells that this session will not write, so that Read need not keep a lock.
func (c *Call) ReadOnly() bool { panic(unfinished) }

// MaxLifetime is session.gc_maxlifetime, for stores that keep the age beside the data.
func (c *Call) MaxLifetime() time.Duration { panic(unfinished) }

// GCBudget is how long GC should take at most; 0 is as long as it needs.
func (c *Call) GCBudget() time.Duration { panic(unfinished) }

// GCMore is GC's answer that it stopped at its budget and has more to do.
func (c *Call) GCMore() { panic(unfinished) }
