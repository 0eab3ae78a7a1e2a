/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How many requests signpost itself makes of its targets in a day: 22 front doors, each in the
 * region of an upstream of its own, are simulated with the real decisions, agenda, budgets,
 * health and cache, by a clock that is set and a seed. Their targets answer after 50 ms. Not a
 * test. The figures are the same each time but for some in a million: the cache hashes by a key
 * made by chance.
 *
 *     t/bench/simulate etc/registry.k8s.io.conf [DAYS [DOORS]]
 *
 * First with the file's rules and an index, then as it was before there was one: rules with `?`
 * at registries, and what is present believed for a week. Beside it stands what one pass of
 * copying signatures to 22 regions cost Kubernetes: 920,000 requests.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "prober/agenda.h"
#include "route/route.h"

enum {
    DOORS = 22,
    REQUESTS = 60 * 1000 * 1000, /* a day, at all doors */
    ONE_PASS = 920 * 1000,
    DAY_MS = 86400 * 1000,
    ANSWER_MS = 50,
    NAMES = 2000, /* repositories */
    BLOBS = 3,    /* of an image, that no other has */
    IMAGES = ONE_PASS / DOORS,
    SIGNATURES = ONE_PASS / DOORS,
    INDEX_INTERVAL_S = 600,
    USE_S = 20,        /* from one note of a responder to the next */
    PUBLICATIONS = 24, /* of the index, a day */
    FLIGHTS = 4096,    /* requests under way; what the agenda can have */
    QUESTIONS = 16384, /* whose time of asking is remembered */
    ORDINARY = 0,      /* kinds of object: copied everywhere, … */
    SIGNED = 1,        /* … only at the canonical registry, … */
    INVENTED = 2       /* … nowhere */
};

/* What has to be assumed: shares of all requests. The rest is for tags, which cost nothing. */
static const double ZIPF = 1.0;         /* exponent of the images' popularity */
static const double MANIFESTS = 0.25;   /* by digest */
static const double BLOB_SHARE = 0.40;  /* by digest */
static const double VERIFYING = 0.01;   /* for signature content, by digest */
static const double INVENTING = 0.0005; /* for digests that nobody has; each is new */

/* How the doors are run. */
struct way {
    const char *what;
    struct config *config;
    bool has_index;
    double unlisted; /* the part of signatures that the index does not list */
    int days;        /* with a cache that was empty at first */
};

/* A door's clients: in Google's region of the door, in the nearest one of AWS, and elsewhere. */
static const unsigned percent_of[] = {20, 50, 30};

enum { PLACES = sizeof percent_of / sizeof *percent_of };

struct flight {
    struct job *job;
    int64_t due_ms;
    int status;
};

struct costs {
    uint64_t registries, buckets; /* requests for objects */
    uint64_t checks;              /* requests of checks; a check of an upstream is two */
    uint64_t refused;             /* not made, for want of budget */
    uint64_t wrong;               /* answers that lead where a signature's content is not */
    uint64_t waits, waited_ms;    /* questions that had to wait, and for how long together */
};

struct world {
    const struct way *way;
    struct agenda *agenda;
    struct state state;
    struct cache_writer *cache;
    struct instant now;
    uint64_t dice;
    const double *popularity;            /* cumulated, of the images */
    char place[PLACES][64];              /* of the door's clients */
    struct decision decision[PLACES][2]; /* for a manifest and for a blob that nobody knows */
    int kind;                            /* of the object that is asked for */
    uint64_t invented;
    int64_t asked_ms[QUESTIONS];
    uint32_t questions;
    struct flight flight[FLIGHTS]; /* in their order */
    size_t first, flights;
    struct costs costs;
};

static double throw(struct world * world)
{
    uint64_t x = world->dice;

    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    world->dice = x;
    return (double)((x * UINT64_C(2685821657736338717)) >> 11) / 9007199254740992.0;
}

/* ---- the targets ---- */

static bool is_bucket(const struct config *config, const char *url)
{
    for (size_t i = config->upstream_count; i < config->target_count; i++)
        if (url_same_host(config->targets[i].url, slice_of(url)))
            return true;
    return false;
}

