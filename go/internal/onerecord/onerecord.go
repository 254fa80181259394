//go:build linux && cgo

// Package onerecord is a handler in C with one record and no work of its own: what a handler in Go is measured
// against.
package onerecord

/*
#cgo !libsess_pkgconfig CFLAGS: -I${SRCDIR}/../../../include
#cgo !libsess_pkgconfig LDFLAGS: -L${SRCDIR}/../../../build/static -lsess -lpthread -lm -ldl
#cgo libsess_pkgconfig pkg-config: libsess
#include <sess.h>

static sess_rc on_open(void *user, sess_call *call, const char *path, const char *name) {
    (void)user, (void)call, (void)path, (void)name;
    return SESS_OK;
}

static sess_rc on_close(void *user, sess_call *call) {
    (void)user, (void)call;
    return SESS_OK;
}

static sess_rc on_read(void *user, sess_call *call, const char *id) {
    (void)user, (void)id;
    return sess_call_set_data(call, "n|i:0;", 6);
}

static sess_rc on_write(void *user, sess_call *call, const char *id, const uint8_t *data, size_t len) {
    (void)user, (void)call, (void)id, (void)data, (void)len;
    return SESS_OK;
}

static sess_rc on_id(void *user, sess_call *call, const char *id) {
    (void)user, (void)call, (void)id;
    return SESS_OK;
}

static sess_rc on_gc(void *user, sess_call *call, int64_t max_lifetime, int64_t *removed) {
    (void)user, (void)call, (void)max_lifetime;
    *removed = 0;
    return SESS_OK;
}

static int32_t set(void *options) {
    sess_handler table = {
        .struct_size = sizeof table,
        .open = on_open,
        .close = on_close,
        .read = on_read,
        .write = on_write,
        .destroy = on_id,
        .gc = on_gc,
        .validate_sid = on_id,
        .update_timestamp = on_write,
    };
    return sess_options_set_handler(options, &table, NULL, NULL);
}
*/
import "C"

import (
	"fmt"

	"example.com/libsess/go/internal/csess"
)

// Set lets it be the store of engines that are made of options.
func Set(options *csess.Options) error {
	if rc := C.set(options.Pointer()); rc != 0 {
		return fmt.Errorf("sess_options_set_handler: %d", rc)
	}
	return nil
}
