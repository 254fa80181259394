/* What programs call, and what their callbacks are called with. Lines are only ever added. */
/* clang-format off */
#include <sess.h>

const char *sess_version(void);
uint32_t sess_version_number(void);
bool sess_has(const char *feature);
const char *sess_code_name(sess_rc code);
const char *sess_directive_at(size_t i, const char **type, const char **text);
sess_options *sess_options_new(void);
void sess_options_free(sess_options *options);
sess_rc sess_options_set(sess_options *options, const char *key, const char *value);
sess_rc sess_options_load_ini(sess_options *options, const char *text, size_t len, const char *name);
const char *sess_options_get(const sess_options *options, const char *key);
sess_rc sess_options_set_handler(sess_options *options, const sess_handler *handler, void *user, sess_free_fn user_free);
sess_rc sess_options_set_hook(sess_options *options, sess_when when, sess_hook_fn hook, void *user, sess_free_fn user_free);
sess_rc sess_options_set_events(sess_options *options, sess_event_fn fn, void *user, sess_free_fn user_free);
sess_rc sess_options_set_clock(sess_options *options, sess_clock_fn now, void *user, sess_free_fn user_free);
const char *sess_options_errmsg(const sess_options *options);
sess_rc sess_engine_new(sess_options *options, sess_engine **engine);
void sess_engine_free(sess_engine *engine);
sess_session *sess_new(sess_engine *engine);
void sess_free(sess_session *session);
sess_rc sess_recycle(sess_session *session);
sess_rc sess_register_shutdown(sess_session *session);
sess_rc sess_set_host(sess_session *session, void *host);
void *sess_host(const sess_session *session);
sess_rc sess_set_cookie_header(sess_session *session, const char *header, size_t len);
sess_rc sess_set_id(sess_session *session, const char *id, size_t len);
sess_rc sess_set_option(sess_session *session, const char *key, const char *value);
const char *sess_option(const sess_session *session, const char *key);
sess_rc sess_set_lock_timeout(sess_session *session, int64_t milliseconds);
sess_rc sess_set_cancel(sess_session *session, sess_cancel *cancel);
sess_cancel *sess_cancel_new(void);
void sess_cancel_fire(sess_cancel *cancel);
void sess_cancel_free(sess_cancel *cancel);
sess_rc sess_begin(sess_session *session);
sess_rc sess_end(sess_session *session);
sess_rc sess_start(sess_session *session, uint32_t flags);
sess_rc sess_close(sess_session *session);
sess_rc sess_abort(sess_session *session);
sess_rc sess_reset(sess_session *session);
sess_rc sess_destroy(sess_session *session);
sess_rc sess_regenerate_id(sess_session *session, bool delete_old);
sess_rc sess_update(sess_session *session, sess_hook_fn change, void *user);
sess_rc sess_create_id(sess_session *session, const char *prefix, size_t prefix_len, const char **id);
sess_rc sess_gc(sess_session *session, int64_t *removed);
sess_rc sess_collect(sess_session *session, int64_t budget_ms, int64_t *removed, bool *more);
sess_rc sess_login(sess_session *session, const void *user, size_t len, uint32_t flags);
sess_rc sess_logout(sess_session *session, uint32_t flags);
sess_rc sess_inspect_lock(sess_session *session, const char *id, size_t id_len, sess_lock_info *info);
sess_state sess_status(const sess_session *session);
const char *sess_id(const sess_session *session);
bool sess_is_new(const sess_session *session);
sess_bytes sess_user(const sess_session *session);
int64_t sess_auth_age(const sess_session *session);
sess_user_kind sess_kind(const sess_session *session);
int64_t sess_created(const sess_session *session);
int64_t sess_expires_in(const sess_session *session);
sess_ending sess_previous_end(const sess_session *session);
bool sess_is_stored(const sess_session *session);
sess_rc sess_errcode(const sess_session *session);
const char *sess_errmsg(const sess_session *session);
int32_t sess_errno(const sess_session *session);
int32_t sess_php_result(const sess_session *session);
size_t sess_header_count(const sess_session *session);
sess_rc sess_header_at(const sess_session *session, size_t i, const char **name, const char **value, const char **replaces);
sess_rc sess_mark_headers_sent(sess_session *session);
sess_rc sess_set_last_modified(sess_session *session, int64_t unix_time);
sess_rc sess_set_request(sess_session *session, const char *scheme, const char *host, uint16_t port, const char *script_root);
const char *sess_cookie_name(const sess_session *session);
sess_rc sess_cookie(const sess_session *session, const char *name, sess_bytes *value);
sess_rc sess_expire_cookie(sess_session *session);
sess_rc sess_set_cookie(sess_session *session, const char *name, const void *value, size_t len, const char *attributes);
sess_bytes sess_raw(const sess_session *session);
sess_rc sess_set_raw(sess_session *session, const void *data, size_t len);
sess_rc sess_encode(sess_session *session, sess_bytes *out);
sess_rc sess_decode(sess_session *session, const void *data, size_t len);
sess_value *sess_data(sess_session *session);
const sess_value *sess_get(const sess_session *session, const char *key, size_t key_len);
const sess_value *sess_value_get(const sess_value *value, const char *key, size_t key_len);
const sess_value *sess_value_at(const sess_value *value, size_t i, sess_bytes *key, int64_t *int_key);
size_t sess_value_count(const sess_value *value);
sess_type sess_value_type(const sess_value *value);
bool sess_value_bool(const sess_value *value, bool fallback);
int64_t sess_value_int(const sess_value *value, int64_t fallback);
double sess_value_float(const sess_value *value, double fallback);
bool sess_value_to_int(const sess_value *value, int64_t *out);
sess_bytes sess_value_string(const sess_value *value);
sess_bytes sess_value_class(const sess_value *value);
sess_bytes sess_value_case(const sess_value *value);
sess_bytes sess_value_payload(const sess_value *value);
sess_bytes sess_value_serialized(const sess_value *value);
uint32_t sess_value_reference(const sess_value *value);
uint32_t sess_value_object(const sess_value *value);
sess_value *sess_value_edit(sess_value *array, const char *key, size_t key_len);
sess_rc sess_value_set_null(sess_value *array, const char *key, size_t key_len);
sess_rc sess_value_set_bool(sess_value *array, const char *key, size_t key_len, bool value);
sess_rc sess_value_set_int(sess_value *array, const char *key, size_t key_len, int64_t value);
sess_rc sess_value_set_float(sess_value *array, const char *key, size_t key_len, double value);
sess_rc sess_value_set_string(sess_value *array, const char *key, size_t key_len, const void *data, size_t len);
sess_rc sess_value_set_serialized(sess_value *array, const char *key, size_t key_len, const void *data, size_t len);
sess_rc sess_value_remove(sess_value *array, const char *key, size_t key_len);
sess_rc sess_value_clear(sess_value *array);
sess_rc sess_token(sess_session *session, const char *purpose, size_t purpose_len, const char **token);
sess_rc sess_token_check(sess_session *session, const char *purpose, size_t purpose_len, const void *token, size_t token_len, int64_t max_age);
void *sess_call_state(const sess_call *call);
void sess_call_set_state(sess_call *call, void *state);
void *sess_call_host(const sess_call *call);
int64_t sess_call_max_lifetime(const sess_call *call);
int64_t sess_call_lock_timeout(const sess_call *call);
bool sess_call_cancelled(const sess_call *call);
bool sess_call_read_only(const sess_call *call);
sess_rc sess_call_set_data(sess_call *call, const void *data, size_t len);
sess_rc sess_call_lend_data(sess_call *call, const void *data, size_t len, void *owner, sess_free_fn data_free);
sess_rc sess_call_set_times(sess_call *call, int64_t created, int64_t touched);
sess_bytes sess_call_data(const sess_call *call);
sess_rc sess_call_set_id(sess_call *call, const char *id, size_t len);
const char *sess_call_id(const sess_call *call);
int64_t sess_call_gc_budget(const sess_call *call);
void sess_call_gc_more(sess_call *call);
sess_rc sess_call_fail(sess_call *call, sess_rc code, int32_t os_errno, const char *message);
const sess_handler *sess_call_parent(const sess_call *call);
const char *sess_event_name(const sess_event *event);
int32_t sess_event_level(const sess_event *event);
sess_rc sess_event_code(const sess_event *event);
const char *sess_event_text(const sess_event *event);
void *sess_event_host(const sess_event *event);

