//go:build linux && cgo && !race && !asan

// Package nomemory lets the C library's allocator fail, in programs that import it: tests of what becomes of a
// session then.
package nomemory

// #include "allocator.h"
import "C"

// Arm lets the allocation of this thread fail that comes after n others, and if lasting all after it.
func Arm(n int, lasting bool) {
	all := 0
	if lasting {
		all = 1
	}
	C.arm(C.long(n), C.int(all))
}

// Disarm ends it, and says how many allocations have failed.
func Disarm() int { return int(C.disarm()) }
