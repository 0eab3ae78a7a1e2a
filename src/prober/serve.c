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
#include <sys/socket.h>
#include <unistd.h>
#include "control.h"
#include "prober/agenda.h"
#include "prober/door.h"
#include "prober/head.h"
#include "prober/publish.h"
#include "prober/showing.h"

enum {
    CLIENTS_MAX = 512,
    PACKETS_AT_ONCE = 64, /* of one client, before others have their turn */
    LAST_PACKETS = 1024,  /* of one client, when the prober ends */
    TICK_MS = 250,        /* while there is something to look after */
    IDLE_TICK_MS = 1000,
    FIRST_CLIENT_MS = 10000, /* how long the first one is waited for */
    PUBLISH_MS = 1000,
    COMMIT_DELAY_MS = 20, /* so that findings gather */
    COMMIT_MS = 100,      /* from one commit to the next, */
    COMMIT_SHARE = 20,    /* … and so many times as long as one takes */
    DESCRIPTORS = 4096,
    EVENTS = 64
};

enum event_kind { EVENT_DOOR = CLIENTS_MAX, EVENT_SIGNAL, EVENT_HEADS };

struct peer {
    int fd; /* -1: free */
    uint32_t generation;
};

struct server {
    const struct serve_options *options;
    struct config *config;
    char *state; /* the directory, which a reload does not change */
    struct door door;
    struct control control;
    struct cache_writer *cache;
    struct heads *heads;
    struct agenda *agenda;
    struct showing showing;
    int epoll, signals;
    struct peer clients[CLIENTS_MAX];
    size_t client_count;
    uint64_t refused, dropped;
    struct instant now, alone_since, looked;
    int64_t commit_ms, publish_ms, heard_ms; /* not before; when last published */
    uint64_t mark;
    bool committing, publish_failed, had_client, stop;
};

static void say(void *context, const char *sentence)
{
    const struct server *server = context;

    server->options->say(sentence);
}

/* ---- clients ---- */

static bool watch(const struct server *server, int fd, uint32_t what)
{
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = what};

    return epoll_ctl(server->epoll, EPOLL_CTL_ADD, fd, &event) == 0;
}

static uint64_t name_of(const struct server *server, size_t slot)
{
    return (uint64_t)server->clients[slot].generation << 32 | slot;
}

static void drop_client(struct server *server, size_t slot)
{
    struct peer *client = &server->clients[slot];

    agenda_forget_client(server->agenda, name_of(server, slot));
    close(client->fd);
    client->fd = -1;
    client->generation++;
    if (--server->client_count == 0)
        server->alone_since = server->now;
}

static size_t free_slot(const struct server *server)
{
    size_t slot = 0;

    while (slot < CLIENTS_MAX && server->clients[slot].fd >= 0)
        slot++;
    return slot;
}

static void accept_clients(struct server *server)
{
    for (int i = 0; i < PACKETS_AT_ONCE; i++) {
        bool refused;
        int fd = door_accept(&server->door, &refused);
        server->refused += refused;
        if (fd < 0 && !refused)
            return;
        if (fd < 0)
            continue;
        size_t slot = free_slot(server);
        if (slot == CLIENTS_MAX || !watch(server, fd, (uint32_t)slot)) {
            close(fd);
            server->refused++;
            continue;
        }
        server->clients[slot].fd = fd;
        server->client_count++;
        server->had_client = true;
    }
}

/* False: it is malformed. */
static bool take_packet(struct server *server, size_t slot, const union ask_packet *packet,
                        size_t len)
{
    if (len > sizeof *packet)
        return false;
    if (ask_is_report(packet, len))
        return ask_read_report(&packet->report, len, server->showing.counters);
    return agenda_hear(server->agenda, name_of(server, slot), &packet->question, len, server->now);
}

