/* Every function of sess.h used wrongly: with NULL, from a callback, from a hook, from a second
 * thread, in a forked child, after a bug. One row for each symbol; `misuse list` prints them. In
 * the wrong state: misuse_states.c. In the wrong callback: misuse_calls.c. */
#include "abi/check.h"

#include <pthread.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

/* What the rows are called with. All NULL at first. */
struct with {
    sess_options *o;
    sess_engine *e;
    sess_session *s;
    sess_value *v;
    sess_cancel *k;
    sess_call *c;
    sess_event *ev;
};

static sess_rc hook(void *user, sess_session *session) {
    (void)user, (void)session;
    return SESS_OK;
}

static void on_event(void *user, const sess_event *event) { (void)user, (void)event; }

static int64_t the_time(void *user) { return user == NULL ? 1000 : 0; }

static bool is_empty(sess_bytes bytes) { return bytes.len == 0 && bytes.data != NULL; }

static sess_handler table;

static sess_lock_info lock_info = {.struct_size = sizeof(sess_lock_info)};

/* What a function takes first, and so where it is refused. */
enum { LIBRARY, OPTIONS, ENGINE, SESSION, VALUE, CANCEL, CALL, EVENT };
/* What a hook may call. */
enum { DRIVE, DATA };

/* RC: returns a code, which must be the wanted one. ANSWER: returns something else, which must be
 * neutral. VOID: returns nothing, and must come back. */
