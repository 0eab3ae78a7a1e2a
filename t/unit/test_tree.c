/* SPDX-License-Identifier: Apache-2.0 */
/* Text in libconfig's language, read, changed and written. */
#include "tree.h"
#include <stdint.h>
#include <stdlib.h>
#include "tap.h"
#include "tight.h"

/* A text that is read, and what may be included in it. */
struct reading {
    struct arena *arena;
    const char *text;
    const char *const *files; /* name, text, …; NULL: nothing may be included */
    struct node *root;
    struct tree_error error;
};

static bool include(void *context, const char *name, struct slice *text, const char **file,
                    struct why *why)
{
    const struct reading *reading = context;

    for (size_t i = 0; reading->files[i]; i += 2)
        if (strcmp(reading->files[i], name) == 0) {
            *text = slice_of(reading->files[i + 1]);
            *file = name;
            return true;
        }
    return why_not(why, "there is no %s", name);
}

static void work(void *context)
{
    struct reading *reading = context;
    struct tree_reader reader = {reading->arena, reading->files ? include : NULL, reading};

    reading->root = tree_read(&reader, tight(slice_of(reading->text)), "main", &reading->error);
}

/* Reads a text; the arena is to be freed. */
static struct reading read_text(const char *text, const char *const *files)
{
    struct reading reading = {.arena = arena_new(), .text = text, .files = files};

    if (!reading.arena || !arena_try(reading.arena, work, &reading))
        abort();
    return reading;
}

/* The tree as text; good until the next call. */
static const char *written(const struct node *root)
{
    static char *text;
    size_t len;

    free(text);
    FILE *out = open_memstream(&text, &len);
    if (!out)
        abort();
    tree_write(root, out);
    fclose(out);
    return text;
}

static void check_reading(void)
{
    static const char *const samples[][2] = {
        {"", ""},
        {" # nothing\n// here\n/* nor\n here */", ""},
        {"/* without an end", ""},
        {"a=1", "a = 1;\n"},
        {"a:1;b=2,c = 3 d=4", "a = 1;\nb = 2;\nc = 3;\nd = 4;\n"},
        {"a-b_*9 = 1; *=2", "a-b_*9 = 1;\n* = 2;\n"},
        {"a=TRUE;b=False;", "a = TRUE;\nb = False;\n"},
        {"a = 12L; b = 12LL; c = 0x1F; d = -3; e = +4;",
         "a = 12;\nb = 12;\nc = 0x1F;\nd = -3;\ne = +4;\n"},
        {"a = 1.5; b = -.5; c = 1.; d = 1e3; e = 1.5E-3;",
         "a = 1.5;\nb = -.5;\nc = 1.;\nd = 1e3;\ne = 1.5E-3;\n"},
        {"a = \"\"", "a = \"\";\n"},
        {"a = \"x\" /* and */ \"y\"\n\"z\"", "a = \"xyz\";\n"},
        {"a = \"\\\\ \\\" \\n \\x41 \\q \\x4\";", "a = \"\\\\ \\\" \\x0a A \\\\q \\\\x4\";\n"},
        {"a = \"# // /* @include\";", "a = \"# // /* @include\";\n"},
        {"a = [ ]; b = ( ); c = { };", "a = [ ];\nb = ( );\nc = { };\n"},
        {"a = [ 1, 2, ]; b = [ \"x\", \"y\" ];", "a = [ 1, 2 ];\nb = [ \"x\", \"y\" ];\n"},
        {"a = ( 1, \"x\", true, [ 2 ], ( ), { b = 1; c = 2 } );",
         "a = ( 1, \"x\", true, [ 2 ], ( ), { b = 1; c = 2; } );\n"},
        {"a = { b = { c = 1; }; };", "a = { b = { c = 1; }; };\n"},
        {"\r\n\f\ta\r=\f1", "a = 1;\n"},
        {"a = \"\xc3\xa9\"", "a = \"\xc3\xa9\";\n"},
    };

    for (size_t i = 0; i < sizeof samples / sizeof *samples; i++) {
        struct reading reading = read_text(samples[i][0], NULL);
        ok(reading.root != NULL, "%s", shown(slice_of(samples[i][0])));
        is(reading.root ? written(reading.root) : reading.error.why.text, samples[i][1],
           "  is read as it is meant");
        char *again = strdup(written(reading.root));
        struct reading second = read_text(again, NULL);
        is(second.root ? written(second.root) : second.error.why.text, samples[i][1],
           "  and is the same when it is read again");
        free(again);
        arena_free(reading.arena);
        arena_free(second.arena);
    }
}

