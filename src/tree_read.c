/* SPDX-License-Identifier: Apache-2.0 */
#include "tree.h"

#include <ctype.h>
#include <stdlib.h>
#include <strings.h>

enum { INCLUDES_MAX = 10, DEPTH_MAX = 64, SHOWN = 40 /* bytes of what was found */ };

/* A text that is being read, and the one that includes it. */
struct source {
    struct slice left;
    struct origin at;
    bool line_begins;
    struct source *outer;
};

enum token { END, NAME, STRING, INTEGER, FLOAT, FLAG, SIGN };

struct parser {
    const struct tree_reader *reader;
    struct source *source;
    unsigned includes, depth;
    unsigned long_string; /* the line of the first string that goes beyond its line; 0: none */
    struct tree_error *error;

    /* The token that comes next. */
    enum token token;
    char sign; /* = , ; { } [ ] ( ) or another character, which has no meaning */
    struct slice text;
    struct origin at;
};

static struct node *fail(const struct parser *parser, struct origin at)
{
    parser->error->at = at;
    return NULL;
}

#define FAIL(parser, where, ...)                                                                   \
    (why_not(&(parser)->error->why, __VA_ARGS__), fail((parser), (where)) != NULL)

/* ---- what is between tokens ---- */

static char peek(const struct source *source, size_t n)
{
    return n < source->left.len ? source->left.at[n] : '\0';
}

static void skip(struct source *source, size_t n)
{
    for (; n > 0 && source->left.len > 0; n--) {
        source->line_begins = source->left.at[0] == '\n' ||
                              (source->line_begins && strchr(" \t", source->left.at[0]));
        source->at.line += source->left.at[0] == '\n';
        source->left = slice_from(source->left, 1);
    }
}

/* Skips up to a text, and it; or up to the end, if it does not come. */
static void skip_past(struct source *source, const char *end)
{
    const char *found = memmem(source->left.at, source->left.len, end, strlen(end));

    skip(source, found ? (size_t)(found - source->left.at) + strlen(end) : source->left.len);
}

/* Skips blanks and comments; false where there are none. */
static bool skip_blank(struct source *source)
{
    char c = peek(source, 0);

    if (source->left.len == 0)
        return false;
    if (c && strchr(" \t\r\n\f", c))
        skip(source, 1);
    else if (c == '#' || (c == '/' && peek(source, 1) == '/'))
        skip_past(source, "\n");
    else if (c == '/' && peek(source, 1) == '*')
        skip_past(source, "*/");
    else
        return false;
    return true;
}

static bool read_string(struct parser *parser);

static bool open_include(struct parser *parser, struct origin at)
{
    const struct tree_reader *reader = parser->reader;
    struct slice text;
    const char *file;

    if (!reader->include)
        return FAIL(parser, at, "nothing may be included here");
    if (++parser->includes > INCLUDES_MAX)
        return FAIL(parser, at, "files are included more than %d deep", INCLUDES_MAX);
    if (!reader->include(reader->context, parser->text.at, &text, &file, &parser->error->why))
        return fail(parser, at);
    struct source *source = arena_take(reader->arena, sizeof *source);
    *source = (struct source){text, {file, 1}, true, parser->source};
    parser->source = source;
    return true;
}

/* Goes into a file that is to be included here, if one is. */
static bool include_if_told(struct parser *parser, bool *told)
{
    static const struct slice word = SLICE("@include");
    struct source *source = parser->source;
    struct origin at = source->at;

    *told = source->line_begins && slice_starts(source->left, word);
    if (!*told)
        return true;
    skip(source, word.len);
    while (peek(source, 0) == ' ' || peek(source, 0) == '\t')
        skip(source, 1);
    if (peek(source, 0) != '"')
        return FAIL(parser, at, "@include needs the name of a file in quotes");
    return read_string(parser) && open_include(parser, at);
}

/* Goes to where the next token begins, or the end of all is. */
static bool find_token(struct parser *parser)
{
    for (;;) {
        bool included;
        while (skip_blank(parser->source))
            ;
        if (!include_if_told(parser, &included))
            return false;
        if (included)
            continue;
        if (parser->source->left.len > 0 || !parser->source->outer)
            return true;
        parser->source = parser->source->outer;
        parser->includes--;
    }
}

/* ---- tokens ---- */

static int hex_value(char c)
{
    return isdigit((unsigned char)c) ? c - '0' : tolower((unsigned char)c) - 'a' + 10;
}

/* The byte that an escape stands for, and how long that is; a lone backslash is itself. */
static char read_escape(const struct source *source, size_t *len)
{
    static const char names[] = "nrtf\\\"", values[] = "\n\r\t\f\\\"";
    char c = peek(source, 1);
    const char *known = c ? strchr(names, c) : NULL;

    *len = 2;
    if (known)
        return values[known - names];
    if (tolower((unsigned char)c) == 'x' && isxdigit((unsigned char)peek(source, 2)) &&
        isxdigit((unsigned char)peek(source, 3))) {
        *len = 4;
        return (char)(hex_value(peek(source, 2)) << 4 | hex_value(peek(source, 3)));
    }
    *len = 1;
    return '\\';
}