#define ROWS(RC, ANSWER, VOID)                                                                     \
    ANSWER(sess_version, LIBRARY, DATA, strlen(sess_version()) > 0)                                \
    ANSWER(sess_version_number, LIBRARY, DATA, sess_version_number() == SESS_VERSION_NUMBER)       \
    ANSWER(sess_has, LIBRARY, DATA,                                                                \
           !sess_has(NULL) && !sess_has("redis") && !sess_has("no such part"))                     \
    ANSWER(sess_code_name, LIBRARY, DATA, strcmp(sess_code_name(7), "?") == 0)                     \
    ANSWER(sess_directive_at, LIBRARY, DATA,                                                       \
           sess_directive_at(99999, NULL, NULL) == NULL &&                                         \
               sess_directive_at(0, NULL, NULL) != NULL)                                           \
    VOID(sess_options_new, LIBRARY, DATA, sess_options_free(sess_options_new()))                   \
    VOID(sess_options_free, OPTIONS, DRIVE, sess_options_free(w->o))                               \
    RC(sess_options_set, OPTIONS, DRIVE, sess_options_set(w->o, "session.name", "A"))              \
    RC(sess_options_load_ini, OPTIONS, DRIVE, sess_options_load_ini(w->o, "", 0, "x.ini"))         \
    ANSWER(sess_options_get, OPTIONS, DRIVE, sess_options_get(w->o, "session.name") == NULL)       \
    RC(sess_options_set_handler, OPTIONS, DRIVE,                                                   \
       sess_options_set_handler(w->o, &table, NULL, NULL))                                         \
    RC(sess_options_set_hook, OPTIONS, DRIVE,                                                      \
       sess_options_set_hook(w->o, SESS_AFTER_START, hook, NULL, NULL))                            \
    RC(sess_options_set_events, OPTIONS, DRIVE,                                                    \
       sess_options_set_events(w->o, on_event, NULL, NULL))                                        \
    RC(sess_options_set_clock, OPTIONS, DRIVE, sess_options_set_clock(w->o, the_time, NULL, NULL)) \
    ANSWER(sess_options_errmsg, OPTIONS, DRIVE, *sess_options_errmsg(w->o) == '\0')                \
    RC(sess_engine_new, OPTIONS, DRIVE, sess_engine_new(w->o, &(sess_engine *){NULL}))             \
    VOID(sess_engine_free, ENGINE, DATA, sess_engine_free(NULL))                                   \
    ANSWER(sess_new, ENGINE, DATA, sess_new(NULL) == NULL)                                         \
    VOID(sess_free, SESSION, DRIVE, sess_free(w->s))                                               \
    RC(sess_recycle, SESSION, DRIVE, sess_recycle(w->s))                                           \
    RC(sess_register_shutdown, SESSION, DRIVE, sess_register_shutdown(w->s))                       \
    RC(sess_set_host, SESSION, DRIVE, sess_set_host(w->s, NULL))                                   \
    ANSWER(sess_host, SESSION, DATA, sess_host(w->s) == NULL)                                      \
    RC(sess_set_cookie_header, SESSION, DRIVE, sess_set_cookie_header(w->s, "a=b", SESS_NTS))      \
    RC(sess_set_id, SESSION, DRIVE, sess_set_id(w->s, "abcdefghijklmnopqrstuvwxyz", SESS_NTS))     \
    RC(sess_set_option, SESSION, DRIVE, sess_set_option(w->s, "session.name", "A"))                \
    ANSWER(sess_option, SESSION, DATA, sess_option(w->s, "session.name") == NULL)                  \
    RC(sess_set_lock_timeout, SESSION, DRIVE, sess_set_lock_timeout(w->s, 0))                      \
    RC(sess_set_cancel, SESSION, DRIVE, sess_set_cancel(w->s, w->k))                               \
    VOID(sess_cancel_new, LIBRARY, DATA, sess_cancel_free(sess_cancel_new()))                      \
    VOID(sess_cancel_fire, CANCEL, DATA, sess_cancel_fire(w->k))                                   \
    VOID(sess_cancel_free, CANCEL, DATA, sess_cancel_free(NULL))                                   \
    RC(sess_begin, SESSION, DRIVE, sess_begin(w->s))                                               \
    RC(sess_end, SESSION, DRIVE, sess_end(w->s))                                                   \
    RC(sess_start, SESSION, DRIVE, sess_start(w->s, 0))                                            \
    RC(sess_close, SESSION, DRIVE, sess_close(w->s))                                               \
    RC(sess_abort, SESSION, DRIVE, sess_abort(w->s))                                               \
    RC(sess_reset, SESSION, DRIVE, sess_reset(w->s))                                               \
    RC(sess_destroy, SESSION, DRIVE, sess_destroy(w->s))                                           \
    RC(sess_regenerate_id, SESSION, DRIVE, sess_regenerate_id(w->s, true))                         \
    RC(sess_update, SESSION, DRIVE, sess_update(w->s, hook, NULL))                                 \
    RC(sess_create_id, SESSION, DRIVE, sess_create_id(w->s, NULL, 0, &(const char *){NULL}))       \
    RC(sess_gc, SESSION, DRIVE, sess_gc(w->s, NULL))                                               \
    RC(sess_collect, SESSION, DRIVE, sess_collect(w->s, -1, NULL, NULL))                           \
    RC(sess_inspect_lock, SESSION, DRIVE, sess_inspect_lock(w->s, NULL, 0, &lock_info))            \
    ANSWER(sess_status, SESSION, DATA, sess_status(w->s) == SESS_NONE)                             \
    ANSWER(sess_id, SESSION, DATA, *sess_id(w->s) == '\0')                                         \
    ANSWER(sess_is_new, SESSION, DATA, !sess_is_new(w->s))                                         \
    ANSWER(sess_user, SESSION, DATA, sess_user(w->s).data == NULL)                                 \
    ANSWER(sess_auth_age, SESSION, DATA, sess_auth_age(w->s) == -1)                                \
    ANSWER(sess_kind, SESSION, DATA, sess_kind(w->s) == SESS_KIND_ANONYMOUS)                       \
    ANSWER(sess_created, SESSION, DATA, sess_created(w->s) == -1)                                  \
    ANSWER(sess_expires_in, SESSION, DATA, sess_expires_in(w->s) == -1)                            \
    RC(sess_login, SESSION, DRIVE, sess_login(w->s, "joe", 3, 0))                                  \
    RC(sess_logout, SESSION, DRIVE, sess_logout(w->s, 0))                                          \
    ANSWER(sess_previous_end, SESSION, DATA, sess_previous_end(w->s) == SESS_END_NONE)             \
    ANSWER(sess_is_stored, SESSION, DATA, !sess_is_stored(w->s))                                   \
    RC(sess_errcode, SESSION, DATA, sess_errcode(w->s))                                            \
    ANSWER(sess_errmsg, SESSION, DATA, *sess_errmsg(w->s) == '\0')                                 \
    ANSWER(sess_errno, SESSION, DATA, sess_errno(w->s) == 0)                                       \
    ANSWER(sess_php_result, SESSION, DATA, sess_php_result(w->s) == 0)                             \
    ANSWER(sess_header_count, SESSION, DATA, sess_header_count(w->s) == 0)                         \
    RC(sess_header_at, SESSION, DATA, sess_header_at(w->s, 0, NULL, NULL, NULL))                   \
    RC(sess_mark_headers_sent, SESSION, DRIVE, sess_mark_headers_sent(w->s))                       \
    RC(sess_set_last_modified, SESSION, DRIVE, sess_set_last_modified(w->s, 1))                    \
    RC(sess_set_request, SESSION, DRIVE, sess_set_request(w->s, "https", "a.test", 443, ""))       \
    ANSWER(sess_cookie_name, SESSION, DATA, *sess_cookie_name(w->s) == '\0')                       \
    RC(sess_cookie, SESSION, DATA, sess_cookie(w->s, "a", &(sess_bytes){NULL, 0}))                 \
    RC(sess_set_cookie, SESSION, DRIVE, sess_set_cookie(w->s, "a", "b", 1, NULL))                  \
    RC(sess_expire_cookie, SESSION, DRIVE, sess_expire_cookie(w->s))                               \
    RC(sess_token, SESSION, DATA, sess_token(w->s, "p", 1, &(const char *){NULL}))                 \
    RC(sess_token_check, SESSION, DATA, sess_token_check(w->s, "p", 1, "x", 1, 0))                 \
    ANSWER(sess_raw, SESSION, DATA, is_empty(sess_raw(w->s)))                                      \
    RC(sess_set_raw, SESSION, DRIVE, sess_set_raw(w->s, "", 0))                                    \
    RC(sess_encode, SESSION, DRIVE, sess_encode(w->s, &(sess_bytes){NULL, 0}))                     \
    RC(sess_decode, SESSION, DRIVE, sess_decode(w->s, "", 0))                                      \
    ANSWER(sess_data, SESSION, DATA, sess_data(w->s) == NULL)                                      \
    ANSWER(sess_get, SESSION, DATA, sess_get(w->s, "n", 1) == NULL)                                \
    ANSWER(sess_value_get, VALUE, DATA, sess_value_get(w->v, "n", 1) == NULL)                      \
    ANSWER(sess_value_at, VALUE, DATA, sess_value_at(w->v, 0, NULL, NULL) == NULL)                 \
    ANSWER(sess_value_count, VALUE, DATA, sess_value_count(w->v) == 0)                             \
    ANSWER(sess_value_type, VALUE, DATA, sess_value_type(w->v) == SESS_TYPE_NULL)                  \
    ANSWER(sess_value_bool, VALUE, DATA, sess_value_bool(w->v, true))                              \
    ANSWER(sess_value_int, VALUE, DATA, sess_value_int(w->v, 7) == 7)                              \
    ANSWER(sess_value_float, VALUE, DATA, sess_value_float(w->v, 0.5) == 0.5)                      \
    ANSWER(sess_value_to_int, VALUE, DATA, !sess_value_to_int(w->v, &(int64_t){0}))                \
    ANSWER(sess_value_string, VALUE, DATA, is_empty(sess_value_string(w->v)))                      \
    ANSWER(sess_value_class, VALUE, DATA, is_empty(sess_value_class(w->v)))                        \
    ANSWER(sess_value_case, VALUE, DATA, is_empty(sess_value_case(w->v)))                          \
    ANSWER(sess_value_payload, VALUE, DATA, is_empty(sess_value_payload(w->v)))                    \
    ANSWER(sess_value_serialized, VALUE, DATA, is_empty(sess_value_serialized(w->v)))              \
    ANSWER(sess_value_reference, VALUE, DATA, sess_value_reference(w->v) == 0)                     \
    ANSWER(sess_value_object, VALUE, DATA, sess_value_object(w->v) == 0)                           \
    ANSWER(sess_value_edit, VALUE, DATA, sess_value_edit(w->v, "a", 1) == NULL)                    \
    RC(sess_value_set_null, VALUE, DATA, sess_value_set_null(w->v, "k", 1))                        \
    RC(sess_value_set_bool, VALUE, DATA, sess_value_set_bool(w->v, "k", 1, true))                  \
    RC(sess_value_set_int, VALUE, DATA, sess_value_set_int(w->v, "k", 1, 1))                       \
    RC(sess_value_set_float, VALUE, DATA, sess_value_set_float(w->v, "k", 1, 1.5))                 \
    RC(sess_value_set_string, VALUE, DATA, sess_value_set_string(w->v, "k", 1, "x", 1))            \
    RC(sess_value_set_serialized, VALUE, DATA,                                                     \
       sess_value_set_serialized(w->v, "k", 1, "i:1;", SESS_NTS))                                  \
    RC(sess_value_remove, VALUE, DATA, sess_value_remove(w->v, "k", 1))                            \
    RC(sess_value_clear, VALUE, DATA, sess_value_clear(w->v))                                      \
    ANSWER(sess_call_state, CALL, DATA, sess_call_state(w->c) == NULL)                             \
    VOID(sess_call_set_state, CALL, DATA, sess_call_set_state(w->c, NULL))                         \
    ANSWER(sess_call_host, CALL, DATA, sess_call_host(w->c) == NULL)                               \
    ANSWER(sess_call_max_lifetime, CALL, DATA, sess_call_max_lifetime(w->c) == 0)                  \
    ANSWER(sess_call_lock_timeout, CALL, DATA, sess_call_lock_timeout(w->c) == 0)                  \
    ANSWER(sess_call_cancelled, CALL, DATA, !sess_call_cancelled(w->c))                            \
    ANSWER(sess_call_read_only, CALL, DATA, !sess_call_read_only(w->c))                            \
    RC(sess_call_set_data, CALL, DATA, sess_call_set_data(w->c, "", 0))                            \
    RC(sess_call_lend_data, CALL, DATA, sess_call_lend_data(w->c, "", 0, NULL, NULL))              \
    RC(sess_call_set_times, CALL, DATA, sess_call_set_times(w->c, -1, -1))                         \
    ANSWER(sess_call_data, CALL, DATA, sess_call_data(w->c).data == NULL)                          \
    RC(sess_call_set_id, CALL, DATA,                                                               \
       sess_call_set_id(w->c, "abcdefghijklmnopqrstuvwxyz", SESS_NTS))                             \
    ANSWER(sess_call_id, CALL, DATA, sess_call_id(w->c) == NULL)                                   \
    ANSWER(sess_call_gc_budget, CALL, DATA, sess_call_gc_budget(w->c) == 0)                        \
    VOID(sess_call_gc_more, CALL, DATA, sess_call_gc_more(w->c))                                   \
    ANSWER(sess_call_fail, CALL, DATA, sess_call_fail(w->c, SESS_EIO, 0, NULL) == SESS_EIO)        \
    ANSWER(sess_call_parent, CALL, DATA,                                                           \
           sess_call_parent(w->c)->read(NULL, w->c, "x") == SESS_EINVAL)                           \
    ANSWER(sess_event_name, EVENT, DATA, *sess_event_name(w->ev) == '\0')                          \
    ANSWER(sess_event_level, EVENT, DATA, sess_event_level(w->ev) == 0)                            \
    RC(sess_event_code, EVENT, DATA, sess_event_code(w->ev))                                       \
    ANSWER(sess_event_text, EVENT, DATA, *sess_event_text(w->ev) == '\0')                          \
    ANSWER(sess_event_host, EVENT, DATA, sess_event_host(w->ev) == NULL)

