/* Every function of a session and of its values in every state: what is done and what is refused.
 * One row for each symbol; `misuse_states list` prints them. */
#include "abi/check.h"

/* What a row's letters stand for, one for each state: - SESS_OK, M SESS_EMISUSE, H SESS_EHEADERS,
 * N SESS_ENOTFOUND, U SESS_EUNSUPPORTED. */
enum { FRESH, ACTIVE, CLOSED, DESTROYED, SENT, LATE, STATES };
static const char *const names[STATES] = {
    "not started", "active", "closed", "destroyed", "active, headers sent", "closed, headers sent",
};
static const sess_state status_in[STATES] = {
    SESS_NONE, SESS_ACTIVE, SESS_CLOSED, SESS_DESTROYED, SESS_ACTIVE, SESS_CLOSED,
};

static sess_rc hook(void *user, sess_session *session) {
    (void)user, (void)session;
    return SESS_OK;
}

static sess_rc that(bool holds) { return holds ? SESS_OK : SESS_EINVAL; }

static bool readable(sess_bytes bytes) { return bytes.data != NULL; }

static sess_lock_info lock_info = {.struct_size = sizeof(sess_lock_info)};

#define ID "abcdefghijklmnopqrstuvwxyz"
#define FIRST sess_value_at(v, 0, NULL, NULL)

