/*
 * counter.c - one request that counts: counter DIRECTORY [COOKIE]
 *
 *     $ ./counter /tmp/sessions
 *     Set-Cookie: PHPSESSID=3a0f...; path=/; secure; HttpOnly; SameSite=Lax
 *     ...
 *     $ ./counter /tmp/sessions PHPSESSID=3a0f...
 */
#include <sess.h>

#include <stdio.h>

static int failed(sess_session *s) {
    fprintf(stderr, "%s: %s\n", sess_code_name(sess_errcode(s)), sess_errmsg(s));
    sess_free(s);
    return 1;
}

/* README begins */
static int count(sess_engine *engine, const char *cookie) {
    sess_session *s = sess_new(engine); /* one per request */
    if (sess_set_cookie_header(s, cookie, SESS_NTS) != SESS_OK) return failed(s);
    if (sess_start(s, 0) != SESS_OK) return failed(s); /* session_start(): locks and loads */
    sess_value *data = sess_data(s);                   /* $_SESSION */
    int64_t n = 0;
    sess_value_to_int(sess_value_get(data, "n", SESS_NTS), &n); /* 41, or "41" from a form */
    if (sess_value_set_int(data, "n", SESS_NTS, n + 1) != SESS_OK) return failed(s);
    if (sess_close(s) != SESS_OK) return failed(s); /* session_write_close(): saves, unlocks */
    const char *name, *value;
    for (size_t i = 0; sess_header_at(s, i, &name, &value, NULL) == SESS_OK; i++)
        printf("%s: %s\r\n", name, value); /* Set-Cookie, Expires, Cache-Control, ... */
    printf("\r\n%lld\n", (long long)n + 1);
    sess_free(s);
    return 0;
}
/* README ends */

int main(int argc, char **argv) {
    sess_engine *engine = NULL;
    sess_options *options = sess_options_new();
    if (argc < 2 || options == NULL) {
        fprintf(stderr, "usage: counter DIRECTORY [COOKIE]\n");
        sess_options_free(options);
        return 2;
    }
    if (sess_options_set(options, "session.save_path", argv[1]) != SESS_OK ||
        sess_engine_new(options, &engine) != SESS_OK) {
        fprintf(stderr, "%s\n", sess_options_errmsg(options));
        sess_options_free(options);
        return 1;
    }
    sess_options_free(options);
    int status = count(engine, argc > 2 ? argv[2] : "");
    sess_engine_free(engine);
    return status;
}
