/*
 * lifecycle.c - the interface at work: data, hooks, events, headers, cancel, update, recycle.
 */
#define _DEFAULT_SOURCE
#include "support.h"

#include <pthread.h>
#include <sys/wait.h>
#include <time.h>

/* What the event function saw. */
typedef struct {
    char names[512];
    int count;
    void *host;
    char text[512];
} seen;

static void on_event(void *user, const sess_event *event) {
    seen *e = user;
    size_t used = strlen(e->names);
    snprintf(e->names + used, sizeof e->names - used, "%s ", sess_event_name(event));
    snprintf(e->text, sizeof e->text, "%s", sess_event_text(event));
    e->host = sess_event_host(event);
    e->count++;
    CHECK(sess_event_level(event) >= 3 && sess_event_level(event) <= 6);
}

static int64_t now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* The value of the first header of that name, or NULL. */
static const char *header(const sess_session *s, const char *name) {
    const char *n, *value;
    for (size_t i = 0; sess_header_at(s, i, &n, &value, NULL) == SESS_OK; i++)
        if (strcmp(n, name) == 0) return value;
    return NULL;
}

/* shows: E-32, E-33 */
static void nested_edits(const char *directory) {
    static const char want[] =
        "cart|a:2:{s:5:\"apple\";i:2;i:7;s:3:\"\0x\0\";}trail|a:2:{i:0;s:1:\"/"
        "\";i:1;d:0.1;}on|b:1;none|N;";
    sess_engine *e = files_engine(directory);
    sess_session *s = session_of(e, NULL);
    CHECK_OK(sess_start(s, 0), s);
    sess_value *data = sess_data(s);
    sess_value *cart = sess_value_edit(data, "cart", SESS_NTS);
    CHECK_OK(sess_value_set_int(cart, "apple", SESS_NTS, 1), s);
    const sess_value *one = sess_value_get(cart, "apple", SESS_NTS);
    CHECK_OK(sess_value_set_string(cart, "7", SESS_NTS, "\0x", 3), s);
    sess_value *trail = sess_value_edit(data, "trail", SESS_NTS);
    CHECK_OK(sess_value_set_string(trail, NULL, SESS_APPEND, "/", SESS_NTS), s);
    CHECK_OK(sess_value_set_float(trail, NULL, SESS_APPEND, 0.1), s);
    CHECK_OK(sess_value_set_bool(data, "on", SESS_NTS, true), s);
    CHECK_OK(sess_value_set_null(data, "none", SESS_NTS), s);
    CHECK_OK(sess_value_set_int(data, "gone", SESS_NTS, 5), s);
    CHECK_OK(sess_value_remove(data, "gone", SESS_NTS), s);
    CHECK_RC(sess_value_remove(data, "gone", SESS_NTS), SESS_ENOTFOUND, s);
    CHECK_OK(sess_value_set_int(cart, "apple", SESS_NTS, 2), s);
    /* What was overwritten stays readable, editing what is gone does not work. */
    CHECK_INT(sess_value_int(one, -1), 1);
    CHECK_INT(sess_value_int(sess_value_get(cart, "apple", SESS_NTS), -1), 2);
    sess_bytes key = {NULL, 0};
    int64_t number = 0;
    CHECK_INT(sess_value_count(cart), 2);
    const sess_value *second = sess_value_at(cart, 1, &key, &number);
    CHECK(key.data == NULL && number == 7);
    CHECK_MEM(sess_value_string(second).data, sess_value_string(second).len, "\0x", 3);
    CHECK(sess_value_at(cart, 2, &key, &number) == NULL);
    sess_bytes encoded = {NULL, 0};
    CHECK_OK(sess_encode(s, &encoded), s);
    CHECK_MEM(encoded.data, encoded.len, want, sizeof want - 1);
    CHECK_OK(sess_value_remove(data, "trail", SESS_NTS), s);
    CHECK_RC(sess_value_set_int(trail, "x", 1, 1), SESS_ENOTFOUND, s);
    CHECK_INT(sess_value_count(trail), 2);
    /* Not an array: no silent conversion. */
    CHECK(sess_value_edit(data, "on", SESS_NTS) == NULL);
    CHECK_INT(sess_errcode(s), SESS_EINVAL);
    CHECK_HAS(sess_errmsg(s), "neither an array nor null");
    /* No value: neutral answers. */
    CHECK_INT(sess_value_int(NULL, 9), 9);
    CHECK_INT(sess_value_type(NULL), SESS_TYPE_NULL);
    CHECK_INT(sess_value_set_int(NULL, "x", 1, 1), SESS_EINVAL);
    CHECK_OK(sess_close(s), s);
    /* Closed: it can be read, changing it would be lost. */
    CHECK_INT(sess_value_int(sess_value_get(cart, "apple", SESS_NTS), -1), 2);
    CHECK_RC(sess_value_set_int(cart, "apple", SESS_NTS, 3), SESS_EMISUSE, s);
    sess_free(s);
    sess_engine_free(e);
}

