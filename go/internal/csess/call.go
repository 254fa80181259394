//go:build linux && cgo

package csess

// #include "shim.h"
import "C"

import (
	"time"
)

// Call is a callback that has not returned. Its methods must not be used after that.
type Call uintptr

func (c Call) at() C.uintptr_t { return C.uintptr_t(c) }

// State is the number that SetState gave to this of the session's calls; 0 until then.
func (c Call) State() uintptr { return uintptr(C.csess_call_state(c.at())) }

// SetState gives it a number, which it has until the session is recycled.
func (c Call) SetState(number uintptr) { C.csess_call_set_state(c.at(), C.uintptr_t(number)) }

// LockTimeout is how long read may wait: 0 not at all, negative for ever.
func (c Call) LockTimeout() time.Duration {
	return time.Duration(C.csess_call_lock_timeout(c.at())) * time.Millisecond
}

// ReadOnly tells that the session will not write.
func (c Call) ReadOnly() bool { return bool(C.csess_call_read_only(c.at())) }

// MaxLifetime is session.gc_maxlifetime.
func (c Call) MaxLifetime() time.Duration { return seconds(int64(C.csess_call_max_lifetime(c.at()))) }

// GCBudget is how long gc should take; negative: as long as it needs.
func (c Call) GCBudget() time.Duration {
	return time.Duration(C.csess_call_gc_budget(c.at())) * time.Millisecond
}

// GCMore says that gc has more to do.
func (c Call) GCMore() { C.csess_call_gc_more(c.at()) }

// SetData is the answer of read, which is copied.
func (c Call) SetData(data []byte) Code {
	return Code(C.csess_call_set_data(c.at(), bytesOrNil(data), C.size_t(len(data))))
}

// Answer is SetData, and says when the record was made and last written or touched: Unix seconds, -1 if that is not
// known.
func (c Call) Answer(data []byte, created, touched int64) Code {
	return Code(C.csess_call_answer(c.at(), bytesOrNil(data), C.size_t(len(data)), C.int64_t(created), C.int64_t(touched)))
}

// HasData tells whether read was answered.
func (c Call) HasData() bool { return bool(C.csess_call_has_data(c.at())) }

// SetID is the answer of create_sid.
func (c Call) SetID(id string) Code {
	ptr, n := text(id)
	return Code(C.csess_call_set_id(c.at(), ptr, n))
}

// The built-in backend. The reason of what fails stays with the call, for a callback that returns the same code.

// ParentOpen is its open.
func (c Call) ParentOpen(savePath, name string) Code {
	p, n := cText(savePath), cText(name)
	return Code(C.csess_parent_open(c.at(), p, n))
}

// ParentClose is its close.
func (c Call) ParentClose() Code { return Code(C.csess_parent_close(c.at())) }

// ParentRead is its read; nil is no answer.
func (c Call) ParentRead(id string) ([]byte, Code) {
	p := cText(id)
	var answer C.sess_bytes
	rc := Code(C.csess_parent_read(c.at(), p, &answer))
	if rc != OK || answer.data == nil {
		return nil, rc
	}
	return append([]byte{}, borrowed(answer)...), rc
}

// ParentWrite is its write.
func (c Call) ParentWrite(id string, data []byte) Code {
	p := cText(id)
	return Code(C.csess_parent_write(c.at(), p, bytesOrNil(data), C.size_t(len(data))))
}

// ParentUpdateTimestamp is its update_timestamp.
func (c Call) ParentUpdateTimestamp(id string, data []byte) Code {
	p := cText(id)
	return Code(C.csess_parent_update_timestamp(c.at(), p, bytesOrNil(data), C.size_t(len(data))))
}

// ParentDestroy is its destroy.
func (c Call) ParentDestroy(id string) Code {
	p := cText(id)
	return Code(C.csess_parent_destroy(c.at(), p))
}

// ParentGC is its gc; the number is -1 if it is not known.
func (c Call) ParentGC(maxLifetime time.Duration) (int64, Code) {
	removed := C.int64_t(-1)
	rc := Code(C.csess_parent_gc(c.at(), C.int64_t(maxLifetime/time.Second), &removed))
	return int64(removed), rc
}

// ParentCreateID is its create_sid.
func (c Call) ParentCreateID() (string, Code) {
	var id *C.char
	rc := Code(C.csess_parent_create_sid(c.at(), &id))
	return C.GoString(id), rc
}

// ParentValidateID is its validate_sid.
func (c Call) ParentValidateID(id string) Code {
	p := cText(id)
	return Code(C.csess_parent_validate_sid(c.at(), p))
}
