/*
 * no_memory.c - whole lives of sessions, in which every allocation of the library fails in turn:
 * one alone, or it and all that come after it. Nothing ends the process; every call succeeds or
 * says SESS_ENOMEM; what is stored is the old session or the new one; no lock and no memory is
 * left; and the same handles go on.
 *
 * Without arguments all of it; `no_memory LIFE N once|on` is one case.
 */
#define _GNU_SOURCE
#include "support.h"

#include <execinfo.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>

/* ---- The allocator: the C library's, whose calls are counted while a plan is armed. */

extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);
extern void __libc_free(void *);

static volatile bool armed;   /* counting */
static volatile long count;   /* allocations since it was armed */
static volatile long first;   /* the one that fails; 0: none */
static volatile bool lasting; /* so do all after it */
static volatile long failed;  /* how many have failed */
static volatile long live;    /* allocated and not freed */

static bool loud; /* show where what happens */

static void trace(void) {
    void *frames[60];
    bool was = armed;
    armed = false;
    backtrace_symbols_fd(frames, backtrace(frames, 60), 2);
    armed = was;
}

static bool fails(void) {
    if (!armed) return false;
    long n = __atomic_add_fetch(&count, 1, __ATOMIC_SEQ_CST);
    if (first == 0 || n < first || (n > first && !lasting)) return false;
    if (__atomic_add_fetch(&failed, 1, __ATOMIC_SEQ_CST) == 1 && loud) trace();
    errno = ENOMEM;
    return true;
}

static void *given(void *block) {
    if (block != NULL) __atomic_add_fetch(&live, 1, __ATOMIC_SEQ_CST);
    return block;
}

void *malloc(size_t size) { return fails() ? NULL : given(__libc_malloc(size)); }
void *calloc(size_t n, size_t size) { return fails() ? NULL : given(__libc_calloc(n, size)); }
void *memalign(size_t align, size_t size) {
    return fails() ? NULL : given(__libc_memalign(align, size));
}
void *aligned_alloc(size_t align, size_t size) { return memalign(align, size); }

int posix_memalign(void **block, size_t align, size_t size) {
    void *made = memalign(align, size);
    if (made == NULL) return ENOMEM;
    *block = made;
    return 0;
}

void *realloc(void *block, size_t size) {
    if (fails()) return NULL;
    void *moved = __libc_realloc(block, size);
    return block == NULL ? given(moved) : moved;
}

void free(void *block) {
    if (block != NULL) __atomic_sub_fetch(&live, 1, __ATOMIC_SEQ_CST);
    __libc_free(block);
}

/* ---- One case, in memory that outlives the process it may end. */

struct shared {
    int life;
    long n;
    bool on;
    bool done; /* the life needed no allocation number n */
    long cases;
};
static struct shared *shared;
static const char *directory;
static const char *life_name;
static char what_failed[512];

static bool complain(const char *what, int line) {
    if (what_failed[0] == '\0')
        snprintf(what_failed, sizeof what_failed, "line %d: %s", line, what);
    return false;
}
#define MUST(condition) ((void)((condition) || complain(#condition, __LINE__)))

/* A call of which any reason but a lack of memory is a fault; whether it succeeded. */
static bool no_data;
static bool fine(sess_rc rc, const char *what, int line) {
    if (rc == SESS_OK) return true;
    /* What cannot be asked for is NULL, which is no value to be set. */
    if (no_data && rc == SESS_EINVAL) return no_data = false;
    if (rc != SESS_ENOMEM || failed == 0) {
        char text[256];
        snprintf(text, sizeof text, "%s: %s", what, sess_code_name(rc));
        complain(text, line);
    }
    return false;
}
#define FINE(call) fine((call), #call, __LINE__)

/* The data, which takes memory to be asked for. */
#define DATA(session) data_of((session), __LINE__)
static sess_value *data_of(sess_session *session, int line) {
    sess_value *data = sess_data(session);
    if (data == NULL && (failed == 0 || sess_errcode(session) != SESS_ENOMEM))
        complain("sess_data", line);
    no_data = data == NULL;
    return data;
}

