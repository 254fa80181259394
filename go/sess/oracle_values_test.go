package sess

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"reflect"
	"strconv"
	"testing"
	"unicode/utf8"
)

// What PHP wrote and read, in the data sets of tests/oracle; SPEC.md there has the meaning of every member.

const oracleData = "../../tests/oracle/data/"

var formats = []string{"php", "php_binary", "php_serialize"}

// eachLine checks every line of a data set, and that there are as many as there should be.
func eachLine[T any](t testing.TB, file string, want int, check func(line T) error) {
	f, err := os.Open(oracleData + file)
	must(t, err)
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 64<<20)
	n := 0
	for ; lines.Scan(); n++ {
		var line T
		must(t, json.Unmarshal(lines.Bytes(), &line))
		if err := check(line); err != nil {
			t.Errorf("%s line %d: %.600v", file, n+1, err)
		}
	}
	must(t, lines.Err())
	if n != want {
		t.Errorf("%s has %d lines, not %d", file, n, want)
	}
}

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

// goValue is a typed value as a Go program would write it; false for what only PHP can make.
func goValue(t typed) (any, bool) {
	switch t["t"] {
	case "null":
		return nil, true
	case "bool":
		return t["v"].(bool), true
	case "int":
		n, err := strconv.ParseInt(t["v"].(string), 10, 64)
		return n, err == nil
	case "float":
		bits, err := strconv.ParseUint(t["hex"].(string), 16, 64)
		return math.Float64frombits(bits), err == nil
	case "string":
		return bytesOf(t["v"]), true
	case "array":
		a := Array{}
		for _, pair := range t["v"].([]any) {
			key, _ := goValue(pair.([]any)[0].(typed))
			value, ok := goValue(pair.([]any)[1].(typed))
			if !ok {
				return nil, false
			}
			a = append(a, key, value)
		}
		return a, true
	}
	return nil, false
}

type oracleValue struct {
	Value      typed
	Serialize  []byte
	Session    map[string][]byte
	AsTable    bool   `json:"as_table"`
	NeedsClass string `json:"needs_class"`
	OneWay     any    `json:"one_way"`
}

// Every value both ways: the same value and the same bytes, by itself.
func TestOracleValues(t *testing.T) {
	written := 0
	eachLine(t, "values.jsonl", 2162, func(line oracleValue) error {
		v, err := Serialized(line.Serialize)
		if err != nil {
			return err
		}
		if got := v.Serialize(); !bytes.Equal(got, line.Serialize) {
			return fmt.Errorf("written again\n%s\n%s", line.Serialize, got)
		}
		if line.OneWay == nil && line.NeedsClass == "" {
			got, err := typedText(string(line.Serialize))
			if err != nil {
				return err
			}
			if !same(line.Value, got) {
				return fmt.Errorf("read\n%s\n%s", show(line.Value), show(got))
			}
		}
		if v.whole == nil {
			if got := typedValue(v); !same(line.Value, got) {
				return fmt.Errorf("looked at\n%s\n%s", show(line.Value), show(got))
			}
		}
		if given, ok := goValue(line.Value); ok {
			written++
			made, err := ValueOf(given)
			if err != nil {
				return err
			}
			if !bytes.Equal(made.Serialize(), line.Serialize) {
				return fmt.Errorf("encoded\n%s\n%s", line.Serialize, made.Serialize())
			}
			var back Array
			if _, isArray := given.(Array); isArray {
				if back, err = As[Array](v); err != nil || !sameGo(given, back) {
					return fmt.Errorf("decoded %v: %v", back, err)
				}
			} else if back, err := As[any](v); err != nil || !sameGo(given, back) {
				return fmt.Errorf("decoded %v: %v", back, err)
			}
		}
		return nil
	})
	if written < 1000 {
		t.Errorf("only %d values were made of Go values", written)
	}
}

// sameGo is reflect.DeepEqual where NaN is NaN.
func sameGo(a, b any) bool {
	if x, ok := a.(float64); ok {
		y, ok := b.(float64)
		return ok && (math.Float64bits(x) == math.Float64bits(y) || math.IsNaN(x) && math.IsNaN(y))
	}
	x, ok := a.(Array)
	y, also := b.(Array)
	if !ok || !also {
		return reflect.DeepEqual(a, b)
	}
	if len(x) != len(y) {
		return false
	}
	for i := range x {
		if !sameGo(x[i], y[i]) {
			return false
		}
	}
	return true
}

type oracleVerdict struct {
	OK        bool
	Value     typed
	Table     typed
	Serialize []byte
	Encode    []byte
	Consumed  int
	Quirk     any `json:"php_quirk"`
}

type oracleMalformed struct {
	Bytes       []byte
	Unserialize oracleVerdict
	Session     map[string]oracleVerdict
}

// keepsMore tells whether a value holds what PHP without the classes refuses (enums) or drops (payloads of C:).
func keepsMore(text string) (enum, custom bool) {
	s := scan{text: text}
	_ = s.value()
	return s.notes&noteEnum != 0, s.notes&noteCustom != 0
}

