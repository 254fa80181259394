/*
 * threads.c - a pool of threads that serves few visitors: threads DIRECTORY [REQUESTS]
 *
 *     $ ./threads /tmp/sessions 600
 *     600 requests, 8 threads: 600 served, 0 told to come again
 *     held by process 4711, 1 waits
 *     SESS_ECANCELED: the wait for the session's lock was cancelled
 *
 * One engine for all threads; one session for each, used again for every request. Requests of one
 * visitor wait for each other, but not for ever: after the lock timeout the visitor is told to come
 * again, and the thread is free. A server that stops fires the token that all its sessions have.
 */
#include <sess.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

enum { THREADS = 8, VISITORS = 3 };

/* What the threads share: the engine, the token, and the requests that are left. */
struct server {
    sess_engine *engine;
    sess_cancel *stop;
    pthread_mutex_t lock;
    int left, served, busy, failed;
};

/* The visitors' ids; a server has them from the cookies. */
static char ids[VISITORS][SESS_ID_MAX + 1];

/* A visitor comes for the first time. */
static int welcome(const struct server *server, int visitor) {
    sess_session *s = sess_new(server->engine);
    if (sess_start(s, 0) == SESS_OK && sess_value_set_int(sess_data(s), "n", 1, 0) == SESS_OK) {
        snprintf(ids[visitor], sizeof ids[visitor], "%s", sess_id(s));
        if (sess_close(s) == SESS_OK) {
            sess_free(s);
            return 1;
        }
    }
    fprintf(stderr, "%s: %s\n", sess_code_name(sess_errcode(s)), sess_errmsg(s));
    sess_free(s);
    return 0;
}

static sess_rc serve(sess_session *s, const struct server *server, int visitor) {
    sess_rc rc;
    if ((rc = sess_recycle(s)) != SESS_OK) return rc; /* as new, without the allocations */
    if ((rc = sess_set_id(s, ids[visitor], SESS_NTS)) != SESS_OK) return rc;
    if ((rc = sess_set_lock_timeout(s, 5000)) != SESS_OK) return rc; /* milliseconds */
    if ((rc = sess_set_cancel(s, server->stop)) != SESS_OK) return rc;
    if ((rc = sess_start(s, 0)) != SESS_OK) return rc;
    int64_t n = sess_value_int(sess_get(s, "n", SESS_NTS), 0);
    if ((rc = sess_value_set_int(sess_data(s), "n", SESS_NTS, n + 1)) != SESS_OK) {
        sess_abort(s);
        return rc;
    }
    return sess_close(s);
}

static void *worker(void *argument) {
    struct server *server = argument;
    sess_session *s = sess_new(server->engine);
    pthread_mutex_lock(&server->lock);
    while (server->left > 0) {
        int visitor = --server->left % VISITORS;
        pthread_mutex_unlock(&server->lock);
        sess_rc rc = serve(s, server, visitor);
        /* Out of time, or sess.max_waiters wait already: status 503, and Retry-After. */
        int is_busy = rc == SESS_ELOCKED || rc == SESS_EBUSY;
        if (rc != SESS_OK && !is_busy)
            fprintf(stderr, "%s: %s\n", sess_code_name(rc), sess_errmsg(s));
        pthread_mutex_lock(&server->lock);
        if (rc == SESS_OK)
            server->served++;
        else if (is_busy)
            server->busy++;
        else
            server->failed++;
    }
    pthread_mutex_unlock(&server->lock);
    sess_free(s);
    return NULL;
}

/* What the sessions have counted. */
static int64_t counted(const struct server *server) {
    int64_t sum = 0;
    sess_session *s = sess_new(server->engine);
    for (int i = 0; i < VISITORS; i++) {
        if (sess_recycle(s) != SESS_OK || sess_set_id(s, ids[i], SESS_NTS) != SESS_OK) continue;
        if (sess_start(s, SESS_START_EXISTING | SESS_START_READ_AND_CLOSE) != SESS_OK) continue;
        sum += sess_value_int(sess_get(s, "n", SESS_NTS), 0);
    }
    sess_free(s);
    return sum;
}

static void *endless(void *argument) {
    struct server *server = argument;
    sess_session *s = sess_new(server->engine);
    if (sess_set_id(s, ids[0], SESS_NTS) != SESS_OK || sess_set_lock_timeout(s, -1) != SESS_OK ||
        sess_set_cancel(s, server->stop) != SESS_OK || sess_start(s, 0) != SESS_OK)
        printf("%s: %s\n", sess_code_name(sess_errcode(s)), sess_errmsg(s));
    sess_free(s);
    return NULL;
}

/* A request that hangs, one that waits for it, and the end of that wait. */
static int stop(struct server *server) {
    pthread_t waiting;
    sess_lock_info info = {.struct_size = sizeof info};
    sess_session *s = sess_new(server->engine);
    if (sess_set_id(s, ids[0], SESS_NTS) != SESS_OK || sess_start(s, 0) != SESS_OK ||
        pthread_create(&waiting, NULL, endless, server) != 0) {
        sess_free(s);
        return 1;
    }
    while (info.waiters == 0)
        if (sess_inspect_lock(s, NULL, 0, &info) != SESS_OK) break;
    printf("held by process %lld, %u waits\n", (long long)info.pid, (unsigned)info.waiters);
    sess_cancel_fire(server->stop);
    pthread_join(waiting, NULL);
    sess_rc rc = sess_close(s);
    sess_free(s);
    return rc != SESS_OK;
}

static int run(struct server *server, int requests) {
    pthread_t pool[THREADS];
    int threads = 0;
    for (int i = 0; i < VISITORS; i++)
        if (!welcome(server, i)) return 1;
    server->left = requests;
    while (threads < THREADS && pthread_create(&pool[threads], NULL, worker, server) == 0)
        threads++;
    for (int i = 0; i < threads; i++)
        pthread_join(pool[i], NULL);
    printf("%d requests, %d threads: %d served, %d told to come again\n", requests, threads,
           server->served, server->busy);
    if (server->failed > 0 || counted(server) != server->served) {
        fprintf(stderr, "%d failed; the sessions have counted %lld\n", server->failed,
                (long long)counted(server));
        return 1;
    }
    return stop(server);
}

int main(int argc, char **argv) {
    struct server server = {.lock = PTHREAD_MUTEX_INITIALIZER};
    sess_options *options = sess_options_new();
    if (argc < 2 || options == NULL) {
        fprintf(stderr, "usage: threads DIRECTORY [REQUESTS]\n");
        sess_options_free(options);
        return 2;
    }
    if (sess_options_set(options, "session.save_path", argv[1]) != SESS_OK ||
        sess_options_set(options, "sess.max_waiters", "100") != SESS_OK ||
        sess_engine_new(options, &server.engine) != SESS_OK) {
        fprintf(stderr, "%s\n", sess_options_errmsg(options));
        sess_options_free(options);
        return 1;
    }
    sess_options_free(options);
    server.stop = sess_cancel_new();
    int status = run(&server, argc > 2 ? atoi(argv[2]) : 600);
    sess_cancel_free(server.stop);
    sess_engine_free(server.engine);
    return status;
}
