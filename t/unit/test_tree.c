/* SPDX-License-Identifier: Apache-2.0 */
/* Text in libconfig's language, read, changed and written. */
#include "config/tree.h"
#include <stdint.h>
#include <stdlib.h>
#include "leaks.h"
#include "tap.h"
#include "tight.h"

/* A text that is read, and what may be included in it. */
struct reading {
    struct arena *arena;
    const char *text;
    const char *const *files; /* name, text, …; NULL: nothing may be included */
    bool in_child;
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
    struct tree_reader reader = {reading->arena, reading->files ? include : NULL, reading,
                                 reading->in_child};

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

/* The same by a child process. */
static struct reading read_in_child(const char *text, const char *const *files)
{
    struct reading reading = {.arena = arena_new(), .text = text, .files = files, .in_child = true};

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
        {"a=1 # no line end", "a = 1;\n"},
        {"a:1;b=2,c = 3 d=4", "a = 1;\nb = 2;\nc = 3;\nd = 4;\n"},
        {"a-b_*9 = 1; *=2", "a-b_*9 = 1;\n* = 2;\n"},
        {"a=TRUE;b=False;", "a = true;\nb = false;\n"},
        {"a = 12L; b = 3000000000L; c = 0x1F; d = -3; e = +4;",
         "a = 12L;\nb = 3000000000L;\nc = 31;\nd = -3;\ne = 4;\n"},
        {"a = 1.5; b = -.5; c = 1.; d = 1e3; e = 1.5E-3; f = 0.1; g = 1e999;",
         "a = 1.5;\nb = -0.5;\nc = 1.0;\nd = 1000.0;\ne = 0.0015;\nf = 0.1;\ng = 1e999;\n"},
        {"a = 0.30000000000000004;", "a = 0.30000000000000004;\n"},
        {"a = \"\"", "a = \"\";\n"},
        {"a = \"x\" /* and */ \"y\"\n\"z\"", "a = \"xyz\";\n"},
        {"a = \"\\\\ \\\" \\n \\x41 \\q \\x4\";", "a = \"\\\\ \\\" \\x0a A \\\\q \\\\x4\";\n"},
        {"a = \"# // /* @include\";", "a = \"# // /* @include\";\n"},
        {"a = [ ]; b = ( ); c = { };", "a = [ ];\nb = ( );\nc = { };\n"},
        {"a = [ 1, 2 ]; b = [ \"x\", \"y\" ];", "a = [ 1, 2 ];\nb = [ \"x\", \"y\" ];\n"},
        {"a = ( 1, \"x\", true, [ 2 ], ( ), { b = 1; c = 2 } );",
         "a = ( 1, \"x\", true, [ 2 ], ( ), { b = 1; c = 2; } );\n"},
        {"a = { b = { c = 1; }; };", "a = { b = { c = 1; }; };\n"},
        {"\r\n\f\ta\r=\f1", "a = 1;\n"},
        {"a = \"\xc3\xa9\"", "a = \"\xc3\xa9\";\n"},
    };

    for (size_t i = 0; i < sizeof samples / sizeof *samples; i++) {
        struct reading reading = read_text(samples[i][0], NULL);
        struct reading elsewhere = read_in_child(samples[i][0], NULL);
        ok(reading.root != NULL, "%s", shown(slice_of(samples[i][0])));
        is(reading.root ? written(reading.root) : reading.error.why.text, samples[i][1],
           "  is read as it is meant");
        is(elsewhere.root ? written(elsewhere.root) : elsewhere.error.why.text, samples[i][1],
           "  and so by a child process");
        struct reading again = read_text(samples[i][1], NULL);
        is(again.root ? written(again.root) : again.error.why.text, samples[i][1],
           "  and is the same when it is read again");
        arena_free(reading.arena);
        arena_free(elsewhere.arena);
        arena_free(again.arena);
    }
}