#define RC_FUNCTION(symbol, handle, access, call)                                                  \
    static bool row_##symbol(struct with *w, sess_rc want) {                                       \
        (void)w;                                                                                   \
        return (call) == want;                                                                     \
    }
#define ANSWER_FUNCTION(symbol, handle, access, neutral)                                           \
    static bool row_##symbol(struct with *w, sess_rc want) {                                       \
        (void)w, (void)want;                                                                       \
        return neutral;                                                                            \
    }
#define VOID_FUNCTION(symbol, handle, access, call)                                                \
    static bool row_##symbol(struct with *w, sess_rc want) {                                       \
        (void)w, (void)want;                                                                       \
        call;                                                                                      \
        return true;                                                                               \
    }
ROWS(RC_FUNCTION, ANSWER_FUNCTION, VOID_FUNCTION)

struct row {
    const char *symbol;
    int handle, access, code;
    bool (*refused)(struct with *w, sess_rc want);
};

#define RC_ROW(symbol, handle, access, call) {#symbol, handle, access, 1, row_##symbol},
#define OTHER_ROW(symbol, handle, access, call) {#symbol, handle, access, 0, row_##symbol},
static const struct row rows[] = {ROWS(RC_ROW, OTHER_ROW, OTHER_ROW)};
#define ROW_COUNT (sizeof rows / sizeof rows[0])

