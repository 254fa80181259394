package sess

import (
	"context"
	"net/http"
	"strings"

	"example.com/libsess/go/internal/csess"
)

// Header adds what the response has to carry, the cookie and the cache headers, and replaces what it replaces.
// [Manager.Middleware] does it, when the response begins.
//
// The cookie of a new session that is still active is only added once there is a record for it, whose lock is kept: the
// next request waits for this one. If the record cannot be made the cookie is left out, which is logged, and Close tries
// again.
func (s *Session) Header(dst http.Header) {
	nested := s.enter()
	defer s.leaveData(nested)
	h := s.h.Load()
	if h == nil {
		return
	}
	for _, header := range s.headers(h, nested) {
		if header.Replaces == nil {
			dst[header.Name] = []string{header.Value}
		} else {
			replaceCookie(dst, header)
		}
	}
}

// headers returns the headers, after what C does before the cookie of a session that goes on is seen: it makes the
// record.
func (s *Session) headers(h *handle, nested bool) []csess.Header {
	if s.status != Active || nested && h.binding.mode == driving {
		return h.headers()
	}
	_ = s.m.inC(context.Background())
	defer s.m.outOfC()
	h.binding.begin(s.saveOperation())
	if nested {
		defer h.binding.end()
	}
	return h.headers()
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
	nested := s.enter()
	defer s.leaveData(nested)
	s.response = nil
	s.begun = true
	h := s.h.Load()
	if h == nil {
		return
	}
	for _, header := range s.headers(h, nested) {
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
