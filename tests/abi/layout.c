/* What programs have compiled into them. Lines are only ever added. */
#include <sess.h>

#define JOIN(a, b) a##b
#define NAME(line) JOIN(holds_in_line_, line)
#define HOLDS(condition) typedef char NAME(__LINE__)[(condition) ? 1 : -1]
#define MEMBER(n, member) HOLDS(offsetof(sess_handler, member) == (n) * sizeof(void *))

HOLDS(sizeof(sess_rc) == 4);
HOLDS(sizeof(sess_code) == 4);
HOLDS(sizeof(sess_state) == 4);
HOLDS(sizeof(sess_type) == 4);
HOLDS(sizeof(sess_when) == 4);
HOLDS(sizeof(sess_lock_mode) == 4);

HOLDS(offsetof(sess_lock_info, struct_size) == 0);
HOLDS(offsetof(sess_lock_info, held) == sizeof(size_t));
HOLDS(offsetof(sess_lock_info, waiters) == sizeof(size_t) + 4);
HOLDS(offsetof(sess_lock_info, pid) == sizeof(size_t) + 8);
HOLDS(offsetof(sess_lock_info, held_ms) == sizeof(size_t) + 16);

HOLDS(offsetof(sess_bytes, data) == 0);
HOLDS(offsetof(sess_bytes, len) == sizeof(void *));
HOLDS(sizeof(sess_bytes) == 2 * sizeof(void *));

MEMBER(0, struct_size);
MEMBER(1, open);
MEMBER(2, close);
MEMBER(3, read);
MEMBER(4, write);
MEMBER(5, destroy);
MEMBER(6, gc);
MEMBER(7, create_sid);
MEMBER(8, validate_sid);
MEMBER(9, update_timestamp);

HOLDS(SESS_NTS == (size_t)-1);
HOLDS(SESS_APPEND == (size_t)-2);
HOLDS(SESS_EUSER == -1000);
HOLDS(SESS_ID_MAX == 256);
HOLDS(SESS_START_RAW == 1);
HOLDS(SESS_START_READ_AND_CLOSE == 2);
HOLDS(SESS_START_EXISTING == 4);
HOLDS(SESS_START_AGAIN == 8);
HOLDS(SESS_LOGIN_REMEMBER == 1);
HOLDS(SESS_LOGOUT_CLEAR_SITE_DATA == 1);
HOLDS(SESS_LOGOUT_USER_LOST == 2);

HOLDS(SESS_OK == 0);
HOLDS(SESS_EINVAL == -1);
HOLDS(SESS_EMISUSE == -2);
HOLDS(SESS_ENOMEM == -3);
HOLDS(SESS_EIO == -4);
HOLDS(SESS_ELOCKED == -5);
HOLDS(SESS_ENOTFOUND == -6);
HOLDS(SESS_EBADID == -7);
HOLDS(SESS_EDATA == -8);
HOLDS(SESS_ETOOBIG == -9);
HOLDS(SESS_EHANDLER == -10);
HOLDS(SESS_EVERSION == -11);
HOLDS(SESS_EUNSUPPORTED == -12);
HOLDS(SESS_EUNSAFE == -13);
HOLDS(SESS_EHEADERS == -14);
HOLDS(SESS_EREFUSED == -15);
HOLDS(SESS_EGONE == -16);
HOLDS(SESS_ELOST == -17);
HOLDS(SESS_ECANCELED == -18);
HOLDS(SESS_EBUSY == -19);
HOLDS(SESS_EEXIST == -20);
HOLDS(SESS_EPANIC == -99);

HOLDS(SESS_NONE == 0);
HOLDS(SESS_ACTIVE == 1);
HOLDS(SESS_CLOSED == 2);
HOLDS(SESS_DESTROYED == 3);

HOLDS(SESS_TYPE_NULL == 0);
HOLDS(SESS_TYPE_BOOL == 1);
HOLDS(SESS_TYPE_INT == 2);
HOLDS(SESS_TYPE_FLOAT == 3);
HOLDS(SESS_TYPE_STRING == 4);
HOLDS(SESS_TYPE_ARRAY == 5);
HOLDS(SESS_TYPE_OBJECT == 6);
HOLDS(SESS_TYPE_ENUM == 7);
HOLDS(SESS_TYPE_CUSTOM == 8);
HOLDS(SESS_TYPE_OPAQUE == 9);

HOLDS(SESS_AFTER_START == 1);
HOLDS(SESS_BEFORE_SAVE == 2);

int main(void) { return 0; }

HOLDS(SESS_LOCK_UNKNOWN == -1);
HOLDS(SESS_LOCK_FREE == 0);
HOLDS(SESS_LOCK_SHARED == 1);
HOLDS(SESS_LOCK_EXCLUSIVE == 2);

HOLDS(sizeof(sess_user_kind) == 4);
HOLDS(SESS_KIND_ANONYMOUS == 0);
HOLDS(SESS_KIND_LOGIN == 1);
HOLDS(SESS_KIND_REMEMBERED == 2);

HOLDS(sizeof(sess_ending) == 4);
HOLDS(SESS_END_NONE == 0);
HOLDS(SESS_END_UNKNOWN_ID == 1);
HOLDS(SESS_END_IDLE == 2);
HOLDS(SESS_END_ABSOLUTE == 3);
HOLDS(SESS_END_ROTATED == 4);
HOLDS(SESS_END_USER_LOST == 5);
HOLDS(SESS_END_REVOKED == 6);
