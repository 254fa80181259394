package sess

import (
	"net/http"
	"strings"

	"example.com/libsess/go/internal/csess"
)

// Header adds what the response has to carry, the cookie and the cache headers, and replaces what it replaces.
// [Manager.Middleware] does it.
func (s *Session) Header(dst http.Header) {
	defer s.done(s.enter())
	h := s.h.Load()
	if h == nil {
		return
	}
	for _, header := range h.headers() {
		if header.Replaces == nil {
			dst[header.Name] = []string{header.Value}
		} else {
			replaceCookie(dst, header)
		}
	}
}

// headers returns the headers of the session, whose names are canonical. Those with Replaces are to stand beside others
// of their name, as cookies do.
func (h *handle) headers() []csess.Header {
	now := h.Headers(h.seen)
	// What is beyond is kept for the next request.
	if len(now) > len(h.seen) {
		h.seen = now
	}
	return now
}

func replaceCookie(dst http.Header, header csess.Header) {
	var kept []string
	for _, value := range dst[header.Name] {
		if !strings.HasPrefix(value, *header.Replaces) && value != header.Value {
			kept = append(kept, value)
		}
	}
	dst[header.Name] = append(kept, header.Value)
}

// limitCaching adds what session.cache_limiter says. A handler may replace it afterwards, as in PHP.
func (h *handle) limitCaching(dst http.Header) {
	// One allocation for all of the usual three.
	values := make([]string, 0, 3)
	for _, header := range h.headers() {
		if header.Replaces == nil {
			values = append(values, header.Value)
			n := len(values)
			dst[header.Name] = values[n-1 : n : n]
		}
	}
}

// sendHeaders adds the cookie to the head of a response that begins now. passedOn: what is there already came from
// another server and stays, and what is not there is added.
func (s *Session) sendHeaders(dst http.Header, passedOn bool) {
	defer s.done(s.enter())
	s.response = nil
	s.begun = true
	h := s.h.Load()
	if h == nil {
		return
	}
	for _, header := range h.headers() {
		switch {
		case header.Replaces == nil:
			if passedOn && dst[header.Name] == nil {
				dst[header.Name] = []string{header.Value}
			}
		case passedOn && hasCookie(dst[header.Name], *header.Replaces):
		default:
			replaceCookie(dst, header)
		}
	}
	h.MarkHeadersSent()
}

func hasCookie(values []string, begins string) bool {
	for _, value := range values {
		if strings.HasPrefix(value, begins) {
			return true
		}
	}
	return false
}
