/*
 * handlers.c - what the example tables promise, and threads over every storage that locks.
 */
#define _DEFAULT_SOURCE
#include "../../c-examples/file_handler.h"
#include "../../c-examples/memory_handler.h"
#include "../../c-examples/wrap_files.h"
#include "support.h"

#include <pthread.h>
#include <time.h>
#include <utime.h>

#define THREADS 4
#define TIMES 100

/* An engine over a table, or over the built-in backend of that name if `handler` is NULL. */
static sess_engine *engine_over(const char *backend, const char *profile, const char *directory,
                                const sess_handler *handler, void *user) {
    sess_options *o =
        make_options("sess.profile", profile, "session.save_handler", backend, "session.save_path",
                     directory, "session.gc_probability", "0", (const char *)NULL);
    if (handler != NULL) CHECK_INT(sess_options_set_handler(o, handler, user, NULL), SESS_OK);
    return take_engine(o);
}

/* Stores n = 1 under a new id, which goes to `id`. */
static void store_one(sess_engine *e, char *id) {
    sess_session *s = sess_new(e);
    CHECK_OK(sess_start(s, 0), s);
    CHECK_OK(sess_value_set_int(sess_data(s), "n", 1, 1), s);
    CHECK_OK(sess_close(s), s);
    strcpy(id, sess_id(s));
    sess_free(s);
}

/* ---- threads
 * ------------------------------------------------------------------------------------- */

typedef struct {
    sess_engine *engine;
    char id[SESS_ID_MAX + 1];
    sess_rc failed[THREADS];
    int number;
} crowd;

typedef struct {
    crowd *crowd;
    int number;
} member;

static void *count_up(void *argument) {
    member *m = argument;
    for (int i = 0; i < TIMES; i++) {
        sess_session *s = sess_new(m->crowd->engine);
        sess_rc rc = sess_set_id(s, m->crowd->id, SESS_NTS);
        if (rc == SESS_OK) rc = sess_start(s, 0);
        int64_t n = sess_value_int(sess_get(s, "n", 1), -1000000);
        if (rc == SESS_OK) rc = sess_value_set_int(sess_data(s), "n", 1, n + 1);
        if (rc == SESS_OK) rc = sess_close(s);
        if (rc != SESS_OK) m->crowd->failed[m->number] = rc;
        sess_free(s);
    }
    return NULL;
}