static void check_numbers(void)
{
    struct reading reading =
        read_text("a = 0x1F; b = -1.5e2; c = 9223372036854775807L; d = 010;", NULL);
    static const struct {
        const char *name;
        enum node_type type;
        double number;
    } all[] = {{"a", NODE_INTEGER, 31},
               {"b", NODE_FLOAT, -150},
               {"c", NODE_INTEGER, 0x1p63},
               {"d", NODE_INTEGER, 10}};

    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        const struct node *node = tree_member(reading.root, all[i].name);
        ok(node->type == all[i].type && node->number >= all[i].number &&
               node->number <= all[i].number,
           "the number %s", node->text);
    }
    arena_free(reading.arena);
}

static void check_errors(void)
{
    static const struct {
        const char *text;
        unsigned line;
        const char *pattern;
    } samples[] = {
        {"a", 1, "expected \"=\", found the end of the file: look for a missing semicolon"},
        {"a = ;", 1, "expected a value, found \";\""},
        {"a = 1;;", 1, "expected an option, found \";\""},
        {"= 1", 1, "expected an option, found \"=\""},
        {"a = 1; }", 1, "expected an option, found \"}\""},
        {"\n\na = { b = 1;", 3, "expected an option or \"}\", found the end"},
        {"a = [ 1\n2 ]", 2, "expected \",\" or \"]\", found \"2\""},
        {"a = ( 1, 2", 1, "expected \",\" or \")\", found the end"},
        {"a = [ , ]", 1, "expected a value, found \",\""},
        {"a = [ 1, \"x\" ]", 1, "in [ ] all must be strings"},
        {"a = [ 1, 2.5 ]", 1, "of one kind"},
        {"a = [ ( ) ]", 1, "of one kind"},
        {"a = 1;\na = 2;", 2, "\"a\" stands in line 1 already"},
        {"a = 1 x", 1, "expected \"=\", found the end"},
        {"a = yes;", 1, "expected a value, found \"yes\""},
        {"a = 1 \"x\"", 1, "expected an option, found the string \"x\""},
        {"a = @", 1, "found \"@\""},
        {"a = -", 1, "found \"-\""},
        {"a = .", 1, "found \".\""},
        {"a = \"x;\nb = \"y\nc = 1;", 3, "a quote may be missing in line 1"},
        {"\n a = \"x\n\n", 2, "the string that begins here has no end"},
        {"a = \"x;\nb = \"y\";\nc = 1;", 2, "perhaps in line 1"},
        {"a = \"\\x00\";", 1, "NUL"},
        {"@include \"x\"", 1, "nothing may be included here"},
    };

    for (size_t i = 0; i < sizeof samples / sizeof *samples; i++) {
        struct reading reading = read_text(samples[i].text, NULL);
        ok(!reading.root, "%s", shown(slice_of(samples[i].text)));
        like(reading.error.why.text, samples[i].pattern, "  it is said what is wrong");
        cmp_ok(reading.error.at.line, ==, samples[i].line, "  and in which line");
        arena_free(reading.arena);
    }
    struct tree_error error;
    struct reading nul = {.arena = arena_new()};
    struct tree_reader reader = {.arena = nul.arena};
    ok(!tree_read(&reader, SLICE("a = \0 1;"), "main", &error), "a NUL byte is no value");
    ok(!tree_read(&reader, SLICE("a = \"x\0\";"), "main", &error), "nor a part of a string");
    arena_free(nul.arena);
}

/* So many brackets, one in the other. */
static bool nests(size_t depth)
{
    char text[512];

    snprintf(text, sizeof text, "a = ");
    for (size_t i = 0; i < depth; i++)
        strcat(text, "(");
    for (size_t i = 0; i < depth; i++)
        strcat(text, ")");
    struct reading reading = read_text(text, NULL);
    arena_free(reading.arena);
    return reading.root;
}

