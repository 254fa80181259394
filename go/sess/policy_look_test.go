package sess

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Compares what a request of a policy case sees, and what the store holds, with what is expected.

// agree compares as JSON.
func agree(what string, found, wanted any) error {
	f, err := json.Marshal(found)
	if err != nil {
		return err
	}
	w, err := json.Marshal(wanted)
	if err != nil {
		return err
	}
	if string(f) != string(w) {
		return fmt.Errorf("%s is %s, not %s", what, f, w)
	}
	return nil
}

// bind binds the name of a new id first, so that what else is expected can use it.
func (p *player) bind(r *policyRequest, action any) error {
	object, _ := action.(map[string]any)
	expected, _ := object["expect"].(map[string]any)
	name, ok := expected["id"].(string)
	if !ok {
		return nil
	}
	id := r.ID()
	if bound, ok := p.names[name]; ok || name == "" {
		return agree("id", id, bound)
	}
	if id == "" {
		return fmt.Errorf("there is no id")
	}
	if other := p.nameOf(id); other != id {
		return fmt.Errorf("id is that of %s, not a new one", other)
	}
	p.names[name] = id
	return nil
}

// nameOf is what the case calls an id, else the id.
func (p *player) nameOf(id string) string {
	for name, bound := range p.names {
		if bound == id {
			return name
		}
	}
	return id
}

