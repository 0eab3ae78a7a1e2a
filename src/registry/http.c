/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"
#include "registry/http.h"

#include <ctype.h>
#include <curl/curl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

enum { CONNECT_SECONDS = 15, TOTAL_SECONDS = 60, HEADERS_MAX = 128 << 10 };

struct http {
    CURL *curl;
    char *body;
    size_t len, room, header_bytes;
    struct http_response *response; /* being filled */
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
    free(http->body);
    free(http);
}

static size_t on_body(char *at, size_t size, size_t count, void *user)
{
    struct http *http = user;
    size_t len = size * count;

    if (len > HTTP_BODY_MAX - http->len)
        return 0;
    if (len > http->room - http->len) {
        size_t room = 2 * (http->len + len);
        char *body = realloc(http->body, room);
        if (!body)
            return 0;
        http->body = body;
        http->room = room;
    }
    memcpy(http->body + http->len, at, len);
    http->len += len;
    return len;
}

/* ---- headers ---- */

/* A header line's value if the line has this name; else false. */
static bool header_value(struct slice line, struct slice name, struct slice *value)
{
    if (line.len <= name.len || line.at[name.len] != ':' ||
        !slice_equal_nocase(slice_to(line, name.len), name))
        return false;
    *value = slice_trim(slice_from(line, name.len + 1));
    return true;
}

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

static void start_response(struct http_response *response)
{
    response->status = 0;
    response->type[0] = response->location[0] = response->link[0] = response->challenge[0] = '\0';
    response->retry_after = HTTP_RETRY_UNKNOWN;
}

static size_t on_header(char *at, size_t size, size_t count, void *user)
{
    struct http *http = user;
    struct http_response *response = http->response;
    struct slice line = {at, size * count}, value;

    http->header_bytes += line.len;
    if (http->header_bytes > HEADERS_MAX)
        return 0;
    if (slice_starts(line, SLICE("HTTP/")))
        start_response(response); /* those of an interim answer, 1xx, are not its */
    else if (header_value(line, SLICE("Content-Type"), &value))
        keep_type(response->type, sizeof response->type, value);
    else if (header_value(line, SLICE("Location"), &value))
        keep(response->location, value);
    else if (header_value(line, SLICE("Link"), &value) && !response->link[0])
        keep(response->link, value);
    else if (header_value(line, SLICE("WWW-Authenticate"), &value) &&
             !strcasestr(response->challenge, "bearer"))
        keep(response->challenge, value);
    else if (header_value(line, SLICE("Retry-After"), &value))
        response->retry_after = seconds_of(value);
    return line.len;
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

static void set_options(struct http *http, const struct http_request *request,
                        struct curl_slist *headers)
{
    CURL *curl = http->curl;

    curl_easy_reset(curl); /* connections stay */
#if LIBCURL_VERSION_NUM >= 0x075500
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
#else
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
    curl_easy_setopt(curl, CURLOPT_URL, request->url);
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_SECONDS);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, (long)TOTAL_SECONDS);
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
    if (result == CURLE_WRITE_ERROR && http->header_bytes > HEADERS_MAX)
        return why_not(why, "its header has more than %d bytes", HEADERS_MAX);
    if (result == CURLE_WRITE_ERROR)
        return why_not(why, "it has more than %d bytes", HTTP_BODY_MAX);
    return why_not(why, "%s", curl_easy_strerror(result));
}

bool http_get(struct http *http, const struct http_request *request, struct http_response *response,
              struct why *why)
{
    struct curl_slist *headers = add_header(NULL, "Accept", request->accept);

    headers = add_header(headers, "Authorization", request->authorization);
    start_response(response);
    http->response = response;
    http->len = http->header_bytes = 0;
    set_options(http, request, headers);
    CURLcode result = curl_easy_perform(http->curl);
    curl_easy_getinfo(http->curl, CURLINFO_RESPONSE_CODE, &response->status);
    response->body = (struct slice){http->len ? http->body : "", http->len};
    curl_easy_setopt(http->curl, CURLOPT_HTTPHEADER, NULL);
    curl_slist_free_all(headers);
    return judge(http, result, why);
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
