/* SPDX-License-Identifier: Apache-2.0 */
#include "config/options.h"

#include <math.h>
#include <stdlib.h>
#include "core/suggest.h"

static const double RATE_MAX = 1e9;

/* The place of an element in its list, from 0. */
static size_t index_of(const struct node *setting)
{
    size_t i = 0;

    for (const struct node *node = setting->parent->first; node != setting; node = node->next)
        i++;
    return i;
}

/* "upstreams.eu.url" of a setting, for messages. */
static const char *path_of(struct arena *arena, const struct node *setting)
{
    if (!setting->parent)
        return "";
    const char *above = path_of(arena, setting->parent);
    if (!setting->name)
        return arena_format(arena, "%s[%zu]", above, index_of(setting));
    return *above ? arena_format(arena, "%s.%s", above, setting->name) : setting->name;
}

/* What a setting holds, in words: the string "x", the number 5, a list … */
static const char *found_in(struct arena *arena, const struct node *setting)
{
    switch (setting->type) {
    case NODE_STRING:
        return arena_format(arena, "\"%.80s\"", setting->text);
    case NODE_INTEGER:
    case NODE_FLOAT:
        return arena_format(arena, "the number %.80s", setting->text);
    case NODE_FLAG:
        return setting->flag ? "true" : "false";
    case NODE_ARRAY:
        return "an array [ … ]";
    case NODE_LIST:
        return "a list ( … )";
    case NODE_GROUP:
        break;
    }
    return "a group { … }";
}

static void expected(struct option_reader *reader, const struct node *setting, const char *what)
{
    problem_add(reader->problems, PROBLEM_ERROR, setting->at, "%s: expected %s, found %s.",
                path_of(reader->arena, setting), what, found_in(reader->arena, setting));
}

static const char *text_of(const struct node *setting)
{
    return setting->type == NODE_STRING ? setting->text : NULL;
}

static bool read_word(struct option_reader *reader, const struct option_spec *option,
                      const struct node *setting, struct word *into)
{
    const char *text = text_of(setting);

    if (!text || (option->valid && !option->valid(slice_of(text)))) {
        expected(reader, setting, option->expects ? option->expects : "a string");
        return false;
    }
    into->text = slice_of(text);
    into->at = setting->at;
    return true;
}

static void read_words(struct option_reader *reader, const struct option_spec *option,
                       const struct node *setting, struct words *into)
{
    bool many = setting->type == NODE_ARRAY || setting->type == NODE_LIST;
    size_t count = many ? setting->count : 1;
    const struct node *item = many ? setting->first : setting;

    into->item = arena_take(reader->arena, count * sizeof *into->item);
    into->count = 0;
    for (size_t i = 0; i < count; i++, item = item->next)
        if (read_word(reader, option, item, &into->item[into->count]))
            into->count++;
}

static void read_lists(struct option_reader *reader, const struct option_spec *option,
                       const struct node *setting, struct groups *into)
{
    bool many = setting->type == NODE_ARRAY || setting->type == NODE_LIST;
    size_t count = many ? setting->count : 1;
    const struct node *item = many ? setting->first : setting;
    struct words *lists = arena_take(reader->arena, count * sizeof *lists);

    *into = (struct groups){lists, 0};
    for (size_t i = 0; i < count; i++, item = item->next) {
        read_words(reader, option, item, &lists[into->count]);
        into->count += lists[into->count].count > 0;
    }
}

static void read_number(struct option_reader *reader, const struct option_spec *option,
                        const struct node *setting, double *into)
{
    bool is_number = setting->type == NODE_INTEGER || setting->type == NODE_FLOAT;
    double value = is_number ? setting->number : NAN;

    if (!(value >= option->min && value <= option->max)) {
        expected(reader, setting,
                 arena_format(reader->arena, "a number from %.10g to %.10g%s%s", option->min,
                              option->max, option->unit ? " " : "",
                              option->unit ? option->unit : ""));
        return;
    }
    *into = value;
}

/* "50/s" */
static bool read_rate(const char *text, double *per_second)
{
    char *end;

    *per_second = strtod(text, &end);
    return end != text && strcmp(end, "/s") == 0 && *per_second > 0 && *per_second <= RATE_MAX;
}

