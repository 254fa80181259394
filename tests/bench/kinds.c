/* kinds.c - the cycles. */
#define _GNU_SOURCE
#include "kinds.h"

#include "turns.h"
#include <sess.h>

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LARGEST = 32 << 20 };

const char *const mode_names[MODES] = {"read only", "unchanged", "changed"};
/* Each kind has sessions of its own, so that each finds what it left. */
const char *const kind_prefixes[KINDS + 1] = {"benchmarkleast000000", "benchmarkraw00000000",
                                              "benchmarktyped000000", "benchmarkreplay00000",
                                              "benchmarkphp00000000"};

static char buffer[LARGEST + 64], payloads[2][LARGEST + 64];
static size_t size, made_for = (size_t)-1;
static long at[KINDS];
/* Paths and ids, made before the clock runs. */
static char *paths[KINDS + 1][10000];
enum { PREFIX = 20, ID = PREFIX + 6 };
static sess_session *session;
static sess_engine *engine;

static void make_payloads(size_t bytes) {
    if (made_for == bytes) return;
    made_for = bytes;
    size_t filler = bytes > 40 ? bytes - 30 : 0;
    for (int i = 0; i < 2; i++) {
        int head = sprintf(payloads[i], "n|i:%d;s|s:%zu:\"", i, filler);
        memset(payloads[i] + head, 'x' + i, filler);
        memcpy(payloads[i] + head + filler, "\";", 3);
        size = (size_t)head + filler + 2;
    }
    if (bytes == 0) size = 0;
}

void kinds_prepare(const struct place *place, int kind) {
    make_payloads(place->size);
    for (int i = 0; i < place->ids; i++) {
        char *path = NULL;
        must(asprintf(&path, "%s/sess_%s%06d", place->directory, kind_prefixes[kind], i) > 0,
             "asprintf");
        free(paths[kind][i]);
        paths[kind][i] = path;
        int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        must(fd >= 0 && write(fd, payloads[0], size) == (ssize_t)size && close(fd) == 0, path);
    }
}

void kinds_remove(const struct place *place, int kind) {
    for (int i = 0; i < place->ids; i++) {
        unlink(paths[kind][i]);
    }
}

void kinds_settings(const struct place *place, const char *const *settings) {
    static const char *const always[] = {"session.gc_probability",
                                         "0",
                                         "session.use_cookies",
                                         "0",
                                         "session.cache_limiter",
                                         "",
                                         NULL};
    sess_free(session);
    sess_engine_free(engine);
    sess_options *options = sess_options_new();
    must(sess_options_set(options, "session.save_path", place->directory) == SESS_OK, "save_path");
    for (const char *const *pair = always; *pair != NULL; pair += 2)
        must(sess_options_set(options, pair[0], pair[1]) == SESS_OK, pair[0]);
    for (const char *const *pair = settings; pair != NULL && *pair != NULL; pair += 2)
        must(sess_options_set(options, pair[0], pair[1]) == SESS_OK, pair[0]);
    engine = NULL;
    must(sess_engine_new(options, &engine) == SESS_OK, "sess_engine_new");
    sess_options_free(options);
    session = sess_new(engine);
}

/* The payload that is not stored: n counts 0, 1, 0 ... */
static const char *other(const void *stored) { return payloads[((const char *)stored)[4] == '0']; }

static void least(const char *path, enum mode mode) {
    struct stat st;
    int fd = open(path, (mode == READ ? O_RDONLY : O_RDWR) | O_NOFOLLOW | O_CLOEXEC);
    int lock = mode == READ ? LOCK_SH : LOCK_EX;
    must(fd >= 0 && (flock(fd, lock | LOCK_NB) == 0 || flock(fd, lock) == 0), "open, flock");
    must(fstat(fd, &st) == 0 && st.st_nlink > 0, "fstat");
    must(st.st_size == 0 || pread(fd, buffer, (size_t)st.st_size, 0) == st.st_size, "pread");
    if (mode == UNCHANGED) must(futimens(fd, NULL) == 0, "futimens");
    if (mode == CHANGED) must(pwrite(fd, other(buffer), size, 0) == (ssize_t)size, "pwrite");
    close(fd);
}

