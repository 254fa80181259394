/*
 * gc.c - collecting a directory of old and new sessions in slices.
 *
 *     gc make DIRECTORY FILES      makes sessions of 200 bytes, every other one long expired
 *     gc collect DIRECTORY         collects in slices of 2 ms, as profile libsess does after a
 * close
 *
 * Printed are what a slice takes, in milliseconds of wall time and of processor time, what all take
 * together, and by how much the process has grown.
 */
#define _GNU_SOURCE
#include <sess.h>

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { BUDGET_MS = 2, BYTES = 200, EXPIRED = 86400 };

static void must(int ok, const char *what) {
    if (ok) return;
    perror(what);
    exit(1);
}

/* Ids as they are in life: without any order. */
static uint64_t scatter(uint64_t number) {
    number += UINT64_C(0x9E3779B97F4A7C15);
    number = (number ^ number >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    number = (number ^ number >> 27) * UINT64_C(0x94D049BB133111EB);
    return number ^ number >> 31;
}

static void make(const char *directory, uint64_t files) {
    char name[64], payload[BYTES];
    memset(payload, 'x', sizeof payload);
    memcpy(payload, "s|s:190:\"", 9);
    memcpy(payload + sizeof payload - 2, "\";", 2);
    const struct timespec old = {time(NULL) - EXPIRED, 0}, both[2] = {old, old};
    int dir = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    must(dir >= 0, directory);
    for (uint64_t i = 0; i < files; i++) {
        snprintf(name, sizeof name, "sess_%016" PRIx64 "%016" PRIx64, scatter(i), scatter(~i));
        int fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        must(fd >= 0 && write(fd, payload, sizeof payload) == BYTES, name);
        if (i % 2 == 0) must(futimens(fd, both) == 0, "futimens");
        close(fd);
    }
    close(dir);
}

static double now(clockid_t clock) {
    struct timespec at;
    clock_gettime(clock, &at);
    return (double)at.tv_sec * 1e3 + (double)at.tv_nsec / 1e6;
}

static long peak(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss;
}

static int ascending(const void *one, const void *other) {
    const double a = *(const double *)one, b = *(const double *)other;
    return (a > b) - (a < b);
}

static void print(const char *what, double *times, size_t count) {
    qsort(times, count, sizeof *times, ascending);
    printf("  slice, %-9s  p50 %6.2f  p99 %6.2f  max %6.2f ms\n", what, times[count / 2],
           times[count * 99 / 100], times[count - 1]);
}

static void collect(const char *directory) {
    enum { MOST = 1 << 20 };
    /* Touched now, so that it does not count as growth below. */
    double *walls = malloc(2 * MOST * sizeof *walls), *cpus = walls + MOST;
    must(walls != NULL, "malloc");
    memset(walls, 0, 2 * MOST * sizeof *walls);

    sess_options *options = sess_options_new();
    must(sess_options_set(options, "session.save_path", directory) == SESS_OK, "save_path");
    sess_engine *engine = NULL;
    must(sess_engine_new(options, &engine) == SESS_OK, "sess_engine_new");
    sess_options_free(options);
    sess_session *session = sess_new(engine);

    const long before = peak();
    const double began = now(CLOCK_MONOTONIC), began_cpu = now(CLOCK_PROCESS_CPUTIME_ID);
    int64_t all = 0;
    size_t slices = 0;
    for (bool more = true; more && slices < MOST; slices++) {
        int64_t removed = 0;
        const double wall = now(CLOCK_MONOTONIC), cpu = now(CLOCK_PROCESS_CPUTIME_ID);
        must(sess_collect(session, BUDGET_MS, &removed, &more) == SESS_OK, sess_errmsg(session));
        walls[slices] = now(CLOCK_MONOTONIC) - wall;
        cpus[slices] = now(CLOCK_PROCESS_CPUTIME_ID) - cpu;
        all += removed;
    }
    const double wall = now(CLOCK_MONOTONIC) - began;
    const double cpu = now(CLOCK_PROCESS_CPUTIME_ID) - began_cpu;
    printf("libsess  removed %" PRId64 "  wall %.3f s  cpu %.3f s  grown by %ld KiB  slices %zu\n",
           all, wall / 1e3, cpu / 1e3, peak() - before, slices);
    print("wall", walls, slices);
    print("processor", cpus, slices);
    sess_free(session);
    sess_engine_free(engine);
    free(walls);
}

int main(int argc, char **argv) {
    if (argc == 4 && strcmp(argv[1], "make") == 0) {
        make(argv[2], strtoull(argv[3], NULL, 10));
    } else if (argc == 3 && strcmp(argv[1], "collect") == 0) {
        collect(argv[2]);
    } else {
        fputs("usage: gc make DIRECTORY FILES, gc collect DIRECTORY\n", stderr);
        return 2;
    }
    return 0;
}
