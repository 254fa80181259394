package sess

import (
	"context"
	"net/http"
)

// Middleware gives every request a session, which is started when a handler asks for it.
func (m *Manager) Middleware(next http.Handler) http.Handler { panic(unfinished) }

// Session returns the session of the request that ctx belongs to, which may not have been started. It is nil
// without [Manager.Middleware].
func (m *Manager) Session(ctx context.Context) *Session { panic(unfinished) }

// Start starts the session of the request that ctx belongs to: session_start(). Called again it returns the same
// session. [ErrNoRequest] without [Manager.Middleware].
func (m *Manager) Start(ctx context.Context, opts ...StartOption) (*Session, error) {
	panic(unfinished)
}

// Outgoing prepares a request that is passed on to PHP: it saves and unlocks what this request holds and puts the id
// in force into the Cookie header.
func (m *Manager) Outgoing(r *http.Request) *http.Request { panic(unfinished) }