static void check_numbers(void)
{
    struct reading reading =
        read_text("a = 0x1F; b = -1.5e2; c = 9223372036854775807L; d = 10;", NULL);
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
        {"a", 1, "syntax error: look for a missing semicolon"},
        {"a = 1;\n\nb = ;", 3, "syntax error: look for a missing semicolon"},
        {"a = [ 1, \"x\" ]", 1, "mismatched element type in array: in [ ] all must be of one kind"},
        {"a = 1;\na = 2;", 2, "duplicate setting name: each option may stand only once here"},
        {"a = yes;", 1, "syntax error"},
        {"a = @", 1, "syntax error"},
        {"a = \"x;\nb = \"y\nc = 1;", 3, "a quote may be missing in line 1 of main"},
        {"a = \"x\";\nb = \"y\n;\nc = 1;", 4, "a quote may be missing in line 2 of main"},
        {"a = 1;\n@include \"x\"", 2, "nothing may be included here"},
        {"/*\n \t@include \"x\"\n*/", 2, "nothing may be included here"},
        {"a = \"\n@include x\";", 2, "nothing may be included here"},
    };

    for (size_t i = 0; i < sizeof samples / sizeof *samples; i++)
        for (int in_child = 0; in_child < 2; in_child++) {
            struct reading reading =
                in_child ? read_in_child(samples[i].text, NULL) : read_text(samples[i].text, NULL);
            ok(!reading.root, "%s", shown(slice_of(samples[i].text)));
            like(reading.error.why.text, samples[i].pattern, "  it is said what is wrong");
            cmp_ok(reading.error.at.line, ==, samples[i].line, "  and in which line");
            ok(!reading.error.is_starved, "  which is no lack of memory");
            arena_free(reading.arena);
        }
    struct tree_error error;
    struct reading nul = {.arena = arena_new()};
    struct tree_reader reader = {.arena = nul.arena};
    ok(!tree_read(&reader, SLICE("a = \0 1;"), "main", &error), "a NUL byte is no value");
    ok(!tree_read(&reader, SLICE("a = 1; # \0\nb = 2;"), "main", &error),
       "nor may it hide what follows");
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

static void includes(const char *text, const char *const *files, const char *want)
{
    struct reading reading = read_text(text, files);

    is(reading.root ? written(reading.root) : reading.error.why.text, want, "%s",
       shown(slice_of(text)));
    arena_free(reading.arena);
}

static void check_includes(void)
{
    static const char *const files[] = {"one",   "b = 2; c = [",
                                        "two",   " @include \"one\"\n",
                                        "/abs",  "z = 1;",
                                        "quote", "y = \"",
                                        "empty", "",
                                        "open",  "/*",
                                        "close", "*/ x = 1;",
                                        NULL};

    includes("a = 1;\n@include \"two\" 3 ];\nd = 4;", files,
             "a = 1;\nb = 2;\nc = [ 3 ];\nd = 4;\n");
    includes("\t @include\t \"/abs\"", files, "z = 1;\n");
    includes("@include \"empty\"\n@include \"/abs\"", files, "z = 1;\n");
    includes("@include \"empty\" @include \"/abs\"", files, "z = 1;\n");
    includes("a = 1; @include \"/abs\"", files,
             "syntax error: look for a missing semicolon, quote or bracket here or in the line "
             "before");
    includes("# @include \"none\"\n// @include \"none\"\n a = 1; #\"\n@include \"/abs\"", files,
             "a = 1;\nz = 1;\n");
    includes("/*\n@include \"close\"\n@include \"none\"\n*/", files, "");
    includes("/**/ //* \"\n@include \"/abs\"\n", files, "z = 1;\n");
    includes("/*/\n@include \"none\"\n*/", files, "");
    includes("a = \"\n@include \\\"none\\\"\n\\\\\";", files,
             "a = \"\\x0a@include \\\"none\\\"\\x0a\\\\\";\n");
    includes("@include \"open\"\n@include \"none\"\n*/\n@include \"/abs\"", files, "z = 1;\n");
    includes("@include \"three\"", files, "there is no three");
    includes("@include bad", files, "@include needs the name of a file in quotes");
    includes("@include \"bad\n\"", files, "@include needs the name of a file in quotes");
    includes("@include", files, "@include needs the name of a file in quotes");
    includes("@include_dir \"/abs\"", files, "@include needs the name of a file in quotes");
}

