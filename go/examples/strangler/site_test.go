package main

import (
	"encoding/json"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
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

// startPHP runs the old site. A built-in server has one worker: a request that waits holds up all others.
func startPHP(t *testing.T, dir string) *url.URL {
	t.Helper()
	php, err := exec.LookPath("php")
	if err != nil {
		t.Fatal("php is missing: apt-get install php-cli")
	}
	for range 5 {
		address := freeAddress(t)
		cmd := exec.Command(php, "-n", "-S", address, "-d", "session.save_path="+dir, "-d", "display_errors=0",
			"-d", "session.use_strict_mode=1", "-d", "session.gc_probability=0", filepath.Join("site", "index.php"))
		cmd.Stderr = io.Discard
		must(t, cmd.Start())
		ended := make(chan struct{})
		go func() {
			_ = cmd.Wait()
			close(ended)
		}()
		t.Cleanup(func() {
			_ = cmd.Process.Kill()
			<-ended
		})
		if answers(address, ended) {
			return &url.URL{Scheme: "http", Host: address}
		}
	}
	t.Fatal("php -S does not listen")
	return nil
}

// freeAddress is one that nobody listens at, for a moment at least.
func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer listener.Close()
	return listener.Addr().String()
}

func answers(address string, ended <-chan struct{}) bool {
	for range 600 {
		conn, err := net.DialTimeout("tcp", address, time.Second)
		if err == nil {
			conn.Close()
			return true
		}
		select {
		case <-ended:
			return false
		case <-time.After(50 * time.Millisecond):
		}
	}
	return false
}

// visitor is a browser.
type visitor struct {
	t    *testing.T
	base string
	http *http.Client
}

type page struct {
	ServedBy string `json:"served by"`
	User     string
	Cart     map[string]int
	Pages    int
	WaitedMS int `json:"waited ms"`
	cookies  []string
	status   int
}

func newVisitor(t *testing.T, base string) *visitor {
	t.Helper()
	jar, err := cookiejar.New(nil)
	must(t, err)
	return &visitor{t, base, &http.Client{Jar: jar, Timeout: time.Minute}}
}

func (v *visitor) read(response *http.Response, err error) (p page) {
	v.t.Helper()
	must(v.t, err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	must(v.t, err)
	if response.StatusCode == http.StatusOK {
		if err := json.Unmarshal(body, &p); err != nil {
			v.t.Fatalf("%v: %s", err, body)
		}
	}
	p.status = response.StatusCode
	p.cookies = response.Header.Values("Set-Cookie")
	if len(p.cookies) > 1 {
		v.t.Errorf("%d cookies in one response: %q", len(p.cookies), p.cookies)
	}
	if p.WaitedMS >= int(noWait/time.Millisecond) {
		v.t.Errorf("PHP waited for %d ms", p.WaitedMS)
	}
	return p
}

func (v *visitor) get(path string) page {
	v.t.Helper()
	return v.read(v.http.Get(v.base + path))
}

func (v *visitor) add(item string) page {
	v.t.Helper()
	return v.read(v.http.PostForm(v.base+"/cart", url.Values{"item": {item}}))
}

// session is the only cookie that the visitor has.
func (v *visitor) session() string {
	v.t.Helper()
	base, err := url.Parse(v.base)
	must(v.t, err)
	cookies := v.http.Jar.Cookies(base)
	if len(cookies) != 1 || cookies[0].Name != "PHPSESSID" {
		v.t.Fatalf("cookies: %v", cookies)
	}
	return cookies[0].Value
}

// noWait is more than PHP takes to start a session that nobody holds. One that this side held it would wait for until
// the visitor gives up.
const noWait = 5 * time.Second

func newFront(t *testing.T) (base, dir string) {
	t.Helper()
	dir = t.TempDir()
	mgr, err := sess.New(sess.Files(dir), sess.Logger(slog.New(slog.DiscardHandler)))
	must(t, err)
	t.Cleanup(func() { must(t, mgr.Close()) })
	front := httptest.NewServer(newSite(mgr, startPHP(t, dir)))
	t.Cleanup(front.Close)
	return front.URL, dir
}

// A visitor goes back and forth between the old site and the new one, with one session and one cookie.
func TestBothSitesHaveOneSession(t *testing.T) {
	base, dir := newFront(t)
	v := newVisitor(t, base)

	if p := v.get("/cart"); p.status != http.StatusUnauthorized || len(p.cookies) != 0 {
		t.Fatalf("before the login: %+v", p)
	}

	// The session begins here, PHP goes on with it.
	first := v.get("/")
	if first.ServedBy != "PHP" || first.Pages != 1 || len(first.cookies) != 1 {
		t.Fatalf("the first page: %+v", first)
	}
	began := v.session()

	// PHP's login gives it a new id, which goes on here.
	if p := v.get("/login?user=eve"); p.User != "eve" || p.Pages != 2 || len(p.cookies) != 1 {
		t.Fatalf("the login: %+v", p)
	}
	id := v.session()
	if id == began {
		t.Error("the id is the one from before the login")
	}
	if p := v.get("/cart"); p.ServedBy != "Go" || p.User != "eve" || len(p.Cart) != 0 || len(p.cookies) != 0 {
		t.Fatalf("the empty cart: %+v", p)
	}

	// What each of them puts in the other one sees.
	v.add("apple")
	want := map[string]int{"apple": 2}
	if p := v.add("apple"); p.ServedBy != "Go" || !maps.Equal(p.Cart, want) {
		t.Fatalf("two apples: %+v", p)
	}
	want["gift"] = 1
	if p := v.get("/gift"); p.ServedBy != "PHP" || !maps.Equal(p.Cart, want) || p.Pages != 3 {
		t.Fatalf("a gift: %+v", p)
	}
	if p := v.get("/cart"); p.ServedBy != "Go" || !maps.Equal(p.Cart, want) {
		t.Fatalf("the full cart: %+v", p)
	}
	if v.session() != id {
		t.Error("the id changed on the way")
	}
	files, err := os.ReadDir(dir)
	must(t, err)
	sessions := 0
	for _, file := range files {
		if matched, _ := filepath.Match("sess_*", file.Name()); matched {
			sessions++
		}
	}
	if sessions != 1 {
		t.Errorf("%d sessions lie there: %v", sessions, files)
	}

	// PHP's logout is one here too.
	v.get("/logout")
	if p := v.get("/cart"); p.status != http.StatusUnauthorized {
		t.Fatalf("after the logout: %+v", p)
	}
}

// A visitor with many requests at once loses none.
func TestRequestsAtOnce(t *testing.T) {
	base, _ := newFront(t)
	v := newVisitor(t, base)
	v.get("/")
	v.get("/login?user=eve")
	const each = 10
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range each {
			response, err := v.http.Get(base + "/")
			if err != nil {
				t.Error(err)
				return
			}
			response.Body.Close()
		}
	}()
	for range each {
		v.add("apple")
	}
	<-done
	p := v.get("/")
	if want := each + 3; p.Pages != want || p.Cart["apple"] != each {
		t.Errorf("%d pages, not %d; %d apples, not %d", p.Pages, want, p.Cart["apple"], each)
	}
}
