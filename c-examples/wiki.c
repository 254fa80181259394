/*
 * wiki.c - what MoinMoin and DokuWiki do with their sessions, in one small wiki: wiki POLICY
 * DIRECTORY
 *
 *     $ ./wiki moin /tmp/sessions &
 *     http://127.0.0.1:40231/
 *     $ curl -c jar -b jar http://127.0.0.1:40231/FrontPage
 *
 * POLICY is moin or dokuwiki: a policy by name, of which this program changes little. Every page
 * shows what it knows of its visitor; POST requests do something and lead back to the page:
 *
 *     /login user=eve [remember=1]   /logout   /prefs size=large
 *     /note text=... token=...       a plugin's form
 *     /become user=bob token=...     an administrator looks at the wiki as somebody else
 *     /return token=...              and is himself again
 *
 * A real wiki asks for a password, of course.
 */
#include <sess.h>

#include "http.h"

#include <stdlib.h>
#include <string.h>

#define ADMINISTRATOR "root"
/* All of the wiki's own lies under one key, so that other programs can share the session. */
#define WIKI "DWexample"
/* The user whom an administrator has become. */
#define SETUID "setuid"
#define PREFERENCES "DOKU_PREFS"

enum { TRAIL_MAX = 5, TOKEN_AGE = 10 * 3600 };

/* A request, also for the hook before close. */
struct visit {
    const char *page;
    bool is_view;
    sess_bytes message; /* that the request before has left; `data` NULL if there is none */
};

static bool same(sess_bytes bytes, const char *text) {
    return bytes.len == strlen(text) && memcmp(bytes.data, text, bytes.len) == 0;
}

/* ---- the session's data ---- */

static const sess_value *wiki_get(sess_session *s, const char *key) {
    return sess_value_get(sess_get(s, WIKI, SESS_NTS), key, SESS_NTS);
}

/* The wiki's own part of the data, for changes; made if there is none. */
static sess_value *wiki_data(sess_session *s) {
    return sess_value_edit(sess_data(s), WIKI, SESS_NTS);
}

/* The pages that were seen last, newest last, none of them twice; written only if it changes. */
static sess_rc add_to_trail(sess_session *s, const char *page) {
    const sess_value *old = wiki_get(s, "trail");
    sess_bytes pages[TRAIL_MAX + 1];
    size_t count = 0, before = sess_value_count(old);
    if (before > TRAIL_MAX) before = TRAIL_MAX;
    if (before > 0 && same(sess_value_string(sess_value_at(old, before - 1, NULL, NULL)), page))
        return SESS_OK;
    for (size_t i = 0; i < before; i++) {
        sess_bytes entry = sess_value_string(sess_value_at(old, i, NULL, NULL));
        if (!same(entry, page)) pages[count++] = entry;
    }
    pages[count].data = (const uint8_t *)page;
    pages[count++].len = strlen(page);

    /* Values that were read stay where they are while the session is open, also after the clear. */
    sess_value *trail = sess_value_edit(wiki_data(s), "trail", SESS_NTS);
    sess_rc rc = sess_value_clear(trail);
    size_t first = count > TRAIL_MAX ? count - TRAIL_MAX : 0;
    for (size_t i = first; i < count && rc == SESS_OK; i++) {
        char key[16];
        sprintf(key, "%d", (int)(i - first));
        rc = sess_value_set_string(trail, key, SESS_NTS, pages[i].data, pages[i].len);
    }
    return rc;
}

/* MoinMoin's macro: a stranger is one whose browser has not brought a cookie back yet; what it is
 * told from then on is kept. */
static sess_rc count_visit(sess_session *s) {
    if (sess_is_new(s)) return SESS_OK;
    int64_t visits = sess_value_int(wiki_get(s, "visits"), 0);
    return sess_value_set_int(wiki_data(s), "visits", SESS_NTS, visits + 1);
}

/* The last moment at which a change costs no further write: what DokuWiki's plugins do when the
 * wiki has started, before the session is closed and the page is made. */