/* As above, for what may be refused for a reason of its own once something before it has failed. */
static bool allowed(sess_rc rc, bool whole, const char *what, int line) {
    return whole ? fine(rc, what, line) : rc == SESS_OK;
}
#define THEN(whole, call) allowed((call), (whole), #call, __LINE__)

static int64_t skew;
static int64_t now(void *user) {
    (void)user;
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return t.tv_sec * 1000LL + t.tv_nsec / 1000000 + skew;
}

static void hear(void *user, const sess_event *event) {
    (void)user;
    MUST(sess_event_name(event)[0] != '\0' && sess_event_text(event)[0] != '\0');
}

static sess_rc hook(void *user, sess_session *session) {
    (void)user;
    sess_value *data = sess_data(session);
    return data == NULL ? SESS_ENOMEM : sess_value_set_int(data, "hook", SESS_NTS, 1);
}

/* An engine over `directory`; `more` are further settings by pairs. NULL: no memory for it. */
static sess_engine *engine_with(const char *const *more) {
    sess_options *options = sess_options_new();
    sess_engine *engine = NULL;
    if (options == NULL) {
        MUST(failed != 0);
        return NULL;
    }
    bool set = FINE(sess_options_set(options, "session.save_path", directory)) &&
               FINE(sess_options_set(options, "session.gc_probability", "0")) &&
               FINE(sess_options_set_clock(options, now, NULL, NULL)) &&
               FINE(sess_options_set_events(options, hear, NULL, NULL));
    for (; set && more != NULL && *more != NULL; more += 2)
        set = FINE(sess_options_set(options, more[0], more[1]));
    if (set) FINE(sess_engine_new(options, &engine));
    if (!set) MUST(sess_options_errmsg(options)[0] != '\0');
    sess_options_free(options);
    return engine;
}

static sess_session *request_of(sess_engine *engine, const char *id) {
    sess_session *session = sess_new(engine);
    if (session == NULL) {
        MUST(failed != 0);
        return NULL;
    }
    char cookie[512];
    snprintf(cookie, sizeof cookie, "PHPSESSID=%s; other=%%41%%42; PHPSESSID=x", id);
    if (id != NULL && !FINE(sess_set_cookie_header(session, cookie, SESS_NTS))) {
        sess_free(session);
        return NULL;
    }
    return session;
}

/* ---- What is stored, seen without a plan. */

static const char *const OLD = "a|i:1;list|a:3:{i:0;i:10;i:1;i:11;i:2;s:1:\"x\";}";

static void store(const char *id, const char *payload, size_t len) {
    char path[600];
    snprintf(path, sizeof path, "%s/sess_%s", directory, id);
    int fd = open(path, O_CREAT | O_WRONLY | O_TRUNC, 0600);
    if (fd < 0 || write(fd, payload, len) != (ssize_t)len || close(fd) != 0) exit(3);
}

/* The session of an id: 0 there is none, 1 it is `OLD`, 2 it is something else that is whole; -1 a
 * fault. */
static int stored(const char *id) {
    char path[600], bytes[70000];
    snprintf(path, sizeof path, "%s/sess_%s", directory, id);
    int fd = open(path, O_RDWR | O_NOFOLLOW);
    if (fd < 0) return errno == ENOENT ? 0 : -1;
    bool is_free = flock(fd, LOCK_EX | LOCK_NB) == 0;
    ssize_t len = read(fd, bytes, sizeof bytes);
    close(fd);
    if (!is_free) return complain("a lock is left", __LINE__), -1;
    if (len == (ssize_t)strlen(OLD) && memcmp(bytes, OLD, (size_t)len) == 0) return 1;
    return 2;
}

/* A request that has all it wants must find a session it can use, and can store it. */
static void usable(const char *id) {
    bool was = armed;
    armed = false;
    sess_engine *engine = engine_with(NULL);
    sess_session *session = request_of(engine, id);
    sess_set_lock_timeout(session, 0);
    MUST(sess_start(session, 0) == SESS_OK);
    MUST(sess_value_set_int(sess_data(session), "again", SESS_NTS, 7) == SESS_OK);
    MUST(sess_close(session) == SESS_OK);
    sess_free(session);
    sess_engine_free(engine);
    armed = was;
}

