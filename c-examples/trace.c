/* trace.c - see trace.h. */
#include "trace.h"

/* The table that does the work. Its `user` does not matter to the built-in backend. */
static const sess_handler *inner(const trace *t, sess_call *call) {
    return t->inner != NULL ? t->inner : sess_call_parent(call);
}

static void put_bytes(FILE *out, const void *data, size_t len) {
    const unsigned char *p = data;
    putc('"', out);
    for (size_t i = 0; i < len; i++) {
        if (p[i] == '"' || p[i] == '\\')
            fprintf(out, "\\%c", p[i]);
        else if (p[i] < 0x20 || p[i] > 0x7e)
            fprintf(out, "\\x%02x", p[i]);
        else
            putc(p[i], out);
    }
    putc('"', out);
}

static sess_rc done(const trace *t, sess_rc rc) {
    fprintf(t->out, ") = %s\n", rc == SESS_OK ? "ok" : sess_code_name(rc));
    return rc;
}

static sess_rc trace_open(void *user, sess_call *call, const char *save_path,
                          const char *session_name) {
    const trace *t = user;
    fprintf(t->out, "    open(\"%s\", \"%s\"", save_path, session_name);
    return done(t, inner(t, call)->open(t->inner_user, call, save_path, session_name));
}

static sess_rc trace_close(void *user, sess_call *call) {
    const trace *t = user;
    fprintf(t->out, "    close(");
    return done(t, inner(t, call)->close(t->inner_user, call));
}

static sess_rc trace_read(void *user, sess_call *call, const char *id) {
    const trace *t = user;
    fprintf(t->out, "    read(\"%s\") = ", id);
    sess_rc rc = inner(t, call)->read(t->inner_user, call, id);
    sess_bytes answer = sess_call_data(call);
    if (rc != SESS_OK)
        fputs(sess_code_name(rc), t->out);
    else
        put_bytes(t->out, answer.data, answer.len);
    putc('\n', t->out);
    return rc;
}

static sess_rc trace_write(void *user, sess_call *call, const char *id, const uint8_t *data,
                           size_t len) {
    const trace *t = user;
    fprintf(t->out, "    write(\"%s\", ", id);
    put_bytes(t->out, data, len);
    return done(t, inner(t, call)->write(t->inner_user, call, id, data, len));
}

static sess_rc trace_destroy(void *user, sess_call *call, const char *id) {
    const trace *t = user;
    fprintf(t->out, "    destroy(\"%s\"", id);
    return done(t, inner(t, call)->destroy(t->inner_user, call, id));
}

static sess_rc trace_gc(void *user, sess_call *call, int64_t max_lifetime, int64_t *removed) {
    const trace *t = user;
    fprintf(t->out, "    gc(%lld) = ", (long long)max_lifetime);
    sess_rc rc = inner(t, call)->gc(t->inner_user, call, max_lifetime, removed);
    if (rc == SESS_OK)
        fprintf(t->out, "%lld\n", (long long)*removed);
    else
        fprintf(t->out, "%s\n", sess_code_name(rc));
    return rc;
}

/* The last three may be missing in the inner table; then they are as good as missing here. */

static sess_rc trace_create_sid(void *user, sess_call *call) {
    const trace *t = user;
    if (inner(t, call)->create_sid == NULL) return SESS_EUNSUPPORTED;
    sess_rc rc = inner(t, call)->create_sid(t->inner_user, call);
    const char *id = sess_call_id(call);
    fprintf(t->out, "    create_sid() = \"%s\"\n", rc == SESS_OK && id != NULL ? id : "");
    return rc;
}

static sess_rc trace_validate_sid(void *user, sess_call *call, const char *id) {
    const trace *t = user;
    if (inner(t, call)->validate_sid == NULL) return SESS_EUNSUPPORTED;
    fprintf(t->out, "    validate_sid(\"%s\"", id);
    return done(t, inner(t, call)->validate_sid(t->inner_user, call, id));
}

static sess_rc trace_update_timestamp(void *user, sess_call *call, const char *id,
                                      const uint8_t *data, size_t len) {
    const trace *t = user;
    if (inner(t, call)->update_timestamp == NULL) return SESS_EUNSUPPORTED;
    fprintf(t->out, "    update_timestamp(\"%s\", ", id);
    put_bytes(t->out, data, len);
    return done(t, inner(t, call)->update_timestamp(t->inner_user, call, id, data, len));
}

const sess_handler trace_handler = {
    .struct_size = sizeof(sess_handler),
    .open = trace_open,
    .close = trace_close,
    .read = trace_read,
    .write = trace_write,
    .destroy = trace_destroy,
    .gc = trace_gc,
    .create_sid = trace_create_sid,
    .validate_sid = trace_validate_sid,
    .update_timestamp = trace_update_timestamp,
};
