#include "shim.h"

#include "_cgo_export.h"
#include "ended.h"

#include <pthread.h>
#include <string.h>

#if defined(__has_include)
#if __has_include("build_id.h")
#include "build_id.h"
#endif
#endif
#ifndef CSESS_BUILD_ID
#define CSESS_BUILD_ID "installed"
#endif

const char *csess_build_id(void) { return CSESS_BUILD_ID; }

uintptr_t csess_thread(void) { return (uintptr_t)pthread_self(); }

/* ---- the nine
 * ------------------------------------------------------------------------------------------- Go
 * gets the number of the session's binding, not a pointer: what is no address must not look like
 * one. */

static uintptr_t host_of(sess_call *call) { return (uintptr_t)sess_call_host(call); }

static sess_rc on_open(void *user, sess_call *call, const char *save_path, const char *name) {
    (void)user;
    return csessOpen(host_of(call), (uintptr_t)call, csess_thread(), (char *)save_path,
                     (char *)name);
}

static sess_rc on_close(void *user, sess_call *call) {
    (void)user;
    return csessClose(host_of(call), (uintptr_t)call, csess_thread());
}

static sess_rc on_read(void *user, sess_call *call, const char *id) {
    (void)user;
    return csessRead(host_of(call), (uintptr_t)call, csess_thread(), (char *)id);
}

static sess_rc on_write(void *user, sess_call *call, const char *id, const uint8_t *data,
                        size_t len) {
    (void)user;
    return csessWrite(host_of(call), (uintptr_t)call, csess_thread(), (char *)id, (uint8_t *)data,
                      len);
}

static sess_rc on_destroy(void *user, sess_call *call, const char *id) {
    (void)user;
    return csessDestroy(host_of(call), (uintptr_t)call, csess_thread(), (char *)id);
}

static sess_rc on_gc(void *user, sess_call *call, int64_t max_lifetime, int64_t *removed) {
    (void)user;
    return csessGC(host_of(call), (uintptr_t)call, csess_thread(), max_lifetime, removed);
}

static sess_rc on_create_sid(void *user, sess_call *call) {
    (void)user;
    return csessCreateID(host_of(call), (uintptr_t)call, csess_thread());
}

static sess_rc on_validate_sid(void *user, sess_call *call, const char *id) {
    (void)user;
    return csessValidateID(host_of(call), (uintptr_t)call, csess_thread(), (char *)id);
}

static sess_rc on_update_timestamp(void *user, sess_call *call, const char *id, const uint8_t *data,
                                   size_t len) {
    (void)user;
    return csessUpdateTimestamp(host_of(call), (uintptr_t)call, csess_thread(), (char *)id,
                                (uint8_t *)data, len);
}

int32_t csess_set_handler(sess_options *options, int offers) {
    sess_handler table = {
        .struct_size = sizeof table,
        .open = on_open,
        .close = on_close,
        .read = on_read,
        .write = on_write,
        .destroy = on_destroy,
        .gc = on_gc,
        .create_sid = offers & CSESS_CREATE_ID ? on_create_sid : NULL,
        .validate_sid = offers & CSESS_VALIDATE_ID ? on_validate_sid : NULL,
        .update_timestamp = offers & CSESS_UPDATE_TIMESTAMP ? on_update_timestamp : NULL,
    };
    return sess_options_set_handler(options, &table, NULL, NULL);
}

static void on_event(void *user, const sess_event *event) {
    csessEvent((uintptr_t)user, (uintptr_t)sess_event_host(event), (char *)sess_event_name(event),
               sess_event_level(event), sess_event_code(event), (char *)sess_event_text(event));
}

static void on_handle_unused(void *user) { csessDropHandle((uintptr_t)user); }

int32_t csess_set_events(sess_options *options, uintptr_t sink) {
    return sess_options_set_events(options, on_event, (void *)sink, on_handle_unused);
}

static int64_t on_clock(void *user) { return csessNow((uintptr_t)user); }

int32_t csess_set_clock(sess_options *options, uintptr_t clock) {
    return sess_options_set_clock(options, on_clock, (void *)clock, on_handle_unused);
}

/* ---- sessions
 * ------------------------------------------------------------------------------------------- */

csess *csess_new(sess_engine *engine, uintptr_t host) {
    csess *c = calloc(1, sizeof *c);
    if (c == NULL) return NULL;
    c->session = sess_new(engine);
    c->host = host;
    if (c->session == NULL || sess_set_host(c->session, (void *)host) != SESS_OK) {
        csess_free(c);
        return NULL;
    }
    return c;
}

