package main

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"example.com/libsess/go/sess"
)

// browser is a visitor of a wiki that is served.
type browser struct {
	t      *testing.T
	url    string
	dir    string
	client *http.Client
}

func newBrowser(t *testing.T, policy string) *browser {
	t.Helper()
	dir := t.TempDir()
	site, err := newWiki(policy, sess.Files(dir), sess.Logger(slog.New(slog.DiscardHandler)))
	if err != nil {
		t.Fatal(err)
	}
	log := slog.Default()
	slog.SetDefault(slog.New(slog.DiscardHandler))
	server := httptest.NewServer(site.handler())
	t.Cleanup(func() {
		server.Close()
		slog.SetDefault(log)
		if err := site.sessions.Close(); err != nil {
			t.Error(err)
		}
	})
	b := &browser{t: t, url: server.URL, dir: dir}
	b.client = b.stranger()
	b.client.Jar, _ = cookiejar.New(nil)
	return b
}

// stranger is a client that keeps no cookies. Redirects are answers.
func (b *browser) stranger() *http.Client {
	return &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// answer is a response with its text.
type answer struct {
	t      *testing.T
	status int
	header http.Header
	text   string
}

func (b *browser) do(client *http.Client, r *http.Request, err error) answer {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
	response, err := client.Do(r)
	if err != nil {
		b.t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return answer{b.t, response.StatusCode, response.Header, string(text)}
}

func (b *browser) get(page string) answer {
	b.t.Helper()
	r, err := http.NewRequest("GET", b.url+"/"+page, nil)
	return b.do(b.client, r, err)
}

func (b *browser) post(path string, form ...string) answer {
	b.t.Helper()
	values := url.Values{}
	for i := 0; i < len(form); i += 2 {
		values.Set(form[i], form[i+1])
	}
	r, err := http.NewRequest("POST", b.url+path, strings.NewReader(values.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return b.do(b.client, r, err)
}

func (b *browser) done(path string, form ...string) answer {
	b.t.Helper()
	return b.post(path, form...).is(http.StatusSeeOther)
}

func (a answer) is(status int) answer {
	a.t.Helper()
	if a.status != status {
		a.t.Errorf("status %d, not %d: %s", a.status, status, a.text)
	}
	return a
}

func (a answer) says(texts ...string) answer {
	a.t.Helper()
	for _, text := range texts {
		if !strings.Contains(a.text, text) {
			a.t.Errorf("no %q in\n%s", text, a.text)
		}
	}
	return a
}

func (a answer) saysNothingOf(texts ...string) answer {
	a.t.Helper()
	for _, text := range texts {
		if strings.Contains(a.text, text) {
			a.t.Errorf("%q in\n%s", text, a.text)
		}
	}
	return a
}

// token is the hidden field of a form.
func (a answer) token(action string) string {
	a.t.Helper()
	_, form, _ := strings.Cut(a.text, "action="+action+">")
	_, value, _ := strings.Cut(form, `value="`)
	token, _, ok := strings.Cut(value, `"`)
	if !ok {
		a.t.Fatalf("no form %s in\n%s", action, a.text)
	}
	return token
}

// setCookie is the line that sets a cookie, "" for none.
func (a answer) setCookie(name string) string {
	for _, line := range a.header["Set-Cookie"] {
		if strings.HasPrefix(line, name+"=") {
			return line
		}
	}
	return ""
}

// cookie is the visitor's of that name, "" for none.
func (b *browser) cookie(name string) string {
	here, err := url.Parse(b.url)
	if err != nil {
		b.t.Fatal(err)
	}
	for _, c := range b.client.Jar.Cookies(here) {
		if c.Name == name {
			return c.Value
		}
	}
	return ""
}

// with is a page as somebody else sees it who knows a cookie.
func (b *browser) with(name, value, page string) answer {
	b.t.Helper()
	r, err := http.NewRequest("GET", b.url+"/"+page, nil)
	r.Header.Set("Cookie", name+"="+value)
	return b.do(b.stranger(), r, err)
}

// stored is how many sessions are.
func (b *browser) stored() int {
	files, err := filepath.Glob(filepath.Join(b.dir, "sess_*"))
	if err != nil {
		b.t.Fatal(err)
	}
	return len(files)
}

// Shows: M2, M8, M11, M13, M23.
func TestMoin(t *testing.T) {
	b := newBrowser(t, "moin")
	name := "MOIN_SESSION_" + b.url[strings.LastIndex(b.url, ":")+1:] + "_ROOT"
	for range 3 {
		r, err := http.NewRequest("GET", b.url+"/FrontPage", nil)
		if a := b.do(b.stranger(), r, err).says("Hello, stranger"); a.setCookie(name) == "" {
			t.Errorf("%v", a.header)
		}
	}
	b.get("FrontPage").says("Hello, stranger", "Trail:</p>")
	if n := b.stored(); n != 0 {
		t.Errorf("%d sessions of clients that never brought a cookie back", n)
	}
	b.get("FrontPage").says("<p>Visit 1</p>", "Trail: FrontPage</p>")
	b.get("FrontPage").says("<p>Visit 2</p>", "Trail: FrontPage</p>")
	if n := b.stored(); n != 1 {
		t.Errorf("%d sessions are stored", n)
	}
	b.walksATrail()
	b.logsIn(name)
	b.isSuperuser(name)
	b.get("start")
	if line := b.done("/login", "user", "eve", "remember", "1").setCookie(name); !strings.Contains(line, "Max-Age=34560000") {
		t.Errorf("Set-Cookie: %s", line)
	}
	b.get("start").says("Logged in and remembered</p>")
	b.done("/logout")
}

// Shows: D2, D4, D5, D8, D9, D11, D12, D13, D20.
func TestDokuWiki(t *testing.T) {
	b := newBrowser(t, "dokuwiki")
	first := b.get("start").says("Hello, stranger")
	line := first.setCookie("DokuWiki")
	if !strings.Contains(line, "; HttpOnly; SameSite=Lax") || !slices.Contains(first.header["Vary"], "Cookie") {
		t.Errorf("%v", first.header)
	}
	b.get("start").says("<p>Visit 1</p>", "Trail: start</p>")
	b.walksATrail()
	b.fillsAForm()
	b.logsIn("DokuWiki")
	b.hasPreferences()
	b.isSuperuser("DokuWiki")
}

// walksATrail: newest last, none twice, five at most.
func (b *browser) walksATrail() {
	b.t.Helper()
	var pages []string
	for _, page := range []string{"A", "B", "C", "D", "E", "B", "B", "F", "A"} {
		pages = slices.DeleteFunc(pages, func(seen string) bool { return seen == page })
		pages = append(pages, page)
		b.get(page).says(strings.Join(pages[max(0, len(pages)-5):], " ") + "</p>")
	}
	b.get("%3Cscript%3E").saysNothingOf("<script>")
}

// fillsAForm, which only a page of this session and for this purpose can send.
func (b *browser) fillsAForm() {
	b.t.Helper()
	page := b.get("start")
	for _, wrong := range []string{"", strings.Repeat("A", 27), page.token("/become")} {
		b.post("/note", "text", "spam", "token", wrong).is(http.StatusForbidden)
	}
	b.get("start").saysNothingOf("spam")
	b.done("/note", "text", "buy <milk>", "token", page.token("/note"))
	b.get("start").says("Note: buy &lt;milk&gt;</p>", "Message: done</p>")
	b.get("start").saysNothingOf("Message")
}

// logsIn under a new id, with nothing for whoever knows the old one; all is gone with the logout.
func (b *browser) logsIn(name string) {
	b.t.Helper()
	token, before := b.get("start").token("/note"), b.cookie(name)
	b.done("/login", "user", "eve")
	after := b.cookie(name)
	if after == before || after == "" {
		b.t.Error("no new id")
	}
	b.get("start").says("User: eve</p>", "Logged in</p>", "Trail: ")
	if a := b.with(name, before, "start").saysNothingOf("eve", "Trail: "); a.setCookie(name) != "" {
		b.t.Error("the old id gets a cookie")
	}
	b.post("/note", "text", "x", "token", token).is(http.StatusForbidden)
	b.post("/become", "user", "bob", "token", b.get("start").token("/become")).is(http.StatusForbidden)
	b.post("/login").is(http.StatusBadRequest)
	if line := b.done("/logout").setCookie(name); !strings.Contains(line, "Max-Age=0") {
		b.t.Errorf("Set-Cookie: %s", line)
	}
	if b.cookie(name) != "" {
		b.t.Error("the cookie stays")
	}
	b.with(name, after, "start").says("Hello, stranger").saysNothingOf("eve")
	b.get("start").says("Hello, stranger").saysNothingOf("eve")
}

// hasPreferences in a cookie that is sent when it changes, and that is no part of the session.
func (b *browser) hasPreferences() {
	b.t.Helper()
	if line := b.done("/prefs", "size", "large;").setCookie(preferences); !strings.Contains(line, "Max-Age=31536000") {
		b.t.Errorf("Set-Cookie: %s", line)
	}
	if line := b.done("/prefs", "size", "large;").setCookie(preferences); line != "" {
		b.t.Errorf("again: %s", line)
	}
	b.get("start").says("Preferences: size#large;</p>")
}

// isSuperuser: an administrator becomes somebody else and himself again, each way under a new id.
func (b *browser) isSuperuser(name string) {
	b.t.Helper()
	b.done("/login", "user", administrator)
	root, token := b.cookie(name), b.get("start").token("/become")
	b.post("/become", "user", "bob", "token", "x").is(http.StatusForbidden)
	b.done("/become", "user", "bob", "token", token)
	bob := b.cookie(name)
	b.get("start").says("User: bob</p>")
	b.done("/return", "token", token)
	again := b.cookie(name)
	if root == bob || again == root || again == bob || again == "" {
		b.t.Error("not a new id each way")
	}
	b.get("start").says("User: " + administrator + "</p>")
	b.with(name, bob, "start").saysNothingOf("bob")
	b.done("/logout")
}

func TestUsage(t *testing.T) {
	for _, args := range [][]string{nil, {"moin"}, {"media", t.TempDir()}} {
		if err := run(args); err == nil {
			t.Errorf("%q runs", args)
		}
	}
}