/* Values of every kind, read from what PHP wrote. shows: E-30, E-31, Z-8, Z-10 */
static void kinds(const char *directory) {
    static const char stored[] =
        "o|O:4:\"User\":3:{s:4:\"name\";s:3:\"eve\";s:10:\"\0User\0pass\";s:1:\"x\";s:6:\"\0*"
        "\0age\";i:"
        "7;}e|E:11:\"Suit:Hearts\";f|d:-0;n|s:2:\"42\";r|a:2:{i:0;i:5;i:1;R:9;}c|C:1:\"K\":3:{abc}";
    put_file(session_file(directory, ID_A), stored, sizeof stored - 1);
    sess_engine *e = files_engine(directory);
    sess_session *s = session_of(e, ID_A);
    CHECK_OK(sess_start(s, 0), s);
    const sess_value *o = sess_get(s, "o", SESS_NTS);
    CHECK_INT(sess_value_type(o), SESS_TYPE_OBJECT);
    CHECK_MEM(sess_value_class(o).data, sess_value_class(o).len, "User", 4);
    CHECK_INT(sess_value_count(o), 3);
    CHECK_INT(sess_value_int(sess_value_get(o, "age", SESS_NTS), 0), 7);
    CHECK_MEM(sess_value_string(sess_value_get(o, "pass", SESS_NTS)).data, 1, "x", 1);
    CHECK_INT(sess_value_string(o).len, 0);
    const sess_value *suit = sess_get(s, "e", SESS_NTS);
    CHECK_INT(sess_value_type(suit), SESS_TYPE_ENUM);
    CHECK_MEM(sess_value_case(suit).data, sess_value_case(suit).len, "Hearts", 6);
    int64_t n = 0;
    CHECK(sess_value_to_int(sess_get(s, "n", SESS_NTS), &n) && n == 42);
    CHECK_INT(sess_value_int(sess_get(s, "n", SESS_NTS), -1), -1);
    CHECK(!sess_value_to_int(o, &n) && n == 42);
    const sess_value *r = sess_get(s, "r", SESS_NTS);
    CHECK_INT(sess_value_int(sess_value_get(r, "1", 1), 0), 5);
    CHECK(sess_value_reference(sess_value_get(r, "0", 1)) != 0);
    CHECK_INT(sess_value_reference(sess_value_get(r, "0", 1)),
              sess_value_reference(sess_value_get(r, "1", 1)));
    const sess_value *custom = sess_get(s, "c", SESS_NTS);
    CHECK_INT(sess_value_type(custom), SESS_TYPE_CUSTOM);
    CHECK_MEM(sess_value_payload(custom).data, sess_value_payload(custom).len, "abc", 3);
    CHECK_MEM(sess_value_serialized(suit).data, sess_value_serialized(suit).len,
              "E:11:\"Suit:Hearts\";", 19);
    /* The last key changed: every byte before it is as it was. */
    CHECK_OK(sess_value_set_int(sess_data(s), "new", SESS_NTS, 1), s);
    CHECK_OK(sess_close(s), s);
    char want[sizeof stored + 16];
    memcpy(want, stored, sizeof stored - 1);
    memcpy(want + sizeof stored - 1, "new|i:1;", 8);
    CHECK(file_is(session_file(directory, ID_A), want, sizeof stored + 7));
    sess_free(s);
    sess_engine_free(e);
}

