/* SPDX-License-Identifier: Apache-2.0 */
#include "parse/forwarded.h"

/*
 * The last entries of all values, as a ring: entry n is at n % FORWARDED_MAX, as
 * text that is read only when the walk from the right gets there. An empty one
 * says nothing.
 */
struct entries {
    size_t count;
    struct slice ring[FORWARDED_MAX];
};

static void add(struct entries *entries, struct slice entry)
{
    entries->ring[entries->count++ % FORWARDED_MAX] = entry;
}

/* Empty entries are none (RFC 9110, 5.6.1.2). */
static void read_list(struct entries *entries, struct slice text)
{
    while (text.len) {
        const char *comma = memchr(text.at, ',', text.len);
        size_t len = comma ? (size_t)(comma - text.at) : text.len;
        struct slice entry = slice_trim(slice_to(text, len));

        if (entry.len)
            add(entries, entry);
        text = slice_from(text, comma ? len + 1 : len);
    }
}

/*
 * Cuts a parameter's value off text: a token, or the inside of a quoted string.
 * False if a quote is not closed, or stands inside a token.
 */
static bool cut_value(struct slice *text, struct slice *value)
{
    size_t end = 0;

    if (text->len && text->at[0] == '"') {
        for (end = 1; end < text->len && text->at[end] != '"'; end++)
            end += text->at[end] == '\\';
        if (end >= text->len)
            return false;
        *value = (struct slice){text->at + 1, end - 1};
        *text = slice_from(*text, end + 1);
        return true;
    }
    while (end < text->len && text->at[end] != ';' && text->at[end] != ',') {
        if (text->at[end++] == '"')
            return false;
    }
    *value = slice_trim(slice_to(*text, end));
    *text = slice_from(*text, end);
    return true;
}

/* Cuts "name=value" off text. An empty parameter (";;") is none. */
static bool cut_parameter(struct slice *text, struct slice *name, struct slice *value)
{
    size_t len = 0;

    *name = *value = (struct slice){text->at, 0};
    *text = slice_trim(*text);
    while (len < text->len && !strchr("=;,\"", text->at[len]))
        len++;
    if (len == text->len || text->at[len] != '=')
        return len == 0 && (text->len == 0 || text->at[0] != '"');
    if (len == 0)
        return false;
    *name = slice_to(*text, len);
    *text = slice_from(*text, len + 1);
    if (!cut_value(text, value))
        return false;
    *text = slice_trim(*text);
    return text->len == 0 || text->at[0] == ';' || text->at[0] == ',';
}

/* Cuts one element, "for=192.0.2.1;proto=https", off text, with the comma behind it. */
static bool cut_element(struct slice *text, struct slice *node, bool *empty)
{
    bool has_for = false;

    *node = (struct slice){text->at, 0};
    for (*empty = true;; *text = slice_from(*text, 1)) {
        struct slice name, value;
        if (!cut_parameter(text, &name, &value))
            return false;
        *empty = *empty && name.len == 0;
        if (slice_equal_nocase(name, SLICE("for"))) {
            if (has_for)
                return false; /* each parameter at most once */
            *node = value;
            has_for = true;
        }
        if (!text->len || text->at[0] == ',')
            break;
    }
    if (text->len)
        *text = slice_from(*text, 1);
    return true;
}

/*
 * Reads a value of Forwarded (RFC 7239, 4). One that breaks the grammar says
 * nothing at all: what a client left open could swallow what a proxy added.
 */
static void read_rfc7239(struct entries *entries, struct slice text)
{
    while (text.len) {
        struct slice node;
        bool empty;
        if (!cut_element(&text, &node, &empty)) {
            add(entries, (struct slice){text.at, 0});
            return;
        }
        if (!empty)
            add(entries, node);
    }
}

static void read_values(struct entries *entries, const struct forwarding *forwarding,
                        const struct slice *values, size_t count)
{
    entries->count = 0;
    for (size_t i = 0; i < count; i++) {
        if (values[i].len > FORWARDED_BYTES_MAX)
            add(entries, (struct slice){values[i].at, 0});
        else if (forwarding->syntax == FORWARDING_RFC7239)
            read_rfc7239(entries, values[i]);
        else
            read_list(entries, values[i]);
    }
}

/* The n-th entry from the right, from 1; none if there are fewer. */
static struct address entry_from_right(const struct entries *entries, size_t n)
{
    struct address none = {.family = ADDRESS_NONE};

    if (n > entries->count || n > FORWARDED_MAX)
        return none;
    struct address address =
        address_parse_with_port(entries->ring[(entries->count - n) % FORWARDED_MAX]);
    return address_is_ip(&address) ? address : none;
}

struct address forwarded_client(const struct forwarding *forwarding, struct address peer,
                                const struct slice *values, size_t count)
{
    struct entries entries;
    struct address client = peer;
    bool everybody = forwarding->fixed && !forwarding->trusted_count;

    if (!everybody && !networks_have(forwarding->trusted, forwarding->trusted_count, &peer))
        return peer;
    read_values(&entries, forwarding, values, count);
    if (forwarding->fixed)
        return entries.count ? entry_from_right(&entries, forwarding->fixed) : peer;
    for (size_t n = 1; n <= entries.count; n++) {
        client = entry_from_right(&entries, n);
        if (!networks_have(forwarding->trusted, forwarding->trusted_count, &client))
            break;
    }
    return client;
}
