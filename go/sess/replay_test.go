package sess

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// What PHP did with callbacks, replayed through a Handler in Go: the scenarios of tests/oracle that have them, held
// against the same goldens, with the same deviations. SESS_ORACLE, which the tests of values obey too, and
// SESS_ORACLE_ONLY are as for the Rust replayer.

// inexpressible says why a scenario cannot be told to this package; empty if it can.
func inexpressible(scenario, golden typed) string {
	reasons := map[string]string{
		"set_name": settingsChange, "set_cookie_params": settingsChange, "cookie_params": settingsChange,
		"configure": settingsChange, "cache_expire": settingsChange, "module": settingsChange,
		"register_handler":  "a Manager has one handler for ever",
		"gc":                "Manager.GC collects in a session of its own",
		"host_cookie":       "the order of headers of several names is net/http's",
		"register_shutdown": "a Go program saves with defer, not when it exits",
		"overlap":           "a request in a process of its own",
		"crash":             "a request in a process of its own",
	}
	settings := []typed{objectOf(scenario["settings"])}
	for i, r := range listOf(scenario["requests"]) {
		request := objectOf(r)
		settings = append(settings, objectOf(request["settings"]))
		steps := slices.Clone(listOf(request["steps"]))
		for _, rule := range listOf(objectOf(scenario["handler"])["script"]) {
			steps = append(steps, listOf(objectOf(rule)["steps"])...)
		}
		for _, s := range steps {
			step := objectOf(s)
			if why := reasons[textOf(step["op"])]; why != "" {
				return why
			}
			if (step["op"] == "cache_limiter" || step["op"] == "save_path") && step["value"] != nil {
				return settingsChange
			}
			if step["op"] == "assign" && linkedKeys(step["value"]) {
				return "references between the keys of a table are made by PHP alone"
			}
		}
		if i >= len(listOf(golden["requests"])) {
			continue
		}
		for _, header := range listOf(objectOf(listOf(golden["requests"])[i])["headers"]) {
			if listOf(header)[0] == "Last-Modified" {
				return "Last-Modified is the time of a script"
			}
		}
	}
	for _, s := range settings {
		if s["auto_start"] != nil && settingText(s["auto_start"]) != "0" {
			return "session.auto_start: a handler asks for its session"
		}
	}
	return ""
}

const settingsChange = "settings change before a Manager is made, or with a start, but not by themselves"

// linkedKeys tells whether members of a table share a reference or an object.
func linkedKeys(table any) bool {
	seen := map[any]int{}
	var walk func(v any, member int) bool
	walk = func(v any, member int) bool {
		switch v := v.(type) {
		case []any:
			return slices.ContainsFunc(v, func(v any) bool { return walk(v, member) })
		case typed:
			if n := v["n"]; n != nil {
				if at, known := seen[n]; known && at != member {
					return true
				}
				seen[n] = member
			}
			for _, inner := range v {
				if walk(inner, member) {
					return true
				}
			}
		}
		return false
	}
	for i, pair := range listOf(objectOf(table)["v"]) {
		if walk(pair, i) {
			return true
		}
	}
	return false
}

// replay is a scenario that runs.
type replay struct {
	scenario, golden typed
	ids              map[string]string // real ids by the golden's names
	storage          *storage
	jars             map[string]*cookies
	from, to         time.Time
	diffs            []string
	requests         []typed
	// instead: the golden is what the C interface does instead of PHP.
	instead bool
}

// cookies are a client's, in order of first receipt.
type cookies struct{ names, values []string }

func (c *cookies) keep(line string) {
	pair, attributes, _ := strings.Cut(line, ";")
	name, value, _ := strings.Cut(pair, "=")
	at := slices.Index(c.names, name)
	switch {
	case strings.Contains(attributes, "Max-Age=0") && at >= 0:
		c.names, c.values = slices.Delete(c.names, at, at+1), slices.Delete(c.values, at, at+1)
	case strings.Contains(attributes, "Max-Age=0"):
	case at >= 0:
		c.values[at] = value
	default:
		c.names, c.values = append(c.names, name), append(c.values, value)
	}
}

func (c *cookies) header() any {
	var pairs []string
	for i, name := range c.names {
		pairs = append(pairs, name+"="+c.values[i])
	}
	if pairs == nil {
		return nil
	}
	return jsonBytes(strings.Join(pairs, "; "))
}

