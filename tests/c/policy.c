/* The policy through the C interface: logins and logouts, clocks, tokens, a host's table. */
#define _DEFAULT_SOURCE
#include "support.h"

#include "../../c-examples/memory_handler.h"

#include <time.h>

#define USER "joe"
#define GRACE 30

/* The clock of all engines here, in Unix milliseconds. */
static int64_t clock_ms;
static int clocks_freed;
/* The names of the events since they were last looked at. */
static char told[256];

static int64_t tell(void *user) { return *(int64_t *)user; }

static void clock_free(void *user) {
    if (user == &clock_ms) clocks_freed++;
}

static void note(void *user, const sess_event *event) {
    (void)user;
    snprintf(told + strlen(told), sizeof told - strlen(told), "%s;", sess_event_name(event));
}

static void pass(int64_t seconds) { clock_ms += seconds * 1000; }

static sess_engine *policed(sess_options *options) {
    clock_ms = (int64_t)time(NULL) * 1000;
    told[0] = '\0';
    CHECK_INT(sess_options_set_clock(options, tell, &clock_ms, clock_free), SESS_OK);
    CHECK_INT(sess_options_set_events(options, note, NULL, NULL), SESS_OK);
    return take_engine(options);
}

/* A request of somebody who sends this id, started. */
static sess_session *started(sess_engine *engine, const char *id) {
    char header[300];
    sess_session *s = sess_new(engine);
    snprintf(header, sizeof header, "PHPSESSID=%s", id);
    CHECK_OK(sess_set_cookie_header(s, *id != '\0' ? header : NULL, SESS_NTS), s);
    CHECK_OK(sess_start(s, 0), s);
    return s;
}

/* Close and free; the id the session ended with, in a buffer that the next call but three
 * overwrites. */
static const char *done(sess_session *s) {
    static char ids[4][300];
    static int next;
    char *id = ids[next++ % 4];
    if (sess_status(s) == SESS_ACTIVE) CHECK_OK(sess_close(s), s);
    snprintf(id, sizeof ids[0], "%s", sess_id(s));
    sess_free(s);
    return id;
}

static int64_t get(sess_session *s, const char *key) {
    return sess_value_int(sess_value_get(sess_data(s), key, SESS_NTS), -1);
}

static void set(sess_session *s, const char *key, int64_t value) {
    CHECK_OK(sess_value_set_int(sess_data(s), key, SESS_NTS, value), s);
}

/* The header of that name that holds `part`; NULL if there is none. */
static const char *header(sess_session *s, const char *name, const char *part) {
    const char *found, *value;
    for (size_t i = 0; sess_header_at(s, i, &found, &value, NULL) == SESS_OK; i++)
        if (strcmp(found, name) == 0 && strstr(value, part) != NULL) return value;
    return NULL;
}

static void check_user(sess_session *s, const char *user, sess_user_kind kind, int64_t age) {
    sess_bytes is = sess_user(s);
    if (user != NULL)
        CHECK_MEM(is.data, is.len, user, strlen(user));
    else
        CHECK(is.data == NULL && is.len == 0);
    CHECK_INT(sess_kind(s), kind);
    CHECK_INT(sess_auth_age(s), age);
}

/* A request that was under way with the old id when its session logged in. */
static void check_thrown_away(sess_engine *e, const char *old) {
    sess_session *s = started(e, old);
    CHECK_INT(sess_value_count(sess_data(s)), 0);
    check_user(s, NULL, SESS_KIND_ANONYMOUS, -1);
    CHECK(!sess_is_stored(s) && !sess_is_new(s));
    set(s, "late", 1);
    CHECK_INT(get(s, "late"), 1);
    CHECK_OK(sess_close(s), s);
    CHECK(header(s, "Set-Cookie", "") == NULL);
    sess_free(s);
}

/* shows: M11, CS8, CS10, ASVS 7.2.4, 7.4.1. For every storage: `stored` says whether there is a
 * record. */
