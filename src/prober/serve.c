/* SPDX-License-Identifier: Apache-2.0 */
#include "prober/serve.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>
#include "prober/agenda.h"
#include "prober/clients.h"
#include "prober/door.h"
#include "prober/fetcher.h"
#include "prober/head.h"
#include "prober/publish.h"
#include "prober/showing.h"
#include "state/control.h"
#include "state/presence.h"

enum {
    TICK_MS = 250, /* while there is something to look after */
    IDLE_TICK_MS = 1000,
    FIRST_CLIENT_MS = 10000, /* how long the first one is waited for */
    PUBLISH_MS = 200, /* from one writing of the health file to the next, when there is news */
    PUBLISH_RETRY_MS = 1000, /* … after it could not be written */
    LOOK_MS = 1000,          /* from one look at the control file to the next */
    SLEEP_MS = 1000,         /* so much later than planned: this process has not run meanwhile */
    DESCRIPTORS = 4096,
    EVENTS = 64
};

enum event_kind {
    EVENT_DOOR = CLIENTS_MAX,
    EVENT_SIGNAL,
    EVENT_HEADS,
    EVENT_CHECKS,
    EVENT_FETCHER
};

struct server {
    const struct serve_options *options;
    struct config *config;
    char *state_name; /* which a reload does not change */
    struct state state;
    struct door door;
    struct control control;
    struct presence presence;
    struct cache_writer *cache;
    struct heads *heads;  /* probes */
    struct heads *checks; /* with connections of their own, so that no probe delays them */
    struct agenda *agenda;
    struct showing showing;
    struct fetcher fetcher;
    struct clients clients;
    int epoll, signals;
    struct instant now, alone_since, looked;
    int64_t publish_ms; /* when last published */
    uint64_t mark;
    bool publish_failed, stop;
    bool failed; /* to be started anew, by whoever does that */
};

static void say(void *context, const char *sentence)
{
    const struct server *server = context;

    server->options->say(server->options->context, sentence);
}

static bool watch(const struct server *server, int fd, uint32_t what)
{
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = what};

    return epoll_ctl(server->epoll, EPOLL_CTL_ADD, fd, &event) == 0;
}

/* ---- clients ---- */

static bool take_packet(void *context, uint64_t client, const union ask_packet *packet, size_t len)
{
    struct server *server = context;

    if (ask_is_report(packet, len))
        return ask_read_report(&packet->report, len, server->showing.counters);
    return server->stop || agenda_hear(server->agenda, client, &packet->question, len, server->now);
}

static void client_gone(void *context, uint64_t client)
{
    struct server *server = context;

    agenda_forget_client(server->agenda, client);
    if (server->clients.count == 0)
        server->alone_since = server->now;
}

static void answer(void *context, uint64_t client, const struct ask_answer *answer)
{
    struct server *server = context;

    clients_answer(&server->clients, client, answer);
}

/* ---- requests ---- */

static bool begin(void *context, const struct errand *errand)
{
    struct server *server = context;

    return heads_begin(errand->is_check ? server->checks : server->heads, errand);
}

static void done(void *context, struct job *job, const struct reply *reply)
{
    struct server *server = context;

    agenda_done(server->agenda, job, reply, server->now);
}

static bool may_follow(void *context, const char *from, const char *to, bool is_check)
{
    const struct server *server = context;

    return agenda_may_follow(server->agenda, from, to, !is_check, server->now);
}

/* ---- what is done from time to time ---- */

/* Says to commands what has become of the configuration; reason: why a new one is refused. */
static void tell(struct server *server, const struct why *reason)
{
    struct why why;

    if (!presence_tell(&server->presence, &server->state, reason ? PRESENCE_KEEPS : PRESENCE_SERVES,
                       server->config->file, server->control.reload, reason, &why))
        say(server, why.text);
}

static struct cache_lifetimes lifetimes(const struct config *config)
{
    return cache_lifetimes_of(config->probing.present_s, config->probing.absent_s);
}

static void reload(struct server *server)
{
    struct why why = {"there is not enough memory"};
    struct config *config =
        server->options->load(server->options->context, server->options->file, &why);
    struct counters *counters = config ? counters_new(config) : NULL;
    struct control control;
    bool starved = counters && control_open(&control, &server->state, config) == CONTROL_STARVED;

    if (starved) {
        say(server, control.why.text);
        why = control.why;
    }
    if (!counters || starved || !agenda_configure(server->agenda, config)) {
        counters_free(counters);
        config_free(config);
        say(server, "The new configuration is refused; the prober goes on with the old one.");
        tell(server, &why);
        return;
    }
    showing_take(&server->showing, config, counters, server->now);
    heads_configure(server->heads, &config->probing);
    heads_configure(server->checks, &config->probing);
    if (strcmp(config->state, server->state_name) != 0)
        say(server, "The state directory is another one now: the prober stays with the old one "
                    "until it is started again.");
    fetcher_end(&server->fetcher);
    config_free(server->config);
    server->config = config;
    server->control = control;
    cache_writer_configure(server->cache, lifetimes(config));
    server->mark = 0;
    tell(server, NULL);
    say(server, "The configuration has been read again.");
}

