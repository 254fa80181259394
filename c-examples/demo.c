/*
 * demo.c - the same visitor over three storages, every callback printed: make demo
 *
 *     demo [STORAGE...]    files, memory, memory_handler, file_handler, wrap_files
 *
 * The first two are built in, the others are tables from this directory. The session of `files`
 * stays behind in a new directory under TMPDIR; the last lines say how to look at it.
 */
#define _DEFAULT_SOURCE
#include "file_handler.h"
#include "memory_handler.h"
#include "trace.h"
#include "wrap_files.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What one storage needs. */
typedef struct storage {
    const char *name;
    const char *backend;         /* session.save_handler: what is built in, and the parent */
    const sess_handler *handler; /* NULL: the built-in backend itself */
    int keep;                    /* whether the session stays behind */
} storage;

static const storage storages[] = {
    {"files", "files", NULL, 1},
    {"memory", "memory", NULL, 0},
    {"memory_handler", "files", &memory_handler, 0},
    {"file_handler", "files", &file_handler, 0},
    {"wrap_files", "files", &wrap_files, 0},
};

/* The browser: it remembers one cookie. */
typedef struct browser {
    char cookie[SESS_ID_MAX * 3 + 64];
} browser;

static int failed(sess_session *s, const char *what) {
    fprintf(stderr, "%s: %s: %s\n", what, sess_code_name(sess_errcode(s)), sess_errmsg(s));
    return -1;
}

/* Ends the response: takes over the cookie, if one was set. */
static void respond(sess_session *s, browser *b) {
    const char *name, *value;
    for (size_t i = 0; sess_header_at(s, i, &name, &value, NULL) == SESS_OK; i++) {
        if (strcmp(name, "Set-Cookie") != 0) continue;
        printf("  -> %s: %s\n", name, value);
        snprintf(b->cookie, sizeof b->cookie, "%.*s", (int)strcspn(value, ";"), value);
    }
    sess_mark_headers_sent(s);
}

/* $_SESSION['n']++ and $_SESSION['cart'][$sku]++ */
static int buy(sess_session *s, const char *sku) {
    int64_t n = sess_value_int(sess_get(s, "n", SESS_NTS), 0);
    if (sess_value_set_int(sess_data(s), "n", SESS_NTS, n + 1) != SESS_OK) return -1;
    sess_value *cart = sess_value_edit(sess_data(s), "cart", SESS_NTS);
    int64_t pieces = sess_value_int(sess_value_get(cart, sku, SESS_NTS), 0);
    return sess_value_set_int(cart, sku, SESS_NTS, pieces + 1) == SESS_OK ? 0 : -1;
}

static int visit(sess_session *s, const char *sku) {
    printf("  sess_start\n");
    if (sess_start(s, 0) != SESS_OK) return failed(s, "sess_start");
    if (sku != NULL && buy(s, sku) != 0) return failed(s, "buy");
    printf("  sess_close%s\n", sku != NULL ? "" : ": nothing was changed");
    return sess_close(s) == SESS_OK ? 0 : failed(s, "sess_close");
}

static int log_in(sess_session *s) {
    printf("  sess_start\n");
    if (sess_start(s, 0) != SESS_OK) return failed(s, "sess_start");
    printf("  sess_regenerate_id: a new id at every login\n");
    if (sess_regenerate_id(s, true) != SESS_OK) return failed(s, "sess_regenerate_id");
    if (sess_value_set_string(sess_data(s), "user", SESS_NTS, "eve", SESS_NTS) != SESS_OK)
        return failed(s, "set");
    printf("  sess_close\n");
    return sess_close(s) == SESS_OK ? 0 : failed(s, "sess_close");
}

static int collect(sess_session *s) {
    int64_t removed = 0;
    printf("  sess_collect: from a cron job, or in idle time\n");
    return sess_collect(s, -1, &removed, NULL) == SESS_OK ? 0 : failed(s, "sess_collect");
}

static int log_out(sess_session *s) {
    printf("  sess_start\n");
    if (sess_start(s, 0) != SESS_OK) return failed(s, "sess_start");
    printf("  sess_destroy\n");
    return sess_destroy(s) == SESS_OK ? 0 : failed(s, "sess_destroy");
}

