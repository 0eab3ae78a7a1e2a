/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Anonymous tokens: the first byte chooses between what a token server answers, which goes
 * into a header, and what a registry's challenge leads to, which becomes a URL.
 */
#include "config.h"
#include "input.h"

#ifndef HAVE_REGISTRY
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    (void)data, (void)size;
    return 0;
}
#else

#include <curl/curl.h>
#include "registry/token.h"

static void read_body(struct slice body)
{
    struct why why = {""};
    char *header = token_read(body, "https://auth.example.org/token", &why);

    must((header != NULL) == !why.text[0], "it is said what is wrong");
    if (!header)
        return;
    must(strncmp(header, "Bearer ", 7) == 0 && header[7], "a header has a token");
    for (const char *at = header + 7; *at; at++)
        must(*at > ' ' && *at <= '~', "of which each byte may stand in a header");
    must(strlen(header) < 64 << 10, "and which is not too long");
    free(header);
}

/* A URL that libcurl takes leads to where it was looked at. */
static void check_url(const char *url, bool encrypted)
{
    CURLU *parsed = curl_url();
    char *scheme = NULL, *query = NULL;

    must(parsed, "there is memory");
    must(strncmp(url, "https://", 8) == 0 || (!encrypted && strncmp(url, "http://", 7) == 0),
         "an encrypted registry sends to an encrypted place");
    if (curl_url_set(parsed, CURLUPART_URL, url, 0) == CURLUE_OK) {
        must(curl_url_get(parsed, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK, "it has a scheme");
        must(strncmp(url, scheme, strlen(scheme)) == 0, "which is the one that was looked at");
        if (!strchr(url, '#')) {
            must(curl_url_get(parsed, CURLUPART_QUERY, &query, 0) == CURLUE_OK, "and a query");
            must(strstr(query, "scope="), "with what the token is for");
        }
    }
    curl_free(scheme);
    curl_free(query);
    curl_url_cleanup(parsed);
}

static void read_challenge(bool encrypted, struct slice challenge)
{
    struct why why = {""};
    char *url = token_url(encrypted ? "https://registry.example.org" : "http://localhost:5000",
                          SLICE("library/app"), challenge, &why);

    must((url != NULL) == !why.text[0], "it is said what is wrong");
    if (url)
        check_url(url, encrypted);
    free(url);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input input = {data, size < 65536 ? size : 65536};
    unsigned what = take_byte(&input);
    struct slice rest = take_bytes(&input, input.left);
    char *copy = tight_copy(rest);

    if (what % 2 == 0)
        read_body((struct slice){copy, rest.len});
    else
        read_challenge(what & 2, (struct slice){copy, rest.len});
    free(copy);
    return 0;
}
#endif