static void read_limit(struct option_reader *reader, const struct option_spec *option,
                       const struct node *setting, struct limit *into)
{
    const char *text = text_of(setting);

    if (!text)
        read_number(reader, option, setting, &into->part);
    else if (read_rate(text, &into->per_second))
        into->part = 1;
    else
        expected(reader, setting, option->expects);
}

static void read_flag(struct option_reader *reader, const struct node *setting, bool *into)
{
    if (setting->type == NODE_FLAG)
        *into = setting->flag;
    else
        expected(reader, setting, "true or false");
}

static const char *list_choices(struct arena *arena, const char *const *choices)
{
    const char *text = "";

    for (size_t i = 0; choices[i]; i++)
        text = arena_format(arena, "%s%s\"%s\"", text,
                            i == 0           ? ""
                            : choices[i + 1] ? ", "
                                             : " or ",
                            choices[i]);
    return text;
}

static void read_choice(struct option_reader *reader, const struct option_spec *option,
                        const struct node *setting, int *into)
{
    const char *text = text_of(setting);

    for (int i = 0; text && option->choices[i]; i++)
        if (strcmp(text, option->choices[i]) == 0) {
            *into = i;
            return;
        }
    expected(reader, setting, list_choices(reader->arena, option->choices));
}

static const struct option_spec *find_option(const struct option_group *group, const char *name)
{
    for (size_t i = 0; name && i < group->count; i++)
        if (strcmp(group->options[i].name, name) == 0)
            return &group->options[i];
    return NULL;
}

static void *value_at(const struct option_spec *option, void *into)
{
    return (char *)into + option->offset;
}

/* The name of a group in a group of named ones. */
static bool read_key(struct option_reader *reader, const struct option_spec *key,
                     const struct node *setting, struct word *into)
{
    const char *name = setting->name;

    if (key->valid && !key->valid(slice_of(name))) {
        problem_add(reader->problems, PROBLEM_ERROR, setting->at,
                    "%s: expected %s, found \"%.80s\".", path_of(reader->arena, setting),
                    key->expects, name);
        return false;
    }
    into->text = slice_of(name);
    into->at = setting->at;
    return true;
}

/* One element of a list of groups: a group, or a bare string where the group has a use for it. */
static bool read_element(struct option_reader *reader, const struct option_spec *option,
                         const struct node *setting, void *into)
{
    const struct option_group *group = option->of;
    const struct option_spec *word = find_option(group, group->word_option);
    const struct option_spec *key = find_option(group, group->key_option);
    const char *name = setting->name;

    if (word && setting->type == NODE_STRING) {
        memcpy((char *)into + group->origin_offset, &setting->at, sizeof setting->at);
        return read_word(reader, word, setting, value_at(word, into));
    }
    if (setting->type != NODE_GROUP) {
        expected(reader, setting, word ? "a group { … } or a string" : "a group { … }");
        return false;
    }
    if (key && name && !read_key(reader, key, setting, value_at(key, into)))
        return false;
    options_read(reader, group, setting, into);
    return true;
}

static void read_groups(struct option_reader *reader, const struct option_spec *option,
                        const struct node *setting, struct groups *into)
{
    bool named = setting->type == NODE_GROUP && option->of->key_option;
    bool words = setting->type == NODE_ARRAY && option->of->word_option;

    if (!named && !words && setting->type != NODE_LIST) {
        expected(reader, setting,
                 option->of->key_option    ? "a group of named groups or a list of groups"
                 : option->of->word_option ? "a list ( … ) of groups and strings"
                                           : "a list of groups ( { … }, { … } )");
        return;
    }
    char *items = arena_take(reader->arena, setting->count * option->of->size);
    into->item = items;
    into->count = 0;
    for (const struct node *node = setting->first; node; node = node->next)
        if (read_element(reader, option, node, items + into->count * option->of->size))
            into->count++;
}

