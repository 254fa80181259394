/*
 * sess.h - the C interface of libsess, a session engine that speaks PHP's session protocol.
 *
 *     sess_options *opt = sess_options_new();
 *     sess_options_set(opt, "session.save_path", "/var/lib/php/sessions");
 *     sess_engine *eng = NULL;
 *     if (sess_engine_new(opt, &eng) != SESS_OK) die(sess_options_errmsg(opt));
 *     sess_options_free(opt);
 *
 *     sess_session *s = sess_new(eng);                  (one per request; no I/O yet)
 *     sess_set_cookie_header(s, cookie, SESS_NTS);
 *     if (sess_start(s, 0) != SESS_OK) die(sess_errmsg(s));
 *     sess_value *data = sess_data(s);                  (this is $_SESSION)
 *     int64_t n = 0;
 *     sess_value_to_int(sess_value_get(data, "n", SESS_NTS), &n);
 *     sess_value_set_int(data, "n", SESS_NTS, n + 1);
 *     if (sess_close(s) != SESS_OK) die(sess_errmsg(s)); (saves, then unlocks)
 *     ... send every sess_header_at(s, i, ...) ...
 *     sess_free(s);
 *
 * RETURN VALUES  What can fail returns sess_rc: SESS_OK (0) or a negative sess_code. The session (or the
 *   options) keeps code, text and errno of the last call that failed; success does not clear them; errors
 *   of sess_value_* are kept on their session, and functions that take a const handle only return theirs.
 *   What is refused because the handle is in use (inside a callback, an event function or a hook, beside
 *   another thread) or belongs to the parent leaves them as they were: look at the code that is returned.
 *   Error state is never thread-local. Out parameters are written only on success. Pointers must not be
 *   NULL where "may be NULL" is not said; a NULL is SESS_EINVAL, or the neutral value (NULL, 0, "", false)
 *   where no code is returned. Every *_free accepts NULL.
 * OWNERSHIP  You free handles, and nothing else: sess_options, sess_engine, sess_session, sess_cancel.
 *   Everything handed out is borrowed. VALUES and the bytes in them stay valid until the data is replaced
 *   as a whole (start, reset, update, decode, set_raw, recycle) or the session is freed; changing other
 *   keys does not move them. A value that was overwritten or removed stays readable; editing it gives
 *   SESS_ENOTFOUND. TEXT (messages, ids, options, headers, what encode gives): until the next call that
 *   takes the handle as non-const. sess_raw: until the session closes or starts, or set_raw replaces it;
 *   after a raw start that closed at once (SESS_START_READ_AND_CLOSE), until the next start.
 *   What you pass in is copied before the call returns and may be borrowed from the same handle, except
 *   what is passed together with a sess_free_fn.
 * TEXT  `const char *` without a length is NUL-terminated. With a length it may hold any byte, and the
 *   length may be SESS_NTS: up to the NUL. NULL with length 0 is empty.
 * THREADS  sess_engine and sess_cancel are for all threads at once. Options, sessions and their values may
 *   move between threads but not be used by two at once: the second call gets SESS_EMISUSE (or the neutral
 *   value) and leaves the error text alone; freeing a session that is in use, by another thread or by
 *   the callback it is in, does nothing. While, and only while, a lock is contended, libsess runs one
 *   thread of its own per contended id: all signals blocked, never in your code, never holding your
 *   pointers, gone a second after its last use, and with the last engine. The library cannot be unloaded by
 *   dlclose.
 * FORK  An engine made before fork() works in the child. A session made before fork() stays the parent's:
 *   in the child every call on it but sess_free gives SESS_EMISUSE (or the neutral value), and freeing it
 *   writes and unlocks nothing and calls none of the nine. Closing in the parent releases the lock even
 *   while the child lives. fork() is noticed by pthread_atfork; after a raw clone() only exec.
 * SIGNALS  Nothing here is async-signal-safe. libsess installs no handlers, sends no signals, uses no
 *   SIGALRM; interrupted system calls are resumed; descriptors are O_CLOEXEC; SIGXFSZ is not provoked.
 *   SIGBUS is possible only when a process of your own uid truncates a file that is mapped (large raw
 *   reads). Do not pthread_cancel a thread inside libsess. errno is not preserved.
 * MEMORY  Without memory a call is SESS_ENOMEM, or gives its neutral value with that as the last error
 *   (sess_new and the other *_new: NULL), and nothing has changed: what is stored stays, no lock is left
 *   behind, the handle goes on. The library ends the process for no allocation of its own, however small.
 *   Texts for which there is no memory are replaced by a fixed one.
 * PANICS  A bug inside libsess never unwinds into the caller: it becomes SESS_EPANIC, the lock is given
 *   up without saving, and the handle refuses all but its *_free and the last error. Callbacks must
 *   return: no longjmp, no C++ exception. One that gets out all the same ends the handle as a bug does;
 *   on machines other than x86-64 and AArch64 it ends the process.
 * PROFILES  sess.profile supplies defaults: "libsess" (secure), or "php82", "php86", "php5" (PHP's ways,
 *   weak defaults and all). What was set explicitly wins, in whatever order it was set.
 * POLICY  In profile "libsess" a session may keep one entry of its own among its data, under sess.meta_key.
 *   Values never show it; setting, editing or removing it is SESS_EINVAL, and clearing keeps it. The payload
 *   as bytes (sess_raw, sess_encode, sess_set_raw, sess_decode) shows and replaces it, and PHP sees it as
 *   one more element of $_SESSION. It is made by what needs it: sess_login, sess_token, a new id under an
 *   absolute clock, or such a clock over a storage that does not tell when a session was made.
 * VERSIONS  Within one soname functions, enum values, option keys and event names are only ever added,
 *   and structs that start with struct_size only grow at their end.
 *
 * MISUSE         not active         active        after sess_mark_headers_sent
 *   start        -                  EMISUSE (1)   EHEADERS (2)
 *   close, abort, reset, destroy, regenerate_id, gc, decode
 *                EMISUSE            -             regenerate_id: EHEADERS
 *   set_id, set_option, set_cookie_header, update
 *                -                  EMISUSE       all but set_cookie_header: EHEADERS (2)
 *   set, remove, clear, edit, set_raw
 *                EMISUSE (3)        -             -
 *   token        EMISUSE (4)        -             EHEADERS where the cookie could not be sent before
 *   token_check  EMISUSE (4)        -             -
 *   create_id, end, collect, inspect_lock, recycle, register_shutdown, the other set_*: always allowed;
 *   begin may be a start.
 *   (1) The session stays active. (2) PHP profiles; "libsess" refuses only what needs a new header, so a
 *   closed session opens again under its id. (3) The change would be lost. PHP profiles change the data
 *   in memory, as PHP does, and the next start drops it. (4) Before the first start; afterwards any session
 *   that has made a token will do.
 *   From inside a handler's callback or an event function: EMISUSE for every call on that session, or the
 *   neutral value; sess_data is NULL there, so what would edit it says EINVAL. From inside a hook, on the
 *   hook's own thread: only reading and editing data and the getters; the rest EMISUSE.
 */

#ifndef SESS_H
#define SESS_H