/* How long the string is at most that begins here. */
static size_t string_room(const struct source *source)
{
    size_t n = 1;

    while (n < source->left.len && peek(source, n) != '"')
        n += peek(source, n) == '\\' && n + 1 < source->left.len ? 2 : 1;
    return n;
}

static bool read_string(struct parser *parser)
{
    struct source *source = parser->source;
    struct origin at = source->at;
    char *text = arena_take(parser->reader->arena, string_room(source) + 1);
    size_t len = 0, step = 1;

    for (skip(source, 1); source->left.len > 0 && peek(source, 0) != '"'; skip(source, step)) {
        step = 1;
        text[len] = peek(source, 0) == '\\' ? read_escape(source, &step) : peek(source, 0);
        if (text[len++] == '\0')
            return FAIL(parser, source->at, "a string may not hold a NUL byte");
    }
    if (source->at.line > at.line && parser->long_string == 0)
        parser->long_string = at.line;
    if (source->left.len == 0)
        return FAIL(
            parser, at,
            "the string that begins here has no end: a quote is missing, perhaps in line %u",
            parser->long_string ? parser->long_string : at.line);
    skip(source, 1);
    parser->text = (struct slice){text, len};
    return true;
}

static size_t digits(const struct source *source, size_t from)
{
    size_t n = from;

    while (isdigit((unsigned char)peek(source, n)))
        n++;
    return n - from;
}

/* The length of the number that begins here, 0 for none. */
static size_t number_length(const struct source *source, enum token *token)
{
    size_t n = peek(source, 0) == '-' || peek(source, 0) == '+';
    size_t whole = digits(source, n), part = 0;

    *token = INTEGER;
    if (peek(source, 0) == '0' && tolower((unsigned char)peek(source, 1)) == 'x') {
        for (n = 2; isxdigit((unsigned char)peek(source, n));)
            n++;
        return n > 2 ? n : 1;
    }
    n += whole;
    if (peek(source, n) == '.') {
        part = digits(source, n + 1);
        n += 1 + part;
        *token = FLOAT;
    }
    if (whole + part == 0)
        return 0;
    size_t power = n + 1;
    if (peek(source, power) == '-' || peek(source, power) == '+')
        power++;
    if (tolower((unsigned char)peek(source, n)) == 'e' && digits(source, power) > 0) {
        n = power + digits(source, power);
        *token = FLOAT;
    }
    return n;
}

static bool is_in_name(char c)
{
    return c && (isalnum((unsigned char)c) || strchr("-_*", c));
}

static void take_text(struct parser *parser, enum token token, size_t len)
{
    struct slice text = slice_to(parser->source->left, len);

    parser->token = token;
    parser->text = (struct slice){arena_copy(parser->reader->arena, text), len};
    skip(parser->source, len);
}

static void read_word(struct parser *parser)
{
    size_t len = 1;

    while (is_in_name(peek(parser->source, len)))
        len++;
    take_text(parser, NAME, len);
    if (strcasecmp(parser->text.at, "true") == 0 || strcasecmp(parser->text.at, "false") == 0)
        parser->token = FLAG;
}

static void read_number(struct parser *parser, enum token token, size_t len)
{
    take_text(parser, token, len);
    for (int i = 0; token == INTEGER && i < 2 && peek(parser->source, 0) == 'L'; i++)
        skip(parser->source, 1); /* a number of 64 bits: all are */
}

/* Reads the next token. */
static bool advance(struct parser *parser)
{
    enum token number;

    if (!find_token(parser))
        return false;
    struct source *source = parser->source;
    char c = peek(source, 0);
    size_t len = number_length(source, &number);
    parser->at = source->at;
    parser->text = (struct slice){"", 0};
    if (source->left.len == 0) {
        parser->token = END;
    } else if (c == '"') {
        parser->token = STRING;
        return read_string(parser);
    } else if (isalpha((unsigned char)c) || c == '*') {
        read_word(parser);
    } else if (len > 0) {
        read_number(parser, number, len);
    } else {
        parser->token = SIGN;
        parser->sign = c == ':' ? '=' : c;
        parser->text = slice_to(source->left, 1);
        skip(source, 1);
    }
    return true;
}

/* ---- the grammar ---- */

static bool is_sign(const struct parser *parser, char sign)
{
    return parser->token == SIGN && parser->sign == sign;
}

