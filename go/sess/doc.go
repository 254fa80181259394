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
// # Values
//
// [Get], [As] and Unmarshal read PHP values into Go types, [Session.Set] and [ValueOf] write them. Reading is strict,
// and anything else is [ErrType]; after [Value.Loose], and in fields with the tag `sess:"name,loose"`, values are
// converted as PHP converts arguments of its own functions: PHP code stores form input and database rows as strings.
// White space around numbers is passed over, null is zero, and what has a fraction is no integer.
//
//	Go                  is written as        is read from             loose also from
//	bool                bool                 bool                     int, float, string, null
//	int, int8-int64     int                  int that fits            "42", "42.0", float, bool, null
//	uint, uint8-uint64  int; not over int64  int that fits            "42", "42.0", float, bool, null
//	float32, float64    float                float, int               "1.5", bool, null
//	string              string               string                   int, float, bool, null
//	[]byte, [N]byte     string               string (of N bytes)      int, float, bool, null
//	[]T, [N]T           list                 list (of N)              any array, in its order
//	map[string]T        array, sorted        array, object            -
//	map[int]T           array, sorted        array with int keys      -
//	struct              array                array, object            null
//	embedded struct     its fields           its fields               -
//	unexported field    -                    -                        -
//	sess:"-"            -                    -                        -
//	*T                  T; nil: null         T; null: nil             as T
//	nil slice, nil map  empty array          null                     -
//	any                 what it holds        everything               -
//	time.Time           int, Unix seconds    int, DateTime            "42", float, null
//	time.Duration       int, nanoseconds     int                      "42", "42.0", float, bool, null
//	TextMarshaler       string               string                   int, float, bool
//	Array               array, as ordered    array                    -
//	Value               what it is           everything               everything
//	cycle               ErrType              ErrType                  -
//	chan, func, ...     ErrType              ErrType                  -
//
// Integers that do not fit are [ErrType], never cut off. Floats keep every bit, NaN and -0 among them, and a float32
// is written with all digits of its value. A list is an array with the keys 0 to n-1 in order.
//
// Keys of maps are sorted, integers before texts, so that equal data is equal bytes. Text that is a decimal integer
// becomes an integer as a key, as in PHP: a map[string]int with the key "5" is array(5 => ...), and is read back with
// "5". Of objects the plain names of properties are keys, of private ones too.
//
// A struct is an array in the order of its fields, under the names that the tags give or else those of the fields;
// case matters. Elements without a field are passed over, fields without an element left as they are. Fields of
// embedded structs are promoted by Go's rules, as in encoding/json. Set replaces the whole array, and what has no
// field is gone then: keep it in an embedded Value, or change it with [Array].
//
// An any becomes nil, bool, int64, float64, string, []any for a list, map[string]any for another array and [Value] for
// an object, enum or custom object. An [Array] holds the same, but all arrays inside it are Arrays.
//
// A time.Time loses what is less than a second, and comes back in UTC; of DateTime and DateTimeImmutable objects the
// zone is kept. Types with encoding.TextMarshaler and encoding.TextUnmarshaler are strings; keys of maps are not.
//
// References are followed when read: both places get a value of their own. An object that holds itself can be looked
// at as a [Value], and is ErrType for other types. What references repeat is bounded, as is nesting (4096).
//
// # Logins
//
// [Session.Login] gives a session to a user, under a new id; the old one leads nowhere from then on. [Session.Logout]
// ends it under every id. How long it lasts, what its cookie is called and when a record is made are directives
// (sess.login.idle, sess.cookie_name, sess.create, ...), which the manual of the settings lists; sess.policy sets several
// by name. [Session.User], [Session.AuthAge] and [Session.PreviousEnd] tell what a page has to know.
// [Session.Token] and [Session.CheckToken] guard forms. [Clock] lets tests of all that not wait.
//
//	if err := s.Login(r.Context(), user); err != nil {
//		...
//	}
//
// In the profiles of PHP (sess.profile) none of this exists, and costs nothing.
//
// # Contexts
//
// The context of a start bounds the wait for the lock and reading. Close, Abort, Destroy, Regenerate, Login and Logout
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
