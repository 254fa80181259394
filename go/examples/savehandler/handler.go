package main

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// FileSessionHandler is the class of that name in PHP's manual, method for method. Like that one it has no locks:
// of two requests of one visitor the later one to write wins, and a process that dies while it writes leaves a torn
// file. sess.Files has neither fault.
//
// It is made for each session (sess.PerSession), as in PHP, so Open may keep what it is given.
type FileSessionHandler struct {
	savePath string
}

// Open makes the directory if it is missing. PHP's asks for mode 0777; a session is nobody else's business.
func (h *FileSessionHandler) Open(_ context.Context, savePath, _ string) error {
	h.savePath = savePath
	return os.MkdirAll(savePath, 0o700)
}

// Close has nothing to let go of.
func (h *FileSessionHandler) Close(context.Context) error { return nil }

// Read returns what Write stored. PHP's returns "" for every failure, and a session that could not be read is then
// overwritten; here only one that is not there is empty, as libsess knows fs.ErrNotExist.
func (h *FileSessionHandler) Read(_ context.Context, id string) ([]byte, error) {
	return os.ReadFile(h.file(id))
}

// Write stores the payload.
func (h *FileSessionHandler) Write(_ context.Context, id string, data []byte) error {
	return os.WriteFile(h.file(id), data, 0o600)
}

// Destroy removes the file. That it is not there is success.
func (h *FileSessionHandler) Destroy(_ context.Context, id string) error {
	return ignoreMissing(os.Remove(h.file(id)))
}

// GC removes what was not written for maxLifetime. PHP's returns true; the number is what PHP's own store returns.
func (h *FileSessionHandler) GC(ctx context.Context, maxLifetime time.Duration) (int, error) {
	files, err := filepath.Glob(h.file("*"))
	if err != nil {
		return 0, err
	}
	removed := 0
	for _, file := range files {
		if err := ctx.Err(); err != nil {
			return removed, err
		}
		info, err := os.Stat(file)
		if errors.Is(err, fs.ErrNotExist) {
			// Another process collects too.
			continue
		}
		if err != nil {
			return removed, err
		}
		if time.Since(info.ModTime()) <= maxLifetime {
			continue
		}
		if err := ignoreMissing(os.Remove(file)); err != nil {
			return removed, err
		}
		removed++
	}
	return removed, nil
}

// file is where a session lies. Ids need no check: libsess lets through only letters, digits, "," and "-".
func (h *FileSessionHandler) file(id string) string { return filepath.Join(h.savePath, "sess_"+id) }

func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
