package sess

import (
	"context"
)

// Manager holds the settings, the store and the lock queue of one site. It is for all goroutines.
type Manager struct {
	config config
}

// New makes a Manager that stores sessions through h; nil is what session.save_handler names (files unless
// set). It fails for settings that contradict each other. No I/O: a missing directory is an error of start.
func New(h Handler, opts ...Option) (*Manager, error) { panic(unfinished) }

// Open starts the session of an id outside of HTTP; "" begins a new one. A strict manager takes a new id for
// an unknown one, unless [Existing] is among the options. Release it:
//
//	s, err := mgr.Open(ctx, id)
//	if err != nil { ... }
//	defer s.Release()
//
// The errors are those of [Session.Start].
func (m *Manager) Open(ctx context.Context, id string, opts ...StartOption) (*Session, error) {
	panic(unfinished)
}

// Update opens a session, runs f and closes it: session_start() to session_write_close(). If f fails or
// panics nothing is saved.
func (m *Manager) Update(ctx context.Context, id string, f func(*Session) error) error {
	panic(unfinished)
}

// View opens a session that exists with [ReadOnly] and runs f. It makes none: [ErrNotFound].
func (m *Manager) View(ctx context.Context, id string, f func(*Session) error) error {
	panic(unfinished)
}

// GC collects expired sessions now, in slices, until none is left or ctx ends: session_gc(). It returns how
// many were removed, -1 if the store does not know.
func (m *Manager) GC(ctx context.Context) (int, error) { panic(unfinished) }

// Directive returns the value in force of a directive: ini_get(). false: there is none of that name.
func (m *Manager) Directive(name string) (string, bool) { panic(unfinished) }

// Close lets go of the store. Sessions that are open go on; what is started later fails with [ErrReleased].
func (m *Manager) Close() error { panic(unfinished) }