// PHP's verdict on every payload, and of what it accepts the value, the bytes it writes and how many it takes.
func TestOracleMalformed(t *testing.T) {
	accepted := 0
	eachLine(t, "malformed.jsonl", 720, func(line oracleMalformed) error {
		want := line.Unserialize
		text := string(line.Bytes)
		s := scan{text: text, limit: nestingLimit}
		var v Value
		err := s.value()
		if err == nil {
			v, err = Serialized(line.Bytes[:s.at])
		}
		if want.Quirk != nil {
			return nil
		}
		enum, custom := keepsMore(text)
		if enum && err == nil {
			return nil
		}
		if (err == nil) != want.OK {
			return fmt.Errorf("%q: accepted by PHP: %t, and we say %v", text, want.OK, err)
		}
		if err != nil {
			return nil
		}
		accepted++
		if s.at != want.Consumed {
			return fmt.Errorf("%q: %d bytes taken, not %d", text, s.at, want.Consumed)
		}
		if _, err := Serialized(line.Bytes[:s.at-1]); err == nil {
			return fmt.Errorf("%q: accepted without its last byte", text[:s.at])
		}
		if custom {
			return nil
		}
		if got := v.Serialize(); !bytes.Equal(got, want.Serialize) {
			return fmt.Errorf("written\n%s\n%s", want.Serialize, got)
		}
		if want.Value == nil {
			return nil
		}
		got, err := typedText(text[:s.at])
		if err != nil || !same(want.Value, got) {
			return fmt.Errorf("read\n%s\n%s: %v", show(want.Value), show(got), err)
		}
		if v.whole == nil {
			if got := typedValue(v); !same(want.Value, got) {
				return fmt.Errorf("looked at\n%s\n%s", show(want.Value), show(got))
			}
		}
		return nil
	})
	if accepted < 100 {
		t.Errorf("only %d payloads were accepted", accepted)
	}
}

func oracleSession(t *testing.T, format string) *Session {
	m := newManager(t, Memory(), Set("sess.profile", "php82"), Set("session.serialize_handler", format),
		Set("session.use_cookies", "0"), Set("session.gc_probability", "0"))
	s, err := m.Open(context.Background(), "")
	must(t, err)
	t.Cleanup(s.Release)
	return s
}

// Every value through a session of each format: what Set puts in, Encode writes as PHP did, and Decode brings back.
func TestOracleValuesInSessions(t *testing.T) {
	for _, format := range formats {
		s := oracleSession(t, format)
		eachLine(t, "values.jsonl", 2162, func(line oracleValue) error {
			want := line.Session[format]
			if line.AsTable || line.OneWay != nil {
				return nil
			}
			v, err := Serialized(line.Serialize)
			if err != nil {
				return err
			}
			must(t, s.Clear())
			if err := s.Set("v", v); err != nil {
				return err
			}
			got, err := s.Encode()
			if err != nil || !bytes.Equal(got, want) {
				return fmt.Errorf("%s: encoded\n%s\n%s: %v", format, want, got, err)
			}
			must(t, s.Clear())
			if line.NeedsClass != "" {
				return nil
			}
			if err := s.Decode(want); err != nil {
				return err
			}
			if got := s.Value("v").Serialize(); !bytes.Equal(got, line.Serialize) {
				return fmt.Errorf("%s: decoded\n%s\n%s", format, line.Serialize, got)
			}
			for key, value := range s.All() {
				if key != "v" || !bytes.Equal(value.Serialize(), line.Serialize) {
					return fmt.Errorf("%s: among all: %s is %s", format, key, value.Serialize())
				}
			}
			return nil
		})
	}
}

// PHP's verdict on every payload in each session format, and the data that it has then.
func TestOracleMalformedInSessions(t *testing.T) {
	for _, format := range formats {
		s := oracleSession(t, format)
		eachLine(t, "malformed.jsonl", 720, func(line oracleMalformed) error {
			want := line.Session[format]
			if s.Status() != Active {
				must(t, s.Start(context.Background()))
			}
			must(t, s.Clear())
			err := s.Decode(line.Bytes)
			data, _ := s.all()
			enum, custom := keepsMore(data.text)
			if want.Quirk != nil || format == "php_serialize" && line.Unserialize.Quirk != nil || enum && !want.OK {
				return nil
			}
			// What is no array is no table here.
			ok := want.OK && (want.Table == nil || want.Table["t"] == "array")
			if (err == nil) != ok {
				return fmt.Errorf("%s: %q: accepted by PHP: %t, and we say %v", format, line.Bytes, ok, err)
			}
			if err != nil {
				if !errors.Is(err, ErrData) || data.Len() != 0 {
					return fmt.Errorf("%s: refused with %v, and %d elements stay", format, err, data.Len())
				}
				return nil
			}
			if custom {
				return nil
			}
			if err := sameTable(format, want.Table, data); err != nil {
				return err
			}
			if again, err := s.Encode(); want.Encode != nil && (err != nil || !bytes.Equal(again, want.Encode)) {
				return fmt.Errorf("%s: encoded again\n%s\n%s: %v", format, want.Encode, again, err)
			}
			return nil
		})
	}
}

// sameTable compares data without references with what PHP had.
func sameTable(format string, want typed, data Value) error {
	if want == nil || data.whole != nil {
		return nil
	}
	got := typedValue(data)
	if format != "php_serialize" {
		for _, pair := range got["v"].([]any) {
			// Records hold texts as keys, also "7", which $_SESSION[7] does not reach.
			pair.([]any)[0].(typed)["t"] = "string"
		}
	}
	if !same(want, got) {
		return fmt.Errorf("%s: decoded\n%s\n%s", format, show(want), show(got))
	}
	return nil
}
