package sess

import (
	"iter"
	"strconv"
	"strings"
)

// linked is a value that holds references, which are numbered through all of it.
type linked struct {
	text string
	// slots are the offsets of the values that references name; the first is number 1.
	slots []int
}

// link finds the slots of a value.
func link(text string) *linked {
	l := &linked{text: text}
	for at := range values(text) {
		if text[at] != 'R' {
			l.slots = append(l.slots, at)
		}
	}
	return l
}

// The text of a Value is as PHP writes it, so what follows here only has to find its way.

// lengthAt is the number at an offset, and where it ends.
func lengthAt(text string, at int) (n, end int) {
	for isDigit(text[at]) {
		n = n*10 + int(text[at]-'0')
		at++
	}
	return n, at
}

// quotedAt is the text of LEN:"…", and where it ends.
func quotedAt(text string, at int) (string, int) {
	n, at := lengthAt(text, at)
	return text[at+2 : at+2+n], at + n + 3
}

// headOf is the count of an array or object, and where its elements begin.
func headOf(text string, at int) (count, end int) {
	if text[at] == 'O' {
		_, at = quotedAt(text, at+2)
		at--
	}
	count, at = lengthAt(text, at+2)
	return count, at + 2
}

// skipToken passes over a key or a value that is no container.
func skipToken(text string, at int) int {
	switch text[at] {
	case 's', 'E':
		_, at = quotedAt(text, at+2)
		return at + 1
	case 'C':
		_, at = quotedAt(text, at+2)
		n, at := lengthAt(text, at+1)
		return at + n + 3
	}
	return at + strings.IndexByte(text[at:], ';') + 1
}

// skip passes over a value.
func skip(text string, at int) int {
	for depth := 0; ; {
		switch text[at] {
		case 'a', 'O':
			_, at = headOf(text, at)
			depth++
			continue
		case '}':
			at++
			depth--
		default:
			at = skipToken(text, at)
		}
		if depth == 0 {
			return at
		}
	}
}

// values yields where the values in a text begin, that of the text itself and those of all elements, and how many
// containers are around each.
func values(text string) iter.Seq2[int, int] {
	return func(yield func(at, depth int) bool) {
		depth, isKey := 0, false
		for at := 0; at < len(text); {
			switch {
			case text[at] == '}':
				depth--
				at++
				isKey = depth > 0
				continue
			case isKey:
				at = skipToken(text, at)
				isKey = false
				continue
			case !yield(at, depth):
				return
			case text[at] == 'a', text[at] == 'O':
				_, at = headOf(text, at)
				depth++
			default:
				at = skipToken(text, at)
			}
			isKey = depth > 0
		}
	}
}

// hasReferences tells whether a text names what is inside or outside of it.
func hasReferences(text string) bool {
	for at := range values(text) {
		switch text[at] {
		case 'R', 'r':
			return true
		case 'C':
			if isPinned(payloadAt(text, at)) {
				return true
			}
		}
	}
	return false
}

// payloadAt is what the custom object at an offset wrote of itself.
func payloadAt(text string, at int) string {
	_, at = quotedAt(text, at+2)
	n, at := lengthAt(text, at+1)
	return text[at+2 : at+2+n]
}

// keyAt is the key at an offset, and where it ends. An integer that names a property is its text.
func keyAt(text string, at int, property bool) (Key, int) {
	if text[at] == textKey {
		name, end := quotedAt(text, at+2)
		return Key{Text: name}, end + 1
	}
	end := skipToken(text, at)
	if property {
		return Key{Text: text[at+2 : end-1]}, end
	}
	n, _ := strconv.ParseInt(text[at+2:end-1], 10, 64)
	return Key{Int: n, IsInt: true}, end
}

// follow goes from a reference to what it names.
func (l *linked) follow(at int) int {
	for l.text[at] == 'R' || l.text[at] == 'r' {
		n, _ := lengthAt(l.text, at+2)
		at = l.slots[n-1]
	}
	return at
}
