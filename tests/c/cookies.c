/* Cookies through the C interface: what docs/cookies.md shows, and what goes wrong. */
#define _DEFAULT_SOURCE
#include "support.h"

/* The request of docs/cookies.md; the headers go into `sent`. */
static sess_rc request(sess_engine *engine, bool tls, const char *cookie, sess_bytes *seen,
                       char *sent, size_t size) {
    sess_session *s = sess_new(engine);
    CHECK_INT(
        sess_set_request(s, tls ? "https" : "http", "wiki.example.org", tls ? 443 : 80, "/wiki"),
        SESS_OK);
    CHECK_INT(sess_set_cookie_header(s, cookie, SESS_NTS), SESS_OK);
    static unsigned char copy[8192];
    sess_rc found = sess_cookie(s, "DOKU_PREFS", seen);
    if (found == SESS_OK && CHECK(seen->len <= sizeof copy)) {
        memcpy(copy, seen->data, seen->len);
        seen->data = copy;
    }
    CHECK_INT(sess_start(s, 0), SESS_OK);
    sess_value *data = sess_data(s);
    int64_t n = sess_value_int(sess_value_get(data, "n", SESS_NTS), 0);
    CHECK_INT(sess_value_set_int(data, "n", SESS_NTS, n + 1), SESS_OK);
    CHECK_INT(sess_set_cookie(s, "DOKU_PREFS", "a;\r\nb\0c", 7, "Max-Age=31536000"), SESS_OK);
    CHECK_INT(sess_close(s), SESS_OK);
    const char *name, *value;
    *sent = '\0';
    for (size_t i = 0; sess_header_at(s, i, &name, &value, NULL) == SESS_OK; i++) {
        size_t used = strlen(sent);
        snprintf(sent + used, size - used, "%s: %s\n", name, value);
    }
    sess_free(s);
    return found;
}

/* shows: M2, M5, D2, D20, C1 */
static void a_preference_comes_back(const char *directory) {
    sess_engine *e =
        take_engine(make_options("session.save_path", directory, "session.gc_probability", "0",
                                 "sess.cookie_name", "auto", NULL));
    sess_bytes seen = {NULL, 0};
    char sent[4096], cookie[4096] = "";
    CHECK_INT(request(e, true, NULL, &seen, sent, sizeof sent), SESS_ENOTFOUND);
    CHECK_HAS(sent, "Set-Cookie: MOIN_SESSION_443_ROOT_wiki=");
    CHECK_HAS(sent, "; path=/; secure; HttpOnly; SameSite=Lax\n");
    CHECK_HAS(sent, "Set-Cookie: DOKU_PREFS=a%3B%0D%0Ab%00c; expires=");
    CHECK_HAS(sent, "; Max-Age=31536000; path=/; secure; SameSite=Lax\n");
    /* What a client sends back: the pairs alone. */
    for (const char *line = sent; (line = strstr(line, "Set-Cookie: ")) != NULL;) {
        line += strlen("Set-Cookie: ");
        strncat(cookie, line, strcspn(line, ";"));
        strcat(cookie, "; ");
    }
    CHECK_INT(request(e, true, cookie, &seen, sent, sizeof sent), SESS_OK);
    CHECK_MEM(seen.data, seen.len, "a;\r\nb\0c", 7);
    CHECK(strstr(sent, "MOIN_SESSION") == NULL); /* the client has it */
    CHECK_INT(count_entries(directory, "sess_"), 1);
    CHECK_INT(request(e, false, cookie, &seen, sent, sizeof sent), SESS_OK);
    CHECK_HAS(sent, "Set-Cookie: MOIN_SESSION_80_ROOT_wiki=");
    CHECK(strstr(sent, "secure") == NULL);
    sess_engine_free(e);
}

