//go:build linux && cgo

package csess

// #include "shim.h"
// #include <string.h>
import "C"

import (
	"runtime/cgo"
	"time"
	"unsafe"
)

// Binding answers the callbacks of one session, on the goroutine of the call that caused them. It must catch every
// panic: one that got out would leave C's frames behind, with the session locked. Byte slices are C's and valid
// until the callback returns. nil is success. thread is that of the callback, see [Thread].
type Binding interface {
	Open(call Call, thread uintptr, savePath, name []byte) *Failure
	Close(call Call, thread uintptr) *Failure
	Read(call Call, thread uintptr, id []byte) *Failure
	Write(call Call, thread uintptr, id, data []byte) *Failure
	Destroy(call Call, thread uintptr, id []byte) *Failure
	GC(call Call, thread uintptr, maxLifetime time.Duration) (int64, *Failure)
	CreateID(call Call, thread uintptr) *Failure
	ValidateID(call Call, thread uintptr, id []byte) *Failure
	UpdateTimestamp(call Call, thread uintptr, id, data []byte) *Failure
	// Event is told what happened. It must not call anything that could fail.
	Event(event Event)
}

// Event is what PHP would raise as a notice or warning.
type Event struct {
	Name  string
	Level int // as in syslog: 3 error, 4 warning, 5 notice, 6 information
	Code  Code
	Text  string
}

// EventSink is told of events that belong to no session.
type EventSink func(Event)

// Clock tells the time in Unix milliseconds, on any thread. It must not panic.
type Clock func() int64

func binding(host C.uintptr_t) Binding { return cgo.Handle(host).Value().(Binding) }

// cString is the bytes of a NUL-terminated string.
func cString(s *C.char) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(s)), int(C.strlen(s)))
}

func cBytes(p *C.uint8_t, n C.size_t) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(p)), int(n))
}

// answer turns a failure into a code that C returns, with its reason.
func answer(call C.uintptr_t, f *Failure) C.int32_t {
	if f == nil {
		return C.SESS_OK
	}
	if f.Message == "" {
		return C.int32_t(f.Code)
	}
	message := cText(f.Message)
	return C.csess_call_fail(call, C.int32_t(f.Code), C.int32_t(f.Errno), message)
}

//export csessOpen
func csessOpen(host, call, thread C.uintptr_t, savePath, name *C.char) C.int32_t {
	return answer(call, binding(host).Open(Call(call), uintptr(thread), cString(savePath), cString(name)))
}

//export csessClose
func csessClose(host, call, thread C.uintptr_t) C.int32_t {
	return answer(call, binding(host).Close(Call(call), uintptr(thread)))
}

//export csessRead
func csessRead(host, call, thread C.uintptr_t, id *C.char) C.int32_t {
	return answer(call, binding(host).Read(Call(call), uintptr(thread), cString(id)))
}

//export csessWrite
func csessWrite(host, call, thread C.uintptr_t, id *C.char, data *C.uint8_t, n C.size_t) C.int32_t {
	return answer(call, binding(host).Write(Call(call), uintptr(thread), cString(id), cBytes(data, n)))
}

//export csessDestroy
func csessDestroy(host, call, thread C.uintptr_t, id *C.char) C.int32_t {
	return answer(call, binding(host).Destroy(Call(call), uintptr(thread), cString(id)))
}

//export csessGC
func csessGC(host, call, thread C.uintptr_t, maxLifetime C.int64_t, removed *C.int64_t) C.int32_t {
	n, f := binding(host).GC(Call(call), uintptr(thread), seconds(int64(maxLifetime)))
	if f == nil {
		*removed = C.int64_t(n)
	}
	return answer(call, f)
}

//export csessCreateID
func csessCreateID(host, call, thread C.uintptr_t) C.int32_t {
	return answer(call, binding(host).CreateID(Call(call), uintptr(thread)))
}

//export csessValidateID
func csessValidateID(host, call, thread C.uintptr_t, id *C.char) C.int32_t {
	return answer(call, binding(host).ValidateID(Call(call), uintptr(thread), cString(id)))
}

//export csessUpdateTimestamp
func csessUpdateTimestamp(host, call, thread C.uintptr_t, id *C.char, data *C.uint8_t, n C.size_t) C.int32_t {
	return answer(call, binding(host).UpdateTimestamp(Call(call), uintptr(thread), cString(id), cBytes(data, n)))
}

//export csessEvent
func csessEvent(sink, host C.uintptr_t, name *C.char, level, code C.int32_t, message *C.char) {
	event := Event{C.GoString(name), int(level), Code(code), C.GoString(message)}
	if host != 0 {
		binding(host).Event(event)
		return
	}
	cgo.Handle(sink).Value().(EventSink)(event)
}

//export csessNow
func csessNow(clock C.uintptr_t) C.int64_t { return C.int64_t(cgo.Handle(clock).Value().(Clock)()) }

//export csessDropHandle
func csessDropHandle(handle C.uintptr_t) { cgo.Handle(handle).Delete() }

// seconds is a number of seconds as a duration, the longest one if it is too many.
func seconds(n int64) time.Duration {
	const most = int64(1<<63-1) / int64(time.Second)
	return time.Duration(min(n, most)) * time.Second
}
