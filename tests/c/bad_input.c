/*
 * bad_input.c - what is wrong has its own code, says path or key and errno, and loses nothing.
 *
 * Parts that need another user, a size limit or a full disk run in a child process; the child drops
 * root's rights, because root may read everything.
 */
#define _GNU_SOURCE
#include "support.h"

#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>

#define STORED "n|i:41;"

typedef void (*part)(const char *directory);

/* Runs a part in a child, in a new directory that belongs to `owner`; a signal is a failure. */
static void in_child(part run, uid_t owner, const char *name) {
    char *directory = make_directory();
    int status = 0;
    if (geteuid() == 0 && chown(directory, owner, owner) != 0) perror("chown");
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        check_passed = check_failed = 0;
        run(directory);
        fflush(stdout);
        _exit(check_failed != 0 || check_passed == 0);
    }
    CHECK(child > 0 && waitpid(child, &status, 0) == child);
    check_note(WIFEXITED(status) && WEXITSTATUS(status) == 0, __FILE__, __LINE__, name);
    remove_directory(directory);
    free(directory);
}

static void drop_root(void) {
    if (geteuid() != 0) return;
    if (setgid(65534) != 0 || setuid(65534) != 0) perror("setuid");
}

/* The error names the directory, never the id, and the reason that errno gives. */
static void check_error(const sess_session *s, const char *directory, int reason) {
    CHECK_HAS(sess_errmsg(s), directory);
    CHECK(strstr(sess_errmsg(s), ID_A) == NULL);
    CHECK(strchr(sess_errmsg(s), '\n') == NULL);
    CHECK_INT(sess_errno(s), reason);
    if (reason != 0) CHECK_HAS(sess_errmsg(s), strerror(reason));
}

static void directives(void) {
    sess_options *o = sess_options_new();
    CHECK_INT(sess_options_set(o, "session.gc_maxlifetme", "1"), SESS_EINVAL);
    CHECK_HAS(sess_options_errmsg(o), "session.gc_maxlifetme");
    CHECK_HAS(sess_options_errmsg(o), "session.gc_maxlifetime");
    CHECK_INT(sess_options_set(o, "sess.lock_timeout", "1"), SESS_EINVAL);
    CHECK_HAS(sess_options_errmsg(o), "sess.lock_timeout_ms");
    CHECK_INT(sess_options_set(o, "sess.lock_timeout_ms", "soon"), SESS_EINVAL);
    CHECK_HAS(sess_options_errmsg(o), "sess.lock_timeout_ms");
    CHECK_STR(sess_options_get(o, "sess.lock_timeout_ms"), "30000");
    CHECK_INT(sess_options_set(o, NULL, "1"), SESS_EINVAL);
    CHECK_INT(sess_options_set(o, "session.name", NULL), SESS_EINVAL);
    CHECK(sess_options_get(o, "session.nothing") == NULL);
    sess_handler none = SESS_HANDLER_INIT;
    CHECK_INT(sess_options_set_handler(o, &none, NULL, NULL), SESS_EINVAL);
    CHECK_HAS(sess_options_errmsg(o), "open");
    sess_options_free(o);
}

