package main

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"example.com/libsess/go/sess"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func manager(t *testing.T, dir string, opts ...sess.Option) *sess.Manager {
	t.Helper()
	t.Helper()
	m, err := newManager(dir, append(opts, sess.Logger(slog.New(slog.DiscardHandler)))...)
	must(t, err)
	t.Cleanup(func() { must(t, m.Close()) })
	return m
}

const someID = "savehandlertest0123456789"

// What was written is read back, and PHP's words for it lie in the file.
func TestWriteAndRead(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "made-by-open")
	m := manager(t, dir)
	id := ""
	for want := 1; want <= 3; want++ {
		var n int
		var err error
		id, n, err = count(t.Context(), m, id)
		must(t, err)
		if n != want {
			t.Fatalf("n is %d, not %d", n, want)
		}
	}
	stored, err := os.ReadFile(filepath.Join(dir, "sess_"+id))
	must(t, err)
	if string(stored) != "n|i:3;" {
		t.Errorf("stored is %q", stored)
	}
}

// An id that nobody gave out is not taken: Read says fs.ErrNotExist, and session.use_strict_mode is on.
func TestForeignIDsAreReplaced(t *testing.T) {
	m := manager(t, t.TempDir())
	id, _, err := count(t.Context(), m, someID)
	must(t, err)
	if id == someID {
		t.Error("the id of a stranger was taken")
	}
}

// Destroy removes the file, and has nothing to say about one that is not there.
func TestDestroy(t *testing.T) {
	dir := t.TempDir()
	m := manager(t, dir)
	id, _, err := count(t.Context(), m, "")
	must(t, err)
	s, err := m.Open(t.Context(), id)
	must(t, err)
	defer s.Release()
	must(t, os.Remove(filepath.Join(dir, "sess_"+id)))
	must(t, s.Destroy())

	id, _, err = count(t.Context(), m, id)
	must(t, err)
	s, err = m.Open(t.Context(), id)
	must(t, err)
	defer s.Release()
	must(t, s.Destroy())
	if _, err := os.Stat(filepath.Join(dir, "sess_"+id)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("still there after Destroy: %v", err)
	}
}

// GC removes the files that are old, and only session files.
func TestGC(t *testing.T) {
	dir := t.TempDir()
	m := manager(t, dir, sess.Set("session.gc_maxlifetime", "60"))
	old := time.Now().Add(-2 * time.Minute)
	for _, name := range []string{"sess_old", "sess_young", "other"} {
		must(t, os.WriteFile(filepath.Join(dir, name), nil, 0o600))
	}
	for _, name := range []string{"sess_old", "other"} {
		must(t, os.Chtimes(filepath.Join(dir, name), old, old))
	}
	removed, err := m.GC(t.Context())
	must(t, err)
	if removed != 1 {
		t.Errorf("%d removed, not 1", removed)
	}
	for name, kept := range map[string]bool{"sess_old": false, "sess_young": true, "other": true} {
		if _, err := os.Stat(filepath.Join(dir, name)); (err == nil) != kept {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A file that is there but cannot be read is an error, and stays as it is.
func TestUnreadableIsNotEmpty(t *testing.T) {
	dir := t.TempDir()
	m := manager(t, dir)
	must(t, os.Mkdir(filepath.Join(dir, "sess_"+someID), 0o700))
	_, _, err := count(t.Context(), m, someID)
	var path *fs.PathError
	if !errors.As(err, &path) {
		t.Fatalf("not the handler's error: %v", err)
	}
}

// The directory cannot be made: the start fails with what Open says.
func TestOpenFails(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	must(t, os.WriteFile(file, nil, 0o600))
	m := manager(t, filepath.Join(file, "dir"))
	if _, _, err := count(t.Context(), m, someID); err == nil || !strings.Contains(err.Error(), "not a directory") {
		t.Fatal(err)
	}
}

const phpCount = `
session_save_path($argv[1]);
session_id($argv[2]);
session_start() || exit(1);
echo ++$_SESSION['n'];
session_write_close() || exit(2);
`

// PHP's own store goes on with the files of this handler, and this handler with PHP's.
func TestPHPReadsTheFiles(t *testing.T) {
	php, err := exec.LookPath("php")
	if err != nil {
		t.Fatal("php is missing: apt-get install php-cli")
	}
	dir := t.TempDir()
	m := manager(t, dir)
	id, n, err := count(context.Background(), m, "")
	must(t, err)
	if n != 1 {
		t.Fatalf("n is %d at first", n)
	}
	out, err := exec.CommandContext(t.Context(), php, "-n", "-d", "session.use_cookies=0", "-d", "session.cache_limiter=",
		"-r", phpCount, "--", dir, id).CombinedOutput()
	if err != nil || string(out) != "2" {
		t.Fatalf("php: %v: %s", err, out)
	}
	if _, n, err = count(context.Background(), m, id); err != nil || n != 3 {
		t.Fatalf("n is %d after PHP: %v", n, err)
	}
}
