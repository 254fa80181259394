package sess

import (
	"bytes"
	"errors"
	"iter"
	"runtime"
	"runtime/debug"
	"strconv"
	"sync"
	"unsafe"

	"example.com/libsess/go/internal/csess"
)

// Get returns the value under a key: $_SESSION[$key]. [ErrNotFound] if there is none, [ErrType] if it has
// another type. See [As] for the types.
func Get[T any](s *Session, key string) (T, error) {
	var got T
	var text string
	isScalar := false
	err := s.read(opGet, func(h *handle) error {
		b, ok := h.Get(key)
		if !ok {
			return ErrNotFound
		}
		if isScalar = scalar(any(&got), b); !isScalar {
			text = string(b)
		}
		return nil
	})
	if err != nil || isScalar {
		return got, err
	}
	got, err = decodeText[T](text)
	if err != nil {
		return got, &Error{Op: opGet, Err: err}
	}
	return got, nil
}

// GetOr is [Get], with or for every failure.
func GetOr[T any](s *Session, key string, or T) T {
	got, err := Get[T](s, key)
	if err != nil {
		return or
	}
	return got
}

// Pop is [Get] and [Session.Unset], for messages that are shown once. What cannot be had stays.
func Pop[T any](s *Session, key string) (T, error) {
	got, err := Get[T](s, key)
	if err != nil {
		return got, err
	}
	return got, s.Unset(key)
}

// buffers are for values on their way into C, those of usual size.
var buffers = sync.Pool{New: func() any { return new([]byte) }}

const keptBuffer = 16 << 10

// Set puts a value under a key: $_SESSION[$key] = $v. See [ValueOf] for the types. [ErrNotActive] after Close,
// [errors.ErrUnsupported], with nothing changed, where references behind a custom object (C:) or inside it would name
// something else then, which goes for [Session.Unset] as well,
// [ErrType] for what PHP cannot hold, [ErrHeadersSent] for the first value of a new session when its cookie
// cannot be sent any more.
func (s *Session) Set(key string, v any) error {
	buffer := buffers.Get().(*[]byte)
	serialized, err := appendSerialized((*buffer)[:0], v)
	if err == nil {
		err = s.edit(opSet, func(h *handle) *csess.Failure { return h.Set(key, serialized) })
	} else {
		err = &Error{Op: opSet, Err: err}
	}
	if cap(serialized) <= keptBuffer {
		clear(serialized) // may be a password
		*buffer = serialized
		buffers.Put(buffer)
	}
	return err
}

// Has tells whether there is a value under a key, also if that is null: array_key_exists().
func (s *Session) Has(key string) (has bool) {
	_ = s.read(opGet, func(h *handle) error {
		_, has = h.Get(key)
		return nil
	})
	return has
}

// Unset removes a key: unset($_SESSION[$key]). One that is not there is success.
func (s *Session) Unset(key string) error {
	err := s.edit(opUnset, func(h *handle) *csess.Failure { return h.Remove(key) })
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	return err
}

// Clear removes all keys: session_unset().
func (s *Session) Clear() error {
	return s.edit(opClear, func(h *handle) *csess.Failure { return h.Clear() })
}

// Value returns the value under a key with all that PHP knows about it. It is the zero Value if there is none,
// or if it cannot be had by itself: for a reference that only the class of a custom object (C:) could number, behind
// the object or inside it.
func (s *Session) Value(key string) (v Value) {
	_ = s.read(opGet, func(h *handle) error {
		if b, ok := h.Get(key); ok {
			v = trusted(b)
		}
		return nil
	})
	return v
}

// Keys yields the keys in stored order: array_keys($_SESSION). It is a snapshot: the loop may call Set.
func (s *Session) Keys() iter.Seq[string] {
	return func(yield func(string) bool) {
		var keys []string
		_ = s.read(opGet, func(h *handle) error {
			keys = h.Keys()
			return nil
		})
		for _, key := range keys {
			if !yield(key) {
				return
			}
		}
	}
}

// All yields keys and values in stored order, without what [Session.Value] cannot give. It is a snapshot: the loop may
// call Set.
func (s *Session) All() iter.Seq2[string, Value] {
	return func(yield func(string, Value) bool) {
		data, _ := s.all()
		for key, value := range data.All() {
			if !yield(key.String(), value) {
				return
			}
		}
	}
}

// Unmarshal fills a struct, or a map, from all data that [Session.All] yields. Fields are named by tags: `sess:"name"`,
// `sess:"name,loose"`, `sess:"-"`.
func (s *Session) Unmarshal(dst any) error {
	data, err := s.all()
	if err != nil {
		return err
	}
	if err := data.Unmarshal(dst); err != nil {
		return &Error{Op: opGet, Err: err}
	}
	return nil
}