/* shows: N-33, F-2, F-3, F-4, F-5, F-60 */
static void save_paths(void) {
    char *directory = make_directory();
    static const char *const profiles[] = {"libsess", "php82"};
    char path[700];
    for (size_t i = 0; i < 2; i++) {
        /* A missing directory: the engine is made, start says why. */
        snprintf(path, sizeof path, "%s/missing", directory);
        sess_engine *e = take_engine(make_options("sess.profile", profiles[i], "session.save_path",
                                                  path, (const char *)NULL));
        sess_session *s = sess_new(e);
        CHECK_RC(sess_start(s, 0), SESS_EIO, s);
        check_error(s, path, ENOENT);
        CHECK_INT(sess_status(s), SESS_NONE);
        if (i == 0) CHECK_INT(sess_header_count(s), 0); /* PHP has sent a cookie by then, C-16 */
        sess_free(s);
        sess_engine_free(e);
        CHECK_INT(count_entries(directory, ""), 0);
    }
    static const char *const bad[] = {
        "0;77777;%s", "99999999999999999999;%s",
        "x;y;%s",     "2;0999;%s",
        "-1;%s",      "256;%s",
        " 1;%s",      "1x;%s",
        ";%s",        "0;;%s",
        "0;0400;%s",  "0;%s;d",
    };
    sess_engine *good = files_engine(directory);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        snprintf(path, sizeof path, bad[i], directory);
        sess_options *o = make_options("session.save_path", path, (const char *)NULL);
        sess_engine *e = NULL;
        CHECK_INT(sess_engine_new(o, &e), SESS_EINVAL);
        CHECK(e == NULL);
        CHECK_HAS(sess_options_errmsg(o), "session.save_path");
        sess_options_free(o);
        sess_session *s = sess_new(good);
        CHECK_RC(sess_set_option(s, "session.save_path", path), SESS_EINVAL, s);
        CHECK_HAS(sess_errmsg(s), "session.save_path");
        CHECK_STR(sess_option(s, "session.save_path"), directory);
        sess_free(s);
        /* Another storage reads its path in its own way. */
        sess_engine_free(take_engine(make_options("session.save_handler", "memory",
                                                  "session.save_path", path, (const char *)NULL)));
    }
    sess_engine_free(good);
    /* PHP takes what strtol takes. */
    snprintf(path, sizeof path, "0x;0600y;%s", directory);
    sess_engine *php = take_engine(
        make_options("sess.profile", "php82", "session.save_path", path, (const char *)NULL));
    sess_session *s = session_of(php, ID_A);
    CHECK_OK(sess_start(s, 0), s);
    CHECK_OK(sess_destroy(s), s);
    sess_free(s);
    sess_engine_free(php);
    CHECK_INT(count_entries(directory, ""), 0);
    remove_directory(directory);
    free(directory);
}

/* Starts under ID_A and expects this; the session is none afterwards. */
static void expect_start(const char *directory, sess_rc want, int reason) {
    sess_engine *e = files_engine(directory);
    sess_session *s = session_of(e, ID_A);
    CHECK_RC(sess_start(s, 0), want, s);
    check_error(s, directory, reason);
    CHECK_INT(sess_status(s), SESS_NONE);
    sess_free(s);
    s = session_of(e, ID_A);
    CHECK_RC(sess_start(s, SESS_START_READ_AND_CLOSE), want, s);
    check_error(s, directory, reason);
    sess_free(s);
    sess_engine_free(e);
}

/* shows: F-15 */
static void kinds_of_file(void) {
    char *directory = make_directory();
    const char *path = session_file(directory, ID_A);
    char target[700];
    snprintf(target, sizeof target, "%s/target", directory);
    put_file(target, STORED, strlen(STORED));
    CHECK_INT(symlink(target, path), 0);
    expect_start(directory, SESS_EUNSAFE, ELOOP);
    CHECK(file_is(target, STORED, strlen(STORED)));
    unlink(path);

    CHECK_INT(mkdir(path, 0700), 0);
    expect_start(directory, SESS_EUNSAFE, EISDIR);
    CHECK_INT(rmdir(path), 0);

    CHECK_INT(mkfifo(path, 0600), 0);
    alarm(20); /* an open that waits for a writer would hang */
    expect_start(directory, SESS_EUNSAFE, 0);
    alarm(0);
    unlink(path);
    CHECK_INT(count_entries(directory, ""), 1);
    remove_directory(directory);
    free(directory);
}

/* shows: F-14 */
static void foreign_owner(const char *directory) {
    const char *path = session_file(directory, ID_A);
    put_file(path, STORED, strlen(STORED));
    CHECK_INT(chmod(path, 0666), 0);
    CHECK_INT(chown(path, 65533, 65533), 0);
    drop_root();
    expect_start(directory, SESS_EUNSAFE, 0);
    CHECK(file_is(path, STORED, strlen(STORED)));
}

static void unreadable(const char *directory) {
    drop_root();
    const char *path = session_file(directory, ID_A);
    put_file(path, STORED, strlen(STORED));
    CHECK_INT(chmod(path, 0), 0);
    expect_start(directory, SESS_EIO, EACCES);
    CHECK_INT(chmod(path, 0600), 0);
    CHECK(file_is(path, STORED, strlen(STORED)));
}

static void note_event(void *user, const sess_event *event) {
    if (strcmp(sess_event_name(event), "DIR_OPEN_FAILED") == 0) ++*(int *)user;
}

