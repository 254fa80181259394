package sess

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"unicode/utf8"
)

// The JSON form of values in the data sets.

// typed is a value in the JSON form of the oracle.
type typed = map[string]any

func jsonBytes(b string) any {
	if utf8.ValidString(b) {
		text := true
		for _, c := range []byte(b) {
			text = text && (c >= 0x20 || c == '\t' || c == '\n' || c == '\r') && c != 0x7f
		}
		if text {
			return b
		}
	}
	return map[string]any{"b64": base64.StdEncoding.EncodeToString([]byte(b))}
}

func bytesOf(v any) string {
	if text, ok := v.(string); ok {
		return text
	}
	b, _ := base64.StdEncoding.DecodeString(v.(map[string]any)["b64"].(string))
	return string(b)
}

func typedKey(k Key) typed {
	if k.IsInt {
		return typed{"t": "int", "v": k.String()}
	}
	return typed{"t": "string", "v": jsonBytes(k.Text)}
}

// typedValue shows a value as it is reached by the methods of Value. It holds no references.
func typedValue(v Value) typed {
	members := func() []any {
		pairs := []any{}
		for key, value := range v.All() {
			pairs = append(pairs, []any{typedKey(key), typedValue(value)})
		}
		return pairs
	}
	get := func(err error) {
		if err != nil {
			panic(err)
		}
	}
	name := v.Class()
	switch v.Kind() {
	case Null:
		return typed{"t": "null"}
	case Bool:
		b, err := As[bool](v)
		get(err)
		return typed{"t": "bool", "v": b}
	case Int:
		n, err := As[int64](v)
		get(err)
		return typed{"t": "int", "v": strconv.FormatInt(n, 10)}
	case Float:
		f, err := As[float64](v)
		get(err)
		return typedFloat(f)
	case String:
		s, err := As[string](v)
		get(err)
		return typed{"t": "string", "v": jsonBytes(s)}
	case List, Map:
		return typed{"t": "array", "v": members()}
	case Object:
		return typed{"t": "object", "class": jsonBytes(name), "props": members()}
	case Opaque:
		return typedOpaque(v.text)
	}
	return typed{"t": "absent"}
}

func typedFloat(f float64) typed {
	bits := math.Float64bits(f)
	if math.IsNaN(f) {
		bits = 0x7ff8000000000000
	}
	return typed{"t": "float", "hex": fmt.Sprintf("%016x", bits)}
}

func typedOpaque(token string) typed {
	name, _ := quotedAt(token, 2)
	if token[0] == 'E' {
		class, of, _ := enumCase(name)
		return typed{"t": "enum", "class": jsonBytes(class), "case": jsonBytes(of)}
	}
	s := scan{text: token, at: 2}
	payload, _ := s.custom()
	return typed{"t": "custom", "class": jsonBytes(name), "payload": jsonBytes(payload)}
}

// typedTree shows a value with its references, numbered in order of appearance.
type typedTree struct {
	*tree
	cells, objects map[int32]int
	next           int
}

func typedText(text string) (typed, error) {
	parsed, err := parseTree(text)
	if err != nil {
		return nil, err
	}
	parsed.countMembers(0)
	tt := &typedTree{tree: parsed, cells: map[int32]int{}, objects: map[int32]int{}}
	return tt.value(0), nil
}

func (t *typedTree) place(at int32) typed {
	c := t.places[at].cell
	if c == none || t.tree.cells[c].live < 2 {
		return t.value(t.held(at))
	}
	if n, known := t.cells[c]; known {
		return typed{"t": "ref", "n": float64(n)}
	}
	t.next++
	t.cells[c] = t.next
	return typed{"t": "ref", "n": float64(t.cells[c]), "v": t.value(t.tree.cells[c].value)}
}

func (t *typedTree) value(at int32) typed {
	out := typed{}
	if o := t.places[at].object; o != none {
		if n, known := t.objects[o]; known {
			return typed{"t": "sameobject", "n": float64(n)}
		}
		at = t.tree.objects[o].place
		if t.tree.objects[o].live > 1 || t.tree.objects[o].place == 0 && t.tree.objects[o].live > 0 {
			t.next++
			t.objects[o] = t.next
			out["n"] = float64(t.next)
		}
	}
	p := &t.places[at]
	pairs := []any{}
	switch p.letter {
	case 'a':
		for _, kid := range p.kids {
			pairs = append(pairs, []any{typedKey(t.places[kid].key), t.place(kid)})
		}
		out["t"], out["v"] = "array", pairs
		return out
	case 'O':
		name, _ := quotedAt(t.text, p.start+2)
		if len(name) == len(stdClass) && bytes.EqualFold([]byte(name), []byte(stdClass)) {
			name = stdClass
		}
		for _, kid := range p.kids {
			pairs = append(pairs, []any{typedKey(t.places[kid].key), t.place(kid)})
		}
		out["t"], out["class"], out["props"] = "object", jsonBytes(name), pairs
		return out
	case 'E', 'C':
		return typedOpaque(t.text[p.start:p.end])
	}
	v, err := newValue(t.text[p.start:p.end], 0)
	if err != nil {
		panic(err)
	}
	return typedValue(v)
}

// same tells whether a value is what the oracle has; the text of floats is for people.
func same(want, got any) bool {
	w, isMap := want.(map[string]any)
	g, isAlso := got.(map[string]any)
	if !isMap || !isAlso {
		a, isList := want.([]any)
		b, isAlso := got.([]any)
		if !isList || !isAlso {
			return reflect.DeepEqual(want, got)
		}
		if len(a) != len(b) {
			return false
		}
		for i := range a {
			if !same(a[i], b[i]) {
				return false
			}
		}
		return true
	}
	if w["t"] == "float" {
		return g["t"] == "float" && w["hex"] == g["hex"]
	}
	if len(w) != len(g) {
		return false
	}
	for k := range w {
		if !same(w[k], g[k]) {
			return false
		}
	}
	return true
}

func show(v any) string {
	b, _ := json.Marshal(v)
	return string(b)
}
