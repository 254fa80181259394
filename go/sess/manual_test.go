package sess

import (
	"context"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// manual is docs/go.md, which these tests hold to what it says.
func manual(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../docs/go.md")
	must(t, err)
	return string(text)
}

func names(text, pattern string) map[string]bool {
	found := make(map[string]bool)
	for _, match := range regexp.MustCompile(pattern).FindAllStringSubmatch(text, -1) {
		found[strings.Join(match[1:], ".")] = true
	}
	return found
}

// The table has every function that PHP has, and no other.
func TestManualHasPHPsFunctions(t *testing.T) {
	out, err := exec.Command("php", "-n", "-r", `echo implode("\n", get_extension_funcs("session"));`).Output()
	if err != nil {
		t.Fatal("php is missing: apt-get install php-cli:", err)
	}
	table := names(manual(t), "`[^`|]*\\b(session_[a-z_]+)\\(")
	has := names(string(out), `(session_[a-z_]+)`)
	for name := range has {
		if !table[name] {
			t.Errorf("%s() has no row", name)
		}
	}
	for name := range table {
		if !has[name] {
			t.Errorf("PHP has no %s()", name)
		}
	}
}

// exported is what this package offers: names, and methods with their type.
func exported(t *testing.T) map[string]bool {
	t.Helper()
	found := make(map[string]bool)
	files, err := filepath.Glob("*.go")
	must(t, err)
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		must(t, err)
		for _, decl := range parsed.Decls {
			switch decl := decl.(type) {
			case *ast.FuncDecl:
				found[receiver(decl)+decl.Name.Name] = true
			case *ast.GenDecl:
				for _, spec := range decl.Specs {
					switch spec := spec.(type) {
					case *ast.TypeSpec:
						found[spec.Name.Name] = true
					case *ast.ValueSpec:
						for _, name := range spec.Names {
							found[name.Name] = true
						}
					}
				}
			}
		}
	}
	return found
}

func receiver(decl *ast.FuncDecl) string {
	if decl.Recv == nil {
		return ""
	}
	of := decl.Recv.List[0].Type
	if star, ok := of.(*ast.StarExpr); ok {
		of = star.X
	}
	name, ok := of.(*ast.Ident)
	if !ok {
		return "?."
	}
	return name.Name + "."
}

// What the manual calls is there, and so are the tests that it names.
func TestManualNames(t *testing.T) {
	text := manual(t)
	there := exported(t)
	prefixes := map[string]string{"s": "Session.", "mgr": "Manager.", "v": "Value.", "sess": ""}
	for call := range names(text, `\b(s|mgr|v|sess)\.([A-Z]\w*)`) {
		of, name, _ := strings.Cut(call, ".")
		if !there[prefixes[of]+name] {
			t.Errorf("there is no %s", call)
		}
	}
	tests := make(map[string]bool)
	must(t, filepath.WalkDir("..", func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		source, err := os.ReadFile(path)
		for name := range names(string(source), `(?m)^func (Test\w+)\(`) {
			tests[name] = true
		}
		return err
	}))
	for name := range names(text, "`(Test\\w+)`") {
		if !tests[name] {
			t.Errorf("there is no test %s", name)
		}
	}
	for path := range names(text, "`(go/[\\w/]+)`") {
		if _, err := os.Stat("../../" + path); err != nil {
			t.Error(err)
		}
	}
}

// app is a user that is not root.
const app = 65534

// asApp runs f as that user. Only this thread becomes it, and ends with the goroutine.
func asApp(t *testing.T, f func() error) error {
	t.Helper()
	if os.Getuid() != 0 {
		t.Fatal("needs root, to become another user")
	}
	done := make(chan error)
	go func() {
		runtime.LockOSThread()
		if _, _, errno := syscall.RawSyscall(syscall.SYS_SETRESUID, app, app, app); errno != 0 {
			done <- errno
			return
		}
		done <- f()
	}()
	return <-done
}

// sharedDir is a directory that other users can get into.
func sharedDir(t *testing.T, mode os.FileMode) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "sess")
	must(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	must(t, os.Chmod(dir, mode))
	return dir
}