static bool on_begin(void *context, const struct errand *errand)
{
    struct world *world = context;
    bool there = errand->is_check || world->kind == ORDINARY;

    if (world->flights == FLIGHTS)
        return false;
    if (errand->is_check)
        world->costs.checks++;
    else if (is_bucket(world->way->config, errand->url))
        world->costs.buckets++;
    else
        world->costs.registries++;
    world->flight[(world->first + world->flights++) % FLIGHTS] =
        (struct flight){errand->job, world->now.steady_ms + ANSWER_MS, there ? 200 : 404};
    return true;
}

static void land(struct world *world)
{
    while (world->flights && world->flight[world->first].due_ms <= world->now.steady_ms) {
        struct flight flight = world->flight[world->first];
        world->first = (world->first + 1) % FLIGHTS;
        world->flights--;
        struct reply reply = {.status = flight.status,
                              .is_registry = true,
                              .digest = flight.status == 200 ? DIGEST_SAME : DIGEST_NOT_TOLD,
                              .took_ms = ANSWER_MS};
        agenda_done(world->agenda, flight.job, &reply, world->now);
    }
}

static void on_answer(void *context, uint64_t client, const struct ask_answer *answer)
{
    struct world *world = context;
    int64_t waited_ms = world->now.steady_ms - world->asked_ms[answer->id % QUESTIONS];

    (void)client;
    world->costs.waits += waited_ms > 0;
    world->costs.waited_ms += (uint64_t)waited_ms;
}

static void say(void *context, const char *sentence)
{
    (void)context;
    fprintf(stderr, "%s\n", sentence);
}

/* ---- requests ---- */

/* The region of AWS whose bucket is nearest to a door. */
static const struct target *nearest_bucket_to(const struct config *config, const struct place *door)
{
    const struct target *nearest = NULL;
    double least = 1e9;

    for (size_t i = config->upstream_count; i < config->target_count; i++) {
        const struct target *bucket = &config->targets[i];
        if (!bucket->place.has_point)
            continue;
        double km = place_distance_km(bucket->place.point, door->point);
        if (km < least) {
            least = km;
            nearest = bucket;
        }
    }
    return nearest;
}

static void place_clients(struct world *world, const struct target *door)
{
    const struct config *config = world->way->config;
    const struct target *bucket = nearest_bucket_to(config, &door->place);

    snprintf(world->place[0], sizeof *world->place, "gcp:%s", door->name);
    snprintf(world->place[1], sizeof *world->place, "aws:%s", bucket ? bucket->name : "us-east-1");
    snprintf(world->place[2], sizeof *world->place, "%s",
             place_key(&config->places, door->place.country));
}

/* Where requests go whose object nobody knows: the targets that the prober is asked about. */
static void decide_all(struct world *world)
{
    static const char *const endpoints[] = {"manifests", "blobs"};
    const struct config *config = world->way->config;
    char path[256], region[80];

    for (size_t place = 0; place < PLACES; place++)
        for (int i = 0; i < 2; i++) {
            snprintf(path, sizeof path, "REQUEST_URI=/v2/app/%s/sha256:%064d", endpoints[i], 0);
            snprintf(region, sizeof region, "SIGNPOST_REGION=%s", world->place[place]);
            char method[] = "REQUEST_METHOD=GET", *variables[] = {method, path, region, NULL};
            struct request request;
            request_read(&request, &config->request, variables);
            struct routed routed;
            route(config, NULL, &request, NULL, NULL, &routed);
            world->decision[place][i] = routed.decision;
        }
}

static size_t draw_place(struct world *world)
{
    unsigned percent = (unsigned)(throw(world) * 100);
    size_t place = 0;

    while (place + 1 < PLACES && percent >= percent_of[place])
        percent -= percent_of[place++];
    return place;
}

static struct object object_of(bool is_blob, uint64_t number, int kind, char name[32],
                               char digest[80])
{
    snprintf(name, 32, "team/app%u", (unsigned)(number % NAMES));
    snprintf(digest, 80, "sha256:%016llx%048d",
             (unsigned long long)(number * UINT64_C(0x9e3779b97f4a7c15)), kind);
    return (struct object){is_blob ? ENDPOINT_BLOBS : ENDPOINT_MANIFESTS, slice_of(name),
                           slice_of(digest)};
}

