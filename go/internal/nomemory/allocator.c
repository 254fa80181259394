/* The C library's allocator, of which calls of one thread fail. */

#include <errno.h>
#include <stdlib.h>

#include "allocator.h"

extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);

static __thread long left = -1; /* calls until one fails; negative: none does */
static __thread int all_after, failed;

static int fails(void) {
    if (left < 0) return 0;
    if (left > 0) {
        left--;
        return 0;
    }
    if (failed != 0 && !all_after) return 0;
    failed++;
    errno = ENOMEM;
    return 1;
}

void *malloc(size_t size) { return fails() ? NULL : __libc_malloc(size); }
void *calloc(size_t n, size_t size) { return fails() ? NULL : __libc_calloc(n, size); }
void *realloc(void *block, size_t size) { return fails() ? NULL : __libc_realloc(block, size); }

int posix_memalign(void **block, size_t align, size_t size) {
    if (fails()) return ENOMEM;
    *block = __libc_memalign(align, size);
    return *block == NULL ? ENOMEM : 0;
}

void arm(long n, int lasting) {
    left = n;
    all_after = lasting;
    failed = 0;
}

int disarm(void) {
    left = -1;
    return failed;
}
