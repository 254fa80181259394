package main

import (
	"context"
	"errors"
	"html/template"
	"log/slog"
	"net/http"

	"example.com/libsess/go/sess"
)

// wiki is a wiki that has no texts, only visitors.
type wiki struct{ sessions *sess.Manager }

func newWiki(policy string, store sess.Handler, opts ...sess.Option) (*wiki, error) {
	mgr, err := sess.New(store, append(optionsOf(policy), opts...)...)
	return &wiki{mgr}, err
}

func (w *wiki) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{page}", w.view)
	for path, do := range map[string]action{"/login": login, "/logout": logout, "/become": become,
		"/return": becomeOneself, "/note": takeNote, "/prefs": setPreferences} {
		mux.HandleFunc("POST "+path, func(out http.ResponseWriter, r *http.Request) { w.act(out, r, do) })
	}
	return w.sessions.Middleware(mux)
}

// act does what a form asks for, and leads back.
func (w *wiki) act(out http.ResponseWriter, r *http.Request, do action) {
	s, err := w.sessions.Start(r.Context())
	if err == nil {
		err = do(s, r)
	}
	if err == nil {
		err = s.Close()
	}
	// Stored after the close, by opening the session once more.
	if err == nil && s.Status() == sess.Closed {
		err = s.Update(r.Context(), func(s *sess.Session) error {
			return change(s, func(v *visitor) { v.Message = "done" })
		})
	}
	if err != nil {
		failed(out, r, s, err)
		return
	}
	http.Redirect(out, r, "/FrontPage", http.StatusSeeOther)
}

// view opens, does what has to be done, closes, and only then makes the page, as slow as the client may be.
func (w *wiki) view(out http.ResponseWriter, r *http.Request) {
	shown := page{Name: r.PathValue("page")}
	s, err := w.sessions.Start(context.WithValue(r.Context(), pageKey{}, shown.Name))
	if err == nil {
		err = shown.visit(s)
	}
	if err == nil {
		err = s.Close()
	}
	if err == nil {
		err = shown.read(s)
	}
	if err != nil {
		failed(out, r, s, err)
		return
	}
	if err := pageText.Execute(out, shown); err != nil {
		slog.DebugContext(r.Context(), "the client went away", "err", err)
	}
}

func failed(out http.ResponseWriter, r *http.Request, s *sess.Session, err error) {
	if s != nil {
		_ = s.Abort() // the error that counts is there already
	}
	status := http.StatusInternalServerError
	switch {
	case errors.Is(err, sess.ErrRefused):
		status = http.StatusForbidden
	case errors.Is(err, errBadForm):
		status = http.StatusBadRequest
	case errors.Is(err, sess.ErrLocked):
		status = http.StatusServiceUnavailable
	}
	slog.WarnContext(r.Context(), "session", "path", r.URL.Path, "err", err)
	http.Error(out, http.StatusText(status), status)
}

// page is what a page shows.
type page struct {
	Name       string
	IsStranger bool
	Message    string
	visitor
	User         string // whose rights count
	IsLoggedIn   bool
	IsRemembered bool
	Preferences  string
	NoteToken    string
	BecomeToken  string
}

// visit is what has to be done while the session is open.
func (p *page) visit(s *sess.Session) (err error) {
	v, err := visitorOf(s)
	if err != nil {
		return err
	}
	p.Message = v.Message
	p.IsStranger = s.IsNew()
	// MoinMoin's macro: a stranger is one whose browser has not brought a cookie back yet; what it is told from then on is
	// kept. Its page has no forms: there is no session yet that could know them again.
	if p.IsStranger {
		return nil
	}
	v.Message = ""
	v.Visits++
	if err = s.Set(namespace, v); err != nil {
		return err
	}
	if p.NoteToken, err = s.Token("note"); err != nil {
		return err
	}
	p.BecomeToken, err = s.Token("become")
	return err
}

// read is what needs no lock.
func (p *page) read(s *sess.Session) (err error) {
	if p.visitor, err = visitorOf(s); err != nil {
		return err
	}
	p.User, p.IsLoggedIn = s.User()
	if p.SetUID != "" {
		p.User = p.SetUID
	}
	p.IsRemembered = s.Kind() == sess.RememberedLogin
	p.Preferences, err = s.Cookie(preferences)
	if errors.Is(err, sess.ErrNotFound) {
		return nil
	}
	return err
}

var pageText = template.Must(template.New("page").Parse(`<!DOCTYPE html>
<h1>{{.Name}}</h1>
{{with .Message}}<p>Message: {{.}}</p>{{end}}
{{if .IsStranger}}<p>Hello, stranger</p>{{else}}<p>Visit {{.Visits}}</p>{{end}}
<p>Trail:{{range .Trail}} {{.}}{{end}}</p>
{{if .IsLoggedIn}}<p>User: {{.User}}</p><p>Logged in{{if .IsRemembered}} and remembered{{end}}</p>{{end}}
{{with .Note}}<p>Note: {{.}}</p>{{end}}
{{with .Preferences}}<p>Preferences: {{.}}</p>{{end}}
{{if .NoteToken}}<form method=post action=/note><input name=text><input type=hidden name=token value="{{.NoteToken}}"></form>
<form method=post action=/become><input name=user><input type=hidden name=token value="{{.BecomeToken}}"></form>{{end}}
`))
