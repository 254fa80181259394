/* Lifetimes across the interface: tables and their users, engines before sessions, exit, locale. */
#include "abi/check.h"

#include <locale.h>
#include <malloc.h>
#include <stddef.h>
#include <sys/wait.h>
#include <unistd.h>

static int freed;

static void count_free(void *user) {
    CHECK(user == &freed);
    freed++;
}

/* A table that a newer header could have. */
struct future {
    sess_handler known;
    void (*tenth)(void);
};

static void do_nothing(void) {}

static sess_rc set_table(sess_options *options, const sess_handler *handler) {
    return sess_options_set_handler(options, handler, &freed, count_free);
}

/* Sizes: short is padded, equal is taken, longer is taken while its end is zero; `user` goes back
 * exactly once and at once when the call fails. */
static void test_table(void) {
    struct store store;
    struct future future;
    sess_handler handler = store_handler(), broken;
    sess_options *options = sess_options_new();
    memset(&store, 0, sizeof store);
    memset(&future, 0, sizeof future);

    CHECK_OK(set_table(options, &handler));
    CHECK(freed == 0);
    handler.struct_size = offsetof(sess_handler, create_sid);
    CHECK_OK(set_table(options, &handler));
    CHECK(freed == 1);
    future.known = store_handler();
    future.known.struct_size = sizeof future;
    CHECK_OK(set_table(options, &future.known));
    CHECK(freed == 2);
    future.tenth = do_nothing;
    CHECK(set_table(options, &future.known) == SESS_EVERSION);
    CHECK(freed == 3 && strstr(sess_options_errmsg(options), "sess_handler") != NULL);
    handler.struct_size = (size_t)1 << 40;
    CHECK(set_table(options, &handler) == SESS_EVERSION && freed == 4);
    handler.struct_size = offsetof(sess_handler, gc);
    CHECK(set_table(options, &handler) == SESS_EINVAL && freed == 5);
    handler.struct_size = 0;
    CHECK(set_table(options, &handler) == SESS_EINVAL && freed == 6);

#define WITHOUT(member)                                                                            \
    do {                                                                                           \
        broken = store_handler();                                                                  \
        broken.member = NULL;                                                                      \
        freed = 0;                                                                                 \
        CHECK(set_table(options, &broken) == SESS_EINVAL && freed == 1);                           \
        CHECK(strstr(sess_options_errmsg(options), #member) != NULL);                              \
    } while (0)
    WITHOUT(open);
    WITHOUT(close);
    WITHOUT(read);
    WITHOUT(write);
    WITHOUT(destroy);
    WITHOUT(gc);

    freed = 0;
    CHECK(set_table(options, NULL) == SESS_EINVAL && freed == 1);
    CHECK(set_table(NULL, &handler) == SESS_EINVAL && freed == 2);
    CHECK(sess_options_set_hook(options, (sess_when)0, NULL, &freed, count_free) == SESS_EINVAL);
    CHECK(freed == 3);
    CHECK(sess_options_set_hook(NULL, SESS_AFTER_START, NULL, &freed, count_free) == SESS_EINVAL);
    CHECK(freed == 4);
    CHECK_OK(sess_options_set_hook(options, SESS_AFTER_START, NULL, &freed, count_free));
    CHECK(freed == 5);
    CHECK_OK(sess_options_set_events(options, NULL, &freed, count_free));
    CHECK(freed == 6);
    sess_options_free(
        options); /* with the table for the future, which was the last that was taken */
    CHECK(freed == 7);

    /* A table without its last three is one whose optional callbacks are NULL. */
    handler = store_handler();
    handler.struct_size = offsetof(sess_handler, create_sid);
    options = sess_options_new();
    CHECK_OK(sess_options_set_handler(options, &handler, &store, store_free));
    sess_engine *engine = engine_of(options);
    sess_session *session = sess_new(engine);
    CHECK_OK(sess_start(session, 0));
    CHECK_OK(sess_value_set_int(sess_data(session), "n", SESS_NTS, 1));
    CHECK_OK(sess_close(session));
    CHECK(store.written == 1);
    sess_free(session);
    sess_engine_free(engine);
    CHECK(store.freed == 1);
}

static void free_inside(struct store *self, const char *callback, sess_call *call) {
    (void)callback;
    sess_session *session = (sess_session *)sess_call_host(call);
    if (session == NULL) return;
    sess_free(session);
    CHECK(sess_status(session) == SESS_NONE && self->freed == 0);
}

/* Free inside a callback does nothing; an engine lives as long as its sessions, and so does its
 * `user`. */
static void test_order(void) {
    struct store store;
    memset(&store, 0, sizeof store);
    sess_engine *engine = engine_of(store_options(&store));
    sess_session *one = sess_new(engine), *two = sess_new(engine);
    sess_engine_free(engine);
    CHECK(store.freed == 0);
    store.inside = free_inside;
    CHECK_OK(sess_set_host(one, one));
    CHECK_OK(sess_start(one, 0));
    CHECK_OK(sess_value_set_int(sess_data(one), "n", SESS_NTS, 1));
    CHECK_OK(sess_close(one));
    CHECK(store.written == 1 && sess_status(one) == SESS_CLOSED);
    CHECK_OK(sess_start(one, 0));
    CHECK_OK(sess_value_set_int(sess_data(one), "n", SESS_NTS, 2));
    sess_free(one); /* active: aborted, not saved */
    CHECK(store.written == 1 && store.opened == store.closed && store.freed == 0);
    store.inside = NULL;
    sess_free(two);
    CHECK(store.freed == 1);
}

static sess_rc failing(void *user, sess_session *session) {
    (void)session;
    return *(sess_rc *)user;
}

static sess_rc failing_edit(void *user, sess_session *session) {
    (void)user;
    return sess_value_remove(sess_data(session), "no such key", SESS_NTS);
}

static sess_rc failing_otherwise(void *user, sess_session *session) {
    return failing_edit(user, session) == SESS_ENOTFOUND ? -2000 : SESS_OK;
}

static sess_rc answer;
static const char *reason;

static sess_rc failing_read(void *user, sess_call *call, const char *id) {
    (void)user, (void)id;
    return reason == NULL ? answer : sess_call_fail(call, answer, 7, reason);
}

static void read_fails(sess_rc code, const char *why, sess_rc want, const char *text,
                       int os_errno) {
    struct store store;
    memset(&store, 0, sizeof store);
    sess_options *options = sess_options_new();
    sess_handler handler = store_handler();
    handler.read = failing_read;
    answer = code;
    reason = why;
    CHECK_OK(sess_options_set_handler(options, &handler, &store, store_free));
    sess_engine *engine = engine_of(options);
    sess_session *session = sess_new(engine);
    CHECK(sess_start(session, 0) == want);
    CHECK(sess_errcode(session) == want && sess_errno(session) == os_errno);
    if (strcmp(sess_errmsg(session), text) != 0) {
        fprintf(stderr, "not \"%s\" but \"%s\"\n", text, sess_errmsg(session));
        abort();
    }
    CHECK(sess_status(session) == SESS_NONE && store.opened == store.closed);
    sess_free(session);
    sess_engine_free(engine);
    CHECK(store.freed == 1);
}

/* A hook that fails: nothing stays locked, nothing is written. */
static void hook_fails(sess_when when, const char *text, sess_state state) {
    struct store store;
    sess_rc code = -2000;
    memset(&store, 0, sizeof store);
    sess_options *options = store_options(&store);
    CHECK_OK(sess_options_set_hook(options, when, failing, &code, NULL));
    sess_engine *engine = engine_of(options);
    sess_session *session = sess_new(engine);
    sess_rc rc = sess_start(session, 0);
    if (rc == SESS_OK) {
        CHECK_OK(sess_value_set_int(sess_data(session), "n", SESS_NTS, 1));
        rc = sess_close(session);
    }
    CHECK(rc == code && sess_errcode(session) == code && strcmp(sess_errmsg(session), text) == 0);
    CHECK(sess_status(session) == state && store.written == 0 && store.opened == store.closed);
    code = SESS_OK;
    CHECK_OK(sess_start(session, 0));
    CHECK_OK(sess_value_set_int(sess_data(session), "n", SESS_NTS, 1));
    CHECK_OK(sess_close(session));
    CHECK(store.written == 1);
    sess_free(session);
    sess_engine_free(engine);
    CHECK(store.freed == 1);
}

/* What callbacks and hooks return reaches the caller: known codes and those from SESS_EUSER down as
 * they are, everything else as SESS_EHANDLER; with the reason given, in one line. */
static void test_codes(void) {
    hook_fails(SESS_AFTER_START, "the hook after start failed: -2000", SESS_NONE);
    hook_fails(SESS_BEFORE_SAVE, "the hook before save failed: -2000", SESS_CLOSED);
    read_fails(SESS_EIO, NULL, SESS_EIO, "the read callback failed", 0);
    read_fails(SESS_EIO, "disk on fire", SESS_EIO, "disk on fire", 7);
    read_fails(SESS_ELOCKED, "two\nlines\n", SESS_ELOCKED, "two lines", 7);
    read_fails(SESS_EUSER, NULL, SESS_EUSER, "the read callback failed", 0);
    read_fails(-123456, "mine", -123456, "mine", 7);
    read_fails(1, NULL, SESS_EHANDLER, "the read callback failed", 0);
    read_fails(2, "positive", SESS_EHANDLER, "positive", 7);
    read_fails(-50, NULL, SESS_EHANDLER, "the read callback failed", 0);
    CHECK(strcmp(sess_code_name(-123456), "SESS_EUSER") == 0);
    CHECK(strcmp(sess_code_name(SESS_EIO), "SESS_EIO") == 0);
    CHECK(strcmp(sess_code_name(-50), "?") == 0 && strcmp(sess_code_name(0), "SESS_OK") == 0);

    static const struct {
        sess_rc returned, want;
        const char *text;
    } codes[] = {
        {SESS_EIO, SESS_EIO, "the change failed: SESS_EIO"},
        {SESS_EREFUSED, SESS_EREFUSED, "the change failed: SESS_EREFUSED"},
        {-2000, -2000, "the change failed: -2000"},
        {5, SESS_EHANDLER, "the change failed: 5"},
        {-50, SESS_EHANDLER, "the change failed: -50"},
    };
    struct store store;
    memset(&store, 0, sizeof store);
    sess_engine *engine = engine_of(store_options(&store));
    sess_session *session = sess_new(engine);
    CHECK_OK(sess_start(session, 0));
    CHECK_OK(sess_value_set_int(sess_data(session), "n", SESS_NTS, 1));
    CHECK_OK(sess_close(session));
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        sess_rc code = codes[i].returned;
        CHECK(sess_update(session, failing, &code) == codes[i].want);
        CHECK(strcmp(sess_errmsg(session), codes[i].text) == 0);
        CHECK(sess_status(session) == SESS_CLOSED && store.written == 1);
    }
    CHECK(sess_update(session, failing_edit, NULL) == SESS_ENOTFOUND);
    CHECK(strstr(sess_errmsg(session), "the change failed") == NULL && store.written == 1);
    /* A reason of the hook's own beside another code: both are told. */
    CHECK(sess_update(session, failing_otherwise, NULL) == -2000 && store.written == 1);
    CHECK(strstr(sess_errmsg(session), "the change failed: -2000, after: ") != NULL);
    sess_free(session);
    sess_engine_free(engine);
}

static sess_rc lend_read(void *user, sess_call *call, const char *id) {
    static const char payload[] = "n|i:7;";
    struct store *store = (struct store *)user;
    (void)id;
    CHECK(sess_call_lend_data(call, NULL, 1, &freed, count_free) == SESS_EINVAL && freed == 1);
    CHECK_OK(sess_call_lend_data(call, "other", 5, &freed, count_free));
    CHECK_OK(sess_call_lend_data(call, payload, SESS_NTS, &freed, count_free));
    CHECK(freed == 2 && sess_call_data(call).len == strlen(payload));
    CHECK(sess_call_lend_data(NULL, payload, 1, &freed, count_free) == SESS_EINVAL && freed == 3);
    store->read++;
    return SESS_OK;
}

/* Lent bytes go back exactly once: at once when refused or replaced, else at close. */
static void test_lend(void) {
    struct store store;
    memset(&store, 0, sizeof store);
    sess_options *options = sess_options_new();
    sess_handler handler = store_handler();
    handler.read = lend_read;
    CHECK_OK(sess_options_set_handler(options, &handler, &store, store_free));
    sess_engine *engine = engine_of(options);
    sess_session *session = sess_new(engine);
    CHECK_OK(sess_start(session, 0));
    CHECK(store.read >= 1 && sess_value_int(sess_get(session, "n", SESS_NTS), 0) == 7);
    CHECK_OK(sess_close(session));
    CHECK(freed == 3 * store.read + store.read);
    CHECK(sess_value_int(sess_get(session, "n", SESS_NTS), 0) == 7);
    sess_free(session);
    sess_engine_free(engine);
}

/* What is borrowed from a session can be given back to it, and values keep their place. */
static void test_borrowed(void) {
    struct store store;
    sess_bytes encoded, text;
    const char *id;
    memset(&store, 0, sizeof store);
    sess_engine *engine = engine_of(store_options(&store));
    sess_session *session = sess_new(engine);
    CHECK_OK(sess_start(session, 0));
    sess_value *data = sess_data(session);
    CHECK_OK(sess_value_set_string(data, "a", 1, "some text", SESS_NTS));
    text = sess_value_string(sess_get(session, "a", 1));
    const sess_value *first = sess_get(session, "a", 1);
    for (int i = 0; i < 1000; i++) {
        char key[16];
        sprintf(key, "key%d", i);
        CHECK_OK(sess_value_set_string(data, key, SESS_NTS, text.data, text.len));
    }
    CHECK(sess_data(session) == data && sess_get(session, "a", 1) == first);
    CHECK(sess_value_string(first).data == text.data && memcmp(text.data, "some text", 9) == 0);
    CHECK_OK(sess_value_set_string(data, "a", 1, text.data + 5, text.len - 5));
    CHECK(memcmp(sess_value_string(sess_get(session, "a", 1)).data, "text", 4) == 0);
    CHECK(memcmp(text.data, "some text", 9) == 0);
    CHECK_OK(sess_value_set_int(data, (const char *)text.data, text.len, 5));
    CHECK(sess_value_int(sess_get(session, "some text", SESS_NTS), 0) == 5);
    CHECK_OK(sess_encode(session, &encoded));
    CHECK_OK(sess_decode(session, encoded.data, encoded.len));
    CHECK(sess_value_count(sess_data(session)) == 1002);
    CHECK_OK(sess_create_id(session, "abc", SESS_NTS, &id));
    CHECK_OK(sess_close(session));
    CHECK_OK(sess_set_id(session, id, SESS_NTS));
    CHECK_OK(sess_set_option(session, "session.name", sess_option(session, "session.name")));
    sess_free(session);
    sess_engine_free(engine);
}

/* exit() in the middle of a request saves what was registered, once; the rest is aborted or
 * forgotten. */
static sess_session *exiting[3];
static struct store exit_stores[3];

static bool in_child;

static void after_exit(void) {
    if (in_child) {
        CHECK(exit_stores[0].written == 0 && exit_stores[0].closed == 0);
        return;
    }
    CHECK(exit_stores[0].written == 1 && exit_stores[0].opened == exit_stores[0].closed);
    CHECK(exit_stores[1].written == 0 && exit_stores[1].opened == 1 && exit_stores[1].closed == 0);
    CHECK(exit_stores[2].written == 0);
    CHECK(exit_stores[0].freed == 0);
    puts("saved");
}

static void test_exit(void) {
    int status;
    pid_t child;
    for (int i = 0; i < 3; i++) {
        sess_engine *engine = engine_of(store_options(&exit_stores[i]));
        exiting[i] = sess_new(engine);
        sess_engine_free(engine);
        CHECK_OK(sess_start(exiting[i], 0));
        CHECK_OK(sess_value_set_int(sess_data(exiting[i]), "n", SESS_NTS, i));
    }
    CHECK(fflush(stdout) == 0);
    child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        CHECK(sess_register_shutdown(exiting[0]) == SESS_EMISUSE);
        exit(0);
    }
    CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
    CHECK(atexit(after_exit) == 0);
    CHECK_OK(sess_register_shutdown(exiting[0]));
    CHECK_OK(sess_register_shutdown(exiting[0]));
    CHECK_OK(sess_register_shutdown(exiting[2]));
    sess_free(exiting[2]);
    child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        in_child = true;
        exit(0);
    }
    CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
    exit(0);
}

