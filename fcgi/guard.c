/* SPDX-License-Identifier: Apache-2.0 */
#include "guard.h"
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* Spec 8: types and constants. */
enum {
    HEADER = 8,
    VERSION = 1,
    BEGIN_REQUEST = 1,
    ABORT_REQUEST = 2,
    END_REQUEST = 3,
    PARAMS = 4,
    STDIN = 5,
    DATA = 8,
    GET_VALUES = 9,
    GET_VALUES_RESULT = 10,
    UNKNOWN_TYPE = 11,
    RESPONDER = 1,
    KEEP_CONN = 1,
    REQUEST_COMPLETE = 0,
    UNKNOWN_ROLE = 3,
};

/* One record: its header, decoded, and where its content stands. */
struct record {
    unsigned type, id, content, padding;
    const unsigned char *at; /* the content */
    size_t length;           /* header, content and padding */
};

/* How far a run of name-value pairs (Spec 3.4) has been read. It may be cut anywhere. */
struct pairs {
    unsigned char length[8]; /* the two lengths as they come, each of 1 or 4 bytes */
    size_t have, left;       /* bytes of length held; bytes of name and value to come */
    unsigned count;
};

static size_t length_size(unsigned char first)
{
    return first & 0x80 ? 4 : 1;
}

static size_t length_value(const unsigned char *at)
{
    if (!(*at & 0x80))
        return *at;
    return (size_t)(at[0] & 0x7f) << 24 | (size_t)at[1] << 16 | (size_t)at[2] << 8 | at[3];
}

/* Whether the bytes held are both lengths, whole. */
static bool pairs_lengths_whole(const struct pairs *pairs)
{
    size_t name = pairs->have ? length_size(pairs->length[0]) : 1;
    return pairs->have > name && pairs->have >= name + length_size(pairs->length[name]);
}

/* Reads on. False: a pair is longer than limit bytes. */
static bool pairs_read(struct pairs *pairs, const unsigned char *at, size_t len, size_t limit)
{
    const unsigned char *end = at + len;
    while (at < end) {
        if (pairs->left) {
            size_t step = (size_t)(end - at) < pairs->left ? (size_t)(end - at) : pairs->left;
            at += step;
            pairs->left -= step;
            continue;
        }
        pairs->length[pairs->have++] = *at++;
        if (!pairs_lengths_whole(pairs))
            continue;
        size_t name = length_size(pairs->length[0]);
        pairs->left = length_value(pairs->length) + length_value(pairs->length + name);
        if (pairs->left > limit)
            return false;
        pairs->have = 0;
        pairs->count++;
    }
    return true;
}

static bool pairs_at_boundary(const struct pairs *pairs)
{
    return pairs->have == 0 && pairs->left == 0;
}

static void close_with(struct guard_result *result, const char *why)
{
    result->verdict = GUARD_CLOSE;
    result->why = why;
}

/* Starts a reply record of the given content length; returns where the content goes. */
static unsigned char *reply_record(struct guard_result *result, unsigned type, unsigned id,
                                   size_t content)
{
    unsigned char *at = result->reply;
    memset(at, 0, sizeof result->reply);
    at[0] = VERSION;
    at[1] = (unsigned char)type;
    at[2] = (unsigned char)(id >> 8);
    at[3] = (unsigned char)id;
    at[5] = (unsigned char)content;
    result->verdict = GUARD_REPLY;
    result->reply_len = HEADER + content;
    return at + HEADER;
}

/* Spec 5.5. */
static void reply_end(struct guard_result *result, unsigned id, unsigned char status)
{
    reply_record(result, END_REQUEST, id, 8)[4] = status;
}

/* The names of Spec 4.1, as bits of what has been asked for. */
static const char *const value_names[] = {"FCGI_MAX_CONNS", "FCGI_MAX_REQS", "FCGI_MPXS_CONNS"};
enum {
    VALUE_NAMES = sizeof value_names / sizeof *value_names,
    MPXS_CONNS = 2,
    VALUE_MAX = 10 /* digits */
};

static unsigned value_bit(const unsigned char *name, size_t len)
{
    for (unsigned i = 0; i < VALUE_NAMES; i++)
        if (strlen(value_names[i]) == len && memcmp(value_names[i], name, len) == 0)
            return 1U << i;
    return 0;
}

/* Which values a GET_VALUES record asks for. False: its pairs do not fit it. */
static bool values_asked(const struct record *record, unsigned *asked)
{
    const unsigned char *at = record->at, *end = at + record->content;
    *asked = 0;
    while (at < end) {
        size_t lengths[2];
        for (int i = 0; i < 2; i++) {
            if (at == end || (size_t)(end - at) < length_size(*at))
                return false;
            lengths[i] = length_value(at);
            at += length_size(*at);
        }
        if (lengths[0] + lengths[1] > (size_t)(end - at))
            return false;
        *asked |= value_bit(at, lengths[0]);
        at += lengths[0] + lengths[1];
    }
    return true;
}

/* Spec 4.1. A name that is asked for twice is answered once. */
static void reply_values(struct guard_result *result, unsigned asked, unsigned max_connections)
{
    unsigned char content[VALUE_NAMES * (2 + sizeof "FCGI_MPXS_CONNS" + VALUE_MAX)];
    size_t len = 0;
    for (unsigned i = 0; i < VALUE_NAMES; i++) {
        char value[VALUE_MAX + 1];
        if (!(asked & 1U << i))
            continue;
        snprintf(value, sizeof value, "%u", i == MPXS_CONNS ? 0 : max_connections);
        size_t name_len = strlen(value_names[i]), value_len = strlen(value);
        content[len++] = (unsigned char)name_len;
        content[len++] = (unsigned char)value_len;
        memcpy(content + len, value_names[i], name_len);
        memcpy(content + len + name_len, value, value_len);
        len += name_len + value_len;
    }
    _Static_assert(HEADER + sizeof content <= GUARD_REPLY_MAX, "the reply has room");
    memcpy(reply_record(result, GET_VALUES_RESULT, 0, len), content, len);
}

