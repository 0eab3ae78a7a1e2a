/* SPDX-License-Identifier: Apache-2.0 */
/* signpost places: lists and searches the known regions, countries and continents. */
#include "config.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "cmd/command.h"
#include "cmd/command_json.h"
#include "config/configuration.h"
#include "place/place_data.h"
#include "place/place_set.h"

static const char usage[] =
    "Usage: signpost places [--config FILE] [--json] [WORD]\n"
    "\n"
    "Lists the places that a configuration can name: regions of clouds, border groups\n"
    "of AWS, countries and continents; with a word, those that it means (\"EU\",\n"
    "\"aws:eu-*\", \"us-east-1\"), and those whose key or name contains it (\"paris\").\n"
    "Into a file or a pipe the columns are separated by tabs.\n"
    "\n"
    "  --config FILE   with the places of this configuration\n"
    "  --json          as JSON\n"
    "\n"
    "Coordinates are from GeoNames (https://www.geonames.org/), CC BY 4.0.\n";

enum { COLUMNS = 8 };

/* One entry as text. */
struct row {
    const char *column[COLUMNS];
    char latitude[16], longitude[16];
};

static const char *const TITLES[COLUMNS] = {"key",      "name",      "country", "continent",
                                            "latitude", "longitude", "within",  "alias"};

struct search {
    const struct places *places;
    struct slice word;    /* empty: everything */
    struct place_set set; /* what the word means */
    place_index country;  /* a code that means a country too */
};

static bool contains(const char *text, struct slice word)
{
    struct slice rest = slice_of(text);

    for (; rest.len >= word.len; rest = slice_from(rest, 1))
        if (slice_equal_nocase(slice_to(rest, word.len), word))
            return true;
    return false;
}

static const char *alias_of(place_index index)
{
    for (int i = 0; i < places_aliases; i++)
        if (place_aliases[i].index == index)
            return place_aliases[i].key;
    return "-";
}

static bool matches(const struct search *search, place_index index)
{
    const struct place_fact *fact = place_fact(search->places, index);
    struct place place = place_of(search->places, index);

    if (!search->word.len || index == search->country || place_set_has(&search->set, &place))
        return true;
    return search->word.len > 2 &&
           (contains(fact->key, search->word) || contains(fact->name, search->word) ||
            contains(alias_of(index), search->word));
}

static struct row row_of(const struct places *places, place_index index)
{
    const struct place_fact *fact = place_fact(places, index);
    struct row row = {.column = {fact->key, *fact->name ? fact->name : "-",
                                 place_key(places, fact->country),
                                 place_key(places, fact->continent), NULL, NULL,
                                 place_key(places, fact->within), alias_of(index)}};

    snprintf(row.latitude, sizeof row.latitude, "%.4f", (double)fact->latitude);
    snprintf(row.longitude, sizeof row.longitude, "%.4f", (double)fact->longitude);
    if (!fact->has_point)
        row.latitude[0] = row.longitude[0] = '-', row.latitude[1] = row.longitude[1] = '\0';
    return row;
}

static const char *column_of(const struct row *row, int column)
{
    return column == 4 ? row->latitude : column == 5 ? row->longitude : row->column[column];
}

/* How many characters a UTF-8 text shows. */
static int width_of(const char *text)
{
    int width = 0;

    for (; *text; text++)
        width += ((unsigned char)*text & 0xc0) != 0x80;
    return width;
}

static void print_row(const struct row *row, const int widths[COLUMNS])
{
    for (int i = 0; i < COLUMNS; i++) {
        const char *text = column_of(row, i);
        int fill = i + 1 < COLUMNS && widths ? widths[i] + 2 - width_of(text) : 0;
        printf("%s%*s%s", text, fill, "", i + 1 == COLUMNS ? "\n" : widths ? "" : "\t");
    }
}

