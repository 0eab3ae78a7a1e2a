/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"
#include "registry/http.h"

#include <ctype.h>
#include <curl/curl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "core/instant.h"
#include "registry/headers.h"
#include "registry/private.h"

enum { CONNECT_SECONDS = 15, TOTAL_SECONDS = 60, SLOW_SECONDS = 30, HEADERS_MAX = 128 << 10 };

/* What has come so far. */
struct bytes {
    char *at;
    size_t len, room;
};

struct http {
    CURL *curl;
    struct bytes head, body;
    const struct http_request *request; /* the present one */
    bool refused;                       /* its sink wants no more */
    bool was_private;                   /* an address was passed over */
};

struct http *http_new(void)
{
    struct http *http = calloc(1, sizeof *http);

    if (http)
        http->curl = curl_easy_init();
    if (http && http->curl)
        return http;
    free(http);
    return NULL;
}

void http_free(struct http *http)
{
    if (!http)
        return;
    curl_easy_cleanup(http->curl);
    free(http->head.at);
    free(http->body.at);
    free(http);
}

static bool append(struct bytes *bytes, struct slice more, size_t most)
{
    if (more.len > most - bytes->len)
        return false;
    if (more.len > bytes->room - bytes->len) {
        size_t room = 2 * (bytes->len + more.len);
        char *at = realloc(bytes->at, room);
        if (!at)
            return false;
        bytes->at = at;
        bytes->room = room;
    }
    memcpy(bytes->at + bytes->len, more.at, more.len);
    bytes->len += more.len;
    return true;
}

static size_t on_body(char *at, size_t size, size_t count, void *user)
{
    struct http *http = user;
    struct slice more = {at, size * count};
    const struct http_sink *sink = &http->request->sink;
    long status = 0;

    curl_easy_getinfo(http->curl, CURLINFO_RESPONSE_CODE, &status);
    if (!sink->take || status / 100 != 2)
        return append(&http->body, more, HTTP_BODY_MAX) ? more.len : 0;
    http->refused = !sink->take(sink->context, more);
    return http->refused ? 0 : more.len;
}

static size_t on_header(char *at, size_t size, size_t count, void *user)
{
    struct http *http = user;
    struct slice line = {at, size * count};

    if (slice_starts(line, SLICE("HTTP/")))
        http->head.len = 0; /* those of an interim answer, 1xx, are not its */
    return append(&http->head, line, HEADERS_MAX) ? line.len : 0;
}

static int on_progress(void *user, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
    struct http *http = user;

    (void)a, (void)b, (void)c, (void)d;
    return http->request->stopped();
}

/* Called for each address that a host's name has. */
static curl_socket_t on_address(void *user, curlsocktype purpose, struct curl_sockaddr *address)
{
    struct http *http = user;

    (void)purpose;
    if (http->request->public_only && private_is_address(&address->addr)) {
        http->was_private = true;
        return CURL_SOCKET_BAD;
    }
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

/* ---- headers ---- */

static void keep(char *into, struct slice value)
{
    bool fits = value.len < HTTP_HEADER_MAX && !memchr(value.at, '\0', value.len);

    snprintf(into, HTTP_HEADER_MAX, "%.*s", fits ? (int)value.len : 0, value.at);
}

static void keep_type(char *into, size_t size, struct slice value)
{
    size_t n = 0;

    while (n < value.len && n + 1 < size && value.at[n] != ';' && value.at[n] != ' ') {
        into[n] = (char)tolower((unsigned char)value.at[n]);
        n++;
    }
    into[n] = '\0';
}

/* RFC 9110, 10.2.3; a date is not read. */
static long seconds_of(struct slice value)
{
    long seconds = 0;

    for (size_t i = 0; i < value.len; i++) {
        if (!isdigit((unsigned char)value.at[i]) || seconds > 1000000)
            return HTTP_RETRY_UNKNOWN;
        seconds = seconds * 10 + (value.at[i] - '0');
    }
    return value.len ? seconds : HTTP_RETRY_UNKNOWN;
}

/* The last challenge, unless one before it names Bearer. */
static void keep_challenge(char *into, struct slice head)
{
    struct slice value;

    while (!strcasestr(into, "bearer") && header_find(&head, SLICE("WWW-Authenticate"), &value))
        keep(into, value);
}

static void read_head(struct http_response *response, struct slice head)
{
    struct slice type = {NULL, 0}, value, rest;

    response->head = head;
    response->location[0] = response->link[0] = response->challenge[0] = '\0';
    response->retry_after = HTTP_RETRY_UNKNOWN;
    for (rest = head; header_find(&rest, SLICE("Content-Type"), &value);)
        type = value;
    keep_type(response->type, sizeof response->type, type);
    for (rest = head; header_find(&rest, SLICE("Location"), &value);)
        keep(response->location, value);
    for (rest = head; header_find(&rest, SLICE("Retry-After"), &value);)
        response->retry_after = seconds_of(value);
    rest = head;
    if (header_find(&rest, SLICE("Link"), &value))
        keep(response->link, value);
    keep_challenge(response->challenge, head);
}

/* ---- asking ---- */

static struct curl_slist *add_header(struct curl_slist *list, const char *name, const char *value)
{
    char *line;

    if (!value || asprintf(&line, "%s: %s", name, value) < 0)
        return list;
    struct curl_slist *longer = curl_slist_append(list, line);
    free(line);
    return longer ? longer : list;
}

static struct curl_slist *make_headers(const struct http_request *request)
{
    struct curl_slist *list = add_header(NULL, "Accept", request->accept);

    list = add_header(list, "Authorization", request->authorization);
    for (size_t i = 0; request->headers && request->headers[i]; i++) {
        struct curl_slist *longer = curl_slist_append(list, request->headers[i]);
        list = longer ? longer : list;
    }
    return list;
}

/* A body of unknown size may take long, as long as something comes. */
static void limit_time(CURL *curl, const struct http_request *request)
{
    int64_t left = request->sink.take ? INT64_MAX : TOTAL_SECONDS * 1000;

    if (request->ends_ms && request->ends_ms - instant_now().steady_ms < left)
        left = request->ends_ms - instant_now().steady_ms;
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_SECONDS);
    if (left < INT64_MAX)
        curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, left > 0 ? (long)left : 1L);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, request->speed_min ? request->speed_min : 1L);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME,
                     request->speed_min ? (long)SLOW_SECONDS : (long)TOTAL_SECONDS);
}

