package sqlite

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"io/fs"
	mathrand "math/rand/v2"
	"time"

	"example.com/libsess/go/sess"
)

// ErrLeaseLost is what a save fails with that came so late that another request has taken the session over.
// Nothing was stored.
var ErrLeaseLost = errors.New("sqlite: the session was held for longer than its lease")

// handler is the store as one session sees it.
type handler struct {
	store *Store
	owner string // of the lock row, unlike any other's
	held  []byte // the key that is locked; nil: none
}

// key is what stands for an id in the database, so that who gets hold of a copy cannot open sessions with it.
func key(id string) []byte {
	sum := sha256.Sum256([]byte(id))
	return sum[:]
}

func now() int64 { return time.Now().UnixMilli() }

func (h *handler) Open(context.Context, string, string) error { return nil }

// Close unlocks.
func (h *handler) Close(ctx context.Context) error {
	if h.held == nil {
		return nil
	}
	_, err := h.store.db.ExecContext(ctx, "DELETE FROM locks WHERE id = ? AND owner = ?", h.held, h.owner)
	h.held = nil
	return err
}

// Read locks, unless the session will not write, and reads.
func (h *handler) Read(ctx context.Context, id string) ([]byte, error) {
	k := key(id)
	if !sess.CallOf(ctx).ReadOnly() {
		if err := h.lock(ctx, k); err != nil {
			return nil, err
		}
	}
	var data []byte
	var touched int64
	err := h.store.db.QueryRowContext(ctx, "SELECT data, touched FROM sessions WHERE id = ?", k).Scan(&data, &touched)
	if err == nil {
		// For the clocks of sess.*.idle. When the row was made nobody wrote down; libsess does where that counts.
		sess.CallOf(ctx).SetTimes(time.Time{}, time.UnixMilli(touched))
		return data, nil
	}
	if errors.Is(err, sql.ErrNoRows) {
		err = fs.ErrNotExist
	}
	return nil, errors.Join(err, h.Close(context.WithoutCancel(ctx)))
}

// Write stores what was read under the lock, or makes a record and keeps its lock until Close: a client may know the
// id from then on.
func (h *handler) Write(ctx context.Context, id string, data []byte) error {
	k := key(id)
	if h.held == nil {
		if err := h.lock(ctx, k); err != nil {
			return err
		}
		_, err := h.store.db.ExecContext(ctx,
			`INSERT INTO sessions (id, data, touched) VALUES (?, ?, ?)
			ON CONFLICT (id) DO UPDATE SET data = excluded.data, touched = excluded.touched`, k, notNull(data), now())
		return err
	}
	return h.update(ctx, k,
		"UPDATE sessions SET data = ?, touched = ? WHERE id = ? AND EXISTS (SELECT 1 FROM locks WHERE id = ? AND owner = ?)",
		notNull(data), now(), k, k, h.owner)
}

// UpdateTimestamp renews the age.
func (h *handler) UpdateTimestamp(ctx context.Context, id string, _ []byte) error {
	k := key(id)
	return h.update(ctx, k, "UPDATE sessions SET touched = ? WHERE id = ?", now(), k)
}

// update changes a record. One that has gone is fs.ErrNotExist: another request has destroyed the session.
func (h *handler) update(ctx context.Context, k []byte, query string, args ...any) error {
	changed, err := h.store.exec(ctx, query, args...)
	if err != nil || changed > 0 {
		return err
	}
	var owner string
	err = h.store.db.QueryRowContext(ctx, "SELECT owner FROM locks WHERE id = ?", k).Scan(&owner)
	switch {
	case err != nil && !errors.Is(err, sql.ErrNoRows):
		return err
	case h.held != nil && owner != h.owner:
		return ErrLeaseLost
	}
	return fs.ErrNotExist
}

// ValidateID tells whether there is such a session.
func (h *handler) ValidateID(ctx context.Context, id string) (known bool, err error) {
	err = h.store.db.QueryRowContext(ctx, "SELECT EXISTS (SELECT 1 FROM sessions WHERE id = ?)", key(id)).Scan(&known)
	return known, err
}

// Destroy removes the record.
func (h *handler) Destroy(ctx context.Context, id string) error {
	_, err := h.store.exec(ctx, "DELETE FROM sessions WHERE id = ?", key(id))
	return err
}

// GC removes the records that nobody touched and nobody holds, and the locks whose owners have died.
func (h *handler) GC(ctx context.Context, maxLifetime time.Duration) (int, error) {
	if _, err := h.store.exec(ctx, "DELETE FROM locks WHERE leased <= ?", now()); err != nil {
		return 0, err
	}
	removed, err := h.store.exec(ctx, "DELETE FROM sessions WHERE touched < ? AND id NOT IN (SELECT id FROM locks)",
		now()-maxLifetime.Milliseconds())
	return int(removed), err
}

// The pauses between two looks at a lock that others hold.
const (
	shortestPause = 2 * time.Millisecond
	longestPause  = 50 * time.Millisecond
)

// lock takes the lock row, and waits for it as long as libsess wants.
func (h *handler) lock(ctx context.Context, k []byte) error {
	timeout, mayWait := sess.CallOf(ctx).LockTimeout()
	began := time.Now()
	for pause := shortestPause; ; pause = min(2*pause, longestPause) {
		taken, err := h.store.exec(ctx,
			`INSERT INTO locks (id, owner, leased) VALUES (?, ?, ?)
			ON CONFLICT (id) DO UPDATE SET owner = excluded.owner, leased = excluded.leased WHERE leased <= ?`,
			k, h.owner, now()+h.store.Lease.Milliseconds(), now())
		if err != nil {
			return err
		}
		if taken > 0 {
			h.held = k
			return nil
		}
		if !mayWait || timeout >= 0 && time.Since(began) >= timeout {
			return sess.ErrLocked
		}
		// Not all at once.
		timer := time.NewTimer(pause/2 + mathrand.N(pause))
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		}
	}
}

// exec returns how many rows were changed.
func (s *Store) exec(ctx context.Context, query string, args ...any) (int64, error) {
	result, err := s.db.ExecContext(ctx, query, args...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// notNull is the empty payload as SQLite is to store it: the driver makes NULL of nil.
func notNull(data []byte) []byte {
	if data == nil {
		return []byte{}
	}
	return data
}
