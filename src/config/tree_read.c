/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <libconfig.h>
#include <math.h>
#include <stdlib.h>
#include "config/tree.h"
#include "core/child.h"

enum {
    INCLUDES_MAX = 10,
    DEPTH_MAX = 64,
    LIMIT_MS = 1000, /* for a child process */
    SHARED = 4096,   /* bytes for a tree, … */
    SHARED_EACH = 64 /* … and for each byte of its text; "1," makes a node and its text */
};

_Static_assert(sizeof(struct node) + 16 <= 2 * SHARED_EACH, "a node needs more room");

/* Lines that follow each other in one file. */
struct part {
    struct slice text;
    struct origin at; /* where it begins */
    unsigned line;    /* the same in the whole, from 1 */
    struct part *next;
};

/* What a line begins in. */
enum state { BETWEEN, STRING, COMMENT };

/* A text on its way to a tree. */
struct parse {
    struct arena *arena;
    const struct tree_reader *reader;
    struct tree_error *error; /* of the parent process */

    /* With what it includes in its places. */
    struct part *first, *last, *seen; /* seen: by origin_of */
    size_t len;
    unsigned lines;
    enum state state;
    struct origin long_string; /* the first that goes beyond its line; line 0: none */
    const char *whole;

    /* What libconfig makes of it. */
    struct node *root;
    const char *problem; /* NULL: none */
    unsigned line;       /* of the whole, where the problem is */
    bool is_done;        /* false: libconfig has found no memory */
};

static bool fail(const struct parse *parse, struct origin at)
{
    parse->error->at = at;
    return false;
}

#define FAIL(parse, where, ...) (why_not(&(parse)->error->why, __VA_ARGS__), fail((parse), (where)))

/* ---- what is included, which libconfig 1.5 cannot leave alone, and would wait for a FIFO ---- */

/* What the next line begins in. */
static enum state scan(enum state state, struct slice line)
{
    for (size_t i = 0; i < line.len; i++) {
        char c = line.at[i], next = i + 1 < line.len ? line.at[i + 1] : '\0';
        if (state == STRING) {
            i += c == '\\' && (next == '\\' || next == '"');
            state = c == '"' ? BETWEEN : STRING;
        } else if (state == COMMENT) {
            state = c == '*' && next == '/' ? BETWEEN : COMMENT;
            i += state == BETWEEN;
        } else if (c == '#' || (c == '/' && next == '/')) {
            break;
        } else if (c == '"' || (c == '/' && next == '*')) {
            state = c == '"' ? STRING : COMMENT;
            i += state == COMMENT;
        }
    }
    return state;
}

static struct slice skip_blanks(struct slice left)
{
    while (left.len > 0 && (left.at[0] == ' ' || left.at[0] == '\t'))
        left = slice_from(left, 1);
    return left;
}

static struct slice first_line(struct slice text)
{
    const char *end = text.len ? memchr(text.at, '\n', text.len) : NULL;

    return end ? slice_to(text, (size_t)(end - text.at) + 1) : text;
}

static const struct slice include_word = SLICE("@include");

/* Where nothing may be included, no line may even look so, in a string or a comment. */
static bool includes(const struct parse *parse, struct slice line)
{
    return (parse->state == BETWEEN || !parse->reader->include) &&
           slice_starts(skip_blanks(line), include_word);
}

static bool add_file(struct parse *parse, struct slice left, struct origin at, unsigned depth);

/* Takes in what a line includes, and leaves what stands behind that. */
static bool include(struct parse *parse, struct slice *left, struct origin at, unsigned depth)
{
    const struct tree_reader *reader = parse->reader;
    struct slice name = skip_blanks(slice_from(skip_blanks(*left), include_word.len)), inner;
    bool is_quoted = name.len > 1 && name.at[0] == '"';
    const char *end = is_quoted ? memchr(name.at + 1, '"', first_line(name).len - 1) : NULL;
    struct origin begin = {NULL, 1};

    if (!reader->include)
        return FAIL(parse, at, "nothing may be included here");
    if (!end)
        return FAIL(parse, at, "@include needs the name of a file in quotes");
    if (depth == INCLUDES_MAX)
        return FAIL(parse, at, "files are included more than %d deep", INCLUDES_MAX);
    *left = slice_from(name, (size_t)(end - name.at) + 1);
    name = (struct slice){name.at + 1, (size_t)(end - name.at) - 1};
    if (!reader->include(reader->context, arena_copy(parse->arena, name), &inner, &begin.file,
                         &parse->error->why))
        return fail(parse, at);
    return add_file(parse, inner, begin, depth + 1);
}

