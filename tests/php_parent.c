/* A table that builds upon the built-in files by sess_call_parent, the same as php/parent.php: what
 * is called, told of and returned.
 *
 *     php_parent DIRECTORY STRICT PROFILE */
#include "abi/check.h"

#include <stdarg.h>

static char told[1 << 14];
static const char *ids[4];
static int given, early;

static void note(const char *format, ...) {
    size_t len = strlen(told);
    va_list values;
    va_start(values, format);
    vsnprintf(told + len, sizeof told - len, format, values);
    va_end(values);
}

static sess_rc ended(sess_rc rc) {
    note(rc == SESS_OK ? "} " : "}fails ");
    return rc;
}

static const sess_handler *parent(sess_call *call) { return sess_call_parent(call); }

static sess_rc on_open(void *user, sess_call *call, const char *path, const char *name) {
    (void)user;
    note("open{ ");
    if (early) {
        CHECK_OK(parent(call)->create_sid(NULL, call));
        note("made %zu ", strlen(sess_call_id(call)));
    }
    return ended(parent(call)->open(NULL, call, path, name));
}
static sess_rc on_close(void *user, sess_call *call) {
    (void)user;
    note("close{ ");
    return ended(parent(call)->close(NULL, call));
}
static sess_rc on_read(void *user, sess_call *call, const char *id) {
    (void)user;
    note("read %s{ ", id);
    return ended(parent(call)->read(NULL, call, id));
}
static sess_rc on_write(void *user, sess_call *call, const char *id, const uint8_t *data,
                        size_t len) {
    (void)user;
    note("write %s %.*s{ ", id, (int)len, (const char *)data);
    return ended(parent(call)->write(NULL, call, id, data, len));
}
static sess_rc on_destroy(void *user, sess_call *call, const char *id) {
    (void)user;
    note("destroy %s{ ", id);
    return ended(parent(call)->destroy(NULL, call, id));
}
static sess_rc on_gc(void *user, sess_call *call, int64_t max_lifetime, int64_t *removed) {
    (void)user;
    return parent(call)->gc(NULL, call, max_lifetime, removed);
}
static sess_rc on_create_sid(void *user, sess_call *call) {
    (void)user;
    note("create_sid{ ");
    if (given < 4 && ids[given] != NULL)
        return ended(sess_call_set_id(call, ids[given++], SESS_NTS));
    return ended(parent(call)->create_sid(NULL, call));
}

static void on_event(void *user, const sess_event *event) {
    (void)user;
    note("!%s ", sess_event_name(event));
}

static void say(sess_session *session, const char *what) {
    int64_t n = sess_value_int(sess_get(session, "n", SESS_NTS), 0);
    const char *result = sess_php_result(session) == 0 ? "false" : "true";
    printf("%s: %s= %s n %lld\n", what, told, result, (long long)n);
    told[0] = '\0';
}

static void give(const char *id, int times) {
    given = 0;
    for (int i = 0; i < 4; i++)
        ids[i] = i < times ? id : NULL;
}

/* The outcomes are in what is printed, as PHP's are. */
static void start(sess_session *session, const char *id) {
    CHECK_OK(sess_set_id(session, id, SESS_NTS));
    (void)!sess_start(session, 0);
    say(session, "start");
}
static void stop(sess_session *session) {
    (void)!sess_close(session);
    say(session, "close");
}
static void put(sess_session *session, int64_t n) {
    CHECK_OK(sess_value_set_int(sess_data(session), "n", SESS_NTS, n));
}

static void show(const char *directory, const char *id) {
    char path[1024], data[64] = "-";
    snprintf(path, sizeof path, "%s/sess_%s", directory, id);
    FILE *file = fopen(path, "r");
    if (file != NULL) {
        data[fread(data, 1, sizeof data - 1, file)] = '\0';
        fclose(file);
    }
    printf("%s %s\n", id, data);
}

static sess_session *session_of(char **argv) {
    const sess_handler handler = {
        .struct_size = sizeof handler,
        .open = on_open,
        .close = on_close,
        .read = on_read,
        .write = on_write,
        .destroy = on_destroy,
        .gc = on_gc,
        .create_sid = on_create_sid,
    };
    const char *set[][2] = {
        {"sess.profile", argv[3]},
        {"session.save_path", argv[1]},
        {"session.use_strict_mode", argv[2]},
        {"session.use_cookies", "0"},
        {"session.cache_limiter", ""},
        {"session.gc_probability", "0"},
    };
    sess_options *options = sess_options_new();
    for (size_t i = 0; i < sizeof set / sizeof set[0]; i++)
        CHECK_OK(sess_options_set(options, set[i][0], set[i][1]));
    CHECK_OK(sess_options_set_handler(options, &handler, NULL, NULL));
    CHECK_OK(sess_options_set_events(options, on_event, NULL, NULL));
    sess_engine *engine = engine_of(options);
    sess_session *session = sess_new(engine);
    sess_engine_free(engine);
    return session;
}

/* Profile libsess: the id of a session that exists is refused, and that session is as it was. */
static void refuse(char **argv) {
    static const char id[] = "samesamesamesamesamesamesamesame";
    for (int i = 0; i < 2; i++) {
        sess_session *session = session_of(argv);
        give(id, 1);
        CHECK(sess_start(session, 0) == (i == 0 ? SESS_OK : SESS_EEXIST));
        if (i == 0) {
            put(session, 7);
            CHECK_OK(sess_close(session));
        }
        CHECK(sess_status(session) != SESS_ACTIVE && sess_header_count(session) == 0);
        CHECK(i == 0 || strlen(sess_id(session)) == 0);
        sess_free(session);
        show(argv[1], id);
    }
}

int main(int argc, char **argv) {
    char none[1024];
    CHECK(argc == 4);
    if (strcmp(argv[3], "libsess") == 0) {
        refuse(argv);
        return 0;
    }
    sess_session *session = session_of(argv);
    for (int i = 0; i < 3; i++) {
        give("sameid", 1);
        start(session, "");
        put(session, sess_value_int(sess_get(session, "n", SESS_NTS), 0) + 1);
        stop(session);
    }
    for (int delete = 0; delete < 2; delete ++) {
        const char *made;
        give("another", 1);
        start(session, "");
        put(session, 70);
        give("sameid", 4);
        CHECK_OK(sess_create_id(session, NULL, 0, &made));
        say(session, "create_id");
        CHECK_OK(sess_regenerate_id(session, delete != 0));
        say(session, "regenerate");
        stop(session);
        show(argv[1], "another");
        show(argv[1], "sameid");
    }
    give("third", 1);
    early = 1;
    start(session, "");
    stop(session);
    early = 0;
    start(session, "odd.id");
    snprintf(none, sizeof none, "%s/none", argv[1]);
    CHECK_OK(sess_set_option(session, "session.save_path", none));
    start(session, "plain");
    sess_free(session);
    return 0;
}