func (p *player) look(r *policyRequest, expected map[string]any) error {
	for _, what := range slices.Sorted(maps.Keys(expected)) {
		wanted := expected[what]
		var err error
		switch what {
		case "id": // see bind
		case "cookie":
			err = lookAtCookie(r, wanted)
		case "headers":
			err = lookAtHeaders(r, wanted.(map[string]any))
		case "store", "store_files", "store_table":
			err = p.lookAtStore(what, wanted.(map[string]any))
		case "same_file":
			err = p.lookAtFiles(wanted.([]any))
		case "events":
			err = agree(what, p.events.names, wanted)
		default:
			var found any
			if found, err = getter(r, what); err == nil {
				err = agree(what, found, wanted)
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// getter is what one method of the session answers.
func getter(r *policyRequest, what string) (any, error) {
	known := func(d time.Duration, ok bool) any {
		if !ok {
			return nil
		}
		return int64(d / time.Second)
	}
	switch what {
	case "state":
		return r.Status().String(), nil
	case "data":
		return dataOf(r.Session)
	case "is_new":
		return r.IsNew(), nil
	case "is_stored":
		return r.IsStored(), nil
	case "kind":
		return r.Kind().String(), nil
	case "user":
		if user, ok := r.User(); ok {
			return user, nil
		}
		return nil, nil
	case "auth_age":
		return known(r.AuthAge()), nil
	case "expires_in":
		return known(r.ExpiresIn()), nil
	case "created":
		created := r.Created()
		return known(created.Sub(beginning), !created.IsZero()), nil
	case "previous_end":
		return r.PreviousEnd().String(), nil
	case "cookie_name":
		return r.CookieName(), nil
	case "cookies":
		names := []string{}
		for _, line := range r.headers()["Set-Cookie"] {
			name, _, _ := strings.Cut(line, "=")
			names = append(names, name)
		}
		return names, nil
	}
	return nil, fmt.Errorf("nothing is called %s", what)
}

func dataOf(s *Session) (map[string]any, error) {
	data := map[string]any{}
	for key, value := range s.All() {
		v, err := As[any](value)
		if err != nil {
			return nil, err
		}
		data[key] = asObject(v)
	}
	return data, nil
}

// asObject is a value as a case writes it: arrays are objects.
func asObject(v any) any {
	object := map[string]any{}
	switch v := v.(type) {
	case []any:
		for i, element := range v {
			object[strconv.Itoa(i)] = asObject(element)
		}
	case map[string]any:
		for key, element := range v {
			object[key] = asObject(element)
		}
	default:
		return v
	}
	return object
}

// lookAtCookie looks at the session's cookie.
func lookAtCookie(r *policyRequest, wanted any) error {
	var found map[string]any
	for _, line := range r.headers()["Set-Cookie"] {
		pair, attributes, _ := strings.Cut(line, "; ")
		name, value, _ := strings.Cut(pair, "=")
		if name != r.CookieName() {
			continue
		}
		found = map[string]any{"value": value}
		for attribute := range strings.SplitSeq(attributes, "; ") {
			key, value, hasValue := strings.Cut(attribute, "=")
			key = strings.NewReplacer("max-age", "max_age", "samesite", "same_site", "httponly", "http_only").
				Replace(strings.ToLower(key))
			switch {
			case key == "max_age":
				found[key] = json.Number(value)
			case hasValue:
				found[key] = value
			default:
				found[key] = true
			}
		}
	}
	object, ok := wanted.(map[string]any)
	if !ok {
		return agree("cookie", found, wanted)
	}
	if found == nil {
		return fmt.Errorf("there is no cookie")
	}
	return members("cookie", found, object)
}

// members compares those that are expected; null or false: not there.
func members(what string, found, wanted map[string]any) error {
	for name, w := range wanted {
		f, ok := found[name]
		if !ok && (w == nil || w == false) {
			continue
		}
		if err := agree(name+" of the "+what, f, w); err != nil {
			return err
		}
	}
	return nil
}

func lookAtHeaders(r *policyRequest, wanted map[string]any) error {
	headers := r.headers()
	for name, w := range wanted {
		found := headers[name]
		value, isText := w.(string)
		if isText && !slices.Contains(found, value) || !isText && found != nil {
			return fmt.Errorf("%s is %q, not %v", name, found, w)
		}
	}
	return nil
}

// lookAtStore looks at all records, by the names of their ids.
func (p *player) lookAtStore(what string, wanted map[string]any) error {
	if what == "store_files" && p.dir == "" || what == "store_table" && p.table == nil {
		return nil
	}
	records, err := p.records()
	if err != nil || records == nil {
		return err
	}
	found := map[string]string{}
	for id, payload := range records {
		found[p.nameOf(id)] = payload
	}
	if err := agree(what, slices.Sorted(maps.Keys(found)), slices.Sorted(maps.Keys(wanted))); err != nil {
		return err
	}
	for name, payload := range found {
		if err := p.lookAtRecord(payload, wanted[name].(map[string]any)); err != nil {
			return fmt.Errorf("record %s: %w", name, err)
		}
	}
	return nil
}

func (p *player) lookAtRecord(payload string, wanted map[string]any) error {
	data, entry, err := p.open(payload)
	if err != nil {
		return err
	}
	for what, w := range wanted {
		fields, isObject := w.(map[string]any)
		switch {
		case what == "data":
			err = agree(what, data, w)
		case what != "entry":
			err = fmt.Errorf("a record has no %s", what)
		case isObject && entry != nil:
			err = members(what, entry, fields)
		default:
			err = agree(what, entry, w)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// open decodes a payload as PHP would, to which the reserved entry is a value like any other, and takes that apart.
func (p *player) open(payload string) (data, entry map[string]any, err error) {
	opts := []Option{quiet, Set("sess.profile", "php82"), Set("session.use_cookies", "0"), Set("session.gc_probability", "0")}
	if format, ok := p.settings["session.serialize_handler"]; ok {
		opts = append(opts, Set("session.serialize_handler", format))
	}
	m, err := New(Memory(), opts...)
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = m.Close() }()
	s, err := m.Open(context.Background(), "")
	if err != nil {
		return nil, nil, err
	}
	defer s.Release()
	if err := s.Decode([]byte(payload)); err != nil {
		return nil, nil, err
	}
	if data, err = dataOf(s); err != nil {
		return nil, nil, err
	}
	key, ok := p.settings["sess.meta_key"]
	if !ok {
		key = "_libsess"
	}
	whole, ok := data[key]
	if !ok {
		return data, nil, nil
	}
	delete(data, key)
	if entry, ok = whole.(map[string]any); !ok {
		return nil, nil, fmt.Errorf("the entry is %v", whole)
	}
	for name, value := range entry {
		number, isInt := value.(int64)
		text, isText := value.(string)
		switch {
		case strings.Contains("car", name) && isInt:
			entry[name] = number - beginning.Unix()
		case name == "t":
			entry[name] = true
		case strings.Contains("np", name) && isText:
			entry[name] = p.nameOf(text)
		}
	}
	return data, entry, nil
}

func (p *player) lookAtFiles(names []any) error {
	if p.dir == "" {
		return nil
	}
	var first uint64
	for i, name := range names {
		inode, err := p.inode(p.names[name.(string)])
		if err != nil {
			return err
		}
		if i == 0 {
			first = inode
		}
		if inode != first {
			return fmt.Errorf("%v are not the same file", names)
		}
	}
	return nil
}