static void names(const char *directory) {
    sess_engine *e =
        take_engine(make_options("session.save_path", directory, "sess.cookie_name", "auto", NULL));
    sess_session *s = sess_new(e);
    CHECK_STR(sess_cookie_name(s), "");
    CHECK_INT(sess_start(s, 0), SESS_EINVAL);
    CHECK_HAS(sess_errmsg(s), "sess_set_request");
    CHECK_INT(sess_set_request(s, "gopher", "a.test", 70, ""), SESS_EINVAL);
    CHECK_INT(sess_set_request(s, "http", NULL, 80, ""), SESS_EINVAL);
    CHECK_INT(sess_set_request(s, "http", "a.test", 8080, "/"), SESS_OK);
    CHECK_STR(sess_cookie_name(s), "MOIN_SESSION_8080_ROOT");
    CHECK_INT(sess_set_option(s, "sess.site_id", "farm"), SESS_OK);
    CHECK_INT(sess_set_option(s, "sess.cookie_name", "site"), SESS_OK);
    CHECK_STR(sess_cookie_name(s), "MOIN_SESSION_farm");
    CHECK_INT(sess_set_option(s, "sess.cookie_name", "literal"), SESS_OK);
    CHECK_STR(sess_cookie_name(s), "PHPSESSID");
    CHECK_STR(sess_cookie_name(NULL), "");
    sess_free(s);
    sess_engine_free(e);
}

/* shows: C2, C11, 3.3.5 */
static void bad_cookies(const char *directory) {
    static char header[32768], value[5000];
    sess_engine *e = files_engine(directory);
    size_t used = 0;
    put_file(session_file(directory, ID_A), "n|i:1;", 6);
    for (int i = 0; i < 200; i++)
        used += (size_t)snprintf(header + used, sizeof header - used, "c%d=%040d; PHPSESSID=%d; ",
                                 i, i, i);
    snprintf(header + used, sizeof header - used, "PHPSESSID=" ID_B "; PHPSESSID=" ID_A);
    sess_session *s = sess_new(e);
    CHECK_INT(sess_set_cookie_header(s, header, SESS_NTS), SESS_OK);
    CHECK_INT(sess_set_cookie_header(s, "nul=a\0b", 7), SESS_OK); /* a second header line */
    CHECK_INT(sess_start(s, 0), SESS_OK);
    CHECK_STR(sess_id(s), ID_A);
    sess_bytes first = {NULL, 0}, nul = {NULL, 0};
    CHECK_INT(sess_cookie(s, "c199", &first), SESS_OK);
    CHECK_INT(sess_cookie(s, "nul", &nul), SESS_OK);
    CHECK_INT(first.len, 40); /* still there after another was asked for */
    CHECK_MEM(nul.data, nul.len, "a\0b", 3);
    CHECK_INT(sess_value_set_int(sess_data(s), "n", 1, 2), SESS_OK);

    memset(value, 'v', sizeof value);
    size_t before = sess_header_count(s);
    CHECK_INT(sess_set_cookie(s, "big", value, 4094, NULL), SESS_EINVAL);
    CHECK_HAS(sess_errmsg(s), "4096");
    CHECK_INT(sess_set_cookie(s, "a\nb", "v", 1, NULL), SESS_EINVAL);
    CHECK_INT(sess_set_cookie(s, "a", "v", 1, "Path=/\r\nX: 1"), SESS_EINVAL);
    CHECK_INT(sess_set_cookie(s, "__Host-a", "v", 1, "Path=/wiki"), SESS_EINVAL);
    CHECK_HAS(sess_errmsg(s), "__Host-");
    CHECK_INT(sess_set_cookie(s, "PHPSESSID", "v", 1, NULL), SESS_EINVAL);
    CHECK_INT(sess_header_count(s), before);
    CHECK_INT(sess_set_cookie(s, "big", value, 4093, NULL), SESS_OK);
    CHECK_INT(sess_set_cookie(s, "copy", first.data, first.len, NULL), SESS_OK);
    CHECK_INT(sess_header_count(s), before + 2);
    CHECK_INT(sess_close(s), SESS_OK);
    sess_free(s);
    CHECK(file_is(session_file(directory, ID_A), "n|i:2;", 6));
    sess_engine_free(e);
}

static void in_directory(void (*part)(const char *)) {
    char *directory = make_directory();
    part(directory);
    remove_directory(directory);
    free(directory);
}

int main(void) {
    in_directory(a_preference_comes_back);
    in_directory(names);
    in_directory(bad_cookies);
    return check_report();
}
