/* What callbacks learn and answer, and tables that build upon a built-in backend. */
#include "abi/check.h"

#include <dirent.h>
#include <unistd.h>

static struct store store;
static sess_cancel *token;
static int64_t lock_timeout, lifetime, budget;
static bool read_only, cancelled;
static void *host;
static sess_rc answers[4];

static sess_rc asking_read(void *user, sess_call *call, const char *id) {
    lock_timeout = sess_call_lock_timeout(call);
    lifetime = sess_call_max_lifetime(call);
    read_only = sess_call_read_only(call);
    cancelled = sess_call_cancelled(call);
    host = sess_call_host(call);
    CHECK(sess_call_data(call).data == NULL);
    CHECK(sess_call_set_data(call, NULL, 1) == SESS_EINVAL && sess_call_data(call).data == NULL);
    sess_rc rc = store_read(user, call, id);
    if (rc != SESS_OK) return rc;
    sess_bytes data = sess_call_data(call);
    CHECK(data.len == store.len && memcmp(data.data, store.data, data.len) == 0);
    CHECK_OK(sess_call_set_data(call, data.data, data.len)); /* its own bytes */
    CHECK(sess_call_data(call).len == store.len);
    CHECK(memcmp(sess_call_data(call).data, store.data, store.len) == 0);
    return SESS_OK;
}

static sess_rc asking_gc(void *user, sess_call *call, int64_t max_lifetime, int64_t *removed) {
    (void)user;
    CHECK(max_lifetime == 77 && *removed == -1);
    budget = sess_call_gc_budget(call);
    sess_call_gc_more(call);
    *removed = 5;
    return SESS_OK;
}

static sess_rc naming(void *user, sess_call *call) {
    (void)user;
    answers[0] = sess_call_set_id(call, "short", SESS_NTS);
    answers[1] = sess_call_set_id(call, "with/slash-but-long-enough", SESS_NTS);
    answers[2] = sess_call_set_id(call, "abcdefghijklmnopqrstuvwxyz\0a", 28);
    answers[3] = sess_call_set_id(call, "abcdefghijklmnopqrstuvwxyz", SESS_NTS);
    CHECK(answers[3] == SESS_OK && strlen(sess_call_id(call)) == 26);
    return SESS_OK;
}

static sess_rc remember_state(void *user, sess_call *call, const char *save_path,
                              const char *name) {
    CHECK(sess_call_state(call) == NULL);
    sess_call_set_state(call, user);
    return store_open(user, call, save_path, name);
}

static sess_rc forget_state(void *user, sess_call *call) {
    CHECK(sess_call_state(call) == user);
    sess_call_set_state(call, NULL);
    return store_close(user, call);
}

