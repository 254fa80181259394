package sess

import (
	"context"
	"io/fs"
	"time"

	"example.com/libsess/go/internal/csess"
)

// FilesHandler is the built-in files store, which a running PHP can share.
//
// Passed to [New] as it is, it runs in C. Embedded in a type of yours it is PHP's
// `class X extends SessionHandler`: override some methods and call the embedded ones from them, with the
// context you were given, else they say [ErrNoCall]. Embed *FilesHandler and not Handler, which would lose the
// optional methods. Override UpdateTimestamp whenever you override Write: it gets the payload as the session
// has it.
type FilesHandler struct {
	saveHandler string
	path        string
}

// Files returns the built-in files store. savePath is PHP's session.save_path: "/dir", "2;/dir",
// "2;0600;/dir"; "" takes the directive's value.
func Files(savePath string) *FilesHandler { return &FilesHandler{"files", savePath} }

// Memory returns a store in the memory of this process, with locks: for tests and embedding. Each Manager has its
// own, which ends with it.
func Memory() Handler { return &memory{FilesHandler{saveHandler: "memory"}} }

// memory is the built-in memory store; parent:: is the same code.
type memory struct{ FilesHandler }

// builtin is found through embedding: which store a handler builds upon. A saveHandler that is empty: nobody made one.
func (f *FilesHandler) builtin() (saveHandler, savePath string) {
	if f == nil {
		return "", ""
	}
	return f.saveHandler, f.path
}

// Open is the store's open: parent::open() in PHP. The path that was given to [Files] goes before savePath.
func (f *FilesHandler) Open(ctx context.Context, savePath, name string) error {
	if f.path != "" {
		savePath = f.path
	}
	return f.parent(ctx, "open", func(c csess.Call) csess.Code { return c.ParentOpen(savePath, name) })
}

// Close is the store's close: it unlocks.
func (f *FilesHandler) Close(ctx context.Context) error {
	return f.parent(ctx, "close", csess.Call.ParentClose)
}

// Read is the store's read: it locks until Close. fs.ErrNotExist if there is no such session.
func (f *FilesHandler) Read(ctx context.Context, id string) (data []byte, err error) {
	err = f.parent(ctx, "read", func(c csess.Call) (code csess.Code) {
		data, code = c.ParentRead(id)
		return code
	})
	return data, err
}

// Write is the store's write.
func (f *FilesHandler) Write(ctx context.Context, id string, data []byte) error {
	return f.parent(ctx, "write", func(c csess.Call) csess.Code { return c.ParentWrite(id, data) })
}

// Destroy is the store's destroy.
func (f *FilesHandler) Destroy(ctx context.Context, id string) error {
	return f.parent(ctx, "destroy", func(c csess.Call) csess.Code { return c.ParentDestroy(id) })
}

// GC is the store's gc. It obeys [Call.GCBudget] by itself.
func (f *FilesHandler) GC(ctx context.Context, maxLifetime time.Duration) (removed int, err error) {
	err = f.parent(ctx, "gc", func(c csess.Call) csess.Code {
		n, code := c.ParentGC(maxLifetime)
		removed = int(n)
		return code
	})
	return removed, err
}

// CreateID is the store's create_sid.
func (f *FilesHandler) CreateID(ctx context.Context) (id string, err error) {
	err = f.parent(ctx, "create_sid", func(c csess.Call) (code csess.Code) {
		id, code = c.ParentCreateID()
		return code
	})
	return id, err
}

// ValidateID is the store's validate_sid.
func (f *FilesHandler) ValidateID(ctx context.Context, id string) (known bool, err error) {
	err = f.parent(ctx, "validate_sid", func(c csess.Call) csess.Code {
		code := c.ParentValidateID(id)
		known = code == csess.OK
		if code == csess.ENOTFOUND {
			return csess.OK
		}
		return code
	})
	return known, err
}

// UpdateTimestamp is the store's update_timestamp.
func (f *FilesHandler) UpdateTimestamp(ctx context.Context, id string, data []byte) error {
	return f.parent(ctx, "update_timestamp", func(c csess.Call) csess.Code {
		return c.ParentUpdateTimestamp(id, data)
	})
}

// parent calls the store. Its reason stays in C, with the call.
func (f *FilesHandler) parent(ctx context.Context, op string, run func(csess.Call) csess.Code) error {
	call := CallOf(ctx)
	if call == nil || call.binding.site.saveHandler != f.saveHandler {
		return &Error{Op: op, Err: ErrNoCall}
	}
	code := csess.OK
	if !call.use(func(raw csess.Call) { code = run(raw) }) {
		return &Error{Op: op, Err: ErrNoCall}
	}
	if code == csess.OK {
		return nil
	}
	e := newError(op, &csess.Failure{Code: code, Message: "the built-in store says " + code.String()}, nil)
	e.fromParent = true
	if code == csess.ENOTFOUND {
		e.Err = &causes{e.text, []error{ErrNotFound, fs.ErrNotExist}}
	}
	return e
}
