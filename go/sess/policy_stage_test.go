package sess

import (
	"context"
	"log/slog"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// What policy cases are played on.

// beginning is when a case begins.
var beginning = time.Unix(1_000_000_000, 0)

// set moves the clock to so many seconds after the beginning.
func (c *testClock) set(at float64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = beginning.Add(time.Duration(at * float64(time.Second)))
}

// policyStage is a manager over one of the stores.
type policyStage struct {
	*Manager
	clock    *testClock
	events   *eventNames
	table    *table // nil over the built-in ones
	dir      string // of files
	settings map[string]string
}

type askedKey struct{}

func newPolicyStage(t *testing.T, store string, c policyCase) (*policyStage, error) {
	clock := newClock()
	stage := &policyStage{clock: clock, events: &eventNames{names: []string{}}, settings: c.Settings}
	opts := []Option{Clock(clock.Now), Logger(slog.New(stage.events)), Set("session.gc_probability", "0"),
		RequestFrom(func(r *http.Request) Request { return r.Context().Value(askedKey{}).(Request) })}
	for _, name := range slices.Sorted(maps.Keys(c.Settings)) {
		opts = append(opts, Set(name, c.Settings[name]))
	}
	if c.BeforeSave != nil {
		opts = append(opts, BeforeClose(func(_ context.Context, s *Session) error { return setAll(s, c.BeforeSave) }))
	}
	var h Handler
	switch store {
	case "memory":
		h = Memory()
	case "files":
		stage.dir = t.TempDir()
		h = Files(stage.dir)
	case "table":
		stage.table = newTable(clock.Now)
		stage.table.lockless = true
		h = stage.table.handler()
	default:
		t.Fatalf("no store is called %s", store)
	}
	m, err := New(h, opts...)
	stage.Manager = m
	return stage, err
}

// eventNames keeps the names of the events that are logged.
type eventNames struct{ names []string }

func (e *eventNames) Enabled(context.Context, slog.Level) bool { return true }

func (e *eventNames) Handle(_ context.Context, r slog.Record) error {
	r.Attrs(func(a slog.Attr) bool {
		if a.Key == "event" {
			e.names = append(e.names, a.Value.String())
		}
		return true
	})
	return nil
}

func (e *eventNames) WithAttrs([]slog.Attr) slog.Handler { return e }
func (e *eventNames) WithGroup(string) slog.Handler      { return e }

// records are what the store holds, by id; nil: it cannot be looked into.
func (s *policyStage) records() (map[string]string, error) {
	records := map[string]string{}
	switch {
	case s.table != nil:
		s.table.mu.Lock()
		defer s.table.mu.Unlock()
		for id, row := range s.table.rows {
			records[id] = string(row.data)
		}
	case s.dir != "":
		files, err := filepath.Glob(filepath.Join(s.dir, "sess_*"))
		if err != nil {
			return nil, err
		}
		for _, file := range files {
			data, err := os.ReadFile(file)
			if err != nil {
				return nil, err
			}
			records[strings.TrimPrefix(filepath.Base(file), "sess_")] = string(data)
		}
	default:
		return nil, nil
	}
	return records, nil
}

// inode is the number of an id's file.
func (s *policyStage) inode(id string) (uint64, error) {
	info, err := os.Stat(filepath.Join(s.dir, "sess_"+id))
	if err != nil {
		return 0, err
	}
	return info.Sys().(*syscall.Stat_t).Ino, nil
}

// put changes a record without the library; not isThere: it is gone.
func (s *policyStage) put(id, data string, isThere bool) error {
	if s.table != nil {
		s.table.mu.Lock()
		defer s.table.mu.Unlock()
		if !isThere {
			delete(s.table.rows, id)
			return nil
		}
		found, ok := s.table.rows[id]
		if !ok {
			found.created = s.clock.Now()
		}
		found.data, found.touched = []byte(data), s.clock.Now()
		s.table.rows[id] = found
		return nil
	}
	file := filepath.Join(s.dir, "sess_"+id)
	if !isThere {
		return os.Remove(file)
	}
	if err := os.WriteFile(file, []byte(data), 0o600); err != nil {
		return err
	}
	return os.Chtimes(file, time.Time{}, s.clock.Now())
}

// policyJar is what a client keeps of cookies: by name alone, the oldest first.
type policyJar struct{ cookies []*http.Cookie }

func (j *policyJar) header() string {
	var pairs []string
	for _, c := range j.cookies {
		pairs = append(pairs, c.Name+"="+c.Value)
	}
	return strings.Join(pairs, "; ")
}

func (j *policyJar) take(header http.Header) {
	for _, c := range (&http.Response{Header: header}).Cookies() {
		j.cookies = slices.DeleteFunc(j.cookies, func(kept *http.Cookie) bool { return kept.Name == c.Name })
		if c.MaxAge >= 0 { // below: Max-Age=0
			j.cookies = append(j.cookies, c)
		}
	}
}