static void test_facts(void) {
    sess_handler handler = store_handler();
    int64_t removed = 0;
    bool more = false;
    handler.open = remember_state;
    handler.close = forget_state;
    handler.read = asking_read;
    handler.gc = asking_gc;
    handler.create_sid = naming;
    sess_options *options = store_options(&store);
    CHECK_OK(sess_options_set_handler(options, &handler, &store, NULL));
    CHECK_OK(sess_options_set(options, "session.gc_maxlifetime", "77"));
    sess_engine *engine = engine_of(options);
    sess_session *session = sess_new(engine);
    CHECK_OK(sess_set_host(session, &removed));
    CHECK_OK(sess_set_lock_timeout(session, 60000));
    CHECK_OK(sess_start(session, 0));
    CHECK(answers[0] == SESS_EBADID && answers[1] == SESS_EBADID && answers[2] == SESS_EBADID);
    CHECK(strcmp(sess_id(session), "abcdefghijklmnopqrstuvwxyz") == 0);
    CHECK(host == &removed && lifetime == 77 && !read_only && !cancelled);
    CHECK(lock_timeout > 0 && lock_timeout <= 60000);
    CHECK_OK(sess_value_set_int(sess_data(session), "n", SESS_NTS, 1));
    CHECK_OK(sess_gc(session, &removed));
    CHECK(removed == 5 && budget == -1);
    CHECK_OK(sess_close(session));
    token = sess_cancel_new();
    CHECK_OK(sess_set_cancel(session, token));
    sess_cancel_fire(token);
    sess_cancel_free(token); /* the session keeps it */
    CHECK_OK(sess_set_lock_timeout(session, -1));
    CHECK_OK(sess_start(session, SESS_START_READ_AND_CLOSE));
    CHECK(lock_timeout == -1 && read_only && cancelled && sess_status(session) == SESS_CLOSED);
    CHECK(sess_value_int(sess_get(session, "n", SESS_NTS), 0) == 1);
    CHECK_OK(sess_set_cancel(session, NULL));
    CHECK_OK(sess_set_lock_timeout(session, 0));
    CHECK_OK(sess_start(session, 0));
    CHECK(lock_timeout == 0 && !read_only && !cancelled);
    CHECK_OK(sess_close(session));
    removed = 0;
    CHECK_OK(sess_collect(session, 50, &removed, &more));
    CHECK(removed == 5 && more && budget > 0 && budget <= 50);
    sess_free(session);
    sess_engine_free(engine);
    CHECK(store.opened == store.closed);
}

static void test_ids_of_php(void) {
    sess_handler handler = store_handler();
    handler.create_sid = naming;
    sess_options *options = store_options(&store);
    CHECK_OK(sess_options_set_handler(options, &handler, &store, NULL));
    CHECK_OK(sess_options_set(options, "sess.profile", "php82"));
    sess_engine *engine = engine_of(options);
    sess_session *session = sess_new(engine);
    CHECK_OK(sess_start(session, 0));
    CHECK(answers[0] == SESS_OK && answers[1] == SESS_OK && answers[2] == SESS_EBADID);
    sess_free(session);
    sess_engine_free(engine);
}

/* A table that hands everything to the built-in backend, and marks payloads at rest. */
static int used[9];

static sess_rc parent_open(void *user, sess_call *call, const char *save_path, const char *name) {
    (void)user;
    used[0]++;
    return sess_call_parent(call)->open(NULL, call, save_path, name);
}

static sess_rc parent_close(void *user, sess_call *call) {
    (void)user;
    used[1]++;
    CHECK(sess_call_state(call) == NULL); /* the parent's is apart */
    return sess_call_parent(call)->close(NULL, call);
}

static sess_rc parent_read(void *user, sess_call *call, const char *id) {
    (void)user;
    used[2]++;
    sess_rc rc = sess_call_parent(call)->read(NULL, call, id);
    sess_bytes data = sess_call_data(call);
    if (rc != SESS_OK || data.len == 0) return rc;
    CHECK(data.data[0] == '#');
    /* The parent's own bytes: both ways copy them. */
    if (used[2] % 2 == 0) return sess_call_lend_data(call, data.data + 1, data.len - 1, NULL, NULL);
    return sess_call_set_data(call, data.data + 1, data.len - 1);
}

static sess_rc parent_write(void *user, sess_call *call, const char *id, const uint8_t *data,
                            size_t len) {
    uint8_t marked[512] = "#";
    (void)user;
    used[3]++;
    CHECK(len < sizeof marked);
    memcpy(marked + 1, data, len);
    return sess_call_parent(call)->write(NULL, call, id, marked, len + 1);
}

static sess_rc parent_destroy(void *user, sess_call *call, const char *id) {
    (void)user;
    used[4]++;
    return sess_call_parent(call)->destroy(NULL, call, id);
}

static sess_rc parent_gc(void *user, sess_call *call, int64_t max_lifetime, int64_t *removed) {
    (void)user;
    used[5]++;
    return sess_call_parent(call)->gc(NULL, call, max_lifetime, removed);
}