static sess_rc before_close(void *user, sess_session *s) {
    const struct visit *visit = sess_host(s);
    (void)user;
    /* Where nothing is kept, nobody's steps are. */
    return visit != NULL && visit->is_view && sess_is_stored(s) ? add_to_trail(s, visit->page)
                                                                : SESS_OK;
}

/* What the request before has left for this page. */
static sess_rc take_message(sess_session *s, struct visit *visit) {
    const sess_value *message = wiki_get(s, "message");
    if (message == NULL) return SESS_OK;
    visit->message = sess_value_string(message);
    return sess_value_remove(wiki_data(s), "message", SESS_NTS);
}

/* For sess_update: the one value that is to be stored after the close. */
static sess_rc leave_message(void *user, sess_session *s) {
    return sess_value_set_string(wiki_data(s), "message", SESS_NTS, user, SESS_NTS);
}

/* ---- what POST requests do ---- */

/* Whose rights count: the administrator's when he has not become somebody else. */
static sess_bytes effective_user(sess_session *s) {
    const sess_value *other = wiki_get(s, SETUID);
    return other != NULL ? sess_value_string(other) : sess_user(s);
}

static sess_rc check_form(sess_session *s, const http_request *request, const char *purpose) {
    char token[64] = "";
    http_field(request, "token", token, sizeof token);
    return sess_token_check(s, purpose, SESS_NTS, token, strlen(token), TOKEN_AGE);
}

static sess_rc log_in(sess_session *s, const http_request *request) {
    char user[64], remember[8];
    if (!http_field(request, "user", user, sizeof user) || user[0] == '\0') return SESS_EINVAL;
    bool keep = http_field(request, "remember", remember, sizeof remember);
    return sess_login(s, user, strlen(user), keep ? SESS_LOGIN_REMEMBER : 0);
}

/* Each way under an id of its own, or who knew the one would have the other. */
static sess_rc become(sess_session *s, const http_request *request) {
    char user[64];
    sess_rc rc = check_form(s, request, "become");
    if (rc != SESS_OK) return rc;
    if (!same(sess_user(s), ADMINISTRATOR)) return SESS_EREFUSED;
    if (!http_field(request, "user", user, sizeof user)) return SESS_EINVAL;
    if ((rc = sess_regenerate_id(s, true)) != SESS_OK) return rc;
    return sess_value_set_string(wiki_data(s), SETUID, SESS_NTS, user, SESS_NTS);
}

static sess_rc become_oneself(sess_session *s, const http_request *request) {
    sess_rc rc = check_form(s, request, "become");
    if (rc != SESS_OK) return rc;
    if ((rc = sess_regenerate_id(s, true)) != SESS_OK) return rc;
    return sess_value_remove(wiki_data(s), SETUID, SESS_NTS);
}

static sess_rc take_note(sess_session *s, const http_request *request) {
    char text[256];
    sess_rc rc = check_form(s, request, "note");
    if (rc != SESS_OK) return rc;
    if (!http_field(request, "text", text, sizeof text)) return SESS_EINVAL;
    return sess_value_set_string(wiki_data(s), "note", SESS_NTS, text, SESS_NTS);
}

/* No session data: a cookie of its own, sent only when it changes. */
static sess_rc set_preferences(sess_session *s, const http_request *request) {
    char size[32], value[64];
    sess_bytes old;
    if (!http_field(request, "size", size, sizeof size)) return SESS_EINVAL;
    snprintf(value, sizeof value, "size#%s", size);
    if (sess_cookie(s, PREFERENCES, &old) == SESS_OK && same(old, value)) return SESS_OK;
    return sess_set_cookie(s, PREFERENCES, value, strlen(value), "Path=/; Max-Age=31536000");
}

static sess_rc act(sess_session *s, const http_request *request) {
    static const struct {
        const char *path;
        sess_rc (*run)(sess_session *s, const http_request *request);
    } actions[] = {{"/login", log_in},
                   {"/become", become},
                   {"/return", become_oneself},
                   {"/note", take_note},
                   {"/prefs", set_preferences}};
    if (strcmp(request->path, "/logout") == 0) return sess_logout(s, 0);
    for (size_t i = 0; i < sizeof actions / sizeof actions[0]; i++)
        if (strcmp(request->path, actions[i].path) == 0) return actions[i].run(s, request);
    return SESS_ENOTFOUND;
}

