package sess

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// The scanner looks over bytes in serialize() form once, decodes nothing, allocates next to nothing and does not
// recurse. What it lets pass is what PHP's unserialize() takes.

// nestingLimit is PHP's unserialize_max_depth, of arrays and objects.
const nestingLimit = 4096

// What a scan met on its way.
const (
	noteRefs   uint8 = 1 << iota // R: or r:
	noteCustom                   // C:
	noteEnum                     // E:
	noteOdd                      // a spelling that PHP reads but would not write
	notePinned                   // C: that holds references
)

// fault is what is wrong with bytes, and where. It matches [ErrData].
type fault struct {
	what string
	at   int
}

func (f *fault) Error() string { return fmt.Sprintf("sess: %s at byte %d", f.what, f.at) }
func (f *fault) Unwrap() error { return ErrData }

type scan struct {
	text  string
	at    int
	notes uint8
	// limit is the deepest nesting; 0: any.
	limit int
}

// frame is an array or object whose end has not been seen.
type frame struct {
	left   int
	object bool
	// at is where it begins.
	at int
	// keys is where its keys begin in the list of those of all open frames; sorted while they ascend.
	keys   int
	sorted bool
	text   bool
	last   string
}

func (s *scan) fault(what string) error { return &fault{what, s.at} }

func (s *scan) peek() byte {
	if s.at < len(s.text) {
		return s.text[s.at]
	}
	return 0
}

func (s *scan) expect(literal, what string) error {
	if !strings.HasPrefix(s.text[s.at:], literal) {
		return s.fault(what)
	}
	s.at += len(literal)
	return nil
}

func (s *scan) digits() int {
	start := s.at
	for isDigit(s.peek()) {
		s.at++
	}
	return s.at - start
}

// unsigned is a length or count; one that does not fit is refused, where PHP lets it wrap.
func (s *scan) unsigned(what string) (int, error) {
	start, n := s.at, 0
	for isDigit(s.peek()) {
		digit := int(s.text[s.at] - '0')
		if n > (math.MaxInt-digit)/10 {
			return 0, s.fault("a number out of range")
		}
		n = n*10 + digit
		s.at++
	}
	switch {
	case s.at == start:
		return 0, s.fault(what)
	case s.text[start] == '0' && s.at-start > 1:
		s.notes |= noteOdd
	}
	return n, nil
}

// signed is an integer, with a sign or without.
func (s *scan) signed() (string, error) {
	start := s.at
	if c := s.peek(); c == '-' || c == '+' {
		s.at++
	}
	if s.digits() == 0 {
		return "", s.fault("an int is missing")
	}
	text := s.text[start:s.at]
	if !isCanonicalInt(text) {
		s.notes |= noteOdd
	}
	return text, nil
}

// count is that of the properties of an object or the bytes of a custom one, which may have a sign. No digits are 0.
func (s *scan) count() (int, error) {
	start := s.at
	sign := s.peek()
	if sign == '-' || sign == '+' {
		s.at++
	}
	first := s.at
	n := s.digits()
	if first > start || n == 0 || n > 1 && s.text[first] == '0' {
		s.notes |= noteOdd
	}
	if n == 0 {
		return 0, nil
	}
	count, err := strconv.Atoi(s.text[first:s.at])
	if err != nil || sign == '-' && count != 0 {
		s.at = start
		return 0, s.fault("a count out of range")
	}
	return count, nil
}

// quoted is LEN:"BYTES".
func (s *scan) quoted() (string, error) {
	n, err := s.unsigned("a length is missing")
	if err != nil {
		return "", err
	}
	if err := s.expect(`:"`, "a string does not begin"); err != nil {
		return "", err
	}
	if n >= len(s.text)-s.at {
		return "", s.fault("a string longer than the data")
	}
	text := s.text[s.at : s.at+n]
	s.at += n
	return text, s.expect(`"`, "a string does not end")
}

// escaped is LEN:"BYTES" with \hh for any byte; LEN counts them as one.
func (s *scan) escaped() (string, error) {
	n, err := s.unsigned("a length is missing")
	if err != nil {
		return "", err
	}
	if err := s.expect(`:"`, "a string does not begin"); err != nil {
		return "", err
	}
	start := s.at
	for range n {
		switch {
		case s.at >= len(s.text):
			return "", s.fault("a string longer than the data")
		case s.text[s.at] != '\\':
			s.at++
		case s.at+2 < len(s.text) && isHex(s.text[s.at+1]) && isHex(s.text[s.at+2]):
			s.at += 3
		default:
			return "", s.fault("an escape without two hex digits")
		}
	}
	text := s.text[start:s.at]
	return text, s.expect(`"`, "a string does not end")
}

func (s *scan) class() (string, error) {
	start := s.at
	class, err := s.quoted()
	if err != nil {
		return "", err
	}
	if !isClassName(class) {
		s.at = start
		return "", s.fault("a malformed class name")
	}
	if class != stdClass && strings.EqualFold(class, stdClass) {
		s.notes |= noteOdd
	}
	return class, nil
}

// Letters of keys as they stand in the bytes: intKey and textKey as PHP writes them, and escapedKey.
const (
	intKey     = 'i'
	textKey    = 's'
	escapedKey = 'S'
)

// key is i:…; or s:…; before an element: its letter and its text.
func (s *scan) key() (letter byte, text string, err error) {
	letter = s.peek()
	if letter != intKey && letter != textKey && letter != escapedKey || !strings.HasPrefix(s.text[s.at+1:], ":") {
		return 0, "", s.fault("a key is neither int nor string")
	}
	s.at += 2
	switch letter {
	case intKey:
		text, err = s.signed()
	case textKey:
		text, err = s.quoted()
	default:
		s.notes |= noteOdd
		text, err = s.escaped()
	}
	if err != nil {
		return 0, "", err
	}
	return letter, text, s.expect(";", "a key does not end")
}

