package sess

import (
	"iter"
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
	for header := range h.headers() {
		if header.Replaces == nil {
			dst[header.Name] = []string{header.Value}
		} else {
			replaceCookie(dst, header)
		}
	}
}

// headers yields the headers of the session, with canonical names. Those with Replaces are cookies.
func (h *handle) headers() iter.Seq[csess.Header] {
	return func(yield func(csess.Header) bool) {
		for i := 0; ; i++ {
			header, ok := h.Header(i)
			if !ok {
				return
			}
			header.Name = http.CanonicalHeaderKey(header.Name)
			if !yield(header) {
				return
			}
		}
	}
}

func replaceCookie(dst http.Header, header csess.Header) {
	var kept []string
	for _, value := range dst[header.Name] {
		if !strings.HasPrefix(value, *header.Replaces) {
			kept = append(kept, value)
		}
	}
	dst[header.Name] = append(kept, header.Value)
}

// limitCaching adds what session.cache_limiter says. A handler may replace it afterwards, as in PHP.
func (h *handle) limitCaching(dst http.Header) {
	for header := range h.headers() {
		if header.Replaces == nil {
			dst[header.Name] = []string{header.Value}
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
	for header := range h.headers() {
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
