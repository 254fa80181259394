package sess

import (
	"time"

	"example.com/libsess/go/internal/csess"
)

// UserKind says which of the clocks sess.anon.*, sess.login.* and sess.remember.* apply to a session.
type UserKind int

const (
	// Anonymous: nobody is logged in.
	Anonymous UserKind = csess.KindAnonymous
	// LoggedIn: by [Session.Login], or by the application itself, which sess.user_key shows.
	LoggedIn UserKind = csess.KindLogin
	// RememberedLogin: by [Session.Login] with [Remember].
	RememberedLogin UserKind = csess.KindRemembered
)

// String returns the name of the kind.
func (k UserKind) String() string {
	switch k {
	case Anonymous:
		return "anonymous"
	case LoggedIn:
		return "login"
	case RememberedLogin:
		return "remembered"
	}
	return "unknown"
}

// Ending says why a client did not get the session it asked for.
type Ending int

const (
	// EndNone: it did, or it asked for none.
	EndNone Ending = csess.EndNone
	// EndUnknownID: nobody knows the id, or not any more.
	EndUnknownID Ending = csess.EndUnknownID
	// EndIdle: unused for longer than sess.*.idle.
	EndIdle Ending = csess.EndIdle
	// EndAbsolute: older than sess.*.absolute.
	EndAbsolute Ending = csess.EndAbsolute
	// EndRotated: the session went on under another id, which this client was not given.
	EndRotated Ending = csess.EndRotated
	// EndUserLost: it was ended with [UserLost].
	EndUserLost Ending = csess.EndUserLost
	// EndRevoked: it was revoked.
	EndRevoked Ending = csess.EndRevoked
)

// String returns the name of the ending.
func (e Ending) String() string {
	names := [...]string{EndNone: "none", EndUnknownID: "unknown_id", EndIdle: "idle", EndAbsolute: "absolute",
		EndRotated: "rotated", EndUserLost: "user_lost", EndRevoked: "revoked"}
	if e < 0 || int(e) >= len(names) {
		return "unknown"
	}
	return names[e]
}

// User returns who is logged in: the user that [Session.Login] was given, else what the application's own key says
// (sess.user_key). false: nobody.
func (s *Session) User() (user string, ok bool) {
	f := s.facts()
	return f.User, f.IsLogin
}

// AuthAge returns for how long the user has been logged in, counted from the last [Session.Login]. false: nobody is, or
// the application did it without Login. Ask for the password again before what must not be done by somebody who found
// an open browser:
//
//	if age, ok := s.AuthAge(); !ok || age > 15*time.Minute {
func (s *Session) AuthAge() (age time.Duration, ok bool) {
	f := s.facts()
	return seconds(f.AuthAge), f.AuthAge >= 0
}

// Kind returns which clocks apply.
func (s *Session) Kind() UserKind { return UserKind(s.facts().Kind) }

// Created returns when the session began, under whatever id; the zero time if that is not known.
func (s *Session) Created() time.Time {
	f := s.facts()
	if f.Created < 0 {
		return time.Time{}
	}
	return time.Unix(f.Created, 0)
}

// ExpiresIn returns for how long the session still lives if it is not used any more. false: no clock runs. 0 is still
// alive.
func (s *Session) ExpiresIn() (left time.Duration, limited bool) {
	f := s.facts()
	return seconds(f.ExpiresIn), f.ExpiresIn >= 0
}

// PreviousEnd returns why the client did not get the session it asked for, to tell it why it has to log in again.
func (s *Session) PreviousEnd() Ending { return Ending(s.facts().Ending) }

// IsStored tells whether Close keeps what is set. It does not before the client has returned its cookie (sess.create =
// second_request), where sessions of this kind are not kept (sess.moin_lifetime), and in requests that were under way
// when a login gave the session another id: those have an empty session of their own, and send no cookie.
func (s *Session) IsStored() bool { return s.facts().IsStored }

// facts are what C knows, with neutral values where there is no session in C, or C is inside of it.
func (s *Session) facts() csess.Facts {
	nested := s.enter()
	defer s.leaveData(nested)
	if h := s.h.Load(); h != nil && s.readable(nested) == nil {
		return h.Facts()
	}
	return csess.Facts{AuthAge: -1, Created: -1, ExpiresIn: -1}
}

// seconds is a number of seconds, none for those that are not known.
func seconds(n int64) time.Duration {
	const most = int64(1<<63-1) / int64(time.Second)
	return time.Duration(min(max(n, 0), most)) * time.Second
}