static void check_origins(void)
{
    static const char *const files[] = {
        "one",   "b = 2;\n\nc = 3;", "two",  "\n@include \"one\" d = 4;",
        "bad",   "\nx = 1;\ny = ;",  "loop", "\n@include \"loop\"",
        "quote", "\ny = \"",         NULL};
    static const struct {
        const char *name, *file;
        unsigned line;
    } all[] = {{"a", "main", 1}, {"b", "one", 1},  {"c", "one", 3},
               {"d", "two", 2},  {"e", "main", 2}, {"f", "main", 3}};
    struct reading reading = read_in_child("a = 1;\n@include \"two\" e = 5;\nf = 6;", files);

    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        const struct node *node = tree_member(reading.root, all[i].name);
        ok(node && strcmp(node->at.file, all[i].file) == 0 && node->at.line == all[i].line,
           "%s is in line %u of %s", all[i].name, all[i].line, all[i].file);
    }
    arena_free(reading.arena);
    reading = read_text("@include \"bad\"", files);
    ok(!reading.root && strcmp(reading.error.at.file, "bad") == 0 && reading.error.at.line == 3,
       "a mistake is told where it is");
    arena_free(reading.arena);
    reading = read_text("@include \"quote\"\nz = \"1\";", files);
    like(reading.error.why.text, "a quote may be missing in line 2 of quote", "as is a quote");
    arena_free(reading.arena);
    reading = read_text("\n\n@include \"three\"", files);
    ok(!reading.root && reading.error.at.line == 3, "and a file that is not there");
    arena_free(reading.arena);
    reading = read_text("@include \"loop\"", files);
    like(reading.error.why.text, "files are included more than 10 deep",
         "a file that includes itself comes to an end");
    arena_free(reading.arena);
}

/* ---- libconfig opens no file ---- */

static unsigned opened;
static bool is_counted;

/* In the place of the C library's. */
FILE *fopen(const char *restrict name, const char *restrict mode)
{
    opened += is_counted;
    return is_counted ? NULL : fopen64(name, mode);
}

/* What a text may be made of, as to what is included. */
static void make_text(char *text, uint64_t *seed)
{
    static const char *const words[] = {"@include",
                                        " ",
                                        "\t",
                                        "\"",
                                        "\"x\"",
                                        "\n",
                                        "\r",
                                        "\f",
                                        "/*",
                                        "*/",
                                        "/",
                                        "//",
                                        "#",
                                        "\\",
                                        "\\\"",
                                        "a = 1;",
                                        "\n@include \"x\"",
                                        "\n @include\t\"none\"",
                                        "b = \"",
                                        "*"};
    size_t len = 0;

    for (unsigned i = 0; i < 24; i++) {
        *seed = *seed * 6364136223846793005U + 1442695040888963407U;
        const char *word = words[(*seed >> 33) % (sizeof words / sizeof *words)];
        len += (size_t)sprintf(text + len, "%s", word);
    }
}

static void check_files(void)
{
    static const char *const files[] = {"x", "/* \" \n \" */ c = 1;\n \"", NULL};
    uint64_t seed = 1;
    unsigned read = 0, included = 0;
    char text[1024];

    is_counted = true;
    for (unsigned i = 0; i < 5000 && opened == 0; i++) {
        make_text(text, &seed);
        for (int may = 0; may < 2; may++) {
            struct reading reading = read_text(text, may ? files : NULL);
            read += reading.root != NULL;
            included += may && reading.root && tree_member(reading.root, "c");
            arena_free(reading.arena);
        }
    }
    is_counted = false;
    cmp_ok(opened, ==, 0, "libconfig opens no file, such as for %s", shown(slice_of(text)));
    cmp_ok(read, >, 100, "%u texts were read", read);
    cmp_ok(included, >, 10, "%u with what they include", included);
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

static void take_little(void *context)
{
    arena_copy(context, SLICE("something"));
}

static void check_memory(void)
{
    struct arena *arena = arena_new();

    ok(!arena_try(arena, take_too_much, arena), "without memory, the work is left");
    ok(!arena_try(arena, take_far_too_much, arena), "however much it wants");
    ok(arena_try(arena, take_little, arena), "with little to take, it comes to its end");
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
    check_origins();
    check_files();
    check_changes();
    check_memory();
    return done_testing();
}
