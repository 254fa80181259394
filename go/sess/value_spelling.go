package sess

import (
	"iter"
	"strconv"
	"strings"
)

// What PHP reads and what it would write: numbers, names, keys.

func isDigit(c byte) bool { return c-'0' <= 9 }

func isHex(c byte) bool { return isDigit(c) || (c|0x20)-'a' <= 5 }

// stdClass is the one class that every PHP knows, in its own case.
const stdClass = "stdClass"

// isStandard tells whether the object at an offset is one of stdClass: all names of its properties are strings, where
// those of others may be integers, which their class makes of a list.
func isStandard(text string, at int) bool {
	class, _ := quotedAt(text, at+2)
	return strings.EqualFold(class, stdClass)
}

func isClassName(name string) bool {
	if name == "" || name[0] == '\\' {
		return false
	}
	for i := range len(name) {
		c := name[i]
		if !isDigit(c) && (c|0x20)-'a' > 25 && c != '_' && c != '\\' && c < 0x7f {
			return false
		}
	}
	return true
}

// enumCase splits Enum:Case.
func enumCase(name string) (class, of string, ok bool) {
	class, of, ok = strings.Cut(name, ":")
	return class, of, ok && isClassName(class) && isClassName(of)
}

// ascends tells whether a key stands after the last one in an order in which no key can stand twice.
func (f *frame) ascends(letter byte, text string) bool {
	switch {
	case letter == textKey:
		return !f.text || f.last < text
	case f.text || text[0] == '-':
		return false
	case f.last[0] == '-' || len(f.last) < len(text):
		return true
	}
	return len(f.last) == len(text) && f.last < text
}

// repeats tells whether a key stands twice in a list of those of one container.
func repeats(keys []string) bool {
	const few = 12
	if len(keys) > few {
		seen := make(map[string]struct{}, len(keys))
		for _, key := range keys {
			seen[key] = struct{}{}
		}
		return len(seen) < len(keys)
	}
	for i, key := range keys {
		for _, other := range keys[:i] {
			if key == other {
				return true
			}
		}
	}
	return false
}

// isCanonicalInt tells whether text is the decimal form of a 64-bit integer as PHP writes it: such text is an
// integer as a key, too.
func isCanonicalInt(text string) bool {
	digits := strings.TrimPrefix(text, "-")
	if digits == "" || len(digits) > 19 || !isDigit(digits[0]) || digits[0] == '0' && len(text) > 1 {
		return false
	}
	for i := range len(digits) {
		if !isDigit(digits[i]) {
			return false
		}
	}
	if len(digits) < 19 {
		return true
	}
	_, err := strconv.ParseInt(text, 10, 64)
	return err == nil
}

// clampedInt is an integer with a sign or without as PHP reads it: what is too large becomes the largest.
func clampedInt(text string) int64 {
	n, _ := strconv.ParseInt(text, 10, 64)
	return n
}

// references yields what looks like a reference in what a custom object (C:) wrote of itself, which only its class can
// read: letter and number. Only keys stand in front of an R: that PHP writes.
func references(payload string) iter.Seq2[byte, int] {
	return func(yield func(letter byte, number int) bool) {
		for at := 1; at < len(payload); at++ {
			letter := payload[at-1]
			if payload[at] != ':' || letter != 'R' && letter != 'r' {
				continue
			}
			end := at + 1
			for end < len(payload) && isDigit(payload[end]) {
				end++
			}
			if end == at+1 || end == len(payload) || payload[end] != ';' {
				continue
			}
			if whole := end+1-(at-1) == len(payload); letter == 'R' && !whole && (at < 2 || payload[at-2] != ';') {
				continue
			}
			// What is too large becomes the largest.
			number := int(clampedInt(payload[at+1 : end]))
			if number > 0 && !yield(letter, number) {
				return
			}
		}
	}
}

// isPinned tells whether the payload of a custom object may hold references, so that what they name must keep its number.
func isPinned(payload string) bool {
	for range references(payload) {
		return true
	}
	return false
}

// unescape resolves the \hh of a string in the S: form.
func unescape(text string) string {
	if strings.IndexByte(text, '\\') < 0 {
		return text
	}
	plain := make([]byte, 0, len(text))
	for len(text) > 0 {
		if text[0] == '\\' {
			c, _ := strconv.ParseUint(text[1:3], 16, 8)
			plain = append(plain, byte(c))
			text = text[3:]
			continue
		}
		plain = append(plain, text[0])
		text = text[1:]
	}
	return string(plain)
}
