package sess

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Data in another directory are run like our own, and a recording that was changed by hand fails.

// copyScenario copies a scenario of ours, its recording as change leaves it.
func copyScenario(t *testing.T, dir, name string, change func(golden typed)) {
	t.Helper()
	for _, kind := range []string{"scenarios", "goldens"} {
		recording := loadJSON(t, filepath.Join(oracleData, kind, name+".json"))
		if kind == "goldens" && change != nil {
			change(recording)
		}
		text, err := json.Marshal(recording)
		must(t, err)
		file := filepath.Join(dir, kind, name+".json")
		must(t, os.MkdirAll(filepath.Dir(file), 0o777))
		must(t, os.WriteFile(file, text, 0o666))
	}
}

// copyLines copies every so manieth line of a data set, each as change leaves it.
func copyLines(t *testing.T, dir, file string, step int, change func(line typed)) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(oracleData, file))
	must(t, err)
	var lines []string
	for i, line := range slices.Collect(strings.Lines(string(text))) {
		if i%step != 0 {
			continue
		}
		if change != nil {
			var parsed typed
			must(t, json.Unmarshal([]byte(line), &parsed))
			change(parsed)
			made, err := json.Marshal(parsed)
			must(t, err)
			line = string(made) + "\n"
		}
		lines = append(lines, line)
	}
	must(t, os.WriteFile(filepath.Join(dir, file), []byte(strings.Join(lines, "")), 0o666))
}

// replayElsewhere runs what a directory holds, and nothing else.
func replayElsewhere(t *testing.T, dir string) (said string, err error) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.v", "-test.run", "^(TestReplay|TestOracle(Values|Malformed))$")
	cmd.Env = append(os.Environ(), "SESS_ORACLE="+dir, "SESS_ORACLE_ALONE=1", "SESS_ORACLE_ONLY=")
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func TestReplayElsewhere(t *testing.T) {
	part := t.TempDir()
	files, err := filepath.Glob(filepath.Join(oracleData, "scenarios", "*", "*.json"))
	must(t, err)
	for i := 0; i < len(files); i += 5 {
		name, err := filepath.Rel(filepath.Join(oracleData, "scenarios"), files[i])
		must(t, err)
		copyScenario(t, part, strings.TrimSuffix(name, ".json"), nil)
	}
	copyLines(t, part, "values.jsonl", 5, nil)
	copyLines(t, part, "malformed.jsonl", 5, nil)
	said, err := replayElsewhere(t, part)
	if err != nil {
		t.Errorf("a part of our data: %v\n%s", err, said)
	}
	for _, line := range []string{"scenarios: 86 run", "values: 433 run, 0 failed", "malformed: 144 run, 0 failed"} {
		if !strings.Contains(said, line) {
			t.Errorf("no %q:\n%s", line, said)
		}
	}
}

func TestReplayOfChangedRecordings(t *testing.T) {
	changed := t.TempDir()
	copyScenario(t, changed, "abort/first-visit", nil)
	// Each of these has one thing that PHP did otherwise: a result, a callback's argument, a header, what is stored.
	request := func(golden typed, i int) typed { return objectOf(listOf(golden["requests"])[i]) }
	copyScenario(t, changed, "abort/discards", func(golden typed) {
		objectOf(listOf(request(golden, 0)["steps"])[3])["result"] = typed{"t": "int", "v": "7"}
	})
	copyScenario(t, changed, "abort/not-active", func(golden typed) {
		request(golden, 0)["store"] = []any{typed{"id": "sid-9", "data": "n|i:9;"}}
	})
	copyScenario(t, changed, "abort/then-start", func(golden typed) {
		start := objectOf(listOf(request(golden, 0)["steps"])[0])
		objectOf(listOf(start["calls"])[0])["args"] = []any{"/elsewhere", "PHPSESSID"}
	})
	copyScenario(t, changed, "abort/then-encode", func(golden typed) {
		request(golden, 0)["headers"] = []any{[]any{"Cache-Control", "public"}}
	})
	// i:7;, which neither of the two lines is.
	const seven = "aTo3Ow=="
	only := func(number float64) func(line typed) {
		return func(line typed) {
			if line["i"] == number {
				line["serialize"] = seven
				if verdict := objectOf(line["unserialize"]); verdict != nil {
					verdict["serialize"] = seven
				}
			}
		}
	}
	copyLines(t, changed, "values.jsonl", 100, only(100))
	copyLines(t, changed, "malformed.jsonl", 60, only(60))
	said, err := replayElsewhere(t, changed)
	if err == nil {
		t.Error("changed recordings were no failure")
	}
	for _, line := range []string{
		"scenarios: 5 run, 1 equal, 0 deviations, 0 informative, 4 failed",
		"abort/discards: ", "abort/not-active: ", "abort/then-start: ", "abort/then-encode: ",
		"values: 22 run, 1 failed", "malformed: 12 run, 1 failed",
	} {
		if !strings.Contains(said, line) {
			t.Errorf("no %q:\n%s", line, said)
		}
	}
}
