/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"
#include "front.h"
#include "log/count.h"
#include "starter.h"
#include "state/ask.h"
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

enum {
    START_MS = 10 * 1000,          /* from one start of the prober to the next, … */
    START_MAX_MS = 10 * 60 * 1000, /* … longer each time while it is in vain */
    LAST_REPORT_MS = 500           /* how long the last report waits for room */
};

/* What is noted of a request when it comes. */
struct moment {
    uint64_t began_ns;
    bool logged;
};

/* A request that waits for the prober. */
struct waiting {
    struct waiter waiter;
    struct front *front;
    struct parked *parked;
    struct setup *setup;
    struct moment moment;
};

void front_say(struct front *front, const char *sentence)
{
    notes_say(&front->notes, sentence);
}

static void say(void *ctx, const char *sentence)
{
    front_say(ctx, sentence);
}

/* A CGI starts anew for each request: what is wrong with a file would be told each time. */
static void hush(void *ctx, const char *sentence)
{
    (void)ctx, (void)sentence;
}

/* What is wrong with the prober is told once, until something else is. */
static void say_if_new(struct front *front, struct why *said, const struct why *why)
{
    if (why->text[0] && strcmp(why->text, said->text) != 0)
        front_say(front, why->text);
    *said = *why;
}

/* ---- configurations ---- */

/* What a former configuration has counted and not reported is counted with the one in use. */
static void release(struct front *front, struct setup *setup)
{
    if (!setup || --setup->users > 0)
        return;
    if (setup->counters && front->setup && front->setup->counters)
        counters_join(front->setup->counters, setup->counters);
    counters_free(setup->counters);
    usage_free(setup->usage);
    knowledge_close(&setup->knowledge);
    config_free(setup->config);
    free(setup);
}

void front_close(struct front *front)
{
    struct setup *setup = front->setup;
    log_end(&front->log);
    front->setup = NULL;
    release(front, setup);
    if (front->presence)
        presence_end(front->presence);
    if (front->refusal)
        refusal_end(front->refusal);
    free(front->presence);
    free(front->refusal);
    notes_end(&front->notes);
}

void front_init(struct front *front, const char *file, bool under_systemd)
{
    uint64_t seed = 1;
    (void)!getrandom(&seed, sizeof seed, 0);
    *front = (struct front){.file = file, .under_systemd = under_systemd};
    notes_init(&front->notes, "signpost.fcgi");
    log_init(&front->log, seed, say, front);
}

/* NULL if there is no memory. A CGI ends before it could report what it has counted. */
static struct setup *make_setup(struct front *front, struct config *config)
{
    bool is_cgi = !front->presence;
    bool counts = !is_cgi && starter_reports(config);
    bool tells = !is_cgi && starter_needs_prober(config);
    struct setup *setup = malloc(sizeof *setup);
    if (!setup)
        return NULL;
    setup->users = 1;
    setup->config = config;
    setup->counters = counts ? counters_new(config) : NULL;
    setup->usage = tells ? usage_new(config, (uint64_t)instant_now().steady_ms) : NULL;
    if ((setup->counters || !counts) && (setup->usage || !tells) &&
        knowledge_open(&setup->knowledge, config, instant_now(), is_cgi ? hush : say, front))
        return setup;
    counters_free(setup->counters);
    usage_free(setup->usage);
    free(setup);
    return NULL;
}

/* Has a configuration take the place of the one there is. False: no memory, and it is freed. */
static bool take(struct front *front, struct config *config)
{
    struct setup *setup = make_setup(front, config);
    struct setup *former = front->setup;
    if (!setup) {
        config_free(config);
        return false;
    }
    bool ready = log_use(&front->log, &config->logging);
    if (ready)
        front->setup = setup;
    release(front, ready ? former : setup);
    return ready;
}

bool front_load(struct front *front)
{
    struct problems problems = {0};
    struct config *config = config_load_found(front->file, &problems);
    if (!config)
        notes_problems(&front->notes, &problems);
    problems_clear(&problems);
    return config && take(front, config);
}

/* Says to commands what has become of the configuration; reason: why a new one is refused. */
static void tell(struct front *front, const struct why *reason)
{
    const struct setup *setup = front->setup;
    struct why why;
    if (!presence_tell(front->presence, &setup->knowledge.state,
                       reason ? PRESENCE_KEEPS : PRESENCE_SERVES, setup->config->file,
                       setup->knowledge.control.reload, reason, &why))
        front_say(front, why.text);
}

