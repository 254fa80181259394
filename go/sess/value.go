package sess

import (
	"iter"
	"slices"
	"strconv"
	"strings"
)

// Value is one PHP value, immutable, valid for ever. The zero Value stands for what is not there.
//
// It keeps all that PHP knows about the value: the order of arrays, classes, private properties, references. What
// of it Go has no type for can be looked at, and put back with [Session.Set] as it was. A part of a Value, and a
// string that was read from one, keeps the memory of all of it.
type Value struct {
	// text is the value in serialize() form as PHP itself would write it.
	text string
	// whole is what text is a part of, at the offset at, if that holds references.
	whole *linked
	at    int
	loose bool
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

var kindNames = [...]string{"nothing", "null", "bool", "int", "float", "string", "list", "map", "object", "opaque"}

// String returns the name of the kind.
func (k Kind) String() string {
	if k < 0 || int(k) >= len(kindNames) {
		return "unknown"
	}
	return kindNames[k]
}

// Serialized makes a value of what PHP's serialize() gives: exactly one value. What PHP reads but would write
// otherwise is brought into PHP's form. [ErrData] if PHP could not read it or it is nested deeper than 4096, as PHP's
// unserialize_max_depth is; also for a reference whose number depends on a custom object (C:) before it.
// Names of properties that are integers stay so: their class makes them of a list, as PHP's ArrayObject does.
func Serialized(b []byte) (Value, error) { return newValue(string(b), nestingLimit) }

func newValue(text string, limit int) (Value, error) {
	s := scan{text: text, limit: limit}
	if err := s.value(); err != nil {
		return Value{}, err
	}
	if s.at != len(text) {
		return Value{}, s.fault("data behind the value")
	}
	if s.notes&(noteOdd|noteRefs|notePinned) == 0 {
		return Value{text: text}, nil
	}
	t, err := parseTree(text)
	if err != nil {
		return Value{}, err
	}
	canonical, refers, err := t.write(0)
	if err != nil {
		return Value{}, err
	}
	v := Value{text: canonical}
	if refers {
		v.whole = link(canonical)
	}
	return v, nil
}

// trusted makes a value of what libsess has in serialize() form: it may be spelled as PHP would not, and be nested as
// deep as the settings let it.
func trusted(serialized []byte) Value {
	v, err := newValue(string(serialized), 0)
	if err != nil {
		return Value{}
	}
	return v
}

// sub is the part of a value from at to end in its text.
func (v Value) sub(at, end int) Value {
	part := Value{text: v.text[at:end], loose: v.loose}
	if v.whole == nil {
		return part
	}
	part.whole, part.at = v.whole, v.whole.follow(v.at+at)
	if part.at != v.at+at {
		part.text = v.whole.text[part.at:skip(v.whole.text, part.at)]
	}
	return part
}

// Kind returns the kind of the value.
func (v Value) Kind() Kind {
	if v.text == "" {
		return Absent
	}
	switch v.text[0] {
	case 'N':
		return Null
	case 'b':
		return Bool
	case 'i':
		return Int
	case 'd':
		return Float
	case 's':
		return String
	case 'a':
		if v.isList() {
			return List
		}
		return Map
	case 'O':
		return Object
	}
	return Opaque
}

func (v Value) isList() bool {
	count, at := headOf(v.text, 0)
	for i := range count {
		if v.text[at] != intKey {
			return false
		}
		n, end := lengthAt(v.text, at+2)
		if n != i || end == at+2 {
			return false
		}
		at = skip(v.text, end+1)
	}
	return true
}

// Loose returns the value with PHP's conversions switched on, for all that is inside as well: "42" is 42. PHP code
// stores form input and database rows as strings.
func (v Value) Loose() Value {
	v.loose = true
	return v
}

// Class returns the class of an object or enum, else "".
func (v Value) Class() string {
	switch k := v.Kind(); {
	case k == Object || k == Opaque:
		name, _ := quotedAt(v.text, 2)
		class, _, _ := strings.Cut(name, ":")
		return class
	}
	return ""
}

// Len returns the number of elements of an array or properties of an object, else 0.
func (v Value) Len() int {
	if !v.isContainer() {
		return 0
	}
	count, _ := headOf(v.text, 0)
	return count
}

func (v Value) isContainer() bool { return v.text != "" && (v.text[0] == 'a' || v.text[0] == 'O') }

// Key returns the element under a key of an array, or a property of an object: a private or protected one by its
// plain name, if only one has it. "5" and 5 are one key, as in PHP.
func (v Value) Key(k string) Value {
	if v.text == "" || v.text[0] != 'O' {
		return v.find(keyOf(k))
	}
	if found := v.find(Key{Text: k}); found.text != "" {
		return found
	}
	var hidden Value
	for key, value := range v.All() {
		if plain := propertyName(key.Text); plain == k && plain != key.Text {
			if hidden.text != "" {
				return Value{}
			}
			hidden = value
		}
	}
	return hidden
}

// propertyName is the plain name of a property, which is kept as "\0Class\0name" if it is private and as "\0*\0name"
// if it is protected.
func propertyName(stored string) string {
	if stored != "" && stored[0] == 0 {
		if _, plain, ok := strings.Cut(stored[1:], "\x00"); ok {
			return plain
		}
	}
	return stored
}

// Index returns the element under an integer key.
func (v Value) Index(i int64) Value {
	if v.text != "" && v.text[0] == 'O' {
		return v.find(Key{Text: strconv.FormatInt(i, 10)})
	}
	return v.find(Key{Int: i, IsInt: true})
}

func (v Value) find(wanted Key) Value {
	if !v.isContainer() {
		return Value{}
	}
	count, at := headOf(v.text, 0)
	for range count {
		key, start := keyAt(v.text, at, v.text[0] == 'O')
		at = skip(v.text, start)
		if key == wanted {
			return v.sub(start, at)
		}
	}
	return Value{}
}

// All yields the elements of an array or the properties of an object in PHP's order. Names of properties are as PHP
// stores them: "\0*\0name" is protected, "\0Class\0name" private.
func (v Value) All() iter.Seq2[Key, Value] {
	return func(yield func(Key, Value) bool) {
		if !v.isContainer() {
			return
		}
		count, at := headOf(v.text, 0)
		for range count {
			key, start := keyAt(v.text, at, v.text[0] == 'O')
			at = skip(v.text, start)
			if !yield(key, v.sub(start, at)) {
				return
			}
		}
	}
}

// Serialize returns the value as PHP's serialize() writes it, with references numbered from its own beginning. It is nil
// for the zero Value, and for a part of a value whose references would stand behind a custom object (C:), or inside one
// and name something else.
func (v Value) Serialize() []byte {
	text, _, err := v.standalone()
	if err != nil || text == "" {
		return nil
	}
	return []byte(text)
}

// standalone is the text of a value by itself, and whether it holds references.
func (v Value) standalone() (text string, refers bool, err error) {
	if v.whole == nil || len(v.text) == len(v.whole.text) {
		return v.text, v.whole != nil, nil
	}
	if !hasReferences(v.text) {
		return v.text, false, nil
	}
	t, err := parseTree(v.whole.text)
	if err != nil {
		return "", false, err
	}
	at := slices.IndexFunc(t.places, func(p place) bool { return p.start == v.at })
	return t.write(int32(at))
}

// Key is the key of an array element.
type Key struct {
	Text  string
	Int   int64
	IsInt bool
}

// keyOf is the key that PHP makes of text: the decimal form of an integer is that integer.
func keyOf(text string) Key {
	if isCanonicalInt(text) {
		return Key{Int: clampedInt(text), IsInt: true}
	}
	return Key{Text: text}
}

// String returns the key as PHP prints it.
func (k Key) String() string {
	if k.IsInt {
		return strconv.FormatInt(k.Int, 10)
	}
	return k.Text
}

func (k Key) appendTo(dst []byte) []byte {
	if k.IsInt {
		return appendInt(dst, k.Int)
	}
	return appendString(dst, k.Text)
}

// Array is a PHP array in this order: key, value, key, value, ... Keys are strings, integers or a [Key]; values are
// whatever [ValueOf] takes, nested arrays among them.
type Array []any