/* Encode, decode, clear, ids. shows: L-17, L-24, L-26, L-27, L-20, E-15 */
static void bytes_and_ids(const char *directory) {
    sess_engine *e = files_engine(directory);
    sess_session *s = session_of(e, NULL);
    sess_bytes encoded = {NULL, 0};
    const char *id = NULL, *name = NULL;
    CHECK_RC(sess_decode(s, "a|i:1;", 6), SESS_EMISUSE, s);
    CHECK_OK(sess_start(s, 0), s);
    CHECK_OK(sess_value_set_int(sess_data(s), "a", 1, 1), s);
    CHECK_OK(sess_value_set_int(sess_data(s), "b", 1, 2), s);
    CHECK_OK(sess_decode(s, "b|i:3;c|s:1:\"x\";", 16), s);
    CHECK_OK(sess_encode(s, &encoded), s);
    CHECK_MEM(encoded.data, encoded.len, "a|i:1;b|i:3;c|s:1:\"x\";", 22);
    CHECK_RC(sess_decode(s, "a|i:9;z|", 8), SESS_EDATA, s);
    CHECK_INT(sess_status(s), SESS_ACTIVE);
    CHECK_OK(sess_encode(s, &encoded), s);
    CHECK_MEM(encoded.data, encoded.len, "a|i:1;b|i:3;c|s:1:\"x\";", 22);
    CHECK_OK(sess_value_set_serialized(sess_data(s), "o", 1, "O:1:\"K\":1:{s:1:\"p\";i:4;}", 24),
             s);
    CHECK_INT(sess_value_int(sess_value_get(sess_get(s, "o", 1), "p", 1), 0), 4);
    CHECK_RC(sess_value_set_serialized(sess_data(s), "o", 1, "i:1", 3), SESS_EDATA, s);
    CHECK_INT(sess_value_type(sess_get(s, "o", 1)), SESS_TYPE_OBJECT);
    CHECK_OK(sess_value_clear(sess_data(s)), s);
    CHECK_INT(sess_value_count(sess_data(s)), 0);
    CHECK_OK(sess_create_id(s, "job-", 4, &id), s);
    CHECK(strncmp(id, "job-", 4) == 0 && strlen(id) == 36 && strcmp(id, sess_id(s)) != 0);
    CHECK_STR(sess_option(s, "session.save_path"), directory);
    CHECK_STR(sess_option(s, "session.save_handler"), "files");
    CHECK_RC(sess_set_option(s, "session.name", "X"), SESS_EMISUSE, s);
    CHECK_RC(sess_set_id(s, ID_A, SESS_NTS), SESS_EMISUSE, s);
    CHECK_OK(sess_close(s), s);
    CHECK_RC(sess_set_option(s, "session.nam", "X"), SESS_EINVAL, s);
    CHECK_HAS(sess_errmsg(s), "session.name");
    CHECK_OK(sess_set_option(s, "session.name", "X"), s);
    CHECK_STR(sess_option(s, "session.name"), "X");
    for (size_t i = 0; (name = sess_directive_at(i, NULL, NULL)) != NULL; i++)
        if (strcmp(name, "session.save_handler") != 0) CHECK(sess_option(s, name) != NULL);
    sess_free(s);
    sess_engine_free(e);
}

/* Values, and the bytes in them, stay where they are while other keys change. */
static void values_stay(const char *directory) {
    put_file(session_file(directory, ID_A), "a|s:5:\"hello\";b|a:1:{i:0;s:2:\"in\";}", 35);
    sess_engine *e = files_engine(directory);
    sess_session *s = session_of(e, ID_A);
    CHECK_OK(sess_start(s, 0), s);
    sess_value *data = sess_data(s);
    const sess_value *a = sess_get(s, "a", 1);
    const sess_value *inner = sess_value_get(sess_get(s, "b", 1), "0", 1);
    sess_bytes hello = sess_value_string(a), in = sess_value_string(inner);
    for (int i = 0; i < 3000; i++) {
        char key[16];
        snprintf(key, sizeof key, "k%d", i);
        if (sess_value_set_string(data, key, SESS_NTS, key, SESS_NTS) != SESS_OK) CHECK(0);
        if (i % 3 == 0 && sess_value_remove(data, key, SESS_NTS) != SESS_OK) CHECK(0);
    }
    CHECK(sess_data(s) == data && sess_get(s, "a", 1) == a);
    CHECK_MEM(hello.data, hello.len, "hello", 5);
    CHECK_MEM(in.data, in.len, "in", 2);
    /* What is passed in may be borrowed from the same session, key and value. */
    CHECK_OK(sess_value_set_string(data, (const char *)in.data, in.len, hello.data, hello.len), s);
    sess_bytes copy = sess_value_string(sess_get(s, "in", 2));
    CHECK_MEM(copy.data, copy.len, "hello", 5);
    /* Overwritten and removed ones are still readable; closing does not move them. */
    CHECK_OK(sess_value_set_int(data, "a", 1, 1), s);
    CHECK_OK(sess_value_remove(data, "b", 1), s);
    CHECK_MEM(sess_value_string(a).data, sess_value_string(a).len, "hello", 5);
    CHECK_OK(sess_close(s), s);
    CHECK_MEM(hello.data, hello.len, "hello", 5);
    CHECK_MEM(in.data, in.len, "in", 2);
    sess_free(s);
    sess_engine_free(e);
}

