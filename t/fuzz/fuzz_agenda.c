/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The prober's scheduler as a state machine. The input is a sequence of operations: packets
 * of hostile responders, answers of targets in any order, reloads, restarts, clocks. After
 * each, what must always hold is looked for; at the end, nothing may be left.
 */
#include "config.h"
#include "core/fnv.h"
#include "input.h"
#include "prober/agenda_parts.h"

enum {
    CONFIGS = 3,
    TARGETS = 8,
    CLIENTS = 4,
    NAMES = 8,
    DIGESTS = 8,
    FLIGHTS = 4096,
    JOBS = 2 * FLIGHTS,
    PENDING = 4096,
    SERVED = 4096,
    INPUT_MAX = 2048,
    FLIGHT_MS = 60 * 1000, /* the longest that a request may be under way */
    FALL = 3,
    BURST = 3,
    RATE = 2
};

/* The blob "hello\n" is pinned. */
#define PINNED "sha256:5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03"
#define COMMON                                                                                     \
    "name = \"registry.example.org\"; state = \"/nonexistent\"; health_interval = 30; "            \
    "health_fall = 3; health_rise = 2; present_lifetime = 3600; absent_lifetime = 60; "            \
    "redirect_hosts = [ \"*.blobs.example.org\" ]; "
#define CDN                                                                                        \
    "buckets = ( { name = \"cdn\"; serves = [ \"*\" ]; url = "                                     \
    "\"https://cdn.example.org/{digest}\"; "                                                       \
    "} ); "

static const char *const layouts[CONFIGS] = {
    COMMON CDN "canonical = [ \"us\" ]; probe_rate = 2; probe_burst = 3; upstreams = {"
               "eu = { url = \"https://eu.example.org\"; place = \"aws:eu-west-1\"; };"
               "us = { url = \"https://us.example.org\"; place = \"aws:us-east-1\"; };"
               "asia = { url = \"https://asia.example.org\"; place = \"gcp:asia-east1\"; }; };",
    COMMON CDN "canonical = [ \"us\" ]; probe_rate = 1; probe_burst = 1; health_path = \"/up\"; "
               "upstreams = {"
               "us = { url = \"https://us.example.org\"; check_object = \"app@" PINNED "\"; };"
               "asia = { url = \"https://asia.example.org\"; place = \"gcp:asia-east1\"; };"
               "long = { url = \"https://long.example.org\"; prefix = \"a/long/prefix\"; }; };",
    COMMON "canonical = [ \"eu\" ]; probe_rate = 2; probe_burst = 3; upstreams = {"
           "eu = { url = \"https://eu.example.org\"; check_object = \"app@" PINNED "\"; };"
           "us = { url = \"https://us.example.org\"; check_object = \"other@" PINNED "\"; };"
           "one = { url = \"https://one.example.org\"; place = \"aws:eu-west-3\"; };"
           "two = { url = \"http://two.example.org:5000\"; }; };",
};

static const char *const names[NAMES] = {"app", "other",    "library/app", "a/b/c",
                                         "x",   "real/one", "real/two",    "real/three"};

static const char *const digests[DIGESTS] = {
    PINNED,
    "sha256:0000000000000000000000000000000000000000000000000000000000000001",
    "sha256:0000000000000000000000000000000000000000000000000000000000000002",
    "sha256:0000000000000000000000000000000000000000000000000000000000000003",
    "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", /* of nothing */
    ("sha512:cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce"
     "47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e"),
    "blake3:0000000000000000000000000000000000000000000000000000000000000001", /* not asked for */
    "sha256:0000000000000000000000000000000000000000000000000000000000000004"};

/* What the model knows of one target, by its id. */
struct known {
    uint64_t id;
    double level; /* of a bucket with the greatest rate and burst of all configurations */
    int64_t level_ms;
    int64_t closed_ms;    /* it wants no requests before */
    unsigned bad_replies; /* to checks */
    bool was_bad;         /* a restart began with it down, or its object was not right */
};

struct flight {
    struct job *job;
    struct proof_body *body;
    bool is_check;
    int64_t begun_ms;
};

struct pending {
    uint64_t client;
    uint32_t id;
    uint8_t count;
};

