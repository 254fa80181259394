/*
 * trace.h - a table that prints every callback and hands it on: to another table, or to the
 * built-in backend.
 */
#ifndef TRACE_H
#define TRACE_H

#include <sess.h>

#include <stdio.h>

/* The `user` of the table. */
typedef struct trace {
    FILE *out;
    const sess_handler *inner; /* NULL: the built-in backend of session.save_handler */
    void *inner_user;
} trace;

/* The table for sess_options_set_handler(options, &trace_handler, &trace, NULL). */
extern const sess_handler trace_handler;

#endif
