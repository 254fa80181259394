/*
 * locks.c - how libsess waits for a lock, beside flock(2) that blocks, and beside PHP.
 *
 *     locks DIRECTORY PHP SCRIPT      (SCRIPT is locks.php)
 *
 * All clients want one id, and hold it for a millisecond. The kinds take turns, so that the
 * machine's moods fall on all alike. Every wait of libsess is bounded, so that it goes through the
 * wait table and its helper thread.
 */
#define _GNU_SOURCE
#include <sess.h>

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ID "benchmarkbenchmarkbenchmark00001"
#define MS 1000000LL
enum { CLIENTS = 8, ROUNDS = 7, WAITS = 200, FORKS = 15 };

static const int64_t hold_ns = 1 * MS, round_ns = 1000 * MS;

static const char *directory, *php, *script;
static char path[4096];
static sess_engine *engine;

/* What one client did in one round; in memory that is shared between processes. */
struct result {
    int64_t cycles, longest;
};
static struct result *results;

static void die(const char *what, const char *why) {
    fprintf(stderr, "locks: %s: %s\n", what, why);
    exit(1);
}

static int64_t now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void rest(int64_t ns) {
    struct timespec t = {ns / 1000000000, ns % 1000000000};
    nanosleep(&t, NULL);
}

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double quantile(double *values, int count, double part) {
    qsort(values, (size_t)count, sizeof *values, by_value);
    int at = (int)(part * count);
    return values[at < count ? at : count - 1];
}

/* ---- one client ---------------------------------------------------------------------------- */

struct job {
    int number;
    int64_t begin, end;
};

static void count(struct result *result, int64_t asked) {
    int64_t waited = now() - asked;
    if (waited > result->longest) result->longest = waited;
    result->cycles++;
}

static void *plain(void *argument) {
    struct job *job = argument;
    char buffer[256];
    rest(job->begin - now());
    for (int64_t asked; (asked = now()) < job->end;) {
        int fd = open(path, O_RDWR | O_CLOEXEC);
        if (fd < 0 || flock(fd, LOCK_EX) != 0) die(path, "cannot be locked");
        count(&results[job->number], asked);
        ssize_t size = pread(fd, buffer, sizeof buffer, 0);
        rest(hold_ns);
        if (size <= 0 || pwrite(fd, buffer, (size_t)size, 0) != size) die(path, "cannot be used");
        close(fd);
    }
    return NULL;
}

static void *libsess(void *argument) {
    struct job *job = argument;
    sess_session *s = sess_new(engine);
    rest(job->begin - now());
    for (int64_t asked; (asked = now()) < job->end;) {
        if (sess_recycle(s) != SESS_OK || sess_set_id(s, ID, SESS_NTS) != SESS_OK ||
            sess_start(s, 0) != SESS_OK)
            die("sess_start", sess_errmsg(s));
        count(&results[job->number], asked);
        rest(hold_ns);
        int64_t n = sess_value_int(sess_get(s, "n", SESS_NTS), 0);
        if (sess_value_set_int(sess_data(s), "n", SESS_NTS, n + 1) != SESS_OK ||
            sess_close(s) != SESS_OK)
            die("sess_close", sess_errmsg(s));
    }
    sess_free(s);
    return NULL;
}

/* ---- clients beside each other ------------------------------------------------------------- */

static pid_t in_process(void *(*client)(void *), struct job *job) {
    pid_t pid = fork();
    if (pid < 0) die("fork", "failed");
    if (pid == 0) {
        client(job);
        _exit(0);
    }
    return pid;
}

/* A PHP client; its output comes from *out. */
static pid_t in_php(struct job *job, FILE **out) {
    int ends[2];
    char begin[32], end[32], hold[32];
    snprintf(begin, sizeof begin, "%lld", (long long)job->begin);
    snprintf(end, sizeof end, "%lld", (long long)job->end);
    snprintf(hold, sizeof hold, "%lld", (long long)hold_ns);
    if (pipe2(ends, O_CLOEXEC) != 0) die("pipe", "failed");
    pid_t pid = fork();
    if (pid < 0) die("fork", "failed");
    if (pid == 0) {
        dup2(ends[1], 1);
        execlp(php, php, "-n", script, job->end == 0 ? "wait" : "share", directory, ID, begin, end,
               hold, (char *)NULL);
        _exit(127);
    }
    close(ends[1]);
    *out = fdopen(ends[0], "r");
    return pid;
}

/* How clients are run. */
enum kind { PLAIN, PROCESSES, THREADS, PHP };
static const char *const names[] = {"flock in C", "libsess, processes", "libsess, threads", "PHP"};

