/* wrap_files.c - see wrap_files.h. */
#include "wrap_files.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Eight hexadecimal digits and a colon. */
#define SEAL_LEN 9

/* CRC-32 as zip, PNG and PHP's crc32() have it. It finds damage; it does not stop a forger. */
static uint32_t crc32(const uint8_t *data, size_t len) {
    uint32_t crc = 0xffffffffu;
    for (size_t i = 0; i < len; i++) {
        crc ^= data[i];
        for (int bit = 0; bit < 8; bit++)
            crc = (crc >> 1) ^ (0xedb88320u & (0u - (crc & 1u)));
    }
    return ~crc;
}

/* Checksum, colon, payload; free it. NULL when out of memory. */
static uint8_t *seal(const uint8_t *data, size_t len) {
    uint8_t *sealed = malloc(SEAL_LEN + len + 1);
    if (sealed == NULL) return NULL;
    snprintf((char *)sealed, SEAL_LEN + 1, "%08lx:", (unsigned long)crc32(data, len));
    if (len > 0) memcpy(sealed + SEAL_LEN, data, len);
    return sealed;
}

static sess_rc wrap_open(void *user, sess_call *call, const char *save_path,
                         const char *session_name) {
    (void)user;
    return sess_call_parent(call)->open(NULL, call, save_path, session_name);
}

static sess_rc wrap_close(void *user, sess_call *call) {
    (void)user;
    return sess_call_parent(call)->close(NULL, call);
}

static sess_rc wrap_read(void *user, sess_call *call, const char *id) {
    (void)user;
    sess_rc rc = sess_call_parent(call)->read(NULL, call, id);
    sess_bytes stored = sess_call_data(call); /* what the parent answered */
    if (rc != SESS_OK || stored.len == 0) return rc;
    if (stored.len < SEAL_LEN) return sess_call_fail(call, SESS_EDATA, 0, "no checksum");
    size_t len = stored.len - SEAL_LEN;
    /* A copy, as the new answer replaces the old one, and one that seal makes has room for both. */
    uint8_t *expected = seal(stored.data + SEAL_LEN, len);
    if (expected == NULL) return sess_call_fail(call, SESS_ENOMEM, ENOMEM, NULL);
    if (memcmp(expected, stored.data, SEAL_LEN) != 0) {
        free(expected);
        return sess_call_fail(call, SESS_EDATA, 0, "the checksum of the record is wrong");
    }
    return sess_call_lend_data(call, expected + SEAL_LEN, len, expected, free);
}

static sess_rc wrap_write(void *user, sess_call *call, const char *id, const uint8_t *data,
                          size_t len) {
    (void)user;
    uint8_t *sealed = seal(data, len);
    if (sealed == NULL) return sess_call_fail(call, SESS_ENOMEM, ENOMEM, NULL);
    sess_rc rc = sess_call_parent(call)->write(NULL, call, id, sealed, SEAL_LEN + len);
    free(sealed);
    return rc; /* SESS_ENOTFOUND, destroyed meanwhile, passes through */
}

static sess_rc wrap_destroy(void *user, sess_call *call, const char *id) {
    (void)user;
    return sess_call_parent(call)->destroy(NULL, call, id);
}

static sess_rc wrap_gc(void *user, sess_call *call, int64_t max_lifetime, int64_t *removed) {
    (void)user;
    return sess_call_parent(call)->gc(NULL, call, max_lifetime, removed);
}

static sess_rc wrap_create_sid(void *user, sess_call *call) {
    (void)user;
    return sess_call_parent(call)->create_sid(NULL, call);
}

static sess_rc wrap_validate_sid(void *user, sess_call *call, const char *id) {
    (void)user;
    return sess_call_parent(call)->validate_sid(NULL, call, id);
}

/* The parent may fall back to write, so it gets what is stored, and not the bare payload. */
static sess_rc wrap_update_timestamp(void *user, sess_call *call, const char *id,
                                     const uint8_t *data, size_t len) {
    (void)user;
    uint8_t *sealed = seal(data, len);
    if (sealed == NULL) return sess_call_fail(call, SESS_ENOMEM, ENOMEM, NULL);
    sess_rc rc = sess_call_parent(call)->update_timestamp(NULL, call, id, sealed, SEAL_LEN + len);
    free(sealed);
    return rc;
}

const sess_handler wrap_files = {
    .struct_size = sizeof(sess_handler),
    .open = wrap_open,
    .close = wrap_close,
    .read = wrap_read,
    .write = wrap_write,
    .destroy = wrap_destroy,
    .gc = wrap_gc,
    .create_sid = wrap_create_sid,
    .validate_sid = wrap_validate_sid,
    .update_timestamp = wrap_update_timestamp,
};