/* One request. `step` counts the visitor's requests. */
static int request(sess_engine *engine, browser *b, int step) {
    static const char *const titles[] = {"the first visit", "the second visit", "only looking",
                                         "logging in",      "collecting",       "logging out"};
    sess_session *s = sess_new(engine);
    if (s == NULL) return -1;
    printf(" %s\n", titles[step]);
    int bad = -1;
    if (sess_set_cookie_header(s, b->cookie, SESS_NTS) != SESS_OK)
        failed(s, "sess_set_cookie_header");
    else if (step < 3)
        bad = visit(s, step == 0 ? "apple" : step == 1 ? "pear" : NULL);
    else
        bad = step == 3 ? log_in(s) : step == 4 ? collect(s) : log_out(s);
    if (bad == 0) respond(s, b);
    sess_free(s);
    return bad;
}

/* An engine whose callbacks are printed; NULL after saying why. */
static sess_engine *make_engine(const storage *st, const char *directory, trace *t) {
    sess_engine *engine = NULL;
    sess_options *options = sess_options_new();
    if (options == NULL) return NULL;
    if (sess_options_set(options, "session.save_handler", st->backend) != SESS_OK ||
        sess_options_set(options, "session.save_path", directory) != SESS_OK ||
        sess_options_set(options, "session.gc_probability", "0") != SESS_OK || /* no surprises */
        sess_options_set_handler(options, &trace_handler, t, NULL) != SESS_OK ||
        sess_engine_new(options, &engine) != SESS_OK)
        fprintf(stderr, "%s: %s\n", st->name, sess_options_errmsg(options));
    sess_options_free(options);
    return engine;
}

/* Where the session lies, what it is, and how to check it. */
static int show(const char *directory, const browser *b) {
    const char *id = strchr(b->cookie, '=');
    char path[1024], bytes[1024];
    if (id == NULL) return -1;
    id++;
    snprintf(path, sizeof path, "%s/sess_%s", directory, id);
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        perror(path);
        return -1;
    }
    size_t len = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    printf("left behind: %s\nid:          %s\nbytes:       %.*s\n", path, id, (int)len, bytes);
    printf("\nLook at it with od, or let PHP open the same session:\n"
           "  od -c %s\n"
           "  php -n -d session.save_path=%s -r 'session_id(\"%s\"); session_start(); "
           "print_r($_SESSION);'\n",
           path, directory, id);
    return 0;
}

static int run(const storage *st, const char *directory, browser *b) {
    memory_store *store = NULL;
    trace t = {stdout, st->handler, NULL};
    if (st->handler == &memory_handler) {
        store = memory_store_new();
        if (store == NULL) return -1;
        t.inner_user = store;
    }
    printf("%s: %s\n", st->name,
           st->handler == NULL ? "built in" : "callbacks in C, see c-examples");
    sess_engine *engine = make_engine(st, directory, &t);
    int bad = engine == NULL ? -1 : 0;
    for (int step = 0; bad == 0 && step < (st->keep ? 5 : 6); step++)
        bad = request(engine, b, step);
    sess_engine_free(engine);
    memory_store_free(store);
    printf("\n");
    return bad;
}

static const storage *named(const char *name) {
    for (size_t i = 0; i < sizeof storages / sizeof *storages; i++)
        if (strcmp(storages[i].name, name) == 0) return &storages[i];
    return NULL;
}

int main(int argc, char **argv) {
    static char *usual[] = {"demo", "files", "memory", "memory_handler"};
    const char *tmp = getenv("TMPDIR");
    char directory[512];
    browser kept = {""};
    if (argc < 2) argc = (int)(sizeof usual / sizeof *usual), argv = usual;
    snprintf(directory, sizeof directory, "%s/sess-demo-XXXXXX", tmp != NULL ? tmp : "/tmp");
    if (mkdtemp(directory) == NULL) {
        perror(directory);
        return 1;
    }
    for (int i = 1; i < argc; i++) {
        const storage *st = named(argv[i]);
        browser b = {""};
        if (st == NULL) {
            fprintf(stderr, "demo: there is no storage %s\n", argv[i]);
            return 2;
        }
        if (run(st, directory, &b) != 0) return 1;
        if (st->keep) kept = b;
    }
    rmdir(directory); /* it stays if a session is in it */
    return kept.cookie[0] == '\0' || show(directory, &kept) == 0 ? 0 : 1;
}