struct world {
    struct input input;
    struct config *config; /* one of configs */
    struct cache_writer *cache;
    struct agenda *agenda;
    struct instant now;
    struct known known[TARGETS];
    size_t known_count;
    struct flight flight[FLIGHTS];
    size_t flights;
    const struct job *landing; /* whose answer is being given */
    bool refuses;              /* no request can be begun */
    struct pending pending[PENDING];
    size_t pending_count;
    uint64_t served[SERVED]; /* hashes of what a target has answered with 200 */
    size_t served_count;
    const struct job *job[JOBS]; /* all of the agenda */
    size_t jobs;
    uint64_t probes, answers;
    unsigned wakes, reloads;
};

static struct config *configs[CONFIGS];

/* ---- the model ---- */

static struct known *known_of(struct world *world, uint64_t id)
{
    for (size_t i = 0; i < world->known_count; i++)
        if (world->known[i].id == id)
            return &world->known[i];
    must(world->known_count < TARGETS, "there are no other targets");
    world->known[world->known_count] = (struct known){.id = id};
    return &world->known[world->known_count++];
}

static void note_spent(struct world *world, uint64_t id)
{
    struct known *known = known_of(world, id);

    known->level -= (double)(world->now.steady_ms - known->level_ms) / 1000 * RATE;
    known->level = (known->level > 0 ? known->level : 0) + 1;
    known->level_ms = world->now.steady_ms;
    must(known->level <= BURST + 1e-6, "a budget is kept");
    must(world->now.steady_ms >= known->closed_ms, "Retry-After is obeyed");
}

static uint64_t hash_of(uint64_t target, const struct object *object)
{
    uint64_t hash = target ^ (uint64_t)object->endpoint;

    hash = fnv_mix(hash, object->name.at, object->name.len);
    return fnv_mix(hash, object->digest.at, object->digest.len);
}

static bool was_served(const struct world *world, uint64_t hash)
{
    for (size_t i = 0; i < world->served_count; i++)
        if (world->served[i] == hash)
            return true;
    return false;
}

/* ---- what the agenda calls ---- */

static bool on_begin(void *context, const struct errand *errand)
{
    struct world *world = context;
    const struct job *job = errand->job;

    must(strlen(errand->url) < PROBE_URL_MAX, "a URL has an end");
    must(job->remote->target != NULL, "only what is configured is asked");
    must((errand->body != NULL) == (errand->how == ERRAND_BODY), "a body goes somewhere");
    must(errand->is_check == (job->kind != JOB_PROBE), "a probe is no check");
    if (world->refuses || world->flights == FLIGHTS)
        return false;
    if (!errand->is_check && job != world->landing) {
        note_spent(world, job->remote->id);
        world->probes++;
    }
    world->flight[world->flights++] =
        (struct flight){errand->job, errand->body, errand->is_check, world->now.steady_ms};
    return true;
}

static void on_answer(void *context, uint64_t client, const struct ask_answer *answer)
{
    struct world *world = context;
    size_t i = 0;

    while (i < world->pending_count &&
           !(world->pending[i].client == client && world->pending[i].id == answer->id &&
             world->pending[i].count == answer->target_count))
        i++;
    must(i < world->pending_count, "an answer is to a question");
    world->pending[i] = world->pending[--world->pending_count];
    must(answer->version == ASK_VERSION, "it has the version");
    for (i = 0; i < answer->target_count; i++)
        must(answer->holding[i] <= HOLDING_ABSENT, "a verdict is one");
    world->answers++;
}

static void on_note(void *context, const char *sentence)
{
    (void)context;
    must(sentence[0] && sentence[strlen(sentence) - 1] == '.', "a note is a sentence");
}

static void ignore(void *context, const char *sentence)
{
    (void)context, (void)sentence;
}

/* ---- what must hold ---- */

static void collect_jobs(struct world *world)
{
    world->jobs = 0;
    for (size_t i = 0; i < JOB_LISTS; i++)
        for (const struct job *job = world->agenda->table[i]; job; job = job->next) {
            must(world->jobs < JOBS, "jobs are not too many");
            world->job[world->jobs++] = job;
        }
    must(world->jobs == agenda_jobs(world->agenda), "jobs are counted");
}

static size_t count_deferred(const struct world *world, const struct remote *remote)
{
    size_t count = 0;

    for (size_t i = 0; i < world->jobs; i++)
        count += world->job[i]->is_deferred && (!remote || world->job[i]->remote == remote);
    return count;
}

static size_t count_of_check(const struct world *world, const struct check *check)
{
    size_t count = 0;

    for (size_t i = 0; i < world->jobs; i++)
        count += world->job[i]->check == check;
    return count;
}