// all is all data, as one array.
func (s *Session) all() (v Value, err error) {
	err = s.read(opGet, func(h *handle) error {
		var err error
		text := string(h.All())
		if text == "" {
			text = h.each()
		}
		v, err = newValue(text, 0)
		return err
	})
	return v, err
}

// each is all data that can be had value by value, as one array: what holds references that only the class of a custom
// object could number is left out.
func (h *handle) each() string {
	e := encoder{slots: 1}
	count := 0
	for _, key := range h.Keys() {
		b, ok := h.Get(key)
		before := e
		e.out = keyOf(key).appendTo(e.out)
		if !ok || e.value(trusted(b)) != nil {
			e = before
			continue
		}
		count++
	}
	return "a:" + strconv.Itoa(count) + ":{" + string(e.out) + "}"
}

// Encode returns the data as it would be saved now: session_encode().
func (s *Session) Encode() (payload []byte, err error) {
	err = s.read(opEncode, func(h *handle) error {
		b, f := h.Encode()
		payload = bytes.Clone(b)
		return s.failed(opEncode, f)
	})
	return payload, err
}

// Decode adds the data of a payload, equal keys overwritten: session_decode(). [ErrData], and nothing changed,
// for bytes that are none. The PHP profiles destroy the session then, as PHP does.
func (s *Session) Decode(payload []byte) error {
	return s.drive(opDecode, func(h *handle) *csess.Failure { return h.Decode(payload) })
}

// View runs f with the stored payload, which is valid until f returns and must not be changed: while the lock is
// held it is not a copy. The session must be active, or have been started with [Raw] and [ReadOnly]; else
// [ErrNotActive]. f may read the session, not change it.
func (s *Session) View(f func(payload []byte) error) error {
	return s.read(opRaw, func(h *handle) error {
		kept := s.raw && s.readOnly && s.status == Closed
		if s.status != Active && !kept {
			return ErrNotActive
		}
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		payload, thread := h.Look()
		before := h.binding.admit(user{thread, reading})
		defer h.binding.admit(before)
		return guarded(payload, f)
	})
}

// SetRaw replaces the whole payload by bytes that are stored as they are. Values are gone then, until the next start.
func (s *Session) SetRaw(payload []byte) error {
	return s.edit(opRaw, func(h *handle) *csess.Failure { return h.SetRaw(payload) })
}

// Payloads from a page on may be mapped files, as sess.mmap_threshold says.
const mayBeMapped = 4096

var errTruncated = &causes{"the session's file was truncated while it was looked at", []error{ErrData}}

// guarded runs f with a payload of C's. Whoever truncates a file that is mapped here takes memory away from under f;
// that is its error then, and not the end of the process.
func guarded(payload []byte, f func([]byte) error) (err error) {
	if len(payload) < mayBeMapped {
		return f(payload)
	}
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		v := recover()
		if v == nil {
			return
		}
		begins := uintptr(unsafe.Pointer(unsafe.SliceData(payload)))
		fault, ok := v.(interface{ Addr() uintptr })
		if !ok || fault.Addr() < begins || fault.Addr()-begins >= uintptr(len(payload)) {
			panic(v)
		}
		err = errTruncated
	}()
	return f(payload)
}

// read runs what looks at data. Without a C session there is none.
func (s *Session) read(op string, look func(h *handle) error) error {
	nested := s.enter()
	defer s.leaveData(nested)
	err := s.readable(nested)
	if err == nil {
		if h := s.h.Load(); h != nil {
			err = look(h)
		} else {
			err = ErrNotFound
		}
	}
	if err == nil {
		return nil
	}
	var own *Error
	if errors.As(err, &own) {
		return err
	}
	return &Error{Op: op, Err: err}
}

// edit runs what changes data.
func (s *Session) edit(op string, change func(h *handle) *csess.Failure) error {
	nested := s.enter()
	defer s.leaveData(nested)
	if err := s.readable(nested); err != nil {
		return &Error{Op: op, Err: err}
	}
	h := s.h.Load()
	if h == nil {
		return s.notActive(op)
	}
	if nested && h.binding.mode != editing {
		return &Error{Op: op, Code: int(csess.EMISUSE), Err: ErrInCallback}
	}
	f := change(h)
	if f != nil && f.Code == csess.EMISUSE && s.status != Active {
		return s.notActive(op)
	}
	return s.failed(op, f)
}

// leaveData is the end of what looks at data or changes it, which may have sent events: refusing a cookie does, and
// leaving out a key.
func (s *Session) leaveData(nested bool) {
	if !nested {
		s.unlock()
	}
}

// readable tells why the data of a session cannot be looked at.
func (s *Session) readable(nested bool) error {
	switch {
	case s.poisoned:
		return ErrPoisoned
	case s.released:
		return ErrReleased
	case nested && s.h.Load().binding.mode == driving:
		return ErrInCallback
	}
	return nil
}