static sess_rc fill(void *user, sess_session *s) {
    ++*(int *)user;
    if (sess_start(s, 0) != SESS_EMISUSE || sess_close(s) != SESS_EMISUSE) return SESS_EUSER - 1;
    return sess_value_set_int(sess_data(s), "hooked", SESS_NTS, *(int *)user);
}
static sess_rc refuse(void *user, sess_session *s) {
    (void)s;
    return *(sess_rc *)user;
}
static void count_free(void *user) { ++*(int *)user; }

static void hooks(const char *directory) {
    int filled = 0, freed = 0;
    sess_rc code = SESS_OK;
    sess_options *o = make_options("session.save_path", directory, (const char *)NULL);
    CHECK_INT(sess_options_set_hook(o, SESS_AFTER_START, fill, &filled, NULL), SESS_OK);
    CHECK_INT(sess_options_set_hook(o, SESS_BEFORE_SAVE, refuse, &code, NULL), SESS_OK);
    CHECK_INT(sess_options_set_hook(o, (sess_when)7, fill, &freed, count_free), SESS_EINVAL);
    CHECK_INT(freed, 1); /* given back, though the call failed */
    sess_engine *e = take_engine(o);
    sess_session *s = session_of(e, NULL);
    CHECK_OK(sess_start(s, 0), s);
    CHECK_INT(filled, 1);
    CHECK_INT(sess_value_int(sess_get(s, "hooked", SESS_NTS), 0), 1);
    CHECK_OK(sess_close(s), s);
    char path[1024];
    snprintf(path, sizeof path, "%s", session_file(directory, sess_id(s)));
    CHECK(file_is(path, "hooked|i:1;", 11));
    code = SESS_EUSER - 5;
    CHECK_OK(sess_start(s, 0), s);
    CHECK_RC(sess_close(s), SESS_EUSER - 5, s);
    CHECK_INT(sess_status(s), SESS_CLOSED);
    CHECK(file_is(path, "hooked|i:1;", 11)); /* nothing was written */
    code = SESS_OK;
    CHECK_OK(sess_start(s, 0), s); /* and the lock is free */
    CHECK_OK(sess_close(s), s);
    CHECK(file_is(path, "hooked|i:3;", 11));
    sess_free(s);
    sess_engine_free(e);
}

/* shows: L-7, L-10, L-16, L-28, S-33 */
static void events(const char *directory) {
    seen got;
    int host = 0;
    memset(&got, 0, sizeof got);
    sess_options *o = make_options("session.save_path", directory, (const char *)NULL);
    CHECK_INT(sess_options_set_events(o, on_event, &got, NULL), SESS_OK);
    sess_engine *e = take_engine(o);
    sess_session *s = session_of(e, NULL);
    CHECK_INT(sess_set_host(s, &host), SESS_OK);
    CHECK(sess_host(s) == &host);
    CHECK_OK(sess_start(s, 0), s);
    CHECK_INT(got.count, 0);
    CHECK_RC(sess_start(s, 0), SESS_EMISUSE, s);
    CHECK_STR(got.names, "ALREADY_ACTIVE ");
    CHECK(got.host == &host);
    CHECK_INT(sess_status(s), SESS_ACTIVE);
    CHECK_OK(sess_value_set_int(sess_data(s), "n", 1, 1), s);
    CHECK_OK(sess_destroy(s), s);
    CHECK_INT(sess_status(s), SESS_DESTROYED);
    CHECK_INT(sess_value_int(sess_get(s, "n", 1), 0), 1);
    CHECK_STR(sess_id(s), "");
    CHECK_RC(sess_destroy(s), SESS_EMISUSE, s);
    CHECK_STR(got.names, "ALREADY_ACTIVE NOT_ACTIVE ");
    CHECK_STR(sess_code_name(sess_errcode(s)), "SESS_EMISUSE");
    sess_free(s);
    sess_engine_free(e);
}

