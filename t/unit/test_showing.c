/* SPDX-License-Identifier: Apache-2.0 */
/* When the public files are written, and that they tell what the prober knows. */
#include "config.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "asking.h"
#include "prober/showing.h"
#include "tap.h"

enum { WALL_S = 1700000000 };

static char folder[] = "/tmp/signpost-showing-XXXXXX", page[1 << 20];

static const char *const files[] = {"index.html", "live.html", "metrics.prom", "status.json"};

static struct instant at(int64_t ms)
{
    return (struct instant){1000000 + ms, WALL_S + ms / 1000};
}

/* The prober's side, of two upstreams. */
struct scene {
    struct config *config;
    struct remotes remotes;
    struct state state;
    struct control control;
    struct showing showing;
};

static const char *path_of(const char *name)
{
    static char path[128];

    snprintf(path, sizeof path, "%s/public/%s", folder, name);
    return path;
}

/* Looks and writes as the prober does; whether the page was written. */
static bool writes(struct scene *scene, int64_t ms)
{
    const struct showing_view view = {
        .remotes = &scene->remotes, .control = &scene->control, .now = at(ms)};
    struct stat before = {0}, after = {0};
    struct why why;

    stat(path_of("index.html"), &before);
    if (showing_is_due(&scene->showing, view.now))
        ok(showing_write(&scene->showing, &view, &scene->state, &why), "  no failure");
    stat(path_of("index.html"), &after);
    return before.st_ino != after.st_ino;
}

static const char *text_of(const char *name)
{
    FILE *file = fopen(path_of(name), "r");
    size_t len = file ? fread(page, 1, sizeof page - 1, file) : 0;

    page[len] = '\0';
    if (file)
        fclose(file);
    return page;
}

static void open_scene(struct scene *scene)
{
    scene->config =
        config_of("name = \"r.example.org\"; canonical = \"us\"; upstreams = {"
                  "  eu = { url = \"https://eu\"; place = \"FR\"; };"
                  "  us = { url = \"https://us\"; place = \"US\"; accept_extra = \"50/s\"; }; };");
    scene->state = (struct state){.name = folder, .fd = open(folder, O_RDONLY | O_DIRECTORY)};
    remotes_take(&scene->remotes, scene->config);
    for (size_t i = 0; i < scene->remotes.count; i++) {
        scene->remotes.list[i]->monitor.is_checked = true;
        scene->remotes.list[i]->monitor.checked_ms = INT64_MAX / 2; /* it stays known */
    }
    state_begin(&scene->state, folder);
    control_open(&scene->control, &scene->state, scene->config);
    showing_take(&scene->showing, scene->config, counters_new(scene->config), at(0));
}

static void check_times(struct scene *scene)
{
    ok(writes(scene, 0), "at the start");
    ok(!writes(scene, 2500), "not without news");
    scene->showing.counters->changes++;
    ok(writes(scene, 3000), "with news");
    scene->showing.counters->changes++;
    ok(!writes(scene, 4999), "not twice within two seconds");
    ok(writes(scene, 5000), "but then");
    ok(!writes(scene, 64999), "for a minute nothing is new");
    ok(writes(scene, 65000), "then it is written, so that one can tell");
    like(text_of("index.html"), "datetime=\"2023-11-14T22:14:25Z\"", "when that was");
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        struct stat status = {0};
#ifndef HAVE_JANSSON
        if (strstr(files[i], "json"))
            continue;
#endif
        ok(stat(path_of(files[i]), &status) == 0 && (status.st_mode & 07777) == 0644,
           "%s is there, for everybody to read", files[i]);
    }
}

static void check_page(struct scene *scene)
{
    struct remote *eu = scene->remotes.list[0];

    text_of("index.html");
    like(page, "All 2 targets are up", "all is well");
    like(page, "France: images from eu", "and France goes to eu");
    eu->monitor.is_down = true;
    eu->monitor.failed_s = WALL_S + 60;
    strcpy(eu->monitor.failure, "<no answer>");
    ok(writes(scene, 70000), "a target goes down");
    text_of("index.html");
    like(page, "1 target is down", "which is told");
    like(page,
         "&lt;no answer&gt;</span> <span class=\"aside\">at <time "
         "datetime=\"2023-11-14T22:14:20Z\">",
         "with what was wrong, and when");
    like(page, "France: images from us",
         "France goes to us, which accepts a rate of others' requests");
    eu->proof.state = PROOF_BAD;
    eu->proof.failed_s = WALL_S + 65;
    strcpy(eu->proof.failure, "damaged");
    ok(writes(scene, 75000), "it fails its proof");
    like(text_of("index.html"),
         "damaged</span> <span class=\"aside\">at <time "
         "datetime=\"2023-11-14T22:14:25Z\">",
         "which has a time of its own");
}

static void check_failure(struct scene *scene)
{
    const struct showing_view view = {
        .remotes = &scene->remotes, .control = &scene->control, .now = at(80000)};
    struct why why = {""};

    close(scene->state.fd);
    scene->state.fd = open("/dev/null", O_RDONLY);
    scene->showing.counters->changes++;
    struct counters *counters = scene->showing.counters;
    counters_add(counters, &(struct count){.target = 1, .n = 1});
    ok(!showing_write(&scene->showing, &view, &scene->state, &why), "where nothing can be written");
    cmp_ok(counters->owner[counters->place_count - 1].turns, ==, 1,
           "a target that no configuration has told is settled with each look");
    like(why.text, "/public/ cannot be written: Not a directory.", "that is said");
    ok(showing_write(&scene->showing, &view, &scene->state, &why), "once");
    like(text_of("index.html"), "damaged", "and the old page is left");
}

int main(void)
{
    struct scene scene = {0};

    if (!mkdtemp(folder))
        return 1;
    open_scene(&scene);
    check_times(&scene);
    check_page(&scene);
    check_failure(&scene);
    showing_end(&scene.showing);
    remotes_clear(&scene.remotes);
    config_free(scene.config);
    close(scene.state.fd);
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        unlink(path_of(files[i]));
    rmdir(path_of(""));
    rmdir(folder);
    return done_testing();
}