static struct with now;

static void expect(const struct row *row, bool holds, const char *where) {
    if (!holds) {
        fprintf(stderr, "%s %s: not refused as it should be\n", row->symbol, where);
        abort();
    }
}

/* Every row on one of two kinds of handle is refused with `want`. */
static void all_refused(int one, int other, sess_rc want, const char *where) {
    for (size_t i = 0; i < ROW_COUNT; i++) {
        const struct row *row = &rows[i];
        if (row->handle == one || row->handle == other)
            expect(row, row->refused(&now, want), where);
    }
}

/* Engines, tokens and the library can be used anywhere. */
static void others_usable(void) {
    sess_session *session = sess_new(now.e);
    CHECK(session != NULL && sess_status(session) == SESS_NONE);
    CHECK_OK(sess_set_cancel(session, now.k));
    sess_free(session);
    sess_cancel *token = sess_cancel_new();
    CHECK(token != NULL);
    sess_cancel_fire(token);
    sess_cancel_free(token);
    sess_options *options = sess_options_new();
    sess_engine *engine = NULL;
    CHECK_OK(sess_engine_new(options, &engine));
    sess_options_free(options);
    sess_engine_free(engine);
    all_refused(LIBRARY, LIBRARY, SESS_OK, "anywhere");
}

static void test_list(void) {
    for (size_t i = 0; i < ROW_COUNT; i++)
        puts(rows[i].symbol);
}

static void test_null(void) {
    struct with none = {NULL, NULL, NULL, NULL, NULL, NULL, NULL};
    for (size_t i = 0; i < ROW_COUNT; i++)
        expect(&rows[i], rows[i].refused(&none, SESS_EINVAL), "with NULL");
}

static struct store store;
static int visits;
static const char *place;

/* A session that is active in `store`, and its neighbours. */
static void set_up(sess_hook_fn after_start, sess_event_fn events) {
    sess_options *options = store_options(&store);
    CHECK_OK(sess_options_set_hook(options, SESS_AFTER_START, after_start, &store, NULL));
    CHECK_OK(sess_options_set_events(options, events, &store, NULL));
    CHECK_OK(sess_options_set(options, "sess.create", "start"));
    now.e = engine_of(options);
    now.k = sess_cancel_new();
    now.s = sess_new(now.e);
    now.v = sess_data(now.s);
    CHECK(now.s != NULL && now.k != NULL && now.v != NULL);
}

static void tear_down(void) {
    sess_free(now.s);
    sess_cancel_free(now.k);
    sess_engine_free(now.e);
    CHECK(store.freed == 1 && store.opened == store.closed);
}

static void refused_inside(struct store *self, const char *callback, sess_call *call) {
    (void)self, (void)call;
    visits++;
    all_refused(SESSION, VALUE, SESS_EMISUSE, callback);
    others_usable();
}

/* From a callback: free does nothing, the rest is refused, and the error text stays. */
static void test_callback(void) {
    set_up(NULL, NULL);
    CHECK(sess_close(now.s) == SESS_EMISUSE);
    char *text = strdup(sess_errmsg(now.s));
    store.inside = refused_inside;
    CHECK_OK(sess_start(now.s, 0));
    CHECK_OK(sess_gc(now.s, NULL));
    CHECK_OK(sess_regenerate_id(now.s, false));
    CHECK_OK(sess_value_set_int(now.v, "n", SESS_NTS, 1));
    CHECK_OK(sess_close(now.s));
    CHECK_OK(sess_start(now.s, 0));
    CHECK_OK(sess_close(now.s));
    CHECK_OK(sess_start(now.s, 0));
    CHECK_OK(sess_destroy(now.s));
    CHECK(visits >= 16);
    CHECK(strcmp(text, sess_errmsg(now.s)) == 0 && sess_errcode(now.s) == SESS_EMISUSE);
    store.inside = NULL;
    free(text);
    tear_down();
}

static void refuse_from_event(void *user, const sess_event *event) {
    (void)user;
    visits++;
    CHECK(*sess_event_name(event) != '\0' && *sess_event_text(event) != '\0');
    all_refused(SESSION, VALUE, SESS_EMISUSE, "from an event function");
    others_usable();
}

static void test_event(void) {
    set_up(NULL, refuse_from_event);
    CHECK_OK(sess_start(now.s, 0));
    CHECK(sess_start(now.s, 0) == SESS_EMISUSE);
    CHECK(visits >= 1 && sess_status(now.s) == SESS_ACTIVE);
    CHECK_OK(sess_close(now.s));
    tear_down();
}