static sess_rc parent_create_sid(void *user, sess_call *call) {
    (void)user;
    used[6]++;
    CHECK_OK(sess_call_parent(call)->create_sid(NULL, call));
    CHECK(strlen(sess_call_id(call)) >= 22);
    return SESS_OK;
}

static sess_rc parent_validate_sid(void *user, sess_call *call, const char *id) {
    (void)user;
    used[7]++;
    return sess_call_parent(call)->validate_sid(NULL, call, id);
}

static sess_rc parent_update_timestamp(void *user, sess_call *call, const char *id,
                                       const uint8_t *data, size_t len) {
    uint8_t marked[512] = "#";
    (void)user;
    used[8]++;
    CHECK(len < sizeof marked);
    memcpy(marked + 1, data, len);
    return sess_call_parent(call)->update_timestamp(NULL, call, id, marked, len + 1);
}

static size_t files_in(const char *path) {
    size_t count = 0;
    DIR *dir = opendir(path);
    CHECK(dir != NULL);
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;)
        count += entry->d_name[0] != '.';
    closedir(dir);
    return count;
}

static void parent_over(const char *backend) {
    sess_handler handler = {
        sizeof handler,      parent_open,
        parent_close,        parent_read,
        parent_write,        parent_destroy,
        parent_gc,           parent_create_sid,
        parent_validate_sid, parent_update_timestamp,
    };
    char path[] = "/tmp/sess-parent-XXXXXX";
    char id[SESS_ID_MAX + 1];
    int64_t removed = -1;
    memset(used, 0, sizeof used);
    CHECK(mkdtemp(path) != NULL);
    sess_options *options = sess_options_new();
    CHECK_OK(sess_options_set(options, "session.save_handler", backend));
    CHECK_OK(sess_options_set(options, "session.save_path", path));
    CHECK_OK(sess_options_set(options, "session.gc_probability", "0"));
    CHECK_OK(sess_options_set_handler(options, &handler, NULL, NULL));
    sess_engine *engine = engine_of(options);
    sess_session *session = sess_new(engine);
    CHECK_OK(sess_start(session, 0));
    CHECK(strcmp(sess_option(session, "session.save_handler"), "user") == 0);
    CHECK_OK(sess_value_set_string(sess_data(session), "text", SESS_NTS, "kept", SESS_NTS));
    CHECK_OK(sess_close(session));
    strcpy(id, sess_id(session));
    sess_free(session);

    session = sess_new(engine);
    CHECK_OK(sess_set_id(session, id, SESS_NTS));
    CHECK_OK(sess_start(session, 0));
    CHECK(strcmp(sess_id(session), id) == 0 && !sess_is_new(session));
    sess_bytes text = sess_value_string(sess_get(session, "text", SESS_NTS));
    CHECK(text.len == 4 && memcmp(text.data, "kept", 4) == 0);
    CHECK_OK(sess_gc(session, &removed));
    CHECK(removed == 0);
    CHECK_OK(sess_close(session)); /* unchanged: its age only */
    CHECK_OK(sess_start(session, 0));
    CHECK(files_in(path) == (strcmp(backend, "files") == 0 ? 1u : 0u));
    CHECK_OK(sess_destroy(session));
    CHECK(files_in(path) == 0);
    sess_free(session);
    sess_engine_free(engine);
    CHECK(rmdir(path) == 0);
    for (int i = 0; i < 9; i++) {
        if (used[i] == 0) fprintf(stderr, "%s: callback %d was not used\n", backend, i);
        CHECK(used[i] > 0);
    }
}

static void test_parent(void) {
    parent_over("files");
    parent_over("memory");
}

static int misplaced;

/* All answers at once, whatever was asked. */
static void answer_everything(struct store *self, const char *callback, sess_call *call) {
    static const char other[] = "a|s:5:\"other\";";
    (void)self, (void)callback;
    misplaced++;
    CHECK_OK(sess_call_set_data(call, other, sizeof other - 1));
    CHECK_OK(sess_call_lend_data(call, other, sizeof other - 1, NULL, NULL));
    CHECK_OK(sess_call_set_id(call, "zyxwvutsrqponmlkjihgfedcba", SESS_NTS));
    sess_call_gc_more(call);
}