/* ---- The lives. */

static char big[40000];

static void life_new(void) {
    sess_engine *engine = engine_with(NULL);
    sess_session *s = engine != NULL ? request_of(engine, NULL) : NULL;
    if (s != NULL) {
        bool started = FINE(sess_start(s, 0));
        bool set = started && FINE(sess_value_set_string(DATA(s), "k", 1, big, 300)) &&
                   FINE(sess_value_set_float(DATA(s), "f", 1, 0.1)) &&
                   FINE(sess_value_set_bool(DATA(s), "b", 1, 1));
        sess_value *list = set ? sess_value_edit(DATA(s), "list", SESS_NTS) : NULL;
        if (set && list == NULL) MUST(sess_errcode(s) == SESS_ENOMEM);
        for (int i = 0; list != NULL && i < 40 && set; i++)
            set = FINE(sess_value_set_int(list, NULL, SESS_APPEND, i));
        for (int i = 0; list != NULL && i < 40 && set; i += 2) {
            char key[16];
            snprintf(key, sizeof key, "%d", i);
            set = FINE(sess_value_remove(list, key, SESS_NTS));
        }
        size_t headers = sess_header_count(s);
        const char *name, *value, *replaces;
        for (size_t i = 0; i < headers; i++)
            sess_header_at(s, i, &name, &value, &replaces);
        if (started) FINE(sess_close(s));
        /* The handle goes on. */
        armed = false;
        MUST(sess_recycle(s) == SESS_OK && sess_start(s, 0) == SESS_OK && sess_close(s) == SESS_OK);
        armed = true;
        sess_free(s);
    }
    sess_engine_free(engine);
}

static void read_all(const sess_value *value, int depth) {
    size_t n = sess_value_count(value);
    for (size_t i = 0; i < n && depth < 5; i++) {
        sess_bytes key;
        int64_t number;
        const sess_value *inner = sess_value_at(value, i, &key, &number);
        if (inner == NULL) continue;
        sess_value_string(inner);
        sess_value_serialized(inner);
        read_all(inner, depth + 1);
    }
}

static int64_t int_of(const sess_value *value) { return sess_value_int(value, -1); }

static void life_read(void) {
    store(ID_A, OLD, strlen(OLD));
    sess_engine *engine = engine_with(NULL);
    sess_session *s = engine != NULL ? request_of(engine, ID_A) : NULL;
    if (s != NULL) {
        if (FINE(sess_start(s, 0))) {
            read_all(sess_data(s), 0);
            sess_errcode(s);
            const sess_value *one = sess_get(s, "a", 1);
            MUST(one != NULL || sess_errcode(s) == SESS_ENOMEM);
            if (one != NULL) MUST(int_of(one) == 1);
            const sess_value *list = sess_get(s, "list", 4);
            if (list != NULL && sess_value_count(list) != 3) MUST(sess_errcode(s) == SESS_ENOMEM);
            sess_bytes all;
            FINE(sess_encode(s, &all));
            sess_cookie(s, "other", &all);
            FINE(sess_close(s));
        }
        if (FINE(sess_recycle(s)) && FINE(sess_set_id(s, ID_A, SESS_NTS)))
            FINE(sess_start(s, SESS_START_READ_AND_CLOSE));
        sess_free(s);
    }
    sess_engine_free(engine);
    MUST(stored(ID_A) == 1);
}

static void life_change(void) {
    store(ID_A, OLD, strlen(OLD));
    sess_engine *engine = engine_with(NULL);
    sess_session *s = engine != NULL ? request_of(engine, ID_A) : NULL;
    if (s != NULL) {
        if (FINE(sess_start(s, 0))) {
            bool set = FINE(sess_value_set_string(DATA(s), "big", 3, big, sizeof big));
            for (int i = 0; i < 60 && set; i++) {
                char key[32];
                int len = snprintf(key, sizeof key, "key number %d", i);
                set = FINE(sess_value_set_int(DATA(s), key, (size_t)len, i));
            }
            if (set) FINE(sess_reset(s));
            set = sess_status(s) == SESS_ACTIVE &&
                  FINE(sess_value_set_string(DATA(s), "b", 1, big, 20000));
            if (sess_status(s) == SESS_ACTIVE && set) FINE(sess_close(s));
        }
        sess_free(s);
    }
    sess_engine_free(engine);
    MUST(stored(ID_A) > 0);
    usable(ID_A);
}