// leaf is whatever is no container.
func (s *scan) leaf() error {
	kind := s.peek()
	if kind == 'N' {
		return s.expect("N;", "a malformed null")
	}
	if s.at+1 >= len(s.text) || s.text[s.at+1] != ':' {
		return s.fault("no value")
	}
	start := s.at
	s.at += 2
	var err error
	switch kind {
	case 's':
		_, err = s.quoted()
	case 'i':
		_, err = s.signed()
	case 'b':
		if c := s.peek(); c != '0' && c != '1' {
			return s.fault("a bool that is neither 0 nor 1")
		}
		s.at++
	case 'd':
		err = s.float()
	case 'S':
		s.notes |= noteOdd
		_, err = s.escaped()
	case 'R', 'r':
		s.notes |= noteRefs
		_, err = s.unsigned("a reference without a number")
	case 'E':
		s.notes |= noteEnum
		var name string
		if name, err = s.quoted(); err == nil {
			if _, _, ok := enumCase(name); !ok {
				s.at = start
				return s.fault("a malformed enum case")
			}
		}
	case 'C':
		s.notes |= noteCustom
		var payload string
		if payload, err = s.custom(); err == nil && isPinned(payload) {
			s.notes |= notePinned
		}
		return err
	default:
		s.at = start
		return s.fault("an unknown type of value")
	}
	if err != nil {
		return err
	}
	return s.expect(";", "a value does not end")
}

// custom is a custom object behind its C:, of which it returns what that wrote of itself.
func (s *scan) custom() (payload string, err error) {
	if _, err := s.class(); err != nil {
		return "", err
	}
	if err := s.expect(":", "a custom object without a length"); err != nil {
		return "", err
	}
	n, err := s.count()
	if err != nil {
		return "", err
	}
	if err := s.expect(":{", "a custom object does not begin"); err != nil {
		return "", err
	}
	if n >= len(s.text)-s.at {
		return "", s.fault("a custom object longer than the data")
	}
	payload = s.text[s.at : s.at+n]
	s.at += n
	return payload, s.expect("}", "a custom object does not end")
}

func (s *scan) float() error {
	start := s.at
	for _, name := range []string{"INF", "-INF", "NAN"} {
		if strings.HasPrefix(s.text[start:], name) {
			s.at += len(name)
			return nil
		}
	}
	if c := s.peek(); c == '-' || c == '+' {
		s.at++
	}
	digits := s.digits()
	if s.peek() == '.' {
		s.at++
		digits += s.digits()
	}
	if digits == 0 {
		return s.fault("a malformed float")
	}
	if s.peek()|0x20 == 'e' {
		s.at++
		if c := s.peek(); c == '-' || c == '+' {
			s.at++
		}
		if s.digits() == 0 {
			return s.fault("a float without an exponent")
		}
	}
	if !isCanonicalFloat(s.text[start:s.at]) {
		s.notes |= noteOdd
	}
	return nil
}

// head is that of an array or object: a:N:{ or O:LEN:"Class":N:{.
func (s *scan) head() (count int, object bool, err error) {
	object = s.peek() == 'O'
	start := s.at
	s.at++
	if err := s.expect(":", "no value"); err != nil {
		return 0, false, err
	}
	if object {
		if _, err = s.class(); err == nil {
			err = s.expect(":", "an object without a count")
		}
		if err == nil {
			count, err = s.count()
		}
	} else {
		count, err = s.unsigned("an array without a count")
	}
	if err == nil {
		err = s.expect(":{", "a container does not begin")
	}
	if err != nil {
		return 0, false, err
	}
	// The shortest element has more bytes than two: PHP's own check.
	if count > (len(s.text)-s.at)/2 {
		s.at = start
		return 0, false, s.fault("more elements than the data can hold")
	}
	return count, object, nil
}

// value is one whole value.
func (s *scan) value() error {
	var frameBuffer [8]frame
	var keyBuffer [32]string
	frames, keys := frameBuffer[:0], keyBuffer[:0]
	for {
		if c := s.peek(); c == 'a' || c == 'O' {
			start := s.at
			count, object, err := s.head()
			if err != nil {
				return err
			}
			frames = append(frames, frame{left: count, object: object, at: start, keys: len(keys), sorted: true})
			if s.limit > 0 && len(frames) > s.limit {
				return s.fault("nesting deeper than the limit")
			}
		} else if err := s.leaf(); err != nil {
			return err
		}
		for len(frames) > 0 && frames[len(frames)-1].left == 0 {
			if err := s.expect("}", "a container does not end"); err != nil {
				return err
			}
			inner := &frames[len(frames)-1]
			if !inner.sorted && s.notes&noteOdd == 0 && repeats(keys[inner.keys:]) {
				s.notes |= noteOdd
			}
			keys = keys[:inner.keys]
			frames = frames[:len(frames)-1]
		}
		if len(frames) == 0 {
			return nil
		}
		inner := &frames[len(frames)-1]
		inner.left--
		letter, text, err := s.key()
		if err != nil {
			return err
		}
		if s.notes&noteOdd != 0 {
			continue // One is enough to know.
		}
		listed := inner.object && letter == intKey
		if listed && isStandard(s.text, inner.at) || !inner.object && letter == textKey && isCanonicalInt(text) {
			s.notes |= noteOdd
			continue
		}
		// A property's name may stand twice, as an integer and as text.
		inner.sorted = !listed && inner.sorted && (len(keys) == inner.keys || inner.ascends(letter, text))
		inner.last, inner.text = text, letter == textKey
		keys = append(keys, text)
	}
}