/* shows: L-18, C-1, C-6, C-10, C-11, C-13, C-40 */
static void headers(const char *directory) {
    sess_engine *e = files_engine(directory);
    sess_session *s = session_of(e, NULL);
    const char *name, *value, *replaces;
    CHECK_OK(sess_start(s, 0), s);
    CHECK(header(s, "Set-Cookie") == NULL); /* nothing is stored yet */
    CHECK(sess_is_new(s));
    CHECK_OK(sess_value_set_int(sess_data(s), "n", 1, 1), s);
    char id[SESS_ID_MAX + 1], cookie[SESS_ID_MAX + 64];
    snprintf(id, sizeof id, "%s", sess_id(s));
    snprintf(cookie, sizeof cookie, "PHPSESSID=%s; path=/; secure; HttpOnly; SameSite=Lax", id);
    CHECK_STR(header(s, "Set-Cookie"), cookie);
    CHECK_STR(header(s, "Expires"), "Thu, 19 Nov 1981 08:52:00 GMT");
    CHECK_STR(header(s, "Cache-Control"), "no-store, no-cache, must-revalidate");
    CHECK_STR(header(s, "Pragma"), "no-cache");
    CHECK_INT(sess_header_count(s), 4);
    for (size_t i = 0; sess_header_at(s, i, &name, &value, &replaces) == SESS_OK; i++)
        if (strcmp(name, "Set-Cookie") == 0)
            CHECK_STR(replaces, "PHPSESSID=");
        else
            CHECK(replaces == NULL);
    CHECK_INT(sess_header_at(s, 4, &name, &value, NULL), SESS_ENOTFOUND);
    CHECK_OK(sess_regenerate_id(s, true), s);
    CHECK_INT(sess_header_count(s), 4); /* the new cookie took the place of the old one */
    CHECK(strcmp(sess_id(s), id) != 0 && strstr(header(s, "Set-Cookie"), sess_id(s)) != NULL);
    /* Whoever saw the first cookie finds neither this session nor a free id. */
    CHECK(!file_is(session_file(directory, id), NULL, 0));
    CHECK(!file_is(session_file(directory, id), "n|i:1;", 6));
    CHECK_OK(sess_mark_headers_sent(s), s);
    CHECK_RC(sess_regenerate_id(s, true), SESS_EHEADERS, s);
    CHECK_OK(sess_close(s), s); /* saving is never too late */
    snprintf(id, sizeof id, "%s", sess_id(s));
    sess_free(s);
    CHECK(file_is(session_file(directory, id), "n|i:1;", 6));

    s = session_of(e, NULL);
    snprintf(cookie, sizeof cookie, "a=b; PHPSESSID=%s; c=d", id);
    CHECK_OK(sess_set_cookie_header(s, cookie, SESS_NTS), s);
    CHECK_OK(sess_start(s, 0), s);
    CHECK_STR(sess_id(s), id);
    CHECK(!sess_is_new(s));
    CHECK(header(s, "Set-Cookie") == NULL); /* the client has it */
    sess_free(s);

    s = session_of(e, NULL);
    CHECK_OK(sess_mark_headers_sent(s), s);
    sess_rc rc = sess_start(s, 0);
    if (rc == SESS_OK) rc = sess_value_set_int(sess_data(s), "n", 1, 1);
    CHECK_RC(rc, SESS_EHEADERS, s); /* a new session needs a cookie */
    sess_free(s);
    sess_engine_free(e);
}

static sess_rc add_one(void *user, sess_session *s) {
    sess_rc *answer = user;
    int64_t n = sess_value_int(sess_get(s, "n", 1), 0);
    sess_rc rc = sess_value_set_int(sess_data(s), "n", 1, n + 1);
    return rc != SESS_OK ? rc : *answer;
}

