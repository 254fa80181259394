//go:build linux && cgo

// Package csess is libsess's C interface for Go: all cgo of package sess is here, and no policy.
//
// A [Session] lives in C; what C left of its last call is read from C's memory without crossing again.
// Callbacks find their [Binding] by a number, as a number that is no address must not be a pointer to Go.
package csess

// #include "shim.h"
import "C"

import (
	"fmt"
)

// Code is a sess_code.
type Code int32

// The codes that this binding tells apart.
const (
	OK           Code = C.SESS_OK
	EINVAL       Code = C.SESS_EINVAL
	EMISUSE      Code = C.SESS_EMISUSE
	ENOMEM       Code = C.SESS_ENOMEM
	EIO          Code = C.SESS_EIO
	ELOCKED      Code = C.SESS_ELOCKED
	ENOTFOUND    Code = C.SESS_ENOTFOUND
	EBADID       Code = C.SESS_EBADID
	EDATA        Code = C.SESS_EDATA
	ETOOBIG      Code = C.SESS_ETOOBIG
	EHANDLER     Code = C.SESS_EHANDLER
	EUNSUPPORTED Code = C.SESS_EUNSUPPORTED
	EUNSAFE      Code = C.SESS_EUNSAFE
	EHEADERS     Code = C.SESS_EHEADERS
	EREFUSED     Code = C.SESS_EREFUSED
	EGONE        Code = C.SESS_EGONE
	ELOST        Code = C.SESS_ELOST
	ECANCELED    Code = C.SESS_ECANCELED
	EBUSY        Code = C.SESS_EBUSY
	EEXIST       Code = C.SESS_EEXIST
	EPANIC       Code = C.SESS_EPANIC
	EUSER        Code = C.SESS_EUSER
)

// String returns the code's name in C.
func (c Code) String() string { return C.GoString(C.sess_code_name(C.sess_rc(c))) }

// Failure is a call that failed, with what C says about it.
type Failure struct {
	Code    Code
	Errno   int
	Message string
}

func (f *Failure) Error() string { return f.Message }

// Flags of a start.
const (
	Raw          = C.SESS_START_RAW
	ReadAndClose = C.SESS_START_READ_AND_CLOSE
	Existing     = C.SESS_START_EXISTING
	Again        = C.SESS_START_AGAIN
)

// State is a sess_state.
type State int32

// Where a session is in its life.
const (
	None      State = C.SESS_NONE
	Active    State = C.SESS_ACTIVE
	Closed    State = C.SESS_CLOSED
	Destroyed State = C.SESS_DESTROYED
)

// Version returns the version of the library that is running.
func Version() string { return C.GoString(C.sess_version()) }

// BuildID tells apart the libraries that make built, so that Go's caches notice a new one.
func BuildID() string { return C.GoString(C.csess_build_id()) }

// Thread returns a number that no other living thread has.
func Thread() uintptr { return uintptr(C.csess_thread()) }

// Directives returns the names of all directives.
func Directives() []string {
	var names []string
	for i := C.size_t(0); ; i++ {
		name := C.sess_directive_at(i, nil, nil)
		if name == nil {
			return names
		}
		names = append(names, C.GoString(name))
	}
}

// A library of another version may know other codes and structs than the header this was compiled with.
func init() {
	got, want := uint32(C.sess_version_number()), uint32(C.SESS_VERSION_NUMBER)
	if got/1000 != want/1000 && want < 1_000_000 || got < want {
		panic(fmt.Sprintf("libsess %s is running, but the program was compiled for %d.%d.%d", Version(),
			C.SESS_VERSION_MAJOR, C.SESS_VERSION_MINOR, C.SESS_VERSION_PATCH))
	}
}