/* Generated by cbindgen from src/ffi/. Do not edit: change the Rust source. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SESS_VERSION_MAJOR 0
#define SESS_VERSION_MINOR 1
#define SESS_VERSION_PATCH 0
/** major * 1000000 + minor * 1000 + patch; compare with sess_version_number() at run time. */
#define SESS_VERSION_NUMBER \
    (SESS_VERSION_MAJOR * 1000000 + SESS_VERSION_MINOR * 1000 + SESS_VERSION_PATCH)

/* Define SESS_API or SESS_MUST_USE (as nothing) before the include to have them otherwise. */
#if !defined(SESS_API)
# define SESS_API __attribute__((visibility("default")))
#endif
#if !defined(SESS_MUST_USE)
# define SESS_MUST_USE __attribute__((warn_unused_result))
#endif

/** As a length: up to the NUL. */
#define SESS_NTS ((size_t)-1)
/** As a key's length, with a NULL key: the next free integer key, $a[] = v. */
#define SESS_APPEND ((size_t)-2)
/** Callbacks and hooks may return any code at or below this one; it reaches the caller unchanged. */
#define SESS_EUSER (-1000)
/* For C++. In C99: sess_handler h = { .struct_size = sizeof h, .open = my_open, ... }; */
#define SESS_HANDLER_INIT { sizeof(sess_handler), NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL }

/**
 * Longest id of the built-in backends and of profile "libsess", without the NUL.
 */
#define SESS_ID_MAX 256

/**
 * sess_start: decode nothing; only sess_raw and sess_set_raw see the payload, sess_data is empty.
 */
#define SESS_START_RAW 1

/**
 * sess_start: load, then unlock at once without saving (read_and_close). The lock is shared and held
 * only while reading: such readers do not wait for each other, and never hold up a writer for long.
 */
#define SESS_START_READ_AND_CLOSE 2

/**
 * sess_start: SESS_ENOTFOUND rather than begin a new session.
 */
#define SESS_START_EXISTING 4

/**
 * sess_start: open again what this request has closed, as sess_update does. SESS_EGONE: it was destroyed
 * meanwhile, or moved to an id that this request is not to know; no session begins and no cookie is sent.
 * Where nothing was stored yet, and for a session that a clock has ended, it is a start like any other.
 */
#define SESS_START_AGAIN 8

/**
 * sess_login: the user wants to be remembered; the clocks of sess.remember apply.
 */
#define SESS_LOGIN_REMEMBER 1

/**
 * sess_logout: have the browser clear what it keeps for the site (Clear-Site-Data: cache, cookies, storage).
 */
#define SESS_LOGOUT_CLEAR_SITE_DATA 1

/**
 * sess_logout: the user has vanished rather than left: sess_previous_end and the event USER_LOST say so.
 */
#define SESS_LOGOUT_USER_LOST 2

/**
 * How a lock is held.
 */
enum sess_lock_mode
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * It cannot be told.
     */
    SESS_LOCK_UNKNOWN = -1,
    /**
     * Nobody holds it.
     */
    SESS_LOCK_FREE = 0,
    /**
     * By some that read.
     */
    SESS_LOCK_SHARED = 1,
    /**
     * By one.
     */
    SESS_LOCK_EXCLUSIVE = 2,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum sess_lock_mode sess_lock_mode;
#else
typedef int32_t sess_lock_mode;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * Where a session is in its life. PHP's session_status() knows the first two; the rest is NONE there.
 */
enum sess_state
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * Not started yet, or the start failed.
     */
    SESS_NONE = 0,
    /**
     * Open and locked: changes will be saved.
     */
    SESS_ACTIVE = 1,
    /**
     * Unlocked: data can still be read; start opens it again.
     */
    SESS_CLOSED = 2,
    /**
     * The stored copy is gone; data can still be read.
     */
    SESS_DESTROYED = 3,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum sess_state sess_state;
#else
typedef int32_t sess_state;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * Which of a policy's clocks apply to a session. Values never change.
 */
enum sess_user_kind
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * Nobody is logged in: sess.anon.*
     */
    SESS_KIND_ANONYMOUS = 0,
    /**
     * Somebody is: sess.login.*
     */
    SESS_KIND_LOGIN = 1,
    /**
     * Somebody is who wants to be remembered: sess.remember.*
     */
    SESS_KIND_REMEMBERED = 2,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum sess_user_kind sess_user_kind;
#else
typedef int32_t sess_user_kind;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * Why a client did not get the session it asked for. Values never change; new ones may be added.
 */
enum sess_ending
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * It did, or asked for none.
     */
    SESS_END_NONE = 0,
    /**
     * Nothing is stored under the id, or it is malformed.
     */
    SESS_END_UNKNOWN_ID = 1,
    /**
     * Unused for longer than its idle clock allows, or sessions of its kind are not kept.
     */
    SESS_END_IDLE = 2,
    /**
     * Older than its absolute clock allows.
     */
    SESS_END_ABSOLUTE = 3,
    /**
     * It has moved to another id, and the old one leads there no more.
     */
    SESS_END_ROTATED = 4,
    /**
     * Its user has vanished.
     */
    SESS_END_USER_LOST = 5,
    /**
     * It was revoked.
     */
    SESS_END_REVOKED = 6,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum sess_ending sess_ending;
#else
typedef int32_t sess_ending;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * The kinds of value PHP can store. References are followed: see sess_value_reference.
 */
enum sess_type
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    SESS_TYPE_NULL = 0,
    SESS_TYPE_BOOL = 1,
    SESS_TYPE_INT = 2,
    SESS_TYPE_FLOAT = 3,
    SESS_TYPE_STRING = 4,
    SESS_TYPE_ARRAY = 5,
    SESS_TYPE_OBJECT = 6,
    /**
     * See sess_value_class and sess_value_case.
     */
    SESS_TYPE_ENUM = 7,
    /**
     * An object that serialized itself: see sess_value_payload.
     */
    SESS_TYPE_CUSTOM = 8,
    /**
     * A reference that cannot be resolved (behind a CUSTOM); kept as it is.
     */
    SESS_TYPE_OPAQUE = 9,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum sess_type sess_type;
#else
typedef int32_t sess_type;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * What went wrong. Values never change; new ones may be added, so keep a default branch.
 */
