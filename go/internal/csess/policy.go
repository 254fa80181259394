//go:build linux && cgo

package csess

// #include "shim.h"
import "C"

import (
	"runtime"
)

// SetRequest says what the client asked for.
func (s *Session) SetRequest(scheme, host string, port uint16, mount string) *Failure {
	schemePtr, schemeLen := text(scheme)
	hostPtr, hostLen := text(host)
	mountPtr, mountLen := text(mount)
	C.csess_set_request(s.c, schemePtr, schemeLen, hostPtr, hostLen, C.uint16_t(port), mountPtr, mountLen)
	return s.ended()
}

// CookieName returns the name of the session's cookie, "" if it is not known yet.
func (s *Session) CookieName() string {
	C.csess_cookie_name(s.c)
	name := C.GoString(s.c.value)
	runtime.KeepAlive(s)
	return name
}

// Cookie returns a cookie of the request, decoded; false: there is none.
func (s *Session) Cookie(name string) (string, bool) {
	n := cText(name)
	C.csess_cookie(s.c, n)
	if !s.c.found {
		return "", false
	}
	value := string(borrowed(s.c.bytes))
	runtime.KeepAlive(s)
	return value, true
}

// ExpireCookie has the client forget the session's cookie.
func (s *Session) ExpireCookie() *Failure {
	C.csess_expire_cookie(s.c)
	return s.ended()
}

// SetCookie adds a cookie of the program's; attributes as behind the value in Set-Cookie.
func (s *Session) SetCookie(name, value, attributes string) *Failure {
	n, a := cText(name), cText(attributes)
	ptr, length := key0(value)
	C.csess_set_own_cookie(s.c, n, ptr, length, a)
	return s.ended()
}

// Kinds of users, and why sessions end.
const (
	KindAnonymous  = C.SESS_KIND_ANONYMOUS
	KindLogin      = C.SESS_KIND_LOGIN
	KindRemembered = C.SESS_KIND_REMEMBERED

	EndNone      = C.SESS_END_NONE
	EndUnknownID = C.SESS_END_UNKNOWN_ID
	EndIdle      = C.SESS_END_IDLE
	EndAbsolute  = C.SESS_END_ABSOLUTE
	EndRotated   = C.SESS_END_ROTATED
	EndUserLost  = C.SESS_END_USER_LOST
	EndRevoked   = C.SESS_END_REVOKED
)

// Facts are what a policy knows of a session; -1: not known.
type Facts struct {
	User      string
	IsLogin   bool
	AuthAge   int64 // seconds
	Created   int64 // Unix seconds
	ExpiresIn int64 // seconds
	Kind      int
	Ending    int
	IsStored  bool
}

// Facts asks C for all of them.
func (s *Session) Facts() Facts {
	C.csess_tell(s.c)
	c := &s.c.facts
	facts := Facts{
		User:      string(borrowed(c.user)),
		IsLogin:   c.user.data != nil,
		AuthAge:   int64(c.auth_age),
		Created:   int64(c.created),
		ExpiresIn: int64(c.expires_in),
		Kind:      int(c.kind),
		Ending:    int(c.ending),
		IsStored:  bool(c.is_stored),
	}
	runtime.KeepAlive(s)
	return facts
}

// Flags of Login and Logout.
const (
	LoginRemember       = C.SESS_LOGIN_REMEMBER
	LogoutClearSiteData = C.SESS_LOGOUT_CLEAR_SITE_DATA
	LogoutUserLost      = C.SESS_LOGOUT_USER_LOST
)

// Login goes on as a user, under a new id. timeout is that of sess_set_lock_timeout.
func (s *Session) Login(user string, flags uint32, timeout int64) *Failure {
	ptr, n := key0(user)
	C.csess_login(s.c, ptr, n, C.uint32_t(flags), C.int64_t(timeout))
	return s.ended()
}

// Logout destroys the session under every id.
func (s *Session) Logout(flags uint32, timeout int64) *Failure {
	C.csess_logout(s.c, C.uint32_t(flags), C.int64_t(timeout))
	return s.ended()
}

// Token makes a token for a purpose.
func (s *Session) Token(purpose string) (string, *Failure) {
	ptr, n := key0(purpose)
	C.csess_token(s.c, ptr, n)
	if f := s.ended(); f != nil {
		return "", f
	}
	token := C.GoString(s.c.value)
	runtime.KeepAlive(s)
	return token, nil
}

// CheckToken checks a token that is at most so many seconds old; 0: any age.
func (s *Session) CheckToken(purpose, token string, maxAge int64) *Failure {
	ptr, n := key0(purpose)
	tokenPtr, tokenLen := key0(token)
	C.csess_check_token(s.c, ptr, n, tokenPtr, tokenLen, C.int64_t(maxAge))
	return s.ended()
}
