/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"
#ifdef HAVE_LIBMAXMINDDB
#include "place/geodb.h"

#include <errno.h>
#include <stdlib.h>

#include "core/identity.h"
#include "core/mapped.h"
#include "core/plain_file.h"
#include "place/geodb_file.h"

enum { REFRESH_MS = 1000 };

enum state {
    UNTRIED, /* not needed so far */
    OPEN,
    CLOSED /* could not be opened, or was cut short */
};

struct database {
    char *name;
    struct geodb_path paths[GEODB_FIELDS];
    enum state state;
    struct identity seen;   /* the file that was last opened or refused */
    struct identity opened; /* the file that is open */
    bool told_damaged, told_family, told_passing;
    struct geodb_file file;
};

struct geodb {
    const struct places *places;
    geodb_log *log;
    void *log_context;
    bool refreshed;
    int64_t refreshed_ms;
    size_t count;
    struct database databases[];
};

bool geodb_supported(void)
{
    return true;
}

static void tell(const struct geodb *geodb, const struct why *why)
{
    if (geodb->log)
        geodb->log(geodb->log_context, why->text);
}

/* Cuts a key path at its dots. */
static bool set_path(struct geodb_path *path, const char *text, struct why *why)
{
    size_t len = strlen(text), parts = 0;

    if (len >= sizeof path->text)
        return why_not(why, "The key path \"%.80s\" is too long.", text);
    memcpy(path->text, text, len + 1);
    for (char *part = path->text; part;) {
        char *dot = strchr(part, '.');
        if (dot)
            *dot++ = '\0';
        if (!*part || parts == GEODB_PATH_PARTS)
            return why_not(why,
                           "\"%.80s\" is no key path: write up to %d keys joined by dots, such as "
                           "\"country.iso_code\".",
                           text, GEODB_PATH_PARTS);
        path->parts[parts++] = part;
        part = dot;
    }
    path->parts[parts] = NULL;
    return true;
}

static bool set_source(struct database *database, const struct geodb_source *source,
                       struct why *why)
{
    database->name = strdup(source->file);
    if (!database->name)
        return why_not(why, "There is not enough memory.");
    for (int i = 0; i < GEODB_FIELDS; i++) {
        if (source->keys[i] && !set_path(&database->paths[i], source->keys[i], why))
            return false;
    }
    return true;
}

struct geodb *geodb_new(const struct geodb_source *sources, size_t count,
                        const struct places *places, geodb_log *log, void *log_context,
                        struct why *why)
{
    struct geodb *geodb = calloc(1, sizeof *geodb + count * sizeof *geodb->databases);

    if (!geodb) {
        why_not(why, "There is not enough memory for %zu databases.", count);
        return NULL;
    }
    geodb->places = places;
    geodb->log = log;
    geodb->log_context = log_context;
    geodb->count = count;
    for (size_t i = 0; i < count; i++) {
        if (!set_source(&geodb->databases[i], &sources[i], why)) {
            geodb_free(geodb);
            return NULL;
        }
    }
    return geodb;
}

void geodb_free(struct geodb *geodb)
{
    for (size_t i = 0; geodb && i < geodb->count; i++) {
        struct database *database = &geodb->databases[i];
        if (database->state == OPEN)
            geodb_file_close(&database->file);
        free(database->name);
    }
    free(geodb);
}

bool geodb_check(const char *file, struct why *why)
{
    struct geodb_file opened;

    if (!geodb_file_open(&opened, file, true, why))
        return false;
    geodb_file_close(&opened);
    return true;
}

/*
 * Opens the file under the name, if it can be read. identity is that of the file
 * before: should another one come between, the next refresh sees a difference.
 */
static bool open_file(struct database *database, const struct identity *identity, struct why *why)
{
    struct geodb_file file;

    database->seen = *identity;
    if (!geodb_file_open(&file, database->name, database->state != UNTRIED, why)) {
        if (plain_file_may_open_later(errno))
            database->seen = (struct identity){0};
        return false;
    }
    if (database->state == OPEN)
        geodb_file_close(&database->file);
    database->file = file;
    database->opened = *identity;
    database->state = OPEN;
    database->told_damaged = database->told_family = database->told_passing = false;
    return true;
}

/* What passes is told once, though it is tried again each second. */
static void tell_unopened(struct geodb *geodb, struct database *database, const struct why *why)
{
    bool passes = database->seen.inode == 0 && plain_file_may_open_later(errno);

    if (!passes || !database->told_passing)
        tell(geodb, why);
    database->told_passing = passes;
}

static bool is_open(struct geodb *geodb, struct database *database)
{
    struct why why;

    if (database->state == UNTRIED) {
        struct identity identity = identity_under(database->name);
        if (!open_file(database, &identity, &why)) {
            database->state = CLOSED;
            tell_unopened(geodb, database, &why);
        }
    }
    return database->state == OPEN;
}

/* Closes a file that was changed under us: it says nothing more until it is replaced. */
static void retire(struct geodb *geodb, struct database *database)
{
    struct identity now = identity_under(database->name);
    struct why why;

    geodb_file_close(&database->file);
    database->state = CLOSED;
    if (identity_same_file(&now, &database->opened))
        database->seen = now; /* one sentence is enough for what it has become */
    why_not(&why,
            "%s was cut short or overwritten while in use, and is no longer asked: write a new "
            "file beside it, and rename that.",
            database->name);
    tell(geodb, &why);
}

