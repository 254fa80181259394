// Package sqlite keeps sessions in a local SQLite database, with PHP's locking by a row: an example of a store that
// locks with leases, as every store has to that cannot see its clients die.
//
//	store, err := sqlite.Open("/var/lib/app/sessions.db")
//	...
//	mgr, err := sess.New(store.Handler())
//
// Build with -tags libsqlite3 to link the system's SQLite; the driver's own takes long to compile.
package sqlite

import (
	"context"
	"crypto/rand"
	"database/sql"
	"net/url"
	"time"

	"example.com/libsess/go/sess"

	_ "github.com/mattn/go-sqlite3" // the driver
)

// Times are milliseconds since 1970. A lock row belongs to its owner until the time in it has come; then anyone may
// take it over.
const schema = `
CREATE TABLE IF NOT EXISTS sessions (
	id      BLOB PRIMARY KEY,
	data    BLOB NOT NULL,
	touched INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS sessions_touched ON sessions (touched);
CREATE TABLE IF NOT EXISTS locks (
	id     BLOB PRIMARY KEY,
	owner  TEXT NOT NULL,
	leased INTEGER NOT NULL
) WITHOUT ROWID;
`

// DefaultLease is how long a lock lasts whose owner is not heard of any more.
const DefaultLease = 2 * time.Minute

// Store is a database of sessions. Any number of processes may have it open.
type Store struct {
	// Lease has to be longer than any request holds its session: what a request saves after its lease was
	// taken over is refused. So long a crashed process locks its visitors out. Set it before Handler.
	Lease time.Duration

	db *sql.DB
}

// Open opens the database file, and makes it if it is missing.
func Open(path string) (*Store, error) {
	// The write-ahead log lets readers in while somebody writes. What it may lose at a power cut are the last
	// commits, never the database.
	name := url.URL{Scheme: "file", Opaque: url.PathEscape(path), RawQuery: "_journal_mode=WAL&_synchronous=NORMAL&_busy_timeout=5000"}
	db, err := sql.Open("sqlite3", name.String())
	if err != nil {
		return nil, err
	}
	if _, err := db.Exec(schema); err != nil {
		_ = db.Close()
		return nil, err
	}
	return &Store{Lease: DefaultLease, db: db}, nil
}

// Close closes the database. Close the managers first.
func (s *Store) Close() error { return s.db.Close() }

// Handler is for sess.New.
func (s *Store) Handler() sess.Handler {
	return sess.PerSession(func(context.Context) (sess.Handler, error) {
		return &handler{store: s, owner: rand.Text()}, nil
	})
}