/* The sum of some clients: all their cycles, and the longest wait of any. */
struct sum {
    double cycles, longest_ms;
};

static struct sum sum(int first, int count) {
    struct sum all = {0, 0};
    for (int i = first; i < first + count; i++) {
        all.cycles += (double)results[i].cycles;
        if ((double)results[i].longest / MS > all.longest_ms)
            all.longest_ms = (double)results[i].longest / MS;
    }
    return all;
}

/* One round: the first half of the clients of one kind, the second of another. */
static void round_of(enum kind first, enum kind second, struct sum *one, struct sum *two) {
    struct job jobs[CLIENTS];
    pid_t children[CLIENTS] = {0};
    pthread_t threads[CLIENTS];
    FILE *outputs[CLIENTS] = {0};
    bool has_php = first == PHP || second == PHP;
    int64_t begin = now() + (has_php ? 400 : 50) * MS;
    memset(results, 0, CLIENTS * sizeof *results);
    for (int i = 0; i < CLIENTS; i++) {
        enum kind kind = i < CLIENTS / 2 ? first : second;
        jobs[i] = (struct job){i, begin, begin + round_ns};
        if (kind == PLAIN) children[i] = in_process(plain, &jobs[i]);
        if (kind == PROCESSES) children[i] = in_process(libsess, &jobs[i]);
        if (kind == PHP) children[i] = in_php(&jobs[i], &outputs[i]);
    }
    /* After the forks, so that no child has a part of them. */
    for (int i = 0; i < CLIENTS; i++)
        if ((i < CLIENTS / 2 ? first : second) == THREADS)
            pthread_create(&threads[i], NULL, libsess, &jobs[i]);
    for (int i = 0; i < CLIENTS; i++) {
        int status = 0;
        long long cycles, longest;
        if (outputs[i] != NULL) {
            if (fscanf(outputs[i], "%lld %lld", &cycles, &longest) != 2) die(php, "failed");
            results[i] = (struct result){cycles, longest};
            fclose(outputs[i]);
        }
        if (children[i] != 0)
            waitpid(children[i], &status, 0);
        else
            pthread_join(threads[i], NULL);
        if (status != 0) die("a client", "failed");
    }
    *one = sum(0, CLIENTS / 2);
    *two = sum(CLIENTS / 2, CLIENTS / 2);
}

static void alike(void) {
    static double cycles[3][ROUNDS], shares[3][ROUNDS], waits[3][ROUNDS];
    double worst[3] = {0};
    for (int i = 0; i < ROUNDS; i++)
        for (int kind = PLAIN; kind <= THREADS; kind++) {
            struct sum one, two;
            round_of(kind, kind, &one, &two);
            double longest = one.longest_ms > two.longest_ms ? one.longest_ms : two.longest_ms;
            cycles[kind][i] = one.cycles + two.cycles;
            shares[kind][i] = cycles[kind][i] / cycles[PLAIN][i];
            waits[kind][i] = longest;
            if (longest > worst[kind]) worst[kind] = longest;
        }
    printf("%d clients of one kind, each holding the lock for 1 ms: medians of %d rounds of 1 s\n\n"
           "| clients | cycles | of flock's | longest wait, ms | longest of all, ms |\n"
           "|---|---:|---:|---:|---:|\n",
           CLIENTS, ROUNDS);
    for (int kind = PLAIN; kind <= THREADS; kind++)
        printf("| %s | %.0f | %.2f | %.1f | %.1f |\n", names[kind],
               quantile(cycles[kind], ROUNDS, 0.5), quantile(shares[kind], ROUNDS, 0.5),
               quantile(waits[kind], ROUNDS, 0.5), worst[kind]);
}

static void beside_php(void) {
    static double shares[3][ROUNDS], cycles[3][ROUNDS], waits[3][ROUNDS], php_waits[3][ROUNDS];
    for (int i = 0; i < ROUNDS; i++)
        for (int kind = PLAIN; kind <= THREADS; kind++) {
            struct sum ours, theirs;
            round_of(kind, PHP, &ours, &theirs);
            cycles[kind][i] = ours.cycles + theirs.cycles;
            shares[kind][i] = ours.cycles / (ours.cycles + theirs.cycles);
            waits[kind][i] = ours.longest_ms;
            php_waits[kind][i] = theirs.longest_ms;
        }
    printf("\n%d clients of PHP and as many of another kind\n\n"
           "| clients | cycles of both | the other kind's part | its longest wait, ms | PHP's, ms "
           "|\n|---|---:|---:|---:|---:|\n",
           CLIENTS / 2);
    for (int kind = PLAIN; kind <= THREADS; kind++)
        printf("| %s | %.0f | %.2f | %.1f | %.1f |\n", names[kind],
               quantile(cycles[kind], ROUNDS, 0.5), quantile(shares[kind], ROUNDS, 0.5),
               quantile(waits[kind], ROUNDS, 0.5), quantile(php_waits[kind], ROUNDS, 0.5));
}

