package main

import (
	"context"
	"errors"
	"slices"
	"time"

	"example.com/libsess/go/sess"
)

const (
	administrator = "root"
	// All of the wiki's own lies under one key, so that other programs can share the session.
	namespace   = "DWexample"
	preferences = "DOKU_PREFS"
	longestPath = 5
	tokenAge    = 10 * time.Hour
)

// visitor is what the wiki keeps of one.
type visitor struct {
	Visits int      `sess:"visits"`
	Trail  []string `sess:"trail"`
	// SetUID is whom an administrator has become.
	SetUID string `sess:"setuid"`
	// Message is what a request leaves for the page that follows.
	Message string `sess:"message"`
	Note    string `sess:"note"`
}

func visitorOf(s *sess.Session) (v visitor, err error) {
	v, err = sess.Get[visitor](s, namespace)
	if errors.Is(err, sess.ErrNotFound) {
		return visitor{}, nil
	}
	return v, err
}

// change changes what is kept.
func change(s *sess.Session, f func(v *visitor)) error {
	v, err := visitorOf(s)
	if err != nil {
		return err
	}
	f(&v)
	return s.Set(namespace, v)
}

// addToTrail adds a page to those that were seen last: newest last, none twice. The same trail is returned if nothing
// changes.
func addToTrail(trail []string, page string) []string {
	if n := len(trail); n > 0 && trail[n-1] == page {
		return trail
	}
	trail = slices.DeleteFunc(slices.Clone(trail), func(seen string) bool { return seen == page })
	trail = append(trail, page)
	return trail[max(0, len(trail)-longestPath):]
}

type pageKey struct{}

// beforeClose is the last moment at which a change costs no further write: what DokuWiki's plugins do when the wiki has
// started, before the session is closed and the page is made.
func beforeClose(ctx context.Context, s *sess.Session) error {
	page, isView := ctx.Value(pageKey{}).(string)
	// Where nothing is kept, nobody's steps are.
	if !isView || !s.IsStored() {
		return nil
	}
	v, err := visitorOf(s)
	if err != nil {
		return err
	}
	trail := addToTrail(v.Trail, page)
	if slices.Equal(trail, v.Trail) {
		return nil
	}
	v.Trail = trail
	return s.Set(namespace, v)
}