static size_t list_counters(struct server *server, struct counter_line *line)
{
    const struct agenda_counters *c = agenda_counters(server->agenda);
    struct cache_counts cache = cache_writer_counts(server->cache);
    const struct counter_line all[] = {
        {"questions", c->questions},
        {"answers", c->answers},
        {"malformed", c->malformed},
        {"hits", c->hits},
        {"probes", c->probes},
        {"shared", c->shared},
        {"present", c->present},
        {"absent", c->absent},
        {"unknown", c->unknown},
        {"refused", c->refused},
        {"skipped", c->skipped},
        {"unaskable", c->unaskable},
        {"recent", c->recent},
        {"limited", c->limited},
        {"forgotten", c->forgotten},
        {"sleeps", c->sleeps},
        {"overflow", c->overflow},
        {"strangers", c->strangers},
        {"checks", c->checks},
        {"proofs", c->proofs},
        {"redirected_away", c->redirected_away},
        {"other_objects", c->other_objects},
        {"clients", server->clients.count},
        {"clients_refused", server->clients.refused},
        {"answers_dropped", server->clients.dropped},
        {"cache_present", cache.present},
        {"cache_absent", cache.absent},
        {"cache_slots", cache.slots},
        {"cache_evicted", cache.evicted},
        {"cache_lost", cache.lost},
        {"cache_rebuilt", cache.rebuilt},
    };

    memcpy(line, all, sizeof all);
    return sizeof all / sizeof *all;
}

static void publish_now(struct server *server, const struct publication *what, uint64_t mark)
{
    struct why why;

    server->publish_ms = server->now.steady_ms;
    if (publish(what, &server->state, &why)) {
        server->mark = mark;
        server->publish_failed = false;
        return;
    }
    if (!server->publish_failed)
        say(server, why.text);
    server->publish_failed = true;
}

/* At once when there is news, else once an interval: readers go by its age. */
static void publish_if_due(struct server *server, bool at_once)
{
    struct counter_line lines[64];
    struct publication what = {.remotes = agenda_remotes(server->agenda),
                               .rules = &server->config->probing,
                               .counters = lines,
                               .now = server->now};
    int64_t age = server->now.steady_ms - server->publish_ms;

    if (server->state.fd < 0 ||
        (!at_once && age < (server->publish_failed ? PUBLISH_RETRY_MS : PUBLISH_MS)))
        return;
    remotes_measure(agenda_remotes(server->agenda), server->showing.counters, &server->control,
                    server->now);
    uint64_t mark = publish_mark(&what);
    if (!at_once && !server->publish_failed && mark == server->mark &&
        age < server->config->probing.interval_ms)
        return;
    what.counter_count = list_counters(server, lines);
    publish_now(server, &what, mark);
}

/* The public files; at_once: even if they were written a moment ago. */
static void show_if_due(struct server *server, bool at_once)
{
    struct counter_line lines[64];
    struct showing_view view = {.remotes = agenda_remotes(server->agenda),
                                .control = &server->control,
                                .lines = lines,
                                .now = server->now};
    struct why why;

    if (server->state.fd < 0 || (!at_once && !showing_is_due(&server->showing, server->now)))
        return;
    view.line_count = list_counters(server, lines);
    if (!showing_write(&server->showing, &view, &server->state, &why))
        say(server, why.text);
}

static bool is_lonely(const struct server *server)
{
    int64_t patience = server->options->linger_ms;

    if (!server->clients.accepted && patience < FIRST_CLIENT_MS)
        patience = FIRST_CLIENT_MS;
    return !server->options->stay && server->clients.count == 0 &&
           server->now.steady_ms - server->alone_since.steady_ms >= patience;
}

static void look_at_control(struct server *server)
{
    enum control_news news = control_refresh(&server->control);

    if (news == CONTROL_RELOAD)
        reload(server);
    if (news == CONTROL_DAMAGED || news == CONTROL_STARVED)
        say(server, server->control.why.text);
}

/* Serves in the directory that has come in the place of the one before. */
static void move_door(struct server *server, bool is_first_try)
{
    struct door door;
    struct why why;

    if (!door_open(&door, &server->state, &why)) {
        server->stop = errno == EWOULDBLOCK; /* another prober is there */
        if (is_first_try || server->stop)
            say(server, why.text);
        return;
    }
    door_close(&server->door);
    server->door = door;
    if (!watch(server, door.socket, EVENT_DOOR)) {
        door_close(&server->door);
        return;
    }
    publish_if_due(server, true);
    show_if_due(server, true);
}

