/* memory_handler.c - see memory_handler.h. */
#define _DEFAULT_SOURCE
#include "memory_handler.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

/* How long a wait sleeps before it looks again whether it was cancelled. */
#define SLICE_MS 20

typedef struct record {
    struct record *next;
    unsigned char *data;
    size_t len;
    time_t touched;
    const void *holder; /* the cursor of the session that has it open, or NULL */
    char id[];
} record;

struct memory_store {
    pthread_mutex_t mutex;
    pthread_cond_t released;
    record *records;
};

/* What one session keeps between its callbacks. */
typedef struct cursor {
    record *held;
} cursor;

memory_store *memory_store_new(void) {
    memory_store *store = calloc(1, sizeof *store);
    if (store == NULL) return NULL;
    pthread_mutex_init(&store->mutex, NULL);
    pthread_cond_init(&store->released, NULL);
    return store;
}

void memory_store_free(void *user) {
    memory_store *store = user;
    if (store == NULL) return;
    while (store->records != NULL) {
        record *gone = store->records;
        store->records = gone->next;
        free(gone->data);
        free(gone);
    }
    pthread_cond_destroy(&store->released);
    pthread_mutex_destroy(&store->mutex);
    free(store);
}

/* The place that points to the record of `id`, or to the end of the list. */
static record **find(memory_store *store, const char *id) {
    record **at = &store->records;
    while (*at != NULL && strcmp((*at)->id, id) != 0)
        at = &(*at)->next;
    return at;
}

static void unlink_record(record **at) {
    record *gone = *at;
    *at = gone->next;
    free(gone->data);
    free(gone);
}

static record *add_record(memory_store *store, const char *id) {
    size_t size = strlen(id) + 1;
    record *r = calloc(1, sizeof *r + size);
    if (r == NULL) return NULL;
    memcpy(r->id, id, size);
    r->next = store->records;
    store->records = r;
    return r;
}

/* Gives up what this session holds; the mutex is held. */
static void release(memory_store *store, cursor *c) {
    if (c->held == NULL) return;
    c->held->holder = NULL;
    c->held = NULL;
    pthread_cond_broadcast(&store->released);
}

static int64_t now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Waits until another session may have let go; the mutex is held. */
static void wait_slice(memory_store *store, int64_t ms) {
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += (long)(ms * 1000000);
    if (until.tv_nsec >= 1000000000) until.tv_sec++, until.tv_nsec -= 1000000000;
    pthread_cond_timedwait(&store->released, &store->mutex, &until);
}

/* Takes the record of `id`, if there is one, for this session; the mutex is held. */
static sess_rc take(memory_store *store, sess_call *call, cursor *c, const char *id) {
    int64_t left = sess_call_lock_timeout(call);
    int64_t end = now_ms() + left;
    for (;;) {
        /* It is looked up again after every wait: it may have been destroyed meanwhile. */
        record *r = *find(store, id);
        if (r == NULL) return SESS_ENOTFOUND;
        if (r->holder == NULL || r->holder == c) {
            r->holder = c;
            c->held = r;
            return SESS_OK;
        }
        int64_t slice = left < 0 ? SLICE_MS : end - now_ms();
        if (slice <= 0)
            return sess_call_fail(call, SESS_ELOCKED, 0, "another session holds the record");
        if (sess_call_cancelled(call)) return SESS_ECANCELED;
        wait_slice(store, slice < SLICE_MS ? slice : SLICE_MS);
    }
}

static sess_rc memory_open(void *user, sess_call *call, const char *save_path,
                           const char *session_name) {
    (void)user, (void)save_path, (void)session_name;
    /* It may come again without a close; then the state is there already. */
    if (sess_call_state(call) != NULL) return SESS_OK;
    cursor *c = calloc(1, sizeof *c);
    if (c == NULL) return sess_call_fail(call, SESS_ENOMEM, ENOMEM, "no memory for a session");
    sess_call_set_state(call, c);
    return SESS_OK;
}

static sess_rc memory_close(void *user, sess_call *call) {
    memory_store *store = user;
    cursor *c = sess_call_state(call);
    if (c == NULL) return SESS_OK;
    pthread_mutex_lock(&store->mutex);
    release(store, c);
    pthread_mutex_unlock(&store->mutex);
    free(c);
    sess_call_set_state(call, NULL);
    return SESS_OK;
}

static sess_rc memory_read(void *user, sess_call *call, const char *id) {
    memory_store *store = user;
    cursor *c = sess_call_state(call);
    if (c == NULL) return sess_call_fail(call, SESS_EMISUSE, 0, "read before open");
    pthread_mutex_lock(&store->mutex);
    if (c->held != NULL && strcmp(c->held->id, id) != 0) release(store, c);
    sess_rc rc = take(store, call, c, id);
    if (rc == SESS_OK) rc = sess_call_set_data(call, c->held->data, c->held->len); /* copies */
    if (rc != SESS_OK || sess_call_read_only(call)) release(store, c);
    pthread_mutex_unlock(&store->mutex);
    return rc;
}