/* What few requests have. Without a body, POST and the like send Content-Length: 0. */
static void set_extras(struct http *http, struct curl_slist *connect_to)
{
    const struct http_request *request = http->request;
    CURL *curl = http->curl;

    if (request->method && strcmp(request->method, "HEAD") == 0)
        curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
    else if (request->method && strcmp(request->method, "GET") != 0) {
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, "");
        curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request->method);
    }
    curl_easy_setopt(curl, CURLOPT_RANGE, request->range);
    curl_easy_setopt(curl, CURLOPT_CONNECT_TO, connect_to);
    if (request->ca_file)
        curl_easy_setopt(curl, CURLOPT_CAINFO, request->ca_file);
    if (request->public_only) {
        curl_easy_setopt(curl, CURLOPT_OPENSOCKETFUNCTION, on_address);
        curl_easy_setopt(curl, CURLOPT_OPENSOCKETDATA, http);
    }
    if (request->stopped) {
        curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
        curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
        curl_easy_setopt(curl, CURLOPT_XFERINFODATA, http);
    }
}

static void set_options(struct http *http, struct curl_slist *headers)
{
    const struct http_request *request = http->request;
    CURL *curl = http->curl;

#if LIBCURL_VERSION_NUM >= 0x075500
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
#else
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
    curl_easy_setopt(curl, CURLOPT_URL, request->url);
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);
    limit_time(curl, request);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "signpost/" PACKAGE_VERSION);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, http);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, http);
}

static bool judge(const struct http *http, CURLcode result, struct why *why)
{
    if (result == CURLE_OK)
        return true;
    if (result == CURLE_ABORTED_BY_CALLBACK)
        return why_not(why, "it was interrupted");
    if (result == CURLE_COULDNT_CONNECT && http->was_private)
        return why_not(why, "its host has a private address, to which no public one may lead");
    if (result != CURLE_WRITE_ERROR)
        return why_not(why, "%s", curl_easy_strerror(result));
    if (http->refused)
        return why_not(why, "it has more bytes than it should");
    if (http->body.len == 0)
        return why_not(why, "its header has more than %d bytes", HEADERS_MAX);
    return why_not(why, "it has more than %d bytes", HTTP_BODY_MAX);
}

static struct slice slice_of_bytes(const struct bytes *bytes)
{
    return (struct slice){bytes->len ? bytes->at : "", bytes->len};
}

static bool came_from_private(CURL *curl)
{
    char *text = NULL;

    curl_easy_getinfo(curl, CURLINFO_PRIMARY_IP, &text);
    return text && private_is_text(text);
}

