/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"
#include "cmd/audit/crew.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdlib.h>
#include "cmd/audit/gate.h"
#include "cmd/progress.h"

/* A repository that is being read. */
struct seat {
    struct inventory *inventories; /* one for each registry */
    size_t missing;                /* that have not been read yet; 0: the seat is free */
};

struct crew {
    const struct crew_task *task;
    struct gate *gates; /* one for each registry */
    pthread_mutex_t lock;
    pthread_cond_t moved;
    /* All that follows is under the lock. */
    struct seat seats[CREW_WINDOW]; /* of a repository: its number, modulo */
    size_t *next;                   /* repository, of each registry */
    size_t done;                    /* repositories before this one are done */
    size_t finished;                /* repositories */
    size_t working;                 /* threads */
    bool stop;
};

struct worker {
    struct crew *crew;
    size_t registry;
    struct registry_client *client;
    pthread_t thread;
    bool started;
};

/* ---- a thread's work ---- */

/* Waits for a repository to read. False: there is none any more. */
static bool next_repository(struct crew *crew, size_t registry, size_t *number)
{
    size_t *next = &crew->next[registry];

    while (!crew->stop && *next < crew->task->repository_count && *next >= crew->done + CREW_WINDOW)
        pthread_cond_wait(&crew->moved, &crew->lock);
    if (crew->stop || *next == crew->task->repository_count)
        return false;
    *number = (*next)++;
    return true;
}

/* Hands over a repository that has been read at all registries, and frees its seat. */
static void finish(struct crew *crew, size_t number)
{
    const struct crew_task *task = crew->task;
    struct seat *seat = &crew->seats[number % CREW_WINDOW];

    crew->stop |= interrupt_came(); /* what was read by half is not to be told */
    if (!crew->stop &&
        !task->take(task->context, slice_of(task->repositories[number]), seat->inventories))
        crew->stop = true;
    for (size_t i = 0; i < task->registries->count; i++)
        inventory_clear(&seat->inventories[i]);
    crew->finished++;
}

/* Frees the seats of the oldest repositories, as far as they are done. */
static void move_on(struct crew *crew)
{
    size_t most = crew->task->repository_count;

    while (crew->done < most && crew->seats[crew->done % CREW_WINDOW].missing == 0) {
        crew->seats[crew->done % CREW_WINDOW].missing = crew->task->registries->count;
        crew->done++;
    }
    pthread_cond_broadcast(&crew->moved);
}

static void *work(void *context)
{
    struct worker *worker = context;
    struct crew *crew = worker->crew;
    const struct inventory_reader reader = {
        .client = worker->client,
        .tags = crew->task->tags,
        .contents = crew->task->contents && worker->registry == 0,
    };
    size_t number;

    pthread_mutex_lock(&crew->lock);
    while (next_repository(crew, worker->registry, &number)) {
        struct inventory inventory;
        pthread_mutex_unlock(&crew->lock);
        inventory_read(&inventory, &reader, slice_of(crew->task->repositories[number]));
        pthread_mutex_lock(&crew->lock);
        struct seat *seat = &crew->seats[number % CREW_WINDOW];
        seat->inventories[worker->registry] = inventory;
        if (--seat->missing == 0) {
            finish(crew, number);
            move_on(crew);
        }
    }
    crew->working--;
    pthread_mutex_unlock(&crew->lock);
    return NULL;
}

/* ---- beginning and ending ---- */

static bool open_seats(struct crew *crew)
{
    size_t registries = crew->task->registries->count;

    crew->next = calloc(registries, sizeof *crew->next);
    crew->gates = calloc(registries, sizeof *crew->gates);
    for (size_t i = 0; i < CREW_WINDOW; i++) {
        crew->seats[i].inventories = calloc(registries, sizeof *crew->seats[i].inventories);
        crew->seats[i].missing = registries;
        if (!crew->seats[i].inventories)
            return false;
    }
    for (size_t i = 0; crew->gates && i < registries; i++)
        gate_init(&crew->gates[i]);
    return crew->next && crew->gates;
}

