/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/replay/log_line.h"

#include <string.h>

/* What has not been read yet. */
struct cursor {
    char *at, *end;
};

static struct slice take_until(struct cursor *cursor, char stop)
{
    size_t left = (size_t)(cursor->end - cursor->at);
    char *found = left ? memchr(cursor->at, stop, left) : NULL;
    struct slice taken = {cursor->at, found ? (size_t)(found - cursor->at) : left};

    cursor->at = found ? found + 1 : cursor->end;
    return taken;
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Undoes the escape that begins at the backslash, into out; returns where it ends. */
static char *unescape_one(char *at, const char *end, char *out)
{
    static const char letters[] = "n\nr\rt\tv\vb\b";

    if (end - at >= 4 && at[1] == 'x' && hex_value(at[2]) >= 0 && hex_value(at[3]) >= 0) {
        *out = (char)(hex_value(at[2]) << 4 | hex_value(at[3]));
        return at + 4;
    }
    *out = at[1];
    for (const char *letter = letters; *letter; letter += 2)
        if (at[1] == *letter)
            *out = letter[1];
    return at + 2;
}

/* A quoted string, without its quotes; the cursor stands behind the first one. */
static bool take_quoted(struct cursor *cursor, struct slice *taken)
{
    char *start = cursor->at, *out = start;

    for (char *at = start; at < cursor->end;) {
        if (*at == '"') {
            *taken = (struct slice){start, (size_t)(out - start)};
            cursor->at = at + 1;
            return true;
        }
        if (*at == '\\' && cursor->end - at >= 2) {
            at = unescape_one(at, cursor->end, out++);
            continue;
        }
        *out++ = *at++;
    }
    return false;
}

/* Digits up to a space; a hyphen, or anything else, is none. */
static uint64_t take_number(struct cursor *cursor)
{
    struct slice word = take_until(cursor, ' ');
    uint64_t number = 0;

    for (size_t i = 0; i < word.len; i++) {
        unsigned digit = (unsigned)(unsigned char)word.at[i] - '0';
        if (digit > 9 || number > (UINT64_MAX - 9) / 10)
            return 0;
        number = number * 10 + digit;
    }
    return number;
}

/* "registry.example.org:443"; an IPv6 address has more colons. */
static bool is_host_and_port(struct slice word)
{
    const char *colon = word.len ? memchr(word.at, ':', word.len) : NULL;

    return colon && colon == memrchr(word.at, ':', word.len);
}

/* The fields before the time. Debian's Apache puts "host:port" before the address if told to. */
static struct slice find_address(struct slice fields)
{
    struct slice word[4] = {{NULL, 0}};

    for (size_t i = 0; i < 4 && fields.len > 0; i++) {
        const char *space = memchr(fields.at, ' ', fields.len);
        word[i] = slice_to(fields, space ? (size_t)(space - fields.at) : fields.len);
        fields = slice_from(fields, word[i].len + (space ? 1 : 0));
    }
    return word[3].len > 0 && is_host_and_port(word[0]) ? word[1] : word[0];
}

/* "GET /v2/ HTTP/1.1". A target may hold spaces if the server let them pass. */
static bool split_request(struct log_line *line, struct slice request)
{
    const char *space = request.len ? memchr(request.at, ' ', request.len) : NULL;
    const char *last = request.len ? memrchr(request.at, ' ', request.len) : NULL;

    if (!space || space == last || space == request.at)
        return false;
    struct slice protocol = slice_from(request, (size_t)(last + 1 - request.at));
    if (!slice_starts(protocol, SLICE("HTTP/")))
        return false;
    line->method = slice_to(request, (size_t)(space - request.at));
    line->target = (struct slice){space + 1, (size_t)(last - space - 1)};
    return line->target.len > 0;
}

/* Sizes, and quoted strings with anything between them. */
static void read_rest(struct log_line *line, struct cursor *cursor)
{
    if (cursor->at < cursor->end && *cursor->at == ' ')
        cursor->at++;
    take_until(cursor, ' '); /* the status */
    line->bytes = take_number(cursor);
    while (line->quoted_count < LOG_QUOTED_MAX) {
        take_until(cursor, '"');
        if (cursor->at >= cursor->end || !take_quoted(cursor, &line->quoted[line->quoted_count]))
            return;
        line->quoted_count++;
    }
}

/*
 * A field of signpost's own log: its value stands between before and after. What clients
 * send cannot hold either, since it is encoded there (see log/entry.h).
 */
static struct slice own_field(struct slice text, const char *before, char after)
{
    size_t len = strlen(before);
    const char *found = memmem(text.at, text.len, before, len);

    if (!found)
        return (struct slice){NULL, 0};
    struct slice value = slice_from(text, (size_t)(found - text.at) + len);
    const char *end = value.len ? memchr(value.at, after, value.len) : NULL;
    return end ? slice_to(value, (size_t)(end - value.at)) : value;
}

/* A line of signpost's own log, perhaps behind what syslog puts before it. */
static enum log_reading read_own(struct log_line *line, struct slice text)
{
    struct slice client;

    if (own_field(text, "{\"time\":\"", '"').len > 0) {
        line->method = own_field(text, ",\"method\":\"", '"');
        line->target = own_field(text, ",\"path\":\"", '"');
        line->region = own_field(text, ",\"place\":\"", '"');
        client = own_field(text, ",\"client\":\"", '/');
    } else {
        line->method = own_field(text, " method=", ' ');
        line->target = own_field(text, " path=", ' ');
        line->region = own_field(text, " place=", ' ');
        client = own_field(text, " client=", '/');
    }
    if (slice_equal(line->region, SLICE("-")))
        line->region = SLICE("");
    line->address = client;
    return line->method.len > 0 && line->target.len > 0 ? LOG_REQUEST : LOG_UNREADABLE;
}

static enum log_reading read_combined(struct log_line *line, char *text, size_t len)
{
    struct cursor cursor = {text, text + len};

    struct slice fields = take_until(&cursor, '[');
    take_until(&cursor, ']');
    line->address = find_address(fields);
    if (cursor.end - cursor.at < 3 || cursor.at[0] != ' ' || cursor.at[1] != '"' ||
        line->address.len == 0)
        return LOG_UNREADABLE;
    cursor.at += 2;
    if (!take_quoted(&cursor, &line->quoted[0]))
        return LOG_UNREADABLE;
    line->quoted_count = 1;
    read_rest(line, &cursor);
    return split_request(line, line->quoted[0]) ? LOG_REQUEST : LOG_NO_REQUEST;
}

enum log_reading log_line_read(struct log_line *line, char *text, size_t len)
{
    memset(line, 0, offsetof(struct log_line, quoted));
    line->quoted_count = 0;
    line->region = (struct slice){NULL, 0};
    enum log_reading reading = read_combined(line, text, len);
    return reading == LOG_UNREADABLE ? read_own(line, (struct slice){text, len}) : reading;
}
