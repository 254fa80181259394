/*
 * order.c - the same scripts under the profiles php5 and php82: which callbacks, in which order.
 *
 * The table has create_sid and neither validate_sid nor update_timestamp, as tables of PHP 5 days.
 * docs/php.md shows what this prints. shows: S-1, S-2, S-3, S-14, S-22, S-30, S-33, S-35, S-36,
 * S-40
 */
#define _DEFAULT_SOURCE
#include "support.h"

/* Two records at most: the old one and the one made. */
typedef struct {
    char id[2][16], data[2][64];
    int made;
} store;

static char *record(store *t, const char *id) {
    for (int i = 0; i < 2; i++)
        if (strcmp(t->id[i], id) == 0) return t->data[i];
    return NULL;
}

static sess_rc order_open(void *user, sess_call *call, const char *path, const char *name) {
    (void)user, (void)call, (void)path, (void)name;
    printf(" open");
    return SESS_OK;
}
static sess_rc order_close(void *user, sess_call *call) {
    (void)user, (void)call;
    printf(" close");
    return SESS_OK;
}
static sess_rc order_read(void *user, sess_call *call, const char *id) {
    const char *data = record(user, id);
    printf(" read(%s)", id);
    return sess_call_set_data(call, data != NULL ? data : "", data != NULL ? strlen(data) : 0);
}
static sess_rc order_write(void *user, sess_call *call, const char *id, const uint8_t *data,
                           size_t len) {
    store *t = user;
    char *to = record(t, id);
    (void)call;
    printf(" write(%s)", id);
    if (to == NULL) to = record(t, "");
    if (to == NULL || len > 63) return SESS_EIO;
    for (int i = 0; i < 2; i++)
        if (to == t->data[i]) snprintf(t->id[i], sizeof t->id[i], "%s", id);
    memcpy(to, data, len);
    to[len] = '\0';
    return SESS_OK;
}
static sess_rc order_destroy(void *user, sess_call *call, const char *id) {
    store *t = user;
    (void)call;
    printf(" destroy(%s)", id);
    for (int i = 0; i < 2; i++)
        if (strcmp(t->id[i], id) == 0) t->id[i][0] = t->data[i][0] = '\0';
    return SESS_OK;
}
static sess_rc order_gc(void *user, sess_call *call, int64_t max_lifetime, int64_t *removed) {
    (void)user, (void)call, (void)max_lifetime;
    printf(" gc");
    *removed = 0;
    return SESS_OK;
}
static sess_rc order_create_sid(void *user, sess_call *call) {
    store *t = user;
    char id[16];
    snprintf(id, sizeof id, "new%d", ++t->made);
    printf(" create_sid");
    return sess_call_set_id(call, id, strlen(id));
}

static const sess_handler order_handler = {
    .struct_size = sizeof(sess_handler),
    .open = order_open,
    .close = order_close,
    .read = order_read,
    .write = order_write,
    .destroy = order_destroy,
    .gc = order_gc,
    .create_sid = order_create_sid,
};

/* One letter an operation: s start, f foo = bar, c close, r reset, d destroy, g and G regenerate
 * (keeping and deleting the old record), i the id "mine". Every step has to do what PHP lets it do.
 */
static void run_script(sess_session *s, const char *script, const char *profile) {
    for (; *script != '\0'; script++) {
        sess_rc rc = SESS_OK;
        switch (*script) {
        case 's':
            rc = sess_start(s, 0);
            break;
        case 'f':
            rc = sess_value_set_string(sess_data(s), "foo", 3, "bar", 3);
            break;
        case 'c':
            rc = sess_end(s);
            break;
        case 'r':
            rc = sess_reset(s);
            break;
        case 'd':
            rc = sess_destroy(s);
            break;
        case 'g':
            rc = sess_regenerate_id(s, false);
            break;
        case 'G':
            rc = sess_regenerate_id(s, true);
            break;
        default:
            rc = sess_set_id(s, "mine", 4);
            break;
        }
        int refused = *script == 'i' && sess_status(s) == SESS_ACTIVE && profile[3] != '5';
        if (rc != (refused ? SESS_EMISUSE : SESS_OK)) {
            printf("\n%c: %s: %s\n", *script, sess_code_name(rc), sess_errmsg(s));
            exit(1);
        }
    }
}

static void one(const char *profile, const char *cookie, const char *script) {
    store t = {{"old", ""}, {"foo|s:3:\"bar\";", ""}, 0};
    sess_options *o = make_options("sess.profile", profile, "session.save_path", "/p",
                                   "session.gc_probability", "0", (const char *)NULL);
    if (sess_options_set_handler(o, &order_handler, &t, NULL) != SESS_OK) exit(2);
    sess_engine *e = take_engine(o);
    sess_session *s = sess_new(e);
    if (sess_set_cookie_header(s, cookie, SESS_NTS) != SESS_OK) exit(2);
    printf("  %-6s", profile);
    run_script(s, script, profile);
    printf("\n");
    sess_free(s);
    sess_engine_free(e);
}

int main(void) {
    static const struct {
        const char *title, *cookie, *script;
    } scripts[] = {
        {"a new session", "", "sfc"},
        {"a session the client has, nothing changed", "PHPSESSID=old", "sc"},
        {"session_id('mine') before session_start()", "", "isfc"},
        {"session_id('mine') after session_start()", "", "sifc"},
        {"session_regenerate_id()", "PHPSESSID=old", "sgc"},
        {"session_regenerate_id(true)", "PHPSESSID=old", "sGc"},
        {"session_reset()", "PHPSESSID=old", "src"},
        {"session_destroy()", "PHPSESSID=old", "sd"},
        {"session_destroy(), session_start()", "PHPSESSID=old", "sdsc"},
    };
    for (size_t i = 0; i < sizeof scripts / sizeof *scripts; i++) {
        printf("%s\n", scripts[i].title);
        one("php5", scripts[i].cookie, scripts[i].script);
        one("php82", scripts[i].cookie, scripts[i].script);
    }
    return 0;
}