static void read_value(struct option_reader *reader, const struct option_spec *option,
                       const struct node *setting, void *into)
{
    void *value = value_at(option, into);

    switch (option->type) {
    case OPTION_STRING:
        read_word(reader, option, setting, value);
        break;
    case OPTION_WORDS:
        read_words(reader, option, setting, value);
        break;
    case OPTION_LISTS:
        read_lists(reader, option, setting, value);
        break;
    case OPTION_NUMBER:
        read_number(reader, option, setting, value);
        break;
    case OPTION_LIMIT:
        read_limit(reader, option, setting, value);
        break;
    case OPTION_FLAG:
        read_flag(reader, setting, value);
        break;
    case OPTION_CHOICE:
        read_choice(reader, option, setting, value);
        break;
    case OPTION_GROUPS:
        read_groups(reader, option, setting, value);
        break;
    }
}

static void set_default(struct arena *arena, const struct option_spec *option, void *into)
{
    void *value = value_at(option, into);
    size_t count = 0;

    switch (option->type) {
    case OPTION_STRING:
        if (option->text_default && !((struct word *)value)->text.at)
            ((struct word *)value)->text = slice_of(option->text_default);
        break;
    case OPTION_WORDS:
        while (option->words_default && option->words_default[count])
            count++;
        struct words *words = value;
        *words = (struct words){arena_take(arena, count * sizeof *words->item), count};
        for (size_t i = 0; i < count; i++)
            words->item[i].text = slice_of(option->words_default[i]);
        break;
    case OPTION_NUMBER:
        *(double *)value = option->number_default;
        break;
    case OPTION_LIMIT:
        *(struct limit *)value = (struct limit){.part = option->number_default};
        break;
    case OPTION_FLAG:
        *(bool *)value = option->number_default != 0;
        break;
    case OPTION_CHOICE:
        *(int *)value = (int)option->number_default;
        break;
    case OPTION_LISTS:
    case OPTION_GROUPS:
        break;
    }
}

static void unknown_option(struct option_reader *reader, const struct option_group *group,
                           const struct node *setting)
{
    const char *name = setting->name;
    const char **names = arena_take(reader->arena, group->count * sizeof *names);

    for (size_t i = 0; i < group->count; i++)
        names[i] = group->options[i].name;
    struct suggestion_text ending = suggest_ending(suggest(slice_of(name), names, group->count));
    const char *above = path_of(reader->arena, setting->parent);
    problem_add(reader->problems, PROBLEM_ERROR, setting->at, "%s%sthere is no option \"%s\"%s",
                above, *above ? ": " : "", name, ending.text);
}

/* False: it is none of those. */
static bool is_retired(struct option_reader *reader, const struct option_group *group,
                       const struct node *setting)
{
    const struct option_retired *retired = group->retired;
    const char *above = path_of(reader->arena, setting->parent);

    while (retired && retired->name && strcmp(retired->name, setting->name) != 0)
        retired++;
    if (!retired || !retired->name)
        return false;
    problem_add(reader->problems, PROBLEM_WARNING, setting->at,
                "%s%sthe option \"%s\" is retired since version %s and ignored: %s. The next "
                "version refuses it.",
                above, *above ? ": " : "", retired->name, retired->since, retired->instead);
    return true;
}

static void require(struct option_reader *reader, const struct option_group *group,
                    const struct node *setting, void *into)
{
    for (size_t i = 0; i < group->count; i++) {
        const struct option_spec *option = &group->options[i];
        if (!option->required || tree_member(setting, option->name))
            continue;
        if (option->type == OPTION_STRING && ((struct word *)value_at(option, into))->text.at)
            continue; /* a named group's key */
        const char *path = path_of(reader->arena, setting);
        problem_add(reader->problems, PROBLEM_ERROR, setting->at,
                    "%s%sthe option \"%s\" is missing%s%s.", path, *path ? ": " : "", option->name,
                    option->expects ? ": it is " : "", option->expects ? option->expects : "");
    }
}

void options_read(struct option_reader *reader, const struct option_group *group,
                  const struct node *setting, void *into)
{
    memcpy((char *)into + group->origin_offset, &setting->at, sizeof setting->at);
    for (size_t i = 0; i < group->count; i++)
        set_default(reader->arena, &group->options[i], into);
    for (const struct node *member = setting->first; member; member = member->next) {
        const struct option_spec *option = find_option(group, member->name);
        if (option)
            read_value(reader, option, member, into);
        else if (!is_retired(reader, group, member))
            unknown_option(reader, group, member);
    }
    require(reader, group, setting, into);
}