enum { MANY = 64 };
static sess_session *many[MANY];
static struct store order_store;

/* sess_host says which one it is: they have to come in the order of registration. */
static void note_order(struct store *self, const char *callback, sess_call *call) {
    (void)self;
    if (strcmp(callback, "write") != 0) return;
    printf("%d ", (int)((sess_session **)sess_call_host(call) - many));
}

/* Registering leaves nothing behind, however often; those that are left are saved in order. */
static void test_register(void) {
    sess_engine *engine = engine_of(store_options(&order_store));
    sess_session *one = sess_new(engine), *two = sess_new(engine);
    CHECK_OK(sess_register_shutdown(one));
    struct mallinfo2 before = mallinfo2();
    for (int i = 0; i < 100000; i++) {
        sess_session *session = sess_new(engine);
        CHECK_OK(sess_register_shutdown(session));
        sess_free(two);
        two = session;
    }
    struct mallinfo2 after = mallinfo2();
    CHECK(after.uordblks < before.uordblks + 65536);
    sess_free(one);
    sess_free(two);
    for (int i = 0; i < MANY; i++) {
        many[i] = sess_new(engine);
        CHECK_OK(sess_set_host(many[i], &many[i]));
        CHECK_OK(sess_register_shutdown(many[i]));
        /* Those at odd places go at once, so that their room may be used again. */
        if (i % 2 == 1) sess_free(many[i]);
    }
    for (int i = MANY - 2; i >= 0; i -= 2) {
        CHECK_OK(sess_start(many[i], 0));
        CHECK_OK(sess_value_set_int(sess_data(many[i]), "n", 1, i));
    }
    order_store.inside = note_order;
    exit(0);
}