/* The members of a table, the structs of bytes. */
int main(void) {
    sess_handler table = SESS_HANDLER_INIT;
    sess_bytes bytes = {NULL, 0};
    { size_t *member = &table.struct_size; (void)member; }
    { sess_rc (*member)(void *user, sess_call *call, const char *save_path, const char *session_name) = table.open; (void)member; }
    { sess_rc (*member)(void *user, sess_call *call) = table.close; (void)member; }
    { sess_rc (*member)(void *user, sess_call *call, const char *id) = table.read; (void)member; }
    { sess_rc (*member)(void *user, sess_call *call, const char *id, const uint8_t *data, size_t len) = table.write; (void)member; }
    { sess_rc (*member)(void *user, sess_call *call, const char *id) = table.destroy; (void)member; }
    { sess_rc (*member)(void *user, sess_call *call, int64_t max_lifetime, int64_t *removed) = table.gc; (void)member; }
    { sess_rc (*member)(void *user, sess_call *call) = table.create_sid; (void)member; }
    { sess_rc (*member)(void *user, sess_call *call, const char *id) = table.validate_sid; (void)member; }
    { sess_rc (*member)(void *user, sess_call *call, const char *id, const uint8_t *data, size_t len) = table.update_timestamp; (void)member; }
    { const uint8_t **member = &bytes.data; (void)member; }
    { size_t *member = &bytes.len; (void)member; }
    { void (*function)(void *ptr) = (sess_free_fn)NULL; (void)function; }
    { sess_rc (*function)(void *user, sess_session *session) = (sess_hook_fn)NULL; (void)function; }
    { void (*function)(void *user, const sess_event *event) = (sess_event_fn)NULL; (void)function; }
    { int64_t (*function)(void *user) = (sess_clock_fn)NULL; (void)function; }
    return 0;
}
