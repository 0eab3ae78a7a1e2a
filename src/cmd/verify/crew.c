/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"
#include "cmd/verify/crew.h"

#include <pthread.h>
#include <stdlib.h>
#include "cmd/progress.h"

enum { WINDOW_PER_JOB = 8 }; /* how far the fastest thread may be ahead of what was handed over */

struct work {
    const struct verify_crew *crew;
    pthread_mutex_t lock;
    pthread_cond_t moved;
    /* All that follows is under the lock. */
    json_t **findings; /* of all inspections; NULL: not yet, or handed over */
    size_t next;       /* to be made */
    size_t done;       /* handed over */
    bool stop;
};

static void *make(void *context)
{
    struct work *work = context;
    const struct verify_crew *crew = work->crew;

    pthread_mutex_lock(&work->lock);
    while (!work->stop && work->next < crew->count) {
        if (work->next >= work->done + crew->jobs * WINDOW_PER_JOB) {
            pthread_cond_wait(&work->moved, &work->lock);
            continue;
        }
        size_t number = work->next++;
        pthread_mutex_unlock(&work->lock);
        json_t *findings = crew->inspect(crew->context, number);
        pthread_mutex_lock(&work->lock);
        work->findings[number] = findings;
        work->stop |= !findings;
    }
    pthread_mutex_unlock(&work->lock);
    return NULL;
}

/* Hands over what there is in order; it is called, and returns, with the lock. */
static void hand_over(struct work *work)
{
    const struct verify_crew *crew = work->crew;

    while (work->done < crew->count && work->findings[work->done]) {
        size_t number = work->done++;
        pthread_mutex_unlock(&work->lock);
        crew->take(crew->context, number, work->findings[number]);
        pthread_mutex_lock(&work->lock);
    }
    pthread_cond_broadcast(&work->moved);
}

static void watch(struct work *work)
{
    const struct verify_crew *crew = work->crew;

    pthread_mutex_lock(&work->lock);
    while (!work->stop && work->done < crew->count) {
        pthread_mutex_unlock(&work->lock);
        crew->progress(crew->context, work->done);
        interrupt_wait(0.05);
        pthread_mutex_lock(&work->lock);
        work->stop |= interrupt_came();
        hand_over(work);
    }
    pthread_cond_broadcast(&work->moved);
    pthread_mutex_unlock(&work->lock);
}

bool verify_crew_run(const struct verify_crew *crew)
{
    struct work work = {.crew = crew, .lock = PTHREAD_MUTEX_INITIALIZER};
    pthread_t threads[VERIFY_JOBS_MAX];
    unsigned started = 0;

    pthread_cond_init(&work.moved, NULL);
    work.findings = calloc(crew->count, sizeof *work.findings);
    while (work.findings && started < crew->jobs && started < crew->count &&
           pthread_create(&threads[started], NULL, make, &work) == 0)
        started++;
    if (started)
        watch(&work);
    for (unsigned i = 0; i < started; i++)
        pthread_join(threads[i], NULL);
    pthread_mutex_lock(&work.lock);
    if (started)
        hand_over(&work); /* what ended after the interruption */
    pthread_mutex_unlock(&work.lock);
    bool all = work.done == crew->count;
    for (size_t i = work.done; work.findings && i < crew->count; i++)
        json_decref(work.findings[i]); /* later than one that was interrupted */
    free(work.findings);
    pthread_cond_destroy(&work.moved);
    return all;
}