/* Begins to serve with the first configuration, if it is right. */
static bool begin_to_serve(struct front *front, struct config *config)
{
    if (!config || !take(front, config))
        return false;
    refusal_end(front->refusal);
    tell(front, NULL);
    return true;
}

bool front_start(struct front *front)
{
    front->presence = malloc(sizeof *front->presence);
    front->refusal = malloc(sizeof *front->refusal);
    if (!front->presence || !front->refusal) {
        front_say(front, "There is not enough memory.");
        return false;
    }
    presence_begin(front->presence, PRESENCE_RESPONDER);
    refusal_begin(front->refusal, PRESENCE_RESPONDER, front->file, notes_problems, &front->notes);
    if (!begin_to_serve(front, refusal_read(front->refusal, true)))
        front_say(
            front,
            "The configuration is refused: requests are answered with 503 until it is right.");
    return true;
}

/* A loop with the configuration's limits is to take over from the one that had none. */
static void end_refusal(struct front *front, struct config *config)
{
    if (!begin_to_serve(front, config))
        return;
    front_say(front, "The configuration is right now, and requests are served.");
    loop_retire(front->loop);
}

/* ---- the prober ---- */

static void rearm(struct front *front)
{
    if (front->loop)
        loop_alarm(front->loop, asker_due(front->asker));
}

static void watch(void *ctx, int fd)
{
    struct front *front = ctx;
    if (front->loop && !loop_watch(front->loop, fd))
        front_say(front, "The prober cannot be listened to: no memory is left.");
}

static int connect_prober(void *ctx)
{
    struct front *front = ctx;
    struct why why;
    if (!starter_has_place(front->setup->config))
        return -1;
    int fd = ask_connect(&front->setup->knowledge.state, &why);
    say_if_new(front, &front->connecting, &why);
    return fd;
}

static void start_prober(struct front *front, uint64_t now)
{
    struct why why = {""};
    bool in_vain = front->start_pause > 0;
    front->start_pause = in_vain ? front->start_pause * 2 : START_MS;
    if (front->start_pause > START_MAX_MS)
        front->start_pause = START_MAX_MS;
    front->start_at = now + front->start_pause;
    if (starter_start(front->setup->config, &why) && in_vain)
        why_not(&why, "The prober was started, but cannot be reached: `signpost prober`, run as "
                      "this user with this configuration, says why.");
    say_if_new(front, &front->starting, &why);
}

/* Makes sure that there is a prober, if there has to be one. */
static void look_after_prober(struct front *front)
{
    const struct config *config = front->setup ? front->setup->config : NULL;
    uint64_t now = loop_now(front->loop);
    if (!config || !front->asker || !starter_needs_prober(config) || !starter_has_place(config))
        return;
    if (asker_is_connected(front->asker, now))
        front->start_pause = 0;
    else if (now >= front->start_at && starter_is_responsible(config, front->under_systemd))
        start_prober(front, now);
}

/* Targets in use are checked, and only responders know which are. */
static void tell_use(struct front *front)
{
    struct setup *setup = front->setup;
    if (!front->asker || !setup->usage || !starter_has_place(setup->config))
        return;
    uint64_t connections = asker_counters(front->asker)->connected;
    if (connections != front->connections)
        usage_tell_again(setup->usage);
    front->connections = connections;
    usage_tell(setup->usage, front->asker, loop_now(front->loop));
}

/* The greatest of the times that are waited for targets of a kind; 0: there is none. */
static unsigned patience_for(const struct setup *setup, const struct decision *decision,
                             enum target_kind kind)
{
    unsigned wait_ms = 0;
    for (size_t i = 0; i < decision->ask_count; i++) {
        if (decision->ask[i]->kind != kind)
            continue;
        const struct target_health *health = health_of(setup->knowledge.health, decision->ask[i]);
        unsigned ms = asker_wait_ms(health->head_ms);
        wait_ms = ms > wait_ms ? ms : wait_ms;
    }
    return wait_ms;
}

/* The prober may ask registries only when a bucket has answered. */
static unsigned patience(const struct setup *setup, const struct decision *decision)
{
    unsigned wait_ms = patience_for(setup, decision, TARGET_BUCKET) +
                       patience_for(setup, decision, TARGET_UPSTREAM);
    return wait_ms < ASKER_WAIT_MAX_MS ? wait_ms : ASKER_WAIT_MAX_MS;
}

