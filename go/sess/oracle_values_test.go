package sess

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"testing"
)

// What PHP wrote and read, in the data sets of tests/oracle; SPEC.md there has the meaning of every member.

const oracleData = "../../tests/oracle/data"

var formats = []string{"php", "php_binary", "php_serialize"}

// notOurOwn: only what SESS_ORACLE names is run.
var notOurOwn = os.Getenv("SESS_ORACLE_ALONE") != ""

// oracleSets are the directories with data: ours, and the one that SESS_ORACLE names.
func oracleSets() (dirs []string) {
	if !notOurOwn {
		dirs = append(dirs, oracleData)
	}
	if other := os.Getenv("SESS_ORACLE"); other != "" {
		if !filepath.IsAbs(other) {
			// As for the Rust replayer, which runs there.
			other = filepath.Join("../..", other)
		}
		dirs = append(dirs, other)
	}
	return dirs
}

// eachLine checks every line of a kind, values or malformed, and that we have as many as there should be.
func eachLine[T any](t testing.TB, kind string, want int, check func(line T) error) {
	t.Helper()
	for _, dir := range oracleSets() {
		files, err := filepath.Glob(filepath.Join(dir, kind+"*.jsonl"))
		must(t, err)
		for _, file := range files {
			n, failed := eachLineOf(t, file, check)
			t.Logf("%s: %d run, %d failed", kind, n, failed)
			if dir == oracleData && n != want {
				t.Errorf("%s has %d lines, not %d", file, n, want)
			}
		}
		if dir == oracleData && len(files) != 1 {
			t.Errorf("%d files of %s", len(files), kind)
		}
	}
}

func eachLineOf[T any](t testing.TB, file string, check func(line T) error) (n, failed int) {
	t.Helper()
	f, err := os.Open(file)
	must(t, err)
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 64<<20)
	for ; lines.Scan(); n++ {
		var line T
		must(t, json.Unmarshal(lines.Bytes(), &line))
		if err := check(line); err != nil {
			failed++
			t.Errorf("%s line %d: %.600v", file, n+1, err)
		}
	}
	must(t, lines.Err())
	return n, failed
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
	eachLine(t, "values", 2162, func(line oracleValue) error {
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
	if written < 1000 && !notOurOwn {
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

// hasListed tells whether names of properties are integers, which PHP without the classes makes text of.
func hasListed(text string) bool {
	t, err := parseTree(text)
	return err == nil && slices.ContainsFunc(t.places, func(p place) bool { return p.listed })
}

// PHP's verdict on every payload, and of what it accepts the value, the bytes it writes and how many it takes.
func TestOracleMalformed(t *testing.T) {
	accepted := 0
	eachLine(t, "malformed", 720, func(line oracleMalformed) error {
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
		if custom || hasListed(text[:s.at]) {
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
	if accepted < 100 && !notOurOwn {
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
		eachLine(t, "values", 2162, func(line oracleValue) error {
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
		eachLine(t, "malformed", 720, func(line oracleMalformed) error {
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