static size_t count_of_witness(const struct world *world, const struct remote *remote,
                               uint32_t number)
{
    size_t count = 0;

    for (size_t i = 0; i < world->jobs; i++)
        count += world->job[i]->kind == JOB_WITNESS && world->job[i]->remote == remote &&
                 world->job[i]->witness == number;
    return count;
}

static void check_witnesses(const struct world *world, const struct remote *remote)
{
    const struct witnesses *witnesses = &remote->witnesses;

    must(witnesses->count <= WITNESSES_MAX, "witnesses are not too many");
    for (size_t i = 0; i < witnesses->count; i++) {
        const struct witness *witness = &witnesses->list[i];
        struct object object = witness_object(witness);
        must(oci_is_name(object.name) && oci_is_digest(object.digest), "a witness is an object");
        must(witness->is_pinned || was_served(world, hash_of(remote->id, &object)),
             "a witness was served");
        must(count_of_witness(world, remote, witness->number) == witness->asking,
             "requests for a witness are counted");
    }
}

static void check_health(struct world *world, const struct remote *remote)
{
    const struct probing *rules = &world->config->probing;
    const struct known *known = known_of(world, remote->id);
    double admit = remote_admit(remote, rules, world->now);

    must(admit >= 0 && admit <= 1, "it takes a part of its requests");
    must(remote->monitor.under_way <= 3, "checks under way are few");
    must(remote->monitor.head_ms >= 0 && remote->monitor.head_ms <= UINT32_MAX, "a time is one");
    must(memchr(remote->monitor.failure, 0, HEALTH_FAILURE_SIZE), "a failure has an end");
    if (remote_state(remote, rules, world->now) != HEALTH_DOWN)
        return;
    must(known->was_bad || known->bad_replies >= FALL || !proof_holds(&remote->proof),
         "only checks take a target out");
    must(remote->target->check_object.digest.len > 0 || proof_holds(&remote->proof),
         "without a pinned object nothing is to be proven");
}

static void check_remotes(struct world *world)
{
    const struct remotes *remotes = agenda_remotes(world->agenda);

    for (size_t i = 0; i < remotes->count; i++) {
        const struct remote *remote = remotes->list[i];
        must(remote->target && remote->target->id == remote->id, "a remote has its target");
        must(count_deferred(world, remote) == remote->deferred,
             "what waits for a check is counted");
        check_health(world, remote);
        check_witnesses(world, remote);
    }
}

static void check_jobs(const struct world *world)
{
    size_t checks = 0;

    for (size_t i = 0; i < world->jobs; i++) {
        const struct check *check = world->job[i]->check;
        checks += world->job[i]->kind != JOB_PROBE;
        must(!check || count_of_check(world, check) == check->open, "a check knows its requests");
        must(!world->job[i]->is_deferred || world->job[i]->remote->deferred > 0,
             "what waits for a check is counted");
    }
    must(world->jobs == world->flights + count_deferred(world, NULL), "each request has its job");
    must(world->jobs - checks <= JOBS_MAX, "probes are not too many");
    must(checks <= (size_t)TARGETS * 7 * (1 + world->wakes + world->reloads),
         "checks are not too many");
}

/* A probe waits for a check that is under way, and not for ever. */
static void check_deferred(const struct world *world)
{
    for (size_t i = 0; i < world->jobs; i++) {
        bool waits = false;
        for (size_t k = 0; k < world->jobs; k++)
            waits = waits ||
                    (world->job[k]->check && world->job[k]->check->remote == world->job[i]->remote);
        must(!world->job[i]->is_deferred || waits, "it waits for a check");
    }
}

static void check_questions(const struct world *world)
{
    const struct agenda_counters *counters = agenda_counters(world->agenda);
    size_t count = 0;

    for (const struct asked *asked = world->agenda->asked; asked; asked = asked->next) {
        bool waits = false;
        for (size_t i = 0; i < asked->count; i++)
            waits = waits || asked->waiter[i].job;
        must(waits, "a question waits for something");
        count++;
    }
    must(count == agenda_questions(world->agenda) && count == world->pending_count,
         "each question has an answer, or waits for one");
    must(counters->answers == world->answers, "answers are counted");
    must(counters->probes == world->probes, "probes are counted");
}