func runReplay(scenario, golden typed, instead bool) (*replay, error) {
	p := &replay{scenario: scenario, golden: golden, instead: instead, ids: map[string]string{}, jars: map[string]*cookies{},
		storage: &storage{records: map[string]record{}, counts: map[string]int{}}}
	handler := objectOf(scenario["handler"])
	for _, e := range listOf(handler["store"]) {
		entry := objectOf(e)
		age, _ := entry["age"].(float64)
		p.storage.records[bytesOf(p.real(entry["id"]))] = record{bytesOf(p.real(entry["data"])), int(age)}
	}
	for i, r := range listOf(scenario["requests"]) {
		request := objectOf(r)
		seconds, given := request["advance"].(float64)
		if !given && i > 0 {
			seconds = 10
		}
		for id, r := range p.storage.records {
			r.age += int(seconds)
			p.storage.records[id] = r
		}
		if err := p.request(i, request); err != nil {
			return nil, err
		}
	}
	return p, nil
}

func (p *replay) request(i int, request typed) error {
	settings := typed{"gc_probability": 0.0, "save_path": "/srv/sessions"}
	maps.Copy(settings, objectOf(p.real(p.scenario["settings"])))
	maps.Copy(settings, objectOf(p.real(request["settings"])))
	client := "A"
	if request["client"] != nil {
		client = textOf(request["client"])
	}
	if p.jars[client] == nil {
		p.jars[client] = &cookies{}
	}
	cookie := p.jars[client].header()
	switch c := request["cookie"].(type) {
	case string:
		if c != "jar" {
			cookie = nil
		}
	case typed:
		if raw, ok := c["raw"]; ok {
			cookie = p.real(raw)
			break
		}
		value, given := c["value"]
		if !given {
			value = c
		}
		name := "PHPSESSID"
		if settings["name"] != nil {
			name = bytesOf(settings["name"])
		}
		cookie = jsonBytes(name + "=" + bytesOf(p.real(value)))
	}
	h := &replayHost{handler: objectOf(p.real(p.scenario["handler"])), storage: p.storage}
	p.from = time.Now()
	trace, err := h.run(settings, cookie, listOf(p.real(request["steps"])))
	p.to = time.Now()
	if err != nil {
		return err
	}
	want := typed{}
	if goldens := listOf(p.golden["requests"]); i < len(goldens) {
		want = objectOf(goldens[i])
	}
	at := fmt.Sprintf("requests[%d]", i)
	p.compare(want, trace, at)
	trace["store"] = p.storage.shown()
	p.left(listOf(want["store"]), listOf(trace["store"]), at+".store")
	for _, header := range listOf(trace["headers"]) {
		if pair := listOf(header); pair[0] == "Set-Cookie" {
			p.jars[client].keep(bytesOf(pair[1]))
		}
	}
	p.requests = append(p.requests, trace)
	return nil
}

// real puts ids where the scenario names them.
func (p *replay) real(v any) any {
	switch v := v.(type) {
	case typed:
		if name, ok := v["ref"].(string); ok {
			if id, bound := p.ids[name]; bound {
				return jsonBytes(id)
			}
			return "unbound-" + name
		}
		if parts, ok := v["concat"].([]any); ok {
			text := ""
			for _, part := range parts {
				text += bytesOf(p.real(part))
			}
			return jsonBytes(text)
		}
		if again, ok := v["repeat"].([]any); ok {
			return jsonBytes(strings.Repeat(bytesOf(p.real(again[0])), int(again[1].(float64))))
		}
		made := typed{}
		for k, inner := range v {
			made[k] = p.real(inner)
		}
		return made
	case []any:
		made := make([]any, len(v))
		for i, inner := range v {
			made[i] = p.real(inner)
		}
		return made
	}
	return v
}

func loadJSON(t *testing.T, path string) typed {
	t.Helper()
	text, err := os.ReadFile(path)
	must(t, err)
	var o typed
	must(t, json.Unmarshal(text, &o))
	return o
}

// deviationsOf reads the names in deviations.toml.
func deviationsOf(t *testing.T, path string) (names []string) {
	t.Helper()
	text, err := os.ReadFile(path)
	must(t, err)
	for _, m := range regexp.MustCompile(`"([a-z0-9-]+/[a-z0-9-]+)"`).FindAllStringSubmatch(string(text), -1) {
		names = append(names, m[1])
	}
	if len(names) == 0 {
		t.Fatalf("%s names no scenario", path)
	}
	return names
}

