/*
 * turns.h - measuring by turns: who is compared works for some milliseconds each, round after
 * round, so that the machine's moods fall on all alike.
 */
#ifndef TURNS_H
#define TURNS_H

#include <stddef.h>
#include <stdio.h>

enum { ROUNDS_MOST = 201 };

/* What one turn took for each cycle, in microseconds. */
struct turn {
    long cycles;
    double cpu, wall;
};

/* A median, and the interval in which it lies with 95 % certainty. */
struct median {
    double value, low, high;
};

/* A PHP process that takes turns; see cycle.php. */
struct php {
    FILE *to, *from;
    int pid;
};

void must(int ok, const char *what);
double seconds_of(int clock);
struct median median_of(const double *values, int count);
/* The median of ratios of pairs of turns. */
struct median median_ratio(const double *over, const double *under, int count);
struct php php_begin(const char *script);
void php_ask(struct php *php, const char *directory, const char *prefix, int ids, int mode,
             long cycles, long ms);
struct turn php_answer(struct php *php);
void php_end(struct php *php);

#endif