static void check_all(struct world *world)
{
    collect_jobs(world);
    check_jobs(world);
    check_deferred(world);
    check_questions(world);
    check_remotes(world);
}

/* ---- operations: responders ---- */

/* Takes a packet, as clients.c hands it over. */
static void hear(struct world *world, uint64_t client, const void *packet, size_t len)
{
    struct ask_question *question = tight_copy((struct slice){packet, len});
    struct object object;
    bool is_question = ask_read(question, len, &object) && question->id != ASK_NO_ID;

    if (is_question) {
        must(world->pending_count < PENDING, "there is room for all questions");
        world->pending[world->pending_count++] =
            (struct pending){client, question->id, question->target_count};
    }
    bool taken = agenda_hear(world->agenda, client, question, len, world->now);
    must(taken || !is_question, "a question is taken");
    free(question);
}

static struct object take_object(struct world *world)
{
    unsigned byte = take_byte(&world->input);

    return (struct object){.endpoint = byte & 64 ? ENDPOINT_MANIFESTS : ENDPOINT_BLOBS,
                           .name = slice_of(names[byte % NAMES]),
                           .digest = slice_of(digests[byte / NAMES % DIGESTS])};
}

/* Of any configuration, so perhaps not of this one. */
static const struct target *take_target(struct world *world)
{
    unsigned byte = take_byte(&world->input);
    const struct config *config = byte & 128 ? configs[byte / 4 % CONFIGS] : world->config;

    return &config->targets[byte % 4 % config->target_count];
}

static void do_question(struct world *world)
{
    uint64_t client = take_below(&world->input, CLIENTS);
    const struct target *targets[ASK_TARGETS_MAX];
    struct object object = take_object(world);
    size_t count = 1 + take_below(&world->input, ASK_TARGETS_MAX);
    struct ask_question question;

    for (size_t i = 0; i < count; i++)
        targets[i] = take_target(world);
    size_t len = ask_write(&question, 1 + take_byte(&world->input), &object, targets, count);
    hear(world, client, &question, len);
}

static void do_note(struct world *world)
{
    uint64_t client = take_below(&world->input, CLIENTS);
    struct object object = take_object(world);
    bool has_object = take_byte(&world->input) & 1;
    struct ask_question note;
    size_t len = ask_write_use(&note, take_target(world), has_object ? &object : NULL);

    hear(world, client, &note, len);
}

/* A good question in which one byte is another one, or that is cut. */
static void do_bent_question(struct world *world)
{
    const struct target *target = take_target(world);
    struct object object = take_object(world);
    struct ask_question question;
    size_t len = ask_write(&question, 1 + take_byte(&world->input), &object, &target, 1);

    ((uint8_t *)&question)[take_number(&world->input, 2) % len] ^=
        (uint8_t)take_byte(&world->input);
    hear(world, 0, &question, len - take_below(&world->input, len < 256 ? len : 256) / 2);
}

static void do_raw_packet(struct world *world)
{
    struct slice bytes = take_bytes(&world->input, take_number(&world->input, 2));

    hear(world, take_below(&world->input, CLIENTS), bytes.at, bytes.len);
}

static void do_client_goes(struct world *world)
{
    uint64_t client = take_below(&world->input, CLIENTS);

    agenda_forget_client(world->agenda, client);
    for (size_t i = world->pending_count; i-- > 0;)
        if (world->pending[i].client == client)
            world->pending[i] = world->pending[--world->pending_count];
}

/* ---- operations: targets ---- */

static struct reply take_reply(struct world *world)
{
    static const int statuses[] = {200, 404, 206, 401, 403, 405, 429, 500, 501, 503, 416, 301, 0};
    static const struct reply good = {.status = 200, .is_registry = true, .took_ms = 20};
    unsigned byte = take_byte(&world->input), bits;

    if (byte & 128)
        return good;
    int status = statuses[byte % (sizeof statuses / sizeof *statuses)];
    if (status == 0)
        return (struct reply){.failure = (enum reply_failure)(1 + take_below(&world->input, 3)),
                              .words = "no answer"};
    bits = take_byte(&world->input);
    return (struct reply){.status = status,
                          .took_ms = byte & 64 ? UINT32_MAX : bits,
                          .retry_after_s = byte & 32 ? (unsigned)take_number(&world->input, 4) : 0,
                          .digest = bits % 3,
                          .type = bits / 3 % 3,
                          .is_empty = bits & 16,
                          .is_registry = bits & 32,
                          .is_store = bits & 64,
                          .wants_login = bits & 128,
                          .was_redirected = byte & 16,
                          .led_away = (bits & 12) == 12};
}

