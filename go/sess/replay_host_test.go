package sess

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// One request of a scenario of tests/oracle: a new Manager over the nine callbacks in Go, the steps, the end. What
// happened comes back in the form of the goldens.

func listOf(v any) []any {
	list, _ := v.([]any)
	return list
}

func objectOf(v any) typed {
	o, _ := v.(typed)
	return o
}

func textOf(v any) string {
	text, _ := v.(string)
	return text
}

// record is what the store has under an id.
type record struct {
	data string
	age  int
}

// storage is what lives through all requests of a scenario.
type storage struct {
	records map[string]record
	counts  map[string]int
	created int
}

func (s *storage) shown() []any {
	shown := []any{}
	for _, id := range slices.Sorted(maps.Keys(s.records)) {
		r := s.records[id]
		shown = append(shown, typed{"id": jsonBytes(id), "data": jsonBytes(r.data), "age": float64(r.age)})
	}
	return shown
}

// block is what the running step called and told.
type block struct {
	calls []any
	diags []any
}

// replayHost runs a request.
type replayHost struct {
	handler typed
	storage *storage
	m       *Manager
	s       *Session
	blocks  []*block
	failed  string // the last callback that failed as scripted
	sent    bool   // whether the response has begun
}

// The classes of diagnostics that are compared.
var replayClasses = strings.Fields(`ALREADY_ACTIVE NOT_ACTIVE LOCKED_WHILE_ACTIVE HEADERS_SENT COOKIES_DISABLED
	HEADER_REFUSED ID_MALFORMED PREFIX_MALFORMED NAME_MALFORMED NUL_BYTE ID_CREATE_FAILED OPEN_FAILED READ_FAILED
	WRITE_FAILED DESTROY_FAILED SAVE_PATH_MALFORMED CALLBACK_MISSING CALLBACK_BAD_RETURN CALLBACK_RAISED
	CALLBACK_RECURSION STORE_NOT_OPEN DECODE_FAILED NO_DATA KEY_NUMERIC_SKIPPED KEY_INVALID VALUE_UNSERIALIZABLE
	INCOMPLETE_OBJECT SETTING_INVALID OPTION_INVALID`)

func (h *replayHost) diag(class string) {
	b := h.blocks[len(h.blocks)-1]
	if slices.Contains(replayClasses, class) {
		b.diags = append(b.diags, typed{"class": class})
	}
}

// Enabled, Handle, WithAttrs and WithGroup are slog.Handler's: the events are told to a logger.
func (h *replayHost) Enabled(context.Context, slog.Level) bool { return true }
func (h *replayHost) WithAttrs([]slog.Attr) slog.Handler       { return h }
func (h *replayHost) WithGroup(string) slog.Handler            { return h }
func (h *replayHost) Handle(_ context.Context, r slog.Record) error {
	r.Attrs(func(a slog.Attr) bool {
		if a.Key == "event" {
			h.diag(a.Value.String())
		}
		return true
	})
	return nil
}

// within collects what f calls and tells.
func (h *replayHost) within(into typed, f func()) {
	b := &block{calls: []any{}, diags: []any{}}
	h.blocks = append(h.blocks, b)
	f()
	h.blocks = h.blocks[:len(h.blocks)-1]
	into["calls"], into["diags"] = b.calls, b.diags
}

var (
	errScripted = errors.New("scripted")
	errRaised   = errors.New("scripted exception")
)

// answer is what a callback gives back.
type answer struct {
	err   error
	data  string
	count int
	known bool
}

// called notes a call and answers as the script says, else as usual has it.
func (h *replayHost) called(name string, args []any, usual func() answer) answer {
	h.storage.counts[name]++
	call := typed{"fn": name, "args": args}
	b := h.blocks[len(h.blocks)-1]
	b.calls = append(b.calls, call)
	for _, r := range listOf(h.handler["script"]) {
		rule := objectOf(r)
		if rule["on"] != name || rule["nth"] != "every" && rule["nth"] != float64(h.storage.counts[name]) {
			continue
		}
		if steps := listOf(rule["steps"]); steps != nil {
			nested := []any{}
			for _, step := range steps {
				done, _ := h.step(objectOf(step))
				nested = append(nested, done)
			}
			call["nested"] = nested
		}
		if rule["raise"] != nil {
			panic(errRaised)
		}
		given, scripted := rule["return"]
		if !scripted {
			return usual()
		}
		if rule["effect"] == true {
			usual()
		}
		a := scriptedAnswer(name, objectOf(given))
		if a.err != nil {
			h.failed = name
		}
		return a
	}
	return usual()
}