enum sess_code
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * Success.
     */
    SESS_OK = 0,
    /**
     * A NULL, unknown or malformed argument, or a key the format cannot hold.
     */
    SESS_EINVAL = -1,
    /**
     * Wrong state, inside a callback, two threads, or after fork().
     */
    SESS_EMISUSE = -2,
    /**
     * Out of memory.
     */
    SESS_ENOMEM = -3,
    /**
     * The system or the network failed: see sess_errno.
     */
    SESS_EIO = -4,
    /**
     * Others held the lock for the whole lock timeout: busy, try later.
     */
    SESS_ELOCKED = -5,
    /**
     * No such session, key or header.
     */
    SESS_ENOTFOUND = -6,
    /**
     * The id or prefix has a forbidden length or character.
     */
    SESS_EBADID = -7,
    /**
     * Bytes cannot be decoded, or data not be encoded; the stored stays.
     */
    SESS_EDATA = -8,
    /**
     * The payload is larger than sess.max_data_bytes.
     */
    SESS_ETOOBIG = -9,
    /**
     * A callback failed without saying more, or returned a positive code.
     */
    SESS_EHANDLER = -10,
    /**
     * A struct uses members this library does not know.
     */
    SESS_EVERSION = -11,
    /**
     * Not built in, or not offered by this backend.
     */
    SESS_EUNSUPPORTED = -12,
    /**
     * Wrong owner, mode or type of a path or file.
     */
    SESS_EUNSAFE = -13,
    /**
     * The response has begun: no cookie can be sent any more.
     */
    SESS_EHEADERS = -14,
    /**
     * Well-formed and in time, but a policy says no; the text names the rule, or the hook that said it.
     */
    SESS_EREFUSED = -15,
    /**
     * Others destroyed or replaced it while open here: nothing stored, final.
     */
    SESS_EGONE = -16,
    /**
     * The lock was taken from us (lease ran out): nothing stored, start again.
     */
    SESS_ELOST = -17,
    /**
     * sess_cancel_fire ended the wait.
     */
    SESS_ECANCELED = -18,
    /**
     * sess.max_waiters wait already: this call did not begin to wait.
     */
    SESS_EBUSY = -19,
    /**
     * An id that has to be new is in use, after every retry.
     */
    SESS_EEXIST = -20,
    /**
     * A bug in libsess was caught; the handle is dead.
     */
    SESS_EPANIC = -99,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum sess_code sess_code;
#else
typedef int32_t sess_code;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * When a hook runs.
 */
enum sess_when
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * Inside start, when the data is there. Failing: start fails, unlocks.
     */
    SESS_AFTER_START = 1,
    /**
     * Inside close, before encoding. Failing: unlocks, writes nothing.
     */
    SESS_BEFORE_SAVE = 2,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum sess_when sess_when;
#else
typedef int32_t sess_when;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * What a callback learns beyond its arguments, and how it answers; gone when it returns.
 */
typedef struct sess_call sess_call;

/**
 * Lets another thread end a wait.
 */
typedef struct sess_cancel sess_cancel;

/**
 * Settings and a backend, shared by any number of threads and sessions.
 */
typedef struct sess_engine sess_engine;

/**
 * Something worth knowing that happened; gone when the event function returns.
 */
typedef struct sess_event sess_event;

/**
 * Settings for an engine that is about to be made.
 */
typedef struct sess_options sess_options;

/**
 * One request's session.
 */
typedef struct sess_session sess_session;

/**
 * One value of the data, owned by its session.
 */
typedef struct sess_value sess_value;

/**
 * SESS_OK, a negative sess_code, or a callback's own code <= SESS_EUSER.
 */
typedef int32_t sess_rc;

/**
 * A storage backend: PHP's nine session callbacks (SessionHandlerInterface and its two companions).
 *
 * Zero the struct, set struct_size to sizeof(sess_handler), fill in the callbacks and hand it to
 * sess_options_set_handler, which copies it. The first six are required, the last three may be NULL; one
 * of these that returns SESS_EUNSUPPORTED counts as NULL for that call.
 * Every callback gets the `user` of the registration and a sess_call. Strings and data are borrowed until
 * it returns. An `id` is NUL-terminated and valid as the profile says: in "libsess" 22 to 256 characters
 * of [A-Za-z0-9,-], in the PHP profiles whatever PHP lets through, so check it before it becomes a path.
 * Return SESS_OK or, with a reason, sess_call_fail(...). Assume nothing about order or number of calls and
 * leave nothing half done. Callbacks of different sessions run at once on different threads.
 */
typedef struct {
    /**
     * sizeof(sess_handler) as the caller was compiled. New members are only added at the end.
     */
    size_t struct_size;
    /**
     * A session begins. May come again without a close (reset, regenerate_id), so look at
     * sess_call_state first: it is NULL only until it is set. A login, regenerate_id or rotation of profile
     * "libsess" opens a second sess_call of the session, for the new id, while the first is open: one that
     * cannot be served meanwhile, as all is locked, is SESS_ELOCKED or SESS_EBUSY at once, and the first call
     * alone is used. The session goes on by the second call; each gets its own close.
     */
    sess_rc (*open)(void *user, sess_call *call, const char *save_path, const char *session_name);
    /**
     * A session ends, also after errors and after an open that failed: the state may be NULL.
     * Unlock, free the state.
     */
    sess_rc (*close)(void *user, sess_call *call);
    /**
     * Lock and fetch; answer with sess_call_set_data or sess_call_lend_data. SESS_OK without an answer:
     * an empty session. SESS_ENOTFOUND: there is none (strict mode then takes a new id and reads that;
     * SESS_START_EXISTING ends here); keep no lock then.
     */
    sess_rc (*read)(void *user, sess_call *call, const char *id);
    /**
     * Store the whole payload; a later read gives exactly these bytes. SESS_ENOTFOUND: destroyed since
     * read, nothing stored (the host sees SESS_EGONE). A record that never was is made.
     */
    sess_rc (*write)(void *user, sess_call *call, const char *id, const uint8_t *data, size_t len);
    /**
     * Forget the session; forgetting one that does not exist is success.
     */
    sess_rc (*destroy)(void *user, sess_call *call, const char *id);
    /**
     * Drop sessions untouched for max_lifetime seconds; *removed is their number, or -1 if unknown.
     * See sess_call_gc_budget.
     */
    sess_rc (*gc)(void *user, sess_call *call, int64_t max_lifetime, int64_t *removed);
    /**
     * Make a new id that no session has, answer with sess_call_set_id. NULL: libsess makes one. Of the id of a
     * session that exists PHP profiles make that session; profile "libsess" refuses what the parent knows,
     * SESS_EEXIST.
     */
    sess_rc (*create_sid)(void *user, sess_call *call);
    /**
     * SESS_OK if this id is known, SESS_ENOTFOUND if not. NULL: known, unless read says ENOTFOUND.
     */
    sess_rc (*validate_sid)(void *user, sess_call *call, const char *id);
    /**
     * The payload is unchanged: renew its age only. SESS_ENOTFOUND as in write. NULL: write is called.
     */
    sess_rc (*update_timestamp)(void *user,
                                sess_call *call,
                                const char *id,
                                const uint8_t *data,
                                size_t len);
} sess_handler;

/**
 * Gives `ptr` back to its owner: called exactly once, also for a NULL `ptr`, on the thread that lets go
 * of the last use; never on one of libsess's own.
 */
typedef void (*sess_free_fn)(void *ptr);

/**
 * A hook. It may read and edit data; a code other than SESS_OK is what the outer call returns. Its text is
 * that of the hook's own call that failed with this code, else it names the hook and the code.
 */
typedef sess_rc (*sess_hook_fn)(void *user, sess_session *session);

/**
 * Receives events, on the thread of the call that caused them. It must not call the session.
 */
typedef void (*sess_event_fn)(void *user, const sess_event *event);

/**
 * Tells the time in Unix milliseconds, on any thread. It must not call a session.
 */
typedef int64_t (*sess_clock_fn)(void *user);

/**
 * Who holds the lock of an id: see sess_inspect_lock. Set struct_size before the call.
 */
