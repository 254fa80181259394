// Package sess is PHP's session module for Go: PHP's calls in PHP's order, over session files that a
// running PHP shares, or over a [Handler] of your own (PHP's session_set_save_handler).
//
//	mgr, err := sess.New(sess.Files("/var/lib/php/sessions"))
//	...
//	err = mgr.Update(ctx, id, func(s *sess.Session) error {
//		n := sess.GetOr(s, "n", 0)
//		return s.Set("n", n+1)
//	})
//
// A [Manager] is made once for a site; it holds the settings, which carry PHP's own names
// ("session.gc_maxlifetime"). A [Session] is made for each request, by [Manager.Middleware] and
// [Manager.Start] inside net/http or by [Manager.Open] outside of it, and is let go of with
// [Session.Release]. Between its start and its close it holds the lock that PHP holds, so that requests of
// one visitor take turns: close early.
//
// # Contexts
//
// The context of a start bounds the wait for the lock and reading. Close, Abort, Destroy and Regenerate
// keep its values but not its cancellation: a client that went away does not cost a save. They are bounded
// by sess.save_timeout_ms instead.
//
// # Goroutines
//
// A Manager is for all goroutines at once. The methods of one Session take turns. A [Value] can be used
// by any goroutine for ever.
//
// # Errors
//
// Every failure is an [*Error] that names the operation; errors.Is finds one of the package's sentinels,
// the error of a handler, and the error of a context. Neither errors nor logs hold a whole session id,
// which is a secret that opens the session.
//
// # Building
//
// The package needs Linux, cgo and libsess. Inside the repository it links the static library that make
// leaves in build/; elsewhere the installed one (-lsess). The build tag libsess_pkgconfig asks pkg-config
// where that is.
package sess