static void update(const char *directory) {
    sess_engine *e = files_engine(directory);
    const char *path = session_file(directory, ID_A);
    put_file(path, "n|i:1;", 6);
    sess_session *s = session_of(e, ID_A);
    sess_rc answer = SESS_OK;
    CHECK_OK(sess_start(s, 0), s);
    CHECK_RC(sess_update(s, add_one, &answer), SESS_EMISUSE, s);
    CHECK_OK(sess_close(s), s);
    CHECK_OK(sess_update(s, add_one, &answer), s);
    CHECK(file_is(path, "n|i:2;", 6));
    CHECK_INT(sess_status(s), SESS_CLOSED);
    answer = SESS_EUSER;
    CHECK_RC(sess_update(s, add_one, &answer), SESS_EUSER, s);
    CHECK(file_is(path, "n|i:2;", 6));
    sess_free(s);
    sess_engine_free(e);
}

static void recycle(const char *directory) {
    sess_engine *e = files_engine(directory);
    sess_session *s = session_of(e, NULL);
    int host = 0;
    for (int i = 0; i < 3; i++) {
        CHECK_STR(sess_id(s), "");
        CHECK_INT(sess_status(s), SESS_NONE);
        CHECK_INT(sess_value_count(sess_data(s)), 0);
        CHECK_INT(sess_header_count(s), 0);
        CHECK(sess_host(s) == NULL);
        CHECK_INT(sess_errcode(s), SESS_OK);
        CHECK_STR(sess_errmsg(s), "");
        CHECK_STR(sess_option(s, "session.name"), "PHPSESSID");
        CHECK_OK(sess_set_host(s, &host), s);
        CHECK_OK(sess_set_option(s, "session.name", "OTHER"), s);
        CHECK_OK(sess_start(s, 0), s);
        CHECK(sess_get(s, "n", 1) == NULL);
        CHECK_OK(sess_value_set_int(sess_data(s), "n", 1, i), s);
        CHECK_RC(sess_start(s, 0), SESS_EMISUSE, s);
        if (i == 1) CHECK_OK(sess_close(s), s);
        CHECK_OK(sess_recycle(s), s); /* what was active is aborted */
    }
    sess_free(s);
    sess_engine_free(e);
    CHECK_INT(count_entries(directory, "sess_"), 1);
}

/* shows: L-12, L-13, L-14, L-15, L-8, S-32 */
static void flags(const char *directory) {
    sess_engine *e = files_engine(directory);
    const char *path = session_file(directory, ID_A);
    sess_session *s = session_of(e, ID_A);
    CHECK_RC(sess_start(s, SESS_START_EXISTING), SESS_ENOTFOUND, s);
    CHECK_INT(count_entries(directory, ""), 0);
    CHECK_RC(sess_start(s, 1u << 30), SESS_EINVAL, s);
    sess_free(s);
    put_file(path, "n|i:1;", 6);
    s = session_of(e, ID_A);
    CHECK_OK(sess_start(s, SESS_START_EXISTING | SESS_START_READ_AND_CLOSE), s);
    CHECK_INT(sess_status(s), SESS_CLOSED);
    CHECK_INT(sess_value_int(sess_get(s, "n", 1), 0), 1);
    CHECK_OK(sess_start(s, 0), s); /* opened again under its id */
    CHECK_STR(sess_id(s), ID_A);
    CHECK_OK(sess_value_set_int(sess_data(s), "n", 1, 2), s);
    CHECK_OK(sess_reset(s), s);
    CHECK_INT(sess_value_int(sess_get(s, "n", 1), 0), 1);
    CHECK_OK(sess_value_set_int(sess_data(s), "n", 1, 3), s);
    CHECK_OK(sess_abort(s), s);
    CHECK_INT(sess_value_int(sess_get(s, "n", 1), 0), 3);
    CHECK(file_is(path, "n|i:1;", 6));
    CHECK_OK(sess_start(s, 0), s);
    CHECK_OK(sess_value_set_int(sess_data(s), "n", 1, 4), s);
    CHECK_OK(sess_end(s), s); /* the request ends: what is active is saved */
    CHECK(file_is(path, "n|i:4;", 6));
    CHECK_OK(sess_end(s), s);
    sess_free(s);
    s = session_of(e, ID_A);
    CHECK_OK(sess_begin(s), s); /* session.auto_start is off */
    CHECK_INT(sess_status(s), SESS_NONE);
    sess_free(s);
    sess_engine_free(e);
}

