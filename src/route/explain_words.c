/* SPDX-License-Identifier: Apache-2.0 */
#include "route/explain_words.h"

const char *explain_unsure(enum unsure unsure)
{
    static const char *const words[] = {
        [UNSURE_NOT] = "",
        [UNSURE_NOT_ASKED] = ", since nobody was asked who holds the object (`unsure`)",
        [UNSURE_NO_ANSWER] = ", since nobody told in time who holds the object (`unsure`)",
        [UNSURE_NOT_KNOWN] =
            ", since the prober could not find out who holds the object (`unsure`)",
        [UNSURE_IN_TROUBLE] =
            ", since a registry answered 401, 429 or 5xx, or refused it (`unsure`)",
    };
    return words[unsure];
}

const char *explain_source(const struct client *client)
{
    static const char *const words[] = {
        [CLIENT_UNKNOWN] = "unknown",
        [CLIENT_SERVER_REGION] = "SIGNPOST_REGION",
        [CLIENT_REGION_HEADER] = "the region header",
        [CLIENT_ADDRESS] = "the address",
    };
    return words[client->source];
}

const char *explain_nearness(enum nearness nearness)
{
    static const char *const words[] = {
        [NEAR_NOT] = "its distance is not known, nor does it serve the client",
        [NEAR_DEFAULT] = "is the default",
        [NEAR_CONTINENT] = "is on the client's continent",
        [NEAR_COUNTRY] = "is in the client's country",
        [NEAR_DISTANCE] = "by distance",
        [NEAR_SERVES_ALL] = "serves everyone",
        [NEAR_SERVES_CONTINENT] = "serves the client's continent",
        [NEAR_SERVES_COUNTRY] = "serves the client's country",
        [NEAR_SERVES_REGION] = "serves the client's region",
        [NEAR_NAMED] = "is the client's region",
    };
    return words[nearness];
}

const char *explain_verdict(enum verdict verdict)
{
    static const char *const words[] = {
        [VERDICT_TAKEN] = "taken",
        [VERDICT_NOT_KNOWN] = "passed over: it is not known whether it holds the object",
        [VERDICT_ABSENT] = "passed over: it is known not to hold the object",
        [VERDICT_DOWN] = "passed over: it is down or drained, or only just returning",
        [VERDICT_NOT_IN_SHARE] = "passed over: it takes a share, and this client is not in it",
        [VERDICT_NONE] = "passed over: there is none for this client",
        [VERDICT_NO_BLOB] = "passed over: a bucket holds only blobs",
        [VERDICT_IPV4_ONLY] = "passed over: it has no IPv6 address, and the client no IPv4 one",
    };
    return words[verdict];
}
