/* SPDX-License-Identifier: Apache-2.0 */
#include "parse/request.h"

#include <ctype.h>
#include <stdint.h>

const char *const path_from_words[] = {"auto", "request_uri", "path_info", NULL};

/* The variables of one request, before they are made sense of. */
struct raw_target {
    struct slice request_uri, script_name, path_info, query_string;
    bool has_request_uri;
};

static enum request_method method_of(struct slice s)
{
    if (slice_equal(s, SLICE("GET")))
        return METHOD_GET;
    return slice_equal(s, SLICE("HEAD")) ? METHOD_HEAD : METHOD_OTHER;
}

static void add_value(struct request_values *values, struct slice value)
{
    if (values->count < REQUEST_VALUES_MAX && value.len > 0)
        values->value[values->count++] = value;
}

/* nginx may send a name twice, the web server's own setting first: the first one counts. */
static void keep_first(struct slice *kept, struct slice value)
{
    if (!kept->at)
        *kept = value;
}

static bool names(const char *variable, struct slice name, struct slice *value)
{
    if (name.len == 0 || strncmp(variable, name.at, name.len) != 0 || variable[name.len] != '=')
        return false;
    *value = slice_of(variable + name.len + 1);
    return true;
}

static void read_variable(struct request *request, const struct request_format *format,
                          struct raw_target *raw, const char *variable)
{
    struct slice value;

    switch (variable[0]) {
    case 'H':
        if (names(variable, format->region_variable, &value))
            add_value(&request->region, value);
        if (names(variable, format->forwarded_variable, &value))
            add_value(&request->forwarded, value);
        if (names(variable, format->id_variable, &value))
            keep_first(&request->id, value);
        break;
    case 'P':
        if (names(variable, SLICE("PATH_INFO"), &value))
            keep_first(&raw->path_info, value);
        break;
    case 'Q':
        if (names(variable, SLICE("QUERY_STRING"), &value))
            keep_first(&raw->query_string, value);
        break;
    case 'R':
        if (names(variable, SLICE("REQUEST_URI"), &value))
            keep_first(&raw->request_uri, value);
        else if (names(variable, SLICE("REQUEST_METHOD"), &value))
            request->method_word = value;
        else if (names(variable, SLICE("REMOTE_ADDR"), &value))
            keep_first(&request->remote_addr, value);
        else if (names(variable, SLICE("REDIRECT_SIGNPOST_REGION"), &value))
            keep_first(&request->server_region, value); /* what .htaccess set, after a rewrite */
        break;
    case 'S':
        if (names(variable, SLICE("SCRIPT_NAME"), &value))
            keep_first(&raw->script_name, value);
        else if (names(variable, SLICE("SIGNPOST_REGION"), &value))
            keep_first(&request->server_region, value);
        break;
    default:
        break;
    }
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool is_control(char c)
{
    return (uint8_t)c < 0x20 || c == 0x7f;
}

/* Decodes a path once. An encoded slash would change the path's shape, so it is refused. */
static bool decode(struct request *request, struct slice path)
{
    size_t out = 0;

    request->path = path;
    if (!memchr(path.at, '%', path.len))
        return true; /* the grammar refuses what else could be wrong */
    if (path.len > sizeof request->decoded)
        return false;
    for (size_t i = 0; i < path.len; i++) {
        char c = path.at[i];
        if (c == '%') {
            int high = i + 2 < path.len ? hex_digit(path.at[i + 1]) : -1;
            int low = high >= 0 ? hex_digit(path.at[i + 2]) : -1;
            if (low < 0)
                return false;
            c = (char)(high << 4 | low);
            if (c == '/')
                return false;
            i += 2;
        }
        if (is_control(c))
            return false;
        request->decoded[out++] = c;
    }
    request->path = (struct slice){request->decoded, out};
    return true;
}

/* The length of "scheme://" at the start (RFC 3986, 3.1), 0 if there is none. */
static size_t scheme_length(struct slice s)
{
    size_t n = 0;

    while (n < s.len &&
           (isalnum((unsigned char)s.at[n]) || (n > 0 && s.at[n] && strchr("+-.", s.at[n]))))
        n++;
    if (n == 0 || isdigit((unsigned char)s.at[0]))
        return 0;
    return slice_starts(slice_from(s, n), SLICE("://")) ? n + 3 : 0;
}

/* Some servers pass the absolute form: the length of its "http://host" (RFC 9112, 3.2.2). */
static size_t origin_length(struct slice target)
{
    size_t n = scheme_length(target);

    while (n > 0 && n < target.len && !memchr("/?#", target.at[n], 3))
        n++;
    return n;
}

static struct slice before(struct slice s, char c)
{
    const char *found = s.len ? memchr(s.at, c, s.len) : NULL;
    return found ? slice_to(s, (size_t)(found - s.at)) : s;
}

static void set_query(struct request *request, struct slice query)
{
    request->query = before(query, '#');
    if (request->query.len > REQUEST_QUERY_MAX)
        request->fault = TARGET_QUERY_TOO_LONG;
}

void request_set_target(struct request *request, struct slice target)
{
    size_t origin = origin_length(target);

    request->target = target;
    target = slice_from(target, origin);
    struct slice path = before(before(target, '?'), '#');
    request->fault = TARGET_FINE;
    request->query = (struct slice){"", 0};
    if (path.len < target.len && target.at[path.len] == '?')
        set_query(request, slice_from(target, path.len + 1));
    if (origin > 0 && path.len == 0)
        path = SLICE("/");
    if (path.len == 0 || path.at[0] != '/' || !decode(request, path))
        request->fault = TARGET_MALFORMED;
}

static void set_decoded_target(struct request *request, const struct raw_target *raw)
{
    size_t len = raw->script_name.len + raw->path_info.len;

    set_query(request, raw->query_string);
    if (len == 0 || len > sizeof request->decoded) {
        request->fault = TARGET_MALFORMED;
        return;
    }
    if (raw->script_name.len)
        memcpy(request->decoded, raw->script_name.at, raw->script_name.len);
    if (raw->path_info.len)
        memcpy(request->decoded + raw->script_name.len, raw->path_info.at, raw->path_info.len);
    request->path = (struct slice){request->decoded, len};
    if (request->decoded[0] != '/')
        request->fault = TARGET_MALFORMED;
}

void request_read(struct request *request, const struct request_format *format,
                  char *const *variables)
{
    struct raw_target raw = {0};

    /* Not the decoded buffer: clearing it would cost more than all the rest. */
    memset(request, 0, offsetof(struct request, decoded));
    for (; *variables; variables++)
        read_variable(request, format, &raw, *variables);
    request->method = method_of(request->method_word);

    bool use_uri = raw.request_uri.len > 0 || format->path_from == PATH_FROM_REQUEST_URI;
    if (format->path_from == PATH_FROM_PATH_INFO)
        use_uri = false;
    if (use_uri)
        request_set_target(request, raw.request_uri);
    else
        set_decoded_target(request, &raw);
}

bool request_variable_of_header(char *buffer, size_t size, struct slice header)
{
    static const char start[] = "HTTP_";
    size_t start_len = sizeof start - 1;

    if (size < start_len + header.len + 1)
        return false;
    memcpy(buffer, start, start_len);
    for (size_t i = 0; i < header.len; i++) {
        unsigned char c = (unsigned char)header.at[i];
        buffer[start_len + i] = (char)(isalnum(c) ? toupper(c) : '_');
    }
    buffer[start_len + header.len] = '\0';
    return true;
}