static void from_login_to_logout(sess_engine *e, bool (*stored)(const char *id)) {
    char old[300], member[300], token[64];
    const char *made;
    int64_t began = clock_ms / 1000;
    sess_session *s = started(e, "");
    CHECK(sess_is_new(s) && sess_is_stored(s));
    CHECK_INT(sess_previous_end(s), SESS_END_NONE);
    set(s, "n", 7);
    snprintf(old, sizeof old, "%s", done(s));
    CHECK(stored(old));

    s = started(e, old);
    check_user(s, NULL, SESS_KIND_ANONYMOUS, -1);
    CHECK_INT(sess_expires_in(s), -1);
    CHECK_OK(sess_token(s, "edit", SESS_NTS, &made), s);
    snprintf(token, sizeof token, "%s", made);
    CHECK_INT(strlen(token), 27);
    CHECK_OK(sess_token_check(s, "edit", SESS_NTS, token, SESS_NTS, 60), s);
    CHECK_RC(sess_token_check(s, "delete", SESS_NTS, token, SESS_NTS, 0), SESS_EREFUSED, s);
    CHECK_RC(sess_token_check(s, "edit", SESS_NTS, "x", 1, 0), SESS_EREFUSED, s);
    /* CS10: more rights, another id; what was set before comes along, tokens do not. */
    CHECK_OK(sess_login(s, USER, SESS_NTS, 0), s);
    CHECK_INT(sess_status(s), SESS_ACTIVE);
    CHECK(strcmp(sess_id(s), old) != 0);
    CHECK(header(s, "Set-Cookie", sess_id(s)) != NULL);
    CHECK(header(s, "Set-Cookie", old) == NULL);
    check_user(s, USER, SESS_KIND_LOGIN, 0);
    CHECK_RC(sess_token_check(s, "edit", SESS_NTS, token, SESS_NTS, 0), SESS_EREFUSED, s);
    set(s, "after", 1);
    snprintf(member, sizeof member, "%s", done(s));

    check_thrown_away(e, old);
    pass(100);
    s = started(e, member);
    CHECK_INT(get(s, "n"), 7);
    CHECK_INT(get(s, "after"), 1);
    CHECK_INT(get(s, "late"), -1);
    check_user(s, USER, SESS_KIND_LOGIN, 100);
    CHECK_INT(sess_created(s), began);
    CHECK_INT(sess_expires_in(s), 600);
    CHECK_OK(sess_token(s, "edit", SESS_NTS, &made), s);
    snprintf(token, sizeof token, "%s", made);
    (void)done(s);
    /* After its grace the old id is one that nobody knows. */
    s = started(e, old);
    CHECK_INT(sess_previous_end(s), SESS_END_ROTATED);
    CHECK(sess_is_new(s) && strcmp(sess_id(s), old) != 0 && strcmp(sess_id(s), member) != 0);
    CHECK_RC(sess_token_check(s, "edit", SESS_NTS, token, SESS_NTS, 0), SESS_EREFUSED, s);
    CHECK_OK(sess_abort(s), s);
    sess_free(s);
    CHECK(!stored(old));
    CHECK_STR(told, "SESSION_ENDED;");

    /* The password once more, and to be remembered: no idle clock, the absolute one begins now. */
    s = started(e, member);
    CHECK_OK(sess_login(s, USER, SESS_NTS, SESS_LOGIN_REMEMBER), s);
    check_user(s, USER, SESS_KIND_REMEMBERED, 0);
    CHECK_INT(sess_expires_in(s), 9000);
    CHECK(strcmp(sess_id(s), member) != 0);
    snprintf(member, sizeof member, "%s", done(s));

    s = started(e, member);
    CHECK_RC(sess_logout(s, 8), SESS_EINVAL, s);
    CHECK_OK(sess_logout(s, SESS_LOGOUT_CLEAR_SITE_DATA), s);
    CHECK_INT(sess_status(s), SESS_DESTROYED);
    CHECK_INT(get(s, "n"), 7);
    CHECK(!sess_is_stored(s));
    CHECK(header(s, "Set-Cookie", "Max-Age=0") != NULL);
    CHECK_STR(header(s, "Clear-Site-Data", ""), "\"cache\", \"cookies\", \"storage\"");
    sess_free(s);
    CHECK(!stored(member));

    /* CS8: an id that nobody knows is not taken over, and the host hears of it. */
    told[0] = '\0';
    s = started(e, member);
    CHECK_INT(sess_previous_end(s), SESS_END_UNKNOWN_ID);
    CHECK(sess_is_new(s) && strcmp(sess_id(s), member) != 0);
    CHECK_STR(told, "ID_UNKNOWN;");
    check_user(s, NULL, SESS_KIND_ANONYMOUS, -1);
    CHECK_OK(sess_login(s, "eve", SESS_NTS, 0), s);
    told[0] = '\0';
    CHECK_OK(sess_logout(s, SESS_LOGOUT_USER_LOST), s);
    CHECK_INT(sess_previous_end(s), SESS_END_USER_LOST);
    CHECK_STR(told, "USER_LOST;");
    sess_free(s);

    /* Who is not there for more than the idle time is asked for the password. */
    s = started(e, "");
    CHECK_OK(sess_login(s, USER, SESS_NTS, 0), s);
    snprintf(member, sizeof member, "%s", done(s));
    pass(600);
    s = started(e, member);
    check_user(s, USER, SESS_KIND_LOGIN, 600);
    (void)done(s);
    pass(601);
    s = started(e, member);
    CHECK_INT(sess_previous_end(s), SESS_END_IDLE);
    check_user(s, NULL, SESS_KIND_ANONYMOUS, -1);
    sess_free(s);
}