static const char REFERENCES[] =
    "a:4:{i:0;O:8:\"stdClass\":2:{s:1:\"x\";i:1;s:4:\"\0*\0y\";a:1:{i:0;S:2:\"\\41b\";}}i:1;r:2;"
    "s:3:\"key\";a:2:{i:5;i:1;i:7;R:8;}s:1:\"e\";d:0.1;}";

static const char CUSTOM[] = "C:3:\"Foo\":3:{abc}";

static void life_values(void) {
    const char *const profiles[] = {"libsess", "php82"};
    const char *const formats[] = {"php", "php_binary", "php_serialize"};
    for (int i = 0; i < 6; i++) {
        const char *const more[] = {"sess.profile", profiles[i % 2], "session.serialize_handler",
                                    formats[i / 2], NULL};
        sess_engine *engine = engine_with(more);
        sess_session *s = engine != NULL ? request_of(engine, NULL) : NULL;
        if (s != NULL && FINE(sess_start(s, 0))) {
            bool set =
                FINE(sess_value_set_serialized(DATA(s), "v", 1, REFERENCES, sizeof REFERENCES - 1));
            read_all(sess_data(s), 0);
            sess_value *list = set ? sess_value_edit(DATA(s), "list", 4) : NULL;
            if (list != NULL) {
                set = FINE(sess_value_set_serialized(list, "r", 1, "a:2:{i:0;i:3;i:1;R:2;}",
                                                     SESS_NTS)) &&
                      FINE(sess_value_set_int(list, NULL, SESS_APPEND, 3)) &&
                      FINE(sess_value_set_null(list, "r", 1)) && FINE(sess_value_clear(list));
            }
            if (set) FINE(sess_value_set_serialized(DATA(s), "c", 1, CUSTOM, sizeof CUSTOM - 1));
            sess_bytes bytes;
            if (FINE(sess_encode(s, &bytes))) {
                char *copy = __libc_malloc(bytes.len + 1);
                size_t len = bytes.len;
                memcpy(copy, bytes.data, len);
                sess_bytes again;
                if (FINE(sess_decode(s, copy, len))) FINE(sess_encode(s, &again));
                __libc_free(copy);
            }
            (void)sess_value_serialized(sess_data(s));
            FINE(sess_close(s));
        }
        sess_free(s);
        sess_engine_free(engine);
    }
}

static void life_moves(void) {
    store(ID_A, OLD, strlen(OLD));
    const char *const more[] = {"sess.login.rotate", "600", "sess.user_key", "uid", NULL};
    sess_engine *engine = engine_with(more);
    sess_session *s = engine != NULL ? request_of(engine, ID_A) : NULL;
    char id[300] = ID_A;
    if (s != NULL) {
        if (FINE(sess_start(s, 0))) {
            const char *token;
            bool whole = FINE(sess_regenerate_id(s, 0));
            whole = THEN(whole, sess_regenerate_id(s, 1)) && whole;
            whole = THEN(whole, sess_login(s, "alice", 5, 0)) && whole;
            if (THEN(whole, sess_token(s, "purpose", 7, &token)))
                THEN(whole, sess_token_check(s, "purpose", 7, token, strlen(token), 0));
            (void)sess_user(s);
            if (sess_status(s) == SESS_ACTIVE) THEN(whole, sess_close(s));
            snprintf(id, sizeof id, "%s", sess_id(s));
        }
        sess_free(s);
        /* Its id is due for another. */
        skew += 700 * 1000;
        s = request_of(engine, id);
        if (s != NULL && THEN(false, sess_start(s, 0))) {
            (void)sess_user(s);
            snprintf(id, sizeof id, "%s", sess_id(s));
            THEN(false, sess_close(s));
        }
        sess_free(s);
        s = request_of(engine, id);
        if (s != NULL && THEN(false, sess_start(s, 0))) THEN(false, sess_logout(s, 0));
        sess_free(s);
        skew -= 700 * 1000;
    }
    sess_engine_free(engine);
}

