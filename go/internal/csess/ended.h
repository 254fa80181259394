/* What is taken down of every call, for Go to read without crossing again. */

#ifndef CSESS_ENDED_H
#define CSESS_ENDED_H

#include "shim.h"

#include <string.h>

/* Take down how a call ended. */
static inline void ended(csess *c, sess_rc rc) {
    c->rc = rc;
    if (rc != SESS_OK) {
        c->sys_errno = sess_errno(c->session);
        c->message = sess_errmsg(c->session);
    }
}

/* As ended, for what may have changed where the session is in its life. */
static inline void moved(csess *c, sess_rc rc) {
    ended(c, rc);
    c->state = sess_status(c->session);
    c->is_new = sess_is_new(c->session);
    c->id = sess_id(c->session);
    c->id_len = strlen(c->id);
}

#endif