/* symbol, the call, the answers in profile "libsess", those in "php82" */
#define ROWS(ROW)                                                                                  \
    ROW(sess_recycle, sess_recycle(s), "------", "------")                                         \
    ROW(sess_register_shutdown, sess_register_shutdown(s), "------", "------")                     \
    ROW(sess_set_host, sess_set_host(s, NULL), "------", "------")                                 \
    ROW(sess_host, that(sess_host(s) == NULL), "------", "------")                                 \
    ROW(sess_set_cookie_header, sess_set_cookie_header(s, "a=b", 3), "-M--M-", "-M--M-")           \
    ROW(sess_set_id, sess_set_id(s, ID, SESS_NTS), "-M--M-", "-M--MH")                             \
    ROW(sess_set_option, sess_set_option(s, "session.name", "A"), "-M--M-", "-M--MH")              \
    ROW(sess_option, that(sess_option(s, "session.name") != NULL), "------", "------")             \
    ROW(sess_set_lock_timeout, sess_set_lock_timeout(s, 0), "------", "------")                    \
    ROW(sess_set_cancel, sess_set_cancel(s, NULL), "------", "------")                             \
    ROW(sess_begin, sess_begin(s), "------", "------")                                             \
    ROW(sess_end, sess_end(s), "------", "------")                                                 \
    ROW(sess_start, sess_start(s, 0), "-M--M-", "-M--MH")                                          \
    ROW(sess_close, sess_close(s), "M-MM-M", "M-MM-M")                                             \
    ROW(sess_abort, sess_abort(s), "M-MM-M", "M-MM-M")                                             \
    ROW(sess_reset, sess_reset(s), "M-MM-M", "M-MM-M")                                             \
    ROW(sess_destroy, sess_destroy(s), "M-MM-M", "M-MM-M")                                         \
    ROW(sess_regenerate_id, sess_regenerate_id(s, true), "M-MMHM", "M-MMHM")                       \
    ROW(sess_update, sess_update(s, hook, NULL), "-M--M-", "-M--MH")                               \
    ROW(sess_create_id, sess_create_id(s, NULL, 0, &text), "------", "------")                     \
    ROW(sess_gc, sess_gc(s, NULL), "M-MM-M", "M-MM-M")                                             \
    ROW(sess_collect, sess_collect(s, -1, NULL, NULL), "------", "------")                         \
    ROW(sess_inspect_lock, sess_inspect_lock(s, NULL, 0, &lock_info), "NUUNUU", "NUUNUU")          \
    ROW(sess_status, that(sess_status(s) == status_in[state]), "------", "------")                 \
    ROW(sess_id, that((*sess_id(s) == '\0') == (state == FRESH || state == DESTROYED)), "------",  \
        "------")                                                                                  \
    ROW(sess_is_new, that(sess_is_new(s) == (state != FRESH)), "------", "------")                 \
    ROW(sess_user, that(sess_user(s).data == NULL), "------", "------")                            \
    ROW(sess_auth_age, that(sess_auth_age(s) == -1), "------", "------")                           \
    ROW(sess_kind, that(sess_kind(s) == SESS_KIND_ANONYMOUS), "------", "------")                  \
    ROW(sess_created, that(sess_created(s) >= -1), "------", "------")                             \
    ROW(sess_expires_in, that(sess_expires_in(s) == -1), "------", "------")                       \
    ROW(sess_login, sess_login(s, "joe", 3, 0), "M-MMHM", "UUUUUU")                                \
    ROW(sess_logout, sess_logout(s, 0), "M-MM-M", "UUUUUU")                                        \
    ROW(sess_previous_end, that(sess_previous_end(s) == SESS_END_NONE), "------", "------")        \
    ROW(sess_is_stored, that(sess_is_stored(s) == (state != FRESH && state != DESTROYED)),         \
        "------", "------")                                                                        \
    ROW(sess_errcode, sess_errcode(s), "------", "------")                                         \
    ROW(sess_errmsg, that(*sess_errmsg(s) == '\0'), "------", "------")                            \
    ROW(sess_errno, that(sess_errno(s) == 0), "------", "------")                                  \
    ROW(sess_php_result, that(sess_php_result(s) == 1), "------", "------")                        \
    ROW(sess_header_count, that((sess_header_count(s) == 0) == (state == FRESH)), "------",        \
        "------")                                                                                  \
    ROW(sess_header_at, sess_header_at(s, 0, NULL, NULL, NULL), "N-----", "N-----")                \
    ROW(sess_mark_headers_sent, sess_mark_headers_sent(s), "------", "------")                     \
    ROW(sess_set_last_modified, sess_set_last_modified(s, 1), "------", "------")                  \
    ROW(sess_set_request, sess_set_request(s, "https", "a.test", 0, ""), "-M--M-", "-M--M-")       \
    ROW(sess_cookie_name, that(strcmp(sess_cookie_name(s), "PHPSESSID") == 0), "------", "------") \
    ROW(sess_cookie, sess_cookie(s, "a", &bytes), "NNNNNN", "NNNNNN")                              \
    ROW(sess_set_cookie, sess_set_cookie(s, "a", "b", 1, NULL), "----HH", "----HH")                \
    ROW(sess_expire_cookie, sess_expire_cookie(s), "----HH", "----HH")                             \
    ROW(sess_raw, that(readable(sess_raw(s)) && sess_raw(s).len == 0), "------", "------")         \
    ROW(sess_set_raw, sess_set_raw(s, "x", 1), "M-MM-M", "M-MM-M")                                 \
    ROW(sess_encode, sess_encode(s, &bytes), "------", "------")                                   \
    ROW(sess_decode, sess_decode(s, "b|i:1;", SESS_NTS), "M-MM-M", "M-MM-M")                       \
    ROW(sess_data, that(sess_data(s) == v), "------", "------")                                    \
    ROW(sess_get, that((sess_get(s, "n", 1) == NULL) == (state == FRESH)), "------", "------")     \
    ROW(sess_value_get, that((sess_value_get(v, "n", 1) == NULL) == (state == FRESH)), "------",   \
        "------")                                                                                  \
    ROW(sess_value_at, that((FIRST == NULL) == (state == FRESH)), "------", "------")              \
    ROW(sess_value_count, that(sess_value_count(v) == (state == FRESH ? 0 : 1)), "------",         \
        "------")                                                                                  \
    ROW(sess_value_type, that(sess_value_type(v) == SESS_TYPE_ARRAY), "------", "------")          \
    ROW(sess_value_bool, that(sess_value_bool(FIRST, true)), "------", "------")                   \
    ROW(sess_value_int, that(sess_value_int(FIRST, 1) == 1), "------", "------")                   \
    ROW(sess_value_float, that(sess_value_float(FIRST, 0.5) == 0.5), "------", "------")           \
    ROW(sess_value_to_int, that(sess_value_to_int(FIRST, &count) == (state != FRESH)), "------",   \
        "------")                                                                                  \
    ROW(sess_value_string, that(readable(sess_value_string(FIRST))), "------", "------")           \
    ROW(sess_value_class, that(readable(sess_value_class(FIRST))), "------", "------")             \
    ROW(sess_value_case, that(readable(sess_value_case(FIRST))), "------", "------")               \
    ROW(sess_value_payload, that(readable(sess_value_payload(FIRST))), "------", "------")         \
    ROW(sess_value_serialized, that(readable(sess_value_serialized(FIRST))), "------", "------")   \
    ROW(sess_value_reference, that(sess_value_reference(FIRST) == 0), "------", "------")          \
    ROW(sess_value_object, that(sess_value_object(FIRST) == 0), "------", "------")                \
    ROW(sess_value_edit, sess_value_edit(v, "a", 1) == NULL ? sess_errcode(s) : SESS_OK, "M-MM-M", \
        "------")                                                                                  \
    ROW(sess_value_set_null, sess_value_set_null(v, "k", 1), "M-MM-M", "------")                   \
    ROW(sess_value_set_bool, sess_value_set_bool(v, "k", 1, true), "M-MM-M", "------")             \
    ROW(sess_value_set_int, sess_value_set_int(v, "k", 1, 1), "M-MM-M", "------")                  \
    ROW(sess_value_set_float, sess_value_set_float(v, "k", 1, 1.5), "M-MM-M", "------")            \
    ROW(sess_value_set_string, sess_value_set_string(v, "k", 1, "x", 1), "M-MM-M", "------")       \
    ROW(sess_value_set_serialized, sess_value_set_serialized(v, "k", 1, "i:1;", 4), "M-MM-M",      \
        "------")                                                                                  \
    ROW(sess_value_remove, sess_value_remove(v, "n", 1), "M-MM-M", "N-----")                       \
    ROW(sess_value_clear, sess_value_clear(v), "M-MM-M", "------")                                 \
    ROW(sess_token, sess_token(s, "p", 1, &text), "M-MM-M", "UUUUUU")                              \
    ROW(sess_token_check, sess_token_check(s, "p", 1, "x", 1, 0), "MRRRRR", "UUUUUU")

