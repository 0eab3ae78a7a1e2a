/* SPDX-License-Identifier: Apache-2.0 */
#include "config/options_doc.h"

#include <string.h>

/* Writes text, each of its lines behind a prefix. */
static void write_lines(const char *prefix, const char *text, FILE *out)
{
    while (*text) {
        size_t n = strcspn(text, "\n");
        fprintf(out, "%s%.*s\n", prefix, (int)n, text);
        text += n + (text[n] == '\n');
    }
}

/* The default as it would be written in a file; nothing for what has none. */
static void write_default(const struct option_spec *option, FILE *out)
{
    switch (option->type) {
    case OPTION_STRING:
        if (option->text_default)
            fprintf(out, "\"%s\"", option->text_default);
        break;
    case OPTION_WORDS:
        fputs("[ ", out);
        for (size_t i = 0; option->words_default && option->words_default[i]; i++)
            fprintf(out, "%s\"%s\"", i ? ", " : "", option->words_default[i]);
        fputs(option->words_default ? " ]" : "]", out);
        break;
    case OPTION_NUMBER:
    case OPTION_LIMIT:
        if (option->number_default >= option->min && option->number_default <= option->max)
            fprintf(out, "%.10g", option->number_default);
        break;
    case OPTION_FLAG:
        fputs(option->number_default != 0 ? "true" : "false", out);
        break;
    case OPTION_CHOICE:
        fprintf(out, "\"%s\"", option->choices[(int)option->number_default]);
        break;
    case OPTION_LISTS:
        fputs("[ ]", out);
        break;
    case OPTION_GROUPS:
        break;
    }
}

static bool has_default(const struct option_spec *option)
{
    if (option->type == OPTION_NUMBER || option->type == OPTION_LIMIT)
        return option->number_default >= option->min && option->number_default <= option->max;
    return option->type == OPTION_CHOICE || option->type == OPTION_FLAG ||
           (option->type == OPTION_STRING ? option->text_default != NULL
                                          : option->words_default != NULL);
}

static void write_range(const struct option_spec *option, FILE *out)
{
    if (option->type == OPTION_NUMBER)
        fprintf(out, "From %.10g to %.10g%s%s.", option->min, option->max, option->unit ? " " : "",
                option->unit ? option->unit : "");
}

/* ---- the configuration file ---- */

static void conf_members(const struct option_group *group, FILE *out)
{
    fprintf(out, "#     Each %s may have:\n", group->name);
    for (size_t i = 0; i < group->count; i++) {
        const struct option_spec *option = &group->options[i];
        if (!option->example && group->word_option)
            continue; /* the bare word, which the help of the list tells of */
        fprintf(out, "#   %s = %s", option->name, option->example);
        if (option->required) {
            fputs("   (needed)", out);
        } else if (has_default(option)) {
            fputs("   (default: ", out);
            write_default(option, out);
            putc(')', out);
        }
        putc('\n', out);
        write_lines("#     ", option->help, out);
    }
}

/* Says so where the value that is shown is not the default. */
static void conf_example(const struct option_spec *option, FILE *out)
{
    if (!option->example)
        return;
    fputs("# An example", out);
    if (has_default(option)) {
        fputs("; the default is ", out);
        write_default(option, out);
    }
    fputs(":\n", out);
}

static void conf_option(const struct option_spec *option, FILE *out)
{
    if (option->section)
        fprintf(out, "\n# ---- %s ----\n", option->section);
    putc('\n', out);
    write_lines("# ", option->help, out);
    if (option->type == OPTION_NUMBER) {
        fputs("# ", out);
        write_range(option, out);
        putc('\n', out);
    }
    if (option->type == OPTION_GROUPS)
        conf_members(option->of, out);
    conf_example(option, out);
    fprintf(out, "#%s = ", option->name);
    for (const char *c = option->example ? option->example : ""; *c; c++) {
        putc(*c, out);
        if (*c == '\n')
            putc('#', out);
    }
    if (!option->example)
        write_default(option, out);
    fputs(";\n", out);
}

void options_write_conf(const struct option_group *root, FILE *out)
{
    fputs("# SPDX-License-Identifier: Apache-2.0\n"
          "# The configuration of signpost, with every option. A line that starts with '#' and no\n"
          "# space shows an option: take the '#' away to set it. It is shown as it is by default,\n"
          "# unless the line before calls it an example.\n"
          "# Made by `signpost options --conf`; `signpost check` finds mistakes.\n"
          "\n"
          "name      = \"registry.example.org\";\n"
          "upstreams = { eu = { url = \"https://eu.registry.example.org\"; serves = [ \"EU\", "
          "\"AF\", "
          "\"AS\" ]; };\n"
          "              us = { url = \"https://us.registry.example.org\"; }; };\n"
          "canonical = [ \"us\" ];    # signatures are written here; it holds every image\n"
          "\n"
          "# Other files can be taken in with @include \"file\". Relative names, there and below, "
          "are\n"
          "# taken from the folder of the first file.\n",
          out);
    for (size_t i = 0; i < root->count; i++)
        conf_option(&root->options[i], out);
}

