package sess

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
)

// field is one of a struct that stands under a key.
type field struct {
	key   string
	index []int
	loose bool
	// tagged ones win over others of the same key and depth.
	tagged bool
}

// structure is what a struct type holds, in the order of its declaration.
type structure struct {
	fields []field
	byKey  map[string]int
	err    error
}

// structures are those that were asked for, by type.
var structures sync.Map

func structureOf(t reflect.Type) *structure {
	if known, ok := structures.Load(t); ok {
		return known.(*structure)
	}
	s := &structure{}
	s.collect(t, nil, map[reflect.Type]bool{})
	s.dropHidden()
	known, _ := structures.LoadOrStore(t, s)
	return known.(*structure)
}

// collect lists the fields of t and of the structs embedded in it.
func (s *structure) collect(t reflect.Type, path []int, inside map[reflect.Type]bool) {
	if inside[t] {
		return
	}
	inside[t] = true
	defer delete(inside, t)
	for i := range t.NumField() {
		f := t.Field(i)
		tag, hasTag := f.Tag.Lookup("sess")
		if tag == "-" {
			continue
		}
		name, options, _ := strings.Cut(tag, ",")
		if options != "" && options != "loose" {
			s.err = fmt.Errorf("%w: field %s of %v has the unknown option %q in its tag", ErrType, f.Name, t, options)
			return
		}
		index := append(slices.Clone(path), i)
		embedded := f.Type
		if embedded.Kind() == reflect.Pointer {
			embedded = embedded.Elem()
		}
		if f.Anonymous && name == "" && embedded.Kind() == reflect.Struct && formOf(embedded) == plain {
			s.collect(embedded, index, inside)
			continue
		}
		if !f.IsExported() {
			continue
		}
		s.fields = append(s.fields, field{cmp.Or(name, f.Name), index, options == "loose", hasTag && name != ""})
	}
}

// dropHidden applies Go's rule for embedded fields: of equal keys the least nested wins, among those a tagged one; of
// several that are still equal none does.
func (s *structure) dropHidden() {
	better := func(a, b field) bool {
		return len(a.index) < len(b.index) || len(a.index) == len(b.index) && a.tagged && !b.tagged
	}
	all := s.fields
	s.fields = slices.DeleteFunc(slices.Clone(all), func(f field) bool {
		return slices.ContainsFunc(all, func(other field) bool {
			return other.key == f.key && !slices.Equal(other.index, f.index) && !better(f, other)
		})
	})
	s.byKey = make(map[string]int, len(s.fields))
	for i, f := range s.fields {
		s.byKey[f.key] = i
	}
}

// find looks a key up, first where it stands if the data has the order of the struct.
func (s *structure) find(key string, guess int) (int, bool) {
	if guess < len(s.fields) && s.fields[guess].key == key {
		return guess, true
	}
	at, ok := s.byKey[key]
	return at, ok
}
