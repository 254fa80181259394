/*
 * cgi.c - a guest book of one visitor, as a CGI program (RFC 3875).
 *
 * The directory comes from the environment variable SESSION_PATH, else from SESS_DIRECTORY below.
 * The query string says what to do: name=..., login, logout, or nothing.
 */
#include <sess.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifndef SESS_DIRECTORY
#define SESS_DIRECTORY "/var/lib/php/sessions"
#endif

static const char *variable(const char *name) {
    const char *value = getenv(name);
    return value != NULL ? value : "";
}

static sess_engine *make_engine(void) {
    sess_engine *engine = NULL;
    sess_options *options = sess_options_new();
    const char *directory = variable("SESSION_PATH");
    if (options == NULL) return NULL;
    if (sess_options_set(options, "session.save_path",
                         directory[0] != '\0' ? directory : SESS_DIRECTORY) != SESS_OK ||
        sess_engine_new(options, &engine) != SESS_OK)
        fprintf(stderr, "%s\n", sess_options_errmsg(options));
    sess_options_free(options);
    return engine;
}

/* The cookie goes over https only where the request came that way. */
static sess_rc describe(sess_session *s) {
    const char *https = variable("HTTPS");
    bool secure = https[0] != '\0' && strcmp(https, "off") != 0;
    return sess_set_request(s, secure ? "https" : "http", variable("SERVER_NAME"),
                            (uint16_t)atoi(variable("SERVER_PORT")), variable("SCRIPT_NAME"));
}

/* Does what the query asks for. */
static sess_rc act(sess_session *s, const char *query) {
    sess_value *data = sess_data(s);
    int64_t visits = sess_value_int(sess_value_get(data, "visits", SESS_NTS), 0);
    if (strcmp(query, "logout") == 0) return sess_destroy(s);
    if (strcmp(query, "login") == 0) {
        sess_rc rc = sess_regenerate_id(s, true); /* or a planted id would be logged in */
        if (rc != SESS_OK) return rc;
    }
    if (strncmp(query, "name=", 5) == 0) {
        sess_rc rc = sess_value_set_string(data, "name", SESS_NTS, query + 5, SESS_NTS);
        if (rc != SESS_OK) return rc;
    }
    sess_rc rc = sess_value_set_int(data, "visits", SESS_NTS, visits + 1);
    return rc != SESS_OK ? rc : sess_close(s); /* saved before a byte of the answer is sent */
}

/* Text from outside, so that it stays text in HTML. */
static void put_html(sess_bytes text) {
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = text.data[i];
        if (c == '<' || c == '>' || c == '&' || c == '"' || c == '\'')
            printf("&#%d;", c);
        else
            putchar(c);
    }
}

static void respond(sess_session *s) {
    const char *name, *value;
    for (size_t i = 0; sess_header_at(s, i, &name, &value, NULL) == SESS_OK; i++)
        printf("%s: %s\r\n", name, value);
    sess_mark_headers_sent(s);
    printf("Content-Type: text/html; charset=utf-8\r\n\r\n<p>Hello ");
    /* The data can still be read, also after sess_close and sess_destroy. */
    put_html(sess_value_string(sess_get(s, "name", SESS_NTS)));
    printf(", visit %lld%s</p>\n", (long long)sess_value_int(sess_get(s, "visits", SESS_NTS), 0),
           sess_status(s) == SESS_DESTROYED ? ", good bye" : "");
}

static void respond_error(sess_session *s) {
    fprintf(stderr, "%s: %s\n", sess_code_name(sess_errcode(s)), sess_errmsg(s));
    /* The reason is for the log; a busy session is worth another try. */
    printf("Status: %s\r\nContent-Type: text/plain\r\n\r\nThe session is not available.\n",
           sess_errcode(s) == SESS_ELOCKED ? "503 Service Unavailable"
                                           : "500 Internal Server Error");
}

int main(void) {
    sess_engine *engine = make_engine();
    sess_session *s = sess_new(engine);
    if (s == NULL) {
        printf("Status: 500 Internal Server Error\r\n\r\n");
        sess_engine_free(engine);
        return 1;
    }
    int bad = describe(s) != SESS_OK ||
              sess_set_cookie_header(s, variable("HTTP_COOKIE"), SESS_NTS) != SESS_OK ||
              sess_start(s, 0) != SESS_OK || act(s, variable("QUERY_STRING")) != SESS_OK;
    if (bad)
        respond_error(s);
    else
        respond(s);
    sess_free(s);
    sess_engine_free(engine);
    return bad;
}
