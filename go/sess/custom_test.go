package sess

import (
	"errors"
	"strings"
	"testing"
)

// boxed is what PHP leaves where a class serialized itself the old way: slot 3 is the owner.
const boxed = `trail|a:0:{}guest|O:1:"U":0:{}eve|O:1:"U":0:{}box|C:3:"Box":22:{a:1:{s:5:"owner";r:3;}}`

func withPayload(t *testing.T, payload string, opts ...Option) *Session {
	t.Helper()
	m := newManager(t, Memory(), opts...)
	s, err := m.Open(t.Context(), "")
	must(t, err)
	t.Cleanup(func() { s.Abort() })
	must(t, s.Decode([]byte(payload)))
	return s
}

// What a custom object names keeps its number, or the edit is refused and nothing has changed.
func TestReferencesInsideCustomObjects(t *testing.T) {
	s := withPayload(t, boxed)
	for name, edit := range map[string]func() error{
		"append":    func() error { return s.Set("trail", []string{"FrontPage"}) },
		"remove":    func() error { return s.Unset("trail") },
		"the owner": func() error { return s.Unset("eve") },
		"overwrite": func() error { return s.Set("eve", 5) },
	} {
		if err := edit(); !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if got, err := s.Encode(); err != nil || string(got) != boxed {
		t.Errorf("%s %v", got, err)
	}
	must(t, s.Set("late", 1))
	must(t, s.Set("trail", 1))
	must(t, s.Unset("box"))
	must(t, s.Unset("eve"))
	if got, err := s.Encode(); err != nil || string(got) != `trail|i:1;guest|O:1:"U":0:{}late|i:1;` {
		t.Errorf("%s %v", got, err)
	}
}

// All that can be had is had, one value at a time.
func TestAllBesideReferencesInsideCustomObjects(t *testing.T) {
	s := withPayload(t, `n|i:7;`+boxed+`l|a:2:{i:0;i:5;i:1;i:6;}`)
	var keys []string
	for key, value := range s.All() {
		if value.Serialize() == nil {
			t.Errorf("%s cannot be had", key)
		}
		keys = append(keys, key)
	}
	if got := strings.Join(keys, " "); got != "n trail guest eve l" {
		t.Errorf("%s", got)
	}
	var all struct {
		N int   `sess:"n"`
		L []int `sess:"l"`
	}
	if err := s.Unmarshal(&all); err != nil || all.N != 7 || len(all.L) != 2 {
		t.Errorf("%+v %v", all, err)
	}
	if v := s.Value("box"); v.Kind() != Absent {
		t.Errorf("the object by itself: %s", v.Serialize())
	}
}

// Values carry such an object as long as its numbers are theirs.
func TestValuesWithReferencesInsideCustomObjects(t *testing.T) {
	const whole = `a:2:{i:0;O:1:"U":0:{}i:1;C:1:"S":4:{r:2;}}`
	v, err := Serialized([]byte(whole))
	must(t, err)
	if got := v.Serialize(); string(got) != whole {
		t.Errorf("whole: %s", got)
	}
	if got := v.Index(0).Serialize(); string(got) != `O:1:"U":0:{}` {
		t.Errorf("beside it: %s", got)
	}
	if got := v.Index(1).Serialize(); got != nil {
		t.Errorf("by itself: %s", got)
	}
	if _, err := ValueOf([]Value{v}); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("inside another: %v", err)
	}
	if same, err := ValueOf(v); err != nil || string(same.Serialize()) != whole {
		t.Errorf("as it is: %s %v", same.Serialize(), err)
	}
	// What names only itself or nothing is in nobody's way.
	for _, text := range []string{`C:1:"S":4:{data}`, `C:1:"S":6:{i:007;}`, `C:1:"S":5:{R: r:}`} {
		v, err := Serialized([]byte(text))
		must(t, err)
		if got, err := ValueOf([]Value{v, v}); err != nil || string(got.Index(1).Serialize()) != text {
			t.Errorf("%s: %s %v", text, got.Serialize(), err)
		}
	}
	// Behind another custom object nobody knows what it names.
	if _, err := Serialized([]byte(`a:2:{i:0;C:1:"S":0:{}i:1;C:1:"S":5:{r:12;}}`)); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("behind another: %v", err)
	}
}

// Names of properties that a class makes of a list stay integers, and are found as text.
func TestPropertiesOfLists(t *testing.T) {
	const list = `O:11:"ArrayObject":4:{i:0;i:0;i:1;a:1:{i:0;s:1:"x";}i:2;a:0:{}i:3;N;}`
	for _, text := range []string{list, `a:2:{i:0;` + list + `i:1;r:2;}`} {
		v, err := Serialized([]byte(text))
		must(t, err)
		if got := v.Serialize(); string(got) != text {
			t.Errorf("%s", got)
		}
		object := v
		if v.Kind() != Object {
			object = v.Index(0)
		}
		if got := object.Index(1).Index(0).Serialize(); string(got) != `s:1:"x";` {
			t.Errorf("by number: %s", got)
		}
		if got := object.Key("1").Len(); got != 1 {
			t.Errorf("by name: %d", got)
		}
		for key := range object.All() {
			if key.IsInt {
				t.Errorf("the property %s is a number", key)
			}
		}
	}
	for text, want := range map[string]string{
		`O:8:"stdClass":1:{i:0;N;}`:             `O:8:"stdClass":1:{s:1:"0";N;}`,
		`O:1:"A":2:{i:0;N;s:1:"0";i:1;}`:        `O:1:"A":1:{s:1:"0";i:1;}`,
		`O:1:"A":2:{i:07;N;i:-1;N;}`:            `O:1:"A":2:{i:7;N;i:-1;N;}`,
		`a:2:{i:0;O:1:"A":1:{i:05;N;}i:1;r:2;}`: `a:2:{i:0;O:1:"A":1:{i:5;N;}i:1;r:2;}`,
	} {
		v, err := Serialized([]byte(text))
		must(t, err)
		if got := v.Serialize(); string(got) != want {
			t.Errorf("%s: %s", text, got)
		}
	}
	s := withPayload(t, "o|"+list, Set("sess.profile", "php82"))
	if got, err := s.Encode(); err != nil || string(got) != "o|"+list {
		t.Errorf("%s %v", got, err)
	}
}
