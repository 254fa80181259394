/*
 * file_handler.h - the FileSessionHandler of the PHP manual, method for method: six callbacks.
 *
 * One file `sess_<id>` a session, in a directory that is made when it is missing. As in the manual
 * nothing is locked: of two requests that change one session at once, the later write wins.
 */
#ifndef FILE_HANDLER_H
#define FILE_HANDLER_H

#include <sess.h>

/* The table for sess_options_set_handler(options, &file_handler, NULL, NULL). */
extern const sess_handler file_handler;

#endif
