/*
 * cycle.c - what a session's cycle costs, beside the least that C can do and beside PHP.
 *
 *     cycle ROUNDS SCRIPT PLOT NAME DIRECTORY [NAME DIRECTORY]   prints Markdown
 *     cycle count DIRECTORY KIND MODE SIZE CYCLES                 only runs, to be counted by
 * valgrind
 *
 * SCRIPT is cycle.php, PLOT a file for what a plot needs, NAME the file system of DIRECTORY.
 */
#define _GNU_SOURCE
#include "kinds.h"
#include "turns.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
static long allocations;

void *malloc(size_t len) {
    allocations++;
    return __libc_malloc(len);
}
void *calloc(size_t count, size_t len) {
    allocations++;
    return __libc_calloc(count, len);
}
void *realloc(void *old, size_t len) {
    allocations++;
    return __libc_realloc(old, len);
}

enum { PHP = KINDS, WHO };
enum { TURN_US = 3000, CLIENTS = 8 };
static int rounds;
static struct php php;
static FILE *plot;
static double cpu[WHO][ROUNDS_MOST], wall[WHO][ROUNDS_MOST];

static struct turn turn_of(const struct place *place, int who, enum mode mode, long cycles) {
    if (who == PHP) {
        php_ask(&php, place->directory, kind_prefixes[PHP], place->ids, mode, cycles, 0);
        return php_answer(&php);
    }
    double c = seconds_of(CLOCK_PROCESS_CPUTIME_ID), w = seconds_of(CLOCK_MONOTONIC);
    for (long i = 0; i < cycles; i++)
        kinds_cycle(place, (enum kind)who, mode);
    c = seconds_of(CLOCK_PROCESS_CPUTIME_ID) - c;
    w = seconds_of(CLOCK_MONOTONIC) - w;
    return (struct turn){cycles, c * 1e6 / (double)cycles, w * 1e6 / (double)cycles};
}

/* All take turns at one kind of cycle. */
static void measure(const struct place *place, enum mode mode) {
    long cycles[WHO];
    for (int who = 0; who < WHO; who++) {
        turn_of(place, who, mode, 20);
        double each = turn_of(place, who, mode, 20).wall;
        cycles[who] = (long)(TURN_US / each);
        if (cycles[who] < 10) cycles[who] = 10;
    }
    for (int round = 0; round < rounds; round++)
        for (int i = 0; i < WHO; i++) {
            /* Nobody is always the one who comes after PHP. */
            int who = (i + round) % WHO;
            struct turn turn = turn_of(place, who, mode, cycles[who]);
            cpu[who][round] = turn.cpu;
            wall[who][round] = turn.wall;
        }
}

static const char *verdict(int met) { return met ? "met" : "not met"; }

static void print_ratio(struct median ratio) {
    printf(" %.2f (%.2f–%.2f) |", ratio.value, ratio.low, ratio.high);
}

/* How many times the least; 0: no target. */
static void against_least(const char *name, const struct place *place, enum mode mode) {
    for (int kind = RAW; kind <= TYPED; kind++) {
        if (kind == TYPED && place->size == 0) continue;
        int counts = kind == RAW ? place->size <= 16384 : place->size == 2048;
        double wanted = kind == RAW ? 1.10 : 1.25;
        struct median ratio = median_ratio(cpu[kind], cpu[LEAST], rounds);
        printf("| %s | %zu | %s | %s | %.2f | %.2f |", name, place->size, mode_names[mode],
               kind == RAW ? "raw" : "typed", median_of(cpu[LEAST], rounds).value,
               median_of(cpu[kind], rounds).value);
        print_ratio(ratio);
        if (counts)
            printf(" ≤ %.2f %s |\n", wanted, verdict(ratio.value <= wanted));
        else
            printf(" |\n");
    }
}

struct wanted {
    const char *name;
    int ids;
    size_t size;
    enum mode mode;
    double cpu, wall; /* 0: no target */
};
static const struct wanted table[] = {
    {"", 1, 2048, READ, 1.25, 0},        {"", 1, 2048, UNCHANGED, 1.3, 0},
    {"", 1, 131072, UNCHANGED, 5.5, 0},  {"ext4", 1999, 2048, CHANGED, 8, 12},
    {"tmpfs", 1, 2048, CHANGED, 1.9, 0},
};