func scriptedAnswer(name string, given typed) answer {
	yes := given["t"] == "bool" && given["v"] == true
	number, err := strconv.Atoi(textOf(given["v"]))
	isNumber := given["t"] == "int" && err == nil
	switch {
	case (name == "read" || name == "create_sid") && given["t"] == "string":
		return answer{data: bytesOf(given["v"])}
	case name == "read" || name == "create_sid":
	case name == "gc" && isNumber && number >= 0:
		return answer{count: number}
	case name == "gc" && yes:
		return answer{count: 1}
	case name == "gc":
	case name == "validate_sid" && given["t"] == "bool":
		return answer{known: yes}
	case yes, isNumber && number == 0:
		return answer{known: true}
	}
	return answer{err: errScripted}
}

// callbacks are the nine, without those that the scenario leaves out.
func (h *replayHost) callbacks() (Handler, error) {
	records := h.storage.records
	fine := func() answer { return answer{} }
	id := func(id string) []any { return []any{jsonBytes(id)} }
	f := Funcs{
		Open: func(_ context.Context, path, name string) error {
			return h.called("open", []any{jsonBytes(path), jsonBytes(name)}, fine).err
		},
		Close: func(context.Context) error { return h.called("close", []any{}, fine).err },
		Read: func(_ context.Context, i string) ([]byte, error) {
			a := h.called("read", id(i), func() answer { return answer{data: records[i].data} })
			return []byte(a.data), a.err
		},
		Write: func(_ context.Context, i string, data []byte) error {
			text := string(data)
			return h.called("write", []any{jsonBytes(i), jsonBytes(text)}, func() answer {
				records[i] = record{data: text}
				return answer{}
			}).err
		},
		Destroy: func(_ context.Context, i string) error {
			return h.called("destroy", id(i), func() answer {
				delete(records, i)
				return answer{}
			}).err
		},
		GC: func(_ context.Context, maxLifetime time.Duration) (int, error) {
			seconds := int(maxLifetime / time.Second)
			a := h.called("gc", []any{float64(seconds)}, func() answer {
				before := len(records)
				maps.DeleteFunc(records, func(_ string, r record) bool { return r.age > seconds })
				return answer{count: before - len(records)}
			})
			return a.count, a.err
		},
		CreateID: func(context.Context) (string, error) {
			a := h.called("create_sid", []any{}, func() answer {
				ids := listOf(h.handler["ids"])
				h.storage.created++
				if h.storage.created <= len(ids) {
					return answer{data: bytesOf(ids[h.storage.created-1])}
				}
				return answer{data: fmt.Sprintf("gen-%d", h.storage.created-len(ids))}
			})
			return a.data, a.err
		},
		ValidateID: func(_ context.Context, i string) (bool, error) {
			a := h.called("validate_sid", id(i), func() answer {
				_, known := records[i]
				return answer{known: known}
			})
			return a.known, a.err
		},
		UpdateTimestamp: func(_ context.Context, i string, data []byte) error {
			return h.called("update_timestamp", []any{jsonBytes(i), jsonBytes(string(data))}, func() answer {
				if r, ok := records[i]; ok {
					records[i] = record{data: r.data}
				}
				return answer{}
			}).err
		},
	}
	for _, name := range listOf(h.handler["absent"]) {
		switch name {
		case "open":
			f.Open = nil
		case "close":
			f.Close = nil
		case "read":
			f.Read = nil
		case "write":
			f.Write = nil
		case "destroy":
			f.Destroy = nil
		case "gc":
			f.GC = nil
		case "create_sid":
			f.CreateID = nil
		case "validate_sid":
			f.ValidateID = nil
		case "update_timestamp":
			f.UpdateTimestamp = nil
		}
	}
	return f.Handler()
}

