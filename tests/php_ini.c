/* php_ini FILE [KEY VALUE]...: sets the keys, loads the file as a php.ini, makes an engine. Prints
 * the code, its text, every event and every directive in force. */
#include "abi/check.h"

static void print_event(void *user, const sess_event *event) {
    (void)user;
    printf("%s %d %s\n", sess_event_name(event), (int)sess_event_level(event),
           sess_event_text(event));
}

int main(int argc, char **argv) {
    static char text[1 << 18];
    CHECK(argc >= 2);
    FILE *file = fopen(argv[1], "rb");
    CHECK(file != NULL);
    size_t len = fread(text, 1, sizeof text, file);
    CHECK(len < sizeof text && fclose(file) == 0);

    sess_options *options = sess_options_new();
    CHECK_OK(sess_options_set_events(options, print_event, NULL, NULL));
    for (int i = 2; i + 1 < argc; i += 2)
        CHECK_OK(sess_options_set(options, argv[i], argv[i + 1]));
    sess_rc rc = sess_options_load_ini(options, text, len, argv[1]);
    printf("%s %s\n", sess_code_name(rc), rc == SESS_OK ? "" : sess_options_errmsg(options));
    const char *name;
    for (size_t i = 0; (name = sess_directive_at(i, NULL, NULL)) != NULL; i++)
        printf("%s=%s\n", name, sess_options_get(options, name));
    sess_engine *engine = NULL;
    CHECK_OK(sess_engine_new(options, &engine));
    sess_options_free(options);
    sess_engine_free(engine);
    return 0;
}
