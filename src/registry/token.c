/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"
#include "registry/token.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include "registry/headers.h"

enum { TOKEN_MAX = 32 << 10 };

static char *make_url(const struct bearer_challenge *challenge, struct slice repository)
{
    char *url = NULL, *pull = NULL;
    char *service = http_escape(challenge->service);

    if (asprintf(&pull, "repository:%.*s:pull", (int)repository.len, repository.at) < 0)
        pull = NULL;
    char *scope =
        challenge->scope[0] ? http_escape(challenge->scope) : (pull ? http_escape(pull) : NULL);
    if (service && scope &&
        asprintf(&url, "%s%sservice=%s&scope=%s", challenge->realm,
                 strchr(challenge->realm, '?') ? "&" : "?", service, scope) < 0)
        url = NULL;
    free(pull);
    free(service);
    free(scope);
    return url;
}

/* What may stand in a header; a token is base64 and dots. */
static bool is_safe(const char *token)
{
    size_t len = 0;

    while (token[len] > ' ' && token[len] <= '~')
        len++;
    return len > 0 && len <= TOKEN_MAX && !token[len];
}

char *token_read(struct slice body, const char *url, struct why *why)
{
    json_t *json = json_loadb(body.at, body.len, 0, NULL);
    const char *token = json_string_value(json_object_get(json, "token"));
    char *header = NULL;

    if (!token)
        token = json_string_value(json_object_get(json, "access_token"));
    if (!token || !is_safe(token) || asprintf(&header, "Bearer %s", token) < 0) {
        why_not(why, "%.200s answers without a token", url);
        header = NULL;
    }
    json_decref(json);
    return header;
}

char *token_get(struct http *http, const struct http_request *request, struct why *why)
{
    struct http_response *response = malloc(sizeof *response);
    const char *url = request->url;
    struct why reason;
    char *header = NULL;

    if (!response)
        return NULL;
    if (!http_ask(http, request, response, &reason))
        why_not(why, "%.160s cannot be read: %.120s", url, reason.text);
    else if (response->status != 200)
        why_not(why, "%.200s answers %ld, where an anonymous token should be", url,
                response->status);
    else
        header = token_read(response->body, url, why);
    free(response);
    return header;
}

char *token_url(const char *registry, struct slice repository, struct slice challenge,
                struct why *why)
{
    struct bearer_challenge asked;

    if (!bearer_challenge_parse(&asked, challenge)) {
        why_not(why, "%.200s wants us to log in, and offers no anonymous token", registry);
        return NULL;
    }
    if (strncmp(asked.realm, "https://", 8) != 0 &&
        (http_is_https(registry) || strncmp(asked.realm, "http://", 7) != 0)) {
        why_not(why, "%.120s sends us to %.120s for a token, which is not encrypted", registry,
                asked.realm);
        return NULL;
    }
    return make_url(&asked, repository);
}
