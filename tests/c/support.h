/* support.h - temporary directories, files and engines for the C tests. Define _DEFAULT_SOURCE. */
#ifndef SUPPORT_H
#define SUPPORT_H

#include "check.h"

#include <sess.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define ID_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define ID_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

/* A new directory of mode 0700 under TMPDIR; free the name after remove_directory. */
static inline char *make_directory(void) {
    const char *tmp = getenv("TMPDIR");
    char *path = malloc(512);
    if (path != NULL) snprintf(path, 512, "%s/sess-c-XXXXXX", tmp != NULL ? tmp : "/tmp");
    if (path == NULL || mkdtemp(path) == NULL) {
        perror("mkdtemp");
        exit(2);
    }
    return path;
}

static inline void remove_entries(int fd) {
    DIR *entries = fdopendir(fd);
    struct dirent *e;
    while (entries != NULL && (e = readdir(entries)) != NULL) {
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0) continue;
        if (unlinkat(dirfd(entries), e->d_name, 0) == 0) continue;
        int below = openat(dirfd(entries), e->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (below >= 0) remove_entries(below);
        unlinkat(dirfd(entries), e->d_name, AT_REMOVEDIR);
    }
    if (entries != NULL) closedir(entries);
}

static inline void remove_directory(const char *path) {
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) remove_entries(fd);
    rmdir(path);
}

/* How many entries a directory has whose names begin with `prefix`; -1 if it cannot be listed. */
static inline int count_entries(const char *path, const char *prefix) {
    DIR *entries = opendir(path);
    struct dirent *e;
    int n = 0;
    if (entries == NULL) return -1;
    while ((e = readdir(entries)) != NULL)
        if (e->d_name[0] != '.' && strncmp(e->d_name, prefix, strlen(prefix)) == 0) n++;
    closedir(entries);
    return n;
}

/* DIRECTORY/sess_ID in a buffer that the next call but three overwrites. */
static inline const char *session_file(const char *directory, const char *id) {
    static char paths[4][1024];
    static int next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/sess_%s", directory, id);
    return path;
}

static inline void put_file(const char *path, const void *data, size_t len) {
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0 || write(fd, data, len) != (ssize_t)len) {
        perror(path);
        exit(2);
    }
    close(fd);
}

/* Checks that the file holds exactly these bytes; `want` NULL: that there is none. */
static inline int file_is(const char *path, const void *want, size_t len) {
    static char data[1 << 20];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return want == NULL && errno == ENOENT;
    ssize_t got = read(fd, data, sizeof data);
    close(fd);
    return want != NULL && got == (ssize_t)len && memcmp(data, want, len) == 0;
}

/* Options with directives: make_options("key", "value", ..., NULL). */
static inline sess_options *make_options(const char *key, ...) {
    sess_options *options = sess_options_new();
    va_list args;
    va_start(args, key);
    for (; key != NULL; key = va_arg(args, const char *)) {
        const char *value = va_arg(args, const char *);
        if (sess_options_set(options, key, value) != SESS_OK) {
            printf("%s = %s: %s\n", key, value, sess_options_errmsg(options));
            exit(2);
        }
    }
    va_end(args);
    return options;
}

/* An engine of these options, which are freed. */
static inline sess_engine *take_engine(sess_options *options) {
    sess_engine *engine = NULL;
    if (sess_engine_new(options, &engine) != SESS_OK) {
        printf("engine: %s\n", sess_options_errmsg(options));
        exit(2);
    }
    sess_options_free(options);
    return engine;
}

/* A files engine over a directory, gc switched off. */
static inline sess_engine *files_engine(const char *directory) {
    return take_engine(make_options("session.save_path", directory, "session.gc_probability", "0",
                                    (const char *)NULL));
}

/* A session under this id. */
static inline sess_session *session_of(sess_engine *engine, const char *id) {
    sess_session *s = sess_new(engine);
    if (s == NULL || (id != NULL && sess_set_id(s, id, SESS_NTS) != SESS_OK)) {
        printf("session: %s\n", sess_errmsg(s));
        exit(2);
    }
    return s;
}

/* Checks the code and, on a mismatch, prints the reason kept on the session. */
static inline int check_rc(sess_rc got, sess_rc want, const sess_session *s, const char *file,
                           int line, const char *what) {
    if (!check_note(got == want, file, line, what))
        printf("    got %s, want %s: %s\n", sess_code_name(got), sess_code_name(want),
               s != NULL ? sess_errmsg(s) : "");
    return got == want;
}

#define CHECK_RC(call, want, s) check_rc((call), (want), (s), __FILE__, __LINE__, #call)
#define CHECK_OK(call, s) CHECK_RC(call, SESS_OK, s)

#endif
