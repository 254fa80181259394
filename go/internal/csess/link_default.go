//go:build linux && cgo && !libsess_pkgconfig

package csess

// In the repository build/static holds what make built, and nothing else. Elsewhere that folder does not exist,
// the linker passes it over, and -lsess is the installed library.

/*
#cgo CFLAGS: -I${SRCDIR}/../../../include
#cgo LDFLAGS: -L${SRCDIR}/../../../build/static -lsess -lpthread -lm -ldl
*/
import "C"