/* What the model learns of an answer before it is given. */
static void note_reply(struct world *world, const struct flight *flight, const struct reply *reply)
{
    struct job *job = flight->job;
    struct object object = jobs_object(job);
    struct known *known = known_of(world, job->remote->id);
    bool is_same = remotes_find(agenda_remotes(world->agenda), known->id) == job->remote;
    bool is_good = reply->status == 200 && reply->is_registry && reply->took_ms == 20;

    if (!is_same)
        return; /* what there is now of this name has begun anew */
    if (flight->is_check)
        known->bad_replies += !is_good;
    else if (reply_limits_rate(reply) && job->epoch == world->agenda->epoch &&
             !(reply_wants_get(reply) && job->how == ERRAND_HEAD)) {
        unsigned pause_s = reply->retry_after_s < 3600 ? reply->retry_after_s : 3600;
        if (known->closed_ms < world->now.steady_ms + (int64_t)pause_s * 1000)
            known->closed_ms = world->now.steady_ms + (int64_t)pause_s * 1000;
    }
    if (!flight->is_check && (reply->status == 200 || reply->status == 206) &&
        world->served_count < SERVED)
        world->served[world->served_count++] = hash_of(known->id, &object);
}

static void land(struct world *world, size_t i, const struct reply *reply)
{
    struct flight flight = world->flight[i];

    world->flight[i] = world->flight[--world->flights];
    note_reply(world, &flight, reply);
    world->landing = flight.job;
    agenda_done(world->agenda, flight.job, reply, world->now);
    world->landing = NULL;
}

static void do_reply(struct world *world)
{
    size_t i = take_number(&world->input, 1);
    struct reply reply = take_reply(world);

    if (world->flights > 0)
        land(world, i % world->flights, &reply);
}

/* Bytes of a pinned object, or others. */
static void do_body(struct world *world)
{
    unsigned byte = take_byte(&world->input);
    struct slice bytes = byte & 1 ? SLICE("hello\n") : take_bytes(&world->input, byte / 2);

    for (size_t i = 0; i < world->flights; i++)
        if (world->flight[i].body) {
            uint64_t from = proof_body_from(world->flight[i].body);
            bool is_rest = byte & 64 && from > 0 && from < bytes.len;
            proof_body_add(world->flight[i].body, is_rest ? 206 : 200,
                           slice_from(bytes, is_rest ? (size_t)from : 0));
        }
}

/* All that are under way get the same answer. */
static void do_reply_to_all(struct world *world)
{
    struct reply reply = take_reply(world);

    for (size_t count = world->flights; count-- > 0 && world->flights > 0;)
        land(world, 0, &reply);
}

static void do_follow(struct world *world)
{
    static const char *const to[] = {"https://eu.example.org/x",
                                     "https://us.example.org/x",
                                     "https://cdn.example.org/x",
                                     "https://one.blobs.example.org/x",
                                     "https://elsewhere.example.org/x",
                                     "",
                                     "http://"};
    const char *from = to[take_below(&world->input, 3)];
    unsigned byte = take_byte(&world->input);
    const char *url = to[byte / 2 % (sizeof to / sizeof *to)];
    bool may = agenda_may_follow(world->agenda, from, url, byte & 1, world->now);

    must(!may || strstr(url, ".example.org"), "only a configured host is followed to");
    for (size_t i = 0; may && byte & 1 && i < world->config->target_count; i++)
        if (url_same_host(world->config->targets[i].url, slice_of(url)) && strcmp(from, url) != 0)
            note_spent(world, world->config->targets[i].id);
}

/* ---- operations: the prober itself ---- */

/* No request is longer under way than its limit. */
static void end_old_flights(struct world *world)
{
    static const struct reply silence = {.failure = FAILURE_SILENCE, .words = "no answer"};

    for (size_t i = 0; i < world->flights;) {
        if (world->now.steady_ms - world->flight[i].begun_ms > FLIGHT_MS)
            land(world, i, &silence);
        else
            i++;
    }
}

