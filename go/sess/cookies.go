package sess

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"example.com/libsess/go/internal/csess"
)

// CookieName returns the name of the session's cookie: session_name(), or what sess.cookie_name makes of the request. ""
// where that needs a request and there is none.
func (s *Session) CookieName() (name string) {
	_ = s.withC(opCookie, func(h *handle) error {
		name = h.CookieName()
		return nil
	})
	return name
}

// Cookie returns a cookie of the request: $_COOKIE[$name]. It is decoded as PHP does, so that it is what
// [Session.SetCookie] was given, which the Cookie method of http.Request does not do. [ErrNotFound]. The session need not
// be started.
func (s *Session) Cookie(name string) (value string, err error) {
	if strings.IndexByte(name, 0) >= 0 {
		return "", &Error{Op: opCookie, Err: ErrNotFound}
	}
	err = s.withC(opCookie, func(h *handle) error {
		var ok bool
		if value, ok = h.Cookie(name); !ok {
			return &Error{Op: opCookie, Code: int(csess.ENOTFOUND), Err: ErrNotFound, text: "the request has no such cookie"}
		}
		return nil
	})
	return value, err
}

// SetCookie adds a cookie of the program's own to the response: setcookie(). It goes through what the session's goes
// through: the value may be any bytes, the life is cut at sess.cookie_max_age_limit, and Path, SameSite and Secure
// are those of the session's cookie where c leaves them out. A MaxAge below 0 makes the client forget it. The error
// says what browsers would not accept; [ErrHeadersSent] after the first byte of the response. The session need not be
// started.
func (s *Session) SetCookie(c *http.Cookie) error {
	attributes, err := s.attributesOf(c)
	if err != nil {
		return &Error{Op: opCookie, Code: int(csess.EINVAL), Err: err}
	}
	return s.withC(opCookie, func(h *handle) error {
		return s.failed(opCookie, h.SetCookie(c.Name, c.Value, attributes))
	})
}

// ExpireCookie has the client forget the session's cookie: a Set-Cookie under the name and with the attributes of the one
// in force. It stores and destroys nothing; [Session.Logout] does it itself. A session that begins later in the request
// puts its own cookie in its place. [ErrHeadersSent] after the first byte of the response. The session need not be
// started.
func (s *Session) ExpireCookie() error {
	return s.withC(opCookie, func(h *handle) error {
		return s.failed(opCookie, h.ExpireCookie())
	})
}

// attributesOf is what stands behind the value in Set-Cookie.
func (s *Session) attributesOf(c *http.Cookie) (string, error) {
	if strings.ContainsAny(c.Name+c.Path+c.Domain, "\x00;") {
		return "", errors.New("a name, path or domain with a semicolon or NUL")
	}
	var parts []string
	add := func(name, value string) { parts = append(parts, name+"="+value) }
	if c.Path != "" {
		add("Path", c.Path)
	}
	if c.Domain != "" {
		add("Domain", c.Domain)
	}
	switch {
	case c.MaxAge != 0:
		add("Max-Age", strconv.Itoa(max(c.MaxAge, 0)))
	case !c.Expires.IsZero():
		left := c.Expires.Sub(s.m.site.config.now()) / time.Second
		add("Max-Age", strconv.FormatInt(max(int64(left), 0), 10))
	}
	switch c.SameSite {
	case http.SameSiteLaxMode:
		add("SameSite", "Lax")
	case http.SameSiteStrictMode:
		add("SameSite", "Strict")
	case http.SameSiteNoneMode:
		add("SameSite", "None")
	}
	for _, flag := range []struct {
		name string
		set  bool
	}{{"Secure", c.Secure}, {"HttpOnly", c.HttpOnly}, {"Partitioned", c.Partitioned}} {
		if flag.set {
			parts = append(parts, flag.name)
		}
	}
	return strings.Join(parts, "; "), nil
}

// withC runs what needs a C session but no session that was started. The program's hooks may call it.
func (s *Session) withC(op string, run func(h *handle) error) error {
	nested := s.enter()
	defer s.leaveData(nested)
	if err := s.readable(nested); err != nil {
		return &Error{Op: op, Err: err}
	}
	if nested && s.h.Load().binding.mode != editing {
		return &Error{Op: op, Code: int(csess.EMISUSE), Err: ErrInCallback}
	}
	h, err := s.acquire()
	if err != nil {
		return s.failedWith(op, err)
	}
	return run(h)
}
