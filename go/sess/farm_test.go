package sess

import (
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"testing"
)

// counter is a site that counts a visitor's requests.
func counter(t *testing.T, opts ...Option) http.Handler {
	m := newManager(t, Files(t.TempDir()), opts...)
	return m.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s, err := m.Start(r.Context())
		must(t, err)
		n := GetOr(s, "n", 0) + 1
		must(t, s.Set("n", n))
		fmt.Fprint(w, n)
	}))
}

// visitInTurns asks for each address three times, as one client; each page says how many requests it had.
func visitInTurns(t *testing.T, want string, addresses ...string) {
	t.Helper()
	client := &http.Client{}
	client.Jar, _ = cookiejar.New(nil)
	got := ""
	for range 3 {
		for _, address := range addresses {
			got += get(t, client, address)
		}
	}
	if got != want {
		t.Errorf("in turns: %s, not %s", got, want)
	}
}

// Shows: M2: cookies carry no port. Wikis at several ports of a host take each other's sessions away unless their
// cookies have names of their own.
func TestSitesByPort(t *testing.T) {
	for rule, want := range map[string]string{"auto": "112233", "literal": "111111"} {
		a := httptest.NewServer(counter(t, Set("sess.cookie_name", rule)))
		defer a.Close()
		b := httptest.NewServer(counter(t, Set("sess.cookie_name", rule)))
		defer b.Close()
		visitInTurns(t, want, a.URL+"/", b.URL+"/")
	}
}

// Shows: M2, M3, M4: wikis below one host, each mounted at its path, by name of place, by name of site, or one session
// for all.
func TestSitesByPath(t *testing.T) {
	site := func(id string) []Option {
		return []Option{Set("sess.cookie_name", "site"), Set("sess.site_id", id)}
	}
	shared := counter(t)
	for name, tt := range map[string]struct {
		a, b http.Handler
		want string
	}{
		"auto":    {counter(t, Set("sess.cookie_name", "auto")), counter(t, Set("sess.cookie_name", "auto")), "112233"},
		"site":    {counter(t, site("a")...), counter(t, site("b")...), "112233"},
		"literal": {counter(t), counter(t), "111111"},
		"shared":  {shared, shared, "123456"},
	} {
		t.Run(name, func(t *testing.T) {
			mux := http.NewServeMux()
			mux.Handle("/a/", http.StripPrefix("/a", tt.a))
			mux.Handle("/b/", http.StripPrefix("/b", tt.b))
			server := httptest.NewServer(mux)
			defer server.Close()
			visitInTurns(t, tt.want, server.URL+"/a/", server.URL+"/b/page")
		})
	}
}
