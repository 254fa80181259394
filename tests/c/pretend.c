/*
 * pretend.c - preloaded to a program, it makes the world look different.
 *
 *     PRETEND_FS=NUMBER   every file lies on a file system with this magic number
 *     PRETEND_CLOCK=1     the time of day jumps by years, forwards and back, at each look
 *
 * PRETEND_FS=list prints "name number" of the file systems that other machines write to.
 */
#define _GNU_SOURCE
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

/* From the manual of statfs(2), for those that linux/magic.h leaves out. */
static const struct {
    const char *name;
    unsigned long number;
} network[] = {
    {"nfs", NFS_SUPER_MAGIC},     {"smb", SMB_SUPER_MAGIC},   {"cifs", 0xFF534D42},
    {"smb2", 0xFE534D42},         {"fuse", 0x65735546},       {"afs", AFS_SUPER_MAGIC},
    {"ceph", 0x00C36400},         {"coda", CODA_SUPER_MAGIC}, {"ncp", 0x564C},
    {"9p", V9FS_MAGIC},           {"lustre", 0x0BD00BD0},     {"gpfs", 0x47504653},
    {"ocfs2", OCFS2_SUPER_MAGIC}, {"gfs2", 0x01161970},
};

__attribute__((constructor)) static void list(void) {
    const char *wanted = getenv("PRETEND_FS");
    if (wanted == NULL || strcmp(wanted, "list") != 0) return;
    for (size_t i = 0; i < sizeof network / sizeof *network; i++)
        printf("%s %lu\n", network[i].name, network[i].number);
    fflush(stdout);
    _exit(0);
}

int fstatfs64(int fd, struct statfs64 *about) {
    const char *wanted = getenv("PRETEND_FS");
    long result = syscall(SYS_fstatfs, fd, about);
    if (wanted != NULL) about->f_type = (__fsword_t)strtoul(wanted, NULL, 10);
    return (int)result;
}

int clock_gettime(clockid_t clock, struct timespec *now) {
    static unsigned looks;
    static const long years[] = {0, 20, -20, 5, -50};
    long result = syscall(SYS_clock_gettime, clock, now);
    if (getenv("PRETEND_CLOCK") != NULL &&
        (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
        now->tv_sec += years[looks++ % 5] * 31556952;
    return (int)result;
}

time_t time(time_t *out) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (out != NULL) *out = now.tv_sec;
    return now.tv_sec;
}

int gettimeofday(struct timeval *restrict out, void *restrict zone) {
    struct timespec now;
    (void)zone;
    clock_gettime(CLOCK_REALTIME, &now);
    out->tv_sec = now.tv_sec;
    out->tv_usec = now.tv_nsec / 1000;
    return 0;
}
