package scs

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	real "github.com/alexedwards/scs/v2"
	"github.com/gorilla/sessions"

	"example.com/libsess/go/adapters/gorilla"
	"example.com/libsess/go/sess"
)

// A site as far as the benchmarks know it: how its requests look at a string of their session, and how they change it.
type site struct {
	name         string
	fill         http.Handler
	look, change http.Handler
}

// fields make a session of 2 KiB.
func fields() map[string]string {
	f := map[string]string{"user": "eve"}
	for i := range 19 {
		f[fmt.Sprintf("field%02d", i)] = strings.Repeat("x", 88)
	}
	return f
}

// directory is in memory where the machine has such a place: the disk is not what is compared.
func directory(b *testing.B) string {
	dir, err := os.MkdirTemp("/dev/shm", "sess")
	if err != nil {
		return b.TempDir()
	}
	b.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func withMethods(name string, m methods) site {
	return site{name,
		m.LoadAndSave(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			for key, value := range fields() {
				m.Put(r.Context(), key, value)
			}
		})),
		m.LoadAndSave(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if m.GetString(r.Context(), "user") != "eve" {
				panic("nobody")
			}
			w.WriteHeader(http.StatusOK)
		})),
		m.LoadAndSave(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			m.Put(r.Context(), "field00", m.GetString(r.Context(), "user")+time.Now().Format(time.StampNano))
			w.WriteHeader(http.StatusOK)
		})),
	}
}

// withMiddleware uses the package itself, and looks without keeping a lock.
func withMiddleware(b *testing.B, name string, h sess.Handler) site {
	m, err := sess.New(h)
	must(b, err)
	b.Cleanup(func() { must(b, m.Close()) })
	each := func(f func(w http.ResponseWriter, s *sess.Session), options ...sess.StartOption) http.Handler {
		return m.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			s, err := m.Start(r.Context(), options...)
			must(b, err)
			f(w, s)
		}))
	}
	return site{name,
		each(func(_ http.ResponseWriter, s *sess.Session) {
			for key, value := range fields() {
				must(b, s.Set(key, value))
			}
		}),
		each(func(w http.ResponseWriter, s *sess.Session) {
			if user, err := sess.Get[string](s, "user"); err != nil || user != "eve" {
				panic("nobody")
			}
			w.WriteHeader(http.StatusOK)
		}, sess.ReadOnly()),
		each(func(w http.ResponseWriter, s *sess.Session) {
			must(b, s.Set("field00", sess.GetOr(s, "user", "")+time.Now().Format(time.StampNano)))
			w.WriteHeader(http.StatusOK)
		}),
	}
}

func withGorilla(b *testing.B, name string, store sessions.Store) site {
	const cookie = "PHPSESSID"
	return site{name,
		http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			session, err := store.Get(r, cookie)
			must(b, err)
			for key, value := range fields() {
				session.Values[key] = value
			}
			must(b, session.Save(r, w))
		}),
		http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			session, err := store.Get(r, cookie)
			must(b, err)
			if session.Values["user"] != "eve" {
				panic("nobody")
			}
			w.WriteHeader(http.StatusOK)
		}),
		http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			session, err := store.Get(r, cookie)
			must(b, err)
			session.Values["field00"] = session.Values["user"].(string) + time.Now().Format(time.StampNano)
			must(b, session.Save(r, w))
			w.WriteHeader(http.StatusOK)
		}),
	}
}

// BenchmarkRequest is one visitor's requests, one after the other: to look at a string in a session of 2 KiB, and to
// change one. cpu-ns/op is the time of processors, which other programs disturb less than ns/op.
func BenchmarkRequest(b *testing.B) {
	for _, newSite := range []func(b *testing.B) site{
		func(b *testing.B) site { return withMiddleware(b, "libsess,files", sess.Files(directory(b))) },
		func(b *testing.B) site { return withMiddleware(b, "libsess,memory", sess.Memory()) },
		func(b *testing.B) site {
			return withMethods("libsess_with_methods_of_scs,files", newManager(b, sess.Files(directory(b))))
		},
		func(*testing.B) site { return withMethods("scs,memstore", real.New()) },
		func(b *testing.B) site {
			return withGorilla(b, "libsess_as_store_of_gorilla,files", gorilla.NewStore(newManager(b, sess.Files(directory(b))).mgr))
		},
		func(b *testing.B) site {
			store := sessions.NewFilesystemStore(directory(b), []byte(strings.Repeat("k", 32)))
			store.MaxLength(0)
			return withGorilla(b, "gorilla,FilesystemStore", store)
		},
	} {
		s := newSite(b)
		b.Run("look/"+s.name, func(b *testing.B) { serve(b, s.fill, s.look) })
		b.Run("change/"+s.name, func(b *testing.B) { serve(b, s.fill, s.change) })
	}
}

func serve(b *testing.B, fill, page http.Handler) {
	first := httptest.NewRecorder()
	fill.ServeHTTP(first, httptest.NewRequest("GET", "/", nil))
	request := httptest.NewRequest("GET", "/", nil)
	for _, cookie := range first.Result().Cookies() {
		request.AddCookie(cookie)
	}
	w := discard{make(http.Header)}
	b.ReportAllocs()
	began := processors()
	for b.Loop() {
		clear(w.header)
		// gorilla hangs its registry on the request.
		r := *request
		page.ServeHTTP(w, &r)
	}
	b.ReportMetric(float64(processors()-began)/float64(b.N), "cpu-ns/op")
}

// discard is a response that nobody reads.
type discard struct{ header http.Header }

func (d discard) Header() http.Header         { return d.header }
func (d discard) Write(p []byte) (int, error) { return len(p), nil }
func (d discard) WriteHeader(int)             {}

// processors is the processor time of this process so far.
func processors() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