static void over(struct waiter *waiter)
{
    struct waiting *waiting = waiter->ctx;
    loop_wake(waiting->front->loop, waiting->parked);
}

/* Has a request wait for the prober. False: there is nothing to wait for. */
static bool wait_for_prober(struct front *front, const struct passage *passage,
                            struct parked *parked, const struct moment *moment)
{
    const struct decision *decision = &passage->routed.decision;
    struct object object = passage_object(passage);
    struct waiting *waiting = malloc(sizeof *waiting);
    if (!waiting)
        return false;
    *waiting = (struct waiting){
        .front = front, .parked = parked, .setup = front->setup, .moment = *moment};
    waiting->waiter.over = over;
    waiting->waiter.ctx = waiting;
    bool asked =
        asker_ask(front->asker, &waiting->waiter, &object, decision->ask, decision->ask_count,
                  patience(front->setup, decision), loop_now(front->loop));
    rearm(front);
    if (!asked) {
        free(waiting);
        return false;
    }
    front->setup->users++;
    parked->wait = waiting;
    return true;
}

/* ---- the service ---- */

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static struct moment begin(struct front *front)
{
    struct moment moment = {.logged = log_wants(&front->log)};
    if (front->setup->counters || moment.logged)
        moment.began_ns = now_ns();
    return moment;
}

/* A request that is being decided on, and what is noted of that. */
struct hearing {
    struct passage passage;
    struct log_steps steps;
};

static void decide_on(struct hearing *hearing, const struct setup *setup, char *const *variables,
                      const struct findings *findings, const struct moment *moment)
{
    struct decision_trace trace = log_steps_trace(&hearing->steps);
    hearing->steps.count = 0;
    respond_decide(&hearing->passage, setup->config, &setup->knowledge, variables, findings,
                   moment->logged ? &trace : NULL);
}

static void note(struct front *front, struct setup *setup, const struct hearing *hearing,
                 const struct moment *moment)
{
    uint64_t now = setup->counters || moment->logged ? now_ns() : 0;
    uint64_t took_ns = now - moment->began_ns;
    if (setup->counters)
        count_request(setup->counters, setup->config, &hearing->passage.routed, took_ns);
    if (!moment->logged)
        return;
    struct log_entry entry = {&hearing->passage, &hearing->steps, .took_ns = took_ns};
    clock_gettime(CLOCK_REALTIME, &entry.now);
    log_add(&front->log, &entry, (int64_t)(now / 1000000));
}

static void write_answer(struct front *front, struct setup *setup, const struct hearing *hearing,
                         const struct moment *moment, struct answer *answer)
{
    const struct decision *decision = &hearing->passage.routed.decision;
    if (decision->outcome == OUTCOME_REDIRECT && setup->usage) {
        bool is_digest = hearing->passage.routed.classified.is_digest;
        struct object object = passage_object(&hearing->passage);
        usage_note(setup->usage, decision->target, is_digest ? &object : NULL);
    }
    respond_write(&hearing->passage, answer);
    note(front, setup, hearing, moment);
}

static bool answer(void *ctx, char *const *variables, struct parked *parked, struct answer *answer)
{
    struct front *front = ctx;
    struct setup *setup = front->setup;
    if (!setup) {
        respond(NULL, NULL, variables, answer);
        return true;
    }
    struct moment moment = begin(front);
    struct hearing hearing;
    decide_on(&hearing, setup, variables, NULL, &moment);
    if (passage_asks(&hearing.passage) && front->asker &&
        setup->config->probing.start != PROBER_OFF) {
        front->reporter.crowded += !parked;
        if (parked && wait_for_prober(front, &hearing.passage, parked, &moment))
            return false;
    }
    write_answer(front, setup, &hearing, &moment, answer);
    return true;
}

static void finish(void *ctx, struct parked *parked, struct answer *answer)
{
    struct front *front = ctx;
    struct waiting *waiting = parked->wait;
    struct setup *setup = waiting->setup;
    struct hearing hearing;
    asker_leave(front->asker, &waiting->waiter);
    rearm(front);
    decide_on(&hearing, setup, handover_variables(&parked->handover), &waiting->waiter.findings,
              &waiting->moment);
    write_answer(front, setup, &hearing, &waiting->moment, answer);
    free(waiting);
    release(front, setup);
}