/* openat fstat flock fcntl fstat pread, then ftruncate pwrite or utimensat, close; as strace shows.
 */
static void replay(const char *path, enum mode mode) {
    struct stat st;
    int fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    must(fd >= 0 && fstat(fd, &st) == 0 && flock(fd, LOCK_EX) == 0, "open, flock");
    must(fcntl(fd, F_SETFD, FD_CLOEXEC) == 0 && fstat(fd, &st) == 0, "fcntl, fstat");
    must(st.st_size == 0 || pread(fd, buffer, (size_t)st.st_size, 0) == st.st_size, "pread");
    if (mode == UNCHANGED) must(utimensat(AT_FDCWD, path, NULL, 0) == 0, "utimensat");
    if (mode == CHANGED)
        must(ftruncate(fd, 0) == 0 && pwrite(fd, other(buffer), size, 0) == (ssize_t)size,
             "pwrite");
    close(fd);
}

static void begin(int kind, int index, uint32_t flags, enum mode mode) {
    const char *path = paths[kind][index];
    const char *id = path + strlen(path) - ID;
    must(sess_recycle(session) == SESS_OK && sess_set_id(session, id, ID) == SESS_OK,
         "sess_set_id");
    must(sess_start(session, flags | (mode == READ ? SESS_START_READ_AND_CLOSE : 0)) == SESS_OK,
         "sess_start");
}

void kinds_cycle(const struct place *place, enum kind kind, enum mode mode) {
    int index = (int)(++at[kind] % place->ids);
    switch (kind) {
    case LEAST:
    case REPLAY:
        (kind == LEAST ? least : replay)(paths[kind][index], mode);
        return;
    case RAW:
        begin(RAW, index, SESS_START_RAW, mode);
        if (mode == CHANGED)
            must(sess_set_raw(session, other(sess_raw(session).data), size) == SESS_OK,
                 "sess_set_raw");
        break;
    default:
        begin(TYPED, index, 0, mode);
        sess_value *data = sess_data(session);
        int64_t n = sess_value_int(sess_value_get(data, "n", 1), 0);
        if (mode == CHANGED)
            must(sess_value_set_int(data, "n", 1, 1 - n) == SESS_OK, "sess_value_set_int");
    }
    if (mode != READ) must(sess_close(session) == SESS_OK, "sess_close");
}

void kinds_replace(const struct place *place) {
    static long number;
    char temp[4096];
    struct stat st;
    const char *path = paths[LEAST][++number % place->ids];
    snprintf(temp, sizeof temp, "%s/benchmark.new", place->directory);
    int fd = open(path, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
    must(fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0 && fstat(fd, &st) == 0, "open, flock, fstat");
    must(pread(fd, buffer, (size_t)st.st_size, 0) == st.st_size, "pread");
    int new = open(temp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    must(new >= 0 && pwrite(new, other(buffer), size, 0) == (ssize_t)size, "pwrite");
    must(fdatasync(new) == 0 && close(new) == 0 && rename(temp, path) == 0, "fdatasync, rename");
    close(fd);
}

unsigned kinds_sum(const struct place *place) {
    begin(RAW, (int)(++at[RAW] % place->ids), SESS_START_RAW, UNCHANGED);
    sess_bytes bytes = sess_raw(session);
    const unsigned char *data = bytes.data;
    unsigned sum = 0;
    for (size_t i = 0; i < bytes.len; i += 64)
        sum += data[i];
    sess_abort(session);
    return sum;
}

void kinds_begin_at(const struct place *place, int client, int clients) {
    for (int kind = 0; kind < KINDS; kind++)
        at[kind] = (long)place->ids * client / clients;
}
