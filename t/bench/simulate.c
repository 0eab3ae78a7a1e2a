/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How many requests signpost itself makes of its targets in a day: one of many front doors,
 * all alike, is simulated with the real decisions, agenda, budgets, health and cache, by a
 * clock that is set and a seed. Its upstreams answer after 50 ms. Not a test. The figures are
 * the same each time but for some in a million: the cache hashes by a key made by chance.
 *
 *     t/bench/simulate etc/registry.k8s.io.conf
 *
 * Beside it stands what one pass of copying signatures to 22 regions cost Kubernetes: 920,000.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "prober/agenda.h"
#include "route.h"

enum {
    DOORS = 22,
    REQUESTS = 60 * 1000 * 1000, /* a day, at all doors */
    ONE_PASS = 920 * 1000,
    DAY_MS = 86400 * 1000,
    ANSWER_MS = 50,
    NAMES = 2000,   /* repositories */
    BLOBS = 3,      /* of an image, that no other has */
    FLIGHTS = 4096, /* requests under way; what the agenda can have */
    ORDINARY = 0,   /* kinds of object: copied everywhere, … */
    SIGNED = 1,     /* … only at the canonical registry, … */
    INVENTED = 2    /* … nowhere */
};

/* What has to be assumed. Shares are of all requests; the rest is for tags, which cost nothing. */
struct assumptions {
    const char *what;
    unsigned images;         /* manifests that are copied everywhere, each with some blobs */
    double zipf;             /* exponent of their popularity */
    double manifests, blobs; /* the share of those asked for by digest */
    unsigned signatures;     /* digests of signature content */
    double verifying;        /* the share of requests for it, by digest */
    double invented;         /* the share of digests that nobody has; each is new */
    unsigned machines;       /* of a front door, each with a prober of its own */
    int days;                /* with a cache that was empty at first */
};

/* Kubernetes' one pass is 22 regions times this many images. */
static const struct assumptions BASE = {.what = "",
                                        .images = ONE_PASS / DOORS,
                                        .zipf = 1.0,
                                        .manifests = 0.25,
                                        .blobs = 0.40,
                                        .signatures = ONE_PASS / DOORS,
                                        .verifying = 0.01,
                                        .invented = 0.0005,
                                        .machines = 1,
                                        .days = 8};

/* Where a door's clients are, and how many of a hundred. */
static const struct {
    const char *region;
    unsigned percent;
} clients[] = {
    {"aws:eu-central-1", 40}, {"aws:eu-west-3", 10}, {"gcp:europe-west1", 20}, {"BE", 30}};

enum { PLACES = sizeof clients / sizeof *clients };

struct flight {
    struct job *job;
    int64_t due_ms;
    int status;
};

