// A callback that throws, which callbacks must not do: it ends in abort(), not in undefined
// behaviour.
#include <sess.h>

#include <cstdio>
#include <stdexcept>

static sess_rc fine(void *, sess_call *, const char *, const char *) { return SESS_OK; }
static sess_rc closed(void *, sess_call *) { return SESS_OK; }
static sess_rc throwing(void *, sess_call *, const char *) { throw std::runtime_error("thrown"); }
static sess_rc written(void *, sess_call *, const char *, const uint8_t *, size_t) {
    return SESS_OK;
}
static sess_rc collected(void *, sess_call *, int64_t, int64_t *) { return SESS_OK; }

int main() {
    sess_handler handler = SESS_HANDLER_INIT;
    handler.open = fine;
    handler.close = closed;
    handler.read = throwing;
    handler.write = written;
    handler.destroy = throwing;
    handler.gc = collected;
    sess_options *options = sess_options_new();
    sess_engine *engine = nullptr;
    if (sess_options_set_handler(options, &handler, nullptr, nullptr) != SESS_OK) return 2;
    if (sess_engine_new(options, &engine) != SESS_OK) return 3;
    sess_session *session = sess_new(engine);
    try {
        std::puts(sess_code_name(sess_start(session, 0)));
    } catch (...) {
        std::puts("it flew through the library");
    }
    return 0;
}