typedef struct {
    /**
     * sizeof(sess_lock_info) as the caller was compiled. New members are only added at the end.
     */
    size_t struct_size;
    /**
     * How it is held.
     */
    sess_lock_mode held;
    /**
     * How many of this process wait for it.
     */
    uint32_t waiters;
    /**
     * The process that holds it, one of them if it is shared; -1 where the system does not show it, as
     * that of a process in another container.
     */
    int64_t pid;
    /**
     * For how many milliseconds; -1 unless the session that asks holds it.
     */
    int64_t held_ms;
} sess_lock_info;

/**
 * Borrowed bytes, not NUL-terminated. `data` is not NULL unless stated.
 */
typedef struct {
    const uint8_t *data;
    size_t len;
} sess_bytes;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/* ---- the library ------------------------------------------------------------------------------------ */

/**
 * The version of the library that is running, such as "1.4.2". Static.
 */
SESS_API const char *sess_version(void);

/**
 * SESS_VERSION_NUMBER of the library that is running.
 */
SESS_API uint32_t sess_version_number(void);

/**
 * Whether an optional part is built in: "redis", "redis-cluster", "tls". False for unknown names.
 */
SESS_API bool sess_has(const char *feature);

/**
 * The name of a code, such as "SESS_EIO"; "SESS_EUSER" for a callback's own, "?" else. Static.
 */
SESS_API const char *sess_code_name(sess_rc code);

/**
 * Directive number `i`, from 0; NULL past the end. Its type ("bool", "int", ...) and one-line manual go
 * to `type` and `text`, which may be NULL. All static.
 */
SESS_API
const char *sess_directive_at(size_t i,
                              const char **type,
                              const char **text);

/* ---- options: what an engine is made of ------------------------------------------------------------- */

/**
 * Options with libsess's defaults (see PROFILES). You free them. NULL only when out of memory.
 */
SESS_API sess_options *sess_options_new(void);

/**
 * Free options. Engines made from them are not affected.
 */
SESS_API void sess_options_free(sess_options *options);

/**
 * Set one directive as php.ini would: "session.save_path", ... and libsess's own "sess.lock_timeout_ms",
 * "sess.create", ... SESS_EINVAL for an unknown key or bad value; the text names the nearest key.
 */
SESS_API
sess_rc sess_options_set(sess_options *options,
                         const char *key,
                         const char *value);

/**
 * Read the session.* and sess.* lines of a php.ini (and the few others that sessions obey); lines that
 * are not about sessions are skipped. `name` is for messages. SESS_EINVAL with the line; nothing is set.
 */
SESS_API
sess_rc sess_options_load_ini(sess_options *options,
                              const char *text,
                              size_t len,
                              const char *name);

/**
 * The value in force, defaults included; NULL if there is no such directive.
 */
SESS_API const char *sess_options_get(const sess_options *options, const char *key);

/**
 * Store sessions through your own callbacks: session_set_save_handler(). The table is copied. `user` (may
 * be NULL) goes to every callback, and to `user_free` (may be NULL) once no engine or session needs it;
 * that holds, and happens at once, also when this call fails. SESS_EINVAL for a missing callback,
 * SESS_EVERSION for a table from the future.
 */
SESS_API
sess_rc sess_options_set_handler(sess_options *options,
                                 const sess_handler *handler,
                                 void *user,
                                 sess_free_fn user_free);

/**
 * Run `hook` in every session at that moment; one hook a moment, NULL removes it. `user` as above.
 */
SESS_API
sess_rc sess_options_set_hook(sess_options *options,
                              sess_when when,
                              sess_hook_fn hook,
                              void *user,
                              sess_free_fn user_free);

/**
 * Send events (what PHP raises as notices and warnings, and more) to `fn`; NULL: none. `user` as above.
 * Events about the settings themselves are sent when an engine is made of them.
 */
SESS_API
sess_rc sess_options_set_events(sess_options *options,
                                sess_event_fn fn,
                                void *user,
                                sess_free_fn user_free);

/**
 * Tell the time instead of the machine's clock, so that tests need not wait; NULL: the machine's again.
 * `user` as above. All of the policy goes by it, and what is written or touched bears it; the file system
 * still tells by its own when a file was made, which counts unless it is yet to come.
 */
SESS_API
sess_rc sess_options_set_clock(sess_options *options,
                               sess_clock_fn now,
                               void *user,
                               sess_free_fn user_free);

/**
 * Why the last failed call with these options failed, sess_engine_new included. "" if none did.
 */
SESS_API const char *sess_options_errmsg(const sess_options *options);

/* ---- engine ----------------------------------------------------------------------------------------- */

/**
 * Check the options together and make an engine; you free it. No I/O: a missing save path is an error of
 * start. SESS_EINVAL when options contradict each other, SESS_EUNSUPPORTED for what is not built in.
 */
SESS_API
SESS_MUST_USE
sess_rc sess_engine_new(sess_options *options,
                        sess_engine **engine);

/**
 * Let go of an engine. Sessions that still use it keep it alive.
 */
SESS_API void sess_engine_free(sess_engine *engine);

/* ---- session: one per request ----------------------------------------------------------------------- */

/**
 * A session for one request; you free it. No I/O. NULL when out of memory or engine is NULL.
 */
SESS_API sess_session *sess_new(sess_engine *engine);

/**
 * Free a session. One that is still active is aborted, not saved.
 */
SESS_API void sess_free(sess_session *session);

/**
 * Forget this request (abort, id, data, headers, options, errors, host, cancel) but keep the buffers:
 * the handle is as new, without the allocations. SESS_EMISUSE inside a callback.
 */
SESS_API
sess_rc sess_recycle(sess_session *session);

/**
 * Save and close this session at exit() if it is still active then, as PHP does when a script exits:
 * session_register_shutdown(). Holds until the session is freed. Sessions are saved in the order in which
 * they were registered, by one atexit function, so your own that were registered before it run later;
 * what callbacks need must live until then. Nothing is saved after _exit, by a child of fork(), or for a
 * session that is inside a call at that moment.
 */
SESS_API
sess_rc sess_register_shutdown(sess_session *session);

/**
 * A pointer of yours, for sess_call_host and sess_event_host. Never freed, may be NULL.
 */
SESS_API sess_rc sess_set_host(sess_session *session, void *host);

/**
 * The pointer given to sess_set_host, or NULL.
 */
SESS_API void *sess_host(const sess_session *session);

/**
 * The value of a Cookie: header, parsed at start; NULL with SESS_NTS, as from getenv, is no cookie. Call
 * again for each further such header line.
 */
SESS_API
sess_rc sess_set_cookie_header(sess_session *session,
                               const char *header,
                               size_t len);

/**
 * Use this id at the next start: session_id($id). SESS_EBADID in profile "libsess", always for a NUL.
 */
SESS_API
sess_rc sess_set_id(sess_session *session,
                    const char *id,
                    size_t len);

/**
 * Override a directive for this session: ini_set(), session_name($n), session_start([key => value]).
 * SESS_EINVAL as sess_options_set, or if it belongs to the engine; in a PHP profile there is no event of
 * that then, as ini_set() says false of it and nothing else.
 */