static void check_includes(void)
{
    static const char *const files[] = {"one",  "b = 2; c = [",        "two", " @include \"one\"\n",
                                        "loop", "\n@include \"loop\"", "bad", "\nx = 1;\ny = ;",
                                        NULL};
    struct reading reading = read_text("a = 1;\n@include \"two\" 3 ];\nd = 4;", files);

    is(reading.root ? written(reading.root) : reading.error.why.text,
       "a = 1;\nb = 2;\nc = [ 3 ];\nd = 4;\n", "what is included stands where it is told to");
    const struct node *b = tree_member(reading.root, "b"), *d = tree_member(reading.root, "d");
    ok(strcmp(b->at.file, "one") == 0 && b->at.line == 1, "its file and line are known");
    ok(strcmp(d->at.file, "main") == 0 && d->at.line == 3, "as are those behind it");
    arena_free(reading.arena);

    reading = read_text("a = 1;\n\n@include \"three\"", files);
    ok(!reading.root && reading.error.at.line == 3, "one that is not there is refused");
    is(reading.error.why.text, "there is no three", "  with the reason");
    arena_free(reading.arena);
    reading = read_text("a = 1; @include \"bad\"", files);
    like(reading.error.why.text, "found \"@\"", "it must begin its line");
    arena_free(reading.arena);
    reading = read_text("@include bad", files);
    like(reading.error.why.text, "in quotes", "and have a name in quotes");
    arena_free(reading.arena);
    reading = read_text("@include \"bad\"", files);
    ok(!reading.root && strcmp(reading.error.at.file, "bad") == 0 && reading.error.at.line == 3,
       "a mistake is told where it is");
    arena_free(reading.arena);
    reading = read_text("@include \"loop\"", files);
    like(reading.error.why.text, "files are included more than 10 deep",
         "a file that includes itself comes to an end");
    arena_free(reading.arena);
}

static void change(void *context)
{
    struct reading *reading = context;
    struct node *root = reading->root, *list = tree_member(root, "list");
    struct arena *arena = reading->arena;

    tree_remove(tree_member(root, "b"));
    tree_remove(tree_member(root, "nothing"));
    tree_add_text(arena, tree_add(arena, root, "names", NODE_ARRAY), NULL, "x\"y");
    tree_add_text(arena, tree_add(arena, list, NULL, NODE_GROUP), "t", "u");
    tree_remove(list->first);
    ok(!tree_add(arena, root, "a", NODE_LIST), "a name that is taken is not added");
    ok(!tree_add(arena, tree_member(root, "a"), "x", NODE_LIST), "nor anything to a number");
    ok(!tree_add(arena, tree_member(root, "names"), NULL, NODE_INTEGER), "nor to other elements");
    ok(!tree_add(arena, list, "x", NODE_INTEGER), "nor a name to a list");
    ok(!tree_add(arena, root, NULL, NODE_INTEGER), "nor what has no name to a group");
}

static void check_changes(void)
{
    struct reading reading = read_text("a = 1; b = 2; list = ( 5, \"x\" ); c = 3;", NULL);

    ok(arena_try(reading.arena, change, &reading), "a tree is changed");
    is(written(reading.root),
       "a = 1;\nlist = ( \"x\", { t = \"u\"; } );\nc = 3;\nnames = [ \"x\\\"y\" ];\n",
       "and written so");
    cmp_ok(tree_member(reading.root, "list")->count, ==, 2, "what is in it is counted");
    ok(!tree_text(reading.root, "a") && !tree_text(reading.root, "nothing"),
       "a number is no text, nor is what is not there");
    arena_free(reading.arena);
}

static void take_too_much(void *context)
{
    struct arena *arena = context;

    arena_copy(arena, SLICE("something"));
    arena_take(arena, SIZE_MAX / 2 + 1);
    fail("no memory is enough");
}

static void take_far_too_much(void *context)
{
    arena_take(context, SIZE_MAX);
    fail("no memory is enough");
}

static void check_memory(void)
{
    struct arena *arena = arena_new();

    ok(!arena_try(arena, take_too_much, arena), "without memory, the work is left");
    ok(!arena_try(arena, take_far_too_much, arena), "however much it wants");
    ok(!arena_take(arena, SIZE_MAX - 1), "elsewhere there is none to be had");
    is(arena_copy(arena, SLICE("more")), "more", "and what there is can be had still");
    arena_free(arena);
    arena_free(NULL);
}

int main(void)
{
    check_reading();
    check_numbers();
    check_errors();
    ok(nests(64) && !nests(65), "brackets are at most 64 deep");
    check_includes();
    check_changes();
    check_memory();
    return done_testing();
}
