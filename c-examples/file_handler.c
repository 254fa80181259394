/* file_handler.c - see file_handler.h. */
#define _DEFAULT_SOURCE
#include "file_handler.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define PREFIX "sess_"
/* What write works on before the rename; gc drops those a crash left behind. */
#define UNFINISHED "new_"

/* Fails with errno; the message names the directory, and never the id, which is a secret. */
static sess_rc failed(sess_call *call, const char *what) {
    int reason = errno;
    char text[512];
    snprintf(text, sizeof text, "%s in %s: %s", what, (const char *)sess_call_state(call),
             strerror(reason));
    return sess_call_fail(call, SESS_EIO, reason, text);
}

/* The directory, a slash, `prefix` and `name`; free it. NULL when out of memory. */
static char *join(const char *directory, const char *prefix, const char *name) {
    size_t size = strlen(directory) + 1 + strlen(prefix) + strlen(name) + 1;
    char *path = malloc(size);
    if (path != NULL) snprintf(path, size, "%s/%s%s", directory, prefix, name);
    return path;
}

/* The path of a session. An id comes from the client, so it is checked before it becomes a path. */
static sess_rc path_of(sess_call *call, const char *id, char **path) {
    const char *directory = sess_call_state(call);
    if (directory == NULL) return sess_call_fail(call, SESS_EMISUSE, 0, "not open");
    size_t len = strspn(id, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ,-");
    if (len == 0 || len > SESS_ID_MAX || id[len] != '\0')
        return sess_call_fail(call, SESS_EBADID, 0, "the id cannot be a file name");
    *path = join(directory, PREFIX, id);
    return *path != NULL ? SESS_OK : sess_call_fail(call, SESS_ENOMEM, ENOMEM, NULL);
}

/* function open($savePath, $sessionName) */
static sess_rc file_open(void *user, sess_call *call, const char *save_path,
                         const char *session_name) {
    (void)user, (void)session_name;
    char *directory = malloc(strlen(save_path) + 1);
    if (directory == NULL) return sess_call_fail(call, SESS_ENOMEM, ENOMEM, NULL);
    strcpy(directory, save_path);
    free(sess_call_state(call)); /* open may come again without a close */
    sess_call_set_state(call, directory);
    if (mkdir(directory, 0700) != 0 && errno != EEXIST)
        return failed(call, "the directory cannot be made");
    return SESS_OK;
}

/* function close() */
static sess_rc file_close(void *user, sess_call *call) {
    (void)user;
    free(sess_call_state(call));
    sess_call_set_state(call, NULL);
    return SESS_OK;
}

/* Answers with the whole file. */
static sess_rc answer(sess_call *call, int fd) {
    struct stat st;
    if (fstat(fd, &st) != 0) return failed(call, "a session file cannot be read");
    if (!S_ISREG(st.st_mode))
        return sess_call_fail(call, SESS_EUNSAFE, 0, "a session is no regular file");
    size_t size = (size_t)st.st_size, got = 0;
    char *data = malloc(size + 1);
    if (data == NULL) return sess_call_fail(call, SESS_ENOMEM, ENOMEM, NULL);
    while (got < size) {
        ssize_t n = read(fd, data + got, size - got);
        if (n < 0 && errno == EINTR) continue;
        if (n == 0) errno = EIO; /* somebody cuts the file while it is read */
        if (n <= 0) break;
        got += (size_t)n;
    }
    if (got < size) {
        sess_rc rc = failed(call, "a session file cannot be read");
        free(data);
        return rc;
    }
    return sess_call_lend_data(call, data, size, data, free); /* freed by libsess */
}

/* function read($id) */
static sess_rc file_read(void *user, sess_call *call, const char *id) {
    (void)user;
    char *path = NULL;
    sess_rc rc = path_of(call, id, &path);
    if (rc != SESS_OK) return rc;
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    free(path);
    if (fd < 0)
        return errno == ENOENT ? SESS_ENOTFOUND : failed(call, "a session cannot be opened");
    rc = answer(call, fd);
    close(fd);
    return rc;
}

/* function write($id, $data); a rename makes it all or nothing */
static sess_rc file_write(void *user, sess_call *call, const char *id, const uint8_t *data,
                          size_t len) {
    (void)user;
    char *path = NULL;
    sess_rc rc = path_of(call, id, &path);
    if (rc != SESS_OK) return rc;
    char *unfinished = join(sess_call_state(call), UNFINISHED, "XXXXXX");
    if (unfinished == NULL) {
        free(path);
        return sess_call_fail(call, SESS_ENOMEM, ENOMEM, NULL);
    }
    int fd = mkstemp(unfinished);
    if (fd < 0) {
        rc = failed(call, "a session cannot be written");
    } else {
        ssize_t n;
        do
            n = write(fd, data, len);
        while (n < 0 && errno == EINTR);
        /* A short write means no space or a size limit, and going on might raise SIGXFSZ. */
        if (n >= 0 && (size_t)n < len) errno = ENOSPC;
        int written = n >= 0 && (size_t)n == len;
        if (close(fd) != 0 || !written || rename(unfinished, path) != 0) {
            rc = failed(call, "a session cannot be written");
            unlink(unfinished);
        }
    }
    free(unfinished);
    free(path);
    return rc;
}

/* function destroy($id) */
static sess_rc file_destroy(void *user, sess_call *call, const char *id) {
    (void)user;
    char *path = NULL;
    sess_rc rc = path_of(call, id, &path);
    if (rc != SESS_OK) return rc;
    if (unlink(path) != 0 && errno != ENOENT) rc = failed(call, "a session cannot be deleted");
    free(path);
    return rc;
}

/* function gc($maxlifetime) */
static sess_rc file_gc(void *user, sess_call *call, int64_t max_lifetime, int64_t *removed) {
    (void)user;
    const char *directory = sess_call_state(call);
    if (directory == NULL) return sess_call_fail(call, SESS_EMISUSE, 0, "not open");
    DIR *entries = opendir(directory);
    if (entries == NULL) return failed(call, "the directory cannot be listed");
    time_t now = time(NULL);
    struct dirent *entry;
    *removed = 0;
    while ((entry = readdir(entries)) != NULL) {
        int session = strncmp(entry->d_name, PREFIX, strlen(PREFIX)) == 0;
        if (!session && strncmp(entry->d_name, UNFINISHED, strlen(UNFINISHED)) != 0) continue;
        struct stat st;
        if (fstatat(dirfd(entries), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0) continue;
        if (!S_ISREG(st.st_mode) || (int64_t)(now - st.st_mtime) <= max_lifetime) continue;
        if (unlinkat(dirfd(entries), entry->d_name, 0) == 0 && session) ++*removed;
    }
    closedir(entries);
    return SESS_OK;
}

const sess_handler file_handler = {
    .struct_size = sizeof(sess_handler),
    .open = file_open,
    .close = file_close,
    .read = file_read,
    .write = file_write,
    .destroy = file_destroy,
    .gc = file_gc,
};