static bool unexpected(struct parser *parser, const char *expected)
{
    int len = (int)(parser->text.len < SHOWN ? parser->text.len : SHOWN);
    char found[SHOWN + 16], cure[96];

    if (parser->token == END)
        snprintf(found, sizeof found, "the end of the file");
    else
        snprintf(found, sizeof found, "%s\"%.*s\"", parser->token == STRING ? "the string " : "",
                 len, parser->text.at);
    if (parser->long_string)
        snprintf(cure, sizeof cure,
                 "a quote may be missing in line %u, whose string goes on in the next",
                 parser->long_string);
    else
        snprintf(cure, sizeof cure,
                 "look for a missing semicolon, quote or bracket here or in the line before");
    return FAIL(parser, parser->at, "expected %s, found %s: %s", expected, found, cure);
}

static bool read_value(struct parser *parser, struct node *parent, const char *name,
                       struct origin at);

static bool expect(struct parser *parser, char sign, const char *expected)
{
    return is_sign(parser, sign) ? advance(parser) : unexpected(parser, expected);
}

/* Members up to the end of the group, or of the text. */
static bool read_members(struct parser *parser, struct node *group)
{
    while (parser->token == NAME) {
        const char *name = parser->text.at;
        const struct node *former = tree_member(group, name);
        struct origin at = parser->at;
        if (former)
            return FAIL(parser, at,
                        "\"%.80s\" stands in line %u already: each option may stand only once "
                        "here; leave one of the two",
                        name, former->at.line);
        if (!advance(parser) || !expect(parser, '=', "\"=\"") ||
            !read_value(parser, group, name, at))
            return false;
        if ((is_sign(parser, ';') || is_sign(parser, ',')) && !advance(parser))
            return false;
    }
    return true;
}

static bool read_elements(struct parser *parser, struct node *list, char close)
{
    while (!is_sign(parser, close)) {
        if (!read_value(parser, list, NULL, parser->at))
            return false;
        if (!is_sign(parser, ',') && !is_sign(parser, close))
            return unexpected(parser, close == ']' ? "\",\" or \"]\"" : "\",\" or \")\"");
        if (is_sign(parser, ',') && !advance(parser))
            return false;
    }
    return advance(parser);
}

/* What stands in brackets; the opening one is the next token. */
static bool read_inner(struct parser *parser, struct node *node)
{
    if (++parser->depth > DEPTH_MAX)
        return FAIL(parser, node->at, "brackets are more than %d deep", DEPTH_MAX);
    if (!advance(parser))
        return false;
    bool good = node->type == NODE_LIST ? read_elements(parser, node, ')')
                : node->type == NODE_ARRAY
                    ? read_elements(parser, node, ']')
                    : read_members(parser, node) && expect(parser, '}', "an option or \"}\"");
    parser->depth--;
    return good;
}

/* Strings that follow each other are one. */
static bool read_strings(struct parser *parser, struct node *node)
{
    node->text = parser->text.at;
    while (advance(parser) && parser->token == STRING)
        node->text = arena_format(parser->reader->arena, "%s%s", node->text, parser->text.at);
    return parser->token != STRING;
}

static bool read_scalar(struct parser *parser, struct node *node)
{
    if (node->type == NODE_STRING)
        return read_strings(parser, node);
    node->text = parser->text.at;
    node->flag = tolower((unsigned char)node->text[0]) == 't';
    if (node->type != NODE_FLAG)
        node->number = strtod(node->text, NULL);
    return advance(parser);
}

/* The type of the value that comes next; false if none does. */
static bool find_type(const struct parser *parser, enum node_type *type)
{
    static const enum node_type types[] = {
        [STRING] = NODE_STRING, [INTEGER] = NODE_INTEGER, [FLOAT] = NODE_FLOAT, [FLAG] = NODE_FLAG};

    if (parser->token == SIGN && parser->sign && strchr("{([", parser->sign))
        *type = parser->sign == '{' ? NODE_GROUP : parser->sign == '(' ? NODE_LIST : NODE_ARRAY;
    else if (parser->token == END || parser->token == NAME || parser->token == SIGN)
        return false;
    else
        *type = types[parser->token];
    return true;
}

static bool read_value(struct parser *parser, struct node *parent, const char *name,
                       struct origin at)
{
    enum node_type type;

    if (!find_type(parser, &type))
        return unexpected(parser, "a value");
    struct node *node = tree_add(parser->reader->arena, parent, name, type);
    if (!node)
        return FAIL(parser, parser->at,
                    "in [ ] all must be strings, numbers or flags of one kind; ( ) takes any");
    node->at = at;
    return type >= NODE_STRING ? read_scalar(parser, node) : read_inner(parser, node);
}

struct node *tree_read(const struct tree_reader *reader, struct slice text, const char *file,
                       struct tree_error *error)
{
    struct source source = {text, {file, 1}, true, NULL};
    struct parser parser = {.reader = reader, .source = &source, .error = error};
    struct node *root = arena_take(reader->arena, sizeof *root);

    root->at = (struct origin){file, 0};
    if (!advance(&parser) || !read_members(&parser, root))
        return NULL;
    if (parser.token != END)
        return unexpected(&parser, "an option"), NULL;
    return root;
}
