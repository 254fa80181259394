/* What goes beyond PHP: requests, cookies, logins and tokens. */

#include "ended.h"

/* Append a text of Go's, which has no end mark. */
static char *put(char **at, const char *text, size_t len) {
    char *begins = *at;
    if (len != 0) memcpy(begins, text, len);
    begins[len] = 0;
    *at += len + 1;
    return begins;
}

void csess_set_request(csess *c, const char *scheme, size_t scheme_len, const char *host,
                       size_t host_len, uint16_t port, const char *mount, size_t mount_len) {
    char usual[256];
    size_t len = scheme_len + host_len + mount_len + 3;
    char *texts = len <= sizeof usual ? usual : malloc(len);
    if (texts == NULL) {
        c->rc = SESS_ENOMEM;
        c->sys_errno = 0;
        c->message = "no memory for a request";
        return;
    }
    char *at = texts;
    scheme = put(&at, scheme, scheme_len);
    host = put(&at, host, host_len);
    mount = put(&at, mount, mount_len);
    ended(c, sess_set_request(c->session, scheme, host, port, mount));
    if (texts != usual) free(texts);
}

void csess_cookie_name(csess *c) { c->value = sess_cookie_name(c->session); }

void csess_cookie(csess *c, const char *name) {
    c->found = sess_cookie(c->session, name, &c->bytes) == SESS_OK;
}

void csess_expire_cookie(csess *c) { ended(c, sess_expire_cookie(c->session)); }

void csess_set_own_cookie(csess *c, const char *name, const char *value, size_t len,
                          const char *attributes) {
    ended(c, sess_set_cookie(c->session, name, value, len, attributes));
}

void csess_tell(csess *c) {
    const sess_session *session = c->session;
    c->facts = (csess_facts){
        .user = sess_user(session),
        .auth_age = sess_auth_age(session),
        .created = sess_created(session),
        .expires_in = sess_expires_in(session),
        .kind = sess_kind(session),
        .ending = sess_previous_end(session),
        .is_stored = sess_is_stored(session),
    };
}

/* Both may wait for the lock of another record, as a start does. */

void csess_login(csess *c, const char *user, size_t len, uint32_t flags, int64_t timeout) {
    sess_rc rc = sess_set_lock_timeout(c->session, timeout);
    moved(c, rc != SESS_OK ? rc : sess_login(c->session, user, len, flags));
}

void csess_logout(csess *c, uint32_t flags, int64_t timeout) {
    sess_rc rc = sess_set_lock_timeout(c->session, timeout);
    moved(c, rc != SESS_OK ? rc : sess_logout(c->session, flags));
}

void csess_token(csess *c, const char *purpose, size_t purpose_len) {
    c->value = NULL;
    ended(c, sess_token(c->session, purpose, purpose_len, &c->value));
}

void csess_check_token(csess *c, const char *purpose, size_t purpose_len, const char *token,
                       size_t len, int64_t max_age) {
    ended(c, sess_token_check(c->session, purpose, purpose_len, token, len, max_age));
}