/* Whether whoever starts this service makes the directory, too, as systemd does. */
static bool is_made_at_start(const struct state *state)
{
    const char *made = getenv("STATE_DIRECTORY");

    return made && strcmp(made, state->name) == 0;
}

static void look_at_state(struct server *server)
{
    bool is_other = state_look(&server->state);

    if (is_other && server->state.fd < 0)
        say(server, server->state.why.text);
    if (server->state.fd >= 0 && !door_is_in(&server->door, &server->state))
        move_door(server, is_other);
    if (!door_is_in(&server->door, &server->state) && is_made_at_start(&server->state)) {
        say(server, "The prober ends: when it is started again, the directory is made anew.");
        server->stop = server->failed = true;
    }
}

static bool is_any_drained(const struct server *server)
{
    for (size_t i = 0; i < server->config->target_count; i++)
        if (control_wish(&server->control, &server->config->targets[i]).drained)
            return true;
    return false;
}

static bool watch_fetcher(void *context, int pipe)
{
    return watch(context, pipe, EVENT_FETCHER);
}

static struct fetcher_calls fetcher_calls(struct server *server)
{
    return (struct fetcher_calls){watch_fetcher, say, server};
}

static void look_at_sources(struct server *server)
{
    struct fetcher_calls calls = fetcher_calls(server);

    fetcher_look(&server->fetcher, server->config, &server->state, server->now, &calls);
}

static void look_around(struct server *server)
{
    struct why why;

    if (server->now.steady_ms - server->looked.steady_ms >= LOOK_MS) {
        server->looked = server->now;
        server->options->tick(server->options->context);
        look_at_state(server);
        look_at_control(server);
        look_at_sources(server);
        if (!presence_keep(&server->presence, &server->state, &why))
            say(server, why.text);
        cache_writer_refresh(server->cache, server->now.wall_s);
    }
    agenda_check(server->agenda, is_any_drained(server), server->now);
    publish_if_due(server, false);
    show_if_due(server, false);
    if (is_lonely(server))
        server->stop = true;
}

/* ---- the loop ---- */

static void take_signal(struct server *server)
{
    struct signalfd_siginfo info;

    while (read(server->signals, &info, sizeof info) == sizeof info) {
        if (info.ssi_signo == SIGHUP)
            reload(server);
        else
            server->stop = true;
    }
}

static int least(int wait_ms, int other_ms)
{
    return other_ms >= 0 && other_ms < wait_ms ? other_ms : wait_ms;
}

static int wait_ms(const struct server *server)
{
    int most = server->clients.count || agenda_jobs(server->agenda) ? TICK_MS : IDLE_TICK_MS;
    int64_t now_ms = server->now.steady_ms;

    return least(least(most, heads_wait_ms(server->heads, now_ms)),
                 heads_wait_ms(server->checks, now_ms));
}

/*
 * Whether more time has passed than was to be waited, by either clock: the machine stood still,
 * or gave this process no time. What it has missed says nothing.
 */
static bool has_slept(struct instant before, struct instant now, int waited_ms)
{
    int64_t late_ms = now.steady_ms - before.steady_ms - waited_ms;
    int64_t jumped_ms = (now.wall_s - before.wall_s) * 1000 - (now.steady_ms - before.steady_ms);

    return late_ms >= SLEEP_MS || jumped_ms >= 2 * SLEEP_MS;
}

static void handle(struct server *server, uint32_t what)
{
    struct fetcher_calls calls = fetcher_calls(server);

    if (what == EVENT_DOOR)
        clients_accept(&server->clients);
    else if (what == EVENT_SIGNAL)
        take_signal(server);
    else if (what == EVENT_FETCHER)
        fetcher_hear(&server->fetcher, &calls);
    else if (what < CLIENTS_MAX)
        clients_hear(&server->clients, what);
}

static void run(struct server *server)
{
    struct epoll_event events[EVENTS];

    while (!server->stop) {
        int wait = wait_ms(server);
        struct instant before = instant_now();
        int64_t took_ms = before.steady_ms - server->now.steady_ms; /* it may have slept at work */
        int count = epoll_wait(server->epoll, events, EVENTS, wait);
        server->now = instant_now();
        if (has_slept(before, server->now, wait) || took_ms >= MONITOR_CHECK_MS)
            agenda_wake(server->agenda, server->now);
        for (int i = 0; i < count; i++)
            handle(server, events[i].data.u32);
        heads_work(server->heads, server->now.steady_ms);
        heads_work(server->checks, server->now.steady_ms);
        look_around(server);
    }
}

/* ---- start and end ---- */

