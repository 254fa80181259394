package sess

import (
	"context"
	"net/http"

	"example.com/libsess/go/internal/csess"
)

// LoginOption is for [Session.Login].
type LoginOption interface{ loginOption() }

// LogoutOption is for [Session.Logout].
type LogoutOption interface{ logoutOption() }

type loginFlag uint32

func (loginFlag) loginOption() {}

type logoutFlag uint32

func (logoutFlag) logoutOption() {}

// Remember makes the clocks and the cookie of sess.remember.* apply.
func Remember() LoginOption { return loginFlag(csess.LoginRemember) }

// ClearSiteData has the browser clear what it keeps for the site: caches, cookies, storage.
func ClearSiteData() LogoutOption { return logoutFlag(csess.LogoutClearSiteData) }

// UserLost says that the user has vanished, rather than wanting to go: [Session.PreviousEnd] and the log tell.
func UserLost() LogoutOption { return logoutFlag(csess.LogoutUserLost) }

// Login says that the user has proved who he is. The session goes on under a new id, with its data and the clocks of a
// login, and the cookie goes out with the response. The old id leads nowhere from now on: requests that are still under
// way with it get an empty session, which is not stored and sends no cookie. Again for the same user it renews
// [Session.AuthAge]. The application's own key of a login (sess.user_key) is its own to set.
//
// The session has to be active ([ErrNotActive]) and the response not begun ([ErrHeadersSent]). [ErrRefused] where
// sess.moin_lifetime disables such logins, and where another login has left the id of this request, as when a form was
// sent twice: nothing is made and no cookie sent, the first one stands. errors.ErrUnsupported in the profiles of PHP.
// After a failure nobody is logged in that was not before, and the session goes on under its id.
//
// ctx gives its values to the callbacks of a [Handler]. Its end does not stop a login halfway; sess.save_timeout_ms
// bounds it.
func (s *Session) Login(ctx context.Context, user string, opts ...LoginOption) error {
	flags := uint32(0)
	for _, o := range opts {
		flags |= uint32(o.(loginFlag))
	}
	return s.move(ctx, opLogin, func(h *handle, timeout int64) *csess.Failure {
		return h.Login(user, flags, timeout)
	})
}

// Logout destroys the session under every id it has, and makes the client forget its cookie. Data stays readable here. A
// request that is still under way with it cannot save any more: its Close is [ErrGone].
//
// The session has to be active ([ErrNotActive]). After the response has begun the session is destroyed all the same; the
// cookie stays with the client and leads nowhere, which is logged. ctx is used as by [Session.Login].
func (s *Session) Logout(ctx context.Context, opts ...LogoutOption) error {
	flags := uint32(0)
	for _, o := range opts {
		flags |= uint32(o.(logoutFlag))
	}
	return s.move(ctx, opLogout, func(h *handle, timeout int64) *csess.Failure {
		f := h.Logout(flags, timeout)
		if s.response != nil {
			h.clearSiteData(s.response)
		}
		return f
	})
}

// move runs what may have to wait for the lock of another record, while it holds that of this one. So it must not wait
// for one of the places in C, whose owners may wait for this session.
func (s *Session) move(ctx context.Context, op string, run func(h *handle, timeout int64) *csess.Failure) error {
	if err := s.lock(op); err != nil {
		return err
	}
	defer s.unlock()
	if s.status != Active {
		return s.notActive(op)
	}
	h := s.h.Load()
	timeout := int64(-1)
	if s.waits >= 0 {
		timeout = s.waits.Milliseconds()
	}
	h.binding.begin(s.saveOperationOf(ctx))
	f := run(h, timeout)
	s.moved(h)
	return s.failed(op, f)
}

// clearSiteData adds the header of that name, which comes after the start has added the others.
func (h *handle) clearSiteData(dst http.Header) {
	for _, header := range h.headers() {
		if header.Name == "Clear-Site-Data" {
			dst.Set(header.Name, header.Value)
		}
	}
}