void csess_free(csess *c) {
    sess_free(c->session);
    free(c);
}

void csess_recycle(csess_at at) {
    csess *c = (csess *)at;
    sess_rc rc = sess_recycle(c->session);
    c->state = SESS_NONE;
    ended(c, rc != SESS_OK ? rc : sess_set_host(c->session, (void *)c->host));
}

void csess_start(csess_at at, uint32_t flags, const char *id, size_t id_len, int64_t timeout,
                 uintptr_t cancel_at) {
    csess *c = (csess *)at;
    sess_cancel *cancel = (sess_cancel *)cancel_at;
    sess_rc rc = SESS_OK;
    if (id_len != 0) rc = sess_set_id(c->session, id, id_len);
    if (rc == SESS_OK) rc = sess_set_lock_timeout(c->session, timeout);
    if (rc == SESS_OK && cancel != NULL) rc = sess_set_cancel(c->session, cancel);
    if (rc == SESS_OK) rc = sess_start(c->session, flags);
    if (cancel != NULL && sess_set_cancel(c->session, NULL) != SESS_OK && rc == SESS_OK)
        rc = SESS_EMISUSE;
    moved(c, rc);
}

void csess_close(csess_at at) {
    csess *c = (csess *)at;
    moved(c, sess_close(c->session));
}

void csess_abort(csess *c) { moved(c, sess_abort(c->session)); }

void csess_reset(csess *c, int64_t timeout) {
    sess_rc rc = sess_set_lock_timeout(c->session, timeout);
    moved(c, rc != SESS_OK ? rc : sess_reset(c->session));
}

void csess_destroy(csess *c) { moved(c, sess_destroy(c->session)); }

void csess_regenerate(csess *c, bool delete_old) {
    moved(c, sess_regenerate_id(c->session, delete_old));
}

void csess_collect(csess *c, int64_t budget_ms) {
    c->more = false;
    c->number = 0;
    ended(c, sess_collect(c->session, budget_ms, &c->number, &c->more));
}

void csess_create_id(csess *c, const char *prefix, size_t prefix_len) {
    c->value = NULL;
    ended(c, sess_create_id(c->session, prefix, prefix_len, &c->value));
}

void csess_set_id(csess *c, const char *id, size_t len) {
    moved(c, sess_set_id(c->session, id, len));
}

void csess_set_cookie(csess *c, const char *header, size_t len) {
    ended(c, sess_set_cookie_header(c->session, header, len));
}

void csess_set_option(csess *c, const char *key, const char *value) {
    ended(c, sess_set_option(c->session, key, value));
}

void csess_mark_headers_sent(csess *c) { ended(c, sess_mark_headers_sent(c->session)); }

const char *csess_option(csess *c, const char *key) { return sess_option(c->session, key); }

size_t csess_list_headers(csess *c, size_t from) {
    size_t n = 0;
    for (; n < CSESS_HEADERS; n++) {
        csess_header *h = &c->headers[n];
        if (sess_header_at(c->session, from + n, &h->name, &h->value, &h->replaces) != SESS_OK)
            break;
    }
    return n;
}

/* ---- data
 * -----------------------------------------------------------------------------------------------
 */

/* The payload, and who looks at it. */
void csess_look(csess_at at) {
    csess *c = (csess *)at;
    c->bytes = sess_raw(c->session);
    c->thread = csess_thread();
}

void csess_set_raw(csess *c, const uint8_t *data, size_t len) {
    ended(c, sess_set_raw(c->session, data, len));
}

void csess_encode(csess *c) { ended(c, sess_encode(c->session, &c->bytes)); }

void csess_decode(csess *c, const uint8_t *data, size_t len) {
    moved(c, sess_decode(c->session, data, len));
}

void csess_all(csess *c) { c->bytes = sess_value_serialized(sess_data(c->session)); }

void csess_get(csess_at at, const char *key, size_t len) {
    csess *c = (csess *)at;
    const sess_value *value = sess_get(c->session, key, len);
    c->found = value != NULL;
    if (c->found) c->bytes = sess_value_serialized(value);
}