/* ---- the manual page ---- */

/* Writes a word for mdoc, so that nothing in it looks like a macro or an escape. */
static void mdoc_word(const char *word, size_t len, FILE *out)
{
    if (word[0] == '.' || word[0] == '\'')
        fputs("\\&", out);
    for (size_t i = 0; i < len; i++) {
        if (word[i] == '\\')
            fputs("\\e", out);
        else if (word[i] == '`')
            fputs("\\(aq", out);
        else if (word[i] == '"')
            fputs("\\(dq", out);
        else
            putc(word[i], out);
    }
}

/* Writes text for mdoc: lines of moderate length, and each sentence on a line of its own. */
static void mdoc_text(const char *text, FILE *out)
{
    size_t column = 0;

    for (text += strspn(text, " \n"); *text; text += strspn(text, " \n")) {
        size_t len = strcspn(text, " \n");
        if (column > 0 && column + len > 50) {
            putc('\n', out);
            column = 0;
        }
        if (column > 0)
            putc(' ', out);
        mdoc_word(text, len, out);
        column += len + 1;
        text += len;
        if (text[-1] == '.' && *text) {
            putc('\n', out);
            column = 0;
        }
    }
    putc('\n', out);
}

static void mdoc_option(const struct option_spec *option, FILE *out)
{
    fprintf(out, ".It Ic %s%s\n", option->name, option->required ? " Pq needed" : "");
    mdoc_text(option->help, out);
    if (option->type == OPTION_NUMBER) {
        write_range(option, out);
        putc('\n', out);
    }
    if (has_default(option)) {
        fputs("The default is\n.Ql ", out);
        write_default(option, out);
        fputs(" .\n", out);
    }
    if (option->type != OPTION_GROUPS)
        return;
    fputs(".Bl -tag -width Ds\n", out);
    for (size_t i = 0; i < option->of->count; i++)
        if (option->of->options[i].example)
            mdoc_option(&option->of->options[i], out);
    fputs(".El\n", out);
}

static void mdoc_retired(const struct option_retired *retired, FILE *out)
{
    if (!retired || !retired->name)
        return;
    fputs(".Ss Retired options\nThey are accepted with a warning, and ignored.\n"
          "The next version refuses them.\n.Bl -tag -width Ds\n",
          out);
    for (; retired->name; retired++) {
        fprintf(out, ".It Ic %s Pq since version %s\n", retired->name, retired->since);
        mdoc_text(retired->instead, out);
    }
    fputs(".El\n", out);
}

void options_write_mdoc(const struct option_group *root, FILE *out)
{
    for (size_t i = 0; i < root->count; i++) {
        if (root->options[i].section)
            fprintf(out, "%s.Ss %s\n.Bl -tag -width Ds\n", i ? ".El\n" : "",
                    root->options[i].section);
        mdoc_option(&root->options[i], out);
    }
    fputs(".El\n", out);
    mdoc_retired(root->retired, out);
}

/* ---- plain text ---- */

static void text_option(const struct option_spec *option, const char *indent, FILE *out)
{
    char deeper[16];

    snprintf(deeper, sizeof deeper, "%s    ", indent);
    fprintf(out, "%s%s", indent, option->name);
    if (option->required) {
        fputs(" (needed)", out);
    } else if (has_default(option)) {
        fputs(" = ", out);
        write_default(option, out);
    }
    putc('\n', out);
    write_lines(deeper, option->help, out);
    if (option->type == OPTION_NUMBER) {
        fputs(deeper, out);
        write_range(option, out);
        putc('\n', out);
    }
    for (size_t i = 0; option->type == OPTION_GROUPS && i < option->of->count; i++)
        if (option->of->options[i].example)
            text_option(&option->of->options[i], deeper, out);
}

void options_write_text(const struct option_group *root, FILE *out)
{
    for (size_t i = 0; i < root->count; i++) {
        if (root->options[i].section)
            fprintf(out, "%s%s\n\n", i ? "\n" : "", root->options[i].section);
        text_option(&root->options[i], "  ", out);
    }
}
