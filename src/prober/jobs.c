/* SPDX-License-Identifier: Apache-2.0 */
/* The requests under way, found by what they look for. */
#include "prober/agenda_parts.h"

#include <stdlib.h>
#include <string.h>

enum { NO_KEY = 0 };

/* The first link of the list that a job with this key is in. */
static struct job **list_of(struct agenda *agenda, uint64_t key)
{
    return &agenda->table[key % JOB_LISTS];
}

struct job *jobs_find(struct agenda *agenda, uint64_t key)
{
    struct job *job = *list_of(agenda, key);

    while (job && (job->kind != JOB_PROBE || job->key != key || job->is_void))
        job = job->next;
    return job;
}

void jobs_end(struct agenda *agenda, struct job *job)
{
    struct job **link = list_of(agenda, job->key);

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

static struct job *new_job(struct agenda *agenda, struct remote *remote, enum job_kind kind,
                           uint64_t key)
{
    struct job *job = calloc(1, sizeof *job);

    if (!job)
        return NULL;
    job->key = key;
    job->kind = kind;
    job->epoch = agenda->epoch;
    job->remote = remote_hold(remote);
    job->target_kind = remote->target->kind;
    job->how = remote->wants_get ? ERRAND_FIRST_BYTE : ERRAND_HEAD;
    struct job **list = list_of(agenda, job->key);
    job->next = *list;
    *list = job;
    agenda->job_count++;
    return job;
}

static bool send(struct agenda *agenda, struct job *job)
{
    struct object object = jobs_object(job);
    struct errand errand = {.job = job,
                            .url = job->url,
                            .how = job->how,
                            .is_check = job->kind != JOB_PROBE,
                            .is_sample = job->is_sample,
                            .body = job->kind == JOB_PROOF ? job->remote->proof.body : NULL,
                            .is_manifest = object.endpoint == ENDPOINT_MANIFESTS,
                            .digest = object.digest};

    return agenda->hooks.begin(agenda->hooks.context, &errand);
}

static bool begin(struct agenda *agenda, struct job *job, bool has_url)
{
    if (has_url && send(agenda, job))
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
                             const struct object *object, uint64_t key, bool is_sample,
                             struct instant now)
{
    struct job *job = agenda->job_count < JOBS_MAX ? new_job(agenda, remote, JOB_PROBE, key) : NULL;

    if (!job)
        return NULL;
    job->begun_ms = now.steady_ms;
    job->is_sample = is_sample;
    if (!begin_object(agenda, job, object))
        return NULL;
    agenda->counters.probes++;
    remote->counters.probes++;
    return job;
}

bool jobs_begin_path(struct agenda *agenda, struct check *check)
{
    struct job *job = new_job(agenda, check->remote, JOB_PATH, NO_KEY);

    if (!job)
        return false;
    job->check = check;
    if (job->target_kind == TARGET_UPSTREAM)
        job->how = ERRAND_GET;
    struct text url = {.at = job->url, .size = sizeof job->url};
    return begin(agenda, job,
                 probe_check_url(&url, check->remote->target, &agenda->config->probing));
}

bool jobs_begin_witness(struct agenda *agenda, struct check *check, const struct witness *witness)
{
    struct object object = witness_object(witness);
    struct job *job = new_job(agenda, check->remote, JOB_WITNESS, NO_KEY);

    if (!job)
        return false;
    job->check = check;
    job->witness = witness->number;
    return begin_object(agenda, job, &object);
}

bool jobs_begin_proof(struct agenda *agenda, struct remote *remote, struct instant now)
{
    const struct pin *pin = &remote->target->check_object;
    struct object object = {.endpoint = pin->is_manifest ? ENDPOINT_MANIFESTS : ENDPOINT_BLOBS,
                            .name = pin->name,
                            .digest = pin->digest};
    struct job *job = new_job(agenda, remote, JOB_PROOF, NO_KEY);

    if (!job)
        return false;
    job->begun_ms = now.steady_ms;
    job->how = ERRAND_BODY;
    return begin_object(agenda, job, &object);
}

bool jobs_again_by_get(struct agenda *agenda, struct job *job)
{
    bool is_wanted = job->remote->target && job->epoch == agenda->epoch;

    if (job->how != ERRAND_HEAD || !is_wanted)
        return false;
    job->how = ERRAND_FIRST_BYTE;
    return send(agenda, job);
}