static char php_rows[64][400];
static int php_count;

static void against_php(const char *name, const struct place *place, enum mode mode) {
    const struct wanted *wanted = NULL;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if ((table[i].name[0] == 0 || strcmp(table[i].name, name) == 0) &&
            table[i].ids == place->ids && table[i].size == place->size && table[i].mode == mode)
            wanted = &table[i];
    struct median c = median_ratio(cpu[PHP], cpu[RAW], rounds),
                  w = median_ratio(wall[PHP], wall[RAW], rounds);
    struct median r = median_ratio(cpu[REPLAY], cpu[RAW], rounds);
    char aim[100] = "";
    if (wanted != NULL && wanted->wall > 0)
        snprintf(aim, sizeof aim, "≥ %g %s, wall ≥ %g %s", wanted->cpu,
                 verdict(c.value >= wanted->cpu), wanted->wall, verdict(w.value >= wanted->wall));
    else if (wanted != NULL)
        snprintf(aim, sizeof aim, "≥ %g %s", wanted->cpu, verdict(c.value >= wanted->cpu));
    must(php_count < 64, "room for rows");
    snprintf(php_rows[php_count++], sizeof php_rows[0],
             "| %s | %d | %zu | %s | %.2f | %.2f | %.2f (%.2f–%.2f) | %.2f (%.2f–%.2f) | %.2f "
             "(%.2f–%.2f) | %s |",
             name, place->ids, place->size, mode_names[mode], median_of(cpu[RAW], rounds).value,
             median_of(cpu[PHP], rounds).value, c.value, c.low, c.high, w.value, w.low, w.high,
             r.value, r.low, r.high, aim);
}

static void cycles_in(const char *name, const char *directory) {
    static const size_t sizes[] = {0, 200, 2048, 16384, 131072, 1 << 20};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct place place = {directory, 1, sizes[i]};
        kinds_settings(&place, NULL);
        for (int kind = 0; kind < WHO; kind++)
            kinds_prepare(&place, kind);
        for (int mode = 0; mode < MODES; mode++) {
            if (sizes[i] == 0 && mode == CHANGED) continue;
            measure(&place, (enum mode)mode);
            against_least(name, &place, (enum mode)mode);
            if (sizes[i] > 0) against_php(name, &place, (enum mode)mode);
            static const int shown[] = {LEAST, RAW, PHP};
            static const char *const labels[] = {"minimal C", "libsess", "PHP"};
            for (int k = 0; k < 3 && sizes[i] > 0; k++)
                fprintf(plot, "%s\t%s\t%s\t%zu\t%.3f\n", name, mode_names[mode], labels[k],
                        sizes[i], median_of(cpu[shown[k]], rounds).value);
        }
        for (int kind = 0; kind < WHO; kind++)
            kinds_remove(&place, kind);
    }
    struct place many = {directory, 1999, 2048};
    for (int kind = 0; kind < WHO; kind++)
        kinds_prepare(&many, kind);
    for (int mode = 0; mode < MODES; mode++) {
        measure(&many, (enum mode)mode);
        against_php(name, &many, (enum mode)mode);
    }
    for (int kind = 0; kind < WHO; kind++)
        kinds_remove(&many, kind);
}

static void allocations_in(const char *directory) {
    static const struct {
        enum kind kind;
        enum mode mode;
        int most;
    } rows[] = {{RAW, READ, 0},
                {RAW, UNCHANGED, 0},
                {RAW, CHANGED, 0},
                {TYPED, READ, 4},
                {TYPED, CHANGED, 4}};
    struct place place = {directory, 1, 2048};
    kinds_settings(&place, NULL);
    puts("\n## Heap allocations of a recycled cycle, 2 KiB\n\n| cycle | how | allocations | wanted "
         "|\n|---|---|---:|---|");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        kinds_prepare(&place, rows[i].kind);
        turn_of(&place, rows[i].kind, rows[i].mode, 10);
        long before = allocations;
        turn_of(&place, rows[i].kind, rows[i].mode, 100);
        double each = (double)(allocations - before) / 100;
        printf("| %s | %s | %g | ≤ %d %s |\n", mode_names[rows[i].mode],
               rows[i].kind == RAW ? "raw" : "typed", each, rows[i].most,
               verdict(each <= rows[i].most));
        kinds_remove(&place, rows[i].kind);
    }
}

