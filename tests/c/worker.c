/*
 * worker.c - one hand on a session that PHP has its hands on too, for the live tests.
 *
 *     worker COMMAND DIRECTORY FORMAT ID [ARGUMENT]
 *
 *     count N        N times: start, n + 1, close
 *     hold           start, say "held", set n to 7 and close when a line comes in on stdin
 *     wait           start without limit, say id and n; when a line comes in set n to 9 and close;
 *                    say the code
 *     start MS       start with this lock timeout; say code, milliseconds, id and n; abort
 *     set KEY=INT    change or add one integer
 *     destroy        start and destroy
 *     regenerate     start, take a new id and delete the old one; say the new id
 *     exists         whether there is such a session: a code
 *     read N         N threads load and let go, again and again, until stdin ends; say how often
 */
#define _DEFAULT_SOURCE
#include <sess.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const char *id;
static sess_engine *engine;
static volatile int stop;

static int64_t now_us(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static sess_session *session(void) {
    sess_session *s = sess_new(engine);
    if (s == NULL || sess_set_id(s, id, SESS_NTS) != SESS_OK) {
        fprintf(stderr, "worker: %s\n", sess_errmsg(s));
        exit(2);
    }
    return s;
}

static int failed(sess_session *s) {
    fprintf(stderr, "worker: %s: %s\n", sess_code_name(sess_errcode(s)), sess_errmsg(s));
    sess_free(s);
    return 1;
}

static void say(const char *text) {
    printf("%s\n", text);
    fflush(stdout);
}

static int count(int times) {
    for (int i = 0; i < times; i++) {
        sess_session *s = session();
        int64_t n = 0;
        if (sess_start(s, 0) != SESS_OK) return failed(s);
        sess_value_to_int(sess_get(s, "n", SESS_NTS), &n);
        if (sess_value_set_int(sess_data(s), "n", SESS_NTS, n + 1) != SESS_OK) return failed(s);
        if (sess_close(s) != SESS_OK) return failed(s);
        sess_free(s);
    }
    return 0;
}

static int hold(void) {
    sess_session *s = session();
    char line[16];
    if (sess_start(s, 0) != SESS_OK) return failed(s);
    say("held");
    if (fgets(line, sizeof line, stdin) == NULL) line[0] = '\0';
    if (sess_value_set_int(sess_data(s), "n", SESS_NTS, 7) != SESS_OK) return failed(s);
    if (sess_close(s) != SESS_OK) return failed(s);
    sess_free(s);
    say("released");
    return 0;
}

static int wait_and_set(void) {
    sess_session *s = session();
    char line[16];
    sess_set_lock_timeout(s, -1);
    if (sess_start(s, 0) != SESS_OK) return failed(s);
    printf("%s %lld\n", sess_id(s), (long long)sess_value_int(sess_get(s, "n", SESS_NTS), -1));
    fflush(stdout);
    if (fgets(line, sizeof line, stdin) == NULL) line[0] = '\0';
    if (sess_value_set_int(sess_data(s), "n", SESS_NTS, 9) != SESS_OK) return failed(s);
    say(sess_code_name(sess_close(s)));
    sess_free(s);
    return 0;
}

static int start(int64_t timeout) {
    sess_session *s = session();
    sess_set_lock_timeout(s, timeout);
    int64_t begin = now_us();
    sess_rc rc = sess_start(s, 0);
    printf("%s %.1f %s %lld\n", sess_code_name(rc), (double)(now_us() - begin) / 1000,
           rc == SESS_OK ? sess_id(s) : "-",
           (long long)sess_value_int(sess_get(s, "n", SESS_NTS), -1));
    sess_free(s);
    return 0;
}

static int set(char *assignment) {
    sess_session *s = session();
    char *value = strchr(assignment, '=');
    if (value == NULL) return 2;
    *value++ = '\0';
    if (sess_start(s, SESS_START_EXISTING) != SESS_OK) return failed(s);
    if (sess_value_set_int(sess_data(s), assignment, SESS_NTS, atoll(value)) != SESS_OK)
        return failed(s);
    if (sess_close(s) != SESS_OK) return failed(s);
    sess_free(s);
    return 0;
}

static int destroy(void) {
    sess_session *s = session();
    if (sess_start(s, 0) != SESS_OK || sess_destroy(s) != SESS_OK) return failed(s);
    sess_free(s);
    return 0;
}

static int regenerate(void) {
    sess_session *s = session();
    if (sess_start(s, 0) != SESS_OK || sess_regenerate_id(s, true) != SESS_OK) return failed(s);
    if (sess_close(s) != SESS_OK) return failed(s);
    say(sess_id(s));
    sess_free(s);
    return 0;
}

static int exists(void) {
    sess_session *s = session();
    say(sess_code_name(sess_start(s, SESS_START_EXISTING | SESS_START_READ_AND_CLOSE)));
    sess_free(s);
    return 0;
}

static void *reader(void *total) {
    struct timespec pause = {0, 1000000};
    while (!stop) {
        sess_session *s = session();
        if (sess_start(s, SESS_START_READ_AND_CLOSE) != SESS_OK) {
            failed(s);
            exit(1);
        }
        sess_free(s);
        ++*(long *)total;
        nanosleep(&pause, NULL);
    }
    return NULL;
}

static int read_on(int threads) {
    static pthread_t ids[64];
    static long totals[64];
    char line[16];
    long total = 0;
    if (threads > 64) return 2;
    for (int i = 0; i < threads; i++)
        if (pthread_create(&ids[i], NULL, reader, &totals[i]) != 0) return 2;
    say("reading");
    while (fgets(line, sizeof line, stdin) != NULL)
        continue;
    stop = 1;
    for (int i = 0; i < threads; i++) {
        pthread_join(ids[i], NULL);
        total += totals[i];
    }
    printf("%ld\n", total);
    return 0;
}

static int run(int argc, char **argv) {
    const char *command = argv[1], *argument = argc > 5 ? argv[5] : "0";
    if (strcmp(command, "count") == 0) return count(atoi(argument));
    if (strcmp(command, "hold") == 0) return hold();
    if (strcmp(command, "wait") == 0) return wait_and_set();
    if (strcmp(command, "start") == 0) return start(atoll(argument));
    if (strcmp(command, "set") == 0 && argc > 5) return set(argv[5]);
    if (strcmp(command, "destroy") == 0) return destroy();
    if (strcmp(command, "regenerate") == 0) return regenerate();
    if (strcmp(command, "exists") == 0) return exists();
    if (strcmp(command, "read") == 0) return read_on(atoi(argument));
    fprintf(stderr, "worker: there is no command %s\n", command);
    return 2;
}

int main(int argc, char **argv) {
    sess_options *options = sess_options_new();
    if (argc < 5 || options == NULL) return 2;
    id = argv[4];
    if (sess_options_set(options, "session.save_path", argv[2]) != SESS_OK ||
        sess_options_set(options, "session.serialize_handler", argv[3]) != SESS_OK ||
        sess_options_set(options, "session.gc_probability", "0") != SESS_OK ||
        sess_engine_new(options, &engine) != SESS_OK) {
        fprintf(stderr, "worker: %s\n", sess_options_errmsg(options));
        return 2;
    }
    sess_options_free(options);
    int status = run(argc, argv);
    sess_engine_free(engine);
    return status;
}