/* ---- responses ---- */

static void put_headers(sess_session *s, const char *status, FILE *response) {
    const char *name, *value;
    fprintf(response, "HTTP/1.1 %s\r\nConnection: close\r\n", status);
    for (size_t i = 0; sess_header_at(s, i, &name, &value, NULL) == SESS_OK; i++)
        fprintf(response, "%s: %s\r\n", name, value);
}

static void put_value(FILE *response, const char *title, sess_bytes text) {
    fprintf(response, "<p>%s: ", title);
    http_put_text(response, text.data, text.len);
    fputs("</p>\n", response);
}

static void put_form(FILE *response, const char *action, const char *token) {
    fprintf(response,
            "<form method=post action=%s><input name=text>"
            "<input type=hidden name=token value=\"%s\"></form>\n",
            action, token);
}

static void put_trail(sess_session *s, FILE *response) {
    const sess_value *trail = wiki_get(s, "trail");
    fputs("<p>Trail:", response);
    for (size_t i = 0; i < sess_value_count(trail); i++) {
        sess_bytes page = sess_value_string(sess_value_at(trail, i, NULL, NULL));
        fputc(' ', response);
        http_put_text(response, page.data, page.len);
    }
    fputs("</p>\n", response);
}

static sess_rc put_forms(sess_session *s, FILE *response) {
    const char *token;
    sess_rc rc = sess_token(s, "note", SESS_NTS, &token);
    if (rc != SESS_OK) return rc;
    put_form(response, "/note", token);
    if ((rc = sess_token(s, "become", SESS_NTS, &token)) != SESS_OK) return rc;
    put_form(response, "/become", token);
    return SESS_OK;
}

/* The data is read after the close, as slow as the client may be. */
static void put_page(sess_session *s, const struct visit *visit, FILE *response) {
    sess_bytes preferences;
    put_headers(s, "200 OK", response);
    sess_mark_headers_sent(s);
    fputs("Content-Type: text/html; charset=utf-8\r\n\r\n<h1>", response);
    http_put_text(response, visit->page, strlen(visit->page));
    fputs("</h1>\n", response);
    if (visit->message.data != NULL) put_value(response, "Message", visit->message);
    if (sess_is_new(s))
        fputs("<p>Hello, stranger</p>\n", response);
    else
        fprintf(response, "<p>Visit %d</p>\n", (int)sess_value_int(wiki_get(s, "visits"), 0));
    put_trail(s, response);
    if (sess_user(s).data != NULL) {
        put_value(response, "User", effective_user(s));
        fprintf(response, "<p>Logged in%s</p>\n",
                sess_kind(s) == SESS_KIND_REMEMBERED ? " and remembered" : "");
    }
    if (wiki_get(s, "note") != NULL)
        put_value(response, "Note", sess_value_string(wiki_get(s, "note")));
    if (sess_cookie(s, PREFERENCES, &preferences) == SESS_OK)
        put_value(response, "Preferences", preferences);
    /* A stranger's page has no forms: there is no session yet that could know them again. */
    if (!sess_is_new(s) && put_forms(s, response) != SESS_OK)
        fprintf(stderr, "%s\n", sess_errmsg(s));
}

static void put_error(sess_session *s, sess_rc rc, FILE *response) {
    const char *status = "500 Internal Server Error";
    if (rc == SESS_EREFUSED) status = "403 Forbidden";
    if (rc == SESS_EINVAL) status = "400 Bad Request";
    if (rc == SESS_ENOTFOUND) status = "404 Not Found";
    if (rc == SESS_ELOCKED) status = "503 Service Unavailable";
    fprintf(stderr, "%s: %s\n", sess_code_name(rc), sess_errmsg(s));
    if (sess_status(s) == SESS_ACTIVE) sess_abort(s);
    put_headers(s, status, response);
    fprintf(response, "Content-Type: text/plain\r\n\r\n%s\n", status);
}

