package sess

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// Plays tests/policy/cases.json, whose format tests/policy/SPEC.md describes.

type policyCase struct {
	Name       string            `json:"name"`
	Shows      []string          `json:"shows"`
	Stores     []string          `json:"stores"`
	Settings   map[string]string `json:"settings"`
	Refused    []string          `json:"refused"`
	BeforeSave map[string]any    `json:"before_save"`
	Notices    *[]string         `json:"notices"`
	Steps      []policyStep      `json:"steps"`
}

type policyStep struct {
	At      *float64          `json:"at"`
	Client  string            `json:"client"`
	Cookies *string           `json:"cookies"`
	Request []json.RawMessage `json:"request"`
	Keep    string            `json:"keep"`
	GoOn    string            `json:"go_on"`
	Do      []any             `json:"do"`
	Why     string            `json:"why"`
}

func policyCases(t *testing.T) []policyCase {
	t.Helper()
	text, err := os.ReadFile("../../tests/policy/cases.json")
	must(t, err)
	var file struct {
		Cases []policyCase `json:"cases"`
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	d.UseNumber()
	must(t, d.Decode(&file))
	if len(file.Cases) == 0 {
		t.Fatal("there are no cases")
	}
	return file.Cases
}

func TestPolicyCases(t *testing.T) {
	for _, c := range policyCases(t) {
		stores := c.Stores
		if stores == nil {
			stores = []string{"memory", "files", "table"}
		}
		for _, store := range stores {
			t.Run(c.Name+"/"+store, func(t *testing.T) {
				if err := play(t, c, store); err != nil {
					t.Errorf("%v: %v", c.Shows, err)
				}
			})
		}
	}
}

// A runner that finds everything well would find these well too.
func TestPolicyCasesCanFail(t *testing.T) {
	set := map[string]any{"set": map[string]any{"n": json.Number("1")}}
	for name, wrong := range map[string][]any{
		"data":      {"start", set, map[string]any{"expect": map[string]any{"data": map[string]any{"n": json.Number("2")}}}},
		"id":        {"start", map[string]any{"expect": map[string]any{"id": ""}}},
		"cookie":    {"start", set, map[string]any{"expect": map[string]any{"cookie": nil}}},
		"events":    {"start", map[string]any{"expect": map[string]any{"events": []any{"ENTRY_DAMAGED"}}}},
		"store":     {"start", set, "close", map[string]any{"expect": map[string]any{"store": map[string]any{}}}},
		"an error":  {set},
		"no error":  {map[string]any{"do": "start", "fails": "SESS_ENOTFOUND"}},
		"no action": {"stop"},
		"no member": {"start", map[string]any{"expect": map[string]any{"mood": "good"}}},
	} {
		c := policyCase{Name: name, Steps: []policyStep{{Do: wrong}}}
		if err := play(t, c, "table"); err == nil {
			t.Errorf("%s: is found well", name)
		}
	}
	c := policyCase{Name: "refused", Refused: []string{"sess.anon.idle"}}
	if err := play(t, c, "memory"); err == nil {
		t.Error("settings that are accepted count as refused")
	}
}

// player plays one case over one store.
type player struct {
	*policyStage
	names map[string]string // ids and tokens by what the case calls them
	jars  map[string]*policyJar
	kept  map[string]*policyRequest
}

// policyRequest is a request under way.
type policyRequest struct {
	*Session
	client string
}

func play(t *testing.T, c policyCase, store string) error {
	stage, err := newPolicyStage(t, store, c)
	if c.Refused != nil {
		if err == nil {
			return fmt.Errorf("was not refused")
		}
		for _, word := range c.Refused {
			if !strings.Contains(err.Error(), word) {
				return fmt.Errorf("%s is not in the error: %w", word, err)
			}
		}
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { must(t, stage.Close()) }()
	if c.Notices != nil {
		if err := agree("notices", stage.events.names, *c.Notices); err != nil {
			return err
		}
	}
	p := &player{stage, map[string]string{}, map[string]*policyJar{}, map[string]*policyRequest{}}
	for i, step := range c.Steps {
		if err := p.step(step); err != nil {
			return fmt.Errorf("step %d: %w", i+1, err)
		}
	}
	for name := range p.kept {
		return fmt.Errorf("the request %s has no end", name)
	}
	return nil
}

func (p *player) step(step policyStep) (err error) {
	if step.At != nil {
		p.clock.set(*step.At)
	}
	p.events.names = []string{}
	request := p.kept[step.GoOn]
	delete(p.kept, step.GoOn)
	if step.GoOn == "" {
		if request, err = p.begin(step); err != nil {
			return err
		}
	}
	if request == nil {
		return fmt.Errorf("%s is not kept", step.GoOn)
	}
	for i, action := range step.Do {
		if err := p.bind(request, action); err != nil {
			return fmt.Errorf("action %d, %v: %w", i+1, action, err)
		}
		named, err := p.named(action)
		if err == nil {
			err = p.act(request, named)
		}
		if err != nil {
			return fmt.Errorf("action %d, %v: %w", i+1, action, err)
		}
	}
	if step.Keep != "" {
		p.kept[step.Keep] = request
		return nil
	}
	defer request.Release()
	if err := request.Session.Close(); err != nil {
		return fmt.Errorf("the end: %w", err)
	}
	p.jar(request.client).take(request.headers())
	return nil
}

func (p *player) jar(client string) *policyJar {
	if p.jars[client] == nil {
		p.jars[client] = &policyJar{}
	}
	return p.jars[client]
}

// begin is a request with its cookies, and what the client asked for.
func (p *player) begin(step policyStep) (*policyRequest, error) {
	client := step.Client
	if client == "" {
		client = "browser"
	}
	r := &policyRequest{p.newSession(), client}
	cookies := p.jar(client).header()
	if step.Cookies != nil {
		text, err := p.resolve(*step.Cookies)
		if err != nil {
			return nil, err
		}
		cookies = text
	}
	if cookies != "" {
		r.cookies = []string{cookies}
	}
	if step.Request != nil {
		var q Request
		for i, to := range []any{&q.Scheme, &q.Host, &q.Port, &q.Mount} {
			if err := json.Unmarshal(step.Request[i], to); err != nil {
				return nil, err
			}
		}
		r.asked = (&http.Request{}).WithContext(context.WithValue(context.Background(), askedKey{}, q))
	}
	return r, nil
}

// headers are those of the response so far.
func (r *policyRequest) headers() http.Header {
	header := http.Header{}
	r.Header(header)
	return header
}

// named puts in what the names in braces stand for, in all texts below.
func (p *player) named(v any) (any, error) {
	switch v := v.(type) {
	case string:
		return p.resolve(v)
	case []any:
		list := make([]any, len(v))
		for i := range v {
			var err error
			if list[i], err = p.named(v[i]); err != nil {
				return nil, err
			}
		}
		return list, nil
	case map[string]any:
		object := make(map[string]any, len(v))
		for _, key := range slices.Sorted(maps.Keys(v)) {
			name, err := p.resolve(key)
			if err != nil {
				return nil, err
			}
			if object[name], err = p.named(v[key]); err != nil {
				return nil, err
			}
		}
		return object, nil
	}
	return v, nil
}

// aName is one in braces; braces of payloads hold none.
var aName = regexp.MustCompile(`\{[A-Z][A-Za-z0-9]*\}`)

func (p *player) resolve(text string) (string, error) {
	var unknown error
	resolved := aName.ReplaceAllStringFunc(text, func(name string) string {
		found, ok := p.names[name[1:len(name)-1]]
		if !ok {
			unknown = fmt.Errorf("nothing is called %s", name)
		}
		return found
	})
	return resolved, unknown
}