static void *refuse_in_thread(void *unused) {
    (void)unused;
    visits++;
    all_refused(SESSION, VALUE, SESS_EMISUSE, place);
    others_usable();
    return NULL;
}

static void run_thread(void *(*body)(void *)) {
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, body, NULL) == 0);
    CHECK(pthread_join(thread, NULL) == 0);
}

static void thread_inside(struct store *self, const char *callback, sess_call *call) {
    (void)self, (void)call;
    place = callback;
    run_thread(refuse_in_thread);
}

static sess_rc thread_in_hook(void *user, sess_session *session) {
    (void)user, (void)session;
    place = "from another thread than the hook's";
    run_thread(refuse_in_thread);
    return SESS_OK;
}

/* Two threads: the second is refused, in a callback and in a hook. A session may move between
 * threads. */
static void *use_elsewhere(void *unused) {
    (void)unused;
    CHECK(sess_value_int(sess_get(now.s, "n", 1), 0) == 5);
    CHECK_OK(sess_value_set_int(now.v, "n", 1, 6));
    CHECK_OK(sess_close(now.s));
    return NULL;
}

static void test_threads(void) {
    set_up(thread_in_hook, NULL);
    store.inside = thread_inside;
    CHECK_OK(sess_start(now.s, 0));
    store.inside = NULL;
    CHECK(visits >= 3);
    CHECK_OK(sess_value_set_int(now.v, "n", 1, 5));
    run_thread(use_elsewhere);
    CHECK(sess_status(now.s) == SESS_CLOSED && sess_value_int(sess_get(now.s, "n", 1), 0) == 6);
    tear_down();
}

/* Every call is done as a whole or refused as a whole. */
static void *hammer(void *done) {
    for (int i = 0; i < 20000; i++) {
        sess_rc rc = sess_value_set_int(now.v, "n", 1, i);
        CHECK(rc == SESS_OK || rc == SESS_EMISUSE);
        *(int *)done += rc == SESS_OK;
        int64_t read = sess_value_int(sess_get(now.s, "n", 1), -1);
        CHECK(read >= -1 && read < 20000);
    }
    return NULL;
}

static void test_hammer(void) {
    pthread_t threads[2];
    int done[2] = {0, 0};
    set_up(NULL, NULL);
    CHECK_OK(sess_start(now.s, 0));
    for (int i = 0; i < 2; i++)
        CHECK(pthread_create(&threads[i], NULL, hammer, &done[i]) == 0);
    for (int i = 0; i < 2; i++)
        CHECK(pthread_join(threads[i], NULL) == 0);
    CHECK(done[0] + done[1] > 0 && sess_value_count(now.v) == 1);
    CHECK_OK(sess_close(now.s));
    tear_down();
}

/* A hook may read and edit data; nothing else. */
static sess_rc use_in_hook(void *user, sess_session *session) {
    (void)user;
    visits++;
    CHECK(session == now.s);
    for (size_t i = 0; i < ROW_COUNT; i++) {
        const struct row *row = &rows[i];
        if (row->access == DRIVE && row->handle == SESSION)
            expect(row, row->refused(&now, SESS_EMISUSE), "from a hook");
        if (row->access == DATA && row->code && (row->handle == SESSION || row->handle == VALUE))
            expect(row, !row->refused(&now, SESS_EMISUSE), "from a hook, where it is allowed");
    }
    CHECK(sess_status(session) == SESS_ACTIVE && *sess_id(session) != '\0');
    CHECK_OK(sess_value_set_int(sess_data(session), "hooked", SESS_NTS, visits));
    sess_value *list = sess_value_edit(sess_data(session), "list", SESS_NTS);
    CHECK_OK(sess_value_set_string(list, NULL, SESS_APPEND, "x", 1));
    CHECK(sess_value_int(sess_get(session, "hooked", SESS_NTS), 0) == visits);
    return SESS_OK;
}

static void test_hook(void) {
    set_up(use_in_hook, NULL);
    CHECK_OK(sess_start(now.s, 0));
    CHECK(visits == 1 && sess_value_int(sess_get(now.s, "hooked", SESS_NTS), 0) == 1);
    CHECK_OK(sess_close(now.s));
    CHECK_OK(sess_update(now.s, use_in_hook, NULL));
    CHECK(visits == 3 && sess_value_int(sess_get(now.s, "hooked", SESS_NTS), 0) == 3);
    tear_down();
}

/* In a forked child the session is the parent's: refused, and freed without a callback. */
static void test_fork(void) {
    set_up(NULL, NULL);
    CHECK_OK(sess_start(now.s, 0));
    CHECK_OK(sess_value_set_int(now.v, "n", 1, 1));
    int opened = store.opened, closed = store.closed, written = store.written;
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        for (size_t i = 0; i < ROW_COUNT; i++) {
            const struct row *row = &rows[i];
            if (row->refused != row_sess_free && (row->handle == SESSION || row->handle == VALUE))
                expect(row, row->refused(&now, SESS_EMISUSE), "after fork");
        }
        sess_free(now.s);
        CHECK(store.opened == opened && store.closed == closed && store.written == written);
        others_usable();
        now.s = sess_new(now.e);
        CHECK_OK(sess_start(now.s, 0));
        CHECK_OK(sess_close(now.s));
        store.opened--; /* the parent's, which nobody closes here */
        tear_down();
        _exit(0);
    }
    int status;
    CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
    CHECK(sess_status(now.s) == SESS_ACTIVE);
    CHECK_OK(sess_close(now.s));
    CHECK(store.written == written + 1);
    tear_down();
}