/* ---- waiting
 * ------------------------------------------------------------------------------------- */

static void *fire_soon(void *token) {
    struct timespec pause = {0, 50000000};
    nanosleep(&pause, NULL);
    sess_cancel_fire(token);
    return NULL;
}

/* shows: F-75, D-1 */
static void waiting(const char *directory) {
    put_file(session_file(directory, ID_A), "n|i:1;", 6);
    sess_engine *e = files_engine(directory);
    sess_session *holder = session_of(e, ID_A), *s = session_of(e, ID_A);
    CHECK_OK(sess_start(holder, 0), holder);
    CHECK_OK(sess_set_lock_timeout(s, 0), s);
    CHECK_RC(sess_start(s, 0), SESS_ELOCKED, s);
    CHECK_OK(sess_set_lock_timeout(s, 150), s);
    int64_t begin = now_ms();
    CHECK_RC(sess_start(s, 0), SESS_ELOCKED, s);
    CHECK(now_ms() - begin >= 150);
    CHECK(strstr(sess_errmsg(s), ID_A) == NULL);
    CHECK_RC(sess_start(s, SESS_START_READ_AND_CLOSE), SESS_ELOCKED, s);

    pthread_t thread;
    sess_cancel *cancel = sess_cancel_new();
    CHECK_OK(sess_set_lock_timeout(s, -1), s);
    CHECK_OK(sess_set_cancel(s, cancel), s);
    CHECK_INT(pthread_create(&thread, NULL, fire_soon, cancel), 0);
    CHECK_RC(sess_start(s, 0), SESS_ECANCELED, s);
    pthread_join(thread, NULL);
    CHECK_INT(sess_status(s), SESS_NONE);
    CHECK_RC(sess_start(s, 0), SESS_ECANCELED, s); /* a fired token stays fired */
    CHECK_OK(sess_set_cancel(s, NULL), s);
    sess_cancel_free(cancel);
    CHECK_OK(sess_close(holder), holder);
    CHECK_OK(sess_start(s, 0), s);
    CHECK_OK(sess_close(s), s);
    sess_free(s);
    sess_free(holder);
    sess_engine_free(e);
}

static sess_rc who_holds(sess_session *s, const char *id, sess_lock_info *info) {
    *info = (sess_lock_info){.struct_size = sizeof *info};
    return sess_inspect_lock(s, id, SESS_NTS, info);
}

/* Who holds a lock: a question of anybody, at any time, that changes nothing. */
static void locks(const char *directory) {
    sess_engine *e = files_engine(directory);
    sess_session *holder = session_of(e, ID_A), *s = sess_new(e);
    sess_lock_info info;
    put_file(session_file(directory, ID_A), "n|i:1;", 6);
    put_file(session_file(directory, ID_B), "n|i:2;", 6);
    CHECK_RC(who_holds(s, NULL, &info), SESS_ENOTFOUND, s); /* it has no id yet */
    CHECK_OK(who_holds(s, ID_A, &info), s);
    CHECK(info.held == SESS_LOCK_FREE && info.pid == -1 && info.held_ms == -1);
    CHECK_OK(sess_start(holder, 0), holder);
    CHECK_OK(who_holds(s, ID_A, &info), s);
    CHECK(info.held == SESS_LOCK_EXCLUSIVE && info.pid == getpid() && info.held_ms == -1);
    CHECK_INT(info.waiters, 0);
    CHECK_OK(who_holds(holder, NULL, &info), holder);
    CHECK(info.held == SESS_LOCK_EXCLUSIVE && info.pid == getpid() && info.held_ms >= 0);
    CHECK_OK(who_holds(holder, ID_B, &info), holder);
    CHECK_INT(info.held, SESS_LOCK_FREE);
    CHECK_RC(who_holds(s, "cccccccccccccccccccccccccccccccc", &info), SESS_ENOTFOUND, s);
    CHECK_RC(who_holds(s, "../etc/passwd", &info), SESS_EBADID, s);
    CHECK_INT(sess_status(s), SESS_NONE);
    CHECK_INT(sess_status(holder), SESS_ACTIVE);

    info.struct_size = 0;
    CHECK_RC(sess_inspect_lock(s, ID_A, SESS_NTS, &info), SESS_EINVAL, s);
    CHECK_RC(sess_inspect_lock(s, ID_A, SESS_NTS, NULL), SESS_EINVAL, s);
    struct {
        sess_lock_info info;
        char more[64];
    } later = {.info = {.struct_size = sizeof later}, .more = "of a later library"};
    CHECK_OK(sess_inspect_lock(s, ID_A, SESS_NTS, &later.info), s);
    CHECK(later.info.struct_size == sizeof later && later.info.held == SESS_LOCK_EXCLUSIVE);
    CHECK(strcmp(later.more, "of a later library") == 0);

    CHECK_OK(sess_value_set_int(sess_data(holder), "n", 1, 7), holder);
    CHECK_OK(sess_close(holder), holder);
    CHECK(file_is(session_file(directory, ID_A), "n|i:7;", 6));
    CHECK(file_is(session_file(directory, ID_B), "n|i:2;", 6));
    CHECK_OK(who_holds(holder, NULL, &info), holder); /* closed, and still asked about */
    CHECK_INT(info.held, SESS_LOCK_FREE);
    sess_free(s);
    sess_free(holder);
    sess_engine_free(e);
}