bool http_ask(struct http *http, const struct http_request *request, struct http_response *response,
              struct why *why)
{
    struct curl_slist *headers = make_headers(request);
    struct curl_slist *connect_to =
        request->connect_to ? curl_slist_append(NULL, request->connect_to) : NULL;

    http->request = request;
    http->head.len = http->body.len = 0;
    http->refused = http->was_private = false;
    set_options(http, headers);
    set_extras(http, connect_to);
    CURLcode result = curl_easy_perform(http->curl);
    response->status = 0;
    curl_easy_getinfo(http->curl, CURLINFO_RESPONSE_CODE, &response->status);
    read_head(response, slice_of_bytes(&http->head));
    response->body = slice_of_bytes(&http->body);
    response->is_private = came_from_private(http->curl);
    curl_easy_reset(http->curl); /* connections stay */
    curl_slist_free_all(headers);
    curl_slist_free_all(connect_to);
    http->request = NULL;
    return judge(http, result, why);
}

/* ---- validators ---- */

enum { SETTLED_SECONDS = 60 /* RFC 9110, 8.8.2.2 */ };

/* The value of a header as text that can be sent again; false if there is none, or no such. */
static bool copy_header(const struct http_response *response, struct slice name,
                        char text[HTTP_VALIDATOR_SIZE])
{
    struct slice head = response->head, value;

    if (!header_find(&head, name, &value) || value.len == 0 || value.len > HTTP_VALIDATOR_SIZE - 32)
        return false;
    for (size_t i = 0; i < value.len; i++)
        if (value.at[i] < ' ' || value.at[i] > '~')
            return false;
    memcpy(text, value.at, value.len);
    text[value.len] = '\0';
    return true;
}

/* Seconds since 1970; -1: not told. */
static time_t date_of(const struct http_response *response, struct slice name)
{
    char text[HTTP_VALIDATOR_SIZE];

    return copy_header(response, name, text) ? curl_getdate(text, NULL) : -1;
}

void http_validator(const struct http_response *response, char line[HTTP_VALIDATOR_SIZE])
{
    time_t now = date_of(response, SLICE("Date")),
           changed = date_of(response, SLICE("Last-Modified"));
    char text[HTTP_VALIDATOR_SIZE];
    bool is_settled = changed != -1 && now != -1 && now - changed >= SETTLED_SECONDS;

    line[0] = '\0';
    if ((changed == -1 || is_settled) && copy_header(response, SLICE("ETag"), text))
        snprintf(line, HTTP_VALIDATOR_SIZE, "If-None-Match: %.220s", text);
    else if (is_settled && copy_header(response, SLICE("Last-Modified"), text))
        snprintf(line, HTTP_VALIDATOR_SIZE, "If-Modified-Since: %.220s", text);
}

/* ---- URLs ---- */

char *http_resolve(const char *base, struct slice reference)
{
    CURLU *url = curl_url();
    char *text = strndup(reference.at, reference.len), *found = NULL, *resolved = NULL;

    if (url && text && curl_url_set(url, CURLUPART_URL, base, 0) == CURLUE_OK &&
        curl_url_set(url, CURLUPART_URL, text, 0) == CURLUE_OK &&
        curl_url_get(url, CURLUPART_URL, &found, 0) == CURLUE_OK &&
        (strncmp(found, "http://", 7) == 0 || strncmp(found, "https://", 8) == 0))
        resolved = strdup(found);
    curl_free(found);
    curl_url_cleanup(url);
    free(text);
    return resolved;
}

/* The host and the port, "host:443", to be freed; NULL if there is none. */
static char *host_of(const char *text)
{
    CURLU *url = curl_url();
    char *host = NULL, *port = NULL, *both = NULL;

    if (url && curl_url_set(url, CURLUPART_URL, text, 0) == CURLUE_OK &&
        curl_url_get(url, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
        curl_url_get(url, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) == CURLUE_OK &&
        asprintf(&both, "%s:%s", host, port) < 0)
        both = NULL;
    curl_free(host);
    curl_free(port);
    curl_url_cleanup(url);
    return both;
}

bool http_same_host(const char *a, const char *b)
{
    char *x = host_of(a), *y = host_of(b);
    bool same = x && y && strcasecmp(x, y) == 0;

    free(x);
    free(y);
    return same;
}

bool http_is_https(const char *url)
{
    return strncmp(url, "https://", 8) == 0;
}

char *http_escape(const char *text)
{
    char *escaped = curl_easy_escape(NULL, text, 0);
    char *copy = escaped ? strdup(escaped) : NULL;

    curl_free(escaped);
    return copy;
}
