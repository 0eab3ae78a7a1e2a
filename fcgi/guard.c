/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"
#include "guard.h"
#include "records.h"
#include <stdint.h>
#include <stdio.h>
#include <string.h>

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
    enum { METHOD_UNKNOWN, METHOD_IS_HEAD, METHOD_IS_OTHER } method;
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

/* The bytes at hand start with a pair. The method is of interest, unless it is cut. */
static void note_method(struct pairs *pairs, const unsigned char *at, size_t have, size_t name)
{
    static const char wanted[] = "REQUEST_METHOD";
    if (pairs->method != METHOD_UNKNOWN || name != sizeof wanted - 1 || pairs->left > have ||
        memcmp(at, wanted, name) != 0)
        return;
    bool head = pairs->left == name + 4 && memcmp(at + name, "HEAD", 4) == 0;
    pairs->method = head ? METHOD_IS_HEAD : METHOD_IS_OTHER;
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
        size_t name = length_value(pairs->length);
        pairs->left = name + length_value(pairs->length + length_size(pairs->length[0]));
        if (pairs->left > limit)
            return false;
        note_method(pairs, at, (size_t)(end - at), name);
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
    result->verdict = GUARD_REPLY;
    result->reply_len = RECORD_HEADER + content;
    return record_write(result->reply, type, id, content);
}

/* Spec 5.5. */
static void reply_end(struct guard_result *result, unsigned id, unsigned char status)
{
    result->verdict = GUARD_REPLY;
    result->reply_len = (size_t)(record_write_end(result->reply, id, status) - result->reply);
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
    _Static_assert(RECORD_HEADER + sizeof content <= GUARD_REPLY_MAX, "the reply has room");
    memcpy(reply_record(result, RECORD_GET_VALUES_RESULT, 0, len), content, len);
}

/* A record of request number 0: Spec 4. */
static void check_management(const struct record *record, const struct guard_limits *limits,
                             struct guard_result *result)
{
    unsigned asked;
    result->keep = true;
    if (record->type != 0 && record->type <= RECORD_DATA)
        close_with(result, "a request's record without a request number");
    else if (record->type == RECORD_GET_VALUES_RESULT || record->type == RECORD_UNKNOWN_TYPE)
        close_with(result, "a record that only a responder sends");
    else if (record->type != RECORD_GET_VALUES)
        reply_record(result, RECORD_UNKNOWN_TYPE, 0, 8)[0] = (unsigned char)record->type;
    else if (!values_asked(record, &asked))
        close_with(result, "an FCGI_GET_VALUES record whose pairs do not fit it");
    else
        reply_values(result, asked, limits->max_connections);
    result->length = record->length;
}

enum found { FOUND, NOT_WHOLE, TOO_LONG, NOT_FASTCGI };

/* The record at offset, of which only the header must be there. */
static enum found header_at(struct record *record, const unsigned char *bytes, size_t len,
                            size_t offset)
{
    const unsigned char *at = bytes + offset;
    if (len > offset && at[0] != RECORD_VERSION)
        return NOT_FASTCGI;
    if (len - offset < RECORD_HEADER)
        return NOT_WHOLE;
    record->type = at[1];
    record->id = (unsigned)at[2] << 8 | at[3];
    record->content = (unsigned)at[4] << 8 | at[5];
    record->padding = at[6];
    record->at = at + RECORD_HEADER;
    record->length = RECORD_HEADER + record->content + record->padding;
    return FOUND;
}

/* The same, and all of it must be there. */
static enum found record_at(struct record *record, const unsigned char *bytes, size_t len,
                            size_t offset, size_t limit)
{
    record->length = 0;
    enum found found = header_at(record, bytes, len, offset);
    if (found == NOT_FASTCGI)
        return found;
    if (offset + RECORD_HEADER > limit || offset + record->length > limit)
        return TOO_LONG;
    return found == FOUND && len - offset < record->length ? NOT_WHOLE : found;
}

/*
 * The first record of a request (Spec 5.1). libfcgi forgets the padding behind
 * it and takes that for a record, hence the last test.
 */
static bool check_begin(const struct record *record, struct guard_result *result)
{
    if (record->type != RECORD_BEGIN_REQUEST)
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
    if ((record->at[0] << 8 | record->at[1]) == ROLE_RESPONDER)
        return true;
    reply_end(result, record->id, END_UNKNOWN_ROLE);
    result->length = record->length;
    result->keep = false;
    return false;
}

/* A record of another request inside this one. False: there are too many others. */
static bool note_other(const struct record *record, struct guard_result *result)
{
    if (record->type != RECORD_BEGIN_REQUEST)
        return true; /* Spec 3.3: what belongs to no request under way is ignored */
    if (result->other_count == GUARD_OTHERS_MAX)
        return false;
    result->others[result->other_count++] = (uint16_t)record->id;
    return true;
}