SESS_API
sess_rc sess_set_option(sess_session *session,
                        const char *key,
                        const char *value);

/**
 * The directive as it applies to this session: session_name(), ...; NULL if there is none of that name.
 */
SESS_API
const char *sess_option(const sess_session *session,
                        const char *key);

/**
 * How long starts of this session wait for the lock: 0 tries once, -1 for ever. Instead of the option.
 */
SESS_API
sess_rc sess_set_lock_timeout(sess_session *session,
                              int64_t milliseconds);

/**
 * Let `cancel` end the waits of this session; it is kept alive. NULL: no longer.
 */
SESS_API sess_rc sess_set_cancel(sess_session *session, sess_cancel *cancel);

/**
 * A token for sess_set_cancel; you free it. One may serve many sessions. NULL: out of memory.
 */
SESS_API sess_cancel *sess_cancel_new(void);

/**
 * End present and future waits of its sessions with SESS_ECANCELED. Any thread, any time before free.
 */
SESS_API
void sess_cancel_fire(sess_cancel *cancel);

/**
 * Let go of a token. Sessions that were given it keep it alive.
 */
SESS_API void sess_cancel_free(sess_cancel *cancel);

/* ---- life cycle ------------------------------------------------------------------------------------- */

/**
 * The request begins: starts the session if session.auto_start is on, as sess_start. Else, and if it is
 * active already, SESS_OK.
 */
SESS_API
SESS_MUST_USE
sess_rc sess_begin(sess_session *session);

/**
 * The request ends: saves and closes a session that is active, as PHP does at shutdown. Else SESS_OK.
 */
SESS_API
SESS_MUST_USE
sess_rc sess_end(sess_session *session);

/**
 * Lock and load, or begin a new session: session_start(). `flags` is 0 or SESS_START_*. A closed session
 * is opened again under its id. A new one reaches the store, and its cookie the headers, at once or with
 * the first value set, as sess.create says ("libsess": the latter). One whose clock has run out
 * (sess.anon.*, sess.login.*, sess.remember.*) is removed, and a new one begins: see sess_previous_end.
 * SESS_ELOCKED, SESS_ECANCELED and SESS_EBUSY end a wait; SESS_EDATA: the payload is damaged;
 * SESS_ENOTFOUND, SESS_EBADID, SESS_EHEADERS, SESS_EIO, SESS_EUNSAFE, a callback's or hook's code. After a
 * failure nothing is locked, and start again goes for the same session: an id that was reopened or set by
 * you stays, unless it was unknown or refused (SESS_ENOTFOUND, SESS_EBADID, SESS_EEXIST). The PHP profiles
 * forget it, as PHP does.
 */
SESS_API
SESS_MUST_USE
sess_rc sess_start(sess_session *session,
                   uint32_t flags);

/**
 * Save and unlock: session_write_close(). The lock is released and the session closed even if saving
 * fails (SESS_EIO, SESS_EGONE, SESS_ELOST, SESS_ETOOBIG, SESS_EDATA, a hook's or callback's code).
 */
SESS_API
SESS_MUST_USE
sess_rc sess_close(sess_session *session);

/**
 * Unlock without saving: session_abort(). Data stays as changed, in memory only.
 */
SESS_API sess_rc sess_abort(sess_session *session);

/**
 * Throw away changes and load again: session_reset(). Errors as start; the session is then not active.
 */
SESS_API
SESS_MUST_USE
sess_rc sess_reset(sess_session *session);

/**
 * Delete the stored session and close: session_destroy(). Data stays readable; the cookie is untouched.
 */
SESS_API
SESS_MUST_USE
sess_rc sess_destroy(sess_session *session);

/**
 * Go on under a new id: session_regenerate_id(). sess_login does more at a login; this is for any other change
 * of rights. The session is stored under the new id, whose lock is held until the close. Under the old one it
 * stays as it is now, or, with `delete_old`, leads nowhere: for sess.rotate_grace seconds requests that were
 * under way with it get an empty session that is not stored and sends no cookie (with sess.meta_key empty the
 * old record is destroyed). SESS_EHEADERS: the response has begun. SESS_EEXIST: every new id is in use.
 * SESS_EGONE: others have destroyed the session. SESS_EREFUSED: the id of this request was left already. After
 * any failure, also of the storage, the session is active under the old id and no cookie is sent; only where
 * the storage cannot even read it again it is closed (event OLD_SESSION_MARKED). The PHP profiles have PHP's
 * order: the old record goes or is written first, and a failure leaves no session (SESS_NONE) or a closed one.
 */
SESS_API
SESS_MUST_USE
sess_rc sess_regenerate_id(sess_session *session,
                           bool delete_old);

/**
 * Start under the id in force, run `change`, close. A `change` that fails aborts: nothing is stored and
 * its code is returned. For the one value that a request has to save after its early close. SESS_EGONE: the
 * session that was closed here was destroyed meanwhile, or moved to an id that this request is not to know;
 * `change` is not run, no session begins and no cookie is sent.
 */
SESS_API
SESS_MUST_USE
sess_rc sess_update(sess_session *session,
                    sess_hook_fn change,
                    void *user);

/**
 * A fresh id starting with `prefix` (may be NULL): session_create_id(). SESS_EBADID, SESS_EEXIST.
 */
SESS_API
sess_rc sess_create_id(sess_session *session,
                       const char *prefix,
                       size_t prefix_len,
                       const char **id);

/**
 * Collect all expired sessions now: session_gc(). `removed` may be NULL; -1 if not known.
 * SESS_EUNSUPPORTED where the directory may not be listed, as Debian's: let its own collector work.
 */
SESS_API sess_rc sess_gc(sess_session *session, int64_t *removed);

/**
 * Collect for about budget_ms (-1: to the end), without starting a session: for cron jobs and idle time.
 * The next call goes on where this one stopped, in whatever process. *more says whether work is left.
 * Both out pointers may be NULL. SESS_EUNSUPPORTED where the directory may not be listed, as Debian's.
 */
SESS_API
sess_rc sess_collect(sess_session *session,
                     int64_t budget_ms,
                     int64_t *removed,
                     bool *more);

/**
 * Who holds the lock of `id` (NULL: of this session's own id), for a page that shows what is stuck: it
 * starts nothing, waits for nothing and changes nothing, and what it says may be over when it returns.
 * Where the system does not list a lock that seems free, it is taken for a moment, so that a start with a
 * lock timeout of 0 may be refused meanwhile. SESS_ENOTFOUND: no such session. SESS_EUNSUPPORTED: callbacks
 * of yours hold their locks themselves.
 */
SESS_API
sess_rc sess_inspect_lock(sess_session *session,
                          const char *id,
                          size_t id_len,
                          sess_lock_info *info);

/* ---- asking a session ------------------------------------------------------------------------------- */

/**
 * See sess_state: session_status().
 */
SESS_API sess_state sess_status(const sess_session *session);

/**
 * The current id, a secret: session_id(). "" before start, after destroy, and after a start that failed
 * unless it keeps the id (see sess_start).
 */
SESS_API
const char *sess_id(const sess_session *session);

/**
 * Whether start made the id, so that the client has yet to show that it keeps our cookie.
 */