static sess_rc begin(sess_session *s, const http_request *request, struct visit *visit) {
    sess_rc rc;
    memset(visit, 0, sizeof *visit);
    visit->page = request->path + 1;
    visit->is_view = !request->is_post;
    if ((rc = sess_set_host(s, visit)) != SESS_OK) return rc;
    if ((rc = sess_set_request(s, "http", "127.0.0.1", request->port, "")) != SESS_OK) return rc;
    if ((rc = sess_set_cookie_header(s, request->cookies, SESS_NTS)) != SESS_OK) return rc;
    return sess_start(s, 0);
}

static sess_rc view(sess_session *s, struct visit *visit) {
    const char *token;
    sess_rc rc = take_message(s, visit);
    if (rc == SESS_OK) rc = count_visit(s);
    if (rc != SESS_OK || sess_is_new(s)) return rc;
    /* The first token makes a key, which is stored with the rest. */
    return sess_token(s, "note", SESS_NTS, &token);
}

/* One request: open, do what has to be done, close, and only then make the page. */
static sess_rc respond(sess_session *s, const http_request *request, FILE *response) {
    struct visit visit;
    sess_rc rc = begin(s, request, &visit);
    if (rc == SESS_OK) rc = request->is_post ? act(s, request) : view(s, &visit);
    if (rc == SESS_OK && sess_status(s) == SESS_ACTIVE) rc = sess_close(s);
    if (rc != SESS_OK) return rc;
    if (!request->is_post) {
        put_page(s, &visit, response);
        return SESS_OK;
    }
    if (sess_status(s) == SESS_CLOSED && (rc = sess_update(s, leave_message, "done")) != SESS_OK)
        return rc;
    put_headers(s, "303 See Other", response);
    fputs("Location: /FrontPage\r\n\r\n", response);
    return SESS_OK;
}

static void answer(void *engine, const http_request *request, FILE *response) {
    sess_session *s = sess_new(engine);
    sess_rc rc = s == NULL ? SESS_ENOMEM : respond(s, request, response);
    if (rc != SESS_OK) put_error(s, rc, response);
    sess_free(s);
}

/* ---- the engine ---- */

/* Keys of provisional ids, for as long as this process lives; a service keeps them in a file. */
static bool make_secret(char *text, size_t size) {
    unsigned char bytes[32];
    FILE *random = fopen("/dev/urandom", "rb");
    bool made = random != NULL && fread(bytes, 1, sizeof bytes, random) == sizeof bytes;
    size_t used = (size_t)snprintf(text, size, "hex:");
    if (random != NULL) fclose(random);
    for (size_t i = 0; i < sizeof bytes && made; i++)
        used += (size_t)snprintf(text + used, size - used, "%02x", bytes[i]);
    return made;
}

static sess_rc set_options(sess_options *options, const char *policy, const char *directory) {
    char secret[80];
    sess_rc rc;
    if ((rc = sess_options_set(options, "session.save_path", directory)) != SESS_OK) return rc;
    if ((rc = sess_options_set(options, "sess.policy", policy)) != SESS_OK) return rc;
    if (strcmp(policy, "moin") == 0) {
        if (!make_secret(secret, sizeof secret)) return SESS_EIO;
        if ((rc = sess_options_set(options, "sess.secret", secret)) != SESS_OK) return rc;
        /* MoinMoin's own default has no sessions of strangers: give them an hour. */
        if ((rc = sess_options_set(options, "sess.moin_lifetime", "(1, 12)")) != SESS_OK) return rc;
    }
    return sess_options_set_hook(options, SESS_BEFORE_SAVE, before_close, NULL, NULL);
}

int main(int argc, char **argv) {
    sess_engine *engine = NULL;
    sess_options *options = sess_options_new();
    if (argc != 3 || options == NULL) {
        fprintf(stderr, "usage: wiki moin|dokuwiki DIRECTORY\n");
        sess_options_free(options);
        return 2;
    }
    if (set_options(options, argv[1], argv[2]) != SESS_OK ||
        sess_engine_new(options, &engine) != SESS_OK)
        fprintf(stderr, "%s\n", sess_options_errmsg(options));
    sess_options_free(options);
    bool served = engine != NULL && http_serve(answer, engine);
    sess_engine_free(engine);
    return !served;
}