static void add_part(struct parse *parse, const char *from, struct origin at)
{
    struct part *part = arena_take(parse->arena, sizeof *part);

    *part = (struct part){{from, 0}, at, parse->lines + 1, NULL};
    *(parse->last ? &parse->last->next : &parse->first) = part;
    parse->last = part;
}

static void add_line(struct parse *parse, struct slice line, struct origin at)
{
    enum state before = parse->state;

    parse->state = scan(before, line);
    if (before != STRING && parse->state == STRING && parse->long_string.line == 0)
        parse->long_string = at;
    parse->last->text.len += line.len;
    parse->len += line.len;
    parse->lines++;
}

/* Takes in a file, and what it includes. */
static bool add_file(struct parse *parse, struct slice left, struct origin at, unsigned depth)
{
    if (left.len > 0 && memchr(left.at, '\0', left.len))
        return FAIL(parse, ((struct origin){at.file, 0}), "this is no text: it has a NUL byte");
    add_part(parse, left.at, at);
    while (left.len > 0) {
        if (includes(parse, left)) {
            if (!include(parse, &left, at, depth))
                return false;
            add_part(parse, left.at, at);
            continue;
        }
        struct slice line = first_line(left);
        add_line(parse, line, at);
        left = slice_from(left, line.len);
        at.line++;
    }
    return true;
}

/* Every part ends with a line's end; what has none is given one. */
static void join(struct parse *parse)
{
    char *end = arena_take(parse->arena, parse->len + parse->lines + 1);

    parse->whole = end;
    for (const struct part *part = parse->first; part; part = part->next) {
        if (part->text.len == 0)
            continue;
        memcpy(end, part->text.at, part->text.len);
        end += part->text.len;
        if (end[-1] != '\n')
            *end++ = '\n';
    }
}

/* Where a line of the whole comes from; its end is in the last one. */
static struct origin origin_of(struct parse *parse, unsigned line)
{
    struct part *part = parse->seen && parse->seen->line <= line ? parse->seen : parse->first;

    line = line < parse->lines ? line : parse->lines;
    while (part->next && part->next->line <= line)
        part = part->next;
    parse->seen = part;
    return (struct origin){part->at.file, part->at.line + line - part->line};
}

/* ---- libconfig's tree ---- */

static const enum node_type types[] = {
    [CONFIG_TYPE_GROUP] = NODE_GROUP, [CONFIG_TYPE_LIST] = NODE_LIST,
    [CONFIG_TYPE_ARRAY] = NODE_ARRAY, [CONFIG_TYPE_STRING] = NODE_STRING,
    [CONFIG_TYPE_INT] = NODE_INTEGER, [CONFIG_TYPE_INT64] = NODE_INTEGER,
    [CONFIG_TYPE_FLOAT] = NODE_FLOAT, [CONFIG_TYPE_BOOL] = NODE_FLAG,
};

/* As libconfig reads it: with a point, and no infinity. */
static char *float_text(struct arena *arena, double value)
{
    char text[40];

    if (isinf(value))
        return arena_copy(arena, value < 0 ? SLICE("-1e999") : SLICE("1e999"));
    snprintf(text, sizeof text, "%.15g", value);
    if (strtod(text, NULL) < value || strtod(text, NULL) > value)
        snprintf(text, sizeof text, "%.17g", value);
    return arena_format(arena, "%s%s", text, strpbrk(text, ".e") ? "" : ".0");
}

/* False if libconfig has found no memory for it. */
static bool take_scalar(struct arena *arena, const config_setting_t *setting, struct node *node)
{
    bool is_long = config_setting_type(setting) == CONFIG_TYPE_INT64;

    if (node->type == NODE_STRING) {
        const char *text = config_setting_get_string(setting);
        node->text = arena_copy(arena, slice_of(text));
        return text;
    }
    if (node->type == NODE_FLAG) {
        node->flag = config_setting_get_bool(setting);
        node->text = node->flag ? "true" : "false";
    } else if (node->type == NODE_FLOAT) {
        node->number = config_setting_get_float(setting);
        node->text = float_text(arena, node->number);
    } else if (node->type == NODE_INTEGER) {
        long long whole = config_setting_get_int64(setting);
        node->number = (double)whole;
        node->text = arena_format(arena, "%lld%s", whole, is_long ? "L" : "");
    }
    return true;
}

