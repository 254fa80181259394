//go:build linux && cgo

package csess

// #include "shim.h"
import "C"

import (
	"runtime"
	"runtime/cgo"
	"unsafe"
)

// Options are what an engine is made of. Not for several goroutines at once.
type Options struct{ ptr *C.sess_options }

// NewOptions returns options with libsess's defaults; Free them.
func NewOptions() (*Options, error) {
	ptr := C.sess_options_new()
	if ptr == nil {
		return nil, &Failure{Code: ENOMEM, Message: "no memory for options"}
	}
	return &Options{ptr}, nil
}

// Free gives them up.
func (o *Options) Free() {
	C.sess_options_free(o.ptr)
	o.ptr = nil
}

// Pointer is C's sess_options, for a handler that is written in C.
func (o *Options) Pointer() unsafe.Pointer { return unsafe.Pointer(o.ptr) }

// Set sets a directive.
func (o *Options) Set(name, value string) error {
	n, v := cText(name), cText(value)
	return o.ended(C.sess_options_set(o.ptr, n, v))
}

// LoadINI reads the text of a php.ini, which messages call by that name.
func (o *Options) LoadINI(text []byte, name string) error {
	n := cText(name)
	return o.ended(C.sess_options_load_ini(o.ptr, (*C.char)(unsafe.Pointer(bytesOrNil(text))), C.size_t(len(text)), n))
}

// Get returns the value in force; false: there is no such directive.
func (o *Options) Get(name string) (string, bool) {
	n := cText(name)
	value := C.sess_options_get(o.ptr, n)
	return C.GoString(value), value != nil
}

// Offers says which of the three optional callbacks a Binding answers.
type Offers struct{ CreateID, ValidateID, UpdateTimestamp bool }

// SetHandler lets the sessions' Bindings be the store.
func (o *Options) SetHandler(offers Offers) error {
	bits := C.int(0)
	if offers.CreateID {
		bits |= C.CSESS_CREATE_ID
	}
	if offers.ValidateID {
		bits |= C.CSESS_VALIDATE_ID
	}
	if offers.UpdateTimestamp {
		bits |= C.CSESS_UPDATE_TIMESTAMP
	}
	return o.ended(C.csess_set_handler(o.ptr, bits))
}

// SetClock lets a function tell the time instead of the machine.
func (o *Options) SetClock(now Clock) error {
	// C gives the handle up when nothing needs it, also when the call fails.
	return o.ended(C.csess_set_clock(o.ptr, C.uintptr_t(cgo.NewHandle(now))))
}

// NewEngine makes an engine, whose events go to the Binding of the session they happen in, and to general where
// there is none.
func (o *Options) NewEngine(general EventSink) (*Engine, error) {
	// C gives the sink up when nothing needs it, also when a call fails.
	sink := cgo.NewHandle(general)
	if err := o.ended(C.csess_set_events(o.ptr, C.uintptr_t(sink))); err != nil {
		return nil, err
	}
	var ptr *C.sess_engine
	if err := o.ended(C.sess_engine_new(o.ptr, &ptr)); err != nil {
		return nil, err
	}
	e := &Engine{ptr: ptr}
	e.cleanup = runtime.AddCleanup(e, freeEngine, ptr)
	return e, nil
}

func (o *Options) ended(rc C.sess_rc) error {
	if rc == C.SESS_OK {
		return nil
	}
	return &Failure{Code: Code(rc), Message: C.GoString(C.sess_options_errmsg(o.ptr))}
}

// Engine is what the sessions of one site share. It is for all goroutines.
type Engine struct {
	ptr     *C.sess_engine
	cleanup runtime.Cleanup
}

func freeEngine(ptr *C.sess_engine) { C.sess_engine_free(ptr) }

// Free lets go of the engine. Sessions that still use it keep it alive in C. Nobody may use e any more.
func (e *Engine) Free() {
	e.cleanup.Stop()
	freeEngine(e.ptr)
	e.ptr = nil
}

func bytesOrNil(b []byte) *C.uint8_t { return (*C.uint8_t)(unsafe.SliceData(b)) }

func text(s string) (*C.char, C.size_t) {
	return (*C.char)(unsafe.Pointer(unsafe.StringData(s))), C.size_t(len(s))
}

// cText is s with the NUL that C wants, for the time of a call: memory of Go's, as cgo's own ends the process
// when there is none.
func cText(s string) *C.char {
	b := make([]byte, len(s)+1)
	copy(b, s)
	return (*C.char)(unsafe.Pointer(unsafe.SliceData(b)))
}
