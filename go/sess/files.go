package sess

import (
	"context"
	"time"
)

// FilesHandler is the built-in files store, which a running PHP can share.
//
// Passed to [New] as it is, it runs in C. Embedded in a type of yours, by this concrete type and not as
// Handler, or the optional methods are lost, it is PHP's `class X extends SessionHandler`: override some
// methods and call the embedded ones from them with the context you were given, else they say [ErrNoCall].
// Override UpdateTimestamp whenever you override Write: it gets the payload as the session has it.
type FilesHandler struct {
	path string
}

// Files returns the built-in files store. savePath is PHP's session.save_path: "/dir", "2;/dir",
// "2;0600;/dir"; "" takes the directive's value.
func Files(savePath string) *FilesHandler { return &FilesHandler{path: savePath} }

// Memory returns a store in the memory of this process, with locks: for tests and embedding. It keeps
// nothing across [Manager.Close].
func Memory() Handler { panic(unfinished) }

// Open is the store's open: parent::open() in PHP.
func (f *FilesHandler) Open(ctx context.Context, savePath, name string) error { panic(unfinished) }

// Close is the store's close: it unlocks.
func (f *FilesHandler) Close(ctx context.Context) error { panic(unfinished) }

// Read is the store's read: it locks until Close.
func (f *FilesHandler) Read(ctx context.Context, id string) ([]byte, error) { panic(unfinished) }

// Write is the store's write.
func (f *FilesHandler) Write(ctx context.Context, id string, data []byte) error { panic(unfinished) }

// Destroy is the store's destroy.
func (f *FilesHandler) Destroy(ctx context.Context, id string) error { panic(unfinished) }

// GC is the store's gc.
func (f *FilesHandler) GC(ctx context.Context, maxLifetime time.Duration) (int, error) {
	panic(unfinished)
}

// CreateID is the store's create_sid.
func (f *FilesHandler) CreateID(ctx context.Context) (string, error) { panic(unfinished) }

// ValidateID is the store's validate_sid.
func (f *FilesHandler) ValidateID(ctx context.Context, id string) (bool, error) { panic(unfinished) }

// UpdateTimestamp is the store's update_timestamp.
func (f *FilesHandler) UpdateTimestamp(ctx context.Context, id string, data []byte) error {
	panic(unfinished)
}