// A file of another user is refused, by anyone but root.
func TestFilesOfAnotherUser(t *testing.T) {
	dir := sharedDir(t, 0o777)
	m := newManager(t, Files(dir))
	id := newID(t, m)
	file := filepath.Join(dir, "sess_"+id)
	must(t, os.Chmod(file, 0o666))
	const other = 12345
	for owner, want := range map[int]error{other: ErrUnsafe, app: nil} {
		must(t, os.Chown(file, owner, -1))
		err := asApp(t, func() error { return m.Update(context.Background(), id, increment) })
		if !errors.Is(err, want) {
			t.Errorf("a file of %d: %v", owner, err)
		}
	}
}

// A handler that streams holds up the visitor's other requests, unless it closes first.
func TestLockDuringAStream(t *testing.T) {
	for _, closes := range []bool{false, true} {
		m := newManager(t, Files(t.TempDir()), Set("sess.lock_timeout_ms", "0"))
		id := newID(t, m)
		handler := m.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			s, err := m.Start(r.Context())
			must(t, err)
			if closes {
				must(t, s.Close())
			}
			fmt.Fprint(w, "data: 1\n\n")
			must(t, http.NewResponseController(w).Flush())
			err = m.Update(context.Background(), id, increment)
			if locked := errors.Is(err, ErrLocked); locked == closes {
				t.Errorf("closed first: %v, another request: %v", closes, err)
			}
			if closes {
				must(t, s.Update(r.Context(), increment))
			}
		}))
		handler.ServeHTTP(httptest.NewRecorder(), requestWith(id))
		want := 0
		if closes {
			want = 2
		}
		if n := valueOfN(t, m, id); n != want {
			t.Errorf("closed first: %v, n = %d", closes, n)
		}
	}
}

// What PHP code stores of a form is a string.
func TestNumbersThatAreStrings(t *testing.T) {
	m := newManager(t, Files(t.TempDir()))
	s, err := m.Open(context.Background(), "")
	must(t, err)
	defer s.Release()
	must(t, s.Decode([]byte(`n|s:2:"42";`)))
	if _, err := Get[int](s, "n"); !errors.Is(err, ErrType) {
		t.Errorf("strictly: %v", err)
	}
	if n := GetOr(s, "n", -1); n != -1 {
		t.Errorf("GetOr says %d", n)
	}
	if n, err := As[int](s.Value("n").Loose()); err != nil || n != 42 {
		t.Errorf("loosely %d: %v", n, err)
	}
	var data struct {
		N int `sess:"n,loose"`
	}
	if err := s.Unmarshal(&data); err != nil || data.N != 42 {
		t.Errorf("by tag %d: %v", data.N, err)
	}
}

// A directory as Debian's is not collected.
func TestGCWhereNothingCanBeListed(t *testing.T) {
	m := newManager(t, Files(sharedDir(t, os.ModeSticky|0o733)))
	err := asApp(t, func() error {
		_, err := m.GC(context.Background())
		return err
	})
	if !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("gc: %v", err)
	}
}

// While a goroutine waits in C the clock of a bubble stands still.
func TestSynctestDoesNotSeeC(t *testing.T) {
	m := newManager(t, Files(t.TempDir()))
	id := newID(t, m)
	holder, err := m.Open(context.Background(), id)
	must(t, err)
	defer holder.Release()
	const wait = 30 * time.Millisecond
	began := time.Now()
	synctest.Test(t, func(t *testing.T) {
		inside := time.Now()
		if _, err := m.Open(context.Background(), id, LockTimeout(wait)); !errors.Is(err, ErrLocked) {
			t.Errorf("start: %v", err)
		}
		if passed := time.Since(inside); passed != 0 {
			t.Errorf("%v passed in the bubble", passed)
		}
	})
	if passed := time.Since(began); passed < wait {
		t.Errorf("%v passed outside", passed)
	}
}

// A program without any shared library, and its session.
func TestStaticProgram(t *testing.T) {
	dir := t.TempDir()
	program := filepath.Join(dir, "static")
	out, err := goCommand(".", nil, "build", "-ldflags", "-linkmode external -extldflags -static", "-o", program,
		"../examples/savehandler")
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if text, err := exec.Command("readelf", "--dynamic", program).Output(); err != nil || strings.Contains(string(text), "NEEDED") {
		t.Errorf("readelf (apt-get install binutils): %v\n%s", err, text)
	}
	if out, err := exec.Command(program, dir).CombinedOutput(); err != nil || !strings.HasSuffix(string(out), " 1\n") {
		t.Errorf("%v\n%s", err, out)
	}
}