/* Processes that work at once for some milliseconds; how many cycles they make together in a
 * second. */
static double clients_of(const struct place *place, int who, int clients, struct php *phps,
                         long ms) {
    double all = 0;
    if (who == PHP) {
        for (int i = 0; i < clients; i++)
            php_ask(&phps[i], place->directory, kind_prefixes[PHP], place->ids, CHANGED, 0, ms);
        for (int i = 0; i < clients; i++)
            all += (double)php_answer(&phps[i]).cycles;
        return all * 1000 / (double)ms;
    }
    int pipes[2], pids[CLIENTS];
    must(pipe(pipes) == 0, "pipe");
    fflush(stdout);
    fflush(plot);
    for (int i = 0; i < clients; i++) {
        pids[i] = fork();
        must(pids[i] >= 0, "fork");
        if (pids[i] != 0) continue;
        kinds_settings(place, NULL);
        kinds_begin_at(place, i, clients);
        long cycles = 0;
        for (double end = seconds_of(CLOCK_MONOTONIC) + (double)ms / 1e3;
             seconds_of(CLOCK_MONOTONIC) < end; cycles++)
            kinds_cycle(place, (enum kind)who, CHANGED);
        must(write(pipes[1], &cycles, sizeof cycles) == sizeof cycles, "write");
        _exit(0);
    }
    for (int i = 0; i < clients; i++) {
        long cycles;
        must(read(pipes[0], &cycles, sizeof cycles) == sizeof cycles, "a client");
        must(waitpid(pids[i], NULL, 0) == pids[i], "waitpid");
        all += (double)cycles;
    }
    close(pipes[0]);
    close(pipes[1]);
    return all * 1000 / (double)ms;
}

static void clients_in(const char *directory, const char *script) {
    static const int shown[] = {LEAST, RAW, PHP};
    struct place place = {directory, 10000, 200};
    struct php phps[CLIENTS];
    kinds_settings(&place, NULL);
    for (int i = 0; i < CLIENTS; i++)
        phps[i] = php_begin(script);
    for (int i = 0; i < 3; i++)
        kinds_prepare(&place, shown[i]);
    int turns = rounds < 11 ? rounds : 11;
    for (int round = 0; round < turns; round++)
        for (int i = 0; i < 3; i++)
            wall[shown[i]][round] = clients_of(&place, shown[i], CLIENTS, phps, 300);
    struct median ratio = median_ratio(wall[RAW], wall[PHP], turns);
    printf("\n## Eight clients, 10,000 sessions of 200 bytes, all changed, tmpfs\n\n| | cycles/s "
           "|\n|---|---:|\n");
    printf("| minimal C | %.0f |\n| libsess | %.0f |\n| PHP | %.0f |\n",
           median_of(wall[LEAST], turns).value, median_of(wall[RAW], turns).value,
           median_of(wall[PHP], turns).value);
    printf("\nlibsess over PHP: %.2f (%.2f–%.2f), wanted ≥ 2.2: %s\n", ratio.value, ratio.low,
           ratio.high, verdict(ratio.value >= 2.2));
    for (int i = 0; i < CLIENTS; i++)
        php_end(&phps[i]);
    for (int i = 0; i < 3; i++)
        kinds_remove(&place, shown[i]);
}

static void power_in(const char *name, const char *directory) {
    static const char *const power[] = {"sess.durability", "power", NULL};
    static const size_t sizes[] = {2048, 40960};
    printf(
        "\n## Writes that survive the loss of power, %s, wall time\n\n"
        "| bytes | temp + fdatasync + rename, µs | `sess.durability=power`, µs | ratio | wanted |\n"
        "|---:|---:|---:|---:|---|\n",
        name);
    for (size_t i = 0; i < 2; i++) {
        struct place place = {directory, 1, sizes[i]};
        kinds_settings(&place, power);
        kinds_prepare(&place, LEAST);
        kinds_prepare(&place, RAW);
        for (int round = 0; round < rounds; round++)
            for (int k = 0; k < 2; k++) {
                double begin = seconds_of(CLOCK_MONOTONIC);
                for (int cycle = 0; cycle < 5; cycle++)
                    if (k == 0)
                        kinds_replace(&place);
                    else
                        kinds_cycle(&place, RAW, CHANGED);
                wall[k][round] = (seconds_of(CLOCK_MONOTONIC) - begin) * 1e6 / 5;
            }
        struct median ratio = median_ratio(wall[1], wall[0], rounds);
        printf("| %zu | %.0f | %.0f |", sizes[i], median_of(wall[0], rounds).value,
               median_of(wall[1], rounds).value);
        print_ratio(ratio);
        printf(" ≤ 0.6 %s |\n", verdict(ratio.value <= 0.6));
        kinds_remove(&place, LEAST);
        kinds_remove(&place, RAW);
    }
}