static bool fail(const struct server *server, const char *sentence)
{
    server->options->say(server->options->context, sentence);
    return false;
}

static void raise_descriptors(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= DESCRIPTORS)
        return;
    limit.rlim_cur = limit.rlim_max < DESCRIPTORS ? limit.rlim_max : DESCRIPTORS;
    setrlimit(RLIMIT_NOFILE, &limit);
}

sigset_t serve_block_signals(void)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigprocmask(SIG_BLOCK, &set, NULL);
    return set;
}

/* A closed connection is told by send and recv, the end of a child by its pipe. */
static int catch_signals(void)
{
    sigset_t set = serve_block_signals();

    signal(SIGPIPE, SIG_IGN);
    return signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
}

static void recall(struct server *server)
{
    struct health *health = health_new(server->config->targets, server->config->target_count);

    health_refresh(health, server->state.fd, server->now.wall_s);
    if (health)
        remotes_recall(agenda_remotes(server->agenda), health, &server->config->probing,
                       server->now);
    health_free(health);
}

static bool make_parts(struct server *server)
{
    struct heads_hooks heads = {done, may_follow, server};
    struct agenda_hooks agenda = {begin, answer, say, server};
    struct cache_writer_options cache = {.state = &server->state,
                                         .size = server->config->probing.cache_size,
                                         .lifetimes = lifetimes(server->config),
                                         .log = say,
                                         .log_context = server};
    uint64_t seed = 1;
    struct why why;

    server->heads = heads_new(&heads, &server->config->probing, true, &why);
    server->checks =
        server->heads ? heads_new(&heads, &server->config->probing, false, &why) : NULL;
    if (!server->checks)
        return fail(server, why.text);
    server->cache = cache_writer_open(&cache, server->now.wall_s);
    (void)!getrandom(&seed, sizeof seed, 0);
    fetcher_begin(&server->fetcher, seed | 1);
    server->agenda = server->cache ? agenda_new(&agenda, server->cache, seed) : NULL;
    if (!server->agenda || !agenda_configure(server->agenda, server->config))
        return fail(server, "There is not enough memory.");
    recall(server);
    struct counters *counters = counters_new(server->config);
    if (!counters)
        return fail(server, "There is not enough memory.");
    showing_take(&server->showing, server->config, counters, server->now);
    return true;
}

static bool start(struct server *server)
{
    struct clients_hooks clients = {take_packet, client_gone, server};
    struct why why;

    raise_descriptors();
    server->epoll = epoll_create1(EPOLL_CLOEXEC);
    server->signals = catch_signals();
    clients_init(&server->clients, &clients, &server->door, server->epoll);
    if (server->epoll < 0 || server->signals < 0)
        return fail(server, "There are too few descriptors.");
    state_begin(&server->state, server->state_name);
    if (!door_open(&server->door, &server->state, &why))
        return fail(server, why.text);
    control_open(&server->control, &server->state, server->config);
    if (!make_parts(server))
        return false;
    publish_if_due(server, true);
    show_if_due(server, true);
    tell(server, NULL);
    look_at_sources(server);
    return (watch(server, server->signals, EVENT_SIGNAL) &&
            watch(server, server->door.socket, EVENT_DOOR) &&
            watch(server, heads_fd(server->heads), EVENT_HEADS) &&
            watch(server, heads_fd(server->checks), EVENT_CHECKS)) ||
           fail(server, "There is not enough memory.");
}

static void finish(struct server *server)
{
    if (server->showing.counters) {
        clients_hear_last(&server->clients);
        publish_if_due(server, true);
        show_if_due(server, true);
    }
    fetcher_end(&server->fetcher);
    presence_end(&server->presence);
    showing_end(&server->showing);
    clients_drop_all(&server->clients);
    heads_free(server->heads);
    heads_free(server->checks);
    agenda_free(server->agenda);
    cache_writer_close(server->cache);
    if (server->door.directory >= 0)
        door_close(&server->door);
    if (server->signals >= 0)
        close(server->signals);
    if (server->epoll >= 0)
        close(server->epoll);
    config_free(server->config);
    state_end(&server->state);
    free(server->state_name);
}

int serve(struct config *config, const struct serve_options *options)
{
    struct server *server = calloc(1, sizeof *server);

    if (!server) {
        config_free(config);
        return EXIT_FAILURE;
    }
    server->options = options;
    server->config = config;
    server->state_name = strdup(config->state);
    server->state.fd = -1;
    server->door = DOOR_CLOSED;
    presence_begin(&server->presence, PRESENCE_PROBER);
    server->now = server->alone_since = server->looked = instant_now();
    bool started = server->state_name && start(server);
    if (started)
        run(server);
    finish(server);
    bool fine = started && !server->failed;
    free(server);
    return fine ? EXIT_SUCCESS : EXIT_FAILURE;
}
