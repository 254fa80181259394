// Functions of the host that throw, which they must not: the exception is thrown away, the handle
// is dead, the lock is released, and the host goes on.
#include <sess.h>

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <stdexcept>
#include <string>

static std::string thrower;
static int opened, freed;

struct guest { // what lies between must be left in order
    ~guest() { freed++; }
};

static sess_rc maybe_throw(const char *place) {
    guest here;
    if (thrower == place) throw std::runtime_error("thrown");
    return SESS_OK;
}

static sess_rc begin(void *, sess_call *, const char *, const char *) {
    opened++;
    return SESS_OK;
}
static sess_rc end(void *, sess_call *) {
    opened--;
    return maybe_throw("close");
}
static sess_rc load(void *, sess_call *, const char *) { return maybe_throw("read"); }
static sess_rc store(void *, sess_call *, const char *, const uint8_t *, size_t) {
    return maybe_throw("write");
}
static sess_rc forget(void *, sess_call *, const char *) { return SESS_OK; }
static sess_rc collect(void *, sess_call *, int64_t, int64_t *) { return SESS_OK; }
static sess_rc hook(void *, sess_session *) { return maybe_throw("hook"); }

static void check(bool holds, const char *what) {
    if (holds) return;
    std::fprintf(stderr, "%s: failed: %s\n", thrower.c_str(), what);
    std::exit(1);
}

static sess_engine *engine_of(sess_options *options) {
    sess_engine *engine = nullptr;
    check(sess_engine_new(options, &engine) == SESS_OK, sess_options_errmsg(options));
    sess_options_free(options);
    return engine;
}

// One request; true if the handle is dead.
static bool dies(sess_session *s) {
    sess_rc rc = sess_start(s, 0);
    if (rc == SESS_OK) rc = sess_value_set_int(sess_data(s), "n", SESS_NTS, 1);
    if (rc == SESS_OK) rc = sess_close(s);
    if (rc == SESS_OK) return false;
    std::printf("%s: %s: %s\n", thrower.c_str(), sess_code_name(rc), sess_errmsg(s));
    check(sess_start(s, 0) == SESS_EPANIC, "the handle is dead");
    return true;
}

static void table_throws(const char *place) {
    sess_handler handler = SESS_HANDLER_INIT;
    handler.open = begin;
    handler.close = end;
    handler.read = load;
    handler.write = store;
    handler.destroy = forget;
    handler.gc = collect;
    sess_options *options = sess_options_new();
    check(sess_options_set_handler(options, &handler, nullptr, nullptr) == SESS_OK, "handler");
    sess_engine *engine = engine_of(options);
    sess_session *s = sess_new(engine), *other = sess_new(engine);
    thrower = place;
    freed = 0;
    check(dies(s), "the exception was noticed");
    check(freed > 0 && std::uncaught_exceptions() == 0, "the stack was unwound");
    check(opened == 0, "the storage was closed");
    sess_free(s);
    thrower = "nobody";
    check(!dies(other), "other sessions go on");
    sess_free(other);
    sess_engine_free(engine);
}

static void hook_throws() {
    static const char id[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    char directory[] = "/tmp/sess-throw-XXXXXX";
    check(mkdtemp(directory) != nullptr, "mkdtemp");
    sess_options *options = sess_options_new();
    check(sess_options_set(options, "session.save_path", directory) == SESS_OK, "save path");
    check(sess_options_set(options, "session.use_strict_mode", "0") == SESS_OK, "strict mode");
    check(sess_options_set(options, "sess.create", "start") == SESS_OK, "create");
    check(sess_options_set(options, "sess.lock_timeout_ms", "0") == SESS_OK, "timeout");
    check(sess_options_set_hook(options, SESS_AFTER_START, hook, nullptr, nullptr) == SESS_OK,
          "hook");
    sess_engine *engine = engine_of(options);
    sess_session *s = sess_new(engine), *other = sess_new(engine);
    check(sess_set_id(s, id, SESS_NTS) == SESS_OK, "id");
    check(sess_set_id(other, id, SESS_NTS) == SESS_OK, "id");
    thrower = "hook";
    check(dies(s), "the exception was noticed");
    thrower = "nobody";
    check(!dies(other), "the lock was released, though the dead handle is there");
    sess_free(s);
    sess_free(other);
    sess_engine_free(engine);
    std::string command = std::string("rm -r ") + directory;
    check(std::system(command.c_str()) == 0, "rm");
}

int main() {
    table_throws("read");
    table_throws("write");
    table_throws("close");
    hook_throws();
    return 0;
}