/* Takes over what libconfig has in a group, list or array. */
static bool take_members(struct parse *parse, const config_setting_t *from, struct node *to,
                         unsigned depth)
{
    int count = config_setting_length(from);

    for (int i = 0; i < count && !parse->problem; i++) {
        const config_setting_t *setting = config_setting_get_elem(from, (unsigned)i);
        const char *name = config_setting_name(setting);
        parse->line = config_setting_source_line(setting);
        if (depth == DEPTH_MAX)
            parse->problem = "brackets are too deep";
        struct node *node =
            tree_add(parse->arena, to, name ? arena_copy(parse->arena, slice_of(name)) : NULL,
                     types[config_setting_type(setting)]);
        if (!node)
            return false; /* it has no name */
        node->at = origin_of(parse, parse->line);
        if (!take_scalar(parse->arena, setting, node) ||
            !take_members(parse, setting, node, depth + 1))
            return false;
    }
    return true;
}

/* libconfig 1.5 does not notice everywhere that there is no memory. */
static void run_libconfig(void *context)
{
    struct parse *parse = context;
    config_t tree;

    errno = 0;
    config_init(&tree);
    if (config_read_string(&tree, parse->whole) == CONFIG_TRUE) {
        parse->is_done = take_members(parse, config_root_setting(&tree), parse->root, 0);
    } else {
        parse->problem = arena_copy(parse->arena, slice_of(config_error_text(&tree)));
        parse->line = (unsigned)config_error_line(&tree);
        parse->is_done = true;
    }
    parse->is_done = parse->is_done && errno != ENOMEM;
    config_destroy(&tree);
}

static bool run_in_child(void *context)
{
    struct parse *parse = context;

    return arena_try_shared(parse->arena, run_libconfig, parse) && parse->is_done;
}

/* False with the reason if libconfig could not do its work, whatever the text is. */
static bool run(struct parse *parse, struct why *why)
{
    if (parse->reader->in_child)
        return child_run(run_in_child, parse, LIMIT_MS, why);
    run_libconfig(parse);
    return parse->is_done || why_not(why, "there is not enough memory");
}

/* What to do about a problem that libconfig words so. */
static const char *cure(const char *problem)
{
    static const char *const cures[][2] = {
        {"syntax error",
         "look for a missing semicolon, quote or bracket here or in the line before"},
        {"duplicate setting name", "each option may stand only once here; leave one of the two"},
        {"mismatched element type", "in [ ] all must be of one kind; ( ) takes any"},
    };

    for (size_t i = 0; i < sizeof cures / sizeof *cures; i++)
        if (strstr(problem, cures[i][0]))
            return cures[i][1];
    return "libconfig's manual describes the format";
}

static bool explain(struct parse *parse)
{
    struct origin at = origin_of(parse, parse->line), quote = parse->long_string;

    if (quote.line && strstr(parse->problem, "syntax error"))
        return FAIL(parse, at,
                    "%s: a quote may be missing in line %u of %s, whose string goes on in the next",
                    parse->problem, quote.line, quote.file);
    return FAIL(parse, at, "%s: %s", parse->problem, cure(parse->problem));
}

struct node *tree_read(const struct tree_reader *reader, struct slice text, const char *file,
                       struct tree_error *error)
{
    struct parse parse = {.arena = reader->arena, .reader = reader, .error = error}, *shared;

    *error = (struct tree_error){.at.file = file};
    if (!add_file(&parse, text, (struct origin){file, 1}, 0))
        return NULL;
    join(&parse);
    error->is_starved =
        reader->in_child && !arena_share(reader->arena, SHARED + SHARED_EACH * parse.len);
    if (error->is_starved)
        return why_not(&error->why, "there is not enough memory"), NULL;
    shared = arena_take(reader->arena, sizeof *shared);
    *shared = parse;
    shared->root = arena_take(reader->arena, sizeof *shared->root);
    shared->root->at.file = file;
    error->is_starved = !run(shared, &error->why);
    if (error->is_starved || (shared->problem && !explain(shared)))
        return NULL;
    return shared->root;
}
