package sess

import (
	"context"
	"errors"
	"time"

	"example.com/libsess/go/internal/csess"
)

// PerSession returns a Handler that makes one for each session, when it is first opened, and hands
// everything on to it: PHP's one object per request. A handler made so may keep what it needs in its
// fields, without locking. What it lacks of the optional methods counts as missing. An error of newHandler
// is that of Open.
//
// A session that moves to another id ([Session.Login], [Session.RegenerateID], a rotation) gets a second one, for the
// record of the new id, which is opened while the first is open and goes on in its place.
func PerSession(newHandler func(ctx context.Context) (Handler, error)) Handler {
	return &perSession{newHandler}
}

type perSession struct {
	newHandler func(ctx context.Context) (Handler, error)
}

// ownKey is what a handler was made for: which PerSession, and which of the session's calls.
type ownKey struct {
	made *perSession
	call uintptr
}

// of returns the call's own handler, nil if none was made.
func (p *perSession) of(ctx context.Context) (own Handler) {
	call := CallOf(ctx)
	call.use(func(raw csess.Call) {
		if number := raw.State(); number != 0 {
			own = call.binding.own[ownKey{p, number}]
		}
	})
	return own
}

// keyOf is the key of the call that runs, which gets a number if it has none; false: there is no such call.
func (p *perSession) keyOf(call *Call) (key ownKey, runs bool) {
	runs = call.use(func(raw csess.Call) {
		number := raw.State()
		if number == 0 {
			call.binding.calls++
			number = call.binding.calls
			raw.SetState(number)
		}
		key = ownKey{p, number}
	})
	return key, runs
}

func (p *perSession) Open(ctx context.Context, savePath, name string) error {
	call := CallOf(ctx)
	key, runs := p.keyOf(call)
	if !runs {
		return ErrNoCall
	}
	own := call.binding.own[key]
	if own == nil {
		var err error
		if own, err = p.newHandler(ctx); err != nil {
			return err
		}
		if own == nil {
			return errors.New("PerSession: no handler was made")
		}
		if call.binding.own == nil {
			call.binding.own = make(map[ownKey]Handler, 1)
		}
		call.binding.own[key] = own
	}
	return own.Open(ctx, savePath, name)
}

func (p *perSession) Close(ctx context.Context) error {
	own := p.of(ctx)
	if own == nil {
		// Close follows an Open that could make none.
		return nil
	}
	return own.Close(ctx)
}

func (p *perSession) Read(ctx context.Context, id string) ([]byte, error) {
	own := p.of(ctx)
	if own == nil {
		return nil, ErrNoCall
	}
	return own.Read(ctx, id)
}

func (p *perSession) Write(ctx context.Context, id string, data []byte) error {
	own := p.of(ctx)
	if own == nil {
		return ErrNoCall
	}
	return own.Write(ctx, id, data)
}

func (p *perSession) Destroy(ctx context.Context, id string) error {
	own := p.of(ctx)
	if own == nil {
		return ErrNoCall
	}
	return own.Destroy(ctx, id)
}

func (p *perSession) GC(ctx context.Context, maxLifetime time.Duration) (int, error) {
	own := p.of(ctx)
	if own == nil {
		return 0, ErrNoCall
	}
	return own.GC(ctx, maxLifetime)
}

func (p *perSession) CreateID(ctx context.Context) (string, error) {
	own := p.of(ctx)
	if has, _, _ := offersOf(own); !has {
		return "", errors.ErrUnsupported
	}
	return own.(IDHandler).CreateID(ctx)
}

func (p *perSession) ValidateID(ctx context.Context, id string) (bool, error) {
	own := p.of(ctx)
	if _, has, _ := offersOf(own); !has {
		return false, errors.ErrUnsupported
	}
	return own.(TimestampHandler).ValidateID(ctx, id)
}

func (p *perSession) UpdateTimestamp(ctx context.Context, id string, data []byte) error {
	own := p.of(ctx)
	if _, _, has := offersOf(own); !has {
		return errors.ErrUnsupported
	}
	return own.(TimestampHandler).UpdateTimestamp(ctx, id, data)
}