static void close_seats(struct crew *crew)
{
    size_t registries = crew->task->registries->count;

    for (size_t i = 0; i < CREW_WINDOW; i++) {
        for (size_t j = 0; crew->seats[i].inventories && j < registries; j++)
            inventory_clear(&crew->seats[i].inventories[j]);
        free(crew->seats[i].inventories);
    }
    for (size_t i = 0; crew->gates && i < registries; i++)
        gate_destroy(&crew->gates[i]);
    free(crew->gates);
    free(crew->next);
}

static bool start(struct worker *worker)
{
    const struct registries *registries = worker->crew->task->registries;
    const struct registry *registry = &registries->list[worker->registry];
    const struct registry_access access = {
        .url = registry->url,
        .prefix = registry->prefix,
        .hosts = registries->hosts,
        .host_count = registries->host_count,
        .pace = &worker->crew->gates[worker->registry].pace,
        .stopped = interrupt_came,
    };

    worker->client = registry_client_new(&access);
    if (worker->client)
        worker->started = pthread_create(&worker->thread, NULL, work, worker) == 0;
    return worker->started;
}

/* Starts the threads; one for each registry is enough. */
static bool start_all(struct crew *crew, struct worker *workers, size_t count)
{
    size_t registries = crew->task->registries->count;

    pthread_mutex_lock(&crew->lock);
    for (size_t i = 0; i < count && !crew->stop; i++) {
        workers[i].crew = crew;
        workers[i].registry = i % registries;
        if (start(&workers[i]))
            crew->working++;
        else
            crew->stop = i < registries;
    }
    bool good = !crew->stop;
    pthread_mutex_unlock(&crew->lock);
    return good;
}

static void tell(struct crew *crew, size_t finished)
{
    const struct crew_task *task = crew->task;
    size_t requests = 0;

    for (size_t i = 0; i < task->registries->count; i++)
        requests += atomic_load_explicit(&crew->gates[i].requests, memory_order_relaxed);
    task->progress(task->context, finished, requests);
}

/* Waits until all threads have ended, and tells meanwhile how far they are. */
static void watch(struct crew *crew)
{
    pthread_mutex_lock(&crew->lock);
    while (crew->working > 0 && !crew->stop) {
        size_t finished = crew->finished;
        pthread_mutex_unlock(&crew->lock);
        tell(crew, finished);
        interrupt_wait(0.1);
        pthread_mutex_lock(&crew->lock);
        crew->stop |= interrupt_came();
    }
    pthread_cond_broadcast(&crew->moved);
    pthread_mutex_unlock(&crew->lock);
}

bool crew_run(const struct crew_task *task, struct why *why)
{
    size_t registries = task->registries->count;
    size_t parallel = CREW_THREADS_MAX / registries;
    size_t count = registries * (task->parallel < parallel ? task->parallel : parallel);
    struct crew crew = {.task = task, .lock = PTHREAD_MUTEX_INITIALIZER};
    struct worker *workers = calloc(count, sizeof *workers);

    pthread_cond_init(&crew.moved, NULL);
    curl_global_init(CURL_GLOBAL_DEFAULT); /* before there are threads */
    bool good = workers && open_seats(&crew) && start_all(&crew, workers, count);
    if (!good)
        why_not(why, "There is not enough memory, or there are too many threads already.");
    watch(&crew);
    for (size_t i = 0; workers && i < count; i++) {
        if (workers[i].started)
            pthread_join(workers[i].thread, NULL);
        registry_client_free(workers[i].client);
    }
    if (crew.gates)
        tell(&crew, crew.finished);
    good = good && !crew.stop && crew.finished == task->repository_count;
    close_seats(&crew);
    free(workers);
    pthread_cond_destroy(&crew.moved);
    return good;
}