static const char *const LIFETIMES[] = {
    "sess.login.idle",        "600",  "sess.login.absolute", "7200",
    "sess.remember.absolute", "9000", "sess.rotate_grace",   "30"};

static sess_options *with_lifetimes(const char *directory) {
    sess_options *options = make_options("session.save_path", directory, "session.gc_probability",
                                         "0", (const char *)NULL);
    for (size_t i = 0; i < sizeof LIFETIMES / sizeof *LIFETIMES; i += 2)
        CHECK_INT(sess_options_set(options, LIFETIMES[i], LIFETIMES[i + 1]), SESS_OK);
    return options;
}

static char directory[512];

static bool in_files(const char *id) { return access(session_file(directory, id), F_OK) == 0; }

static void over_files(void) {
    sess_engine *e = policed(with_lifetimes(directory));
    from_login_to_logout(e, in_files);
    sess_engine_free(e);
}

/* When the records of the host's table were made and last used: what a database would keep in
 * columns. */
typedef struct stamp {
    char id[300];
    int64_t created, touched;
} stamp;

static stamp stamps[32];
static size_t stamp_count;
static int times_told;

static stamp *stamp_of(const char *id) {
    for (size_t i = 0; i < stamp_count; i++)
        if (strcmp(stamps[i].id, id) == 0) return &stamps[i];
    return NULL;
}

static sess_rc timed_read(void *user, sess_call *call, const char *id) {
    sess_rc rc = memory_handler.read(user, call, id);
    const stamp *is = stamp_of(id);
    if (rc != SESS_OK || !CHECK(is != NULL)) return rc;
    times_told++;
    return sess_call_set_times(call, is->created, is->touched);
}

static sess_rc timed_write(void *user, sess_call *call, const char *id, const uint8_t *data,
                           size_t len) {
    sess_rc rc = memory_handler.write(user, call, id, data, len);
    stamp *is = stamp_of(id);
    if (rc != SESS_OK) return rc;
    if (is == NULL && CHECK(stamp_count < sizeof stamps / sizeof *stamps)) {
        is = &stamps[stamp_count++];
        snprintf(is->id, sizeof is->id, "%s", id);
        is->created = clock_ms / 1000;
    }
    if (is != NULL) is->touched = clock_ms / 1000;
    return SESS_OK;
}

static sess_rc timed_update(void *user, sess_call *call, const char *id, const uint8_t *data,
                            size_t len) {
    sess_rc rc = memory_handler.update_timestamp(user, call, id, data, len);
    stamp *is = stamp_of(id);
    if (rc == SESS_OK && is != NULL) is->touched = clock_ms / 1000;
    return rc;
}

static sess_rc timed_destroy(void *user, sess_call *call, const char *id) {
    sess_rc rc = memory_handler.destroy(user, call, id);
    stamp *is = stamp_of(id);
    if (rc == SESS_OK && is != NULL) *is = stamps[--stamp_count];
    return rc;
}

static bool in_table(const char *id) { return stamp_of(id) != NULL; }

static void over_a_table(void) {
    sess_handler timed = memory_handler;
    timed.read = timed_read;
    timed.write = timed_write;
    timed.destroy = timed_destroy;
    timed.update_timestamp = timed_update;
    sess_options *options = with_lifetimes("");
    memory_store *store = memory_store_new();
    CHECK_INT(sess_options_set_handler(options, &timed, store, memory_store_free), SESS_OK);
    sess_engine *e = policed(options);
    from_login_to_logout(e, in_table);
    CHECK(times_told > 0);
    sess_engine_free(e);
}

