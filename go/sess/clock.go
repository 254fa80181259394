package sess

import (
	"runtime/debug"
	"time"

	"example.com/libsess/go/internal/csess"
)

// Clock tells the time instead of the machine's clock, so that tests of timeouts need not wait: all that the sess.*
// directives say of time goes by it, and what the built-in stores write or touch bears its time. Waits for locks take
// real time. now is called from any goroutine, often while C is inside a session: it must not use one, nor leave by
// runtime.Goexit. When it panics the machine's time counts, and the panic is logged.
func Clock(now func() time.Time) Option {
	return optionFunc(func(c *config) { c.clock = now })
}

// setClock makes C ask the program's clock, if it has one.
func (m *Manager) setClock(options *csess.Options) error {
	now := m.site.config.clock
	if now == nil {
		return nil
	}
	site := m.site
	return options.SetClock(func() (ms int64) {
		defer func() {
			// A panic must not leave C's frames behind.
			if v := recover(); v != nil {
				p := PanicError{Op: "clock", Value: v}
				site.clockPanicked.Store(&panicked{p.Error(), debug.Stack()})
				ms = time.Now().UnixMilli()
			}
		}()
		return now().UnixMilli()
	})
}

// now is the time that policy goes by.
func (c *config) now() time.Time {
	if c.clock != nil {
		return c.clock()
	}
	return time.Now()
}
