package sess

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
)

// helpers are programs that tests run as other processes: this test binary with SESS_TEST_HELPER set.
var helpers = map[string]func(args []string) error{}

func TestMain(m *testing.M) {
	name := os.Getenv("SESS_TEST_HELPER")
	if name == "" {
		os.Exit(m.Run())
	}
	if err := helpers[name](os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, name+":", err)
		os.Exit(1)
	}
}

// process is a helper that is running.
type process struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

func startHelper(t *testing.T, name string, args ...string) *process {
	t.Helper()
	cmd := exec.Command(os.Args[0], args...)
	cmd.Env = append(os.Environ(), "SESS_TEST_HELPER="+name)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	must(t, err)
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	return &process{cmd, in, bufio.NewReader(out)}
}

// expect waits for a line.
func (p *process) expect(t *testing.T, want string) {
	t.Helper()
	line, err := p.out.ReadString('\n')
	if got := strings.TrimSpace(line); got != want {
		t.Fatalf("the helper says %q (%v), not %q", got, err, want)
	}
}

func (p *process) say(t *testing.T, line string) {
	t.Helper()
	_, err := io.WriteString(p.in, line+"\n")
	must(t, err)
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

var quiet = Logger(slog.New(slog.DiscardHandler))

func newManager(t testing.TB, h Handler, opts ...Option) *Manager {
	t.Helper()
	m, err := New(h, append([]Option{quiet}, opts...)...)
	must(t, err)
	t.Cleanup(func() { must(t, m.Close()) })
	return m
}

// newID makes a session with n = 0 and returns its id.
func newID(t testing.TB, m *Manager) (id string) {
	t.Helper()
	must(t, m.Update(context.Background(), "", func(s *Session) error {
		id = s.ID()
		return s.Set("n", 0)
	}))
	return id
}

func increment(s *Session) error {
	n, err := Get[int](s, "n")
	if err != nil {
		return err
	}
	return s.Set("n", n+1)
}

func valueOfN(t testing.TB, m *Manager, id string) int {
	t.Helper()
	n := -1
	must(t, m.View(context.Background(), id, func(s *Session) (err error) {
		n, err = Get[int](s, "n")
		return err
	}))
	return n
}

// threads is the number of threads of this process.
func threads(t testing.TB) int {
	t.Helper()
	status, err := os.ReadFile("/proc/self/status")
	must(t, err)
	for line := range strings.Lines(string(status)) {
		if n, ok := strings.CutPrefix(line, "Threads:"); ok {
			count, err := strconv.Atoi(strings.TrimSpace(n))
			must(t, err)
			return count
		}
	}
	t.Fatal("no Threads: in /proc/self/status")
	return 0
}

func testLogger(w io.Writer) *slog.Logger {
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: slog.LevelDebug}))
}