/* Debian's directory, mode 1733: sessions work, collecting says that it cannot. shows: F-79, F-32
 */
static void unlistable(const char *directory) {
    int told = 0;
    CHECK_INT(chmod(directory, 01733), 0);
    drop_root();
    sess_options *o = make_options("session.save_path", directory, "session.gc_probability", "1",
                                   "session.gc_divisor", "1", (const char *)NULL);
    CHECK_INT(sess_options_set_events(o, note_event, &told, NULL), SESS_OK);
    sess_engine *e = take_engine(o);
    sess_session *s = sess_new(e);
    CHECK_OK(sess_start(s, 0), s);
    CHECK_OK(sess_value_set_int(sess_data(s), "n", 1, 1), s);
    CHECK_OK(sess_close(s), s);
    CHECK_INT(told, 1);
    CHECK(file_is(session_file(directory, sess_id(s)), "n|i:1;", 6));
    CHECK_RC(sess_collect(s, -1, NULL, NULL), SESS_EUNSUPPORTED, s);
    CHECK_INT(sess_errno(s), EACCES);
    CHECK_HAS(sess_errmsg(s), directory);
    CHECK_HAS(sess_errmsg(s), "not permitted");
    sess_free(s);
    sess_engine_free(e);
}

/* A payload that does not fit: the caller learns it, the old session stays. */
static void too_large(const char *directory, int reason) {
    static char large[100000];
    const char *path = session_file(directory, ID_A);
    memset(large, 'x', sizeof large);
    put_file(path, STORED, strlen(STORED));
    sess_engine *e = files_engine(directory);
    sess_session *s = session_of(e, ID_A);
    CHECK_OK(sess_start(s, 0), s);
    CHECK_OK(sess_value_set_string(sess_data(s), "large", SESS_NTS, large, sizeof large), s);
    CHECK_RC(sess_close(s), SESS_EIO, s);
    CHECK_HAS(sess_errmsg(s), directory);
    CHECK_HAS(sess_errmsg(s), reason == EFBIG ? "RLIMIT_FSIZE" : "no space");
    CHECK(strstr(sess_errmsg(s), ID_A) == NULL);
    CHECK_INT(sess_errno(s), reason);
    CHECK_INT(sess_status(s), SESS_CLOSED);
    CHECK(file_is(path, STORED, strlen(STORED)));
    /* Another session that fits is still saved: the lock is free, the handle works. */
    CHECK_OK(sess_start(s, 0), s);
    CHECK_INT(sess_value_int(sess_get(s, "n", SESS_NTS), 0), 41);
    CHECK_OK(sess_value_set_int(sess_data(s), "n", SESS_NTS, 42), s);
    CHECK_OK(sess_close(s), s);
    CHECK(file_is(path, "n|i:42;", 7));
    sess_free(s);
    /* And one that never was leaves no file behind. */
    s = sess_new(e);
    CHECK_OK(sess_start(s, 0), s);
    CHECK_OK(sess_value_set_string(sess_data(s), "large", SESS_NTS, large, sizeof large), s);
    CHECK_RC(sess_close(s), SESS_EIO, s);
    CHECK_INT(sess_errno(s), reason);
    CHECK_INT(count_entries(directory, "sess_"), 1);
    sess_free(s);
    sess_engine_free(e);
}

/* shows: F-62, F-72: SIGXFSZ keeps its default action, which is death */
static void size_limit(const char *directory) {
    struct rlimit limit = {20000, 20000};
    CHECK(signal(SIGXFSZ, SIG_DFL) != SIG_ERR);
    CHECK_INT(setrlimit(RLIMIT_FSIZE, &limit), 0);
    too_large(directory, EFBIG);
}

/* shows: F-61 */
static void full_disk(const char *directory) {
    int alone = unshare(CLONE_NEWNS);
    if (alone == 0) alone = mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL);
    if (alone == 0) alone = mount("none", directory, "tmpfs", 0, "size=65536");
    if (alone != 0) {
        /* Mounting is a right that a container may not give; the size limit shows the same path. */
        printf("full disk: not shown, no right to mount: %s\n", strerror(errno));
        CHECK(errno == EPERM || errno == EACCES);
        return;
    }
    too_large(directory, ENOSPC);
}

