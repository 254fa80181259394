package sess

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

const phpIncrements = `
[$id, $times] = array_slice($argv, 1);
for ($i = 0; $i < $times; $i++) {
	session_id($id);
	session_start() || exit(1);
	$_SESSION['n']++;
	session_write_close() || exit(2);
}`

// PHP and Go increment one counter at once, and none is lost.
func TestCounterWithPHP(t *testing.T) {
	php, err := exec.LookPath("php")
	if err != nil {
		t.Fatal("php is missing: apt-get install php-cli")
	}
	dir := t.TempDir()
	m := newManager(t, Files(dir), Set("sess.lock_timeout_ms", "-1"))
	id := newID(t, m)
	const each, processes, goroutines = 200, 2, 4
	var group sync.WaitGroup
	for range processes {
		group.Go(func() {
			cmd := exec.Command(php, "-n", "-d", "session.save_path="+dir, "-d", "session.use_cookies=0",
				"-d", "session.use_only_cookies=0", "-d", "session.cache_limiter=", "-r", phpIncrements, "--",
				id, strconv.Itoa(each))
			if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
				t.Errorf("php: %v: %s", err, out)
			}
		})
	}
	for range goroutines {
		group.Go(func() {
			for range each {
				if err := m.Update(context.Background(), id, increment); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	if n, want := valueOfN(t, m, id), each*(processes+goroutines); n != want {
		t.Errorf("%d increments became %d", want, n)
	}
}

// writeForever changes a session as fast as it can: a number, and as many bytes as it says.
func writeForever(args []string) error {
	m, err := New(Files(args[0]), quiet)
	if err != nil {
		return err
	}
	fmt.Println("ready")
	for {
		if err := m.Update(context.Background(), args[1], func(s *Session) error {
			n := rand.IntN(20000)
			return errors.Join(s.Set("n", n), s.Set("pad", strings.Repeat("p", n)))
		}); err != nil {
			return err
		}
	}
}

func init() { helpers["write"] = writeForever }

// A process that is killed leaves the old or the new session.
func TestKills(t *testing.T) {
	dir := t.TempDir()
	m := newManager(t, Files(dir))
	id := newID(t, m)
	// The first payload of more than a page makes the journal. A process that found none looks again a second later.
	for _, pad := range []string{strings.Repeat("p", 5000), ""} {
		must(t, m.Update(context.Background(), id, func(s *Session) error {
			return errors.Join(s.Set("n", len(pad)), s.Set("pad", pad))
		}))
	}
	const kills = 200
	damaged := 0
	for range kills {
		p := startHelper(t, "write", dir, id)
		p.expect(t, "ready")
		time.Sleep(time.Duration(rand.IntN(3000)) * time.Microsecond)
		must(t, p.cmd.Process.Kill())
		_ = p.cmd.Wait()
		if state, ok := p.cmd.ProcessState.Sys().(syscall.WaitStatus); !ok || !state.Signaled() {
			t.Fatalf("the writer ended by itself: %v", p.cmd.ProcessState)
		}
		if err := m.View(context.Background(), id, func(s *Session) error {
			n, err := Get[int](s, "n")
			pad, err2 := Get[string](s, "pad")
			if len(pad) != n {
				err = fmt.Errorf("n is %d, and there are %d bytes", n, len(pad))
			}
			return errors.Join(err, err2)
		}); err != nil {
			damaged++
			t.Error(err)
		}
	}
	if damaged > 0 {
		t.Errorf("%d of %d kills left a damaged session", damaged, kills)
	}
}

// resident is the memory of this process in bytes.
func resident(t *testing.T) int {
	t.Helper()
	statm, err := os.ReadFile("/proc/self/statm")
	must(t, err)
	pages, err := strconv.Atoi(string(bytes.Fields(statm)[1]))
	must(t, err)
	return pages * os.Getpagesize()
}

// descriptors are the files that this process has open.
func descriptors(t *testing.T) (files []string) {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	must(t, err)
	for _, e := range entries {
		// The directory itself is closed by now.
		if file, err := os.Readlink("/proc/self/fd/" + e.Name()); err == nil {
			files = append(files, file)
		}
	}
	return files
}