/* Threads that increment one counter: the lock is held from read to close, so none is lost. */
static void counting(sess_engine *e) {
    pthread_t threads[THREADS];
    member members[THREADS];
    crowd c;
    memset(&c, 0, sizeof c);
    c.engine = e;
    store_one(e, c.id);
    for (int i = 0; i < THREADS; i++) {
        members[i].crowd = &c;
        members[i].number = i;
        CHECK_INT(pthread_create(&threads[i], NULL, count_up, &members[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        CHECK_INT(c.failed[i], SESS_OK);
    }
    sess_session *s = session_of(e, c.id);
    CHECK_OK(sess_start(s, SESS_START_READ_AND_CLOSE), s);
    CHECK_INT(sess_value_int(sess_get(s, "n", 1), 0), 1 + THREADS * TIMES);
    sess_free(s);
}

static int64_t now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* The lock timeout and the cancel token, whoever implements them. */
static void waiting(sess_engine *e) {
    char id[SESS_ID_MAX + 1];
    store_one(e, id);
    sess_session *holder = session_of(e, id), *s = session_of(e, id);
    CHECK_OK(sess_start(holder, 0), holder);
    CHECK_OK(sess_set_lock_timeout(s, 0), s);
    CHECK_RC(sess_start(s, 0), SESS_ELOCKED, s);
    CHECK_OK(sess_set_lock_timeout(s, 120), s);
    int64_t begin = now_ms();
    CHECK_RC(sess_start(s, 0), SESS_ELOCKED, s);
    CHECK(now_ms() - begin >= 120);
    sess_cancel *cancel = sess_cancel_new();
    CHECK_OK(sess_set_lock_timeout(s, -1), s);
    CHECK_OK(sess_set_cancel(s, cancel), s);
    sess_cancel_fire(cancel);
    CHECK_RC(sess_start(s, 0), SESS_ECANCELED, s);
    sess_cancel_free(cancel);
    CHECK_OK(sess_set_cancel(s, NULL), s);
    CHECK_OK(sess_close(holder), holder);
    CHECK_OK(sess_start(s, 0), s);
    CHECK_STR(sess_id(s), id); /* who was told to wait still means the same session */
    CHECK_OK(sess_close(s), s);
    sess_free(holder);
    sess_free(s);
}

static void storages_that_lock(const char *directory) {
    memory_store *store = memory_store_new();
    sess_engine *engines[] = {
        engine_over("files", "libsess", directory, NULL, NULL),
        engine_over("memory", "libsess", directory, NULL, NULL),
        engine_over("files", "libsess", directory, &memory_handler, store),
        engine_over("files", "libsess", directory, &wrap_files, NULL),
    };
    for (size_t i = 0; i < sizeof engines / sizeof *engines; i++) {
        counting(engines[i]);
        waiting(engines[i]);
        sess_engine_free(engines[i]);
    }
    memory_store_free(store);
}

/* ---- one by one
 * ---------------------------------------------------------------------------------- */

/* Everything that a table of PHP 8.2 gets through, and what comes of it. */
static void file_handler_checks_ids(const char *directory) {
    char path[600];
    snprintf(path, sizeof path, "%s/made", directory);
    sess_engine *e = engine_over("files", "php82", path, &file_handler, NULL);
    sess_session *s = sess_new(e);
    CHECK_OK(sess_set_cookie_header(s, "PHPSESSID=..%2F..%2Fstolen", SESS_NTS), s);
    CHECK_RC(sess_start(s, 0), SESS_EBADID, s);
    sess_free(s);
    CHECK_INT(count_entries(path, ""), 0); /* the directory was made, and nothing in it */
    CHECK_INT(count_entries(directory, ""), 1);
    s = sess_new(e);
    CHECK_OK(sess_start(s, 0), s);
    CHECK_OK(sess_value_set_int(sess_data(s), "n", 1, 1), s);
    CHECK_OK(sess_close(s), s);
    CHECK(file_is(session_file(path, sess_id(s)), "n|i:1;", 6));
    CHECK_INT(count_entries(path, ""), 1);
    sess_free(s);
    sess_engine_free(e);
}

static void file_handler_collects_by_time(const char *directory) {
    struct utimbuf old = {time(NULL) - 2000, time(NULL) - 2000};
    sess_engine *e = engine_over("files", "libsess", directory, &file_handler, NULL);
    char id[SESS_ID_MAX + 1], other[600];
    store_one(e, id);
    put_file(session_file(directory, ID_A), "n|i:1;", 6);
    CHECK_INT(utime(session_file(directory, ID_A), &old), 0);
    snprintf(other, sizeof other, "%s/notes", directory);
    put_file(other, "mine", 4);
    CHECK_INT(utime(other, &old), 0);
    sess_session *s = sess_new(e);
    int64_t removed = -1;
    bool more = true;
    CHECK_OK(sess_collect(s, -1, &removed, &more), s);
    CHECK_INT(removed, 1);
    CHECK(!more);
    sess_free(s);
    CHECK(file_is(session_file(directory, ID_A), NULL, 0));
    CHECK(file_is(session_file(directory, id), "n|i:1;", 6));
    CHECK(file_is(other, "mine", 4));
    sess_engine_free(e);
}

/* What docs/handlers.md warns of: without locks the later of two writes wins. */
static void file_handler_loses_changes(const char *directory) {
    sess_engine *e = engine_over("files", "libsess", directory, &file_handler, NULL);
    put_file(session_file(directory, ID_A), "n|i:1;", 6);
    sess_session *first = session_of(e, ID_A), *second = session_of(e, ID_A);
    CHECK_OK(sess_start(first, 0), first);
    CHECK_OK(sess_start(second, 0), second);
    CHECK_OK(sess_value_set_int(sess_data(first), "a", 1, 1), first);
    CHECK_OK(sess_value_set_int(sess_data(second), "b", 1, 2), second);
    CHECK_OK(sess_close(first), first);
    CHECK_OK(sess_close(second), second);
    CHECK(file_is(session_file(directory, ID_A), "n|i:1;b|i:2;", 12));
    sess_free(first);
    sess_free(second);
    sess_engine_free(e);
}

/* Its failures reach the host: code, errno, the directory, and not the id. */
static void file_handler_says_why(const char *directory) {
    char path[600];
    snprintf(path, sizeof path, "%s/not/there", directory);
    sess_engine *e = engine_over("files", "libsess", path, &file_handler, NULL);
    sess_session *s = session_of(e, ID_A);
    CHECK_RC(sess_start(s, 0), SESS_EIO, s);
    CHECK_INT(sess_errno(s), ENOENT);
    CHECK_HAS(sess_errmsg(s), path);
    CHECK_HAS(sess_errmsg(s), strerror(ENOENT));
    CHECK(strstr(sess_errmsg(s), ID_A) == NULL);
    sess_free(s);
    sess_engine_free(e);
}

static void wrap_files_finds_damage(const char *directory) {
    static const char sealed[] = "a79af41e:n|i:1;";
    char id[SESS_ID_MAX + 1];
    sess_engine *e = engine_over("files", "libsess", directory, &wrap_files, NULL);
    store_one(e, id);
    const char *path = session_file(directory, id);
    CHECK(file_is(path, sealed, sizeof sealed - 1));
    sess_session *s = session_of(e, id);
    CHECK_OK(sess_start(s, 0), s);
    CHECK_INT(sess_value_int(sess_get(s, "n", 1), 0), 1);
    CHECK_OK(sess_close(s), s); /* touched: the checksum stays */
    CHECK(file_is(path, sealed, sizeof sealed - 1));
    put_file(path, "a79af41e:n|i:2;", sizeof sealed - 1);
    CHECK_RC(sess_start(s, 0), SESS_EDATA, s);
    CHECK_HAS(sess_errmsg(s), "checksum");
    CHECK(file_is(path, "a79af41e:n|i:2;", sizeof sealed - 1));
    sess_free(s);
    sess_engine_free(e);
}

static void in_directory(void (*part)(const char *)) {
    char *directory = make_directory();
    part(directory);
    remove_directory(directory);
    free(directory);
}

int main(void) {
    in_directory(file_handler_checks_ids);
    in_directory(file_handler_collects_by_time);
    in_directory(file_handler_loses_changes);
    in_directory(file_handler_says_why);
    in_directory(wrap_files_finds_damage);
    in_directory(storages_that_lock);
    return check_report();
}