/* read and create_sid give their own answer after that, the others have none to give. */
static sess_rc own_create_sid(void *user, sess_call *call) {
    static int made;
    char id[32];
    answer_everything(user, "create_sid", call);
    snprintf(id, sizeof id, "own-id-of-the-callback-%d", made++);
    return sess_call_set_id(call, id, SESS_NTS);
}

static sess_rc own_read(void *user, sess_call *call, const char *id) {
    struct store *self = user;
    answer_everything(self, "read", call);
    if (!self->exists || strcmp(self->id, id) != 0) return sess_call_set_data(call, "", 0);
    return sess_call_set_data(call, self->data, self->len);
}

/* The store has room for one session: what stands under the id that another one had is not kept. */
static sess_rc own_write(void *user, sess_call *call, const char *id, const uint8_t *data,
                         size_t len) {
    if (len > 9 && memcmp(data, "_libsess|", 9) == 0) return SESS_OK;
    return store_handler().write(user, call, id, data, len);
}

/* An answer to a question that was not asked changes nothing. */
static void test_misplaced(void) {
    const char *id = NULL;
    sess_handler handler = store_handler();
    handler.create_sid = own_create_sid;
    handler.read = own_read;
    handler.write = own_write;
    store.inside = answer_everything;
    for (int raw = 0; raw < 2; raw++) {
        sess_options *options = store_options(&store);
        CHECK_OK(sess_options_set_handler(options, &handler, &store, NULL));
        sess_engine *engine = engine_of(options);
        sess_session *session = sess_new(engine);
        CHECK_OK(sess_start(session, 0));
        CHECK(strncmp(sess_id(session), "own-id-", 7) == 0);
        CHECK(sess_value_count(sess_data(session)) == 0);
        CHECK_OK(sess_value_set_string(sess_data(session), "a", 1, "mine", 4));
        CHECK_OK(sess_close(session));
        CHECK_OK(sess_start(session, raw ? SESS_START_RAW : 0));
        sess_bytes before = sess_raw(session);
        CHECK(before.len == 13 && memcmp(before.data, "a|s:4:\"mine\";", 13) == 0);
        CHECK_OK(sess_gc(session, NULL));
        CHECK_OK(sess_collect(session, 5, NULL, NULL));
        CHECK_OK(sess_create_id(session, NULL, 0, &id));
        sess_bytes after = sess_raw(session);
        CHECK(after.data == before.data && after.len == 13);
        CHECK(memcmp(after.data, "a|s:4:\"mine\";", 13) == 0);
        CHECK_OK(sess_close(session));
        CHECK(store.len == 13 && memcmp(store.data, "a|s:4:\"mine\";", 13) == 0);
        CHECK_OK(sess_start(session, raw ? SESS_START_RAW : 0));
        CHECK_OK(sess_regenerate_id(session, true));
        CHECK_OK(sess_close(session));
        CHECK(store.len == 13 && memcmp(store.data, "a|s:4:\"mine\";", 13) == 0);
        CHECK_OK(sess_start(session, 0));
        CHECK_OK(sess_destroy(session));
        sess_free(session);
        sess_engine_free(engine);
    }
    store.inside = NULL;
    CHECK(misplaced > 40 && store.opened == store.closed);
}

int main(int argc, char **argv) {
    CHECK(argc == 2);
    if (strcmp(argv[1], "facts") == 0)
        test_facts();
    else if (strcmp(argv[1], "ids") == 0)
        test_ids_of_php();
    else if (strcmp(argv[1], "parent") == 0)
        test_parent();
    else if (strcmp(argv[1], "misplaced") == 0)
        test_misplaced();
    else
        return 2;
    return 0;
}