#define FUNCTION(symbol, call, libsess, php)                                                       \
    static sess_rc row_##symbol(sess_session *s, sess_value *v, int state) {                       \
        const char *text = NULL;                                                                   \
        sess_bytes bytes = {NULL, 0};                                                              \
        int64_t count = 0;                                                                         \
        (void)s, (void)v, (void)state, (void)text, (void)bytes, (void)count;                       \
        return call;                                                                               \
    }
ROWS(FUNCTION)

#define ENTRY(symbol, call, libsess, php) {#symbol, row_##symbol, {libsess, php}},
static const struct row {
    const char *symbol;
    sess_rc (*run)(sess_session *s, sess_value *v, int state);
    const char *wanted[2];
} rows[] = {ROWS(ENTRY)};

static sess_rc code_of(char letter) {
    switch (letter) {
    case 'M':
        return SESS_EMISUSE;
    case 'H':
        return SESS_EHEADERS;
    case 'N':
        return SESS_ENOTFOUND;
    case 'U':
        return SESS_EUNSUPPORTED;
    case 'R':
        return SESS_EREFUSED;
    default:
        return SESS_OK;
    }
}

/* A session in that state, with n = 1 if it was ever started. */
static sess_session *session_in(sess_engine *engine, int state) {
    sess_session *s = sess_new(engine);
    CHECK(s != NULL);
    if (state == FRESH) return s;
    CHECK_OK(sess_start(s, 0));
    CHECK_OK(sess_value_set_int(sess_data(s), "n", 1, 1));
    if (state == CLOSED || state == LATE) CHECK_OK(sess_close(s));
    if (state == DESTROYED) CHECK_OK(sess_destroy(s));
    if (state == SENT || state == LATE) CHECK_OK(sess_mark_headers_sent(s));
    CHECK(sess_status(s) == status_in[state]);
    return s;
}

static int failures;

static void test_profile(const char *profile, int column) {
    static struct store store;
    sess_options *options = store_options(&store);
    CHECK_OK(sess_options_set(options, "sess.profile", profile));
    sess_engine *engine = engine_of(options);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        CHECK(strlen(rows[i].wanted[column]) == STATES);
        for (int state = 0; state < STATES; state++) {
            sess_session *s = session_in(engine, state);
            sess_rc wanted = code_of(rows[i].wanted[column][state]);
            sess_rc rc = rows[i].run(s, sess_data(s), state);
            if (rc != wanted) {
                fprintf(stderr, "%s: %s, %s: %s instead of %s\n", profile, rows[i].symbol,
                        names[state], sess_code_name(rc), sess_code_name(wanted));
                failures++;
            }
            /* What is refused leaves the session as it was, and says why. */
            if (wanted == SESS_EMISUSE || wanted == SESS_EHEADERS) {
                CHECK(sess_status(s) == status_in[state]);
                CHECK(sess_errcode(s) == wanted && *sess_errmsg(s) != '\0');
                if (state != FRESH) CHECK(sess_value_int(sess_get(s, "n", 1), 0) == 1);
            }
            sess_free(s);
            /* S-30: PHP 8.2 opens again without a close. */
            bool again = column == 1 && rows[i].run == row_sess_reset && rc == SESS_OK;
            CHECK(store.opened == store.closed + again);
            store.opened = store.closed = 0;
        }
    }
    sess_engine_free(engine);
}

int main(int argc, char **argv) {
    if (argc == 2 && strcmp(argv[1], "list") == 0) {
        for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
            puts(rows[i].symbol);
        return 0;
    }
    test_profile("libsess", 0);
    test_profile("php82", 1);
    return failures != 0;
}
