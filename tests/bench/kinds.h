/*
 * kinds.h - one request on an existing session, as different programs do it.
 *
 * Each is opened, locked, read, and closed again: read only, unchanged (its timestamp renewed), or
 * changed.
 */
#ifndef KINDS_H
#define KINDS_H

#include <stddef.h>

enum mode { READ, UNCHANGED, CHANGED, MODES };

enum kind {
    LEAST,  /* the system calls that a safe cycle needs, nothing else */
    RAW,    /* sess_start(SESS_START_RAW), sess_set_raw */
    TYPED,  /* sess_start, one value read and one set */
    REPLAY, /* the system calls of PHP 8.2, nothing else */
    KINDS,
};

/* The sessions that are worked on. */
struct place {
    const char *directory;
    int ids;
    size_t size; /* of each payload, about */
};

extern const char *const mode_names[MODES];
extern const char *const kind_prefixes[KINDS + 1];

/* Make the files of a kind; KINDS stands for PHP. */
void kinds_prepare(const struct place *place, int kind);
void kinds_remove(const struct place *place, int kind);
/* One more cycle. */
void kinds_cycle(const struct place *place, enum kind kind, enum mode mode);
/* Further settings for the library's sessions, from now on: pairs that end with NULL, or NULL. */
void kinds_settings(const struct place *place, const char *const *settings);
/* Have one of several clients begin at sessions of its own. */
void kinds_begin_at(const struct place *place, int client, int clients);
/* A cycle that replaces the file: temp, fdatasync, rename. */
void kinds_replace(const struct place *place);
/* Read raw and look at every cache line under the lock. */
unsigned kinds_sum(const struct place *place);

#endif
