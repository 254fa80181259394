package sess

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"example.com/libsess/go/internal/csess"
)

// Manager holds the settings, the store and the lock queue of one site. It is for all goroutines.
type Manager struct {
	site        *site
	directives  map[string]string
	lockTimeout time.Duration
	maxWaiters  int
	lines       lines
	calls       *gate // see callsInC; nil: any number

	mu     sync.Mutex
	engine *csess.Engine // nil after Close
	idle   []*handle
}

// handle is a C session and where its callbacks go.
type handle struct {
	*csess.Session
	binding *binding
	// seen are the last headers, so that texts need not be made again.
	seen []csess.Header
}

// How many C sessions without work are kept for the next requests.
const maxIdle = 64

// New makes a Manager that stores sessions through h; nil is what session.save_handler names, files unless that is
// set. It fails for settings that contradict each other. No I/O: a missing directory is an error of start.
//
// A goroutine that waits costs no thread, so sess.max_waiters is 0, without limit, unless it is set.
func New(h Handler, opts ...Option) (*Manager, error) {
	m := &Manager{site: &site{}, directives: make(map[string]string)}
	for _, o := range opts {
		o.apply(&m.site.config)
	}
	options, err := csess.NewOptions()
	if err != nil {
		return nil, fmt.Errorf("sess: %w", err)
	}
	defer options.Free()
	if err := m.configure(options, h); err != nil {
		return nil, fmt.Errorf("sess: %w", err)
	}
	return m, nil
}

func (m *Manager) configure(options *csess.Options, h Handler) error {
	if err := options.Set("sess.max_waiters", "0"); err != nil {
		return err
	}
	for _, set := range m.site.config.settings {
		if err := set(options); err != nil {
			return err
		}
	}
	m.site.config.settings = nil
	if err := m.setHandler(options, h); err != nil {
		return err
	}
	if err := m.setClock(options); err != nil {
		return err
	}
	for _, name := range csess.Directives() {
		m.directives[name], _ = options.Get(name)
	}
	m.site.saveHandler = m.directives["session.save_handler"]
	if m.site.handler != nil {
		m.directives["session.save_handler"] = "user"
	}
	m.lockTimeout = milliseconds(m.directives["sess.lock_timeout_ms"])
	m.site.saveTimeout = milliseconds(m.directives["sess.save_timeout_ms"])
	if m.site.handler == nil {
		m.calls = newGate(callsInC)
	}
	m.maxWaiters, _ = strconv.Atoi(m.directives["sess.max_waiters"])
	// Kept until C has returned: a logger is the program's, and may panic.
	var events []csess.Event
	engine, err := options.NewEngine(func(e csess.Event) { events = append(events, e) })
	m.engine = engine
	m.site.config.log(context.Background(), events)
	return err
}

// setHandler makes h the store, or what it builds upon.
func (m *Manager) setHandler(options *csess.Options, h Handler) error {
	if h == nil {
		return nil
	}
	if b, ok := h.(interface{ builtin() (string, string) }); ok {
		saveHandler, path := b.builtin()
		if saveHandler == "" {
			return errors.New("the *FilesHandler is nil: make it with Files")
		}
		if err := options.Set("session.save_handler", saveHandler); err != nil {
			return err
		}
		if path != "" {
			if err := options.Set("session.save_path", path); err != nil {
				return err
			}
		}
	}
	switch h.(type) {
	case *FilesHandler, *memory:
		return nil
	}
	m.site.handler = h
	createID, validateID, updateTimestamp := offersOf(h)
	return options.SetHandler(csess.Offers{
		CreateID: createID, ValidateID: validateID, UpdateTimestamp: updateTimestamp,
	})
}

// milliseconds is the value of a directive; negative ones are for ever.
func milliseconds(value string) time.Duration {
	ms, err := strconv.ParseInt(value, 10, 64)
	if err != nil {
		return -1
	}
	return time.Duration(ms) * time.Millisecond
}