func TestReplay(t *testing.T) {
	home := filepath.Dir(oracleData)
	deviations := deviationsOf(t, filepath.Join(home, "deviations.toml"))
	for _, dir := range oracleSets() {
		own := dir == oracleData
		files, err := filepath.Glob(filepath.Join(dir, "scenarios", "*", "*.json"))
		must(t, err)
		if all, _ := filepath.Glob(filepath.Join(dir, "*.jsonl")); len(files)+len(all) == 0 {
			t.Errorf("%s has no scenarios and no data sets", dir)
		}
		reasons := map[string]int{}
		var run, equal, deviating, informative, failed int
		for _, file := range files {
			name := strings.TrimSuffix(strings.TrimPrefix(file, filepath.Join(dir, "scenarios")+"/"), ".json")
			if !strings.Contains(name, os.Getenv("SESS_ORACLE_ONLY")) {
				continue
			}
			scenario := loadJSON(t, file)
			if objectOf(scenario["handler"])["kind"] != "callbacks" {
				continue
			}
			golden := loadJSON(t, filepath.Join(dir, "goldens", name+".json"))
			if why := inexpressible(scenario, golden); why != "" {
				reasons[why]++
				continue
			}
			run++
			verdict, err := judge(t, home, name, scenario, golden, slices.Contains(deviations, name), own)
			switch {
			case err != nil:
				failed++
				t.Errorf("%s: %v", name, err)
			case verdict == "equal":
				equal++
			case verdict == "deviation":
				deviating++
			default:
				informative++
			}
		}
		t.Logf("scenarios: %d run, %d equal, %d deviations, %d informative, %d failed", run, equal, deviating, informative, failed)
		for _, why := range slices.Sorted(maps.Keys(reasons)) {
			t.Logf("not expressible in Go: %d: %s", reasons[why], why)
		}
		if own && os.Getenv("SESS_ORACLE_ONLY") == "" && run < 400 {
			t.Errorf("only %d scenarios with callbacks", run)
		}
	}
}

// judge runs a scenario and says what its outcome means.
func judge(t *testing.T, home, name string, scenario, golden typed, listed, own bool) (verdict string, err error) {
	p, err := runReplay(scenario, golden, false)
	if err != nil {
		return "", err
	}
	for _, tag := range listOf(scenario["tags"]) {
		switch tag {
		case "raise":
			return "informative", p.noMoreThan()
		case "php-typed", "php-bug":
			return "informative", nil
		}
	}
	switch {
	case len(p.diffs) == 0:
		return "equal", nil
	case listed:
		instead := loadJSON(t, filepath.Join(home, "deviations", name+".json"))
		if p, err = runReplay(scenario, instead, true); err == nil && len(p.diffs) > 0 {
			err = fmt.Errorf("not what the deviation says: %s", p.diffs[0])
		}
		return "deviation", err
	case strings.Contains(show(golden), `"class":"OPTION_INVALID"`):
		// PHP warns of an option that it refuses, and starts without it; here the start fails.
		return "deviation", p.protocol()
	case !own && ofKnownKind(scenario):
		return "deviation", p.protocol()
	}
	return "", fmt.Errorf("%s", p.diffs[0])
}

// ofKnownKind tells whether a scenario that nobody listed deviates as the listed ones do.
func ofKnownKind(scenario typed) bool {
	text := show(scenario)
	for _, tag := range listOf(scenario["tags"]) {
		if tag == "reentry" || tag == "nul-id" {
			return true
		}
	}
	handler := objectOf(scenario["handler"])
	for _, id := range listOf(handler["ids"]) {
		if bytesOf(id) == "" || strings.Contains(bytesOf(id), "\x00") {
			return true
		}
	}
	for _, r := range listOf(handler["script"]) {
		if given := objectOf(objectOf(r)["return"]); objectOf(r)["on"] == "create_sid" && given["t"] == "string" {
			if id := bytesOf(given["v"]); id == "" || strings.Contains(id, "\x00") {
				return true
			}
		}
	}
	return regexp.MustCompile(`"(use_only_cookies":(false|0|"0")|use_trans_sid":(true|1|"1")|referer_check":"[^"]|key":"[^"]*\|)|[CE]:\d`).MatchString(text)
}

// protocol tells what no deviation may break: nothing is called on a store that is not open, and nothing stays open.
func (p *replay) protocol() error {
	for i, request := range p.requests {
		open := false
		blocks := append([]any{request["begin"]}, listOf(request["steps"])...)
		for _, b := range append(blocks, request["end"]) {
			for _, c := range listOf(objectOf(b)["calls"]) {
				switch fn := objectOf(c)["fn"]; {
				case fn == "open":
					open = true
				case !open:
					return fmt.Errorf("requests[%d]: %v without open", i, fn)
				case fn == "close":
					open = false
				}
			}
		}
		if open {
			return fmt.Errorf("requests[%d]: left open", i)
		}
	}
	return nil
}

// noMoreThan tells whether anything is stored that PHP does not have.
func (p *replay) noMoreThan() error {
	goldens := listOf(p.golden["requests"])
	allowed := listOf(objectOf(goldens[len(goldens)-1])["store"])
	ours := p.storage.shown()
	if len(ours) > len(allowed) {
		return fmt.Errorf("%d records instead of %d", len(ours), len(allowed))
	}
	for _, r := range ours {
		known := slices.ContainsFunc(allowed, func(a any) bool { return objectOf(a)["id"] == objectOf(r)["id"] })
		if !known && len(objectOf(p.golden["ids"])) == 0 {
			return fmt.Errorf("stored besides: %s", show(r))
		}
	}
	return p.protocol()
}
