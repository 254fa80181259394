/*
 * cycle.c - what a session's cycle costs beside the least that C can do with the same guarantees.
 *
 *     cycle DIRECTORY
 *
 * Every cycle is one request on an existing session: opened, locked, read, and closed again - only
 * read, unchanged (its timestamp renewed), or changed. "least" makes the bare system calls; "raw"
 * is sess_start(SESS_START_RAW); "typed" reads and sets one value of the data. Variants take turns,
 * so that the machine's moods fall on all alike; printed is the median of the rounds, in
 * microseconds of processor time and of wall time.
 */
#define _GNU_SOURCE
#include <sess.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define ID "benchmarkbenchmarkbenchmark00001"
enum { ROUNDS = 15, CYCLES = 2000, LARGEST = 128 * 1024, KINDS = 3, MODES = 3 };

static const char *const modes[MODES] = {"read only", "unchanged", "changed"};
static const char *const kinds[KINDS] = {"least", "raw", "typed"};

static char path[4096], buffer[LARGEST + 4096];
static char payloads[2][LARGEST + 64];
static size_t size;
static sess_session *session;

static void must(int ok, const char *what) {
    if (ok) return;
    fprintf(stderr, "%s failed: %s\n", what, session != NULL ? sess_errmsg(session) : "");
    exit(1);
}

/* A payload of about `bytes` bytes that holds n|i:DIGIT; and one long string. */
static void make_payloads(size_t bytes) {
    char head[64];
    size_t filler = bytes > 40 ? bytes - 30 : 10;
    for (int i = 0; i < 2; i++) {
        int at = snprintf(head, sizeof head, "n|i:%d;s|s:%zu:\"", i, filler);
        memcpy(payloads[i], head, (size_t)at);
        memset(payloads[i] + at, 'x', filler);
        memcpy(payloads[i] + (size_t)at + filler, "\";", 2);
        size = (size_t)at + filler + 2;
    }
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    must(fd >= 0 && write(fd, payloads[0], size) == (ssize_t)size && close(fd) == 0, path);
}

static void least(int mode, int i) {
    struct stat st;
    int fd = open(path, (mode == 0 ? O_RDONLY : O_RDWR) | O_NOFOLLOW | O_CLOEXEC);
    must(fd >= 0 && flock(fd, (mode == 0 ? LOCK_SH : LOCK_EX) | LOCK_NB) == 0, "open, flock");
    must(fstat(fd, &st) == 0 && pread(fd, buffer, (size_t)st.st_size, 0) == st.st_size, "pread");
    if (mode == 1) must(futimens(fd, NULL) == 0, "futimens");
    if (mode == 2) must(pwrite(fd, payloads[i & 1], size, 0) == (ssize_t)size, "pwrite");
    close(fd);
}

static void begin(uint32_t flags, int mode) {
    must(sess_recycle(session) == SESS_OK, "sess_recycle");
    must(sess_set_id(session, ID, sizeof ID - 1) == SESS_OK, "sess_set_id");
    must(sess_start(session, flags | (mode == 0 ? SESS_START_READ_AND_CLOSE : 0)) == SESS_OK,
         "sess_start");
}

static void raw(int mode, int i) {
    begin(SESS_START_RAW, mode);
    if (mode == 2) must(sess_set_raw(session, payloads[i & 1], size) == SESS_OK, "sess_set_raw");
    if (mode != 0) must(sess_close(session) == SESS_OK, "sess_close");
}

static void typed(int mode, int i) {
    begin(0, mode);
    sess_value *data = sess_data(session);
    must(sess_value_int(sess_value_get(data, "n", 1), -1) >= 0, "sess_value_int");
    if (mode == 2) must(sess_value_set_int(data, "n", 1, i & 1) == SESS_OK, "sess_value_set_int");
    if (mode != 0) must(sess_close(session) == SESS_OK, "sess_close");
}

static double seconds(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *values) {
    qsort(values, ROUNDS, sizeof *values, by_value);
    return values[ROUNDS / 2];
}

static void measure(int mode) {
    static void (*const cycle[KINDS])(int, int) = {least, raw, typed};
    static double cpu[KINDS][ROUNDS], wall[KINDS][ROUNDS];
    for (int round = 0; round < ROUNDS; round++) {
        for (int kind = 0; kind < KINDS; kind++) {
            double c = seconds(CLOCK_PROCESS_CPUTIME_ID), w = seconds(CLOCK_MONOTONIC);
            for (int i = 0; i < CYCLES; i++)
                cycle[kind](mode, i + 1);
            cpu[kind][round] = (seconds(CLOCK_PROCESS_CPUTIME_ID) - c) / CYCLES * 1e6;
            wall[kind][round] = (seconds(CLOCK_MONOTONIC) - w) / CYCLES * 1e6;
        }
    }
    double base = median(cpu[0]);
    for (int kind = 0; kind < KINDS; kind++) {
        double c = kind == 0 ? base : median(cpu[kind]);
        printf("%7zu  %-10s %-6s %8.2f %8.2f %8.2f\n", size, modes[mode], kinds[kind], c,
               median(wall[kind]), c / base);
    }
}

int main(int argc, char **argv) {
    static const size_t sizes[] = {200, 2048, 16384, LARGEST};
    static const char *const settings[][2] = {
        {"session.gc_probability", "0"},
        {"session.use_cookies", "0"},
        {"session.cache_limiter", ""},
    };
    must(argc == 2 && strlen(argv[1]) < sizeof path - 64, "usage: cycle DIRECTORY, which");
    snprintf(path, sizeof path, "%s/sess_%s", argv[1], ID);

    sess_options *options = sess_options_new();
    must(sess_options_set(options, "session.save_path", argv[1]) == SESS_OK, "save_path");
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++)
        must(sess_options_set(options, settings[i][0], settings[i][1]) == SESS_OK, settings[i][0]);
    sess_engine *engine = NULL;
    must(sess_engine_new(options, &engine) == SESS_OK, "sess_engine_new");
    sess_options_free(options);
    session = sess_new(engine);

    printf("  bytes  cycle      how     cpu us  wall us  x least\n");
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        make_payloads(sizes[i]);
        for (int mode = 0; mode < MODES; mode++)
            measure(mode);
    }
    sess_free(session);
    sess_engine_free(engine);
    unlink(path);
    return 0;
}