/* Logins that cannot be, and what a session says that has none. */
static void refusals(void) {
    sess_engine *e = policed(make_options("session.save_path", directory, "session.gc_probability",
                                          "0", "sess.moin_lifetime", "(1, 0)", NULL));
    sess_session *s = sess_new(e);
    CHECK_RC(sess_login(s, USER, SESS_NTS, 0), SESS_EREFUSED, s);
    CHECK_RC(sess_logout(s, 0), SESS_EMISUSE, s);
    check_user(s, NULL, SESS_KIND_ANONYMOUS, -1);
    CHECK(!sess_is_stored(s));
    CHECK_INT(sess_created(s), -1);
    CHECK_INT(sess_expires_in(s), -1);
    CHECK_OK(sess_start(s, 0), s);
    CHECK_RC(sess_login(s, USER, SESS_NTS, SESS_LOGIN_REMEMBER), SESS_EREFUSED, s);
    CHECK_INT(sess_status(s), SESS_ACTIVE);
    sess_free(s);
    sess_engine_free(e);

    e = policed(with_lifetimes(directory));
    s = sess_new(e);
    CHECK_RC(sess_login(s, USER, SESS_NTS, 0), SESS_EMISUSE, s);
    CHECK_OK(sess_start(s, 0), s);
    CHECK_RC(sess_login(s, USER, SESS_NTS, 8), SESS_EINVAL, s);
    CHECK_RC(sess_login(s, "", 0, 0), SESS_EINVAL, s);
    CHECK_OK(sess_mark_headers_sent(s), s);
    CHECK_RC(sess_login(s, USER, SESS_NTS, 0), SESS_EHEADERS, s);
    CHECK_INT(sess_status(s), SESS_ACTIVE);
    sess_free(s);
    sess_engine_free(e);

    e = policed(make_options("session.save_path", directory, "sess.meta_key", "", NULL));
    s = started(e, "");
    CHECK_RC(sess_login(s, USER, SESS_NTS, 0), SESS_EUNSUPPORTED, s);
    CHECK_RC(sess_logout(s, 0), SESS_EUNSUPPORTED, s);
    sess_free(s);
    sess_engine_free(e);

    CHECK_INT(sess_login(NULL, USER, SESS_NTS, 0), SESS_EINVAL);
    CHECK_INT(sess_logout(NULL, 0), SESS_EINVAL);
    check_user(NULL, NULL, SESS_KIND_ANONYMOUS, -1);
    CHECK_INT(sess_previous_end(NULL), SESS_END_NONE);
}

/* shows: CS13. The id changes now and then; whoever comes with the previous one is told the new
 * one. */
static void rotation(void) {
    sess_engine *e =
        policed(make_options("session.save_path", directory, "session.gc_probability", "0",
                             "sess.anon.rotate", "60", "sess.rotate_grace", "30", NULL));
    char old[300], new[300];
    sess_session *s = started(e, "");
    set(s, "n", 1);
    snprintf(old, sizeof old, "%s", done(s));
    pass(61);
    s = started(e, old);
    CHECK(!sess_is_new(s) && sess_is_stored(s));
    snprintf(new, sizeof new, "%s", done(s));
    CHECK(strcmp(new, old) != 0 && in_files(new) && in_files(old));
    pass(GRACE);
    s = started(e, old);
    CHECK_INT(get(s, "n"), 1);
    CHECK_STR(sess_id(s), new);
    CHECK(header(s, "Set-Cookie", new) != NULL);
    (void)done(s);
    pass(1);
    s = started(e, old);
    CHECK_INT(sess_previous_end(s), SESS_END_ROTATED);
    CHECK_INT(get(s, "n"), -1);
    sess_free(s);
    CHECK(!in_files(old) && in_files(new));
    sess_engine_free(e);
}

static void in_directory(void (*part)(void)) {
    char *made = make_directory();
    snprintf(directory, sizeof directory, "%s", made);
    part();
    remove_directory(made);
    free(made);
}

int main(void) {
    in_directory(over_files);
    over_a_table();
    in_directory(refusals);
    in_directory(rotation);
    CHECK_INT(clocks_freed, 6);
    return check_report();
}
