package sess

import (
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// Request is what a client asked for, as far as the session's cookie depends on it: its name with sess.cookie_name auto,
// and whether it is Secure with sess.cookie_secure auto.
type Request struct {
	// Scheme is "http" or "https".
	Scheme string
	// Host is the host's name or address, without the port.
	Host string
	// Port is 0 for the scheme's own.
	Port uint16
	// Mount is where the application is mounted: "" or "/wiki".
	Mount string
}

// RequestOf is what [Manager.Middleware] takes a request for: https if the connection has TLS, host and port of the Host
// header, and mounted at what http.StripPrefix has taken off around the middleware. Headers of proxies are not looked
// at, as anybody may send them: see [RequestFrom].
func RequestOf(r *http.Request) Request {
	q := Request{Scheme: "http", Host: r.Host, Mount: mountOf(r)}
	if r.TLS != nil {
		q.Scheme = "https"
	}
	if !strings.Contains(r.Host, ":") {
		return q // without the error that would be made
	}
	if host, port, err := net.SplitHostPort(r.Host); err == nil {
		q.Host = host
		n, _ := strconv.ParseUint(port, 10, 16)
		q.Port = uint16(n)
	}
	return q
}

// RequestFrom lets f say what clients asked for, behind a proxy that is trusted:
//
//	sess.RequestFrom(func(r *http.Request) sess.Request {
//		q := sess.RequestOf(r)
//		q.Scheme = r.Header.Get("X-Forwarded-Proto")
//		return q
//	})
//
// A start fails for a request whose scheme is neither http nor https.
func RequestFrom(f func(r *http.Request) Request) Option {
	return optionFunc(func(c *config) { c.requestOf = f })
}

// mountOf is the part of the path that the handlers outside have taken off.
func mountOf(r *http.Request) string {
	path, _, _ := strings.Cut(r.RequestURI, "?")
	if path == r.URL.Path || path == "" {
		return ""
	}
	u, err := url.ParseRequestURI(r.RequestURI)
	if err != nil {
		return ""
	}
	mount, ok := strings.CutSuffix(u.Path, r.URL.Path)
	if !ok || !strings.HasPrefix(mount, "/") {
		return ""
	}
	return strings.TrimRight(mount, "/")
}

// requested is what the client asked for. It may run the program's function.
func (s *Session) requested() Request {
	if f := s.m.site.config.requestOf; f != nil {
		return f(s.asked)
	}
	return RequestOf(s.asked)
}
