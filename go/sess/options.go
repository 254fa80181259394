package sess

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"time"

	"example.com/libsess/go/internal/csess"
)

// Option is for [New].
type Option interface{ apply(*config) }

type optionFunc func(*config)

func (f optionFunc) apply(c *config) { f(c) }

// config is what the options of New say.
type config struct {
	settings    []func(*csess.Options) error
	clock       func() time.Time
	requestOf   func(r *http.Request) Request
	logger      *slog.Logger
	onError     func(w http.ResponseWriter, r *http.Request, err error)
	afterStart  func(ctx context.Context, s *Session) error
	beforeClose func(ctx context.Context, s *Session) error
}

// Set sets a directive as php.ini would: "session.gc_maxlifetime", "sess.lock_timeout_ms", ... Later
// options win. New fails for an unknown name or a bad value.
func Set(directive, value string) Option {
	return optionFunc(func(c *config) {
		c.settings = append(c.settings, func(o *csess.Options) error { return o.Set(directive, value) })
	})
}

// INI reads the session.* and sess.* lines of a php.ini; others are skipped. New reads r to its end.
func INI(r io.Reader) Option {
	return optionFunc(func(c *config) {
		c.settings = append(c.settings, func(o *csess.Options) error {
			text, err := io.ReadAll(r)
			if err != nil {
				return err
			}
			name := "php.ini"
			if file, ok := r.(interface{ Name() string }); ok {
				name = file.Name()
			}
			return o.LoadINI(text, name)
		})
	})
}

// Logger receives what PHP raises as notices and warnings, and what fails where nobody is left to be told. The
// default is slog.Default().
func Logger(l *slog.Logger) Option { return optionFunc(func(c *config) { c.logger = l }) }

// OnError answers a request whose session could not be saved before the response began. The default is
// 503 for [ErrLocked], else 500.
func OnError(f func(w http.ResponseWriter, r *http.Request, err error)) Option {
	return optionFunc(func(c *config) { c.onError = f })
}

// AfterStart runs f at the end of every successful start. It may read and edit data; if it fails, the start
// fails with its error, and nothing is saved or locked.
func AfterStart(f func(ctx context.Context, s *Session) error) Option {
	return optionFunc(func(c *config) { c.afterStart = f })
}

// BeforeClose runs f before a close saves: the last place that may still change data. If it fails, nothing
// is saved and the close fails with its error.
func BeforeClose(f func(ctx context.Context, s *Session) error) Option {
	return optionFunc(func(c *config) { c.beforeClose = f })
}

func (c *config) loggerOrDefault() *slog.Logger {
	if c.logger == nil {
		return slog.Default()
	}
	return c.logger
}

// log writes down what C told.
func (c *config) log(ctx context.Context, events []csess.Event) {
	for _, e := range events {
		level := slog.LevelDebug
		switch {
		case e.Level <= 3:
			level = slog.LevelError
		case e.Level == 4:
			level = slog.LevelWarn
		case e.Level == 5:
			level = slog.LevelInfo
		}
		attrs := []slog.Attr{slog.String("event", e.Name)}
		if e.Code != csess.OK {
			attrs = append(attrs, slog.String("code", e.Code.String()))
		}
		c.loggerOrDefault().LogAttrs(ctx, level, "sess: "+e.Text, attrs...)
	}
}

// StartOption is for [Manager.Start], [Manager.Open] and [Session.Start].
type StartOption interface{ startOption() }

// start is what the options of a start say. It is handed around by value, so that it need not be allocated.
type start struct {
	flags          uint32
	lockTimeout    time.Duration
	hasLockTimeout bool
	overrides      []override
}

type override struct{ directive, value string }

type flag uint8

type lockTimeout time.Duration

func (flag) startOption()        {}
func (lockTimeout) startOption() {}
func (override) startOption()    {}

func startOf(opts []StartOption) (s start) {
	for _, o := range opts {
		switch o := o.(type) {
		case flag:
			s.flags |= uint32(o)
		case lockTimeout:
			s.lockTimeout, s.hasLockTimeout = time.Duration(o), true
		case override:
			s.overrides = append(s.overrides, o)
		}
	}
	return s
}

// ReadOnly loads the data and lets go of the session at once: session_start(['read_and_close' => true]). A shared
// lock is held while reading only, so that such readers neither wait for each other nor hold up others.
func ReadOnly() StartOption { return flag(csess.ReadAndClose) }

// Existing makes the start fail with [ErrNotFound] rather than begin a new session.
func Existing() StartOption { return flag(csess.Existing) }

// Raw decodes nothing: only [Session.View] and [Session.SetRaw] see the payload.
func Raw() StartOption { return flag(csess.Raw) }

// LockTimeout bounds the wait for the lock, instead of sess.lock_timeout_ms. 0 tries once, a negative one
// waits for ever. The nearer of this and the end of the context holds.
func LockTimeout(d time.Duration) StartOption { return lockTimeout(d) }

// With overrides a directive for this session: session_start(['name' => 'value']), where name is
// "session.name".
func With(directive, value string) StartOption { return override{directive, value} }

// String shows the directive, not what it is set to.
func (o override) String() string { return fmt.Sprintf("sess.With(%q)", o.directive) }