static void ready(void *ctx)
{
    struct front *front = ctx;
    asker_receive(front->asker, loop_now(front->loop));
    rearm(front);
}

static void alarm_comes(void *ctx)
{
    struct front *front = ctx;
    asker_expire(front->asker, loop_now(front->loop));
    rearm(front);
}

static bool load_anew(struct front *front, struct why *reason)
{
    struct problems problems = {0};
    struct config *config = config_reload(front->file, &problems);
    notes_problems(&front->notes, &problems);
    problems_first(&problems, reason);
    problems_clear(&problems);
    if (config && take(front, config))
        return true;
    return config ? why_not(reason, "there is not enough memory") : false;
}

static void reload_former(struct front *front)
{
    struct setup *former = front->setup;
    struct why reason;
    former->users++; /* for a moment, to compare it */
    bool taken = load_anew(front, &reason);
    front->reporter.reloads += taken;
    front->reporter.refused_reloads += !taken;
    front_say(front, taken ? "The configuration has been read again."
                           : "The new configuration is refused; the old one goes on serving.");
    tell(front, taken ? NULL : &reason);
    if (front->asker && strcmp(former->config->state, front->setup->config->state) != 0)
        asker_disconnect(front->asker);
    release(front, former);
}

static void reload(void *ctx)
{
    struct front *front = ctx;
    if (front->setup)
        reload_former(front);
    else
        end_refusal(front, refusal_read(front->refusal, true));
}

static void reopen(void *ctx)
{
    struct front *front = ctx;
    log_reopen(&front->log);
}

static int rest(void *ctx)
{
    struct front *front = ctx;
    return log_flush_if_due(&front->log, (int64_t)loop_now(front->loop));
}

/* Tells the prober what was counted; at the end, waits for room if need be. */
static void report(struct front *front, int patience_ms, uint64_t now)
{
    const struct setup *setup = front->setup;
    if (!setup || !front->asker || !setup->counters || !starter_has_place(setup->config))
        return;
    reporter_note(&front->reporter, front->asker, &front->log, setup->counters);
    reporter_send(front->asker, setup->counters, patience_ms, now);
}

static void tick(void *ctx)
{
    struct front *front = ctx;
    notes_flush(&front->notes);
    struct why why;
    if (!front->setup) {
        end_refusal(front, refusal_look(front->refusal));
        return;
    }
    if (knowledge_refresh(&front->setup->knowledge, instant_now()))
        reload(front);
    if (!presence_keep(front->presence, &front->setup->knowledge.state, &why))
        front_say(front, why.text);
    log_retry(&front->log);
    if (front->loop) {
        look_after_prober(front);
        tell_use(front);
        report(front, 0, loop_now(front->loop));
    }
}

struct service front_service(struct front *front)
{
    return (struct service){.ctx = front,
                            .answer = answer,
                            .finish = finish,
                            .ready = ready,
                            .alarm = alarm_comes,
                            .reload = reload,
                            .reopen = reopen,
                            .rest = rest,
                            .tick = tick,
                            .note = say,
                            .counters = &front->reporter.loop};
}

struct loop_limits front_limits(const struct front *front)
{
    const struct config *config = front->setup ? front->setup->config : NULL;
    struct loop_limits limits = LOOP_LIMITS;
    if (config) {
        limits.max_connections = config->max_connections;
        limits.max_parked = config->max_parked;
        limits.request_ms = config->record_timeout_ms;
    }
    return limits;
}

void front_attach(struct front *front, struct loop *loop, unsigned max_parked)
{
    struct asker_settings settings = {
        .questions = max_parked, .ctx = front, .watch = watch, .connect = connect_prober};
    front->loop = loop;
    front->asker = asker_new(&settings);
    look_after_prober(front);
}

void front_detach(struct front *front)
{
    front->loop = NULL;
    (void)log_use(&front->log, NULL); /* writes what waits, so that the report counts it */
    report(front, LAST_REPORT_MS, (uint64_t)instant_now().steady_ms);
    asker_free(front->asker);
    front->asker = NULL;
}

void front_respond(struct front *front, char *const *variables, struct answer *written)
{
    answer(front, variables, NULL, written);
}
