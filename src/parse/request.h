/* SPDX-License-Identifier: Apache-2.0 */
/* What the web server says of a request, read from CGI variables. */
#ifndef PARSE_REQUEST_H
#define PARSE_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include "core/slice.h"

enum {
    REQUEST_PATH_MAX = 1024,  /* a longer path is outside the grammar: a name has 255 bytes */
    REQUEST_QUERY_MAX = 6144, /* percent-encoded it still fits an answer */
    REQUEST_VALUES_MAX = 8    /* repeated headers beyond this are ignored */
};

enum request_method { METHOD_GET, METHOD_HEAD, METHOD_OTHER };

/* Which variables tell the path. */
enum path_from {
    PATH_FROM_AUTO,        /* REQUEST_URI; where absent, SCRIPT_NAME and PATH_INFO */
    PATH_FROM_REQUEST_URI, /* only the raw target */
    PATH_FROM_PATH_INFO    /* SCRIPT_NAME and PATH_INFO, already decoded by the server */
};

/* The words for them in a configuration file, ended by NULL. */
extern const char *const path_from_words[];

/* How to read the variables; owned by the configuration. */
struct request_format {
    enum path_from path_from;
    struct slice region_variable;    /* "HTTP_X_CLIENT_REGION", empty for none */
    struct slice forwarded_variable; /* "HTTP_X_FORWARDED_FOR", empty for none */
    struct slice id_variable;        /* "HTTP_X_REQUEST_ID", empty for none */
};

/* The values of one variable; a web server may pass a repeated header twice. */
struct request_values {
    size_t count;
    struct slice value[REQUEST_VALUES_MAX];
};

/* Why a target cannot be taken as a path. */
enum target_fault { TARGET_FINE, TARGET_MALFORMED, TARGET_QUERY_TOO_LONG };

/* All slices borrow from the variables, or from `decoded`; they live as long as both. */
struct request {
    enum request_method method;
    enum target_fault fault;
    struct slice path;        /* decoded once, no encoded slash and no control bytes */
    struct slice query;       /* as it came, without the question mark */
    struct slice method_word; /* as it came, and so the next two */
    struct slice target;      /* empty where the server has decoded it */
    struct slice id;          /* what the header for it says; the first one */
    struct slice remote_addr;
    struct slice server_region; /* SIGNPOST_REGION: only the web server can set it */
    struct request_values region, forwarded;
    char decoded[REQUEST_PATH_MAX];
};

/* Reads a request from CGI variables ("NAME=value", the last entry NULL; RFC 3875, 4.1). */
void request_read(struct request *request, const struct request_format *format,
                  char *const *variables);

/* Sets path, query and fault from a raw request target, as in REQUEST_URI (RFC 9112, 3.2). */
void request_set_target(struct request *request, struct slice target);

/* The CGI variable that carries a header: "X-Client-Region" is HTTP_X_CLIENT_REGION
 * (RFC 3875, 4.1.18). Writes at most size bytes with the NUL; false if it does not fit. */
bool request_variable_of_header(char *buffer, size_t size, struct slice header);

#endif