struct world {
    const struct config *config;
    const struct assumptions *assume;
    struct agenda *agenda;
    struct state state;
    struct cache_writer *cache;
    struct instant now;
    uint64_t dice;
    double *popularity;                  /* cumulated, of the images */
    struct decision decision[PLACES][2]; /* for a manifest and for a blob that nobody knows */
    int kind;                            /* of the object that is asked for */
    uint64_t invented;
    struct flight flight[FLIGHTS]; /* in their order */
    size_t first, flights;
    uint64_t check_requests; /* a check of an upstream is two */
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

static bool on_begin(void *context, const struct errand *errand)
{
    struct world *world = context;
    bool there = errand->is_check || world->kind == ORDINARY;

    if (world->flights == FLIGHTS)
        return false;
    world->check_requests += errand->is_check;
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
    (void)context, (void)client, (void)answer;
}

static void say(void *context, const char *sentence)
{
    (void)context;
    fprintf(stderr, "%s\n", sentence);
}

/* ---- requests ---- */

/* Where requests go whose object nobody knows: the targets that the prober is asked about. */
static void decide_all(struct world *world)
{
    static const char *const endpoints[] = {"manifests", "blobs"};
    char path[256], region[64];

    for (size_t place = 0; place < PLACES; place++)
        for (int i = 0; i < 2; i++) {
            snprintf(path, sizeof path, "REQUEST_URI=/v2/app/%s/sha256:%064d", endpoints[i], 0);
            snprintf(region, sizeof region, "SIGNPOST_REGION=%s", clients[place].region);
            char method[] = "REQUEST_METHOD=GET", *variables[] = {method, path, region, NULL};
            struct request request;
            request_read(&request, &world->config->request, variables);
            struct routed routed;
            route(world->config, NULL, &request, NULL, NULL, &routed);
            world->decision[place][i] = routed.decision;
        }
}

static void ask_for(struct world *world, bool is_blob, uint64_t number)
{
    unsigned percent = (unsigned)(throw(world) * 100);
    char name[32], digest[80];
    size_t place = 0;

    while (place + 1 < PLACES && percent >= clients[place].percent)
        percent -= clients[place++].percent;
    const struct decision *decision = &world->decision[place][is_blob];
    snprintf(name, sizeof name, "team/app%u", (unsigned)(number % NAMES));
    snprintf(digest, sizeof digest, "sha256:%016llx%048d",
             (unsigned long long)(number * UINT64_C(0x9e3779b97f4a7c15)), world->kind);
    struct object object = {is_blob ? ENDPOINT_BLOBS : ENDPOINT_MANIFESTS, slice_of(name),
                            slice_of(digest)};
    struct ask_question question;
    size_t len = ask_write(&question, 1, &object, decision->ask, decision->ask_count);
    if (decision->ask_count)
        agenda_hear(world->agenda, 1, &question, len, world->now);
}

/* An image, by how popular it is. */
static unsigned draw_image(struct world *world)
{
    double part = throw(world) * world->popularity[world->assume->images - 1];
    unsigned low = 0, high = world->assume->images - 1;

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
    const struct assumptions *a = world->assume;
    double part = throw(world);

    if (part < a->manifests + a->blobs) {
        world->kind = ORDINARY;
        bool is_blob = part >= a->manifests;
        uint64_t number = (uint64_t)draw_image(world) * (1 + BLOBS);
        if (is_blob)
            number += 1 + (uint64_t)(throw(world) * BLOBS);
        ask_for(world, is_blob, number);
    } else if ((part -= a->manifests + a->blobs) < a->verifying) {
        world->kind = SIGNED;
        uint64_t number = (uint64_t)(throw(world) * a->signatures);
        ask_for(world, number % 2, number);
    } else if (part - a->verifying < a->invented) {
        world->kind = INVENTED;
        ask_for(world, true, world->invented++);
    }
}

/* ---- days ---- */

struct costs {
    uint64_t present, absent, checks, refused;
};

static struct costs costs_of(const struct world *world)
{
    const struct agenda_counters *c = agenda_counters(world->agenda);

    return (struct costs){c->present, c->absent, world->check_requests, c->refused};
}

/* A day at one machine of one door. */
static struct costs pass_day(struct world *world, int day)
{
    unsigned count = REQUESTS / DOORS / world->assume->machines;
    struct costs before = costs_of(world);
    int64_t start = (int64_t)day * DAY_MS, second = 0;