static void life_login(void) {
    store(ID_A, OLD, strlen(OLD));
    sess_engine *engine = engine_with(NULL);
    sess_session *s = engine != NULL ? request_of(engine, ID_A) : NULL;
    if (s != NULL) {
        bool logged_in = false;
        char id[300] = "";
        if (FINE(sess_start(s, 0))) {
            logged_in = FINE(sess_login(s, big, 3000, SESS_LOGIN_REMEMBER));
            snprintf(id, sizeof id, "%s", sess_id(s));
            if (sess_status(s) == SESS_ACTIVE) FINE(sess_close(s));
        }
        sess_free(s);
        bool was = armed;
        armed = false;
        /* Old or new, never both and never neither. */
        if (logged_in) {
            sess_session *later = request_of(engine, id);
            MUST(sess_start(later, 0) == SESS_OK && sess_user(later).len == 3000);
            MUST(int_of(sess_get(later, "a", 1)) == 1);
            sess_free(later);
            later = request_of(engine, ID_A);
            MUST(sess_start(later, 0) == SESS_OK && sess_user(later).len == 0);
            MUST(sess_get(later, "a", 1) == NULL);
            sess_free(later);
        } else {
            MUST(stored(ID_A) == 1);
        }
        armed = was;
    }
    sess_engine_free(engine);
}

static void life_raw(void) {
    store(ID_A, big, sizeof big);
    const char *const more[] = {"sess.mmap_threshold", "30000", NULL};
    sess_engine *engine = engine_with(more);
    sess_session *s = engine != NULL ? request_of(engine, ID_A) : NULL;
    if (s != NULL) {
        if (FINE(sess_start(s, SESS_START_RAW))) {
            sess_bytes raw = sess_raw(s);
            MUST(raw.len == sizeof big);
            bool set = FINE(sess_set_raw(s, big, 35000));
            if (set) set = FINE(sess_set_raw(s, sess_raw(s).data, 34000));
            sess_user(s);
            if (FINE(sess_close(s)) && set) {
                if (FINE(sess_start(s, SESS_START_RAW | SESS_START_READ_AND_CLOSE)))
                    MUST(sess_raw(s).len == 34000);
            }
        }
        sess_free(s);
    }
    sess_engine_free(engine);
    MUST(stored(ID_A) == 2);
}

static void life_cookies(void) {
    const char *const more[] = {
        "sess.cookie_name",
        "auto",
        "sess.create",
        "second_request",
        "sess.secret",
        "hex:000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
        "session.cache_limiter",
        "public",
        NULL};
    sess_engine *engine = engine_with(more);
    sess_session *s = engine != NULL ? sess_new(engine) : NULL;
    if (s != NULL) {
        static char header[3000];
        memset(header, 'c', sizeof header - 1);
        memcpy(header + 2000, "; big=%41", 9);
        sess_bytes value;
        bool set = FINE(sess_set_request(s, "https", "host", 0, "/a/b c")) &&
                   FINE(sess_set_cookie_header(s, header, SESS_NTS)) &&
                   FINE(sess_set_cookie_header(s, "x=1", SESS_NTS)) &&
                   FINE(sess_cookie(s, "big", &value)) && FINE(sess_cookie(s, "x", &value));
        if (set) MUST(value.len == 1);
        if (set && FINE(sess_set_option(s, "session.cookie_path", "/a/")) &&
            FINE(sess_set_option(s, "session.gc_maxlifetime", "100")) &&
            FINE(sess_set_cookie(s, "mine", big, 900, "Path=/; Max-Age=100")) &&
            FINE(sess_set_last_modified(s, 1)) && FINE(sess_start(s, 0))) {
            size_t headers = sess_header_count(s);
            const char *n, *v;
            for (size_t i = 0; i < headers; i++)
                sess_header_at(s, i, &n, &v, NULL);
            FINE(sess_mark_headers_sent(s));
            FINE(sess_close(s));
        }
        sess_free(s);
    }
    sess_engine_free(engine);
}