static void ask_for(struct world *world, bool is_blob, uint64_t number)
{
    const struct decision *decision = &world->decision[draw_place(world)][is_blob];
    char name[32], digest[80];
    struct object object = object_of(is_blob, number, world->kind, name, digest);
    struct ask_question question;

    if (decision->ask_count) {
        uint32_t id = ++world->questions;
        world->asked_ms[id % QUESTIONS] = world->now.steady_ms;
        size_t len = ask_write(&question, id, &object, decision->ask, decision->ask_count);
        agenda_hear(world->agenda, 1, &question, len, world->now);
    }
}

/* Signature content is asked for. Where no index lists it, the rules decide as for all else. */
static void ask_for_signature(struct world *world)
{
    uint64_t number = (uint64_t)(throw(world) * SIGNATURES);
    bool is_listed = world->way->has_index && throw(world) >= world->way->unlisted;
    const struct config *config = world->way->config;

    if (is_listed)
        return;
    world->kind = SIGNED;
    ask_for(world, number % 2, number);
    /* Rules that ask registries find out; those that do not lead to the nearest one. */
    const struct decision *decision = &world->decision[2][number % 2];
    bool asks_registries = false;
    for (size_t i = 0; i < decision->ask_count; i++)
        asks_registries = asks_registries || decision->ask[i]->kind == TARGET_UPSTREAM;
    world->costs.wrong += !asks_registries && decision->target != config->canonical[0];
}