    for (unsigned i = 0; i < count; i++) {
        world->now.steady_ms = start + (int64_t)i * DAY_MS / count;
        world->now.wall_s = 1700000000 + world->now.steady_ms / 1000;
        land(world);
        if (world->now.wall_s != second) {
            second = world->now.wall_s;
            agenda_check(world->agenda, false, world->now);
            cache_writer_refresh(world->cache, second);
        }
        take_request(world);
    }
    struct costs after = costs_of(world);
    return (struct costs){after.present - before.present, after.absent - before.absent,
                          after.checks - before.checks, after.refused - before.refused};
}

static void print_costs(const char *what, const struct assumptions *a, struct costs costs)
{
    uint64_t doors = (uint64_t)DOORS * a->machines;
    uint64_t all = doors * (costs.present + costs.absent + costs.checks);

    printf("%-44s %9llu %9llu %9llu %10llu %6.2f\n", what,
           (unsigned long long)(doors * costs.present), (unsigned long long)(doors * costs.absent),
           (unsigned long long)(doors * costs.checks), (unsigned long long)all,
           (double)all / ONE_PASS);
    if (costs.refused)
        printf("  and %llu not made, for want of budget\n",
               (unsigned long long)(doors * costs.refused));
}

static void add(struct costs *sum, struct costs costs)
{
    sum->present += costs.present;
    sum->absent += costs.absent;
    sum->checks += costs.checks;
    sum->refused += costs.refused;
}

static struct costs divided(struct costs sum, unsigned by)
{
    return (struct costs){sum.present / by, sum.absent / by, sum.checks / by, sum.refused / by};
}

/* The first day begins with nothing in the cache; the mean is that of the days after it. */
static void run_days(struct world *world)
{
    const struct assumptions *a = world->assume;
    struct costs sum = {0};
    char what[80];

    for (int day = 0; day < a->days; day++) {
        struct costs costs = pass_day(world, day);
        snprintf(what, sizeof what, "%s%sday %d%s", a->what, *a->what ? ", " : "", day + 1,
                 *a->what || day ? "" : ", cache empty at first");
        if (day == 0 || !*a->what)
            print_costs(what, a, costs);
        if (day > 0)
            add(&sum, costs);
    }
    if (a->days > 1) {
        snprintf(what, sizeof what, "%s%smean of days 2 to %d", a->what, *a->what ? ", " : "",
                 a->days);
        print_costs(what, a, divided(sum, (unsigned)a->days - 1));
    }
}

static bool simulate(struct config *config, const struct assumptions *assume)
{
    static struct world world; /* large */
    const struct agenda_hooks hooks = {on_begin, on_answer, say, &world};
    char folder[] = "/tmp/signpost-simulate-XXXXXX", path[64];
    struct cache_writer_options options = {
        .state = &world.state,
        .size = config->probing.cache_size,
        .lifetimes = cache_lifetimes_of(config->probing.present_s, config->probing.absent_s),
        .log = say};
    double sum = 0;

    world = (struct world){.config = config, .assume = assume, .dice = 42};
    world.now.wall_s = 1700000000;
    world.popularity = malloc(assume->images * sizeof *world.popularity);
    if (!world.popularity || !mkdtemp(folder))
        return false;
    state_begin(&world.state, folder);
    for (unsigned i = 0; i < assume->images; i++)
        world.popularity[i] = sum += pow(i + 1, -assume->zipf);
    world.cache = cache_writer_open(&options, world.now.wall_s);
    world.agenda = world.cache ? agenda_new(&hooks, world.cache, 42) : NULL;
    bool ready = world.agenda && agenda_configure(world.agenda, config);
    if (ready) {
        decide_all(&world);
        run_days(&world);
    }
    agenda_free(world.agenda);
    cache_writer_close(world.cache);
    snprintf(path, sizeof path, "%s/" CACHE_FILE, folder);
    unlink(path);
    state_end(&world.state);
    rmdir(folder);
    free(world.popularity);
    return ready;
}

static void print_assumptions(const struct config *config)
{
    printf("%d front doors, all alike, %d million requests a day, spread over it evenly.\n", DOORS,
           REQUESTS / 1000000);
    printf("Assumed: %.0f %% for manifests by digest, of %u images; %.0f %% for blobs, of which\n"
           "each image has %d of its own; popular by Zipf's law, exponent %.1f; %.0f %% for "
           "signature\n"
           "content by digest, of %u digests; %.2f %% for digests that nobody has; the rest for\n"
           "tags, which cost nothing. Answers are believed for %u s (present) and %u s (absent).\n",
           100 * BASE.manifests, BASE.images, 100 * BASE.blobs, BLOBS, BASE.zipf,
           100 * BASE.verifying, BASE.signatures, 100 * BASE.invented, config->probing.present_s,
           config->probing.absent_s);
    printf("Clients of a door: ");
    for (size_t i = 0; i < PLACES; i++)
        printf("%s%u %% %s", i ? ", " : "", clients[i].percent, clients[i].region);
    printf(".\n\n%-44s %9s %9s %9s %10s %6s\n", "requests of its own a day, all doors", "present",
           "absent", "checks", "together", "of one");
    printf("%-44s %9s %9s %9s %10s %6s\n", "", "", "", "", "", "pass");
}

enum { OTHERS = 4 };

/* What the figures hang on: each time one assumption is another. */
static void vary(struct assumptions other[OTHERS])
{
    for (size_t i = 0; i < OTHERS; i++) {
        other[i] = BASE;
        other[i].days = 1;
    }
    other[0].what = "four times the images";
    other[0].images *= 4;
    other[1].what = "exponent 0.8";
    other[1].zipf = 0.8;
    other[2].what = "ten times the verifying";
    other[2].verifying *= 10;
    other[3].what = "three machines a door";
    other[3].machines = 3;
}

int main(int argc, char **argv)
{
    struct problems problems = {0};
    struct config *config = config_load(argc > 1 ? argv[1] : NULL, &problems);
    struct assumptions other[OTHERS];

    if (!config) {
        problems_print(&problems, stderr);
        return 1;
    }
    print_assumptions(config);
    bool fine = simulate(config, &BASE);
    vary(other);
    for (size_t i = 0; i < OTHERS && fine; i++)
        fine = simulate(config, &other[i]);
    config_free(config);
    return !fine;
}