static void life_options(void) {
    sess_options *o = sess_options_new();
    if (o == NULL) {
        MUST(failed != 0);
        return;
    }
    static const char ini[] = "[Session]\nsession.save_path = \"/tmp/a b\"\nsession.name = N\n"
                              "session.gc_maxlifetime = 77\nsess.profile = php82\n; c\nfoo = bar\n";
    static const char bad[] = "session.save_path = /tmp\nsession.nam = N\n";
    FINE(sess_options_load_ini(o, ini, SESS_NTS, "php.ini"));
    sess_rc rc = sess_options_load_ini(o, bad, SESS_NTS, "bad.ini");
    MUST(rc == SESS_EINVAL || (rc == SESS_ENOMEM && failed != 0));
    rc = sess_options_set(o, "session.save_pth", "x");
    MUST(rc == SESS_EINVAL || (rc == SESS_ENOMEM && failed != 0));
    MUST(sess_options_errmsg(o)[0] != '\0');
    sess_engine *engine = NULL;
    if (FINE(sess_options_set(o, "sess.profile", "libsess")) &&
        FINE(sess_options_set(o, "sess.policy", "dokuwiki")) &&
        FINE(sess_options_set(o, "session.save_path", "relative")) &&
        FINE(sess_options_set(o, "sess.cookie_name", "site")) &&
        FINE(sess_options_set(o, "sess.site_id", "here")) &&
        FINE(sess_options_set_events(o, hear, NULL, NULL)) &&
        FINE(sess_options_set_clock(o, now, NULL, NULL)) &&
        FINE(sess_options_set_hook(o, SESS_BEFORE_SAVE, hook, NULL, NULL)))
        FINE(sess_engine_new(o, &engine));
    sess_session *s = engine != NULL ? sess_new(engine) : NULL;
    sess_cancel *cancel = sess_cancel_new();
    if (s != NULL && cancel != NULL) {
        FINE(sess_set_cancel(s, cancel));
        (void)sess_option(s, "session.save_path");
        rc = sess_set_option(s, "session.nam", "x");
        MUST(rc == SESS_EINVAL || (rc == SESS_ENOMEM && failed != 0));
        MUST(sess_errmsg(s)[0] != '\0');
    }
    sess_free(s);
    sess_cancel_free(cancel);
    sess_engine_free(engine);
    sess_options_free(o);
}

/* The table of a host: one record in its own memory. */
static struct {
    char bytes[64 << 10];
    size_t len;
    bool is_there;
} record;

static sess_rc t_open(void *u, sess_call *c, const char *path, const char *name) {
    (void)u, (void)c, (void)path, (void)name;
    return SESS_OK;
}
static sess_rc t_close(void *u, sess_call *c) {
    (void)u, (void)c;
    return SESS_OK;
}
static sess_rc t_read(void *u, sess_call *c, const char *id) {
    (void)u, (void)id;
    if (!record.is_there) return sess_call_fail(c, SESS_ENOTFOUND, 0, "no such record");
    if (record.len > 100) return sess_call_lend_data(c, record.bytes, record.len, NULL, NULL);
    return sess_call_set_data(c, record.bytes, record.len);
}
static sess_rc t_write(void *u, sess_call *c, const char *id, const uint8_t *data, size_t len) {
    (void)u, (void)c, (void)id;
    if (len > sizeof record.bytes) return SESS_EIO;
    memcpy(record.bytes, data, len);
    record.len = len;
    record.is_there = true;
    return SESS_OK;
}
static sess_rc t_destroy(void *u, sess_call *c, const char *id) {
    (void)u, (void)c, (void)id;
    record.is_there = false;
    return SESS_OK;
}
static sess_rc t_gc(void *u, sess_call *c, int64_t max, int64_t *deleted) {
    (void)u, (void)c, (void)max;
    *deleted = 0;
    return SESS_OK;
}

