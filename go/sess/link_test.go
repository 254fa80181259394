package sess

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const outside = `package main

import (
	"context"
	"fmt"

	"example.com/libsess/go/sess"
)

func main() {
	m, err := sess.New(sess.Memory())
	if err != nil {
		panic(err)
	}
	fmt.Println(m.Update(context.Background(), "", func(s *sess.Session) error { return s.Set("n", 1) }))
}
`

func goCommand(dir string, env []string, args ...string) (string, error) {
	cmd := exec.Command("../../scripts/go", args...)
	cmd.Path, _ = filepath.Abs(cmd.Path)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), env...)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// Without cgo, or elsewhere than on Linux, the compiler says what is needed, and nothing else.
func TestWithoutCgo(t *testing.T) {
	for _, env := range []string{"CGO_ENABLED=0", "GOOS=darwin"} {
		out, err := goCommand(".", []string{env, "CGO_ENABLED=0"}, "build", "../internal/csess")
		lines := strings.Split(strings.TrimSpace(out), "\n")
		if err == nil || len(lines) != 2 ||
			!strings.HasSuffix(lines[1], "undefined: libsess_needs_linux_and_CGO_ENABLED_1_and_a_C_compiler") {
			t.Errorf("%s: %v\n%s", env, err, out)
		}
	}
}

// outsider makes a program outside of the repository, which takes the package from a module's folder.
func outsider(t *testing.T, module string) (program string) {
	t.Helper()
	program = t.TempDir()
	must(t, os.WriteFile(filepath.Join(program, "main.go"), []byte(outside), 0o666))
	must(t, os.WriteFile(filepath.Join(program, "go.mod"), []byte("module example.com/outside\n\ngo 1.25\n"), 0o666))
	// As the manual says.
	out, err := goCommand(program, nil, "mod", "edit", "-require=example.com/libsess@v0.0.0",
		"-replace=example.com/libsess="+module)
	if err != nil {
		t.Fatalf("go mod edit: %v\n%s", err, out)
	}
	return program
}

// installed puts the library and the package's sources into directories of their own.
func installed(t *testing.T, root string) (prefix, module string) {
	t.Helper()
	prefix = t.TempDir()
	cmd := exec.Command("make", "--no-print-directory", "install", "PREFIX="+prefix, "DESTDIR=")
	cmd.Dir = root
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("make install: %v\n%s", err, out)
	}
	// As in the module cache: the sources, and no build folder.
	module = filepath.Join(t.TempDir(), "libsess")
	for _, dir := range []string{"go/sess", "go/internal/csess", "include"} {
		must(t, os.MkdirAll(filepath.Join(module, dir), 0o777))
		files, err := filepath.Glob(filepath.Join(root, dir, "*.[gch]*"))
		must(t, err)
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") || strings.HasSuffix(file, "build_id.h") {
				continue
			}
			text, err := os.ReadFile(file)
			must(t, err)
			must(t, os.WriteFile(filepath.Join(module, dir, filepath.Base(file)), text, 0o666))
		}
	}
	must(t, os.WriteFile(filepath.Join(module, "go.mod"), []byte("module example.com/libsess\n\ngo 1.25\n"), 0o666))
	return prefix, module
}

// A program outside of the repository links the library of a checkout, and the installed one by default and by
// pkg-config.
func TestLinkInstalled(t *testing.T) {
	root, err := filepath.Abs("../..")
	must(t, err)
	prefix, module := installed(t, root)
	lib := prefix + "/lib"
	program := outsider(t, module)
	for _, tt := range []struct {
		name    string
		program string
		env     []string
		args    []string
	}{
		{"checkout", outsider(t, root), nil, nil},
		{"default", program, []string{"LIBRARY_PATH=" + lib, "LD_LIBRARY_PATH=" + lib}, nil},
		{"pkg-config", program, []string{"PKG_CONFIG_PATH=" + lib + "/pkgconfig", "LD_LIBRARY_PATH=" + lib},
			[]string{"-tags=libsess_pkgconfig"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			out, err := goCommand(tt.program, tt.env, append(append([]string{"run"}, tt.args...), ".")...)
			if err != nil || strings.TrimSpace(out) != "<nil>" {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
	out, err := goCommand(program, nil, "build", "-o", "/dev/null", ".")
	if err == nil {
		t.Log("a libsess is installed on this machine")
	} else if !strings.Contains(out, "-lsess") {
		t.Errorf("without a library: %v\n%s", err, out)
	}
}
