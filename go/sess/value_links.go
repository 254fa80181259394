package sess

import (
	"errors"
	"strconv"
	"strings"
)

// Values with references (R:, r:) or in a spelling that PHP would not write are read into a tree, in which
// references are resolved as PHP's reader does, and written from there. All others never come here.

// tree is a validated value, of which every element is a place.
type tree struct {
	text    string
	places  []place
	cells   []cell
	objects []object
	// pinned: some custom objects hold references.
	pinned bool
}

// place is where a value stands. The root is number 0.
type place struct {
	start, end int
	letter     byte
	// unnumbered is a reference whose number means nothing we could know; see errBehindCustom.
	unnumbered bool
	property   bool
	// listed: the name of a property that is an integer, which its class makes of a list.
	listed bool
	// pins are what the payload of a custom object names.
	pins  []pin
	key   Key
	kids  []int32
	index map[Key]int32
	// cell is the PHP reference it is a member of, object the object that it is, if others name it, or stands for.
	cell, object int32
}

// none stands for no cell and no object.
const none int32 = -1

// cell is a PHP reference: places that hold one value together.
type cell struct {
	value int32
	// live counts the places that can be reached; slot is where it was written, or 0.
	live, slot int
}

// object is one that several places hold.
type object struct {
	place      int32
	live, slot int
}

// slot is what a reference's number names: an element of a container, which a repeated key may refill, or a place.
type slot struct {
	container int32
	at        int
}

// errBehindCustom: how many slots a custom object (C:) takes only its class knows, so that numbers behind it can be
// kept as they stand, but never given anew.
var errBehindCustom = &causes{"sess: a reference behind a custom object", []error{ErrData, errors.ErrUnsupported}}

// pin is what a payload names: a slot and the place that has it; none where that is not known.
type pin struct {
	letter byte
	number int
	target int32
}

// errInsideCustom: the payload of a custom object (C:) names what has another number, or none, where it would stand.
var errInsideCustom = &causes{"sess: a reference inside a custom object would name something else",
	[]error{ErrData, errors.ErrUnsupported}}

// parseTree reads a value that a scan let pass.
func parseTree(text string) (*tree, error) {
	t := &tree{text: text}
	s := scan{text: text}
	type open struct {
		place int32
		left  int
	}
	var frames []open
	var slots []slot
	custom := -1 // how many slots there were with the first custom object
	t.places = append(t.places, place{cell: none, object: none})
	now, own := int32(0), slot{none, 0}
	for {
		p := &t.places[now]
		s.at = p.start
		p.letter = s.peek()
		if p.letter == 'a' || p.letter == 'O' {
			count, _, err := s.head()
			if err != nil {
				return nil, err
			}
			slots = append(slots, own)
			frames = append(frames, open{now, count})
		} else {
			if err := s.leaf(); err != nil {
				return nil, err
			}
			p.end = s.at
			if p.letter == 'R' || p.letter == 'r' {
				number, _ := strconv.Atoi(text[p.start+2 : p.end-1])
				if custom >= 0 && number > custom {
					p.unnumbered = true
				} else if err := t.resolve(now, own, number, slots); err != nil {
					return nil, err
				}
			}
			if p.letter != 'R' {
				slots = append(slots, own)
			}
			if p.letter == 'C' {
				if err := t.pin(now, slots, custom); err != nil {
					return nil, err
				}
				if custom < 0 {
					custom = len(slots)
				}
			}
		}
		for len(frames) > 0 && frames[len(frames)-1].left == 0 {
			s.at++
			t.places[frames[len(frames)-1].place].end = s.at
			frames = frames[:len(frames)-1]
		}
		if len(frames) == 0 {
			return t, nil
		}
		inner := &frames[len(frames)-1]
		inner.left--
		letter, key, err := s.key()
		if err != nil {
			return nil, err
		}
		now = int32(len(t.places))
		child := place{start: s.at, cell: none, object: none}
		child.property = t.places[inner.place].letter == 'O'
		child.key = plainKey(letter, key, child.property)
		child.listed = child.property && letter == intKey && !isStandard(text, t.places[inner.place].start)
		t.places = append(t.places, child)
		own = slot{inner.place, t.add(inner.place, now)}
	}
}

// pin notes what the payload of a custom object names, which has just taken its slot.
func (t *tree) pin(now int32, slots []slot, custom int) error {
	s := scan{text: t.text[t.places[now].start:t.places[now].end], at: 2}
	payload, err := s.custom()
	if err != nil {
		return err
	}
	for letter, number := range references(payload) {
		if number > len(slots) {
			// What is not in front of the object is in it, and moves with it.
			letter, number = 'r', len(slots)
		}
		target := none
		if custom < 0 || number <= custom {
			if target = t.target(slots[number-1]); letter == 'R' {
				t.cellOf(target)
			} else if value := t.held(target); t.isObject(value) {
				t.objectOf(value)
			}
		}
		p := &t.places[now]
		p.pins = append(p.pins, pin{letter, number, target})
		t.pinned = true
	}
	return nil
}

