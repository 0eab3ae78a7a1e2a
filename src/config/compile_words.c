/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of words, and file names. */
#include "config/compile.h"

const struct place_set *compile_place_set(const struct compiler *compiler,
                                          const struct words *words)
{
    if (words->count == 0)
        return NULL;

    struct place_set *set = arena_take(compiler->arena, sizeof *set);
    for (size_t i = 0; i < words->count; i++) {
        const struct word *word = &words->item[i];
        struct why why;
        if (!place_set_add(set, &compiler->config->places, word->text, &why))
            COMPILE_ERROR(compiler, word->at, "%s", why.text);
    }
    return set;
}

/* "AS64500", in any case of letters. */
static bool read_asn(struct slice word, uint32_t *asn)
{
    uint64_t number = 0;

    if (word.len < 3 || word.len > 12 || !slice_equal_nocase(slice_to(word, 2), SLICE("AS")))
        return false;
    for (size_t i = 2; i < word.len; i++) {
        if (word.at[i] < '0' || word.at[i] > '9')
            return false;
        number = number * 10 + (uint64_t)(word.at[i] - '0');
    }
    *asn = (uint32_t)number;
    return number > 0 && number <= UINT32_MAX; /* 0 is nobody's (RFC 7607) */
}

/* A network has a slash, or is an address: those of IPv6 have two colons at least. */
static bool looks_like_network(struct slice word)
{
    struct address address = address_parse(word);
    return address_is_ip(&address) || memchr(word.at, '/', word.len);
}

const struct client_set *compile_client_set(const struct compiler *compiler,
                                            const struct words *words)
{
    if (words->count == 0)
        return NULL;

    struct client_set *set = arena_take(compiler->arena, sizeof *set);
    struct network *networks = arena_take(compiler->arena, words->count * sizeof *networks);
    uint32_t *asns = arena_take(compiler->arena, words->count * sizeof *asns);
    for (size_t i = 0; i < words->count; i++) {
        const struct word *word = &words->item[i];
        struct why why = {""};
        if (read_asn(word->text, &asns[set->asn_count]))
            set->asn_count++;
        else if (looks_like_network(word->text))
            set->network_count +=
                network_parse(word->text, &networks[set->network_count], &why) ? 1 : 0;
        else
            place_set_add(&set->places, &compiler->config->places, word->text, &why);
        if (why.text[0])
            COMPILE_ERROR(compiler, word->at, "%s", why.text);
    }
    set->networks = networks;
    set->asns = asns;
    return set;
}

const char *compile_words(const struct compiler *compiler, const struct words *words)
{
    const char *text = NULL;

    for (size_t i = 0; i < words->count; i++)
        text = arena_format(compiler->arena, "%s%s\"%s\"", text ? text : "", text ? ", " : "",
                            words->item[i].text.at);
    return text;
}

const struct slice *compile_slices(const struct compiler *compiler, const struct words *words)
{
    struct slice *list = arena_take(compiler->arena, words->count * sizeof *list);

    for (size_t i = 0; i < words->count; i++)
        list[i] = words->item[i].text;
    return list;
}

const char *compile_beside(const struct compiler *compiler, const char *file)
{
    if (file[0] == '/')
        return file;
    return arena_format(compiler->arena, "%s/%s", compiler->folder, file);
}
