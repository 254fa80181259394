package sess

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// What PHP did with callbacks, replayed through a Handler in Go: the scenarios of tests/oracle that have them, held
// against the same goldens, with the same deviations. SESS_ORACLE and SESS_ORACLE_ONLY are as for the Rust replayer.

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

func (p *replay) differ(at string, want, got any) bool {
	p.diffs = append(p.diffs, fmt.Sprintf("%s\n    golden %.400s\n    ours   %.400s", at, show(want), show(got)))
	return false
}

// equal compares with what the golden leaves open; only what is text may hold names of ids.
func (p *replay) equal(want, got any) bool {
	if b, isText := textOrBytes(got); isText {
		if w, plain := want.(string); plain {
			return p.text(w, b)
		}
		w, isBytes := textOrBytes(want)
		return isBytes && w == b
	}
	switch w := want.(type) {
	case typed:
		g, ok := got.(typed)
		if w["t"] == "float" {
			return ok && g["t"] == "float" && w["hex"] == g["hex"]
		}
		if !ok || len(w) != len(g) {
			return false
		}
		for k := range w {
			if !p.equal(w[k], g[k]) {
				return false
			}
		}
		return true
	case []any:
		g, ok := got.([]any)
		return ok && slices.EqualFunc(w, g, p.equal)
	}
	return want == got
}

func textOrBytes(v any) (string, bool) {
	if text, ok := v.(string); ok {
		return text, true
	}
	if _, ok := objectOf(v)["b64"]; ok {
		return bytesOf(v), true
	}
	return "", false
}

var (
	nowToken = regexp.MustCompile(`^\{now([+-]\d+)?\}`)
	idToken  = regexp.MustCompile(`^ID\d+`)
	date     = regexp.MustCompile(`^(\w{3}), (\d\d) (\w{3}) (\d{4,}) (\d\d):(\d\d):(\d\d) GMT`)
)

// text compares text with IDn and {now+n} against real bytes.
func (p *replay) text(want, got string) bool {
	fresh := map[string]string{}
	for want != "" {
		if token := nowToken.FindStringSubmatch(want); token != nil {
			when := date.FindStringSubmatch(got)
			if when == nil || !p.isDate(when, token[1]) {
				return false
			}
			want, got = want[len(token[0]):], got[len(when[0]):]
			continue
		}
		name := idToken.FindString(want)
		info := objectOf(objectOf(p.golden["ids"])[name])
		if name == "" || info == nil {
			if got == "" || want[0] != got[0] {
				return false
			}
			want, got = want[1:], got[1:]
			continue
		}
		id, bound := p.ids[name]
		if !bound {
			if id, bound = fresh[name]; !bound {
				length := int(info["length"].(float64))
				raw := strings.ReplaceAll(got, "%2C", ",")
				if len(raw) < length {
					return false
				}
				id = raw[:length]
				if slices.Contains(slices.Collect(maps.Values(p.ids)), id) || strings.Trim(id, idAlphabet) != "" {
					return false
				}
				fresh[name] = id
			}
		}
		rest, plain := strings.CutPrefix(got, id)
		if !plain {
			if rest, plain = strings.CutPrefix(got, strings.ReplaceAll(id, ",", "%2C")); !plain {
				return false
			}
		}
		want, got = want[len(name):], rest
	}
	if got == "" {
		maps.Copy(p.ids, fresh)
	}
	return got == ""
}

const idAlphabet = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ,-"

// isDate tells whether a date is that far from now, give or take a second.
func (p *replay) isDate(when []string, offset string) bool {
	n := func(text string) int {
		n, _ := strconv.Atoi(text)
		return n
	}
	month, err := time.Parse("Jan", when[3])
	if err != nil {
		return false
	}
	at := time.Date(n(when[4]), month.Month(), n(when[2]), n(when[5]), n(when[6]), n(when[7]), 0, time.UTC)
	apart := at.Unix() - int64(n(offset))
	return at.Format("Mon") == when[1] && apart >= p.from.Unix()-1 && apart <= p.to.Unix()+1
}

func (p *replay) compare(want, got typed, at string) {
	begin, began := objectOf(want["begin"]), objectOf(got["begin"])
	p.part(begin, began, at+".begin")
	steps, done := listOf(want["steps"]), listOf(got["steps"])
	if len(steps) != len(done) {
		p.differ(at+".steps", len(steps), len(done))
		return
	}
	for k := range steps {
		p.step(objectOf(steps[k]), objectOf(done[k]), fmt.Sprintf("%s.steps[%d]", at, k))
	}
	p.part(objectOf(want["end"]), objectOf(got["end"]), at+".end")
	if !p.equal(listOf(want["headers"]), listOf(got["headers"])) {
		p.differ(at+".headers", want["headers"], got["headers"])
	}
}

