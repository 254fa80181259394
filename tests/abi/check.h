/* What the C tests of the interface share: a check that names itself, and a storage of one record.
 */
#ifndef CHECK_H
#define CHECK_H

#include <sess.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                        \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

#define CHECK_OK(call) check_ok((call), #call, __FILE__, __LINE__)

static inline void check_ok(sess_rc rc, const char *what, const char *file, int line) {
    if (rc != SESS_OK) {
        fprintf(stderr, "%s:%d: %s gave %s\n", file, line, what, sess_code_name(rc));
        abort();
    }
}

/* A storage of one record. `inside` runs in every callback. */
struct store {
    char id[SESS_ID_MAX + 1];
    unsigned char data[1 << 16];
    size_t len;
    int exists, opened, closed, freed, read, written;
    void (*inside)(struct store *store, const char *callback, sess_call *call);
};

static inline void store_inside(struct store *store, const char *callback, sess_call *call) {
    if (store->inside != NULL) store->inside(store, callback, call);
}

static inline sess_rc store_open(void *user, sess_call *call, const char *save_path,
                                 const char *name) {
    struct store *store = (struct store *)user;
    (void)save_path, (void)name;
    store->opened++;
    store_inside(store, "open", call);
    return SESS_OK;
}

static inline sess_rc store_close(void *user, sess_call *call) {
    struct store *store = (struct store *)user;
    store->closed++;
    store_inside(store, "close", call);
    return SESS_OK;
}

static inline sess_rc store_read(void *user, sess_call *call, const char *id) {
    struct store *store = (struct store *)user;
    store->read++;
    store_inside(store, "read", call);
    if (!store->exists || strcmp(store->id, id) != 0) return SESS_ENOTFOUND;
    return sess_call_set_data(call, store->data, store->len);
}

static inline sess_rc store_write(void *user, sess_call *call, const char *id, const uint8_t *data,
                                  size_t len) {
    struct store *store = (struct store *)user;
    store->written++;
    store_inside(store, "write", call);
    if (len > sizeof store->data) return sess_call_fail(call, SESS_EIO, 0, "the store is full");
    if (len > 0) memcpy(store->data, data, len);
    strncpy(store->id, id, SESS_ID_MAX);
    store->len = len;
    store->exists = 1;
    return SESS_OK;
}

static inline sess_rc store_destroy(void *user, sess_call *call, const char *id) {
    struct store *store = (struct store *)user;
    store_inside(store, "destroy", call);
    if (strcmp(store->id, id) == 0) store->exists = 0;
    return SESS_OK;
}

static inline sess_rc store_gc(void *user, sess_call *call, int64_t max_lifetime,
                               int64_t *removed) {
    (void)max_lifetime;
    store_inside((struct store *)user, "gc", call);
    *removed = 0;
    return SESS_OK;
}

static inline sess_rc store_create_sid(void *user, sess_call *call) {
    store_inside((struct store *)user, "create_sid", call);
    return SESS_EUNSUPPORTED;
}

static inline sess_rc store_validate_sid(void *user, sess_call *call, const char *id) {
    struct store *store = (struct store *)user;
    store_inside(store, "validate_sid", call);
    return store->exists && strcmp(store->id, id) == 0 ? SESS_OK : SESS_ENOTFOUND;
}

static inline sess_rc store_update_timestamp(void *user, sess_call *call, const char *id,
                                             const uint8_t *data, size_t len) {
    (void)id, (void)data, (void)len;
    store_inside((struct store *)user, "update_timestamp", call);
    return SESS_OK;
}

static inline void store_free(void *user) { ((struct store *)user)->freed++; }

static inline sess_handler store_handler(void) {
    sess_handler handler = SESS_HANDLER_INIT;
    handler.open = store_open;
    handler.close = store_close;
    handler.read = store_read;
    handler.write = store_write;
    handler.destroy = store_destroy;
    handler.gc = store_gc;
    handler.create_sid = store_create_sid;
    handler.validate_sid = store_validate_sid;
    handler.update_timestamp = store_update_timestamp;
    return handler;
}

/* Options whose sessions live in `store`. */
static inline sess_options *store_options(struct store *store) {
    sess_handler handler = store_handler();
    sess_options *options = sess_options_new();
    CHECK(options != NULL);
    CHECK_OK(sess_options_set_handler(options, &handler, store, store_free));
    CHECK_OK(sess_options_set(options, "session.gc_probability", "0"));
    return options;
}

static inline sess_engine *engine_of(sess_options *options) {
    sess_engine *engine = NULL;
    if (sess_engine_new(options, &engine) != SESS_OK) {
        fprintf(stderr, "%s\n", sess_options_errmsg(options));
        abort();
    }
    sess_options_free(options);
    return engine;
}

#endif
