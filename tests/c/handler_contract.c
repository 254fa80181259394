/*
 * handler_contract.c - what every sess_handler has to keep: handler_contract NAME [SEED]
 *
 * NAME: memory, files, memory_handler, file_handler, wrap_files. First each slot is called in
 * random order, twice, with ids never seen, destroy before write, gc in between; then the driver
 * runs random life-cycles over it. Both are compared with a model. The seed is printed.
 * shows: L-29, V-2
 */
#define _DEFAULT_SOURCE
#include "../../c-examples/file_handler.h"
#include "../../c-examples/memory_handler.h"
#include "../../c-examples/wrap_files.h"
#include "support.h"

#include <time.h>

#define IDS 6
#define MAX_LEN 300

/* What should be stored under an id. */
typedef struct {
    char id[SESS_ID_MAX + 1];
    int known;
    unsigned char data[MAX_LEN];
    size_t len;
} model;

typedef struct {
    const sess_handler *handler; /* NULL: the parent of the call */
    void *user;
    const char *directory;
    model ids[IDS];
    char made[64][SESS_ID_MAX + 1]; /* answers of create_sid */
    size_t n_made;
    int open;
    uint64_t seed;
} subject;

static uint64_t next_random(uint64_t *seed) {
    *seed += 0x9e3779b97f4a7c15u;
    uint64_t z = *seed;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static size_t below(subject *t, size_t n) { return (size_t)(next_random(&t->seed) % n); }

/* Random bytes, NULs among them; often few, sometimes none. */
static size_t random_bytes(subject *t, unsigned char *to) {
    size_t len = below(t, 4) == 0 ? 0 : below(t, MAX_LEN);
    for (size_t i = 0; i < len; i++)
        to[i] = below(t, 3) == 0 ? 0 : (unsigned char)next_random(&t->seed);
    return len;
}

static void random_id(subject *t, char *to) {
    for (size_t i = 0; i < 32; i++)
        to[i] = "0123456789abcdef"[below(t, 16)];
    to[32] = '\0';
}

/* ---- the slots by themselves --------------------------------------------------------------------
 */

/* Nothing is promised before open, but every answer has to be a code. */
#define CHECK_CODE(rc) CHECK((rc) <= 0)

static void call_open(subject *t, const sess_handler *h, sess_call *call) {
    CHECK_INT(h->open(t->user, call, t->directory, "PHPSESSID"), SESS_OK);
    t->open = 1;
}

static void call_close(subject *t, const sess_handler *h, sess_call *call) {
    CHECK_INT(h->close(t->user, call), SESS_OK);
    t->open = 0;
}

static void call_read(subject *t, const sess_handler *h, sess_call *call, model *m) {
    sess_call_set_data(call, "", 0);
    sess_rc rc = h->read(t->user, call, m->id);
    sess_bytes answer = sess_call_data(call);
    CHECK_CODE(rc);
    if (rc == SESS_OK)
        CHECK_MEM(answer.data, answer.len, m->data, m->known ? m->len : 0);
    else if (t->open)
        CHECK(!m->known && rc == SESS_ENOTFOUND);
}

static void call_write(subject *t, const sess_handler *h, sess_call *call, model *m) {
    unsigned char data[MAX_LEN];
    size_t len = random_bytes(t, data);
    sess_rc rc = h->write(t->user, call, m->id, data, len);
    if (t->open) CHECK(rc == SESS_OK || (rc == SESS_ENOTFOUND && !m->known));
    CHECK_CODE(rc);
    if (rc != SESS_OK) return;
    m->known = 1;
    m->len = len;
    memcpy(m->data, data, len);
}

static void call_destroy(subject *t, const sess_handler *h, sess_call *call, model *m) {
    sess_rc rc = h->destroy(t->user, call, m->id);
    if (t->open) CHECK_INT(rc, SESS_OK);
    CHECK_CODE(rc);
    if (rc == SESS_OK) m->known = 0;
}

static void call_gc(subject *t, const sess_handler *h, sess_call *call) {
    int64_t removed = -1;
    sess_rc rc = h->gc(t->user, call, 1000000, &removed);
    if (t->open) CHECK_INT(rc, SESS_OK);
    CHECK_CODE(rc);
    if (rc == SESS_OK) CHECK(removed == 0 || removed == -1);
}

static void call_create_sid(subject *t, const sess_handler *h, sess_call *call) {
    if (h->create_sid == NULL || t->n_made == sizeof t->made / sizeof *t->made) return;
    sess_rc rc = h->create_sid(t->user, call);
    CHECK_CODE(rc);
    if (t->open) CHECK_INT(rc, SESS_OK);
    if (rc != SESS_OK) return;
    const char *id = sess_call_id(call);
    if (!CHECK(id != NULL && strlen(id) >= 22 && strlen(id) <= SESS_ID_MAX)) return;
    for (size_t i = 0; i < t->n_made; i++)
        CHECK(strcmp(t->made[i], id) != 0);
    strcpy(t->made[t->n_made++], id);
}

static void call_validate_sid(subject *t, const sess_handler *h, sess_call *call, model *m) {
    if (h->validate_sid == NULL) return;
    sess_rc rc = h->validate_sid(t->user, call, m->id);
    CHECK_CODE(rc);
    if (t->open && m->known) CHECK_INT(rc, SESS_OK);
    if (t->open && !m->known) CHECK(rc == SESS_ENOTFOUND || rc == SESS_OK);
}

static void call_update(subject *t, const sess_handler *h, sess_call *call, model *m) {
    if (h->update_timestamp == NULL) return;
    sess_rc rc = h->update_timestamp(t->user, call, m->id, m->data, m->known ? m->len : 0);
    CHECK_CODE(rc);
    if (t->open && m->known) CHECK_INT(rc, SESS_OK);
    if (t->open && !m->known) CHECK(rc == SESS_ENOTFOUND || rc == SESS_OK);
}

static void call_slot(subject *t, const sess_handler *h, sess_call *call, size_t slot, model *m) {
    switch (slot) {
    case 0:
        call_open(t, h, call);
        break;
    case 1:
        call_close(t, h, call);
        break;
    case 2:
        call_read(t, h, call, m);
        break;
    case 3:
        call_write(t, h, call, m);
        break;
    case 4:
        call_destroy(t, h, call, m);
        break;
    case 5:
        call_gc(t, h, call);
        break;
    case 6:
        call_create_sid(t, h, call);
        break;
    case 7:
        call_validate_sid(t, h, call, m);
        break;
    default:
        call_update(t, h, call, m);
        break;
    }
}

/* Any callback of the probe is an occasion to call the slots of the subject. */
static void exercise(subject *t, sess_call *call) {
    const sess_handler *h = t->handler != NULL ? t->handler : sess_call_parent(call);
    for (int step = 0; step < 40; step++) {
        /* open is likelier than close, so that most calls find it open. */
        size_t slot = below(t, 12);
        model *m = &t->ids[below(t, IDS)];
        if (slot > 8) slot = t->open ? slot - 7 : 0;
        if (below(t, 8) == 0 && !m->known) random_id(t, m->id);
        call_slot(t, h, call, slot, m);
        call_slot(t, h, call, slot, m);
    }
    call_open(t, h, call);
    for (size_t i = 0; i < IDS; i++) /* byte for byte, whatever happened */
        call_read(t, h, call, &t->ids[i]);
    call_close(t, h, call);
    call_close(t, h, call);
}

static sess_rc probe_open(void *user, sess_call *call, const char *path, const char *name) {
    (void)path, (void)name;
    exercise(user, call);
    return SESS_OK;
}
static sess_rc probe_close(void *user, sess_call *call) {
    exercise(user, call);
    return SESS_OK;
}
static sess_rc probe_read(void *user, sess_call *call, const char *id) {
    (void)id;
    exercise(user, call);
    return sess_call_set_data(call, "", 0);
}
static sess_rc probe_write(void *user, sess_call *call, const char *id, const uint8_t *data,
                           size_t len) {
    (void)id, (void)data, (void)len;
    exercise(user, call);
    return SESS_OK;
}
static sess_rc probe_destroy(void *user, sess_call *call, const char *id) {
    (void)id;
    exercise(user, call);
    return SESS_OK;
}
static sess_rc probe_gc(void *user, sess_call *call, int64_t max_lifetime, int64_t *removed) {
    (void)max_lifetime;
    exercise(user, call);
    *removed = 0;
    return SESS_OK;
}

static const sess_handler probe = {
    .struct_size = sizeof(sess_handler),
    .open = probe_open,
    .close = probe_close,
    .read = probe_read,
    .write = probe_write,
    .destroy = probe_destroy,
    .gc = probe_gc,
};

static void slots_in_any_order(subject *t, const char *backend) {
    /* Under these settings a write makes the record that is not there, once read was called; before
     * that the built-in ones say SESS_ENOTFOUND. */
    sess_options *options = make_options(
        "session.save_handler", backend, "session.save_path", t->directory, "sess.create", "start",
        "session.use_strict_mode", "0", "session.gc_probability", "0", (const char *)NULL);
    CHECK_INT(sess_options_set_handler(options, &probe, t, NULL), SESS_OK);
    sess_engine *engine = take_engine(options);
    for (size_t i = 0; i < IDS; i++)
        random_id(t, t->ids[i].id);
    for (int round = 0; round < 6; round++) {
        /* A known id: then nothing that the driver says of a new one applies. */
        sess_session *s = session_of(engine, ID_A);
        CHECK_OK(sess_start(s, 0), s);
        CHECK_OK(sess_value_set_int(sess_data(s), "round", SESS_NTS, round), s);
        if (round % 3 == 0) CHECK_OK(sess_gc(s, NULL), s);
        CHECK_OK(round % 2 == 0 ? sess_close(s) : sess_destroy(s), s);
        sess_free(s);
    }
    sess_engine_free(engine);
}

/* ---- the driver over it -------------------------------------------------------------------------
 */

/* A visitor: the id the browser would send, and the one value of the session. */
typedef struct {
    char id[SESS_ID_MAX + 1];
    unsigned char data[MAX_LEN];
    size_t len;
    int stored;
} visitor;

static void check_blob(sess_session *s, const visitor *v) {
    sess_bytes blob = sess_value_string(sess_get(s, "blob", SESS_NTS));
    CHECK_MEM(blob.data, blob.len, v->data, v->stored ? v->len : 0);
}

static void remember_id(sess_session *s, visitor *v) { strcpy(v->id, sess_id(s)); }

static void set_blob(subject *t, sess_session *s, visitor *v) {
    v->len = random_bytes(t, v->data);
    CHECK_OK(sess_value_set_string(sess_data(s), "blob", SESS_NTS, v->data, v->len), s);
}

/* One request of a visitor, with a random end. */
static void random_request(subject *t, sess_engine *engine, visitor *v) {
    sess_session *s = sess_new(engine);
    visitor before = *v;
    if (v->id[0] != '\0') CHECK_OK(sess_set_id(s, v->id, SESS_NTS), s);
    if (!CHECK_OK(sess_start(s, 0), s)) {
        sess_free(s);
        return;
    }
    check_blob(s, v);
    switch (below(t, 8)) {
    case 0: /* looking only */
        CHECK_OK(sess_close(s), s);
        if (v->stored) CHECK_STR(sess_id(s), v->id);
        break;
    case 1: /* changed, then thrown away */
        set_blob(t, s, v);
        CHECK_OK(sess_abort(s), s);
        *v = before;
        break;
    case 2: /* changed, loaded again: reset opens a second time */
        set_blob(t, s, v);
        if (before.stored) {
            *v = before;
            CHECK_OK(sess_reset(s), s);
            check_blob(s, v);
            CHECK_OK(sess_close(s), s);
        } else {
            v->stored = 1;
            CHECK_OK(sess_close(s), s);
            remember_id(s, v);
        }
        break;
    case 3: /* a new id in the middle */
        set_blob(t, s, v);
        CHECK_OK(sess_regenerate_id(s, below(t, 2) == 0), s);
        CHECK_OK(sess_close(s), s);
        v->stored = 1;
        remember_id(s, v);
        break;
    case 4: /* destroyed; destroying what was never stored is fine as well */
        CHECK_OK(sess_destroy(s), s);
        v->stored = 0;
        break;
    case 7: /* a login, whose old id is dead */
        set_blob(t, s, v);
        CHECK_OK(sess_login(s, "eve", SESS_NTS, 0), s);
        CHECK_OK(sess_close(s), s);
        v->stored = 1;
        remember_id(s, v);
        break;
    case 5: /* freed while active: nothing is saved */
        set_blob(t, s, v);
        *v = before;
        break;
    default:
        set_blob(t, s, v);
        CHECK_OK(sess_close(s), s);
        v->stored = 1;
        remember_id(s, v);
        break;
    }
    sess_free(s);
}

static void life_cycles(subject *t, const char *backend) {
    sess_options *options =
        make_options("session.save_handler", backend, "session.save_path", t->directory,
                     "session.gc_probability", "0", (const char *)NULL);
    if (t->handler != NULL)
        CHECK_INT(sess_options_set_handler(options, t->handler, t->user, NULL), SESS_OK);
    sess_engine *engine = take_engine(options);
    static visitor visitors[3];
    for (int i = 0; i < 150; i++)
        random_request(t, engine, &visitors[below(t, 3)]);
    sess_engine_free(engine);
}

/* ---- two calls at once
 * --------------------------------------------------------------------------- A session that moves
 * to another id has two calls open. This table keeps a state for each. */

typedef struct {
    sess_call *call;
    char id[SESS_ID_MAX + 1]; /* what it has read or written last */
} seat;

static int seats, most_seats;

static seat *seat_of(sess_call *call) {
    seat *own = sess_call_state(call);
    CHECK(own != NULL && own->call == call);
    return own;
}

static sess_rc pair_open(void *user, sess_call *call, const char *save_path, const char *name) {
    (void)user;
    if (sess_call_state(call) == NULL) {
        seat *own = calloc(1, sizeof *own);
        own->call = call;
        sess_call_set_state(call, own);
        if (++seats > most_seats) most_seats = seats;
        /* Nobody can hold the record of an id that is made now. */
        if (seats == 2) CHECK_INT(sess_call_lock_timeout(call), 0);
    }
    return sess_call_parent(call)->open(NULL, call, save_path, name);
}

static sess_rc pair_close(void *user, sess_call *call) {
    (void)user;
    free(seat_of(call));
    sess_call_set_state(call, NULL);
    seats--;
    return sess_call_parent(call)->close(NULL, call);
}

static sess_rc pair_read(void *user, sess_call *call, const char *id) {
    (void)user;
    strcpy(seat_of(call)->id, id);
    return sess_call_parent(call)->read(NULL, call, id);
}

static sess_rc pair_write(void *user, sess_call *call, const char *id, const uint8_t *data,
                          size_t len) {
    (void)user;
    /* No call is asked for the record of the other one. */
    CHECK_STR(seat_of(call)->id, id);
    return sess_call_parent(call)->write(NULL, call, id, data, len);
}

static sess_rc pair_destroy(void *user, sess_call *call, const char *id) {
    (void)user;
    return sess_call_parent(call)->destroy(NULL, call, id);
}

static sess_rc pair_gc(void *user, sess_call *call, int64_t max_lifetime, int64_t *removed) {
    (void)user;
    return sess_call_parent(call)->gc(NULL, call, max_lifetime, removed);
}

static const sess_handler pair = {
    .struct_size = sizeof(sess_handler),
    .open = pair_open,
    .close = pair_close,
    .read = pair_read,
    .write = pair_write,
    .destroy = pair_destroy,
    .gc = pair_gc,
};

static int64_t late_by;

static int64_t late_clock(void *user) {
    (void)user;
    return ((int64_t)time(NULL) + late_by) * 1000;
}

/* Where the old id leads after a move: to the session as it was, on to it, or nowhere. */
static void move_once(subject *t, const sess_handler *handler, const char *backend, int how) {
    sess_options *options =
        make_options("session.save_handler", backend, "session.save_path", t->directory,
                     "session.gc_probability", "0", "sess.anon.rotate", how == 3 ? "60" : "0",
                     (const char *)NULL);
    if (handler != NULL)
        CHECK_INT(sess_options_set_handler(options, handler, t->user, NULL), SESS_OK);
    late_by = 0;
    CHECK_INT(sess_options_set_clock(options, late_clock, NULL, NULL), SESS_OK);
    sess_engine *engine = take_engine(options);
    char old[SESS_ID_MAX + 1], new_id[SESS_ID_MAX + 1], cookie[SESS_ID_MAX + 32];
    sess_session *s = sess_new(engine);
    CHECK_OK(sess_start(s, 0), s);
    CHECK_OK(sess_value_set_int(sess_data(s), "n", SESS_NTS, 1), s);
    /* The first clock that runs has it note when it began. */
    CHECK_OK(sess_close(s), s);
    strcpy(old, sess_id(s));
    sess_free(s);
    snprintf(cookie, sizeof cookie, "PHPSESSID=%s", old);
    late_by = how == 3 ? 61 : 1;
    s = sess_new(engine);
    CHECK_OK(sess_set_cookie_header(s, cookie, SESS_NTS), s);
    CHECK_OK(sess_start(s, 0), s);
    if (how == 0) CHECK_OK(sess_login(s, "eve", SESS_NTS, 0), s);
    if (how == 1 || how == 2) CHECK_OK(sess_regenerate_id(s, how == 1), s);
    CHECK_OK(sess_value_set_int(sess_data(s), "n", SESS_NTS, 2), s);
    CHECK_OK(sess_close(s), s);
    strcpy(new_id, sess_id(s));
    CHECK(strcmp(new_id, old) != 0);
    sess_free(s);
    s = sess_new(engine);
    CHECK_OK(sess_set_cookie_header(s, cookie, SESS_NTS), s);
    CHECK_OK(sess_start(s, SESS_START_READ_AND_CLOSE), s);
    int64_t seen = sess_value_int(sess_get(s, "n", SESS_NTS), 0);
    CHECK_INT(seen, how == 2 ? 1 : how == 3 ? 2 : 0);
    sess_free(s);
    s = session_of(engine, new_id);
    CHECK_OK(sess_start(s, 0), s);
    CHECK_INT(sess_value_int(sess_get(s, "n", SESS_NTS), 0), 2);
    CHECK_OK(sess_destroy(s), s);
    sess_free(s);
    sess_engine_free(engine);
}

static void moves(subject *t, const char *backend) {
    for (int how = 0; how < 4; how++) {
        move_once(t, t->handler, backend, how);
        seats = most_seats = 0;
        move_once(t, &pair, backend, how);
        CHECK_INT(seats, 0);
        CHECK_INT(most_seats, 2);
    }
}

int main(int argc, char **argv) {
    static subject t;
    const char *name = argc > 1 ? argv[1] : "files";
    char *directory = make_directory();
    memory_store *store = NULL;
    t.seed = argc > 2 ? strtoull(argv[2], NULL, 10) : (uint64_t)time(NULL) ^ (uint64_t)getpid();
    printf("handler_contract %s %llu\n", name, (unsigned long long)t.seed);
    t.directory = directory;
    if (strcmp(name, "memory_handler") == 0) {
        t.handler = &memory_handler;
        t.user = store = memory_store_new();
    } else if (strcmp(name, "file_handler") == 0) {
        t.handler = &file_handler;
    } else if (strcmp(name, "wrap_files") == 0) {
        t.handler = &wrap_files;
    } else if (strcmp(name, "files") != 0 && strcmp(name, "memory") != 0) {
        printf("there is no handler %s\n", name);
        return 2;
    }
    const char *backend = strcmp(name, "memory") == 0 ? "memory" : "files";
    slots_in_any_order(&t, backend);
    life_cycles(&t, backend);
    moves(&t, backend);
    memory_store_free(store);
    remove_directory(directory);
    free(directory);
    return check_report();
}
