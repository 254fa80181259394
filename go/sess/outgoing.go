package sess

import (
	"net/http"
	"slices"
	"strings"
)

// Outgoing returns the request to pass on to a server that shares the sessions, such as PHP. It saves and unlocks what
// this request holds, as the other server waits for that lock, and puts the id in force into the Cookie header, so that
// a session that began here goes on there. Other cookies, and r, stay as they are. A session that was destroyed
// here is taken out; one that was not started, or that nothing was stored in, leaves the Cookie header to the other
// server.
//
//	out, err := mgr.Outgoing(r)
//	if err != nil {
//		...
//	}
//	proxy.ServeHTTP(w, out)
//
// From then on headers of the response that the other server has set go before the session's. What the handler
// does to the session afterwards it does after a new start.
//
// The errors are those of [Session.Close], and [ErrNoRequest] without [Manager.Middleware].
func (m *Manager) Outgoing(r *http.Request) (*http.Request, error) {
	q := m.requestOf(r.Context())
	if q == nil {
		return nil, &Error{Op: opClose, Err: ErrNoRequest}
	}
	if err := q.session.Close(); err != nil {
		return nil, err
	}
	q.passedOn = true
	name, cookie, destroyed := q.session.passOn()
	if cookie == "" && !destroyed {
		return r, nil
	}
	cookies := withoutCookie(r.Header["Cookie"], name)
	if cookie != "" {
		// In one line, as many servers read only the first.
		cookies = []string{strings.Join(append(cookies, cookie), "; ")}
	}
	out := r.WithContext(r.Context())
	out.Header = r.Header.Clone()
	out.Header.Del("Cookie")
	if len(cookies) != 0 {
		out.Header["Cookie"] = cookies
	}
	return out, nil
}

// passOn takes back the headers that another server's response is to have instead. It returns the session's name, and
// the cookie that the client does not have yet.
func (s *Session) passOn() (name, cookie string, destroyed bool) {
	defer s.done(s.enter())
	h := s.h.Load()
	if h == nil {
		return "", "", false
	}
	name = h.CookieName()
	for _, header := range h.headers() {
		switch {
		case header.Replaces == nil:
			if slices.Equal(s.response[header.Name], []string{header.Value}) {
				delete(s.response, header.Name)
			}
		case *header.Replaces == name+"=":
			cookie, _, _ = strings.Cut(header.Value, ";")
		}
	}
	if s.status == Destroyed {
		return name, "", true
	}
	return name, cookie, false
}

// withoutCookie returns the lines of a Cookie header without the cookies of a name. The others stay as they are.
func withoutCookie(lines []string, name string) []string {
	var kept []string
	for _, line := range lines {
		var pairs []string
		for pair := range strings.SplitSeq(line, ";") {
			pair = strings.TrimSpace(pair)
			if n, _, _ := strings.Cut(pair, "="); pair != "" && strings.TrimSpace(n) != name {
				pairs = append(pairs, pair)
			}
		}
		if pairs != nil {
			kept = append(kept, strings.Join(pairs, "; "))
		}
	}
	return kept
}
