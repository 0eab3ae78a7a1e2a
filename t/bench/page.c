/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the status page costs the prober: when it starts, when clients go elsewhere, and
 * each time the page is written. Not a test.
 *
 *     t/bench/page etc/registry.k8s.io.conf
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include "status/atlas.h"
#include "status/public.h"

enum { ROUNDS = 15 };

static double now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void fill(struct status *status, const struct config *config)
{
    struct counters *counters = counters_new(config);

    *status = (struct status){.version = "0",
                              .config = config,
                              .now_s = 1700000000,
                              .started_s = 1700000000,
                              .target_count = config->target_count,
                              .counters = counters};
    for (size_t i = 0; i < config->target_count; i++)
        status->target[i] =
            (struct status_target){.target = &config->targets[i],
                                   .health = {.known = true, .state = HEALTH_UP, .admit = 1},
                                   .share = 1,
                                   .takes = 1,
                                   .counted = &counters->target[i]};
}

/* The best of some rounds: the machine is noisy, and noise only adds. */
static void tell(const char *what, double (*measure)(struct status *, struct atlas *),
                 struct status *status, struct atlas *atlas)
{
    double best = 1e9;

    for (int i = 0; i < ROUNDS; i++) {
        double took = measure(status, atlas);
        best = took < best ? took : best;
    }
    printf("%-42s %7.2f ms\n", what, best);
}

static double lay_out(struct status *status, struct atlas *atlas)
{
    double start = now_ms();

    (void)atlas;
    atlas_free(atlas_new(status->config));
    return now_ms() - start;
}

static double draw(struct status *status, struct atlas *atlas)
{
    status->target[0].drained = !status->target[0].drained;
    status->target[0].takes = 1 - status->target[0].takes;
    double start = now_ms();
    atlas_refresh(atlas, status);
    return now_ms() - start;
}

/* A client in four goes to the first target: then some clients are asked for in each place. */
static double draw_share(struct status *status, struct atlas *atlas)
{
    status->target[0].drained = false;
    status->target[0].share = status->target[0].takes = status->target[0].takes > 0.3 ? 0.25 : 0.5;
    double start = now_ms();
    atlas_refresh(atlas, status);
    return now_ms() - start;
}

static double write_page(struct status *status, struct atlas *atlas)
{
    FILE *out = tmpfile();
    double start = now_ms();

    if (!out)
        exit(1);
    status->atlas = atlas;
    status_write_page(status, out);
    fflush(out);
    double took = now_ms() - start;
    static bool told;
    if (!told)
        printf("%-42s %7ld bytes\n", "the page", ftell(out));
    told = true;
    fclose(out);
    return took;
}

int main(int argc, char **argv)
{
    struct problems problems = {0};
    struct config *config = argc == 2 ? config_load(argv[1], &problems) : NULL;
    static struct status status;

    problems_clear(&problems);
    if (!config) {
        fprintf(stderr, "Usage: page CONFIGURATION\n");
        return 2;
    }
    fill(&status, config);
    struct atlas *atlas = atlas_new(config);
    if (!atlas)
        return 1;
    atlas_refresh(atlas, &status);
    tell("finding room, once a configuration", lay_out, &status, atlas);
    tell("the maps, when clients go elsewhere", draw, &status, atlas);
    tell("the same, while a target takes a share", draw_share, &status, atlas);
    tell("writing the page, when anything is new", write_page, &status, atlas);
    atlas_free(atlas);
    config_free(config);
    return 0;
}