size_t csess_list_keys(csess *c, size_t from) {
    sess_value *data = sess_data(c->session);
    size_t n = 0;
    for (; n < CSESS_KEYS; n++) {
        sess_bytes text;
        csess_key *key = &c->keys[n];
        if (sess_value_at(data, from + n, &text, &key->number) == NULL) break;
        key->text = text.data;
        key->len = text.len;
    }
    return n;
}

void csess_set(csess *c, const char *key, size_t key_len, const uint8_t *data, size_t len) {
    ended(c, sess_value_set_serialized(sess_data(c->session), key, key_len, data, len));
}

void csess_remove(csess *c, const char *key, size_t len) {
    ended(c, sess_value_remove(sess_data(c->session), key, len));
}

void csess_clear(csess *c) { ended(c, sess_value_clear(sess_data(c->session))); }

/* ---- the built-in backend, from inside a callback
 * ------------------------------------------------------- */

static sess_call *call_at(uintptr_t call) { return (sess_call *)call; }

static const sess_handler *parent(uintptr_t call) { return sess_call_parent(call_at(call)); }

int32_t csess_parent_open(uintptr_t call, const char *save_path, const char *name) {
    return parent(call)->open(NULL, call_at(call), save_path, name);
}

int32_t csess_parent_close(uintptr_t call) { return parent(call)->close(NULL, call_at(call)); }

int32_t csess_parent_read(uintptr_t call, const char *id, sess_bytes *answer) {
    int32_t rc = parent(call)->read(NULL, call_at(call), id);
    *answer = sess_call_data(call_at(call));
    return rc;
}

int32_t csess_parent_write(uintptr_t call, const char *id, const uint8_t *data, size_t len) {
    return parent(call)->write(NULL, call_at(call), id, data, len);
}

int32_t csess_parent_update_timestamp(uintptr_t call, const char *id, const uint8_t *data,
                                      size_t len) {
    return parent(call)->update_timestamp(NULL, call_at(call), id, data, len);
}

int32_t csess_parent_destroy(uintptr_t call, const char *id) {
    return parent(call)->destroy(NULL, call_at(call), id);
}

int32_t csess_parent_gc(uintptr_t call, int64_t max_lifetime, int64_t *removed) {
    return parent(call)->gc(NULL, call_at(call), max_lifetime, removed);
}

int32_t csess_parent_create_sid(uintptr_t call, const char **id) {
    int32_t rc = parent(call)->create_sid(NULL, call_at(call));
    *id = sess_call_id(call_at(call));
    return rc;
}

int32_t csess_parent_validate_sid(uintptr_t call, const char *id) {
    return parent(call)->validate_sid(NULL, call_at(call), id);
}

/* ---- what a callback asks and answers
 * ------------------------------------------------------------------- */

/* A number, not a pointer: nothing is ever freed by it. */
uintptr_t csess_call_state(uintptr_t call) { return (uintptr_t)sess_call_state(call_at(call)); }

void csess_call_set_state(uintptr_t call, uintptr_t number) {
    sess_call_set_state(call_at(call), (void *)number);
}

int64_t csess_call_lock_timeout(uintptr_t call) { return sess_call_lock_timeout(call_at(call)); }

bool csess_call_read_only(uintptr_t call) { return sess_call_read_only(call_at(call)); }

int64_t csess_call_max_lifetime(uintptr_t call) { return sess_call_max_lifetime(call_at(call)); }

int64_t csess_call_gc_budget(uintptr_t call) { return sess_call_gc_budget(call_at(call)); }

void csess_call_gc_more(uintptr_t call) { sess_call_gc_more(call_at(call)); }

int32_t csess_call_set_data(uintptr_t call, const uint8_t *data, size_t len) {
    return sess_call_set_data(call_at(call), data, len);
}

int32_t csess_call_answer(uintptr_t call, const uint8_t *data, size_t len, int64_t created,
                          int64_t touched) {
    int32_t rc = sess_call_set_times(call_at(call), created, touched);
    return rc != SESS_OK ? rc : csess_call_set_data(call, data, len);
}

bool csess_call_has_data(uintptr_t call) { return sess_call_data(call_at(call)).data != NULL; }

int32_t csess_call_set_id(uintptr_t call, const char *id, size_t len) {
    return sess_call_set_id(call_at(call), id, len);
}

int32_t csess_call_fail(uintptr_t call, int32_t rc, int32_t sys_errno, const char *message) {
    return sess_call_fail(call_at(call), rc, sys_errno, message);
}