/* The variables are complete, at offset. What comes behind them? */
static void check_end(const unsigned char *bytes, size_t len, size_t offset,
                      struct guard_result *result)
{
    struct record record;
    result->verdict = GUARD_REQUEST;
    if (header_at(&record, bytes, len, offset) == FOUND && record.id == result->id &&
        record.type == RECORD_STDIN && record.length == RECORD_HEADER) {
        result->clean = true;
        offset += RECORD_HEADER;
    }
    result->length = offset;
    if (header_at(&record, bytes, len, offset) == FOUND)
        result->again = record.id == result->id && record.type == RECORD_BEGIN_REQUEST;
    if (result->keep)
        return;
    /* The connection ends with this request, and so do the others that begin behind it. */
    while (offset <= len && header_at(&record, bytes, len, offset) == FOUND) {
        if (record.id != result->id && record.id != 0 && !note_other(&record, result))
            return;
        offset += record.length;
    }
}

/* A record of this request that is none of its variables. */
static void check_stray(const struct record *record, size_t offset, struct guard_result *result)
{
    if (record->type != RECORD_ABORT_REQUEST) {
        close_with(result, "another record among the variables");
        return;
    }
    reply_end(result, record->id, END_REQUEST_COMPLETE); /* Spec 5.4 */
    result->length = offset + record->length;
}

/* Reads the variables in a record, of which the end may not have come. False: one is too long. */
static bool read_variables(struct pairs *pairs, const struct record *record,
                           const unsigned char *end, size_t limit)
{
    size_t there = (size_t)(end - record->at);
    return pairs_read(pairs, record->at, there < record->content ? there : record->content, limit);
}

/* Deals with the record at offset. True: the next one is to be looked at. */
static bool check_variable_record(struct pairs *pairs, const struct record *record,
                                  const unsigned char *bytes, size_t len, size_t offset,
                                  size_t limit, struct guard_result *result)
{
    if (record->id == 0) {
        close_with(result, "a management record inside a request");
    } else if (record->id != result->id) {
        result->plain = false;
        if (note_other(record, result))
            return true;
        close_with(result, "too many requests inside a request");
    } else if (record->type != RECORD_PARAMS) {
        check_stray(record, offset, result);
    } else if (record->content > 0) {
        if (read_variables(pairs, record, bytes + len, limit))
            return true;
        result->verdict = GUARD_TOO_LONG;
    } else if (!pairs_at_boundary(pairs)) {
        close_with(result, "variables that end in the middle of one");
    } else {
        result->plain = result->plain && record->padding == 0;
        result->variables = pairs->count;
        check_end(bytes, len, offset + record->length, result);
    }
    return false;
}

/* The variables of a request that has begun. */
static void check_variables(const unsigned char *bytes, size_t len, size_t offset,
                            const struct guard_limits *limits, struct guard_result *result)
{
    struct pairs pairs = {.count = 0};
    struct record record;
    enum found found;
    while ((found = record_at(&record, bytes, len, offset, limits->header_bytes)) == FOUND &&
           check_variable_record(&pairs, &record, bytes, len, offset, limits->header_bytes, result))
        offset += record.length;
    if (found == TOO_LONG) {
        result->verdict = GUARD_TOO_LONG;
        if (record.length && record.id == result->id && record.type == RECORD_PARAMS)
            read_variables(&pairs, &record, bytes + len, limits->header_bytes);
    }
    if (result->verdict == GUARD_TOO_LONG)
        result->length = offset; /* what is left is ignored, record by record */
    result->wants_body = pairs.method == METHOD_IS_OTHER;
    if (found == NOT_FASTCGI)
        close_with(result, "something that is not FastCGI version 1");
}

/*
 * A record of a request that is not under way is ignored (Spec 3.3): most often the body
 * of one that was answered without it.
 */
static bool is_ignored(const struct record *record, struct guard_result *result)
{
    if (record->id == 0 || (record->type != RECORD_STDIN && record->type != RECORD_PARAMS &&
                            record->type != RECORD_DATA && record->type != RECORD_ABORT_REQUEST))
        return false;
    result->verdict = GUARD_IGNORE;
    result->length = record->length;
    return true;
}

void guard_check(const unsigned char *bytes, size_t len, const struct guard_limits *limits,
                 struct guard_result *result)
{
    struct record first;
    *result = (struct guard_result){.verdict = GUARD_MORE};
    if (header_at(&first, bytes, len, 0) == FOUND && is_ignored(&first, result))
        return;
    switch (record_at(&first, bytes, len, 0, limits->header_bytes)) {
    case NOT_WHOLE:
        return;
    case NOT_FASTCGI:
        close_with(result, "something that is not FastCGI version 1");
        return;
    case TOO_LONG:
        close_with(result, "a record over the length limit");
        return;
    case FOUND:
        break;
    }
    if (first.id == 0) {
        check_management(&first, limits, result);
        return;
    }
    if (!check_begin(&first, result) || !check_role(&first, result))
        return;
    result->id = first.id;
    result->keep = first.at[2] & FLAG_KEEP_CONN;
    result->plain = true;
    check_variables(bytes, len, first.length, limits, result);
}

size_t guard_copy(unsigned char *bytes, const struct guard_result *seen)
{
    size_t len = 0, step;
    for (size_t offset = 0; offset < seen->length; offset += step) {
        struct record record;
        if (header_at(&record, bytes, seen->length, offset) != FOUND)
            break;
        step = record.length;
        if (record.id != seen->id || record.type == RECORD_STDIN)
            continue;
        memmove(bytes + len, bytes + offset, RECORD_HEADER + record.content);
        bytes[len + 6] = 0; /* the padding */
        len += RECORD_HEADER + record.content;
    }
    return len;
}