static void life_table(void) {
    sess_handler handler = {.struct_size = sizeof handler,
                            .open = t_open,
                            .close = t_close,
                            .read = t_read,
                            .write = t_write,
                            .destroy = t_destroy,
                            .gc = t_gc};
    record.is_there = true;
    record.len = strlen(OLD);
    memcpy(record.bytes, OLD, record.len);
    sess_options *o = sess_options_new();
    sess_engine *engine = NULL;
    if (o != NULL && FINE(sess_options_set_handler(o, &handler, NULL, NULL)) &&
        FINE(sess_options_set_events(o, hear, NULL, NULL)) &&
        FINE(sess_options_set_hook(o, SESS_AFTER_START, hook, NULL, NULL)))
        FINE(sess_engine_new(o, &engine));
    sess_session *s = engine != NULL ? request_of(engine, ID_A) : NULL;
    for (int i = 0; i < 2 && s != NULL; i++) {
        if (FINE(sess_start(s, 0))) {
            FINE(sess_value_set_string(DATA(s), "t", 1, big, 2000));
            FINE(sess_close(s));
        }
    }
    int64_t deleted;
    if (s != NULL) THEN(false, sess_gc(s, &deleted));
    if (s != NULL && THEN(false, sess_start(s, 0))) FINE(sess_destroy(s));
    sess_free(s);
    sess_engine_free(engine);
    sess_options_free(o);
}

static void life_memory(void) {
    const char *const more[] = {"session.save_handler", "memory", "sess.lock_timeout_ms", "20",
                                NULL};
    sess_engine *engine = engine_with(more);
    sess_session *s = engine != NULL ? request_of(engine, NULL) : NULL;
    sess_session *other = engine != NULL ? sess_new(engine) : NULL;
    if (s != NULL && other != NULL) {
        bool whole = true;
        char id[300];
        for (int i = 0; i < 2; i++) {
            whole = THEN(whole, sess_start(s, 0)) && whole;
            if (sess_status(s) != SESS_ACTIVE) continue;
            whole = THEN(whole, sess_value_set_string(DATA(s), "m", 1, big, 5000)) && whole;
            whole = THEN(whole, sess_regenerate_id(s, i)) && whole;
            snprintf(id, sizeof id, "%s", sess_id(s));
            sess_rc rc = SESS_ELOCKED;
            if (whole && THEN(whole, sess_set_id(other, id, SESS_NTS))) rc = sess_start(other, 0);
            MUST(rc == SESS_ELOCKED || rc == SESS_ENOMEM || !whole || sess_is_new(other));
            sess_abort(other);
            if (sess_status(s) == SESS_ACTIVE) whole = THEN(whole, sess_close(s)) && whole;
        }
        sess_lock_info info = {.struct_size = sizeof info};
        sess_inspect_lock(s, id, SESS_NTS, &info);
        int64_t removed;
        THEN(false, sess_gc(s, &removed));
    }
    sess_free(other);
    sess_free(s);
    sess_engine_free(engine);
}

