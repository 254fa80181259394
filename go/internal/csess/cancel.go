//go:build linux && cgo

package csess

// #include "shim.h"
import "C"

import "sync"

// Cancel ends the wait of a start from another goroutine.
type Cancel struct {
	mu  sync.Mutex
	ptr *C.sess_cancel
}

// NewCancel returns a token; Free it.
func NewCancel() (*Cancel, error) {
	ptr := C.sess_cancel_new()
	if ptr == nil {
		return nil, &Failure{Code: ENOMEM, Message: "no memory for a cancel token"}
	}
	return &Cancel{ptr: ptr}, nil
}

// Fire ends present and future waits. After Free it does nothing.
func (c *Cancel) Fire() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ptr != nil {
		C.sess_cancel_fire(c.ptr)
	}
}

// Free gives the token up. The waits that use it must be over.
func (c *Cancel) Free() {
	c.mu.Lock()
	defer c.mu.Unlock()
	C.sess_cancel_free(c.ptr)
	c.ptr = nil
}
