/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"
#include <stdio.h>
#include <stdlib.h>
#include "ranges/fetch.h"
#include "ranges/sources.h"

#ifndef HAVE_LIBCURL
bool fetch_possible(struct range_error *error)
{
    return range_fail(error, "This signpost was built without libcurl and cannot download; install "
                             "it (Debian: libcurl4-openssl-dev) and build again, or get the files "
                             "by other means and name them.");
}

bool fetch_url(struct fetch *fetch, struct range_error *error)
{
    (void)fetch;
    return fetch_possible(error);
}
#else

#include <curl/curl.h>

enum {
    CONNECT_SECONDS = 20,
    TOTAL_SECONDS = 600,
    SLOW_BYTES = 1000, /* a second, for SLOW_SECONDS: given up */
    SLOW_SECONDS = 30,
    REDIRECTS = 5
};

static size_t on_bytes(char *at, size_t size, size_t count, void *user)
{
    struct fetch *fetch = user;
    size_t len = size * count;
    if (len > fetch->most - fetch->len)
        return 0;
    if (len > fetch->room - fetch->len) {
        size_t room = 2 * (fetch->len + len);
        char *bytes = realloc(fetch->bytes, room);
        if (!bytes)
            return 0;
        fetch->bytes = bytes;
        fetch->room = room;
    }
    memcpy(fetch->bytes + fetch->len, at, len);
    fetch->len += len;
    return len;
}

/* Keeps the value of the last answer's ETag, if it is one that can be sent back. */
static size_t on_header(char *at, size_t size, size_t count, void *user)
{
    struct fetch *fetch = user;
    struct slice line = {at, size * count}, start = SLICE("etag:");
    if (slice_starts(line, SLICE("HTTP/")))
        fetch->etag[0] = 0; /* a redirect's are not the file's */
    if (line.len > start.len && slice_equal_nocase(slice_to(line, start.len), start)) {
        line = slice_trim(slice_from(line, start.len));
        bool fits = line.len <= ETAG_MAX;
        for (size_t i = 0; i < line.len && fits; i++)
            fits = line.at[i] > ' ' && line.at[i] <= '~';
        snprintf(fetch->etag, sizeof fetch->etag, "%.*s", fits ? (int)line.len : 0, line.at);
    }
    return size * count;
}

static int on_progress(void *user, curl_off_t total, curl_off_t now, curl_off_t up_total,
                       curl_off_t up_now)
{
    const struct fetch *fetch = user;
    (void)up_total;
    (void)up_now;
    if (total > 0)
        fprintf(stderr, "\r%s: %5.1f of %.1f MB ", fetch->name, (double)now / 1e6,
                (double)total / 1e6);
    else
        fprintf(stderr, "\r%s: %5.1f MB ", fetch->name, (double)now / 1e6);
    return 0;
}

static void limit_protocols(CURL *curl, const char *url)
{
    bool local = !slice_starts(slice_of(url), SLICE("https:"));
#if LIBCURL_VERSION_NUM >= 0x075500
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, local ? "http,file" : "https");
    curl_easy_setopt(curl, CURLOPT_REDIR_PROTOCOLS_STR, "https");
#else
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS,
                     local ? (long)(CURLPROTO_HTTP | CURLPROTO_FILE) : (long)CURLPROTO_HTTPS);
    curl_easy_setopt(curl, CURLOPT_REDIR_PROTOCOLS, (long)CURLPROTO_HTTPS);
#endif
    if (local) /* a proxy is for the world outside */
        curl_easy_setopt(curl, CURLOPT_PROXY, "");
}

static void set_options(CURL *curl, struct fetch *fetch, struct curl_slist *headers)
{
    curl_easy_setopt(curl, CURLOPT_URL, fetch->url);
    limit_protocols(curl, fetch->url);
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 1L);
    curl_easy_setopt(curl, CURLOPT_MAXREDIRS, (long)REDIRECTS);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_SECONDS);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, (long)TOTAL_SECONDS);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, (long)SLOW_BYTES);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, (long)SLOW_SECONDS);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_ACCEPT_ENCODING, "");
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "signpost/" PACKAGE_VERSION);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_bytes);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, fetch);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, fetch);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
    curl_easy_setopt(curl, CURLOPT_XFERINFODATA, fetch);
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, fetch->progress ? 0L : 1L);
}

static bool judge(struct fetch *fetch, CURLcode result, long status, bool asked,
                  struct range_error *error)
{
    bool over_http = slice_starts(slice_of(fetch->url), SLICE("http"));
    if (result == CURLE_WRITE_ERROR && fetch->len + CURL_MAX_WRITE_SIZE > fetch->most)
        return range_fail(error, "%s: %s is larger than %zu MB, too large to be right.",
                          fetch->name, fetch->url, fetch->most / 1024 / 1024);
    if (result != CURLE_OK)
        return range_fail(error, "%s: %s cannot be got: %s.", fetch->name, fetch->url,
                          curl_easy_strerror(result));
    fetch->unchanged = asked && status == 304;
    if (over_http && status != 200 && !fetch->unchanged)
        return range_fail(error, "%s: %s cannot be got: the server answered %ld.", fetch->name,
                          fetch->url, status);
    return true;
}

bool fetch_possible(struct range_error *error)
{
    (void)error;
    return true;
}

bool fetch_url(struct fetch *fetch, struct range_error *error)
{
    char condition[ETAG_MAX + 32];
    bool asked = fetch->etag[0] != 0;
    snprintf(condition, sizeof condition, "If-None-Match: %s", fetch->etag);
    struct curl_slist *headers = asked ? curl_slist_append(NULL, condition) : NULL;
    CURL *curl = curl_easy_init();
    long status = 0;

    fetch->bytes = NULL;
    fetch->len = fetch->room = 0;
    fetch->unchanged = false;
    if (!curl || (asked && !headers)) {
        curl_easy_cleanup(curl);
        return range_fail(error, "%s: libcurl cannot be started.", fetch->name);
    }
    if (!source_url_allowed(slice_of(fetch->url))) {
        curl_easy_cleanup(curl);
        curl_slist_free_all(headers);
        return range_fail(error, "%s: %s is not an https URL.", fetch->name, fetch->url);
    }
    set_options(curl, fetch, headers);
    CURLcode result = curl_easy_perform(curl);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_cleanup(curl);
    curl_slist_free_all(headers);
    if (fetch->progress)
        fputs("\r\x1b[K", stderr);
    if (judge(fetch, result, status, asked, error))
        return true;
    free(fetch->bytes);
    fetch->bytes = NULL;
    return false;
}
#endif