// target is the place that a slot names now.
func (t *tree) target(named slot) int32 {
	if named.container == none {
		return int32(named.at)
	}
	return t.places[named.container].kids[named.at]
}

// isNamed tells whether a place has the value that a payload names.
func (t *tree) isNamed(p pin, value int32) bool {
	switch a, b := &t.places[value], &t.places[p.target]; {
	case value == p.target:
		return true
	case p.letter == 'R':
		return a.cell != none && a.cell == b.cell
	default:
		return a.object != none && a.object == b.object
	}
}

// plainKey is the key that PHP makes of one as it stands in the bytes.
func plainKey(letter byte, text string, property bool) Key {
	switch {
	case letter == intKey && property:
		return Key{Text: strconv.FormatInt(clampedInt(text), 10)}
	case letter == intKey:
		return Key{Int: clampedInt(text), IsInt: true}
	case letter == escapedKey:
		text = unescape(text)
	}
	if !property {
		return keyOf(text)
	}
	return Key{Text: text}
}

// add puts a place into a container, or where its key already stands. It returns the position.
func (t *tree) add(container, child int32) int {
	const few = 8
	c := &t.places[container]
	key := t.places[child].key
	at, known := -1, false
	if c.index != nil {
		var found int32
		found, known = c.index[key]
		at = int(found)
	} else {
		for i, other := range c.kids {
			if t.places[other].key == key {
				at, known = i, true
				break
			}
		}
	}
	if known {
		c.kids[at] = child
		return at
	}
	c.kids = append(c.kids, child)
	if c.index == nil && len(c.kids) > few {
		c.index = make(map[Key]int32, 2*few)
		for i, other := range c.kids {
			c.index[t.places[other].key] = int32(i)
		}
	} else if c.index != nil {
		c.index[key] = int32(len(c.kids) - 1)
	}
	return len(c.kids) - 1
}

func (t *tree) resolve(now int32, own slot, number int, slots []slot) error {
	p := &t.places[now]
	if number < 1 || number > len(slots) {
		return &fault{"a reference to a missing slot", p.start}
	}
	named := slots[number-1]
	if named == own {
		return &fault{"a reference to itself", p.start}
	}
	target := t.target(named)
	if t.places[target].unnumbered {
		p.unnumbered = true
		return nil
	}
	if p.letter == 'R' {
		t.join(now, target)
		return nil
	}
	value := t.held(target)
	if !t.isObject(value) {
		return &fault{"an object reference to something else", p.start}
	}
	p.object = t.objectOf(value)
	return nil
}

// join makes a place a member of the reference that target is or becomes.
func (t *tree) join(now, target int32) {
	t.places[now].cell = t.cellOf(target)
}

// cellOf is the reference that target is or becomes.
func (t *tree) cellOf(target int32) int32 {
	if t.places[target].cell == none {
		t.cells = append(t.cells, cell{value: target})
		t.places[target].cell = int32(len(t.cells) - 1)
		if t.isObject(target) {
			t.objectOf(target)
		}
	}
	return t.places[target].cell
}

func (t *tree) isObject(value int32) bool {
	p := &t.places[value]
	return !p.unnumbered && (p.object != none || p.letter == 'O' || p.letter == 'E' || p.letter == 'C')
}

// objectOf is the object that a value is or stands for.
func (t *tree) objectOf(value int32) int32 {
	if t.places[value].object == none {
		t.objects = append(t.objects, object{place: value})
		t.places[value].object = int32(len(t.objects) - 1)
	}
	return t.places[value].object
}

// held is the place whose value a place shows: a member of a reference shows the common one.
func (t *tree) held(at int32) int32 {
	if c := t.places[at].cell; c != none {
		return t.cells[c].value
	}
	return at
}

// body is the place that has the bytes: an r: stands for its object.
func (t *tree) body(value int32) int32 {
	if o := t.places[value].object; o != none {
		return t.objects[o].place
	}
	return value
}

// countMembers counts the places below top that hold each reference and object.
func (t *tree) countMembers(top int32) {
	for i := range t.cells {
		t.cells[i].live, t.cells[i].slot = 0, 0
	}
	for i := range t.objects {
		t.objects[i].live, t.objects[i].slot = 0, 0
	}
	open := []int32{top}
	for len(open) > 0 {
		value := open[len(open)-1]
		open = open[:len(open)-1]
		for _, at := range t.places[t.body(value)].kids {
			if c := t.places[at].cell; c != none {
				t.cells[c].live++
				if t.cells[c].live > 1 {
					continue
				}
				at = t.cells[c].value
			}
			if o := t.places[at].object; o != none {
				t.objects[o].live++
				if t.objects[o].live > 1 {
					continue
				}
			}
			if t.body(at) != top {
				open = append(open, at)
			}
		}
	}
}

