package sess

import (
	"iter"
)

// Get returns the value under a key: $_SESSION[$key]. [ErrNotFound] if there is none, [ErrType] if it has
// another type. See [As] for the types.
func Get[T any](s *Session, key string) (T, error) { panic(unfinished) }

// GetOr is [Get], with or for every failure.
func GetOr[T any](s *Session, key string, or T) T { panic(unfinished) }

// Pop is [Get] and [Session.Unset], for messages that are shown once.
func Pop[T any](s *Session, key string) (T, error) { panic(unfinished) }

// Set puts a value under a key: $_SESSION[$key] = $v. See [ValueOf] for the types. [ErrNotActive] after Close,
// [ErrType] for what PHP cannot hold, [ErrHeadersSent] for the first value of a new session when its cookie
// cannot be sent any more.
func (s *Session) Set(key string, v any) error { panic(unfinished) }

// Has tells whether there is a value under a key, also if that is null: array_key_exists().
func (s *Session) Has(key string) bool { panic(unfinished) }

// Unset removes a key: unset($_SESSION[$key]). One that is not there is success.
func (s *Session) Unset(key string) error { panic(unfinished) }

// Clear removes all keys: session_unset().
func (s *Session) Clear() error { panic(unfinished) }

// Value returns the value under a key with all that PHP knows about it. It is the zero Value if there is none.
func (s *Session) Value(key string) Value { panic(unfinished) }

// Keys yields the keys in stored order: array_keys($_SESSION). It is a snapshot: the loop may call Set.
func (s *Session) Keys() iter.Seq[string] { panic(unfinished) }

// All yields keys and values in stored order. It is a snapshot: the loop may call Set.
func (s *Session) All() iter.Seq2[string, Value] { panic(unfinished) }

// Unmarshal fills a struct, or a map, from all data. Fields are named by tags: `sess:"name"`,
// `sess:"name,loose"`, `sess:"-"`.
func (s *Session) Unmarshal(dst any) error { panic(unfinished) }

// Encode returns the data as it would be saved now: session_encode().
func (s *Session) Encode() ([]byte, error) { panic(unfinished) }

// Decode adds the data of a payload, equal keys overwritten: session_decode(). [ErrData], and nothing changed,
// for bytes that are none.
func (s *Session) Decode(payload []byte) error { panic(unfinished) }

// View runs f with the stored payload, which is valid until f returns and must not be changed: while the lock is
// held it is not a copy. The session must be active, or have been started with [Raw] and [ReadOnly].
func (s *Session) View(f func(payload []byte) error) error { panic(unfinished) }

// SetRaw replaces the whole payload by bytes that are stored as they are.
func (s *Session) SetRaw(payload []byte) error { panic(unfinished) }
