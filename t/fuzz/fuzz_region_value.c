/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzzes the region header, one value a line, and after a '=' the words of a
 * configuration that name places: nothing read may be out of the table.
 */
#include <stdlib.h>

#include "place/place_set.h"
#include "route/region_value.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds)
        abort();
}

/* The configuration knows one name, that of no place. */
static int lookup(const void *context, struct slice word, struct place *place)
{
    (void)context, (void)place;
    return slice_equal(word, SLICE("here")) ? 3 : -1;
}

static void check_place(const struct place *place)
{
    float length = 0;

    require(place->region < place_count(NULL) && place->country < place_count(NULL) &&
            place->continent < place_count(NULL));
    for (int i = 0; i < 3; i++)
        length += place->point[i] * place->point[i];
    require(!place->has_point || (length > 0.999f && length < 1.001f));
}

static void check_word(struct slice word)
{
    struct place_set set = {0};
    struct why why = {""};
    bool known = place_set_add(&set, NULL, word, &why);
    place_index index = place_find(NULL, word, CODE_IS_COUNTRY);
    double degrees;

    require(known || why.text[0]);
    require(index == NO_PLACE || known);
    require(!parse_degrees(word, &degrees) || (degrees > -1000 && degrees < 1000));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct region_value value = {0};
    struct region_words words = {.lookup = lookup};
    const char *at = (const char *)data;

    while (size) {
        const char *end = memchr(at, '\n', size);
        size_t len = end ? (size_t)(end - at) : size;
        region_value_read(&value, &words, (struct slice){at, len});
        if (len && *at == '=') /* not always: to look for suggestions is slow */
            check_word((struct slice){at + 1, len - 1});
        size -= len + (end ? 1 : 0);
        at += len + (end ? 1 : 0);
    }
    struct place place = region_value_place(&value);
    enum region_reading reading = region_value_reading(&value);
    check_place(&place);
    require(value.words <= REGION_WORDS_MAX);
    require(reading == READ_NOTHING || value.word[reading].len > 0);
    require((reading == READ_NAME) == (value.name == 3));
    return 0;
}