/* exit() in the middle of a request saves, as PHP does; _exit does not. shows: S-62, S-60 */
static void shutdown_saves(const char *directory) {
    const char *path = session_file(directory, ID_A);
    for (int clean = 0; clean < 2; clean++) {
        put_file(path, "n|i:1;", 6);
        fflush(stdout);
        pid_t child = fork();
        if (child == 0) {
            static sess_engine *e; /* static: what exit() leaves behind is no leak */
            static sess_session *s;
            e = files_engine(directory);
            s = session_of(e, ID_A);
            if (sess_register_shutdown(s) != SESS_OK || sess_start(s, 0) != SESS_OK ||
                sess_value_set_int(sess_data(s), "n", 1, 2) != SESS_OK)
                _exit(1);
            if (!clean) _exit(0);
            exit(0); /* neither closed nor freed */
        }
        int status = -1;
        CHECK(child > 0 && waitpid(child, &status, 0) == child);
        CHECK_INT(status, 0);
        CHECK(file_is(path, clean ? "n|i:2;" : "n|i:1;", 6));
    }
}

/* An engine may be let go before its sessions; the handler's user outlives both. */
static void order_of_freeing(const char *directory) {
    int freed = 0;
    sess_options *o = make_options("session.save_path", directory, (const char *)NULL);
    CHECK_INT(sess_options_set_hook(o, SESS_BEFORE_SAVE, refuse, &freed, count_free), SESS_OK);
    sess_engine *e = take_engine(o);
    sess_session *s = session_of(e, NULL);
    sess_engine_free(e);
    CHECK_INT(freed, 0);
    CHECK_OK(sess_start(s, 0), s);
    CHECK_OK(sess_value_set_int(sess_data(s), "n", 1, 1), s);
    CHECK_OK(sess_close(s), s);
    sess_free(s);
    CHECK_INT(freed, 1);
    sess_free(NULL);
    sess_engine_free(NULL);
    sess_options_free(NULL);
    sess_cancel_free(NULL);
    CHECK(sess_new(NULL) == NULL);
}

static void in_directory(void (*part)(const char *)) {
    char *directory = make_directory();
    part(directory);
    remove_directory(directory);
    free(directory);
}

int main(void) {
    CHECK_INT(sess_version_number(), SESS_VERSION_NUMBER);
    CHECK(!sess_has("time travel"));
    in_directory(shutdown_saves); /* first: it forks, and later parts have threads */
    in_directory(nested_edits);
    in_directory(kinds);
    in_directory(bytes_and_ids);
    in_directory(values_stay);
    in_directory(hooks);
    in_directory(events);
    in_directory(headers);
    in_directory(update);
    in_directory(recycle);
    in_directory(flags);
    in_directory(waiting);
    in_directory(locks);
    in_directory(order_of_freeing);
    return check_report();
}