static void print_table(const struct places *places, const place_index *found, int count)
{
    struct row titles = {{0}, "latitude", "longitude"};
    int widths[COLUMNS];

    for (int i = 0; i < COLUMNS; i++) {
        titles.column[i] = TITLES[i];
        widths[i] = width_of(TITLES[i]);
    }
    for (int i = 0; i < count; i++) {
        struct row row = row_of(places, found[i]);
        for (int column = 0; column < COLUMNS; column++) {
            int width = width_of(column_of(&row, column));
            widths[column] = width > widths[column] ? width : widths[column];
        }
    }
    bool terminal = isatty(STDOUT_FILENO);
    print_row(&titles, terminal ? widths : NULL);
    for (int i = 0; i < count; i++) {
        struct row row = row_of(places, found[i]);
        print_row(&row, terminal ? widths : NULL);
    }
}

#ifdef HAVE_JANSSON
/* A key, or null for NO_PLACE. */
static json_t *json_key(const struct places *places, place_index index)
{
    return index == NO_PLACE ? json_null() : json_string(place_key(places, index));
}

/* A coordinate in its four decimals, without what float adds behind them. */
static json_t *json_degrees(const struct place_fact *fact, float degrees)
{
    char text[16];

    snprintf(text, sizeof text, "%.4f", (double)degrees);
    return fact->has_point ? json_real(strtod(text, NULL)) : json_null();
}

static int print_json(const struct places *places, const place_index *found, int count)
{
    static const char KINDS[][12] = {
        [PLACE_REGION] = "region", [PLACE_COUNTRY] = "country", [PLACE_CONTINENT] = "continent"};
    json_t *list = json_array();

    for (int i = 0; i < count; i++) {
        const struct place_fact *fact = place_fact(places, found[i]);
        const char *alias = alias_of(found[i]);
        json_array_append_new(list,
                              json_pack("{s:s,s:s,s:s,s:o,s:o,s:o,s:o,s:o,s:o}", "key", fact->key,
                                        "kind", KINDS[fact->kind], "name", fact->name, "country",
                                        json_key(places, fact->country), "continent",
                                        json_key(places, fact->continent), "latitude",
                                        json_degrees(fact, fact->latitude), "longitude",
                                        json_degrees(fact, fact->longitude), "within",
                                        json_key(places, fact->within), "alias",
                                        *alias == '-' ? json_null() : json_string(alias)));
    }
    return command_print_json("places", list, JSON_INDENT(2) | JSON_REAL_PRECISION(9));
}
#else
static int print_json(const struct places *places, const place_index *found, int count)
{
    (void)places, (void)found, (void)count;
    return command_misuse("places", "this build has no JSON: it was made without jansson.");
}
#endif

/* Lists what the word finds. */
static int list_places(const struct places *places, const char *word, bool json)
{
    struct search search = {.places = places, .word = slice_of(word), .country = NO_PLACE};
    place_index *found = calloc((size_t)place_count(places), sizeof *found);
    struct why why = {""};
    int count = 0, status = EXIT_FINE;

    if (!found)
        return command_starved("places");
    if (search.word.len) {
        place_set_add(&search.set, places, search.word, &why);
        search.country = place_find(places, search.word, CODE_IS_COUNTRY);
    }
    for (int i = 0; i < place_count(places); i++)
        if (matches(&search, (place_index)i))
            found[count++] = (place_index)i;
    if (!count) {
        fprintf(stderr, "signpost places: %s\n", why.text);
        status = EXIT_FINDING;
    } else if (json) {
        status = print_json(places, found, count);
    } else {
        print_table(places, found, count);
    }
    free(found);
    return status;
}

int cmd_places(int argc, char **argv)
{
    struct command_line line = {.usage = usage, .takes_json = true, .most = 1};
    struct config *config = NULL;

    if (!command_read(&line, argc, argv))
        return line.status;
    if (line.file && !(config = command_load(line.file, false)))
        return EXIT_FINDING;
    int status = list_places(config ? &config->places : NULL,
                             line.arguments[0] ? line.arguments[0] : "", line.json);
    config_free(config);
    return status;
}
