/* Includes the header alone, and twice. */
#include <sess.h>
#include <sess.h>

int main(void) {
    sess_handler handler = SESS_HANDLER_INIT;
    return handler.struct_size != sizeof(sess_handler);
}
