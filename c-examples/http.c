/* http.c - see http.h */
#define _POSIX_C_SOURCE 200809L

#include "http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

static volatile sig_atomic_t stopped;

static void stop(int number) {
    (void)number;
    stopped = 1;
}

/* A signal ends the wait for a request, and writing to a client that has gone is only an error. */
static void set_signals(void) {
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = stop;
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    action.sa_handler = SIG_IGN;
    sigaction(SIGPIPE, &action, NULL);
}

static int listen_on_loopback(uint16_t *port) {
    struct sockaddr_in address;
    socklen_t len = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    if (listener < 0) return -1;
    memset(&address, 0, sizeof address);
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK); /* and port 0: the kernel chooses */
    if (bind(listener, (struct sockaddr *)&address, sizeof address) != 0 ||
        listen(listener, 16) != 0 ||
        getsockname(listener, (struct sockaddr *)&address, &len) != 0) {
        close(listener);
        return -1;
    }
    *port = ntohs(address.sin_port);
    return listener;
}

/* Reads up to the empty line behind the headers, and the body behind it. False: not a request. */
static bool receive(int client, char *text, size_t size, char **body) {
    size_t have = 0, wanted = 0;
    *body = NULL;
    while (*body == NULL || have < wanted) {
        ssize_t got = have + 1 < size ? recv(client, text + have, size - have - 1, 0) : 0;
        if (got <= 0) return false;
        have += (size_t)got;
        text[have] = '\0';
        if (*body == NULL && (*body = strstr(text, "\r\n\r\n")) != NULL) {
            const char *length;
            *body += 4;
            wanted = (size_t)(*body - text);
            for (length = text; (length = strchr(length, '\n')) != NULL && length + 1 < *body;) {
                if (strncasecmp(++length, "Content-Length:", 15) == 0)
                    wanted += (size_t)strtoul(length + 15, NULL, 10);
            }
        }
    }
    return true;
}

static bool copy(char *to, size_t size, const char *from, size_t len) {
    if (len >= size) return false;
    memcpy(to, from, len);
    to[len] = '\0';
    return true;
}

/* Takes a request apart. */
static bool parse(char *text, const char *body, http_request *request) {
    size_t used = 0;
    char *end = strchr(text, '\r'), *target, *query;
    request->is_post = strncmp(text, "POST ", 5) == 0;
    if (!request->is_post && strncmp(text, "GET ", 4) != 0) return false;
    *end = '\0';
    target = strchr(text, ' ') + 1;
    target[strcspn(target, " ")] = '\0';
    query = strchr(target, '?');
    if (query != NULL) *query++ = '\0';
    if (!copy(request->path, sizeof request->path, target, strlen(target))) return false;
    if (request->is_post) query = (char *)body;
    if (!copy(request->form, sizeof request->form, query ? query : "", query ? strlen(query) : 0))
        return false;
    request->cookies[0] = '\0';
    for (char *line = end + 2; line[0] != '\r'; line = end + 2) {
        end = strstr(line, "\r\n");
        if (end == NULL) return false;
        if (strncasecmp(line, "Cookie:", 7) != 0) continue;
        line += 7 + strspn(line + 7, " ");
        if (used > 0) used += (size_t)sprintf(request->cookies + used, "; ");
        if (!copy(request->cookies + used, sizeof request->cookies - used - 2, line,
                  (size_t)(end - line)))
            return false;
        used += (size_t)(end - line);
    }
    return true;
}

static void serve(int client, uint16_t port, http_answer answer, void *user) {
    static char text[16384];
    static http_request request;
    char *body;
    struct timeval patience = {5, 0};
    FILE *response = fdopen(client, "w");
    if (response == NULL) {
        close(client);
        return;
    }
    setsockopt(client, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    setsockopt(client, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    request.port = port;
    if (receive(client, text, sizeof text, &body) && parse(text, body, &request))
        answer(user, &request, response);
    else
        fputs("HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n", response);
    fflush(response);
    shutdown(client, SHUT_WR);
    fclose(response);
}

bool http_serve(http_answer answer, void *user) {
    uint16_t port = 0;
    int listener = listen_on_loopback(&port);
    if (listener < 0) {
        perror("cannot listen");
        return false;
    }
    set_signals();
    printf("http://127.0.0.1:%u/\n", port);
    fflush(stdout);
    while (!stopped) {
        int client = accept(listener, NULL, NULL);
        if (client >= 0)
            serve(client, port, answer, user);
        else if (errno != EINTR && errno != ECONNABORTED)
            break;
    }
    close(listener);
    return stopped != 0;
}

static int hex(char c) {
    const char *digits = "0123456789abcdef0123456789ABCDEF", *at = strchr(digits, c);
    return c == '\0' || at == NULL ? -1 : (int)((at - digits) % 16);
}

bool http_field(const http_request *request, const char *name, char *value, size_t size) {
    const char *field = request->form;
    size_t len = strlen(name), used = 0;
    while (strncmp(field, name, len) != 0 || field[len] != '=') {
        field = strchr(field, '&');
        if (field == NULL) return false;
        field++;
    }
    for (field += len + 1; *field != '\0' && *field != '&'; field++) {
        char c = *field == '+' ? ' ' : *field;
        if (c == '%' && hex(field[1]) >= 0 && hex(field[2]) >= 0) {
            c = (char)(hex(field[1]) * 16 + hex(field[2]));
            field += 2;
        }
        if (used + 1 >= size || c == '\0') return false;
        value[used++] = c;
    }
    value[used] = '\0';
    return true;
}

void http_put_text(FILE *response, const void *text, size_t len) {
    const unsigned char *bytes = text;
    for (size_t i = 0; i < len; i++) {
        if (strchr("<>&\"'", bytes[i]) != NULL)
            fprintf(response, "&#%d;", bytes[i]);
        else
            fputc(bytes[i], response);
    }
}