static void hear_client(struct server *server, size_t slot)
{
    union ask_packet packet;
    struct peer *client = &server->clients[slot];

    for (int i = 0; i < PACKETS_AT_ONCE && client->fd >= 0; i++) {
        ssize_t len = recv(client->fd, &packet, sizeof packet, MSG_DONTWAIT | MSG_TRUNC);
        if (len < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        if (len <= 0 || !take_packet(server, slot, &packet, (size_t)len))
            drop_client(server, slot);
    }
}

/* Before the prober ends: nothing of what was reported is to be lost. */
static void take_last_reports(struct server *server, int fd)
{
    union ask_packet packet;
    ssize_t len;

    for (int i = 0; i < LAST_PACKETS; i++) {
        len = recv(fd, &packet, sizeof packet, MSG_DONTWAIT | MSG_TRUNC);
        if (len <= 0)
            return;
        if ((size_t)len <= sizeof packet && ask_is_report(&packet, (size_t)len))
            ask_read_report(&packet.report, (size_t)len, server->showing.counters);
    }
}

static void answer(void *context, uint64_t name, const struct ask_answer *answer)
{
    struct server *server = context;
    size_t slot = name & UINT32_MAX;

    if (name_of(server, slot) != name || server->clients[slot].fd < 0)
        return;
    if (send(server->clients[slot].fd, answer, sizeof *answer, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
        server->dropped++;
}

/* ---- requests ---- */

static bool begin(void *context, const struct errand *errand)
{
    struct server *server = context;

    return heads_begin(server->heads, errand);
}

static void done(void *context, struct job *job, const struct probe_result *result)
{
    struct server *server = context;

    agenda_done(server->agenda, job, result, server->now);
}

static bool may_follow(void *context, const char *from, const char *to)
{
    const struct server *server = context;

    return probe_may_follow(server->config, from, to);
}

/* ---- what is done from time to time ---- */

static void reload(struct server *server)
{
    struct config *config = server->options->load(server->options->file);
    struct counters *counters = config ? counters_new(config) : NULL;

    if (!counters || !agenda_configure(server->agenda, config)) {
        counters_free(counters);
        config_free(config);
        say(server, "The new configuration is refused; the prober goes on with the old one.");
        return;
    }
    showing_take(&server->showing, config, counters, server->now);
    heads_configure(server->heads, &config->probing);
    if (strcmp(config->state, server->state) != 0)
        say(server, "The state directory is another one now: the prober stays with the old one "
                    "until it is started again.");
    config_free(server->config);
    server->config = config;
    control_open(&server->control, server->state, config);
    server->mark = 0;
    say(server, "The configuration has been read again.");
}

static void commit(struct server *server)
{
    int64_t began = instant_now().steady_ms;

    cache_writer_commit(server->cache, server->now.wall_s);
    int64_t took = instant_now().steady_ms - began;
    int64_t pause = took * COMMIT_SHARE > COMMIT_MS ? took * COMMIT_SHARE : COMMIT_MS;
    server->commit_ms = began + took + pause;
    server->committing = false;
}

/* A commit is due a moment after the first finding, but not too soon after the last one. */
static void plan_commit(struct server *server)
{
    if (server->committing || cache_writer_waiting(server->cache) == 0)
        return;
    server->committing = true;
    if (server->commit_ms < server->now.steady_ms + COMMIT_DELAY_MS)
        server->commit_ms = server->now.steady_ms + COMMIT_DELAY_MS;
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
        {"overflow", c->overflow},
        {"strangers", c->strangers},
        {"checks", c->checks},
        {"proofs", c->proofs},
        {"redirected_away", c->redirected_away},
        {"other_objects", c->other_objects},
        {"clients", server->client_count},
        {"clients_refused", server->refused},
        {"answers_dropped", server->dropped},
        {"cache_present", cache.present},
        {"cache_absent", cache.absent},
        {"cache_pages", cache.pages},
        {"cache_page_limit", cache.page_limit},
        {"cache_evicted", cache.evicted},
        {"cache_lost", cache.lost},
        {"cache_commits", cache.commits},
        {"cache_rebuilt", cache.rebuilt},
    };

    memcpy(line, all, sizeof all);
    return sizeof all / sizeof *all;
}

static void publish_now(struct server *server, const struct publication *what, uint64_t mark)
{
    struct why why;

    server->mark = mark;
    server->publish_ms = server->now.steady_ms;
    if (publish(what, server->door.directory, &why)) {
        server->publish_failed = false;
        return;
    }
    if (!server->publish_failed)
        say(server, why.text);
    server->publish_failed = true;
}

/* At most once a second when there is news, else once an interval: its age tells. */
static void publish_if_due(struct server *server, bool at_once)
{
    struct counter_line lines[64];
    struct publication what = {.remotes = agenda_remotes(server->agenda),
                               .rules = &server->config->probing,
                               .counters = lines,
                               .now = server->now};
    int64_t age = server->now.steady_ms - server->publish_ms;

    if (!at_once && age < PUBLISH_MS)
        return;
    remotes_measure(agenda_remotes(server->agenda), server->showing.counters, &server->control,
                    server->now);
    uint64_t mark = publish_mark(&what);
    if (!at_once && mark == server->mark && age < server->config->probing.interval_ms)
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

    if (!at_once && !showing_is_due(&server->showing, server->now))
        return;
    view.line_count = list_counters(server, lines);
    if (!showing_write(&server->showing, &view, server->door.directory, &why))
        say(server, why.text);
}

static bool is_lonely(const struct server *server)
{
    int64_t patience = server->options->linger_ms;

    if (!server->had_client && patience < FIRST_CLIENT_MS)
        patience = FIRST_CLIENT_MS;
    return !server->options->stay && server->client_count == 0 &&
           server->now.steady_ms - server->alone_since.steady_ms >= patience;
}

static void look_around(struct server *server)
{
    if (server->now.steady_ms - server->looked.steady_ms >= PUBLISH_MS) {
        server->looked = server->now;
        if (control_refresh(&server->control) == CONTROL_RELOAD)
            reload(server);
        if (!server->committing)
            cache_writer_commit(server->cache, server->now.wall_s); /* is the file still there? */
    }
    agenda_check(server->agenda, server->now);
    plan_commit(server);
    if (server->committing && server->now.steady_ms >= server->commit_ms)
        commit(server);
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

static int wait_ms(const struct server *server)
{
    int most = server->client_count || agenda_jobs(server->agenda) ? TICK_MS : IDLE_TICK_MS;
    int heads = heads_wait_ms(server->heads, server->now.steady_ms);

    if (server->committing && server->commit_ms - server->now.steady_ms < most)
        most = server->commit_ms <= server->now.steady_ms
                   ? 0
                   : (int)(server->commit_ms - server->now.steady_ms);
    return heads >= 0 && heads < most ? heads : most;
}

static void handle(struct server *server, uint32_t what)
{
    if (what == EVENT_DOOR)
        accept_clients(server);
    else if (what == EVENT_SIGNAL)
        take_signal(server);
    else if (what < CLIENTS_MAX)
        hear_client(server, what);
}

static void run(struct server *server)
{
    struct epoll_event events[EVENTS];

    while (!server->stop) {
        int count = epoll_wait(server->epoll, events, EVENTS, wait_ms(server));
        server->now = instant_now();
        for (int i = 0; i < count; i++)
            handle(server, events[i].data.u32);
        heads_work(server->heads, server->now.steady_ms);
        look_around(server);
    }
}

/* ---- start and end ---- */

static bool fail(const struct server *server, const char *sentence)
{
    server->options->say(sentence);
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

/* A closed connection is told by send and recv; children, there are none. */
static int catch_signals(void)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    return signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
}

static void recall(struct server *server)
{
    struct health *health = health_new(server->config->targets, server->config->target_count);

    health_refresh(health, server->state, server->now.wall_s);
    if (health)
        remotes_recall(agenda_remotes(server->agenda), health, server->now);
    health_free(health);
}

static bool make_parts(struct server *server)
{
    struct heads_hooks heads = {done, may_follow, server};
    struct agenda_hooks agenda = {begin, answer, say, server};
    struct cache_writer_options cache = {.state_directory = server->state,
                                         .map_size = server->config->probing.cache_size,
                                         .for_group = server->door.for_group,
                                         .log = say,
                                         .log_context = server};
    uint64_t seed = 1;
    struct why why;

    server->heads = heads_new(&heads, &server->config->probing, &why);
    if (!server->heads)
        return fail(server, why.text);
    server->cache = cache_writer_open(&cache, server->now.wall_s);
    (void)!getrandom(&seed, sizeof seed, 0);
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
    struct why why;

    raise_descriptors();
    server->epoll = epoll_create1(EPOLL_CLOEXEC);
    server->signals = catch_signals();
    if (server->epoll < 0 || server->signals < 0)
        return fail(server, "There are too few descriptors.");
    if (!door_open(&server->door, server->state, &why))
        return fail(server, why.text);
    control_open(&server->control, server->state, server->config);
    if (!make_parts(server))
        return false;
    publish_if_due(server, true);
    show_if_due(server, true);
    return (watch(server, server->signals, EVENT_SIGNAL) &&
            watch(server, server->door.socket, EVENT_DOOR) &&
            watch(server, heads_fd(server->heads), EVENT_HEADS)) ||
           fail(server, "There is not enough memory.");
}

static void finish(struct server *server)
{
    for (size_t slot = 0; server->showing.counters && slot < CLIENTS_MAX; slot++)
        if (server->clients[slot].fd >= 0)
            take_last_reports(server, server->clients[slot].fd);
    if (server->showing.counters) {
        publish_if_due(server, true);
        show_if_due(server, true);
    }
    showing_end(&server->showing);
    for (size_t slot = 0; slot < CLIENTS_MAX; slot++)
        if (server->clients[slot].fd >= 0)
            drop_client(server, slot);
    heads_free(server->heads);
    agenda_free(server->agenda);
    cache_writer_close(server->cache, server->now.wall_s);
    if (server->door.directory >= 0)
        door_close(&server->door);
    if (server->signals >= 0)
        close(server->signals);
    if (server->epoll >= 0)
        close(server->epoll);
    config_free(server->config);
    free(server->state);
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
    server->state = strdup(config->state);
    server->door = (struct door){-1, -1, -1, false, 0};
    server->now = server->alone_since = server->looked = instant_now();
    for (size_t slot = 0; slot < CLIENTS_MAX; slot++)
        server->clients[slot].fd = -1;
    bool started = server->state && start(server);
    if (started)
        run(server);
    finish(server);
    free(server);
    return started ? EXIT_SUCCESS : EXIT_FAILURE;
}