/* A record of request number 0: Spec 4. */
static void check_management(const struct record *record, const struct guard_limits *limits,
                             struct guard_result *result)
{
    unsigned asked;
    result->keep = true;
    if (record->type != 0 && record->type <= DATA)
        close_with(result, "a request's record without a request number");
    else if (record->type == GET_VALUES_RESULT || record->type == UNKNOWN_TYPE)
        close_with(result, "a record that only a responder sends");
    else if (record->type != GET_VALUES)
        reply_record(result, UNKNOWN_TYPE, 0, 8)[0] = (unsigned char)record->type;
    else if (!values_asked(record, &asked))
        close_with(result, "an FCGI_GET_VALUES record whose pairs do not fit it");
    else
        reply_values(result, asked, limits->max_connections);
    result->length = record->length;
}

enum found { FOUND, NOT_WHOLE, REFUSED };

/*
 * The record at offset. NOT_WHOLE and REFUSED have set the verdict. Of a record
 * that starts with STDIN only the header must be there.
 */
static enum found record_at(struct record *record, const unsigned char *bytes, size_t len,
                            size_t offset, size_t limit, struct guard_result *result)
{
    const unsigned char *at = bytes + offset;
    size_t have = len - offset;
    result->verdict = GUARD_MORE;
    if (have > 0 && at[0] != VERSION) {
        close_with(result, "something that is not FastCGI version 1");
        return REFUSED;
    }
    if (offset + HEADER > limit) {
        close_with(result, "a request header over the length limit");
        return REFUSED;
    }
    if (have < HEADER)
        return NOT_WHOLE;
    record->type = at[1];
    record->id = (unsigned)at[2] << 8 | at[3];
    record->content = (unsigned)at[4] << 8 | at[5];
    record->padding = at[6];
    record->at = at + HEADER;
    record->length = HEADER + record->content + record->padding;
    if (record->type == STDIN)
        return FOUND;
    if (offset + record->length > limit) {
        close_with(result, "a request header over the length limit");
        return REFUSED;
    }
    return have < record->length ? NOT_WHOLE : FOUND;
}

/*
 * The first record of a request (Spec 5.1). libfcgi forgets the padding behind
 * it and takes that for a record, hence the last test.
 */
static bool check_begin(const struct record *record, struct guard_result *result)
{
    if (record->type != BEGIN_REQUEST)
        close_with(result, "a record of a request that has not begun");
    else if (record->content != 8 || record->padding != 0)
        close_with(result, "an FCGI_BEGIN_REQUEST record of a wrong size");
    else
        return true;
    return false;
}

/* The role, as far as it is ours; else the reply that Spec 5.5 has for it. */
static bool check_role(const struct record *record, struct guard_result *result)
{
    if ((record->at[0] << 8 | record->at[1]) == RESPONDER)
        return true;
    reply_end(result, record->id, UNKNOWN_ROLE);
    result->length = record->length;
    result->keep = false;
    return false;
}

/* Spec 5.4: an aborted request gets its end at once. */
static void check_abort(unsigned id, size_t length, struct guard_result *result)
{
    reply_end(result, id, REQUEST_COMPLETE);
    result->length = length;
}

/* The records behind the first one, up to the first STDIN header. */
static void check_rest(const unsigned char *bytes, size_t len, size_t offset, unsigned id,
                       const struct guard_limits *limits, struct guard_result *result)
{
    struct pairs pairs = {.count = 0};
    struct record record;
    bool ended = false, padded_end = false;
    for (;; offset += record.length) {
        if (record_at(&record, bytes, len, offset, limits->header_bytes, result) != FOUND)
            return;
        if (record.id != id) {
            close_with(result, "another request's record inside a request");
            return;
        }
        if (record.type == ABORT_REQUEST) {
            check_abort(id, offset + record.length, result);
            return;
        }
        if (record.type != (ended ? STDIN : PARAMS))
            break;
        if (ended) {
            result->verdict = GUARD_REQUEST;
            result->length = offset + HEADER;
            result->clean = !padded_end && record.length == HEADER;
            result->variables = pairs.count;
            return;
        }
        if (record.content == 0) {
            if (!pairs_at_boundary(&pairs)) {
                close_with(result, "variables that end in the middle of one");
                return;
            }
            ended = true;
            padded_end = record.padding != 0;
        } else if (!pairs_read(&pairs, record.at, record.content, limits->header_bytes)) {
            close_with(result, "a variable over the length limit");
            return;
        }
    }
    close_with(result, ended ? "no FCGI_STDIN record behind the variables"
                             : "another record among the variables");
}

void guard_check(const unsigned char *bytes, size_t len, const struct guard_limits *limits,
                 struct guard_result *result)
{
    struct record first;
    result->why = NULL;
    result->length = result->reply_len = 0;
    result->keep = result->clean = false;
    result->variables = 0;
    if (record_at(&first, bytes, len, 0, limits->header_bytes, result) != FOUND)
        return;
    if (first.id == 0) {
        check_management(&first, limits, result);
        return;
    }
    if (!check_begin(&first, result) || !check_role(&first, result))
        return;
    result->keep = first.at[2] & KEEP_CONN;
    check_rest(bytes, len, first.length, first.id, limits, result);
}
