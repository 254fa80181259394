package main

import (
	"errors"
	"net/http"

	"example.com/libsess/go/sess"
)

// errBadForm is a form that lacks something.
var errBadForm = errors.New("the form lacks something")

// action is what a POST request does to an active session.
type action func(s *sess.Session, r *http.Request) error

func login(s *sess.Session, r *http.Request) error {
	user := r.PostFormValue("user")
	if user == "" {
		return errBadForm
	}
	var options []sess.LoginOption
	if r.PostFormValue("remember") != "" {
		options = append(options, sess.Remember())
	}
	return s.Login(r.Context(), user, options...)
}

func logout(s *sess.Session, r *http.Request) error { return s.Logout(r.Context()) }

func checkForm(s *sess.Session, r *http.Request, purpose string) error {
	return s.CheckToken(purpose, r.PostFormValue("token"), tokenAge)
}

// become lets an administrator be somebody else, under an id of its own each way: who knew the one would have the other.
func become(s *sess.Session, r *http.Request) error {
	if err := checkForm(s, r, "become"); err != nil {
		return err
	}
	if user, _ := s.User(); user != administrator {
		return sess.ErrRefused
	}
	other := r.PostFormValue("user")
	if other == "" {
		return errBadForm
	}
	if err := s.Regenerate(true); err != nil {
		return err
	}
	return change(s, func(v *visitor) { v.SetUID = other })
}

func becomeOneself(s *sess.Session, r *http.Request) error {
	if err := checkForm(s, r, "become"); err != nil {
		return err
	}
	if err := s.Regenerate(true); err != nil {
		return err
	}
	return change(s, func(v *visitor) { v.SetUID = "" })
}

func takeNote(s *sess.Session, r *http.Request) error {
	if err := checkForm(s, r, "note"); err != nil {
		return err
	}
	return change(s, func(v *visitor) { v.Note = r.PostFormValue("text") })
}

// setPreferences keeps no session data: a cookie of its own, sent only when it changes.
func setPreferences(s *sess.Session, r *http.Request) error {
	value := "size#" + r.PostFormValue("size")
	if old, err := s.Cookie(preferences); err == nil && old == value {
		return nil
	}
	return s.SetCookie(&http.Cookie{Name: preferences, Value: value, Path: "/", MaxAge: 365 * 24 * 3600})
}