SESS_API bool sess_is_new(const sess_session *session);

/**
 * The code of the last call that failed; SESS_OK if none did.
 */
SESS_API sess_rc sess_errcode(const sess_session *session);

/**
 * Why it failed, one line without newline, never an id; "" if none did.
 */
SESS_API const char *sess_errmsg(const sess_session *session);

/**
 * The errno behind it, or 0.
 */
SESS_API int32_t sess_errno(const sess_session *session);

/**
 * What PHP's function would have returned for the last life-cycle call: 1 true, 0 false, -1 an exception.
 * The sess_rc is the truth; PHP says true when session_write_close() could not write.
 */
SESS_API
int32_t sess_php_result(const sess_session *session);

/* ---- login and logout ------------------------------------------------------------------------------- */

/**
 * The user has proved who he is, by whatever means of yours: call this instead of sess_regenerate_id. The
 * session goes on under a new id with its data, is stored at once, and the clocks of its kind (sess.login,
 * sess.remember) begin now; tokens made before are dead. The old id leads nowhere, whoever knows it:
 * requests that were under way with it get an empty session that is not stored and sends no cookie, for
 * sess.rotate_grace seconds. The same user again renews the time of authentication, under a new id as well.
 * `user` is what sess_user gives, not empty; set your own keys (sess.user_key) afterwards or before, as you
 * like. `flags` is 0 or SESS_LOGIN_REMEMBER. Needs an active session that is not raw (SESS_EMISUSE) and open
 * headers (SESS_EHEADERS). SESS_EREFUSED: sessions of this kind are disabled (sess.moin_lifetime), or
 * another login has left the id of this request, as where a form was sent twice: nothing is made and no
 * cookie sent, the first login stands. SESS_EUNSUPPORTED: the PHP profiles, sess.meta_key is empty, or its
 * entry would shift what a custom value behind it refers to. The old id is locked until it leads nowhere,
 * and the new one from then on until the close. After any failure, also of the storage, the session is
 * active under the old id, as it was, and no cookie is sent; only where the storage cannot even read it
 * again it is closed (event OLD_SESSION_MARKED).
 */
SESS_API
SESS_MUST_USE
sess_rc sess_login(sess_session *session,
                   const void *user,
                   size_t len,
                   uint32_t flags);

/**
 * Destroy the session under every name it has and have the browser forget its cookie. `flags` is 0 or
 * SESS_LOGOUT_*. Saves of requests that are under way fail with SESS_EGONE. The session must be active
 * (SESS_EMISUSE); after this it is destroyed, but its data and sess_user can be read until the next start.
 * After the response has begun the cookie stays, which leads nowhere then (event HEADERS_SENT).
 * SESS_EUNSUPPORTED as sess_login. An old id that a login has left (see sess_login) is given up silently,
 * without a word to the browser.
 */
SESS_API
SESS_MUST_USE
sess_rc sess_logout(sess_session *session,
                    uint32_t flags);

/* ---- policy: who it is and how long it lasts -------------------------------------------------------- */

/**
 * The user: who sess_login named, else what the application's own key says (sess.user_key: a string, or an
 * int as text). `data` is NULL when nobody is logged in; borrowed like TEXT.
 */
SESS_API
sess_bytes sess_user(const sess_session *session);

/**
 * Seconds since sess_login, or since it was called again for the same user; -1: nobody is logged in, or it
 * was the application that did it. Ask for the password again before what must not be done by somebody who
 * found an open browser.
 */
SESS_API
int64_t sess_auth_age(const sess_session *session);

/**
 * Which clocks apply: those of sess_login, else those of a login while sess.user_key is there and not null,
 * else those of anonymous sessions.
 */
SESS_API
sess_user_kind sess_kind(const sess_session *session);

/**
 * When the session began, in Unix seconds; -1: unknown, as in a storage that does not tell until an absolute
 * clock wants it kept. A new id does not make a session younger.
 */
SESS_API
int64_t sess_created(const sess_session *session);

/**
 * Seconds until the nearest clock ends the session if this request is the last that uses it; -1: no clock
 * runs. A clock ends a session when more than its time has passed, so 0 is still alive.
 */
SESS_API
int64_t sess_expires_in(const sess_session *session);

/**
 * Why the last start did not give the client the session it asked for; SESS_END_NONE where it did, and where
 * the client asked for none.
 */
SESS_API
sess_ending sess_previous_end(const sess_session *session);

/**
 * Whether close keeps what is set, or has kept it. False before start and after destroy, where the client has
 * yet to return its cookie (sess.create = second_request), where sessions of this kind are not kept
 * (sess.moin_lifetime), and for a request that was under way when a login gave the session another id: it can
 * set and read values, no cookie is sent, and nothing is stored.
 */
SESS_API
bool sess_is_stored(const sess_session *session);

/* ---- response headers ------------------------------------------------------------------------------- */

/**
 * How many headers the response must carry (Set-Cookie, Expires, ...). Read the list once, when the
 * response head is sent, then call sess_mark_headers_sent.
 *
 * A cookie that is seen leads to a session: the first look, by this or by sess_header_at, at the headers of a
 * session that is active and has no record yet makes it, by `write` under the new id, and keeps its lock, so
 * that the next request waits for this one. Should that fail, the cookie is left out until the next value is
 * set or sess_close has stored the session; the event and sess_errmsg tell why. A close or abort that keeps
 * nothing removes the record and the cookie; after sess_mark_headers_sent it leaves an empty session. Who
 * reads the headers after sess_close pays nothing for all this.
 */
SESS_API
size_t sess_header_count(const sess_session *session);

/**
 * Header number `i`, from 0; SESS_ENOTFOUND past the end. A look, as sess_header_count says. Earlier
 * headers of that name in the response are to be removed: all of them if *replaces is NULL, else those
 * whose value begins with *replaces ("PHPSESSID="). All out pointers may be NULL.
 */
SESS_API
sess_rc sess_header_at(const sess_session *session,
                       size_t i,
                       const char **name,
                       const char **value,
                       const char **replaces);

/**
 * The response has begun: headers_sent(). What would need a further header is SESS_EHEADERS from now on;
 * saving and closing never are. The cookie counts as sent, and with session.use_cookies off the id of a
 * session that holds something: if there is no record for it yet it is made, as sess_header_count says. The
 * error of that is returned; the response has begun all the same.
 */
SESS_API
sess_rc sess_mark_headers_sent(sess_session *session);

/**
 * The time for a Last-Modified header, unix seconds, which PHP takes from its script; -1: none.
 */
SESS_API sess_rc sess_set_last_modified(sess_session *session, int64_t unix_time);

/* ---- cookies ---------------------------------------------------------------------------------------- */

/**
 * What the client asked for, before start: "http" or "https", the host without port or "", the port (0: the
 * scheme's own), and where the application is mounted ("" or "/wiki"). sess.cookie_name auto makes the
 * cookie's name of port and place, sess.cookie_secure auto makes it Secure for https (and without this
 * call). Take the scheme from the connection, or from a proxy that you trust, never from the client.
 */
SESS_API
sess_rc sess_set_request(sess_session *session,
                         const char *scheme,
                         const char *host,
                         uint16_t port,
                         const char *script_root);