static void exit_inside(struct store *self, const char *callback, sess_call *call) {
    (void)self, (void)call;
    if (strcmp(callback, "close") == 0) exit(0);
}

static void after_exit_inside(void) {
    CHECK(exit_stores[0].written == 1 && exit_stores[0].closed == 1);
    puts("saved once");
}

/* exit() inside a callback: the session that it belongs to is left as it is. shows: S-85 */
static void test_exit_inside(void) {
    sess_engine *engine = engine_of(store_options(&exit_stores[0]));
    sess_session *session = sess_new(engine);
    CHECK(atexit(after_exit_inside) == 0);
    CHECK_OK(sess_register_shutdown(session));
    CHECK_OK(sess_start(session, 0));
    CHECK_OK(sess_value_set_int(sess_data(session), "n", SESS_NTS, 1));
    exit_stores[0].inside = exit_inside;
    CHECK_OK(sess_close(session));
    CHECK(!"exit came back");
}

/* In a locale with a decimal comma, floats and cookies stay as they are. */
static void test_locale(void) {
    struct store store;
    sess_bytes encoded;
    char printed[16];
    if (setlocale(LC_ALL, "de_DE.UTF-8") == NULL && setlocale(LC_ALL, "de_DE") == NULL) {
        fprintf(stderr, "locale de_DE is missing: run scripts/setup\n");
        exit(1);
    }
    sprintf(printed, "%.1f", 0.5);
    CHECK(strcmp(printed, "0,5") == 0);
    memset(&store, 0, sizeof store);
    sess_engine *engine = engine_of(store_options(&store));
    sess_session *session = sess_new(engine);
    CHECK_OK(sess_start(session, 0));
    CHECK_OK(sess_decode(session, "d|d:1234567.125;", SESS_NTS));
    sess_value *data = sess_data(session);
    CHECK(sess_value_float(sess_get(session, "d", 1), 0) == 1234567.125);
    CHECK_OK(sess_value_set_float(data, "f", 1, 0.5));
    CHECK_OK(sess_value_set_float(data, "g", 1, 1.5e300));
    CHECK_OK(sess_encode(session, &encoded));
    const char *want = "d|d:1234567.125;f|d:0.5;g|d:1.5E+300;";
    CHECK(encoded.len == strlen(want) && memcmp(encoded.data, want, encoded.len) == 0);
    CHECK_OK(sess_close(session));
    CHECK_OK(sess_start(session, 0));
    CHECK(sess_value_float(sess_get(session, "f", 1), 0) == 0.5);
    CHECK_OK(sess_close(session));
    sess_free(session);
    sess_engine_free(engine);
}

