package sess

import (
	"time"

	"example.com/libsess/go/internal/csess"
)

// Token returns a token for a form or link that changes something: 27 characters of A-Z a-z 0-9 - and _. It shows that
// the request which brings it back comes from a page of this very session that was made for this purpose, such as the
// action and the name of the page.
//
// The first token of a session makes its key, and so stores a session that would not be stored else. It needs an active
// session ([ErrNotActive]) whose cookie can still be sent ([ErrHeadersSent]); later ones do not. Tokens live as long as
// the session, under whatever id, and end at [Session.Login].
func (s *Session) Token(purpose string) (token string, err error) {
	err = s.edit(opToken, func(h *handle) (f *csess.Failure) {
		token, f = h.Token(purpose)
		return f
	})
	return token, err
}

// CheckToken checks a token that a request has brought, nil if it is good. [ErrRefused] if it is one of another session or
// purpose, older than maxAge (0: any age will do), damaged, or none at all: it is not told which. The session may be
// closed or [ReadOnly].
//
//	if s.CheckToken("delete page", r.FormValue("token"), time.Hour) != nil {
//		http.Error(w, "try again", http.StatusForbidden)
//		return
//	}
func (s *Session) CheckToken(purpose, token string, maxAge time.Duration) error {
	seconds := int64(-1) // which is refused
	if maxAge >= 0 {
		seconds = int64((maxAge + time.Second - 1) / time.Second)
	}
	return s.edit(opToken, func(h *handle) *csess.Failure { return h.CheckToken(purpose, token, seconds) })
}
