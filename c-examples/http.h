/*
 * http.h - as much of an HTTP server as an example needs: one request after the other, on the
 * loopback.
 */
#ifndef HTTP_H
#define HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* A request; all texts end with a NUL. */
typedef struct http_request {
    bool is_post;
    char path[256];
    char cookies[8192]; /* the values of all Cookie: headers, joined by "; " */
    char form[4096];    /* the query, or the body of a POST: a=b&c=d */
    uint16_t port;
} http_request;

/* Writes a whole response, headers and all. */
typedef void (*http_answer)(void *user, const http_request *request, FILE *response);

/* Listens on a port that the kernel chooses, prints its address, and answers until SIGTERM or
 * SIGINT. Returns whether that went well. */
bool http_serve(http_answer answer, void *user);

/* The value of a field of the form, percent-decoded; false if there is none of that name, or it is
 * too long for `value`. */
bool http_field(const http_request *request, const char *name, char *value, size_t size);

/* Text from outside, so that it stays text in HTML. */
void http_put_text(FILE *response, const void *text, size_t len);

#endif