/* sess_recycle: the handle is as new and its buffers stay. */
static void test_recycle(void) {
    struct store store;
    char id[SESS_ID_MAX + 1];
    memset(&store, 0, sizeof store);
    sess_engine *engine = engine_of(store_options(&store));
    sess_session *session = sess_new(engine);
    sess_value *data = sess_data(session);
    for (int i = 0; i < 3; i++) {
        CHECK_OK(sess_start(session, 0));
        CHECK(sess_value_count(data) == 0);
        CHECK_OK(sess_value_set_int(data, "n", 1, i));
        strcpy(id, sess_id(session));
        CHECK(sess_close(session) == SESS_OK && sess_start(session, 0) == SESS_OK);
        CHECK(strcmp(id, sess_id(session)) == 0 && store.written == i + 1);
        CHECK_OK(sess_value_set_int(data, "n", 1, 100));
        CHECK_OK(sess_recycle(session)); /* active: aborted */
        CHECK(store.opened == store.closed && store.written == i + 1);
        CHECK(sess_status(session) == SESS_NONE && *sess_id(session) == '\0');
        CHECK(sess_header_count(session) == 0 && sess_data(session) == data);
    }
    sess_free(session);
    sess_engine_free(engine);
}

struct seen {
    int count;
    char names[512];
};