/* Options are used by one at a time too; in a child they are the child's own. */
static void options_refused(void *user) {
    (void)user;
    visits++;
    all_refused(OPTIONS, OPTIONS, SESS_EMISUSE, "from a sess_free_fn");
}

static void *options_in_thread(void *unused) {
    (void)unused;
    all_refused(OPTIONS, OPTIONS, SESS_EMISUSE, "from another thread");
    return NULL;
}

static void options_refused_in_thread(void *user) {
    (void)user;
    visits++;
    run_thread(options_in_thread);
}

static void test_options(void) {
    table = store_handler();
    now.o = sess_options_new();
    CHECK(sess_options_set(now.o, "session.nam", "A") == SESS_EINVAL);
    CHECK(strstr(sess_options_errmsg(now.o), "session.name") != NULL);
    CHECK_OK(sess_options_set_events(now.o, on_event, NULL, options_refused));
    CHECK_OK(sess_options_set_events(now.o, on_event, NULL, options_refused_in_thread));
    CHECK_OK(sess_options_set_events(now.o, NULL, NULL, NULL));
    CHECK(visits == 2);
    CHECK(strstr(sess_options_errmsg(now.o), "session.name") != NULL);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        CHECK_OK(sess_options_set(now.o, "session.name", "CHILD"));
        sess_options_free(now.o);
        _exit(0);
    }
    int status;
    CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
    CHECK(strcmp(sess_options_get(now.o, "session.name"), "CHILD") != 0);
    sess_options_free(now.o);
}

#if defined(SESS_DEBUG_BUILD)
sess_rc sess_debug_panic(sess_session *session);

static sess_rc panic_in_hook(void *user, sess_session *session) {
    (void)user;
    CHECK(sess_debug_panic(session) == SESS_EPANIC);
    return SESS_OK;
}

static void check_dead(void) {
    for (size_t i = 0; i < ROW_COUNT; i++) {
        const struct row *row = &rows[i];
        if (row->refused == row_sess_free || row->refused == row_sess_errmsg) continue;
        if (row->handle == SESSION || row->handle == VALUE)
            expect(row, row->refused(&now, SESS_EPANIC), "after a bug");
    }
    CHECK(sess_errcode(now.s) == SESS_EPANIC);
    CHECK(strstr(sess_errmsg(now.s), "ordered by a test") != NULL);
    CHECK(store.opened == store.closed && store.written == 0);
    others_usable();
}

/* After a bug: the lock is released, nothing is written, only the text and free are left. */
static void test_panic(void) {
    set_up(NULL, NULL);
    CHECK_OK(sess_start(now.s, 0));
    CHECK(store.opened == 1 && store.closed == 0);
    CHECK(sess_debug_panic(now.s) == SESS_EPANIC);
    check_dead();
    tear_down();

    memset(&store, 0, sizeof store);
    set_up(panic_in_hook, NULL);
    CHECK(sess_start(now.s, 0) == SESS_EPANIC);
    check_dead();
    tear_down();
}
#endif

/* The error begins with the name of the function, then says what of its arguments is wrong. */
static void check_names(const char *text, const char *call) {
    size_t len = strcspn(call, "(");
    if (strncmp(text, call, len) == 0 && strncmp(text + len, ": ", 2) == 0) return;
    fprintf(stderr, "%s: \"%s\"\n", call, text);
    abort();
}

