//go:build linux && cgo

package csess

// #include "shim.h"
import "C"

import (
	"runtime"
	"strconv"
	"unsafe"
)

// Bytes that are returned here lie in C's memory, and are valid until the next call on the session.

func borrowed(b C.sess_bytes) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(b.data)), int(b.len))
}

// Look returns the payload as it was loaded or set, and what Thread would.
func (s *Session) Look() (payload []byte, thread uintptr) {
	C.csess_look(s.at())
	payload, thread = borrowed(s.c.bytes), uintptr(s.c.thread)
	runtime.KeepAlive(s)
	return payload, thread
}

// SetRaw replaces the whole payload.
func (s *Session) SetRaw(payload []byte) *Failure {
	C.csess_set_raw(s.c, bytesOrNil(payload), C.size_t(len(payload)))
	return s.ended()
}

// Encode returns the payload as it would be saved.
func (s *Session) Encode() ([]byte, *Failure) {
	C.csess_encode(s.c)
	if f := s.ended(); f != nil {
		return nil, f
	}
	b := borrowed(s.c.bytes)
	runtime.KeepAlive(s)
	return b, nil
}

// Decode adds the data of a payload.
func (s *Session) Decode(payload []byte) *Failure {
	C.csess_decode(s.c, bytesOrNil(payload), C.size_t(len(payload)))
	return s.ended()
}

// All returns all data, an array in serialize() form.
func (s *Session) All() []byte {
	C.csess_all(s.c)
	b := borrowed(s.c.bytes)
	runtime.KeepAlive(s)
	return b
}

// Get returns the value under a key in serialize() form; false: there is none.
func (s *Session) Get(key string) ([]byte, bool) {
	ptr, n := key0(key)
	C.csess_get(s.at(), ptr, n)
	if !s.c.found {
		return nil, false
	}
	b := borrowed(s.c.bytes)
	runtime.KeepAlive(s)
	return b, true
}

// Keys returns all keys in stored order.
func (s *Session) Keys() []string {
	var keys []string
	for {
		n := int(C.csess_list_keys(s.c, C.size_t(len(keys))))
		for _, key := range s.c.keys[:n] {
			if key.text == nil {
				keys = append(keys, strconv.FormatInt(int64(key.number), 10))
				continue
			}
			keys = append(keys, C.GoStringN((*C.char)(unsafe.Pointer(key.text)), C.int(key.len)))
		}
		if n < C.CSESS_KEYS {
			runtime.KeepAlive(s)
			return keys
		}
	}
}

// Set sets a key to a value in serialize() form.
func (s *Session) Set(key string, serialized []byte) *Failure {
	ptr, n := key0(key)
	C.csess_set(s.c, ptr, n, bytesOrNil(serialized), C.size_t(len(serialized)))
	return s.ended()
}

// Remove removes a key.
func (s *Session) Remove(key string) *Failure {
	ptr, n := key0(key)
	C.csess_remove(s.c, ptr, n)
	return s.ended()
}

// Clear removes all keys.
func (s *Session) Clear() *Failure {
	C.csess_clear(s.c)
	return s.ended()
}

// key0 is text for keys, where a pointer that is NULL would not mean the empty key.
func key0(key string) (*C.char, C.size_t) {
	if key == "" {
		return &emptyKey[0], 0
	}
	return text(key)
}

var emptyKey [1]C.char