/* ---- timeouts ------------------------------------------------------------------------------ */

static void timeouts(void) {
    static const int asked[] = {5, 50};
    int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0 || flock(fd, LOCK_EX) != 0) die(path, "cannot be locked");
    sess_session *s = sess_new(engine);
    printf("\n%d waits that time out, and how late: never early\n\n"
           "| timeout, ms | median, ms | 99 %%, ms | latest, ms |\n|---:|---:|---:|---:|\n",
           WAITS);
    for (size_t i = 0; i < sizeof asked / sizeof *asked; i++) {
        double late[WAITS];
        for (int j = 0; j < WAITS; j++) {
            sess_set_lock_timeout(s, asked[i]);
            int64_t begin = now();
            if (sess_set_id(s, ID, SESS_NTS) != SESS_OK || sess_start(s, 0) != SESS_ELOCKED)
                die("sess_start", "got a lock that is held");
            late[j] = (double)(now() - begin) / MS - asked[i];
            if (late[j] < 0) die("sess_start", "gave up early");
        }
        printf("| %d | %.2f | %.2f | %.2f |\n", asked[i], quantile(late, WAITS, 0.5),
               quantile(late, WAITS, 0.99), quantile(late, WAITS, 1));
    }
    sess_free(s);
    close(fd);
}

/* ---- a host that forks --------------------------------------------------------------------- */

/* PHP waits; a child was forked while the lock was held; the parent closes. */
static double after_fork(void) {
    struct job waiting = {0, 0, 0};
    FILE *out;
    char line[64];
    int ends[2];
    sess_session *s = sess_new(engine);
    if (sess_set_id(s, ID, SESS_NTS) != SESS_OK || sess_start(s, 0) != SESS_OK)
        die("sess_start", sess_errmsg(s));
    if (pipe2(ends, O_CLOEXEC) != 0) die("pipe", "failed");
    pid_t child = fork();
    if (child == 0) {
        close(ends[1]);
        _exit(read(ends[0], line, 1) != 0);
    }
    close(ends[0]);
    pid_t waiter = in_php(&waiting, &out);
    if (child < 0 || fgets(line, sizeof line, out) == NULL) die(php, "failed");
    rest(20 * MS);
    int64_t let_go = now();
    if (sess_close(s) != SESS_OK) die("sess_close", sess_errmsg(s));
    if (fgets(line, sizeof line, out) == NULL) die(php, "failed");
    double took = (double)(atoll(line) - let_go) / MS;
    /* Only now the child may end. */
    close(ends[1]);
    waitpid(child, NULL, 0);
    waitpid(waiter, NULL, 0);
    fclose(out);
    sess_free(s);
    return took;
}

static void forks(void) {
    double took[FORKS];
    for (int i = 0; i < FORKS; i++)
        took[i] = after_fork();
    printf("\nFrom the close of a host whose child lives on to PHP's getting the lock: median %.2f "
           "ms, "
           "longest of %d %.2f ms\n",
           quantile(took, FORKS, 0.5), FORKS, quantile(took, FORKS, 1));
}

int main(int argc, char **argv) {
    if (argc != 4) die("usage", "locks DIRECTORY PHP SCRIPT");
    directory = argv[1], php = argv[2], script = argv[3];
    snprintf(path, sizeof path, "%s/sess_%s", directory, ID);
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0 || write(fd, "n|i:0;", 6) != 6 || close(fd) != 0) die(path, "cannot be made");
    results = mmap(NULL, CLIENTS * sizeof *results, PROT_READ | PROT_WRITE,
                   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (results == MAP_FAILED) die("mmap", "failed");
    sess_options *options = sess_options_new();
    if (sess_options_set(options, "session.save_path", directory) != SESS_OK ||
        sess_options_set(options, "session.gc_probability", "0") != SESS_OK ||
        sess_engine_new(options, &engine) != SESS_OK)
        die("options", sess_options_errmsg(options));
    sess_options_free(options);
    setvbuf(stdout, NULL, _IONBF, 0);
    alike();
    beside_php();
    timeouts();
    forks();
    sess_engine_free(engine);
    return 0;
}
