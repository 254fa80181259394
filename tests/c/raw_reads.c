/*
 * raw_reads.c - large sessions read raw, which maps them, while others write and truncate them.
 *
 *     raw_reads DIRECTORY ID TIMES
 *
 * Reads until TIMES of them were mapped; says how many were not. Fails if a payload is not one
 * letter again and again, if a mapping is left after the lock, or by SIGBUS.
 */
#define _DEFAULT_SOURCE
#include <sess.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int fail(const char *what, sess_session *s) {
    fprintf(stderr, "raw_reads: %s: %s\n", what, s == NULL ? "" : sess_errmsg(s));
    return 1;
}

/* Whether a file of this name is mapped into this process. */
static int is_mapped(const char *name) {
    char line[8192];
    int found = 0;
    FILE *maps = fopen("/proc/self/maps", "r");
    if (maps == NULL) exit(2);
    while (fgets(line, sizeof line, maps) != NULL)
        if (strstr(line, name) != NULL) found = 1;
    fclose(maps);
    return found;
}

int main(int argc, char **argv) {
    sess_options *options = sess_options_new();
    sess_engine *engine;
    char name[300];
    long mapped = 0, copied = 0;
    if (argc < 4 || options == NULL) return 2;
    snprintf(name, sizeof name, "/sess_%s", argv[2]);
    if (sess_options_set(options, "session.save_path", argv[1]) != SESS_OK ||
        sess_options_set(options, "session.gc_probability", "0") != SESS_OK ||
        sess_options_set(options, "sess.mmap_threshold", "1M") != SESS_OK ||
        sess_engine_new(options, &engine) != SESS_OK)
        return fail("engine", NULL);
    sess_options_free(options);
    for (long i = 0; mapped < atol(argv[3]); i++) {
        sess_session *s = sess_new(engine);
        if (s == NULL) return fail("session", NULL);
        if (sess_set_id(s, argv[2], SESS_NTS) != SESS_OK ||
            sess_start(s, SESS_START_RAW) != SESS_OK)
            return fail("start", s);
        sess_bytes raw = sess_raw(s);
        const char *text = (const char *)raw.data,
                   *quote = raw.len == 0 ? NULL : memchr(text, '"', raw.len);
        if (is_mapped(name))
            mapped++;
        else
            copied++;
        if (quote == NULL || text[raw.len - 1] != ';' || text[raw.len - 2] != '"')
            return fail("a half-written session", s);
        for (const char *at = quote + 1; at < text + raw.len - 2; at++)
            if (*at != quote[1]) return fail("a half-written session", s);
        if (i % 2 == 0 ? sess_close(s) != SESS_OK : sess_abort(s) != SESS_OK)
            return fail("close", s);
        if (is_mapped(name)) return fail("a mapping without the lock", s);
        sess_free(s);
    }
    printf("%ld\n", copied);
    sess_engine_free(engine);
    return 0;
}