/**
 * The session cookie's name in force; "" while sess.cookie_name auto waits for sess_set_request.
 */
SESS_API const char *sess_cookie_name(const sess_session *session);

/**
 * A cookie of the request, percent-decoded: the first of exactly that name. It may hold any byte.
 * SESS_ENOTFOUND.
 */
SESS_API sess_rc sess_cookie(const sess_session *session, const char *name, sess_bytes *value);

/**
 * Have the client forget the session cookie: a Set-Cookie with the name, path, domain and attributes of the
 * one in force takes its place in the headers, or adds itself. Stores and destroys nothing; sess_logout does it
 * itself. A session that begins later in the request puts its own cookie there. SESS_EHEADERS; SESS_EINVAL
 * where the cookie has no name yet, or one that no browser would take.
 */
SESS_API
sess_rc sess_expire_cookie(sess_session *session);

/**
 * Add a cookie of your own to the headers. The value may hold any byte: what a cookie cannot hold is
 * percent-encoded, and sess_cookie decodes it. `attributes` (may be NULL) as in Set-Cookie behind the
 * value, "Path=/; Max-Age=31536000; HttpOnly": Path, Domain, Max-Age (0: the client forgets it), SameSite,
 * Secure, HttpOnly, Partitioned; where Path, SameSite or Secure is left out it is as for the session
 * cookie. SESS_EINVAL for what browsers would drop: the text says why. SESS_EHEADERS.
 */
SESS_API
sess_rc sess_set_cookie(sess_session *session,
                        const char *name,
                        const void *value,
                        size_t len,
                        const char *attributes);

/* ---- the payload as bytes --------------------------------------------------------------------------- */

/**
 * The payload as it was loaded or set; not a copy where the backend can map it. Empty unless active, or
 * closed by a start with SESS_START_RAW and SESS_START_READ_AND_CLOSE: then it stays until the next start.
 */
SESS_API
sess_bytes sess_raw(const sess_session *session);

/**
 * Replace the whole payload by bytes that are stored as they are. Decoded data is dropped. SESS_ETOOBIG.
 */
SESS_API
sess_rc sess_set_raw(sess_session *session,
                     const void *data,
                     size_t len);

/**
 * The data as it would be saved now: session_encode(). SESS_EDATA if the format cannot hold it.
 */
SESS_API sess_rc sess_encode(sess_session *session, sess_bytes *out);

/**
 * Add the data of a payload, equal keys overwritten: session_decode(); php_serialize replaces all. Bad
 * bytes: SESS_EDATA and nothing changed; the PHP profiles destroy and close, as PHP does.
 */
SESS_API
sess_rc sess_decode(sess_session *session,
                    const void *data,
                    size_t len);

/* ---- data: $_SESSION is a value you hold ------------------------------------------------------------
 * Keys are bytes and follow PHP: a canonical decimal ("7", not "07") is the integer key. NULL stands for
 * a value that is not there: reading it gives the neutral value or the fallback, editing it SESS_EINVAL.
 */

/**
 * All data, an array: $_SESSION. Readable in every state. NULL only on misuse.
 */
SESS_API sess_value *sess_data(sess_session *session);

/**
 * The value under a top-level key, or NULL: sess_value_get of the data.
 */
SESS_API const sess_value *sess_get(const sess_session *session, const char *key, size_t key_len);

/**
 * The value under a key of an array, or a property of an object (a private or protected one by its plain
 * name, if only one has it); NULL if not there.
 */
SESS_API
const sess_value *sess_value_get(const sess_value *value,
                                 const char *key,
                                 size_t key_len);

/**
 * Element `i`, from 0, in PHP's order; NULL past the end. Its key goes to *key; key->data is NULL for an
 * integer key, which goes to *int_key. Both out pointers may be NULL.
 */
SESS_API
const sess_value *sess_value_at(const sess_value *value,
                                size_t i,
                                sess_bytes *key,
                                int64_t *int_key);

/**
 * Number of elements of an array or properties of an object, else 0: count().
 */
SESS_API size_t sess_value_count(const sess_value *value);

/**
 * The kind; SESS_TYPE_NULL also for NULL.
 */
SESS_API sess_type sess_value_type(const sess_value *value);

/**
 * The value if it is a bool, else `fallback`. No conversion.
 */
SESS_API bool sess_value_bool(const sess_value *value, bool fallback);

/**
 * The value if it is an int, else `fallback`. No conversion: form input and database rows are strings.
 */
SESS_API
int64_t sess_value_int(const sess_value *value,
                       int64_t fallback);

/**
 * The value if it is a float, else `fallback`. No conversion.
 */
SESS_API double sess_value_float(const sess_value *value, double fallback);

/**
 * The value of an int, a bool or a canonical numeric string ("42") to *out; else false, *out untouched.
 */
SESS_API
bool sess_value_to_int(const sess_value *value,
                       int64_t *out);

/**
 * The bytes of a string, else empty: an object's class is never mistaken for a string.
 */
SESS_API sess_bytes sess_value_string(const sess_value *value);

/**
 * The class of an object, enum or custom value, else empty.
 */
SESS_API sess_bytes sess_value_class(const sess_value *value);

/**
 * The case of an enum, else empty.
 */
SESS_API sess_bytes sess_value_case(const sess_value *value);

/**
 * What a custom value wrote of itself, else empty.
 */
SESS_API sess_bytes sess_value_payload(const sess_value *value);

/**
 * The value by itself in PHP's serialize() form, references out of it resolved. Empty: no memory, or there
 * are references behind a custom value, or inside what it wrote of itself, that would name something else.
 */
SESS_API
sess_bytes sess_value_serialized(const sess_value *value);

/**
 * 0, or a number that the members of one PHP reference (&) share. Setting one member sets them all.
 */
SESS_API uint32_t sess_value_reference(const sess_value *value);

/**
 * 0, or a number that all places holding the same object share.
 */
SESS_API uint32_t sess_value_object(const sess_value *value);

/**
 * The array under a key, for editing; made if missing or null. NULL, with the code on the session, if it
 * is something else (SESS_EINVAL) or cannot be edited (as the setters). With SESS_APPEND the key is the one
 * that $a[] takes in the PHP of the profile: after negative keys alone php82 and php5 may begin with 0.
 */
SESS_API
sess_value *sess_value_edit(sess_value *array,
                            const char *key,
                            size_t key_len);

/**
 * Set a key to null. All setters: SESS_EMISUSE if not active, SESS_ENOTFOUND if `array` was removed,
 * SESS_EINVAL for a key the format cannot hold (PHP profiles: left to encode), SESS_EUNSUPPORTED, and
 * nothing changed, where references behind a custom value, or inside what it wrote of itself, would name
 * something else then, SESS_EHEADERS for a first value that needs a cookie.
 */
SESS_API
sess_rc sess_value_set_null(sess_value *array,
                            const char *key,
                            size_t key_len);

/**
 * Set a key to a bool.
 */
SESS_API
sess_rc sess_value_set_bool(sess_value *array,
                            const char *key,
                            size_t key_len,
                            bool value);

/**
 * Set a key to an int.
 */
