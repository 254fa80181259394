/* turns.c - clocks, medians, and PHP at the other end of a pipe. */
#define _GNU_SOURCE
#include "turns.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

void must(int ok, const char *what) {
    if (ok) return;
    fprintf(stderr, "%s failed\n", what);
    exit(1);
}

double seconds_of(int clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

struct median median_of(const double *values, int count) {
    double sorted[ROUNDS_MOST];
    memcpy(sorted, values, (size_t)count * sizeof *values);
    qsort(sorted, (size_t)count, sizeof *sorted, by_value);
    /* The ranks between which a binomial count of values below the median falls. */
    int low = (int)floor((count - 1.96 * sqrt(count)) / 2);
    if (low < 0) low = 0;
    return (struct median){sorted[count / 2], sorted[low], sorted[count - 1 - low]};
}

struct median median_ratio(const double *over, const double *under, int count) {
    double ratios[ROUNDS_MOST];
    for (int i = 0; i < count; i++)
        ratios[i] = over[i] / under[i];
    return median_of(ratios, count);
}

struct php php_begin(const char *script) {
    int down[2], up[2];
    must(pipe(down) == 0 && pipe(up) == 0, "pipe");
    struct php php = {.pid = fork()};
    must(php.pid >= 0, "fork");
    if (php.pid == 0) {
        dup2(down[0], 0);
        dup2(up[1], 1);
        for (int fd = 3; fd < 64; fd++)
            close(fd);
        execlp("php", "php", script, (char *)NULL);
        perror("php");
        _exit(127);
    }
    close(down[0]);
    close(up[1]);
    php.to = fdopen(down[1], "w");
    php.from = fdopen(up[0], "r");
    must(php.to != NULL && php.from != NULL, "fdopen");
    return php;
}

void php_ask(struct php *php, const char *directory, const char *prefix, int ids, int mode,
             long cycles, long ms) {
    fprintf(php->to, "%s %s %d %d %ld %ld\n", directory, prefix, ids, mode, cycles, ms);
    must(fflush(php->to) == 0, "writing to PHP");
}

struct turn php_answer(struct php *php) {
    struct turn turn;
    must(fscanf(php->from, "%ld %lf %lf", &turn.cycles, &turn.cpu, &turn.wall) == 3, "PHP");
    turn.cpu /= 1e3;
    turn.wall /= 1e3;
    return turn;
}

void php_end(struct php *php) {
    fclose(php->to);
    fclose(php->from);
    waitpid(php->pid, NULL, 0);
}
