/* What the Go package calls: several calls of sess.h in one crossing, with the results left in
 * memory of C's, where Go reads them without crossing again. */

#ifndef CSESS_SHIM_H
#define CSESS_SHIM_H

#include <sess.h>
#include <stdint.h>
#include <stdlib.h>

#define CSESS_KEYS 64
#define CSESS_HEADERS 8

/* A key of the data; an integer one has no text. */
typedef struct {
    const uint8_t *text;
    size_t len;
    int64_t number;
} csess_key;

/* A header of the response; replaces is NULL for one that replaces all of its name. */
typedef struct {
    const char *name;
    const char *value;
    const char *replaces;
} csess_header;

/* What a policy knows of a session; user.data is NULL for nobody. */
typedef struct {
    sess_bytes user;
    int64_t auth_age;
    int64_t created;
    int64_t expires_in;
    int32_t kind;
    int32_t ending;
    bool is_stored;
} csess_facts;

/* A session and how its last call ended. */
typedef struct {
    sess_session *session;
    uintptr_t host;
    int32_t rc;
    int32_t sys_errno;
    int32_t state;
    bool is_new;
    bool found;
    bool more;
    uintptr_t thread;
    const char *id;
    size_t id_len;
    const char *message;
    sess_bytes bytes;
    int64_t number;
    const char *value;
    csess_facts facts;
    csess_header headers[CSESS_HEADERS];
    csess_key keys[CSESS_KEYS];
} csess;

/* A csess for the calls of every request: a number, as Go looks through what a pointer points to
 * for pointers of its own. */
typedef uintptr_t csess_at;

/* Changes when the library that was built is another one, so that Go's build cache notices. */
const char *csess_build_id(void);

/* Bits of csess_set_handler's offers. */
enum { CSESS_CREATE_ID = 1, CSESS_VALIDATE_ID = 2, CSESS_UPDATE_TIMESTAMP = 4 };

int32_t csess_set_handler(sess_options *options, int offers);
int32_t csess_set_events(sess_options *options, uintptr_t sink);
int32_t csess_set_clock(sess_options *options, uintptr_t clock);
uintptr_t csess_thread(void);

csess *csess_new(sess_engine *engine, uintptr_t host);
void csess_free(csess *c);
void csess_recycle(csess_at at);
void csess_start(csess_at at, uint32_t flags, const char *id, size_t id_len, int64_t timeout,
                 uintptr_t cancel_at);
void csess_close(csess_at at);
void csess_abort(csess *c);
void csess_reset(csess *c, int64_t timeout);
void csess_destroy(csess *c);
void csess_regenerate(csess *c, bool delete_old);
void csess_collect(csess *c, int64_t budget_ms);
void csess_create_id(csess *c, const char *prefix, size_t prefix_len);
void csess_set_id(csess *c, const char *id, size_t len);
void csess_set_cookie(csess *c, const char *header, size_t len);
void csess_set_option(csess *c, const char *key, const char *value);
void csess_mark_headers_sent(csess *c);
const char *csess_option(csess *c, const char *key);
size_t csess_list_headers(csess *c, size_t from);

void csess_set_request(csess *c, const char *scheme, size_t scheme_len, const char *host,
                       size_t host_len, uint16_t port, const char *mount, size_t mount_len);
void csess_cookie_name(csess *c);
void csess_cookie(csess *c, const char *name);
void csess_set_own_cookie(csess *c, const char *name, const char *value, size_t len,
                          const char *attributes);
void csess_expire_cookie(csess *c);
void csess_tell(csess *c);
void csess_login(csess *c, const char *user, size_t len, uint32_t flags, int64_t timeout);
void csess_logout(csess *c, uint32_t flags, int64_t timeout);
void csess_token(csess *c, const char *purpose, size_t purpose_len);
void csess_check_token(csess *c, const char *purpose, size_t purpose_len, const char *token,
                       size_t len, int64_t max_age);

void csess_look(csess_at at);
void csess_set_raw(csess *c, const uint8_t *data, size_t len);
void csess_encode(csess *c);
void csess_decode(csess *c, const uint8_t *data, size_t len);
void csess_all(csess *c);
void csess_get(csess_at at, const char *key, size_t len);
size_t csess_list_keys(csess *c, size_t from);
void csess_set(csess *c, const char *key, size_t key_len, const uint8_t *data, size_t len);
void csess_remove(csess *c, const char *key, size_t len);
void csess_clear(csess *c);

int32_t csess_parent_open(uintptr_t call, const char *save_path, const char *name);
int32_t csess_parent_close(uintptr_t call);
int32_t csess_parent_read(uintptr_t call, const char *id, sess_bytes *answer);
int32_t csess_parent_write(uintptr_t call, const char *id, const uint8_t *data, size_t len);
int32_t csess_parent_update_timestamp(uintptr_t call, const char *id, const uint8_t *data,
                                      size_t len);
int32_t csess_parent_destroy(uintptr_t call, const char *id);
int32_t csess_parent_gc(uintptr_t call, int64_t max_lifetime, int64_t *removed);
int32_t csess_parent_create_sid(uintptr_t call, const char **id);
int32_t csess_parent_validate_sid(uintptr_t call, const char *id);
uintptr_t csess_call_state(uintptr_t call);
void csess_call_set_state(uintptr_t call, uintptr_t number);
int64_t csess_call_lock_timeout(uintptr_t call);
bool csess_call_read_only(uintptr_t call);
int64_t csess_call_max_lifetime(uintptr_t call);
int64_t csess_call_gc_budget(uintptr_t call);
void csess_call_gc_more(uintptr_t call);
int32_t csess_call_set_data(uintptr_t call, const uint8_t *data, size_t len);
int32_t csess_call_answer(uintptr_t call, const uint8_t *data, size_t len, int64_t created,
                          int64_t touched);
bool csess_call_has_data(uintptr_t call);
int32_t csess_call_set_id(uintptr_t call, const char *id, size_t len);
int32_t csess_call_fail(uintptr_t call, int32_t rc, int32_t sys_errno, const char *message);

#endif
