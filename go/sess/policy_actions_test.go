package sess

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"time"

	"example.com/libsess/go/internal/csess"
)

// What a request of a policy case does.

// verbs are the actions that are objects, with their further members besides "fails".
var verbs = map[string][]string{"expect": nil, "put": nil, "cookie": {"is"}, "token": {"as"}, "check": {"token", "max_age"},
	"do": nil, "set": nil, "remove": nil, "login": nil, "remember": nil, "update": {"then"}, "option": nil, "set_cookie": nil}

// verbOf is the one verb of an action.
func verbOf(action map[string]any) (string, error) {
	for verb, more := range verbs {
		if _, ok := action[verb]; !ok || verb == "token" && action["check"] != nil {
			continue
		}
		for member := range action {
			if member != verb && member != "fails" && !slices.Contains(more, member) {
				return "", fmt.Errorf("%s has no %s", verb, member)
			}
		}
		return verb, nil
	}
	return "", errors.New("no such action")
}

// act does one action.
func (p *player) act(r *policyRequest, action any) error {
	if word, ok := action.(string); ok {
		return p.plain(r, word)
	}
	object, ok := action.(map[string]any)
	if !ok {
		return errors.New("neither a text nor an object")
	}
	verb, err := verbOf(object)
	if err != nil {
		return err
	}
	what := object[verb]
	switch verb {
	case "expect":
		return p.look(r, what.(map[string]any))
	case "put":
		return p.putAll(what.(map[string]any))
	case "cookie":
		return lookAtOwnCookie(r, what.(string), object["is"])
	}
	code := codeName(p.try(r, verb, object))
	if wanted, ok := object["fails"].(string); ok {
		return agree("the code", code, wanted)
	}
	return agree("the code", code, "SESS_OK")
}

// try does what may be expected to fail.
func (p *player) try(r *policyRequest, verb string, action map[string]any) error {
	ctx := context.Background()
	what := action[verb]
	switch verb {
	case "do":
		return p.plain(r, what.(string))
	case "set":
		return setAll(r.Session, what.(map[string]any))
	case "remove":
		// Unset counts what is not there as removed.
		return r.edit(opUnset, func(h *handle) *csess.Failure { return h.Remove(what.(string)) })
	case "login":
		return r.Login(ctx, what.(string))
	case "remember":
		return r.Login(ctx, what.(string), Remember())
	case "token":
		return p.makeToken(r, what.(string), action["as"].(string))
	case "check":
		maxAge := int64(0)
		if given, ok := action["max_age"].(json.Number); ok {
			maxAge, _ = given.Int64()
		}
		return r.CheckToken(what.(string), action["token"].(string), time.Duration(maxAge)*time.Second)
	case "update":
		return r.Update(ctx, func(s *Session) error {
			if err := setAll(s, what.(map[string]any)); err != nil {
				return err
			}
			if then, ok := action["then"].(json.Number); ok {
				return &Error{Op: "then", Err: errors.New(then.String())}
			}
			return nil
		})
	case "option":
		values := what.(map[string]any)
		for _, name := range slices.Sorted(maps.Keys(values)) {
			value := values[name].(string)
			err := r.withC("option", func(h *handle) error { return r.failed("option", h.SetOption(name, value)) })
			if err != nil {
				return err
			}
		}
		return nil
	default: // set_cookie
		c := what.([]any)
		return r.withC(opCookie, func(h *handle) error {
			return r.failed(opCookie, h.SetCookie(c[0].(string), c[1].(string), c[2].(string)))
		})
	}
}

// plain does an action that is one text.
func (p *player) plain(r *policyRequest, word string) error {
	ctx := context.Background()
	switch word {
	case "start":
		return r.Start(ctx)
	case "start read":
		return r.Start(ctx, ReadOnly())
	case "start raw":
		return r.Start(ctx, Raw())
	case "start existing":
		return r.Start(ctx, Existing())
	case "close", "end":
		return r.Session.Close()
	case "abort":
		return r.Abort()
	case "reset":
		return r.Reset()
	case "destroy":
		return r.Destroy()
	case "gc":
		_, err := p.GC(ctx)
		return err
	case "regenerate":
		return r.Regenerate(true)
	case "regenerate keep":
		return r.Regenerate(false)
	case "headers sent":
		r.sendHeaders(http.Header{}, false)
		return nil
	case "clear":
		return r.Clear()
	case "logout":
		return r.Logout(ctx)
	case "logout clear":
		return r.Logout(ctx, ClearSiteData())
	case "logout lost":
		return r.Logout(ctx, UserLost())
	}
	return fmt.Errorf("no action is called %s", word)
}

// codeName is the C name of an error's code; what has none says itself.
func codeName(err error) string {
	if err == nil {
		return "SESS_OK"
	}
	var e *Error
	switch {
	case !errors.As(err, &e):
		return err.Error()
	case e.Op == "then":
		return e.Err.Error()
	case e.Code == 0:
		return err.Error()
	}
	return csess.Code(e.Code).String()
}

func setAll(s *Session, values map[string]any) error {
	for _, key := range slices.Sorted(maps.Keys(values)) {
		value := values[key]
		if object, ok := value.(map[string]any); ok {
			old, err := Get[Array](s, key)
			if err != nil && !errors.Is(err, ErrNotFound) && !errors.Is(err, ErrType) {
				return err
			}
			value = merged(old, object)
		}
		if number, ok := value.(json.Number); ok {
			value, _ = number.Int64()
		}
		if err := s.Set(key, value); err != nil {
			return err
		}
	}
	return nil
}

// merged is an array with some values set; what else is there stays.
func merged(old Array, values map[string]any) Array {
	array := slices.Clone(old)
	for _, key := range slices.Sorted(maps.Keys(values)) {
		at := 0
		for at < len(array) && fmt.Sprint(array[at]) != key {
			at += 2
		}
		value := values[key]
		switch v := value.(type) {
		case map[string]any:
			below := Array(nil)
			if at < len(array) {
				below, _ = array[at+1].(Array)
			}
			value = merged(below, v)
		case json.Number:
			value, _ = v.Int64()
		}
		if at < len(array) {
			array[at+1] = value
		} else {
			array = append(array, key, value)
		}
	}
	return array
}

func (p *player) putAll(records map[string]any) error {
	for name, data := range records {
		id, ok := p.names[name]
		if !ok {
			return fmt.Errorf("nothing is called %s", name)
		}
		text, isThere := data.(string)
		if err := p.put(id, text, isThere); err != nil {
			return err
		}
	}
	return nil
}

var shapeOfToken = regexp.MustCompile(`^[A-Za-z0-9_-]{27}$`)

func (p *player) makeToken(r *policyRequest, purpose, name string) error {
	token, err := r.Token(purpose)
	if err != nil {
		return err
	}
	if !shapeOfToken.MatchString(token) {
		return fmt.Errorf("not the shape of a token: %s", token)
	}
	if p.names[name] != "" {
		return fmt.Errorf("%s is the name of something already", name)
	}
	p.names[name] = token
	return nil
}

func lookAtOwnCookie(r *policyRequest, name string, wanted any) error {
	value, err := r.Cookie(name)
	switch {
	case errors.Is(err, ErrNotFound):
		return agree("cookie", nil, wanted)
	case err != nil:
		return err
	}
	return agree("cookie", value, wanted)
}