static sess_rc memory_write(void *user, sess_call *call, const char *id, const uint8_t *data,
                            size_t len) {
    memory_store *store = user;
    cursor *c = sess_call_state(call);
    if (c == NULL) return sess_call_fail(call, SESS_EMISUSE, 0, "write before open");
    /* The copy comes first, so that a failure leaves the stored session as it was. */
    unsigned char *copy = malloc(len + 1);
    if (copy == NULL) return sess_call_fail(call, SESS_ENOMEM, ENOMEM, "no memory for the record");
    if (len > 0) memcpy(copy, data, len);
    pthread_mutex_lock(&store->mutex);
    if (c->held != NULL && strcmp(c->held->id, id) != 0) release(store, c);
    sess_rc rc = take(store, call, c, id);
    if (rc == SESS_ENOTFOUND) {
        record *r = add_record(store, id);
        rc = SESS_ENOMEM;
        if (r != NULL) r->holder = c, c->held = r, rc = SESS_OK;
    }
    if (rc == SESS_OK) {
        free(c->held->data);
        c->held->data = copy;
        c->held->len = len;
        c->held->touched = time(NULL);
        copy = NULL;
    }
    pthread_mutex_unlock(&store->mutex);
    free(copy);
    return rc;
}

static sess_rc memory_destroy(void *user, sess_call *call, const char *id) {
    memory_store *store = user;
    cursor *c = sess_call_state(call);
    if (c == NULL) return sess_call_fail(call, SESS_EMISUSE, 0, "destroy before open");
    pthread_mutex_lock(&store->mutex);
    if (c->held != NULL && strcmp(c->held->id, id) != 0) release(store, c);
    sess_rc rc = take(store, call, c, id);
    if (rc == SESS_OK) {
        c->held = NULL;
        unlink_record(find(store, id));
        pthread_cond_broadcast(&store->released);
    }
    pthread_mutex_unlock(&store->mutex);
    return rc == SESS_ENOTFOUND ? SESS_OK : rc;
}

static sess_rc memory_gc(void *user, sess_call *call, int64_t max_lifetime, int64_t *removed) {
    memory_store *store = user;
    (void)call;
    time_t now = time(NULL);
    *removed = 0;
    pthread_mutex_lock(&store->mutex);
    for (record **at = &store->records; *at != NULL;) {
        /* One that is in use is not old, whatever its time says. */
        if ((*at)->holder == NULL && (int64_t)(now - (*at)->touched) > max_lifetime) {
            unlink_record(at);
            ++*removed;
        } else {
            at = &(*at)->next;
        }
    }
    pthread_mutex_unlock(&store->mutex);
    return SESS_OK;
}

static sess_rc memory_create_sid(void *user, sess_call *call) {
    memory_store *store = user;
    static const char hex[] = "0123456789abcdef";
    unsigned char random[16];
    char id[2 * sizeof random + 1];
    int taken;
    do {
        if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random)
            return sess_call_fail(call, SESS_EIO, errno, "no random bytes for an id");
        for (size_t i = 0; i < sizeof random; i++) {
            id[2 * i] = hex[random[i] >> 4];
            id[2 * i + 1] = hex[random[i] & 15];
        }
        id[sizeof id - 1] = '\0';
        pthread_mutex_lock(&store->mutex);
        taken = *find(store, id) != NULL;
        pthread_mutex_unlock(&store->mutex);
    } while (taken);
    return sess_call_set_id(call, id, sizeof id - 1);
}

static sess_rc memory_validate_sid(void *user, sess_call *call, const char *id) {
    memory_store *store = user;
    (void)call;
    pthread_mutex_lock(&store->mutex);
    int known = *find(store, id) != NULL;
    pthread_mutex_unlock(&store->mutex);
    return known ? SESS_OK : SESS_ENOTFOUND;
}

static sess_rc memory_update_timestamp(void *user, sess_call *call, const char *id,
                                       const uint8_t *data, size_t len) {
    memory_store *store = user;
    (void)call, (void)data, (void)len;
    pthread_mutex_lock(&store->mutex);
    record *r = *find(store, id);
    if (r != NULL) r->touched = time(NULL);
    pthread_mutex_unlock(&store->mutex);
    return r != NULL ? SESS_OK : SESS_ENOTFOUND;
}

const sess_handler memory_handler = {
    .struct_size = sizeof(sess_handler),
    .open = memory_open,
    .close = memory_close,
    .read = memory_read,
    .write = memory_write,
    .destroy = memory_destroy,
    .gc = memory_gc,
    .create_sid = memory_create_sid,
    .validate_sid = memory_validate_sid,
    .update_timestamp = memory_update_timestamp,
};
