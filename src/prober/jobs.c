/* SPDX-License-Identifier: Apache-2.0 */
/* The requests under way, found by what they look for. */
#include "prober/agenda_parts.h"

#include <stdlib.h>
#include <string.h>

/* The first link of the list that a job with this key is in. */
static struct job **list_of(struct agenda *agenda, const struct cache_key *key)
{
    return &agenda->table[((size_t)key->bytes[1] << 8 | key->bytes[2]) % JOB_LISTS];
}

struct job *jobs_find(struct agenda *agenda, const struct cache_key *key)
{
    struct job *job = *list_of(agenda, key);

    while (job && (job->is_check || job->is_proof || memcmp(&job->key, key, sizeof *key) != 0))
        job = job->next;
    return job;
}

void jobs_end(struct agenda *agenda, struct job *job)
{
    struct job **link = list_of(agenda, &job->key);

    while (*link != job)
        link = &(*link)->next;
    *link = job->next;
    agenda->job_count--;
    remote_let_go(job->remote);
    free(job);
}

struct object jobs_object(const struct job *job)
{
    return (struct object){.endpoint = (enum endpoint)job->endpoint,
                           .name = {job->text, job->name_len},
                           .digest = {job->text + job->name_len, job->digest_len}};
}

static struct job *new_job(struct agenda *agenda, struct remote *remote,
                           const struct cache_key *key)
{
    struct job *job = calloc(1, sizeof *job);

    if (!job)
        return NULL;
    job->key = *key;
    job->remote = remote_hold(remote);
    job->kind = remote->target->kind;
    struct job **list = list_of(agenda, key);
    job->next = *list;
    *list = job;
    agenda->job_count++;
    return job;
}

static bool begin(struct agenda *agenda, struct job *job, bool has_url)
{
    struct object object = jobs_object(job);
    struct errand errand = {.job = job,
                            .url = job->url,
                            .is_check = job->is_check,
                            .body = job->is_proof ? job->remote->proof.body : NULL,
                            .is_manifest = object.endpoint == ENDPOINT_MANIFESTS,
                            .digest = object.digest};

    if (has_url && agenda->hooks.begin(agenda->hooks.context, &errand))
        return true;
    jobs_end(agenda, job);
    return false;
}

/* Begins a job for an object. */
static bool begin_object(struct agenda *agenda, struct job *job, const struct object *object)
{
    struct text url = {.at = job->url, .size = sizeof job->url};

    job->endpoint = (uint8_t)object->endpoint;
    job->name_len = (uint16_t)object->name.len;
    job->digest_len = (uint16_t)object->digest.len;
    memcpy(job->text, object->name.at, object->name.len);
    memcpy(job->text + object->name.len, object->digest.at, object->digest.len);
    return begin(agenda, job, probe_object_url(&url, job->remote->target, object));
}

struct job *jobs_begin_probe(struct agenda *agenda, struct remote *remote,
                             const struct object *object, const struct cache_key *key)
{
    struct job *job = agenda->job_count < JOBS_MAX ? new_job(agenda, remote, key) : NULL;

    if (!job)
        return NULL;
    if (!begin_object(agenda, job, object))
        return NULL;
    agenda->counters.probes++;
    remote->counters.probes++;
    return job;
}

void jobs_begin_check(struct agenda *agenda, struct remote *remote)
{
    struct cache_key key = {{0}};
    struct job *job = new_job(agenda, remote, &key);

    if (!job)
        return;
    job->is_check = true;
    struct text url = {.at = job->url, .size = sizeof job->url};
    bool has_url = probe_check_url(&url, remote->target, &agenda->config->probing);
    remote->checking = begin(agenda, job, has_url);
    agenda->counters.checks += remote->checking;
    remote->counters.checks += remote->checking;
}

bool jobs_begin_proof(struct agenda *agenda, struct remote *remote)
{
    const struct pin *pin = &remote->target->check_object;
    struct object object = {.endpoint = pin->is_manifest ? ENDPOINT_MANIFESTS : ENDPOINT_BLOBS,
                            .name = pin->name,
                            .digest = pin->digest};
    struct cache_key key = {{0}};
    struct job *job = new_job(agenda, remote, &key);

    if (!job)
        return false;
    job->is_proof = true;
    return begin_object(agenda, job, &object);
}