func (p *replay) step(want, got typed, at string) bool {
	at += " " + textOf(want["op"])
	if !p.calls(listOf(want["calls"]), listOf(got["calls"]), at+".calls") {
		return false
	}
	_, raised := want["raised"]
	switch result, failed := want["result"], got["failed"] != nil; {
	case failed && (raised || objectOf(result)["v"] == false || objectOf(result)["t"] == "error"):
	case failed != raised, !raised && !p.equal(result, got["result"]):
		ours := got["result"]
		if failed {
			ours = got["failed"]
		}
		return p.differ(at+".result", result, ours)
	}
	return p.diags(want, got, raised, at) && p.state(want, got, at)
}

func (p *replay) part(want, got typed, at string) {
	_ = p.calls(listOf(want["calls"]), listOf(got["calls"]), at+".calls") && p.diags(want, got, false, at) &&
		p.state(want, got, at)
}

func (p *replay) calls(want, got []any, at string) bool {
	if len(want) != len(got) {
		return p.differ(at, want, got)
	}
	for i := range want {
		w, g := objectOf(want[i]), objectOf(got[i])
		at := fmt.Sprintf("%s[%d]", at, i)
		if w["fn"] != g["fn"] || !p.equal(listOf(w["args"]), listOf(g["args"])) {
			return p.differ(at, w, g)
		}
		wanted, nested := listOf(w["nested"]), listOf(g["nested"])
		if len(wanted) != len(nested) {
			return p.differ(at+".nested", wanted, nested)
		}
		for k := range wanted {
			if p.instead {
				// Inside a callback C knows nothing of its session, and this package what it knew before.
				if refused(objectOf(wanted[k])) != refused(objectOf(nested[k])) {
					return p.differ(at+".nested", wanted[k], nested[k])
				}
				continue
			}
			if !p.step(objectOf(wanted[k]), objectOf(nested[k]), fmt.Sprintf("%s.nested[%d]", at, k)) {
				return false
			}
		}
	}
	return true
}

// refused tells whether a step failed, in whatever way.
func refused(step typed) bool {
	result := objectOf(step["result"])
	return step["failed"] != nil || step["raised"] != nil || result["v"] == false || result["t"] == "error"
}

func (p *replay) diags(want, got typed, raised bool, at string) bool {
	classes := func(diags any) (classes []string) {
		for _, d := range listOf(diags) {
			class := textOf(objectOf(d)["class"])
			if objectOf(d)["level"] != "deprecated" && class != "UNSERIALIZE_DETAIL" && class != "HOST_LANGUAGE" {
				classes = append(classes, class)
			}
		}
		slices.Sort(classes)
		return slices.Compact(classes)
	}
	w, g := classes(want["diags"]), classes(got["diags"])
	if chain := listOf(want["raised"]); raised && len(chain) > 0 {
		w = append(w, textOf(objectOf(chain[0])["class"]))
		slices.Sort(w)
		w = slices.Compact(w)
	}
	if !slices.Equal(w, g) {
		return p.differ(at+".diags", w, g)
	}
	return true
}

func (p *replay) state(want, got typed, at string) bool {
	w, stated := want["state"].(typed)
	if !stated {
		return true
	}
	g := objectOf(got["state"])
	data := w["data"]
	if data == nil {
		data = typed{"t": "array", "v": []any{}}
	}
	for _, c := range []struct {
		name      string
		want, got any
	}{{"status", w["status"], g["status"]}, {"id", w["id"], g["id"]}, {"data", data, g["data"]}} {
		if !p.equal(c.want, c.got) {
			return p.differ(at+".state."+c.name, c.want, c.got)
		}
	}
	return true
}

// left compares what is stored, in any order.
func (p *replay) left(want, got []any, at string) {
	rest := slices.Clone(got)
	for _, w := range want {
		known := maps.Clone(p.ids)
		found := slices.IndexFunc(rest, func(g any) bool {
			p.ids = maps.Clone(known)
			return p.equal(w, g)
		})
		if found < 0 {
			p.ids = known
			p.differ(at, w, got)
			return
		}
		rest = slices.Delete(rest, found, found+1)
	}
	if len(rest) > 0 {
		p.differ(at, want, got)
	}
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
	home := filepath.Dir(filepath.Clean(oracleData))
	deviations := deviationsOf(t, filepath.Join(home, "deviations.toml"))
	sets := []string{filepath.Clean(oracleData)}
	if other := os.Getenv("SESS_ORACLE"); other != "" {
		sets = append(sets, other)
	}
	for i, dir := range sets {
		files, err := filepath.Glob(filepath.Join(dir, "scenarios", "*", "*.json"))
		must(t, err)
		if len(files) == 0 {
			t.Errorf("%s has no scenarios", dir)
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
			verdict, err := judge(t, home, name, scenario, golden, slices.Contains(deviations, name), i == 0)
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
		if i == 0 && os.Getenv("SESS_ORACLE_ONLY") == "" && run < 400 {
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