static void tell_once(struct geodb *geodb, struct database *database, enum geodb_outcome outcome)
{
    bool *told = outcome == GEODB_DAMAGED ? &database->told_damaged : &database->told_family;
    struct why why;

    if (*told)
        return;
    *told = true;
    if (outcome == GEODB_DAMAGED)
        why_not(&why, "%s is damaged: some look-ups in it fail, and count as unknown.",
                database->name);
    else
        why_not(&why, "%s has no IPv6 addresses: it is not asked for them.", database->name);
    tell(geodb, &why);
}

/* Asks one database. */
static enum geodb_outcome ask(struct geodb *geodb, struct database *database,
                              const struct address *address, struct geodb_found *found)
{
    if (!is_open(geodb, database))
        return GEODB_NOT_FOUND;
    enum geodb_outcome outcome =
        geodb_file_lookup(&database->file, geodb->places, database->paths, address, found);
    if (mapped_is_damaged(database->file.map)) {
        retire(geodb, database);
        return GEODB_NOT_FOUND;
    }
    if (outcome == GEODB_DAMAGED)
        tell_once(geodb, database, outcome);
    return outcome;
}

/* Takes what the first database says, and from a later one what is still open. */
static void merge(struct geodb_answer *answer, const struct geodb_found *found, int source)
{
    const struct place *from = &found->record.place;
    struct place *to = &answer->place;

    if (!answer->asn && found->record.asn) {
        answer->asn = found->record.asn;
        answer->asn_source = source;
    }
    if (answer->place_source < 0 && place_is_known(from)) {
        answer->place_source = source;
        answer->prefix_bits = found->prefix_bits;
        *to = *from;
        return;
    }
    if (to->region == NO_PLACE)
        to->region = from->region;
    if (to->country == NO_PLACE && to->continent == NO_PLACE) {
        to->country = from->country;
        to->continent = from->continent;
    }
    if (!to->has_point && from->has_point) {
        to->has_point = true;
        memcpy(to->point, from->point, sizeof to->point);
    }
}

/* Whether there is nothing more to ask for. */
static bool is_complete(const struct geodb_answer *answer, bool want_asn)
{
    return answer->place.has_point && answer->place.country != NO_PLACE &&
           (answer->asn || !want_asn);
}

struct geodb_answer geodb_lookup(struct geodb *geodb, const struct address *address, bool want_asn)
{
    struct geodb_answer answer = {.place = NOWHERE, .place_source = -1, .asn_source = -1};
    struct address wanted = address_unwrap(*address);
    struct database *of_ipv4 = NULL;

    if (!geodb || !address_is_ip(&wanted))
        return answer;
    for (size_t i = 0; i < geodb->count && !is_complete(&answer, want_asn); i++) {
        struct geodb_found found;
        enum geodb_outcome outcome = ask(geodb, &geodb->databases[i], &wanted, &found);
        if (outcome == GEODB_FOUND)
            merge(&answer, &found, (int)i);
        else if (outcome == GEODB_WRONG_FAMILY)
            of_ipv4 = &geodb->databases[i];
    }
    /* One file for each family is usual; it is worth a word only if the other is missing. */
    if (of_ipv4 && answer.place_source < 0 && answer.asn_source < 0)
        tell_once(geodb, of_ipv4, GEODB_WRONG_FAMILY);
    return answer;
}

static void refresh(struct geodb *geodb, struct database *database)
{
    struct identity identity = identity_under(database->name);
    struct why bad, why;

    if (database->state == UNTRIED || identity_same(&identity, &database->seen) ||
        open_file(database, &identity, &bad))
        return;
    int error = errno;
    /* Changed in place: what stands there now is not to be believed. */
    if (database->state == OPEN && identity_same_file(&identity, &database->opened)) {
        retire(geodb, database);
        return;
    }
    why_not(&why, "%s%s", bad.text, database->state == OPEN ? " The one before serves on." : "");
    errno = error;
    tell_unopened(geodb, database, &why);
}

void geodb_refresh(struct geodb *geodb, int64_t now_ms)
{
    if (!geodb || (geodb->refreshed && now_ms - geodb->refreshed_ms < REFRESH_MS))
        return;
    geodb->refreshed = true;
    geodb->refreshed_ms = now_ms;
    for (size_t i = 0; i < geodb->count; i++)
        refresh(geodb, &geodb->databases[i]);
}

bool geodb_describe(struct geodb *geodb, int source, const struct address *address,
                    geodb_value *value, void *context)
{
    struct address wanted = address_unwrap(*address);
    struct geodb_found found;

    if (!geodb || source < 0 || (size_t)source >= geodb->count || !address_is_ip(&wanted))
        return false;
    struct database *database = &geodb->databases[source];
    return ask(geodb, database, &wanted, &found) == GEODB_FOUND &&
           geodb_describe_entry(&found.entry, value, context) &&
           !mapped_is_damaged(database->file.map);
}
#endif
