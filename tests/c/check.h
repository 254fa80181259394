/*
 * check.h - the smallest test frame: CHECK_*, and check_report prints `N passed, N failed`.
 *
 * A failed check prints where and what, and the program goes on.
 */
#ifndef CHECK_H
#define CHECK_H

#include <stdio.h>
#include <string.h>

static int check_passed, check_failed;

static inline int check_note(int ok, const char *file, int line, const char *what) {
    if (ok) {
        check_passed++;
    } else {
        check_failed++;
        printf("%s:%d: failed: %s\n", file, line, what);
        fflush(stdout);
    }
    return ok;
}

static inline int check_int(long long got, long long want, const char *file, int line,
                            const char *what) {
    if (!check_note(got == want, file, line, what)) printf("    got %lld, want %lld\n", got, want);
    return got == want;
}

static inline int check_str(const char *got, const char *want, const char *file, int line,
                            const char *what) {
    int ok = got != NULL && strcmp(got, want) == 0;
    if (!check_note(ok, file, line, what))
        printf("    got \"%s\", want \"%s\"\n", got != NULL ? got : "(null)", want);
    return ok;
}

static inline int check_has(const char *text, const char *part, const char *file, int line,
                            const char *what) {
    int ok = text != NULL && strstr(text, part) != NULL;
    if (!check_note(ok, file, line, what))
        printf("    \"%s\" does not hold \"%s\"\n", text != NULL ? text : "(null)", part);
    return ok;
}

static inline int check_mem(const void *got, size_t got_len, const void *want, size_t want_len,
                            const char *file, int line, const char *what) {
    int ok = got_len == want_len && (got_len == 0 || memcmp(got, want, got_len) == 0);
    if (!check_note(ok, file, line, what))
        printf("    got %zu bytes \"%.*s\", want %zu bytes \"%.*s\"\n", got_len, (int)got_len,
               (const char *)got, want_len, (int)want_len, (const char *)want);
    return ok;
}

#define CHECK(condition) check_note((condition), __FILE__, __LINE__, #condition)
#define CHECK_INT(got, want) check_int((got), (want), __FILE__, __LINE__, #got " == " #want)
#define CHECK_STR(got, want) check_str((got), (want), __FILE__, __LINE__, #got)
#define CHECK_HAS(text, part) check_has((text), (part), __FILE__, __LINE__, #text)
#define CHECK_MEM(got, got_len, want, want_len)                                                    \
    check_mem((got), (got_len), (want), (want_len), __FILE__, __LINE__, #got)

/* The exit status of main. */
static inline int check_report(void) {
    printf("%d passed, %d failed\n", check_passed, check_failed);
    fflush(stdout);
    return check_failed != 0 || check_passed == 0;
}

#endif