// settingText is a setting as php.ini has it.
func settingText(v any) string {
	switch v := v.(type) {
	case bool:
		if v {
			return "1"
		}
		return "0"
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case typed:
		if inner, isTyped := v["v"]; isTyped {
			return settingText(inner)
		}
	}
	return bytesOf(v)
}

// run runs a request.
func (h *replayHost) run(settings typed, cookie any, steps []any) (trace typed, err error) {
	trace = typed{"steps": []any{}, "headers": []any{}}
	begin, end := typed{}, typed{}
	trace["begin"] = begin
	h.within(begin, func() {
		opts := []Option{Logger(slog.New(h)), Set("sess.profile", "php82")}
		for _, name := range slices.Sorted(maps.Keys(settings)) {
			o := Set("session."+name, settingText(settings[name]))
			if m, err := New(nil, quiet, Set("sess.profile", "php82"), o); err == nil {
				_ = m.Close()
				opts = append(opts, o)
			} else if name == "name" {
				h.diag("NAME_MALFORMED")
			} else {
				h.diag("SETTING_INVALID")
			}
		}
		handler, missing := h.callbacks()
		if missing != nil {
			h.diag("CALLBACK_MISSING")
		}
		if h.m, err = New(handler, opts...); err != nil {
			return
		}
		h.s = h.m.newSession()
		if cookie != nil {
			h.s.cookies = []string{bytesOf(cookie)}
		}
		// PHP has a table of data from the beginning, which here comes with the session of C's.
		_, err = h.s.acquire()
	})
	if h.m == nil || err != nil {
		return trace, err
	}
	begin["state"] = h.state()
	for _, step := range steps {
		done, exit := h.step(objectOf(step))
		trace["steps"] = append(listOf(trace["steps"]), done)
		if exit {
			break
		}
	}
	trace["end"] = end
	h.within(end, func() {
		_ = h.s.Close()
		headers := []any{}
		for _, header := range h.s.h.Load().headers() {
			headers = append(headers, []any{header.Name, jsonBytes(header.Value)})
		}
		trace["headers"] = headers
		h.s.Release()
	})
	return trace, h.m.Close()
}

func (h *replayHost) state() typed {
	status := "none"
	if h.s.Status() == Active {
		status = "active"
	}
	table := typed{"t": "array", "v": []any{}}
	if data, err := h.s.all(); err == nil && data.Kind() != Absent {
		if table, err = typedText(string(data.Serialize())); err != nil {
			table = typed{"t": "error", "v": err.Error()}
		}
	}
	return typed{"status": status, "id": jsonBytes(h.s.ID()), "data": table}
}

// isOn tells whether a directive of the Manager's is on.
func (h *replayHost) isOn(name string) bool {
	text, _ := h.m.Directive(name)
	return text == "1"
}

// step runs a step, and tells whether the request ends with it.
func (h *replayHost) step(step typed) (done typed, exit bool) {
	done = typed{"op": step["op"]}
	h.within(done, func() {
		if step["op"] == "exit" {
			exit = true
			return
		}
		result, err := h.op(step)
		switch {
		case err != nil:
			// An exception or false: which of them Go does not tell.
			done["failed"] = err.Error()
			if own := h.classOf(textOf(step["op"]), err); own != "" {
				h.diag(own)
			}
		default:
			done["result"] = result
		}
	})
	done["state"] = h.state()
	return done, exit
}

// classOf is the diagnostic of PHP's for what this package refuses by itself, without asking C.
func (h *replayHost) classOf(op string, err error) string {
	switch {
	case errors.Is(err, ErrActive):
		return "LOCKED_WHILE_ACTIVE"
	case errors.Is(err, ErrNotActive) && slices.Contains([]string{"destroy", "regenerate", "decode"}, op):
		return "NOT_ACTIVE"
	}
	return ""
}

func typedBool(b bool) typed     { return typed{"t": "bool", "v": b} }
func typedString(s string) typed { return typed{"t": "string", "v": jsonBytes(s)} }

var typedNull = typed{"t": "null"}