/* shows: S-12, E-18 */
static void undecodable(void) {
    static const char damaged[] = "a|i:1;b|s:9:\"x\";";
    char *directory = make_directory();
    const char *path = session_file(directory, ID_A);
    put_file(path, damaged, strlen(damaged));
    sess_engine *e = files_engine(directory);
    sess_session *s = session_of(e, ID_A);
    CHECK_RC(sess_start(s, 0), SESS_EDATA, s);
    CHECK_INT(sess_status(s), SESS_NONE);
    CHECK(file_is(path, damaged, strlen(damaged)));
    CHECK_OK(sess_set_id(s, ID_A, SESS_NTS), s); /* a failed start has forgotten it */
    CHECK_RC(sess_start(s, SESS_START_READ_AND_CLOSE), SESS_EDATA, s);
    /* It can be looked at and replaced without being decoded. */
    CHECK_OK(sess_set_id(s, ID_A, SESS_NTS), s);
    CHECK_OK(sess_start(s, SESS_START_RAW), s);
    sess_bytes raw = sess_raw(s);
    CHECK_MEM(raw.data, raw.len, damaged, strlen(damaged));
    CHECK_OK(sess_set_raw(s, STORED, strlen(STORED)), s);
    CHECK_OK(sess_close(s), s);
    CHECK(file_is(path, STORED, strlen(STORED)));
    sess_free(s);
    sess_engine_free(e);

    /* PHP destroys what it cannot decode, and so does its profile. */
    put_file(path, damaged, strlen(damaged));
    e = take_engine(
        make_options("sess.profile", "php82", "session.save_path", directory, (const char *)NULL));
    s = session_of(e, ID_A);
    CHECK_RC(sess_start(s, 0), SESS_EDATA, s);
    CHECK(file_is(path, NULL, 0));
    sess_free(s);
    sess_engine_free(e);
    remove_directory(directory);
    free(directory);
}

