package sess

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// How what happened is held against what PHP did.

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
