package sess

import (
	"iter"
	"strconv"
)

// Value is one PHP value, immutable, valid for ever. The zero Value stands for what is not there.
type Value struct {
	serialized string
}

// Kind is the kind of a [Value].
type Kind int

const (
	// Absent is the kind of what is not there.
	Absent Kind = iota
	// Null is PHP's null.
	Null
	// Bool is true or false.
	Bool
	// Int is a 64-bit integer.
	Int
	// Float is a float64.
	Float
	// String is a string of any bytes.
	String
	// List is an array with the keys 0 to n-1 in order.
	List
	// Map is any other array.
	Map
	// Object is an object.
	Object
	// Opaque is an enum or an object that serialized itself, kept byte for byte.
	Opaque
)

// Serialized makes a value of what PHP's serialize() gives. [ErrData] if it is not that.
func Serialized(b []byte) (Value, error) { panic(unfinished) }

// Kind returns the kind of the value.
func (v Value) Kind() Kind { panic(unfinished) }

// Loose returns the value with conversions switched on: "42" is 42, as PHP code stores form input and database rows.
func (v Value) Loose() Value { panic(unfinished) }

// Class returns the class of an object or enum, else "".
func (v Value) Class() string { panic(unfinished) }

// Len returns the number of elements of an array or properties of an object, else 0.
func (v Value) Len() int { panic(unfinished) }

// Key returns the element or property under a key. "5" and 5 are one key, as in PHP.
func (v Value) Key(k string) Value { panic(unfinished) }

// Index returns the element under an integer key.
func (v Value) Index(i int64) Value { panic(unfinished) }

// All yields the elements in PHP's order.
func (v Value) All() iter.Seq2[Key, Value] { panic(unfinished) }

// Serialize returns the value as PHP's serialize() writes it.
func (v Value) Serialize() []byte { return []byte(v.serialized) }

// Key is the key of an array element.
type Key struct {
	Text  string
	Int   int64
	IsInt bool
}

// String returns the key as PHP prints it.
func (k Key) String() string {
	if k.IsInt {
		return strconv.FormatInt(k.Int, 10)
	}
	return k.Text
}

// Array is a PHP array in this order: key, value, key, value, ... (nested ones too).
type Array []any

// trusted makes a value of bytes in serialize() form that libsess wrote and that nobody changes.
func trusted(serialized []byte) Value { return Value{string(serialized)} }

const unfinished = "sess: unfinished"
