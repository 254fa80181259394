/*
 * hammer.c - many threads on few sessions, for the tests that PHP and other processes take part in.
 *
 *     hammer DIRECTORY THREADS ROUNDS IDS SEED
 *
 * Each thread does ROUNDS times: take one of the IDS sessions hammer-0…0 and so on, see that it is
 * whole, add one to its n, and let p be as long as n says. Each fourth time it looks at another one
 * first, as a reader. Says how many sessions it changed and looked at.
 */
#define _DEFAULT_SOURCE
#include <sess.h>

#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST 64
#define LONGEST 20000

static sess_engine *engine;
static int rounds, ids;
static uint64_t seed;
static char letters[MOST][LONGEST];
static long changes[MOST], looks[MOST];

static void fail(sess_session *s, const char *what) {
    fprintf(stderr, "hammer: %s: %s: %s\n", what, sess_code_name(sess_errcode(s)), sess_errmsg(s));
    exit(1);
}

static unsigned below(uint64_t *state, unsigned limit) {
    *state = *state * 6364136223846793005u + 1;
    return (unsigned)((*state >> 33) % limit);
}

/* What p is while n is `n`: one letter, again and again, over up to five pages. */
static size_t text(int64_t n, char *out) {
    size_t len = (size_t)(n * 2477 % LONGEST);
    memset(out, 'a' + (int)(n % 26), len);
    return len;
}

static int64_t check(sess_session *s, char *scratch) {
    int64_t n = sess_value_int(sess_get(s, "n", SESS_NTS), 0);
    sess_bytes p = sess_value_string(sess_get(s, "p", SESS_NTS));
    size_t len = text(n, scratch);
    if (n == 0 && p.len == 0) return 0;
    if (p.len != len || memcmp(p.data, scratch, len) != 0) fail(s, "a half-written session");
    return n;
}

static void start(sess_session *s, unsigned number, unsigned flags) {
    char id[64];
    snprintf(id, sizeof id, "hammer-%032u", number);
    if (sess_set_id(s, id, SESS_NTS) != SESS_OK || sess_start(s, flags) != SESS_OK) fail(s, id);
}

static void *work(void *argument) {
    size_t me = (size_t)(uintptr_t)argument;
    uint64_t random = seed * 1000 + me;
    for (int i = 0; i < rounds; i++) {
        sess_session *s = sess_new(engine);
        if (s == NULL) exit(1);
        if (i % 4 == 0) {
            start(s, below(&random, (unsigned)ids), SESS_START_READ_AND_CLOSE);
            check(s, letters[me]);
            looks[me]++;
            sess_free(s);
            s = sess_new(engine);
            if (s == NULL) exit(1);
        }
        start(s, below(&random, (unsigned)ids), 0);
        int64_t n = check(s, letters[me]) + 1;
        size_t len = text(n, letters[me]);
        if (sess_value_set_int(sess_data(s), "n", SESS_NTS, n) != SESS_OK ||
            sess_value_set_string(sess_data(s), "p", SESS_NTS, letters[me], len) != SESS_OK ||
            sess_close(s) != SESS_OK)
            fail(s, "change");
        changes[me]++;
        sess_free(s);
    }
    return NULL;
}

int main(int argc, char **argv) {
    sess_options *options = sess_options_new();
    pthread_t workers[MOST];
    long changed = 0, looked = 0;
    if (argc < 6 || options == NULL) return 2;
    int threads = atoi(argv[2]);
    rounds = atoi(argv[3]);
    ids = atoi(argv[4]);
    seed = strtoull(argv[5], NULL, 10);
    if (threads > MOST || sess_options_set(options, "session.save_path", argv[1]) != SESS_OK ||
        sess_options_set(options, "session.serialize_handler", "php") != SESS_OK ||
        sess_options_set(options, "session.gc_probability", "0") != SESS_OK ||
        sess_options_set(options, "sess.lock_timeout_ms", "120000") != SESS_OK ||
        sess_engine_new(options, &engine) != SESS_OK) {
        fprintf(stderr, "hammer: %s\n", sess_options_errmsg(options));
        return 2;
    }
    sess_options_free(options);
    for (int i = 0; i < threads; i++)
        if (pthread_create(&workers[i], NULL, work, (void *)(uintptr_t)i) != 0) return 2;
    for (int i = 0; i < threads; i++) {
        pthread_join(workers[i], NULL);
        changed += changes[i];
        looked += looks[i];
    }
    printf("%ld %ld\n", changed, looked);
    sess_engine_free(engine);
    return 0;
}