/* A NULL that is not the handle. The reason is kept, and nothing else happens. */
#define INVALID(call)                                                                              \
    do {                                                                                           \
        CHECK((call) == SESS_EINVAL);                                                              \
        CHECK(sess_errcode(now.s) == SESS_EINVAL);                                                 \
        check_names(sess_errmsg(now.s), #call);                                                    \
        CHECK(sess_status(now.s) == SESS_ACTIVE);                                                  \
    } while (0)

static void test_arguments(void) {
    int64_t count = 0;
    const char *id = NULL;
    sess_bytes bytes = {NULL, 0};
    table = store_handler();
    now.o = sess_options_new();
    CHECK(sess_options_set(now.o, NULL, "x") == SESS_EINVAL);
    CHECK(sess_options_set(now.o, "session.name", NULL) == SESS_EINVAL);
    CHECK(sess_options_load_ini(now.o, NULL, 1, "x.ini") == SESS_EINVAL);
    CHECK(sess_options_load_ini(now.o, "", 0, NULL) == SESS_EINVAL);
    CHECK(sess_options_get(now.o, NULL) == NULL && sess_options_get(now.o, "session.nam") == NULL);
    CHECK(sess_options_set_handler(now.o, NULL, NULL, NULL) == SESS_EINVAL);
    CHECK(sess_options_set_hook(now.o, (sess_when)3, hook, NULL, NULL) == SESS_EINVAL);
    CHECK_OK(sess_options_set_hook(now.o, SESS_BEFORE_SAVE, NULL, NULL, NULL));
    CHECK_OK(sess_options_set_events(now.o, NULL, NULL, NULL));
    CHECK(sess_engine_new(now.o, NULL) == SESS_EINVAL);
    check_names(sess_options_errmsg(now.o), "sess_engine_new");
    CHECK(sess_options_set(now.o, NULL, "x") == SESS_EINVAL);
    CHECK(strcmp(sess_options_errmsg(now.o), "sess_options_set: key must not be NULL") == 0);
    sess_options_free(now.o);

    set_up(NULL, NULL);
    CHECK_OK(sess_set_cookie_header(now.s, NULL, SESS_NTS)); /* no HTTP_COOKIE in the environment */
    CHECK_OK(sess_set_cookie_header(now.s, NULL, 0));
    CHECK_OK(sess_start(now.s, 0));
    CHECK(sess_is_new(now.s));
    CHECK(sess_set_cookie_header(now.s, NULL, SESS_NTS) == SESS_EMISUSE);
    INVALID(sess_set_id(now.s, NULL, SESS_NTS));
    CHECK(strcmp(sess_errmsg(now.s), "sess_set_id: id must not be NULL") == 0);
    INVALID(sess_set_cookie_header(now.s, NULL, 1));
    INVALID(sess_set_id(now.s, NULL, SESS_NTS));
    INVALID(sess_set_option(now.s, NULL, "x"));
    INVALID(sess_set_option(now.s, "session.name", NULL));
    INVALID(sess_set_cookie(now.s, NULL, "v", SESS_NTS, NULL));
    INVALID(sess_set_cookie(now.s, "n", NULL, 1, NULL));
    CHECK(sess_set_cookie(now.s, "a b", "v", SESS_NTS, NULL) == SESS_EINVAL);
    CHECK(sess_set_cookie(now.s, "n", "v", SESS_NTS, "Path=x") == SESS_EINVAL);
    CHECK_OK(sess_set_cookie(now.s, "n", NULL, 0, NULL));
    CHECK(sess_cookie(now.s, NULL, &bytes) == SESS_EINVAL);
    CHECK(sess_cookie(now.s, "n", NULL) == SESS_EINVAL);
    CHECK(sess_cookie(now.s, "n", &bytes) == SESS_ENOTFOUND);
    INVALID(sess_update(now.s, NULL, NULL));
    INVALID(sess_create_id(now.s, NULL, 0, NULL));
    INVALID(sess_token(now.s, "p", 1, NULL));
    INVALID(sess_token(now.s, NULL, 1, &id));
    INVALID(sess_token_check(now.s, NULL, 1, "x", 1, 0));
    INVALID(sess_token_check(now.s, "p", 1, "x", SESS_APPEND, 0));
    CHECK(sess_token_check(now.s, "p", 1, "x", 1, -1) == SESS_EINVAL);
    INVALID(sess_set_raw(now.s, NULL, 1));
    INVALID(sess_encode(now.s, NULL));
    INVALID(sess_decode(now.s, NULL, SESS_APPEND));
    INVALID(sess_decode(now.s, "x", SESS_APPEND));
    INVALID(sess_value_set_null(now.v, NULL, 1));
    INVALID(sess_value_set_bool(now.v, NULL, SESS_NTS, true));
    INVALID(sess_value_set_int(now.v, "k", SESS_APPEND, 1));
    INVALID(sess_value_set_float(now.v, NULL, 3, 1.0));
    INVALID(sess_value_set_string(now.v, "k", 1, NULL, 1));
    INVALID(sess_value_set_serialized(now.v, "k", 1, NULL, SESS_NTS));
    INVALID(sess_value_remove(now.v, NULL, SESS_APPEND));
    INVALID(sess_value_edit(now.v, NULL, 1) == NULL ? sess_errcode(now.s) : SESS_OK);
    CHECK(sess_option(now.s, NULL) == NULL && sess_option(now.s, "session.nam") == NULL);
    CHECK(sess_get(now.s, NULL, 1) == NULL && sess_value_get(now.v, NULL, SESS_NTS) == NULL);
    CHECK(sess_header_at(now.s, 9999, NULL, NULL, NULL) == SESS_ENOTFOUND);
    CHECK(sess_value_at(now.v, 9999, &bytes, &count) == NULL);
    CHECK_OK(sess_value_set_int(now.v, "n", 1, 3));
    CHECK(!sess_value_to_int(sess_get(now.s, "n", 1), NULL));
    CHECK(sess_value_at(now.v, 0, NULL, NULL) == sess_get(now.s, "n", 1));
    CHECK_OK(sess_gc(now.s, NULL));
    CHECK_OK(sess_collect(now.s, -1, NULL, NULL));
    CHECK_OK(sess_create_id(now.s, NULL, 0, &id));
    CHECK_OK(sess_header_at(now.s, 0, NULL, NULL, NULL));
    CHECK_OK(sess_value_set_string(now.v, "", 0, NULL, 0));
    CHECK(is_empty(sess_value_string(sess_get(now.s, NULL, 0))));
    tear_down();
}

/* The table of the header's opening comment, profile "libsess". */
static void test_state(void) {
    const char *fresh = NULL;
    set_up(NULL, NULL);
    for (int round = 0; round < 2; round++) {
        CHECK(sess_close(now.s) == SESS_EMISUSE && sess_abort(now.s) == SESS_EMISUSE);
        CHECK(sess_reset(now.s) == SESS_EMISUSE && sess_destroy(now.s) == SESS_EMISUSE);
        CHECK(sess_regenerate_id(now.s, true) == SESS_EMISUSE &&
              sess_gc(now.s, NULL) == SESS_EMISUSE);
        CHECK(sess_decode(now.s, "", 0) == SESS_EMISUSE &&
              sess_set_raw(now.s, "", 0) == SESS_EMISUSE);
        CHECK(sess_value_set_int(now.v, "n", 1, 1) == SESS_EMISUSE);
        CHECK(sess_value_remove(now.v, "n", 1) == SESS_EMISUSE);
        CHECK(sess_value_clear(now.v) == SESS_EMISUSE);
        CHECK(sess_value_edit(now.v, "a", 1) == NULL && sess_errcode(now.s) == SESS_EMISUSE);
        CHECK_OK(sess_set_option(now.s, "session.cache_limiter", "nocache"));
        CHECK_OK(sess_set_cookie_header(now.s, "a=b", SESS_NTS));
        CHECK_OK(sess_create_id(now.s, NULL, 0, &fresh));
        CHECK_OK(sess_end(now.s));
        CHECK_OK(sess_begin(now.s));
        CHECK_OK(sess_collect(now.s, -1, NULL, NULL));
        CHECK_OK(sess_register_shutdown(now.s));
        CHECK(sess_status(now.s) == (round == 0 ? SESS_NONE : SESS_CLOSED));

        CHECK_OK(sess_start(now.s, 0));
        CHECK_OK(sess_value_set_int(now.v, "n", 1, round));
        CHECK(sess_start(now.s, 0) == SESS_EMISUSE);
        CHECK(sess_set_id(now.s, "abcdefghijklmnopqrstuvwxyz", SESS_NTS) == SESS_EMISUSE);
        CHECK(sess_set_option(now.s, "session.name", "A") == SESS_EMISUSE);
        CHECK(sess_set_cookie_header(now.s, "a=b", SESS_NTS) == SESS_EMISUSE);
        CHECK(sess_update(now.s, hook, NULL) == SESS_EMISUSE);
        CHECK(sess_status(now.s) == SESS_ACTIVE);
        CHECK_OK(sess_create_id(now.s, NULL, 0, &fresh));
        CHECK_OK(sess_collect(now.s, -1, NULL, NULL));
        CHECK_OK(sess_set_host(now.s, &store));
        CHECK_OK(sess_set_lock_timeout(now.s, 10));
        CHECK_OK(sess_set_last_modified(now.s, 1));
        CHECK_OK(sess_begin(now.s));
        CHECK(sess_host(now.s) == &store);
        CHECK_OK(sess_end(now.s));
    }
    CHECK_OK(sess_start(now.s, 0));
    CHECK_OK(sess_mark_headers_sent(now.s));
    CHECK(sess_regenerate_id(now.s, false) == SESS_EHEADERS && sess_status(now.s) == SESS_ACTIVE);
    CHECK_OK(sess_close(now.s));
    CHECK_OK(sess_set_cookie_header(now.s, "a=b", SESS_NTS));
    CHECK_OK(sess_start(now.s, 0));
    CHECK_OK(sess_close(now.s));
    CHECK_OK(sess_recycle(now.s));
    CHECK(sess_status(now.s) == SESS_NONE && sess_host(now.s) == NULL &&
          sess_errcode(now.s) == SESS_OK);
    tear_down();
}

/* The same table, PHP profiles: what differs. */
static void test_state_php(void) {
    sess_options *options = store_options(&store);
    CHECK_OK(sess_options_set(options, "sess.profile", "php82"));
    now.e = engine_of(options);
    now.s = sess_new(now.e);
    now.v = sess_data(now.s);
    CHECK_OK(sess_start(now.s, 0));
    CHECK_OK(sess_value_set_int(now.v, "n", 1, 1));
    CHECK_OK(sess_close(now.s));
    CHECK_OK(sess_value_set_int(now.v, "n", 1, 2));
    CHECK(sess_value_int(sess_get(now.s, "n", 1), 0) == 2);
    CHECK_OK(sess_start(now.s, 0));
    CHECK(sess_value_int(sess_get(now.s, "n", 1), 0) == 1);
    CHECK_OK(sess_mark_headers_sent(now.s));
    CHECK(sess_regenerate_id(now.s, false) == SESS_EHEADERS);
    CHECK_OK(sess_close(now.s));
    CHECK(sess_start(now.s, 0) == SESS_EHEADERS);
    CHECK(sess_set_id(now.s, "abcdefghijklmnopqrstuvwxyz", SESS_NTS) == SESS_EHEADERS);
    CHECK(sess_set_option(now.s, "session.name", "A") == SESS_EHEADERS);
    CHECK(sess_update(now.s, hook, NULL) == SESS_EHEADERS);
    CHECK_OK(sess_set_cookie_header(now.s, "a=b", SESS_NTS));
    sess_free(now.s);
    sess_engine_free(now.e);
}

int main(int argc, char **argv) {
    static const struct {
        const char *name;
        void (*run)(void);
    } tests[] = {
        {"list", test_list},
        {"null", test_null},
        {"arguments", test_arguments},
        {"state", test_state},
        {"state-php", test_state_php},
        {"callback", test_callback},
        {"event", test_event},
        {"hook", test_hook},
        {"threads", test_threads},
        {"hammer", test_hammer},
        {"fork", test_fork},
        {"options", test_options},
#if defined(SESS_DEBUG_BUILD)
        {"panic", test_panic},
#endif
    };
    for (size_t i = 0; argc == 2 && i < sizeof tests / sizeof tests[0]; i++) {
        if (strcmp(argv[1], tests[i].name) == 0) {
            tests[i].run();
            return 0;
        }
    }
    fprintf(stderr, "no such test\n");
    return 2;
}
