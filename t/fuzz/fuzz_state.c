/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files of the state directory, of any bytes: the first byte chooses which (the prober's health
 * file, the operator's control file, what a process says of itself, what is said of the index's
 * sources, what was fetched of one), the second what is done with it.
 */
#include "config.h"
#include "config/configuration.h"
#include "folder.h"
#include "input.h"
#include "prober/publish.h"
#include "state/control.h"
#include "state/health.h"
#include "state/index_fetched.h"
#include "state/index_status.h"
#include "state/presence.h"
#include "unit/leaks.h"
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

enum { NOW_S = 1700000000 };

static const char layout[] =
    "name = \"registry.example.org\"; canonical = \"us\"; state = \"/nonexistent\"; upstreams = {"
    "eu = { url = \"https://eu.example.org\"; share = 0.5; };"
    "us = { url = \"https://us.example.org\"; }; };";

static struct config *config;

/* ---- the health file ---- */

static void check_health(const struct health *health, const struct target *target)
{
    const struct target_health *of = health_of(health, target);

    must(of->admit >= 0 && of->admit <= 1 && of->extra >= 0 && of->extra <= 1, "a part is one");
    must(of->state <= HEALTH_DOWN, "a state is one");
    must(memchr(of->failure, 0, sizeof of->failure), "a failure has an end");
    must(health_network_doubt(health) >= 0 && of->checked_s >= 0 && of->changed_s >= 0 &&
             of->failed_s >= 0,
         "a time is one");
    must(health_seen_share(of) <= 1, "what was seen of a share is a part");
}

static void on_counter(void *context, const char *name, uint64_t value)
{
    (void)context, (void)value;
    must(strlen(name) > 0 && strlen(name) < 32, "a counter has a name");
}

/* The next prober begins with it, and says the same. */
static void recall(const struct health *health, const struct state *state, struct instant now)
{
    struct remotes remotes = {.count = 0};
    struct publication publication = {.remotes = &remotes, .rules = &config->probing, .now = now};
    struct health *again = health_new(config->targets, config->target_count);
    struct why why;

    must(again && remotes_take(&remotes, config), "there is memory");
    remotes_recall(&remotes, health, &config->probing, now);
    for (size_t i = 0; i < remotes.count; i++)
        must(remotes.list[i]->monitor.next_ms <= now.steady_ms + config->probing.interval_ms,
             "each target is checked soon");
    must(publish(&publication, state, &why), "the next prober publishes");
    health_refresh(again, state->fd, now.wall_s);
    must(health_published(again) == now.wall_s, "which is read");
    for (size_t i = 0; i < config->target_count; i++) {
        const struct target_health *before = health_of(health, &config->targets[i]);
        const struct target_health *after = health_of(again, &config->targets[i]);
        check_health(again, &config->targets[i]);
        must(!before->known || before->checked_s + 60 < now.wall_s ||
                 before->checked_s > now.wall_s ||
                 (before->state == HEALTH_DOWN) == (after->state == HEALTH_DOWN),
             "who was down a moment ago is");
    }
    health_free(again);
    remotes_clear(&remotes);
}

static void read_health(struct input *input, struct folder *folder)
{
    struct health *health = health_new(config->targets, config->target_count);
    unsigned what = take_byte(input);
    struct instant now = {what & 2 ? 5000 : INT64_C(1) << 40, NOW_S};

    must(health, "there is memory");
    folder_put(folder, HEALTH_FILE, take_bytes(input, input->left));
    health_refresh(health, folder->fd, now.wall_s);
    for (size_t i = 0; i < config->target_count; i++)
        check_health(health, &config->targets[i]);
    health_counters(health, on_counter, NULL);
    must(health_published(health) >= 0 && health_published(health) <= now.wall_s,
         "what is from the future counts for nothing");
    if (what & 1)
        recall(health, &(struct state){.name = folder->name, .fd = folder->fd}, now);
    health_free(health);
}

/* ---- the control file ---- */

static enum control_news look(struct control *control, struct folder *folder)
{
    static struct state state;

    state = (struct state){.name = folder->name, .fd = folder->fd};
    enum control_news news = control_open(control, &state, config);
    for (size_t i = 0; i < config->target_count; i++) {
        struct part part = control_part(control, &config->targets[i], 1);
        must(part.share >= 0 && part.share <= 1, "a share is a part");
    }
    must((news == CONTROL_DAMAGED || news == CONTROL_STARVED) == (control->why.text[0] != 0),
         "it is said what is wrong");
    return news;
}

static void change(unsigned what, struct folder *folder, const struct control *before)
{
    struct control after;
    char mark[CONTROL_MARK_SIZE] = "";
    struct wish wish = before->wish[0];
    struct why why;
    bool done = true;

    if (what % 3 == 0) {
        wish.drained = what & 4;
        done = control_drain(folder->name, "eu", wish.drained, &why);
    } else if (what % 3 == 1) {
        wish.share = what & 4 ? (float)what / 255 : CONTROL_NO_SHARE;
        done = control_set_share(folder->name, "eu", wish.share, &why);
    } else {
        done = control_ask_reload(folder->name, mark, &why);
    }
    must(done, "a file that can be read can be changed");
    must(look(&after, folder) != CONTROL_DAMAGED, "and be read again");
    must(what % 3 != 2 || strcmp(after.reload, mark) == 0, "with the mark of the reload");
    must(after.wish[0].drained == wish.drained && !(after.wish[0].share < wish.share) &&
             !(after.wish[0].share > wish.share),
         "the change is in it");
    must(after.wish[1].drained == before->wish[1].drained &&
             !(after.wish[1].share < before->wish[1].share) &&
             !(after.wish[1].share > before->wish[1].share),
         "and nothing else has changed");
}