static void life_collect(void) {
    for (int i = 0; i < 3; i++) {
        char id[33];
        snprintf(id, sizeof id, "%032d", i);
        store(id, i == 1 ? "damaged" : OLD, i == 1 ? 7 : strlen(OLD));
        char path[600];
        snprintf(path, sizeof path, "%s/sess_%s", directory, id);
        struct timespec old[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
        utimensat(AT_FDCWD, path, old, 0);
    }
    char away[600];
    snprintf(away, sizeof away, "%s/away", directory);
    mkdir(away, 0700);
    const char *const more[] = {"sess.gc_quarantine", away, NULL};
    sess_engine *engine = engine_with(more);
    sess_session *s = engine != NULL ? request_of(engine, NULL) : NULL;
    if (s != NULL && FINE(sess_start(s, 0))) {
        int64_t removed;
        THEN(false, sess_gc(s, &removed));
        FINE(sess_close(s));
    }
    sess_free(s);
    sess_engine_free(engine);
}

static void *hold_on(void *path) {
    int fd = open(path, O_RDWR);
    flock(fd, LOCK_EX);
    usleep(3000);
    close(fd);
    return NULL;
}

static void life_contention(void) {
    store(ID_A, OLD, strlen(OLD));
    char path[600];
    snprintf(path, sizeof path, "%s/sess_%s", directory, ID_A);
    const char *const more[] = {"sess.lock_timeout_ms", "5000", NULL};
    bool was = armed;
    armed = false;
    pthread_t holder;
    int fd = open(path, O_RDWR);
    flock(fd, LOCK_EX);
    close(fd);
    pthread_create(&holder, NULL, hold_on, path);
    usleep(1500);
    armed = was;
    sess_engine *engine = engine_with(more);
    sess_session *s = engine != NULL ? request_of(engine, ID_A) : NULL;
    if (s != NULL) {
        if (FINE(sess_start(s, 0))) FINE(sess_close(s));
        sess_free(s);
    }
    sess_engine_free(engine);
    armed = false;
    pthread_join(holder, NULL);
    armed = was;
    MUST(stored(ID_A) == 1);
}

static const struct {
    const char *name;
    void (*run)(void);
} lives[] = {
    {"new", life_new},
    {"read", life_read},
    {"change", life_change},
    {"values", life_values},
    {"login", life_login},
    {"moves", life_moves},
    {"raw", life_raw},
    {"cookies", life_cookies},
    {"options", life_options},
    {"table", life_table},
    {"memory", life_memory},
    {"collect", life_collect},
    {"contention", life_contention},
};
enum { LIVES = sizeof lives / sizeof lives[0] };

/* ---- Running them. */

static void run(int life, long n, bool on) {
    life_name = lives[life].name;
    first = n;
    lasting = on;
    count = failed = 0;
    armed = true;
    lives[life].run();
    armed = false;
}

static void on_abort(int signal) {
    trace();
    struct sigaction plain = {.sa_handler = SIG_DFL};
    sigaction(signal, &plain, NULL);
    raise(signal);
}

/* From the case in `shared` on, until a life is through. */
static int child(void) {
    void *frames[4];
    backtrace(frames, 4);
    if (loud) {
        struct sigaction shown = {.sa_handler = on_abort};
        sigaction(SIGABRT, &shown, NULL);
        sigaction(SIGSEGV, &shown, NULL);
    }
    /* What is made once in a process is made by lives of which nothing fails. */
    run(shared->life, 0, false);
    run(shared->life, 0, false);
    int faults = 0;
    for (; !shared->done; shared->n++) {
        what_failed[0] = '\0';
        long before = live;
        run(shared->life, shared->n, shared->on);
        shared->cases++;
        if (live > before && failed != 0) {
            /* What is made once may have been made now, and what a thread keeps when it first
             * waits: a leak is left by each life. */
            long after;
            int again = 0;
            do {
                after = live;
                run(shared->life, shared->n, shared->on);
            } while (live > after && ++again < 5);
            if (live > after) complain("memory is left", __LINE__);
        }
        if (what_failed[0] != '\0') {
            printf("%s %ld %s: %s\n", life_name, shared->n, shared->on ? "on" : "once",
                   what_failed);
            faults++;
        }
        shared->done = failed == 0 || loud;
    }
    fflush(stdout);
    return faults == 0 ? 0 : 1;
}

int main(int argc, char **argv) {
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    loud = getenv("NO_MEMORY_TRACE") != NULL;
    memset(big, 'x', sizeof big);
    long cases = 0;
    for (int life = 0; life < LIVES; life++) {
        if (argc > 1 && strcmp(argv[1], lives[life].name) != 0) continue;
        for (int on = 0; on < 2; on++) {
            if (argc > 3 && (strcmp(argv[3], "on") == 0) != on) continue;
            char *made = make_directory();
            directory = made;
            *shared = (struct shared){.life = life, .n = argc > 2 ? atol(argv[2]) : 1, .on = on};
            while (!shared->done) {
                fflush(stdout);
                pid_t pid = fork();
                if (pid == 0) _exit(child());
                int status;
                waitpid(pid, &status, 0);
                CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
                if (WIFEXITED(status)) break;
                printf("%s %ld %s: ended by signal %d\n", lives[life].name, shared->n,
                       on ? "on" : "once", WTERMSIG(status));
                shared->n++;
                if (argc > 2) break;
            }
            if (getenv("NO_MEMORY_COUNT") != NULL)
                printf("%s %s: %ld\n", lives[life].name, on ? "on" : "once", shared->cases);
            cases += shared->cases;
            remove_directory(made);
            free(made);
        }
    }
    CHECK(cases > 0);
    munmap(shared, sizeof *shared);
    return check_report();
}