static void do_clock(struct world *world)
{
    static const int64_t steps_ms[] = {1,    20,    100,   999,     1000,
                                       3000, 30000, 61000, 3600000, 90000000};
    static const int64_t jumps_s[] = {0, 1, -1, 60, -60, 86400, -86400, 31536000, -31536000};
    unsigned byte = take_byte(&world->input);
    int64_t step = steps_ms[byte % 16 % (sizeof steps_ms / sizeof *steps_ms)];

    world->now.steady_ms += step;
    world->now.wall_s += step / 1000 + jumps_s[byte / 16 % (sizeof jumps_s / sizeof *jumps_s)];
    end_old_flights(world);
}

static void do_check(struct world *world)
{
    agenda_check(world->agenda, take_byte(&world->input) & 1, world->now);
}

static void do_wake(struct world *world)
{
    world->wakes++;
    agenda_wake(world->agenda, world->now);
}

/* What has gone from the configuration begins anew when it is back. */
static void forget_gone(struct world *world)
{
    for (size_t i = 0; i < world->known_count; i++)
        if (!remotes_find(agenda_remotes(world->agenda), world->known[i].id))
            world->known[i] = (struct known){.id = world->known[i].id};
}

static void do_reload(struct world *world)
{
    world->reloads++;
    world->config = configs[take_below(&world->input, CONFIGS)];
    must(agenda_configure(world->agenda, world->config), "a configuration is taken");
    forget_gone(world);
}

static void do_refuse(struct world *world)
{
    world->refuses = !world->refuses;
}

static void start(struct world *world)
{
    struct agenda_hooks hooks = {on_begin, on_answer, on_note, world};

    world->agenda = agenda_new(&hooks, world->cache, 42);
    must(world->agenda && agenda_configure(world->agenda, world->config), "there is memory");
    world->flights = world->pending_count = world->known_count = world->served_count = 0;
    world->probes = world->answers = 0;
}

/* Another prober comes, and begins with what is said of targets in the file. */
static void do_restart(struct world *world)
{
    struct health *health = health_new(world->config->targets, world->config->target_count);

    must(health, "there is memory");
    agenda_free(world->agenda);
    start(world);
    for (size_t i = 0; i < world->config->target_count; i++) {
        unsigned byte = take_byte(&world->input);
        struct target_health before = {
            .known = byte & 4, .state = byte & 3, .admit = 1, .extra = 1, .failure = "it was so"};
        before.checked_s = byte & 8 ? world->now.wall_s - (byte >> 4) : 0;
        before.head_ms = byte & 32 ? UINT32_MAX : 0;
        health_put(health, &world->config->targets[i], &before);
        known_of(world, world->config->targets[i].id)->was_bad = before.state == HEALTH_DOWN;
    }
    remotes_recall(agenda_remotes(world->agenda), health, &world->config->probing, world->now);
    health_free(health);
}

static void (*const operations[])(struct world *world) = {
    do_question, do_question, do_note,   do_check, do_reply,  do_reply,        do_clock,
    do_clock,    do_body,     do_reload, do_wake,  do_follow, do_client_goes,  do_raw_packet,
    do_check,    do_restart,  do_refuse, do_reply, do_note,   do_reply_to_all, do_bent_question};

static struct config *config_of(const char *text)
{
    struct problems problems = {0};
    struct config *config = config_parse(text, &problems);

    if (!config)
        problems_print(&problems, stderr);
    must(config, "a configuration of the target's own is taken");
    problems_clear(&problems);
    return config;
}

static struct cache_writer *open_cache(struct world *world)
{
    static const struct state no_state = {.fd = -1};
    struct cache_writer_options options = {.state = &no_state,
                                           .size = 1 << 14,
                                           .lifetimes = cache_lifetimes_of(3600, 60),
                                           .log = ignore};
    struct cache_writer *cache = cache_writer_open(&options, world->now.wall_s);

    must(cache, "there is memory");
    return cache;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct world whole;
    struct world *world = &whole;

    for (size_t i = 0; i < CONFIGS; i++)
        configs[i] = configs[i] ? configs[i] : config_of(layouts[i]);
    world->wakes = world->reloads = 0;
    world->refuses = false;
    world->input = (struct input){data, size < INPUT_MAX ? size : INPUT_MAX};
    world->now = (struct instant){1000000, 1700000000};
    world->config = configs[0];
    world->cache = open_cache(world);
    start(world);
    while (world->input.left > 0) {
        operations[take_below(&world->input, sizeof operations / sizeof *operations)](world);
        check_all(world);
    }
    agenda_free(world->agenda);
    cache_writer_close(world->cache);
    return 0;
}