// treeWriter writes one value of a tree as PHP would write it by itself.
type treeWriter struct {
	*tree
	out   []byte
	slots int
	// sure is the last slot whose number is known: that of the first custom object.
	sure   int
	frames []treeFrame
	refers bool
	// written has the values that took the slots, if custom objects name some.
	written []int32
}

type treeFrame struct {
	container int32
	next      int
}

// write returns the value at a place by itself, as serialize() would write it, and whether it holds references.
func (t *tree) write(value int32) (text string, refers bool, err error) {
	t.countMembers(value)
	w := &treeWriter{tree: t, out: make([]byte, 0, len(t.text)), sure: -1}
	if c := t.places[value].cell; c != none && t.cells[c].value == value {
		t.cells[c].slot = 1
	}
	if err := w.body(value); err != nil {
		return "", false, err
	}
	for len(w.frames) > 0 {
		inner := &w.frames[len(w.frames)-1]
		kids := t.places[inner.container].kids
		if inner.next == len(kids) {
			w.out = append(w.out, '}')
			w.frames = w.frames[:len(w.frames)-1]
			continue
		}
		at := kids[inner.next]
		inner.next++
		if key := t.places[at].key; t.places[at].listed {
			w.out = append(append(append(w.out, "i:"...), key.Text...), ';')
		} else {
			w.out = key.appendTo(w.out)
		}
		if err := w.place(at); err != nil {
			return "", false, err
		}
	}
	return string(w.out), w.refers, nil
}

func (w *treeWriter) refer(letter byte, number int) error {
	if w.sure >= 0 && number > w.sure {
		return errBehindCustom
	}
	w.refers = true
	w.out = append(strconv.AppendInt(append(w.out, letter, ':'), int64(number), 10), ';')
	return nil
}

// place writes what stands at a place: its value, or the number of the reference it is a member of.
func (w *treeWriter) place(at int32) error {
	c := w.places[at].cell
	if c == none {
		return w.body(at)
	}
	shared := &w.cells[c]
	if o := w.places[shared.value].object; o != none {
		if number := w.objects[o].slot; number != 0 && shared.live > 1 {
			return w.refer('R', number)
		}
		return w.body(shared.value)
	}
	if shared.slot != 0 {
		return w.refer('R', shared.slot)
	}
	shared.slot = w.slots + 1
	return w.body(shared.value)
}

func (w *treeWriter) body(value int32) error {
	if w.places[value].unnumbered {
		return errBehindCustom
	}
	w.slots++
	if w.pinned {
		w.written = append(w.written, value)
	}
	at := value
	if o := w.places[value].object; o != none {
		if number := w.objects[o].slot; number != 0 {
			return w.refer('r', number)
		}
		w.objects[o].slot = w.slots
		at = w.objects[o].place
	}
	p := &w.places[at]
	token := w.text[p.start:p.end]
	s := scan{text: token, at: 2}
	switch p.letter {
	case 'i':
		w.out = appendInt(w.out, clampedInt(token[2:len(token)-1]))
	case 'd':
		w.out = append(appendFloat(append(w.out, "d:"...), parseFloat(token[2:len(token)-1])), ';')
	case 's':
		text, _ := s.quoted()
		w.out = appendString(w.out, text)
	case 'S':
		text, _ := s.escaped()
		w.out = appendString(w.out, unescape(text))
	case 'E':
		name, _ := s.quoted()
		w.out = append(appendQuoted(append(w.out, "E:"...), name), ';')
	case 'C':
		if w.sure < 0 {
			w.sure = w.slots
		}
		for _, pin := range p.pins {
			if pin.target == none || pin.number > w.sure || pin.number > len(w.written) ||
				!w.isNamed(pin, w.written[pin.number-1]) {
				return errInsideCustom
			}
			w.refers = true
		}
		class, _ := s.quoted()
		s.at = 2
		payload, _ := s.custom()
		w.out = append(appendQuoted(append(w.out, "C:"...), class), ':')
		w.out = append(strconv.AppendInt(w.out, int64(len(payload)), 10), ":{"...)
		w.out = append(append(w.out, payload...), '}')
	case 'a':
		w.out = append(w.out, "a:"...)
		w.open(at)
	case 'O':
		class, _ := s.quoted()
		if strings.EqualFold(class, stdClass) {
			class = stdClass
		}
		w.out = append(appendQuoted(append(w.out, "O:"...), class), ':')
		w.open(at)
	default:
		w.out = append(w.out, token...)
	}
	return nil
}

func (w *treeWriter) open(at int32) {
	w.out = append(strconv.AppendInt(w.out, int64(len(w.places[at].kids)), 10), ":{"...)
	w.frames = append(w.frames, treeFrame{at, 0})
}