static void see(void *user, const sess_event *event) {
    struct seen *seen = (struct seen *)user;
    seen->count++;
    CHECK(strlen(seen->names) + strlen(sess_event_name(event)) + 2 < sizeof seen->names);
    strcat(seen->names, sess_event_name(event));
    strcat(seen->names, " ");
    CHECK(sess_event_level(event) >= 3 && sess_event_level(event) <= 6);
    CHECK(strchr(sess_event_text(event), '\n') == NULL);
}

/* Options: php.ini text, all or nothing; the notice about what it leaves open comes with the
 * engine. */
static void test_options(void) {
    struct seen seen;
    const char *ini = "[Session]\nsession.name = FROMINI\nmemory_limit = 128M\n";
    sess_options *options = sess_options_new();
    memset(&seen, 0, sizeof seen);
    CHECK_OK(sess_options_load_ini(options, ini, SESS_NTS, "php.ini"));
    CHECK(strcmp(sess_options_get(options, "session.name"), "FROMINI") == 0);
    ini = "session.name = OTHER\nsession.gc_maxlifetime = soon\n";
    CHECK(sess_options_load_ini(options, ini, SESS_NTS, "bad.ini") == SESS_EINVAL);
    CHECK(strstr(sess_options_errmsg(options), "bad.ini:2") != NULL);
    CHECK(strcmp(sess_options_get(options, "session.name"), "FROMINI") == 0);
    CHECK_OK(sess_options_set_events(options, see, &seen, NULL));
    CHECK(seen.count == 0);
    sess_engine *engine = engine_of(options);
    CHECK(strstr(seen.names, "SAVE_PATH_ASSUMED") != NULL);
    sess_engine_free(engine);

    options = sess_options_new();
    CHECK(sess_options_set(options, "session.save_handler", "nosuch") == SESS_EUNSUPPORTED);
    CHECK(strstr(sess_options_errmsg(options), "nosuch") != NULL);
    CHECK_OK(sess_options_set(options, "session.cookie_samesite", "None"));
    CHECK_OK(sess_options_set(options, "session.cookie_secure", "0"));
    engine = NULL;
    CHECK(sess_engine_new(options, &engine) == SESS_EINVAL && engine == NULL);
    CHECK(strstr(sess_options_errmsg(options), "session.cookie_secure") != NULL);
    sess_options_free(options);

    const char *type, *text, *name;
    size_t count = 0;
    while ((name = sess_directive_at(count, &type, &text)) != NULL) {
        CHECK(*name != '\0' && *type != '\0' && *text != '\0');
        count++;
    }
    CHECK(count > 30);
}

int main(int argc, char **argv) {
    static const struct {
        const char *name;
        void (*run)(void);
    } tests[] = {
        {"table", test_table},       {"order", test_order},
        {"codes", test_codes},       {"lend", test_lend},
        {"borrowed", test_borrowed}, {"exit", test_exit},
        {"register", test_register}, {"exit-inside", test_exit_inside},
        {"locale", test_locale},     {"recycle", test_recycle},
        {"options", test_options},
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