/* shows: I-10, I-11 */
static void ids(void) {
    char *directory = make_directory();
    sess_engine *e = files_engine(directory);
    sess_session *s = sess_new(e);
    char longest[SESS_ID_MAX + 2];
    memset(longest, 'a', sizeof longest);
    CHECK_OK(sess_set_id(s, longest, SESS_ID_MAX), s);
    CHECK_RC(sess_set_id(s, longest, SESS_ID_MAX + 1), SESS_EBADID, s);
    CHECK_RC(sess_set_id(s, longest, 21), SESS_EBADID, s);
    CHECK_RC(sess_set_id(s, "", 0), SESS_EBADID, s);
    CHECK_RC(sess_set_id(s, "../../../../../etc/passwd", SESS_NTS), SESS_EBADID, s);
    CHECK_RC(sess_set_id(s, "aaaaaaaaaaaaaaaaaaaaaaaaaaaa\0aaa", 32), SESS_EBADID, s);
    CHECK_RC(sess_set_id(s, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\xc3\xa4", SESS_NTS), SESS_EBADID, s);
    CHECK_RC(sess_create_id(s, "a/b", 3, NULL), SESS_EINVAL, s);
    const char *id = "untouched";
    CHECK_RC(sess_create_id(s, "a/b", 3, &id), SESS_EBADID, s);
    CHECK_STR(id, "untouched");
    sess_free(s);
    /* From a cookie it is no error: the visitor gets a new session. */
    s = sess_new(e);
    CHECK_OK(sess_set_cookie_header(s, "PHPSESSID=..%2F..%2Fetc%2Fpasswd", SESS_NTS), s);
    CHECK_OK(sess_start(s, 0), s);
    CHECK_INT(strspn(sess_id(s), "0123456789abcdef"), 32);
    CHECK(sess_is_new(s));
    sess_free(s);
    sess_engine_free(e);
    /* php82 lets it through to the backend, which refuses it. */
    e = take_engine(
        make_options("sess.profile", "php82", "session.save_path", directory, (const char *)NULL));
    s = sess_new(e);
    CHECK_OK(sess_set_cookie_header(s, "PHPSESSID=..%2F..%2Fetc%2Fpasswd", SESS_NTS), s);
    CHECK_RC(sess_start(s, 0), SESS_EBADID, s);
    sess_free(s);
    sess_engine_free(e);
    CHECK_INT(count_entries(directory, ""), 0);
    remove_directory(directory);
    free(directory);
}

/* shows: E-10, E-11, E-13 */
static void keys(void) {
    static const struct {
        const char *format, *key;
        size_t len;
    } bad[] = {
        {"php", "a|b", 3},
        {"php", "5", 1},
        {"php_binary", "5", 1},
        {"php_binary", NULL, 128},
    };
    char long_key[128];
    char *directory = make_directory();
    memset(long_key, 'k', sizeof long_key);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        const char *key = bad[i].key != NULL ? bad[i].key : long_key;
        sess_engine *e =
            take_engine(make_options("session.save_path", directory, "session.serialize_handler",
                                     bad[i].format, (const char *)NULL));
        sess_session *s = sess_new(e);
        sess_bytes before = {NULL, 0}, after = {NULL, 0};
        CHECK_OK(sess_start(s, 0), s);
        CHECK_OK(sess_value_set_int(sess_data(s), "n", 1, 41), s);
        CHECK_OK(sess_encode(s, &before), s);
        char copy[64];
        size_t len = before.len < sizeof copy ? before.len : 0;
        memcpy(copy, before.data, len);
        CHECK_RC(sess_value_set_int(sess_data(s), key, bad[i].len, 1), SESS_EINVAL, s);
        CHECK_HAS(sess_errmsg(s), bad[i].format);
        CHECK(sess_value_edit(sess_data(s), key, bad[i].len) == NULL);
        CHECK_INT(sess_errcode(s), SESS_EINVAL);
        CHECK_OK(sess_encode(s, &after), s);
        CHECK_MEM(after.data, after.len, copy, len);
        /* Nested keys have no such limits. */
        sess_value *a = sess_value_edit(sess_data(s), "a", 1);
        CHECK_OK(sess_value_set_int(a, key, bad[i].len, 1), s);
        CHECK_OK(sess_close(s), s);
        sess_free(s);
        sess_engine_free(e);
    }
    remove_directory(directory);
    free(directory);
    /* php82 takes it, as PHP; but what cannot be encoded is not written, so nothing is lost. */
    directory = make_directory();
    const char *path = session_file(directory, ID_A);
    put_file(path, STORED, strlen(STORED));
    sess_engine *e = take_engine(
        make_options("sess.profile", "php82", "session.save_path", directory, (const char *)NULL));
    sess_session *s = session_of(e, ID_A);
    CHECK_OK(sess_start(s, 0), s);
    CHECK_OK(sess_value_set_int(sess_data(s), "a|b", 3, 1), s);
    CHECK_RC(sess_close(s), SESS_EDATA, s);
    CHECK_HAS(sess_errmsg(s), "a key with a '|'");
    CHECK(file_is(path, STORED, strlen(STORED)));
    sess_free(s);
    sess_engine_free(e);
    remove_directory(directory);
    free(directory);
}

static void sizes(void) {
    char *directory = make_directory();
    const char *path = session_file(directory, ID_A);
    static char large[4096];
    put_file(path, STORED, strlen(STORED));
    sess_engine *e = take_engine(make_options("session.save_path", directory, "sess.max_data_bytes",
                                              "1024", (const char *)NULL));
    sess_session *s = session_of(e, ID_A);
    CHECK_OK(sess_start(s, 0), s);
    memset(large, 'x', sizeof large);
    CHECK_OK(sess_value_set_string(sess_data(s), "large", SESS_NTS, large, sizeof large), s);
    CHECK_RC(sess_close(s), SESS_ETOOBIG, s);
    CHECK(file_is(path, STORED, strlen(STORED)));
    put_file(path, large, sizeof large);
    CHECK_RC(sess_start(s, 0), SESS_ETOOBIG, s);
    CHECK(file_is(path, large, sizeof large));
    sess_free(s);
    sess_engine_free(e);
    remove_directory(directory);
    free(directory);
}

int main(void) {
    umask(022);
    directives();
    save_paths();
    kinds_of_file();
    undecodable();
    ids();
    keys();
    sizes();
    in_child(unreadable, 65534, "unreadable");
    in_child(size_limit, geteuid(), "size_limit");
    in_child(full_disk, geteuid(), "full_disk");
    if (geteuid() == 0) {
        in_child(foreign_owner, 65534, "foreign_owner");
        in_child(unlistable, 0, "unlistable");
    } else {
        printf("foreign owner, unlistable directory: not shown, only root can make them\n");
    }
    return check_report();
}
