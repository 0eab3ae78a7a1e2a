/* SPDX-License-Identifier: Apache-2.0 */
#include "prober/reply.h"

#include <stdio.h>

/* sha256 and sha512 of no bytes. */
static const struct slice empty_digests[] = {
    {"sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", 71},
    {"sha512:cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce"
     "47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e",
     135}};

struct reply_object reply_object(enum target_kind kind, const struct object *object)
{
    bool is_manifest = object->endpoint == ENDPOINT_MANIFESTS;
    bool is_empty = slice_equal(object->digest, empty_digests[0]) ||
                    slice_equal(object->digest, empty_digests[1]);

    return (struct reply_object){
        .kind = kind, .is_manifest = is_manifest, .is_empty_blob = is_empty && !is_manifest};
}

static bool is_success(const struct reply *reply)
{
    return reply->status == 200 || reply->status == 206; /* the latter to a GET of one byte */
}

/* Whether a 200 is the object, as far as its header can tell. */
static bool is_object(const struct reply *reply, struct reply_object object)
{
    if (!is_success(reply) || reply->led_away || reply->digest == DIGEST_OTHER)
        return false;
    if (reply->digest == DIGEST_SAME)
        return true;
    if (object.is_manifest)
        return reply->type == TYPE_MANIFEST;
    return reply->type != TYPE_HTML && (!reply->is_empty || object.is_empty_blob);
}

enum holding reply_holding(const struct reply *reply, struct reply_object object)
{
    if (is_object(reply, object))
        return HOLDING_PRESENT;
    if (reply->led_away || (reply->type == TYPE_HTML && !object.serves_content))
        return HOLDING_UNKNOWN;
    if (reply->status == 404 || (reply->status == 403 && object.kind == TARGET_BUCKET))
        return HOLDING_ABSENT;
    return HOLDING_UNKNOWN;
}

bool reply_wants_get(const struct reply *reply)
{
    return reply->status == 405 || reply->status == 501 ||
           (reply->status == 403 && reply->was_redirected);
}

bool reply_limits_rate(const struct reply *reply)
{
    return reply->status == 429 || (reply->status == 503 && reply->is_store);
}

bool reply_is_trouble(const struct reply *reply)
{
    if (reply->status == 0)
        return reply->failure == FAILURE_NETWORK || reply->failure == FAILURE_SILENCE;
    if (reply->type == TYPE_HTML)
        return true; /* registries and stores have none: something else answers */
    return reply->status >= 500 && reply->status != 501 && !reply_limits_rate(reply);
}

bool reply_is_refusal(const struct reply *reply)
{
    if (reply->status == 0)
        return reply->was_refused;
    return reply->status == 401 || reply->status == 429 ||
           (reply->status >= 500 && reply->status != 501);
}

static bool is_listed(const struct probing *rules, int status)
{
    for (size_t i = 0; i < rules->up_status_count; i++)
        if (rules->up_status[i] == (unsigned)status)
            return true;
    return false;
}

/* A page for everything has the status 200, too: /v2/ must be a registry's by its header. */
static bool is_registry_up(const struct reply *reply)
{
    if (reply->status == 200)
        return reply->is_registry;
    return reply->status == 401 && (reply->is_registry || reply->wants_login);
}

enum path_meaning reply_of_path(const struct reply *reply, const struct probing *rules)
{
    if (reply_limits_rate(reply) || reply->failure == FAILURE_NOT_SENT)
        return CHECK_NEITHER;
    if (rules->up_status_count > 0)
        return is_listed(rules, reply->status) ? CHECK_GOOD : CHECK_BAD;
    if (!slice_equal(rules->check_path, SLICE("/v2/")))
        return reply->status == 200 || reply->status == 401 ? CHECK_GOOD : CHECK_BAD;
    return is_registry_up(reply) ? CHECK_GOOD : CHECK_BAD;
}

enum path_meaning reply_of_bucket(const struct reply *reply)
{
    if (reply_limits_rate(reply) || reply->failure == FAILURE_NOT_SENT)
        return CHECK_NEITHER;
    if (reply->status == 0 || reply->status >= 500)
        return CHECK_BAD;
    /* 416: of no bytes there is no first one, where HEAD is not answered. */
    if (is_success(reply) || reply->status == 403 || reply->status == 404 || reply->status == 416)
        return CHECK_GOOD;
    return CHECK_NEITHER;
}

enum witness_meaning reply_of_witness(const struct reply *reply, struct reply_object object)
{
    if (reply_limits_rate(reply) || reply->failure == FAILURE_NOT_SENT || reply->led_away)
        return WITNESS_NEITHER;
    if (is_object(reply, object))
        return WITNESS_SERVED;
    if (reply->status == 404 || (reply->status == 403 && object.kind == TARGET_BUCKET))
        return WITNESS_GONE;
    if (reply->status == 401 || reply->status == 403)
        return WITNESS_DENIED;
    if (reply->status == 0 || reply->status >= 500 || is_success(reply))
        return WITNESS_FAILED;
    return WITNESS_NEITHER;
}

const char *reply_describe(const struct reply *reply, char *buffer, size_t size)
{
    if (reply->status == 0)
        return reply->words ? reply->words : "no answer";
    snprintf(buffer, size, "it answered with the status %d%s", reply->status,
             reply->type == TYPE_HTML ? " and a web page" : "");
    return buffer;
}
