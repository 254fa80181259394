package sess

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// The steps of a scenario as calls of this package.

func (h *replayHost) op(step typed) (result typed, err error) {
	s, ctx := h.s, context.Background()
	was := s.Status()
	// What PHP answers with true whatever happened to the data, if there was a session.
	life := func(err error) (typed, error) {
		if panicked := (*PanicError)(nil); errors.As(err, &panicked) || errors.Is(err, ErrInCallback) {
			return nil, err
		}
		return typedBool(was == Active), nil
	}
	switch op := textOf(step["op"]); op {
	case "start":
		if h.sent && h.isOn("session.use_cookies") {
			// PHP looks at the options of a start that can go on.
			step = typed{}
		}
		opts, err := startOptions(step)
		if err != nil {
			h.diag("OPTION_INVALID")
			return nil, err
		}
		err = s.Start(ctx, opts...)
		if errors.Is(err, ErrActive) {
			h.diag("ALREADY_ACTIVE")
			err = nil
		}
		return typedBool(true), err
	case "write_close":
		return life(s.Close())
	case "abort":
		return life(s.Abort())
	case "reset":
		return life(s.Reset())
	case "destroy":
		err := s.Destroy()
		if errors.Is(err, errScripted) && h.failed == "close" {
			// PHP looks at the destroy callback alone.
			err = nil
		}
		return typedBool(true), err
	case "regenerate":
		return typedBool(true), s.Regenerate(step["delete_old"] == true)
	case "unset_all":
		if was != Active {
			return typedBool(false), nil
		}
		return typedBool(true), s.Clear()
	case "drop_data":
		return typedNull, s.Clear()
	case "set":
		return typedNull, h.set(keyText(step["key"]), objectOf(step["value"]))
	case "unset":
		return typedNull, s.Unset(keyText(step["key"]))
	case "get":
		v := s.Value(keyText(step["key"]))
		if v.Kind() == Absent {
			return typed{"t": "absent"}, nil
		}
		return typedText(string(v.Serialize()))
	case "assign":
		if err := s.Clear(); err != nil {
			return nil, err
		}
		for _, pair := range listOf(objectOf(step["value"])["v"]) {
			key := objectOf(listOf(pair)[0])
			if err := h.set(keyText(key["v"]), objectOf(listOf(pair)[1])); err != nil {
				return nil, err
			}
		}
		return typedNull, nil
	case "id":
		return typedString(s.ID()), nil
	case "name":
		name, _ := h.m.Directive("session.name")
		return typedString(name), nil
	case "setting", "cache_limiter", "save_path":
		name := op
		if op == "setting" {
			name = textOf(step["key"])
		}
		value, _ := h.m.Directive("session." + name)
		return typedString(value), nil
	case "status":
		if was == Active {
			return typedString("active"), nil
		}
		return typedString("none"), nil
	case "set_id":
		old := s.ID()
		return typedString(old), s.SetID(bytesOf(step["id"]))
	case "create_id":
		prefix := ""
		if p := step["prefix"]; p != nil {
			prefix = bytesOf(p)
		}
		id, err := s.CreateID(prefix)
		return typedString(id), err
	case "encode":
		payload, err := s.Encode()
		if len(payload) == 0 {
			// PHP's word for nothing.
			return typedBool(false), err
		}
		return typedString(string(payload)), err
	case "decode":
		return typedBool(true), s.Decode([]byte(bytesOf(step["data"])))
	case "send_output":
		s.sendHeaders(http.Header{}, false)
		h.sent = true
		return typedNull, nil
	}
	panic(fmt.Sprintf("unknown op %v", step["op"]))
}

func (h *replayHost) set(key string, value typed) error {
	v, err := Serialized([]byte(typedWriter{}.write(value)))
	if err != nil {
		return err
	}
	return h.s.Set(key, v)
}

func keyText(key any) string {
	if n, isNumber := key.(float64); isNumber {
		return strconv.FormatInt(int64(n), 10)
	}
	return bytesOf(key)
}

var errNoText = errors.New("an option that is no text")

func startOptions(step typed) (opts []StartOption, err error) {
	options := objectOf(step["options"])
	for _, name := range slices.Sorted(maps.Keys(options)) {
		value := options[name]
		if _, isList := value.([]any); isList || objectOf(value)["t"] == "array" || objectOf(value)["t"] == "null" {
			return nil, errNoText
		}
		if name != "read_and_close" {
			opts = append(opts, With("session."+name, settingText(value)))
		} else if n, _ := strconv.Atoi(settingText(value)); n != 0 {
			opts = append(opts, ReadOnly())
		}
	}
	return opts, nil
}

// typedWriter writes a typed value in serialize() form; its references by their slots.
type typedWriter struct {
	slots *map[string]int
	next  *int
}

func (w typedWriter) write(t typed) string {
	if w.slots == nil {
		w = typedWriter{&map[string]int{}, new(int)}
	}
	link, _ := json.Marshal(t["n"])
	value, carries := t["v"]
	switch {
	case t["t"] == "ref" && carries:
		(*w.slots)[string(link)] = *w.next + 1
		return w.write(objectOf(value))
	case t["t"] == "ref":
		return fmt.Sprintf("R:%d;", (*w.slots)[string(link)])
	}
	*w.next++
	if t["t"] == "sameobject" {
		return fmt.Sprintf("r:%d;", (*w.slots)[string(link)])
	}
	if t["n"] != nil {
		(*w.slots)[string(link)] = *w.next
	}
	quoted := func(v any) string {
		b := bytesOf(v)
		return fmt.Sprintf("%d:\"%s\"", len(b), b)
	}
	members := func(pairs []any) string {
		var b strings.Builder
		fmt.Fprintf(&b, "%d:{", len(pairs))
		for _, pair := range pairs {
			key := objectOf(listOf(pair)[0])
			if key["t"] == "int" {
				fmt.Fprintf(&b, "i:%s;", key["v"])
			} else {
				b.WriteString("s:" + quoted(key["v"]) + ";")
			}
			b.WriteString(w.write(objectOf(listOf(pair)[1])))
		}
		return b.String() + "}"
	}
	switch t["t"] {
	case "string":
		return "s:" + quoted(value) + ";"
	case "array":
		return "a:" + members(listOf(value))
	case "object":
		return "O:" + quoted(t["class"]) + ":" + members(listOf(t["props"]))
	case "enum":
		return "E:" + quoted(bytesOf(t["class"])+":"+bytesOf(t["case"])) + ";"
	}
	plain, ok := goValue(t)
	if !ok {
		panic(show(t))
	}
	v, err := ValueOf(plain)
	if err != nil {
		panic(err)
	}
	return string(v.Serialize())
}