// Open starts the session of an id outside of HTTP; "" begins a new one. A strict manager
// (session.use_strict_mode) takes a new id for an unknown one, unless [Existing] is among the options. Release
// the session:
//
//	s, err := mgr.Open(ctx, id)
//	if err != nil {
//		return err
//	}
//	defer s.Release()
//
// The errors are those of [Session.Start].
func (m *Manager) Open(ctx context.Context, id string, opts ...StartOption) (*Session, error) {
	s := m.newSession()
	if err := s.startAs(ctx, id, startOf(opts)); err != nil {
		s.Release()
		return nil, err
	}
	return s, nil
}

// Update opens a session, runs f and closes it: session_start() to session_write_close(). If f fails or panics
// nothing is saved. f's error is returned as it is.
func (m *Manager) Update(ctx context.Context, id string, f func(*Session) error) error {
	s, err := m.Open(ctx, id)
	if err != nil {
		return err
	}
	defer s.Release()
	return s.change(f)
}

// View opens a session with [ReadOnly] and [Existing] and runs f. It makes none: [ErrNotFound].
func (m *Manager) View(ctx context.Context, id string, f func(*Session) error) error {
	s, err := m.Open(ctx, id, ReadOnly(), Existing())
	if err != nil {
		return err
	}
	defer s.Release()
	return f(s)
}

// How long GC is in C before it looks at its context.
const gcSlice = 50 * time.Millisecond

// GC collects expired sessions now, in slices, until none is left or ctx ends: session_gc(). It returns how
// many were removed, -1 if the store does not know. errors.ErrUnsupported where the directory must not be
// listed, as Debian's: let its own collector work.
func (m *Manager) GC(ctx context.Context) (int, error) {
	s := m.newSession()
	defer s.Release()
	s.mu.Lock()
	defer s.unlock()
	h, err := s.acquire()
	if err != nil {
		return 0, s.failedWith(opGC, err)
	}
	total := 0
	for {
		if err := ctx.Err(); err != nil {
			return total, &Error{Op: opGC, Err: err}
		}
		if err := m.inC(ctx); err != nil {
			return total, &Error{Op: opGC, Err: err}
		}
		h.binding.begin(s.startOperation(ctx))
		removed, more, f := h.Collect(gcSlice)
		m.outOfC()
		if f != nil {
			return total, s.failed(opGC, f)
		}
		if removed < 0 {
			return -1, nil
		}
		total += int(removed)
		if !more {
			return total, nil
		}
	}
}

// Directive returns the value in force of a directive: ini_get(). false: there is none of that name.
func (m *Manager) Directive(name string) (string, bool) {
	value, ok := m.directives[name]
	return value, ok
}

// Close lets go of the store. Sessions that are open go on; what is started later fails with [ErrReleased].
func (m *Manager) Close() error {
	m.mu.Lock()
	engine, idle := m.engine, m.idle
	m.engine, m.idle = nil, nil
	m.mu.Unlock()
	for _, h := range idle {
		h.Free()
	}
	if engine != nil {
		engine.Free()
	}
	return nil
}

// take gives out a C session.
func (m *Manager) take() (*handle, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.engine == nil {
		return nil, &causes{"the manager was closed", []error{ErrReleased}}
	}
	if n := len(m.idle); n > 0 {
		h := m.idle[n-1]
		m.idle[n-1] = nil
		m.idle = m.idle[:n-1]
		return h, nil
	}
	b := &binding{site: m.site}
	s, err := m.engine.NewSession(b)
	if err != nil {
		return nil, err
	}
	return &handle{Session: s, binding: b}, nil
}

// give takes a C session back that was recycled; false if it is not wanted.
func (m *Manager) give(h *handle) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.engine == nil || len(m.idle) >= maxIdle {
		return false
	}
	m.idle = append(m.idle, h)
	return true
}