static void read_control(struct input *input, struct folder *folder)
{
    unsigned what = take_byte(input);
    struct control control;

    folder_put(folder, "control", take_bytes(input, input->left));
    enum control_news news = look(&control, folder);
    if (what & 128 && news != CONTROL_DAMAGED && news != CONTROL_STARVED)
        change(what, folder, &control);
}

/* ---- what a process says of itself ---- */

static void on_note(void *context, const struct presence_note *note)
{
    size_t *notes = context;

    ++*notes;
    must(presence_word(note->kind) && presence_standing_word(note->standing), "words are known");
    must(memchr(note->mark, 0, sizeof note->mark) && memchr(note->file, 0, sizeof note->file) &&
             memchr(note->reason.text, 0, sizeof note->reason.text),
         "texts have an end");
}

static void read_presence(struct input *input, struct folder *folder)
{
    bool is_alive = take_byte(input) & 1;
    size_t notes = 0;
    int fd = folder_put(folder, "processes/one", take_bytes(input, input->left));

    if (is_alive)
        must(flock(fd, LOCK_EX) == 0, "a file can be locked");
    presence_list(folder->fd, on_note, &notes);
    must(notes <= is_alive, "who is dead is not told of");
    must(is_alive == (faccessat(folder->fd, "processes/one", F_OK, 0) == 0),
         "files of the dead are removed");
    flock(fd, LOCK_UN);
}

/* ---- the index's sources ---- */

#define SOURCE     INDEX_FOLDER "/0123456789abcdef" /* the folder of one */
#define DIGEST_HEX "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

/* What was read is written, and reads the same. */
static void read_status(struct input *input, struct folder *folder)
{
    static struct index_source_status a, b;
    int at = openat(folder->fd, SOURCE, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    folder_put(folder, SOURCE "/" INDEX_STATUS, take_bytes(input, input->left));
    if (index_status_read_source(&a, at)) {
        must(index_status_write(&a, at), "the status can be written");
        must(index_status_read_source(&b, at), "and be read again");
        must(strcmp(a.id, b.id) == 0 && a.serial == b.serial && a.time_s == b.time_s &&
                 a.lines == b.lines && a.fetched_s == b.fetched_s && a.asked_s == b.asked_s &&
                 a.refused == b.refused && strcmp(a.reason.text, b.reason.text) == 0,
             "as the same");
    }
    close(at);
}

static void on_line(void *context, const char *line)
{
    (void)context;
    must(line[0], "a sentence is one");
}

/* A file, and a list that names it or is of any bytes. */
static void read_fetched(struct input *input, struct folder *folder)
{
    static const struct index_source source = {.id = "0123456789abcdef"};
    static const struct slice digest = SLICE("sha256:" DIGEST_HEX), name = SLICE("team/app");
    bool is_named = take_byte(input) & 1;
    struct slice file = take_bytes(input, take_byte(input));
    char list[256];
    struct slice text = take_bytes(input, input->left);
    struct index_fetched *fetched =
        index_fetched_new(&source, SLICE("registry.example.org"), on_line, NULL);

    must(fetched, "there is memory");
    if (is_named)
        text = (struct slice){list,
                              (size_t)snprintf(list, sizeof list,
                                               "# signpost-index 1 registry=registry.example.org "
                                               "serial=1 time=2026-11-28T21:30:00Z\n"
                                               "sha256:" DIGEST_HEX " %zu one\n",
                                               file.len)};
    folder_put(folder, SOURCE "/sha256-" DIGEST_HEX, file);
    folder_clear(folder);
    folder_put(folder, SOURCE "/" INDEX_FETCHED_LIST, text);
    index_fetched_look(fetched, folder->fd);
    if (index_fetched_has(fetched, folder->fd, digest, name))
        must(memmem(file.at, file.len, digest.at, digest.len), "what is found is in the file");
    index_fetched_free(fetched);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct folder folder;
    struct input input = {data, size < 65536 ? size : 65536};
    struct problems problems = {0};

    if (!config) {
        config = config_parse(layout, &problems);
        must(config, "a configuration of the target's own is taken");
        folder_make(&folder);
        must(mkdirat(folder.fd, "processes", 0700) == 0 &&
                 mkdirat(folder.fd, INDEX_FOLDER, 0700) == 0 &&
                 mkdirat(folder.fd, SOURCE, 0700) == 0,
             "folders can be made");
    }
    switch (take_byte(&input) % 5) {
    case 0:
        read_health(&input, &folder);
        break;
    case 1:
        read_control(&input, &folder);
        break;
    case 2:
        read_presence(&input, &folder);
        break;
    case 3:
        read_status(&input, &folder);
        break;
    default:
        read_fetched(&input, &folder);
    }
    folder_clear(&folder);
    return 0;
}
