/*
 * wrap_files.h - the built-in backend with a checksum in front of every payload.
 *
 * read and write are overridden, as in PHP's `class X extends SessionHandler`; the rest is the
 * parent's: locks, directories, gc. PHP cannot read such records.
 */
#ifndef WRAP_FILES_H
#define WRAP_FILES_H

#include <sess.h>

/* The table for sess_options_set_handler(options, &wrap_files, NULL, NULL). */
extern const sess_handler wrap_files;

#endif