static void mapping_in(const char *name, const char *directory) {
    static const char *const ways[2][3] = {{"sess.mmap_threshold", "64M", NULL},
                                           {"sess.mmap_threshold", "1", NULL}};
    static const size_t sizes[] = {262144, 1 << 20, 4 << 20, 8 << 20, 16 << 20};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct place place = {directory, 1, sizes[i]};
        kinds_prepare(&place, RAW);
        int turns = rounds < 9 ? rounds : 9;
        for (int round = 0; round < turns; round++)
            for (int way = 0; way < 2; way++) {
                kinds_settings(&place, ways[way]);
                kinds_sum(&place);
                double begin = seconds_of(CLOCK_PROCESS_CPUTIME_ID);
                for (int cycle = 0; cycle < 4; cycle++)
                    kinds_sum(&place);
                cpu[way][round] = (seconds_of(CLOCK_PROCESS_CPUTIME_ID) - begin) * 1e6 / 4;
            }
        printf("| %s | %zu KiB | %.0f | %.0f |", name, sizes[i] >> 10,
               median_of(cpu[0], turns).value, median_of(cpu[1], turns).value);
        print_ratio(median_ratio(cpu[1], cpu[0], turns));
        puts("");
        kinds_remove(&place, RAW);
    }
}

static int only_run(char **argv) {
    struct place place = {argv[2], 1, strtoul(argv[5], NULL, 10)};
    kinds_settings(&place, NULL);
    kinds_prepare(&place, atoi(argv[3]));
    turn_of(&place, atoi(argv[3]), (enum mode)atoi(argv[4]), atol(argv[6]));
    kinds_remove(&place, atoi(argv[3]));
    return 0;
}

int main(int argc, char **argv) {
    if (argc == 7 && strcmp(argv[1], "count") == 0) return only_run(argv);
    must(argc == 6 || argc == 8,
         "usage: cycle ROUNDS SCRIPT PLOT NAME DIRECTORY [NAME DIRECTORY], which");
    rounds = atoi(argv[1]);
    must(rounds > 0 && rounds <= ROUNDS_MOST, "ROUNDS");
    plot = fopen(argv[3], "w");
    must(plot != NULL, argv[3]);
    php = php_begin(argv[2]);
    puts("## Beside the minimal C program, processor time\n\n"
         "| on | bytes | cycle | how | minimal C, µs | libsess, µs | ratio | wanted "
         "|\n|---|---:|---|---|---:|---:|---:|---|");
    for (int i = 4; i + 1 < argc; i += 2)
        cycles_in(argv[i], argv[i + 1]);
    puts("\n## Beside PHP, raw sessions\n\n"
         "| on | ids | bytes | cycle | libsess, µs | PHP, µs | PHP over libsess | wall time | "
         "PHP's system calls in C over "
         "libsess | wanted |\n|---|---:|---:|---|---:|---:|---:|---:|---:|---|");
    for (int i = 0; i < php_count; i++)
        puts(php_rows[i]);
    php_end(&php);
    const char *last = argv[argc - 1];
    clients_in(last, argv[2]);
    allocations_in(last);
    power_in(argv[4], argv[5]);
    puts("\n## Mapping large raw payloads or copying them, processor time\n\n"
         "| on | size | copied, µs | mapped, µs | mapped over copied |\n|---|---:|---:|---:|---:|");
    for (int i = 4; i + 1 < argc; i += 2)
        mapping_in(argv[i], argv[i + 1]);
    return fclose(plot) == 0 ? 0 : 1;
}
