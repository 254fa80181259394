package sess

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"time"
)

// Option is for [New].
type Option interface{ apply(*config) error }

// config is what the options of New say.
type config struct {
	logger      *slog.Logger
	onError     func(w http.ResponseWriter, r *http.Request, err error)
	afterStart  func(ctx context.Context, s *Session) error
	beforeClose func(ctx context.Context, s *Session) error
}

// Set sets a directive as php.ini would: "session.gc_maxlifetime", "sess.lock_timeout_ms", ... Later
// options win. New fails for an unknown name or a bad value.
func Set(directive, value string) Option { panic(unfinished) }

// INI reads the session.* and sess.* lines of a php.ini; others are skipped.
func INI(r io.Reader) Option { panic(unfinished) }

// Logger receives what PHP raises as notices and warnings, and what fails after the response has begun.
// The default is slog.Default().
func Logger(l *slog.Logger) Option { panic(unfinished) }

// OnError answers a request whose session could not be saved before the response began. The default is
// 503 for [ErrLocked], else 500.
func OnError(f func(w http.ResponseWriter, r *http.Request, err error)) Option { panic(unfinished) }

// AfterStart runs f at the end of every successful start. It may read and edit data; if it fails, the start
// fails with its error and the session is unlocked.
func AfterStart(f func(ctx context.Context, s *Session) error) Option { panic(unfinished) }

// BeforeClose runs f before a close saves: the last place that may still change data. If it fails, nothing
// is saved and the close fails with its error.
func BeforeClose(f func(ctx context.Context, s *Session) error) Option { panic(unfinished) }

// StartOption is for [Manager.Start], [Manager.Open] and [Session.Start].
type StartOption interface{ applyStart(*start) }

// start is what the options of a start say.
type start struct {
	readOnly, existing, raw bool
	lockTimeout             time.Duration
	hasLockTimeout          bool
	overrides               [][2]string
}

// ReadOnly loads the data and lets go of the session at once (PHP's read_and_close). A shared lock is held
// while reading only, so that such readers neither wait for each other nor hold up others.
func ReadOnly() StartOption { panic(unfinished) }

// Existing makes the start fail with [ErrNotFound] rather than begin a new session.
func Existing() StartOption { panic(unfinished) }

// Raw decodes nothing: only [Session.View] and [Session.SetRaw] see the payload.
func Raw() StartOption { panic(unfinished) }

// LockTimeout bounds the wait for the lock, instead of sess.lock_timeout_ms. 0 tries once, a negative one
// waits for ever. The nearer of this and the deadline of the context holds.
func LockTimeout(d time.Duration) StartOption { panic(unfinished) }

// With overrides a directive for this session: session_start(['name' => 'value']).
func With(directive, value string) StartOption { panic(unfinished) }
