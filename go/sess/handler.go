package sess

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Handler is PHP's SessionHandlerInterface: where sessions are stored. A type may also be an [IDHandler]
// and a [TimestampHandler]; [New] finds out by assertion.
//
// libsess decides when each method is called, with the arguments PHP passes. Assume nothing about order or
// number of calls, and leave nothing half done. One Handler serves all sessions and goroutines of a
// Manager; [PerSession] makes one for each session instead, as PHP does. What a method returns reaches the
// caller of the operation: errors.Is finds it.
//
// A handler that wants PHP's locking holds the record from Read to Close. While it waits it obeys ctx and
// [Call.LockTimeout]; what it returns then is [ErrLocked].
//
// Methods run on the goroutine of the caller and must not use the session they are called for. A panic
// becomes a [*PanicError].
type Handler interface {
	// Open begins a session; savePath and name are session.save_path and session.name. It may come
	// again without a Close, after a reset.
	Open(ctx context.Context, savePath, name string) error
	// Close ends a session: unlock, let go. It follows every Open, also one that failed.
	Close(ctx context.Context) error
	// Read locks and returns what Write was given, byte for byte. nil, nil is a session without data.
	// With [Call.SetTimes] it can say when the record was made and last used.
	// An error that is fs.ErrNotExist: there is no such session; a strict manager
	// (session.use_strict_mode) then takes a new id. Keep no lock then.
	Read(ctx context.Context, id string) ([]byte, error)
	// Write stores the whole payload, and makes a record that is not there. data is valid during the
	// call only. An error that is fs.ErrNotExist: destroyed since Read, nothing stored; the caller
	// sees [ErrGone].
	Write(ctx context.Context, id string, data []byte) error
	// Destroy forgets the session; one that is not there is success.
	Destroy(ctx context.Context, id string) error
	// GC removes sessions that were not written or touched for maxLifetime and returns their number,
	// or -1 if that is not known.
	GC(ctx context.Context, maxLifetime time.Duration) (int, error)
}

// IDHandler is PHP's SessionIdInterface, an optional part of a [Handler]. Without it libsess makes the ids.
type IDHandler interface {
	// CreateID returns a new id: 22 to 256 characters of A-Z a-z 0-9 , and -.
	// An error that is errors.ErrUnsupported leaves it to libsess.
	CreateID(ctx context.Context) (string, error)
}

// TimestampHandler is PHP's SessionUpdateTimestampHandlerInterface, an optional part of a [Handler].
// Without it every id counts as known, unless Read says otherwise, and every close writes.
type TimestampHandler interface {
	// ValidateID tells whether the id is known. An error that is errors.ErrUnsupported: as if this
	// method were missing.
	ValidateID(ctx context.Context, id string) (bool, error)
	// UpdateTimestamp renews the age of a session whose payload has not changed. data is valid during
	// the call only. Errors are as those of Write; errors.ErrUnsupported makes Write be called.
	UpdateTimestamp(ctx context.Context, id string, data []byte) error
}

// Funcs is the form of session_set_save_handler that takes nine functions. The first six are required, the
// last three may be nil. See [Handler] for what each does.
type Funcs struct {
	Open            func(ctx context.Context, savePath, name string) error
	Close           func(ctx context.Context) error
	Read            func(ctx context.Context, id string) ([]byte, error)
	Write           func(ctx context.Context, id string, data []byte) error
	Destroy         func(ctx context.Context, id string) error
	GC              func(ctx context.Context, maxLifetime time.Duration) (int, error)
	CreateID        func(ctx context.Context) (string, error)
	ValidateID      func(ctx context.Context, id string) (bool, error)
	UpdateTimestamp func(ctx context.Context, id string, data []byte) error
}

// Handler returns the functions as a Handler. The error names the first required one that is missing.
func (f Funcs) Handler() (Handler, error) {
	for _, required := range []struct {
		name    string
		isThere bool
	}{
		{"Open", f.Open != nil},
		{"Close", f.Close != nil},
		{"Read", f.Read != nil},
		{"Write", f.Write != nil},
		{"Destroy", f.Destroy != nil},
		{"GC", f.GC != nil},
	} {
		if !required.isThere {
			return nil, fmt.Errorf("sess: Funcs.%s is nil", required.name)
		}
	}
	return &funcs{f}, nil
}

// funcs is the nine functions as methods.
type funcs struct{ f Funcs }

func (h *funcs) offers() (createID, validateID, updateTimestamp bool) {
	return h.f.CreateID != nil, h.f.ValidateID != nil, h.f.UpdateTimestamp != nil
}

func (h *funcs) Open(ctx context.Context, savePath, name string) error {
	return h.f.Open(ctx, savePath, name)
}

func (h *funcs) Close(ctx context.Context) error { return h.f.Close(ctx) }

func (h *funcs) Read(ctx context.Context, id string) ([]byte, error) { return h.f.Read(ctx, id) }

func (h *funcs) Write(ctx context.Context, id string, data []byte) error {
	return h.f.Write(ctx, id, data)
}

func (h *funcs) Destroy(ctx context.Context, id string) error { return h.f.Destroy(ctx, id) }

func (h *funcs) GC(ctx context.Context, maxLifetime time.Duration) (int, error) {
	return h.f.GC(ctx, maxLifetime)
}

func (h *funcs) CreateID(ctx context.Context) (string, error) {
	if h.f.CreateID == nil {
		return "", errors.ErrUnsupported
	}
	return h.f.CreateID(ctx)
}

func (h *funcs) ValidateID(ctx context.Context, id string) (bool, error) {
	if h.f.ValidateID == nil {
		return false, errors.ErrUnsupported
	}
	return h.f.ValidateID(ctx, id)
}

func (h *funcs) UpdateTimestamp(ctx context.Context, id string, data []byte) error {
	if h.f.UpdateTimestamp == nil {
		return errors.ErrUnsupported
	}
	return h.f.UpdateTimestamp(ctx, id, data)
}

// offersOf tells which of the optional methods a handler has.
func offersOf(h Handler) (createID, validateID, updateTimestamp bool) {
	if some, ok := h.(interface {
		offers() (createID, validateID, updateTimestamp bool)
	}); ok {
		return some.offers()
	}
	_, createID = h.(IDHandler)
	_, validateID = h.(TimestampHandler)
	return createID, validateID, validateID
}