/* An image, by how popular it is. */
static unsigned draw_image(struct world *world)
{
    double part = throw(world) * world->popularity[IMAGES - 1];
    unsigned low = 0, high = IMAGES - 1;

    while (low < high) {
        unsigned middle = (low + high) / 2;
        if (world->popularity[middle] < part)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void take_request(struct world *world)
{
    double part = throw(world);

    if (part < MANIFESTS + BLOB_SHARE) {
        world->kind = ORDINARY;
        bool is_blob = part >= MANIFESTS;
        uint64_t number = (uint64_t)draw_image(world) * (1 + BLOBS);
        if (is_blob)
            number += 1 + (uint64_t)(throw(world) * BLOBS);
        ask_for(world, is_blob, number);
    } else if ((part -= MANIFESTS + BLOB_SHARE) < VERIFYING) {
        ask_for_signature(world);
    } else if (part - VERIFYING < INVENTING) {
        world->kind = INVENTED;
        ask_for(world, true, world->invented++);
    }
}

/* What responders tell the prober: which targets are in use, and for what a client was sent there.
 */
static void note_use(struct world *world)
{
    char name[32], digest[80];

    for (size_t place = 0; place < PLACES; place++)
        for (int i = 0; i < 2; i++) {
            uint64_t number = (uint64_t)draw_image(world) * (1 + BLOBS) + (uint64_t)i;
            struct object object = object_of(i, number, ORDINARY, name, digest);
            struct ask_question note;
            world->kind = ORDINARY;
            size_t len = ask_write_use(&note, world->decision[place][i].target, &object);
            agenda_hear(world->agenda, 1, &note, len, world->now);
        }
}

/* ---- days ---- */

/* A day at one door. */
static struct costs pass_day(struct world *world, int day)
{
    const unsigned count = REQUESTS / DOORS;
    int64_t start = (int64_t)day * DAY_MS, second = 0;

    world->costs = (struct costs){0};
    uint64_t refused = agenda_counters(world->agenda)->refused;
    for (unsigned i = 0; i < count; i++) {
        world->now.steady_ms = start + (int64_t)i * DAY_MS / count;
        world->now.wall_s = 1700000000 + world->now.steady_ms / 1000;
        land(world);
        if (world->now.wall_s != second) {
            second = world->now.wall_s;
            agenda_check(world->agenda, false, world->now);
            cache_writer_refresh(world->cache, second);
            if (second % USE_S == 0)
                note_use(world);
        }
        take_request(world);
    }
    world->costs.refused = agenda_counters(world->agenda)->refused - refused;
    return world->costs;
}

static void add(struct costs *sum, const struct costs *costs)
{
    sum->registries += costs->registries;
    sum->buckets += costs->buckets;
    sum->checks += costs->checks;
    sum->refused += costs->refused;
    sum->wrong += costs->wrong;
    sum->waits += costs->waits;
    sum->waited_ms += costs->waited_ms;
}

static bool open_world(struct world *world, const struct agenda_hooks *hooks, const char *folder)
{
    const struct config *config = world->way->config;
    struct cache_writer_options options = {
        .state = &world->state,
        .size = config->probing.cache_size,
        .lifetimes = cache_lifetimes_of(config->probing.present_s, config->probing.absent_s),
        .log = say};

    world->now.wall_s = 1700000000;
    state_begin(&world->state, folder);
    world->cache = cache_writer_open(&options, world->now.wall_s);
    world->agenda = world->cache ? agenda_new(hooks, world->cache, 42) : NULL;
    return world->agenda && agenda_configure(world->agenda, config);
}

static void close_world(struct world *world, const char *folder)
{
    char path[64];

    agenda_free(world->agenda);
    cache_writer_close(world->cache);
    snprintf(path, sizeof path, "%s/" CACHE_FILE, folder);
    unlink(path);
    state_end(&world->state);
}

/* All days at one door; each day's costs are added to what is there. */
static bool run_door(const struct way *way, size_t door, const char *folder,
                     const double *popularity, struct costs *days)
{
    static struct world world; /* large */
    const struct agenda_hooks hooks = {on_begin, on_answer, say, &world};

    world = (struct world){.way = way, .dice = 42 + door, .popularity = popularity};
    bool good = open_world(&world, &hooks, folder);
    if (good) {
        place_clients(&world, &way->config->targets[door % way->config->upstream_count]);
        decide_all(&world);
    }
    for (int day = 0; good && day < way->days; day++) {
        struct costs costs = pass_day(&world, day);
        add(&days[day], &costs);
    }
    close_world(&world, folder);
    return good;
}

/* ---- figures ---- */

static void print_head(void)
{
    printf("%-46s %10s %10s %9s %9s %7s\n", "requests a day, all doors", "registries", "buckets",
           "checks", "wrong", "a pass");
}

/* A HEAD at Amazon's S3 costs as a GET: 0.0004 dollars for a thousand. */
static void print_costs(const struct way *way, const char *when, const struct costs *c)
{
    char what[96];

    snprintf(what, sizeof what, "%s, %s", way->what, when);
    printf("%-46s %10llu %10llu %9llu %9llu %6.2f%%\n", what, (unsigned long long)c->registries,
           (unsigned long long)c->buckets, (unsigned long long)c->checks,
           (unsigned long long)c->wrong, 100.0 * (double)c->registries / ONE_PASS);
    if (c->refused)
        printf("  and %llu not made, for want of budget\n", (unsigned long long)c->refused);
    if (c->waits)
        printf("  %llu questions waited, %.1f ms in the mean\n", (unsigned long long)c->waits,
               (double)c->waited_ms / (double)c->waits);
    fflush(stdout);
}

/* Runs all doors; the mean of the days after the first is left in *mean. */
static bool run(const struct way *way, size_t doors, const double *popularity, struct costs *mean)
{
    char folder[] = "/tmp/signpost-simulate-XXXXXX", when[32];
    struct costs *days = calloc((size_t)way->days, sizeof *days);
    bool good = days && mkdtemp(folder);

    for (size_t door = 0; good && door < doors; door++)
        good = run_door(way, door, folder, popularity, days);
    rmdir(folder);
    if (good)
        print_costs(way, "day 1, cache empty", &days[0]);
    *mean = (struct costs){0};
    for (int day = 1; good && day < way->days; day++)
        add(mean, &days[day]);
    uint64_t rest = way->days > 1 ? (uint64_t)way->days - 1 : 1;
    *mean = (struct costs){mean->registries / rest, mean->buckets / rest, mean->checks / rest,
                           mean->refused / rest,    mean->wrong / rest,   mean->waits / rest,
                           mean->waited_ms / rest};
    snprintf(when, sizeof when, "mean of days 2 to %d", way->days);
    if (good && way->days > 1)
        print_costs(way, when, mean);
    free(days);
    return good;
}

/* ---- ways ---- */

/* The file, with the rules of before: `?` at registries, and a week. */
static struct config *load_former(const char *file, struct problems *problems)
{
    char path[] = "/tmp/signpost-simulate-XXXXXX", line[4096];
    bool in_rules = false;
    int fd = mkstemp(path);
    FILE *in = fopen(file, "re"), *out = fd < 0 ? NULL : fdopen(fd, "w");

    if (!in || !out) {
        fprintf(stderr, "%s cannot be read, or %s not be written.\n", file, path);
        exit(1);
    }
    while (fgets(line, sizeof line, in)) {
        in_rules = in_rules || strncmp(line, "rules ", 6) == 0;
        if (!in_rules)
            fputs(line, out);
        if (in_rules && strstr(line, ");\n"))
            in_rules = false;
    }
    fputs(
        "present_lifetime = 604800;\n"
        "rules = ( { match = \"blob\"; client = \"gcp:*\"; to = [ \"nearest?\", \"canonical\" ]; },"
        " \"default\" );\n",
        out);
    fclose(in);
    fclose(out);
    struct config *config = config_load(path, problems);
    unlink(path);
    return config;
}

static void print_assumptions(size_t doors, const struct config *config)
{
    printf(
        "%zu front doors, each in a region of its own, of %d million requests a day at %d. "
        "Assumed:\n"
        "%.0f %% for manifests by digest, of %d images; %.0f %% for blobs, of which each image "
        "has %d of\n"
        "its own; popular by Zipf's law, exponent %.1f; %.0f %% for signature content by digest, "
        "of %d\n"
        "digests; %.2f %% for digests that nobody has; the rest for tags, which cost nothing.\n"
        "Answers are believed for %u s (present) and %u s (absent). \"wrong\": requests for "
        "signature\ncontent that the index does not list, and that lead elsewhere.\n\n",
        doors, REQUESTS / 1000000, DOORS, 100 * MANIFESTS, IMAGES, 100 * BLOB_SHARE, BLOBS, ZIPF,
        100 * VERIFYING, SIGNATURES, 100 * INVENTING, config->probing.present_s,
        config->probing.absent_s);
}

static void print_end(size_t doors, const struct costs *day)
{
    uint64_t asked = doors * 86400 / INDEX_INTERVAL_S;

    printf("\nThe index: %llu requests whether there is a new one, and %llu to %llu for its list "
           "and files.\n",
           (unsigned long long)asked, (unsigned long long)doors * PUBLICATIONS * 2,
           (unsigned long long)doors * PUBLICATIONS * 4);
    printf("HEADs at buckets cost %.2f dollars a day, at Amazon's price of a GET.\n",
           (double)day->buckets / 1000 * 0.0004);
    printf("a day: %llu requests to registries for content, %llu to buckets, %llu checks\n",
           (unsigned long long)day->registries, (unsigned long long)day->buckets,
           (unsigned long long)day->checks);
}

static bool run_all(const struct way *ways, size_t count, size_t doors)
{
    double *popularity = malloc(IMAGES * sizeof *popularity), sum = 0;
    struct costs day, first = {0};
    bool good = popularity;

    for (unsigned i = 0; good && i < IMAGES; i++)
        popularity[i] = sum += pow(i + 1, -ZIPF);
    print_head();
    for (size_t i = 0; good && i < count; i++) {
        good = run(&ways[i], doors, popularity, &day);
        if (i == 0)
            first = day;
    }
    if (good)
        print_end(doors, &first);
    free(popularity);
    return good;
}

int main(int argc, char **argv)
{
    struct problems problems = {0};
    struct config *config = argc > 1 ? config_load(argv[1], &problems) : NULL;
    struct config *former = config ? load_former(argv[1], &problems) : NULL;
    int days = argc > 2 ? atoi(argv[2]) : 3;
    size_t doors = argc > 3 ? (size_t)atoi(argv[3]) : DOORS;

    if (!former || days < 1 || doors < 1) {
        problems_print(&problems, stderr);
        fprintf(stderr, "Usage: t/bench/simulate FILE [DAYS [DOORS]]\n");
        return 1;
    }
    const struct way ways[] = {
        {"with an index", config, true, 0, days},
        {"1 % of signatures not in it", config, true, 0.01, 1},
        {"10 % of signatures not in it", config, true, 0.1, 1},
        {"before: all is asked, no index", former, false, 0, days},
    };
    print_assumptions(doors, config);
    bool good = run_all(ways, sizeof ways / sizeof *ways, doors);
    config_free(config);
    config_free(former);
    return !good;
}
