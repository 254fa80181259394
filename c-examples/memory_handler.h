/*
 * memory_handler.h - sessions in the memory of this process: all nine callbacks.
 *
 * One store serves any number of sessions and threads; one session at a time holds a record.
 */
#ifndef MEMORY_HANDLER_H
#define MEMORY_HANDLER_H

#include <sess.h>

/* Where the records live. */
typedef struct memory_store memory_store;

/* An empty store, the `user` of the table; NULL when out of memory. */
memory_store *memory_store_new(void);
/* Frees a store and all records. It takes a void pointer so that it can be the `user_free`. */
void memory_store_free(void *store);

/* The table for sess_options_set_handler(options, &memory_handler, store, memory_store_free). */
extern const sess_handler memory_handler;

#endif
