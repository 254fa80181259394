package sess

import (
	"context"
	"fmt"
	"io/fs"
	"sync"
	"time"
)

// table is a store in Go that does all that a Handler may do: nine methods, a lock from Read to Close that is waited for,
// and the times of its rows. handler gives each session a view of its own, as PHP does.
type table struct {
	mu    sync.Mutex
	now   func() time.Time
	rows  map[string]row
	locks map[string]chan struct{}
	made  int
	// lockless: Read does not lock.
	lockless bool
	// before runs at the beginning of every method, nil: nothing.
	before func(ctx context.Context, op, id string) error
}

type row struct {
	data             []byte
	created, touched time.Time
}

func newTable(now func() time.Time) *table {
	return &table{now: now, rows: map[string]row{}, locks: map[string]chan struct{}{}}
}

func (t *table) handler() Handler {
	return PerSession(func(context.Context) (Handler, error) { return &tableRow{t: t}, nil })
}

// payload is what is stored under an id, "" if nothing is.
func (t *table) payload(id string) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.rows[id].data)
}

// tableRow is the part of a session in a table.
type tableRow struct {
	t    *table
	held chan struct{}
}

func (r *tableRow) enter(ctx context.Context, op, id string) error {
	if r.t.before == nil {
		return nil
	}
	return r.t.before(ctx, op, id)
}

func (r *tableRow) Open(ctx context.Context, _, _ string) error { return r.enter(ctx, "open", "") }

func (r *tableRow) Close(ctx context.Context) error {
	if r.held != nil {
		<-r.held
		r.held = nil
	}
	return r.enter(ctx, "close", "")
}

// lock waits for an id as Read is told to.
func (r *tableRow) lock(ctx context.Context, id string) error {
	r.t.mu.Lock()
	lock := r.t.locks[id]
	if lock == nil {
		lock = make(chan struct{}, 1)
		r.t.locks[id] = lock
	}
	r.t.mu.Unlock()
	select {
	case lock <- struct{}{}:
		r.held = lock
		return nil
	default:
	}
	wait, may := CallOf(ctx).LockTimeout()
	if !may {
		return ErrLocked
	}
	if wait < 0 {
		wait = time.Hour
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case lock <- struct{}{}:
		r.held = lock
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return ErrLocked
	}
}

func (r *tableRow) Read(ctx context.Context, id string) ([]byte, error) {
	if err := r.enter(ctx, "read", id); err != nil {
		return nil, err
	}
	if !r.t.lockless && r.held == nil {
		if err := r.lock(ctx, id); err != nil {
			return nil, err
		}
	}
	r.t.mu.Lock()
	defer r.t.mu.Unlock()
	found, ok := r.t.rows[id]
	if !ok {
		return nil, nil
	}
	CallOf(ctx).SetTimes(found.created, found.touched)
	return found.data, nil
}

func (r *tableRow) Write(ctx context.Context, id string, data []byte) error {
	if err := r.enter(ctx, "write", id); err != nil {
		return err
	}
	r.t.mu.Lock()
	defer r.t.mu.Unlock()
	found, ok := r.t.rows[id]
	if !ok {
		found.created = r.t.now()
	}
	found.data, found.touched = []byte(string(data)), r.t.now()
	r.t.rows[id] = found
	return nil
}

func (r *tableRow) Destroy(ctx context.Context, id string) error {
	if err := r.enter(ctx, "destroy", id); err != nil {
		return err
	}
	r.t.mu.Lock()
	defer r.t.mu.Unlock()
	delete(r.t.rows, id)
	return nil
}

func (r *tableRow) GC(ctx context.Context, maxLifetime time.Duration) (int, error) {
	if err := r.enter(ctx, "gc", ""); err != nil {
		return 0, err
	}
	r.t.mu.Lock()
	defer r.t.mu.Unlock()
	n := 0
	for id, found := range r.t.rows {
		if r.t.now().Sub(found.touched) > maxLifetime {
			delete(r.t.rows, id)
			n++
		}
	}
	return n, nil
}

func (r *tableRow) CreateID(ctx context.Context) (string, error) {
	if err := r.enter(ctx, "create_sid", ""); err != nil {
		return "", err
	}
	r.t.mu.Lock()
	defer r.t.mu.Unlock()
	r.t.made++
	return fmt.Sprintf("%032d", r.t.made), nil
}

func (r *tableRow) ValidateID(ctx context.Context, id string) (bool, error) {
	if err := r.enter(ctx, "validate_sid", id); err != nil {
		return false, err
	}
	r.t.mu.Lock()
	defer r.t.mu.Unlock()
	_, ok := r.t.rows[id]
	return ok, nil
}

func (r *tableRow) UpdateTimestamp(ctx context.Context, id string, data []byte) error {
	if err := r.enter(ctx, "update_timestamp", id); err != nil {
		return err
	}
	r.t.mu.Lock()
	defer r.t.mu.Unlock()
	found, ok := r.t.rows[id]
	if !ok {
		return fs.ErrNotExist
	}
	found.touched = r.t.now()
	r.t.rows[id] = found
	return nil
}