SESS_API
sess_rc sess_value_set_int(sess_value *array,
                           const char *key,
                           size_t key_len,
                           int64_t value);

/**
 * Set a key to a float.
 */
SESS_API
sess_rc sess_value_set_float(sess_value *array,
                             const char *key,
                             size_t key_len,
                             double value);

/**
 * Set a key to a string of any bytes; `len` may be SESS_NTS.
 */
SESS_API
sess_rc sess_value_set_string(sess_value *array,
                              const char *key,
                              size_t key_len,
                              const void *data,
                              size_t len);

/**
 * Set a key to a value in PHP's serialize() form: how objects and enums are set. SESS_EDATA. A custom value
 * whose references are numbered otherwise than the place would have it: SESS_EUNSUPPORTED.
 */
SESS_API
sess_rc sess_value_set_serialized(sess_value *array,
                                  const char *key,
                                  size_t key_len,
                                  const void *data,
                                  size_t len);

/**
 * Remove a key: unset($a[$key]). SESS_ENOTFOUND if it is not there; SESS_EUNSUPPORTED as the setters.
 */
SESS_API
sess_rc sess_value_remove(sess_value *array,
                          const char *key,
                          size_t key_len);

/**
 * Remove all keys; of the whole data: session_unset(). SESS_EUNSUPPORTED as the setters.
 */
SESS_API sess_rc sess_value_clear(sess_value *array);

/* ---- tokens for forms and links --------------------------------------------------------------------- */

/**
 * A token for a form or link that changes something: 27 characters of [A-Za-z0-9_-], valid until the next
 * sess_token, recycle or free. It says that the request which brings it back comes from a page of this very
 * session, made for this `purpose`: any bytes, such as the action and the name of the page.
 * The first token of a session makes its key, so that one is stored which else would not be; it needs an
 * active session (SESS_EMISUSE), and its cookie must still be possible (SESS_EHEADERS). Later ones can also be
 * made after sess_close and from a session that was only read. Tokens stay good as long as the session, also
 * when its id changes; they die with it and at login. SESS_EMISUSE for a raw session, which keeps no key;
 * SESS_EUNSUPPORTED in the PHP profiles, without sess.meta_key, or if the key would shift what a custom value
 * behind the entry refers to.
 */
SESS_API
sess_rc sess_token(sess_session *session,
                   const char *purpose,
                   size_t purpose_len,
                   const char **token);

/**
 * Check a token that a request has brought: SESS_OK, or SESS_EREFUSED for one of another session or purpose,
 * one that is more than `max_age` seconds old (0: any age will do), and one that is damaged or none at all;
 * which it is is not told, not by the time it takes either. Needs no lock: a session that was only read, or
 * is closed, will do. Else as sess_token.
 */
SESS_API
SESS_MUST_USE
sess_rc sess_token_check(sess_session *session,
                         const char *purpose,
                         size_t purpose_len,
                         const void *token,
                         size_t token_len,
                         int64_t max_age);

/* ---- inside a callback ------------------------------------------------------------------------------ */

/**
 * The pointer kept between the callbacks of one session; NULL at the first open.
 */
SESS_API void *sess_call_state(const sess_call *call);

/**
 * Keep `state`; close has to free it.
 */
SESS_API void sess_call_set_state(sess_call *call, void *state);

/**
 * The session's sess_host.
 */
SESS_API void *sess_call_host(const sess_call *call);

/**
 * session.gc_maxlifetime in seconds: the age to store with the data.
 */
SESS_API int64_t sess_call_max_lifetime(const sess_call *call);

/**
 * Milliseconds left of this start's lock timeout; -1 for ever.
 */
SESS_API int64_t sess_call_lock_timeout(const sess_call *call);

/**
 * Whether the session's token was fired; then stop waiting and return SESS_ECANCELED.
 */
SESS_API bool sess_call_cancelled(const sess_call *call);

/**
 * Whether this session will not write, so that read need not keep a lock.
 */
SESS_API bool sess_call_read_only(const sess_call *call);

/**
 * Answer of read: these bytes, copied now. SESS_ETOOBIG, SESS_ENOMEM. A second answer replaces it.
 */
SESS_API sess_rc sess_call_set_data(sess_call *call, const void *data, size_t len);

/**
 * Answer of read without a copy: `data` stays as it is until `data_free(owner)`, which is called exactly
 * once, at the latest after close, also when this fails. `data_free` may be NULL for static data.
 */
SESS_API
sess_rc sess_call_lend_data(sess_call *call,
                            const void *data,
                            size_t len,
                            void *owner,
                            sess_free_fn data_free);

/**
 * Further answer of read, which may be left out: when the record was made and when it was last written or
 * touched, in Unix seconds; -1: unknown. Without them clocks of idle sessions do not run, and absolute ones
 * from the first save on.
 */
SESS_API
sess_rc sess_call_set_times(sess_call *call,
                            int64_t created,
                            int64_t touched);

/**
 * The answer of read so far, such as the parent's; `data` is NULL if there is none.
 */
SESS_API sess_bytes sess_call_data(const sess_call *call);

/**
 * Answer of create_sid. SESS_EBADID if the characters or the length are not allowed.
 */
SESS_API sess_rc sess_call_set_id(sess_call *call, const char *id, size_t len);

/**
 * The answer of create_sid so far, or NULL.
 */
SESS_API const char *sess_call_id(const sess_call *call);

/**
 * Milliseconds gc should take at most; -1: as long as it needs.
 */
SESS_API int64_t sess_call_gc_budget(const sess_call *call);

/**
 * Answer of gc: it stopped at its budget and there is more to collect.
 */
SESS_API void sess_call_gc_more(sess_call *call);

/**
 * Give a reason (may be NULL); returns `code`: return sess_call_fail(call, SESS_EIO, errno, "...").
 */
SESS_API
sess_rc sess_call_fail(sess_call *call,
                       sess_rc code,
                       int32_t os_errno,
                       const char *message);

/**
 * The built-in backend named by session.save_handler, as the same table, to build upon (SessionHandler's
 * parent::): return sess_call_parent(call)->read(NULL, call, id). It keeps its state apart from yours,
 * and its answers are in sess_call_data and sess_call_id. Its create_sid works before its open too. What it
 * tells of reaches the event function before it returns. Never NULL; all nine are filled in.
 */
SESS_API
const sess_handler *sess_call_parent(const sess_call *call);

/* ---- inside an event function ----------------------------------------------------------------------- */

/**
 * Its stable name, such as "ALREADY_ACTIVE" or "WRITE_FAILED". Static.
 */
SESS_API const char *sess_event_name(const sess_event *event);

/**
 * How grave, as in syslog: 3 error, 4 warning, 5 notice, 6 information.
 */
SESS_API int32_t sess_event_level(const sess_event *event);

/**
 * The code that goes with it, or SESS_OK.
 */
SESS_API sess_rc sess_event_code(const sess_event *event);

/**
 * One line for people; may change between versions.
 */
SESS_API const char *sess_event_text(const sess_event *event);

/**
 * The sess_host of the session it happened in, or NULL.
 */
SESS_API void *sess_event_host(const sess_event *event);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* SESS_H */
