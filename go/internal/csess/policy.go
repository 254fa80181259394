//go:build linux && cgo

package csess

// #include "shim.h"
import "C"

import (
	"runtime"
	"unsafe"
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
	n := C.CString(name)
	defer C.free(unsafe.Pointer(n))
	C.csess_cookie(s.c, n)
	if !s.c.found {
		return "", false
	}
	value := string(borrowed(s.c.bytes))
	runtime.KeepAlive(s)
	return value, true
}

// SetCookie adds a cookie of the program's; attributes as behind the value in Set-Cookie.
func (s *Session) SetCookie(name, value, attributes string) *Failure {
	n, a := C.CString(name), C.CString(attributes)
	defer C.free(unsafe.Pointer(n))
	defer C.free(unsafe.Pointer(a))
	ptr, length := key0(value)
	C.csess_set_own_cookie(s.c, n, ptr, length, a)
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
