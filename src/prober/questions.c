/* SPDX-License-Identifier: Apache-2.0 */
/* The questions that wait, and what each of their verdicts waits for. */
#include "prober/agenda_parts.h"

#include <stdlib.h>
#include <string.h>

struct asked *questions_add(struct agenda *agenda, uint64_t client,
                            const struct ask_question *question)
{
    struct asked *asked = agenda->asked_count < QUESTIONS_MAX ? calloc(1, sizeof *asked) : NULL;

    if (!asked)
        return NULL;
    asked->client = client;
    asked->id = question->id;
    asked->count = question->target_count;
    memcpy(asked->target, question->target, sizeof asked->target);
    asked->next = agenda->asked;
    if (asked->next)
        asked->next->before = asked;
    agenda->asked = asked;
    agenda->asked_count++;
    return asked;
}

static void stop_waiting(struct waiter *waiter)
{
    if (!waiter->job)
        return;
    if (waiter->before)
        waiter->before->next = waiter->next;
    else
        waiter->job->waiters = waiter->next;
    if (waiter->next)
        waiter->next->before = waiter->before;
    waiter->job = NULL;
}

/* The first of those that wait for a job, who then waits no more; NULL: nobody does. */
static struct waiter *take_waiter(struct job *job)
{
    struct waiter *first = job->waiters;

    if (!first)
        return NULL;
    job->waiters = first->next;
    if (first->next)
        first->next->before = NULL;
    first->job = NULL;
    return first;
}

void questions_wait(struct waiter *waiter, struct asked *asked, struct job *job)
{
    *waiter = (struct waiter){.next = job->waiters, .job = job, .asked = asked};
    if (job->waiters)
        job->waiters->before = waiter;
    job->waiters = waiter;
}

void questions_forget(struct agenda *agenda, struct asked *asked)
{
    for (size_t i = 0; i < asked->count; i++)
        stop_waiting(&asked->waiter[i]);
    if (asked->before)
        asked->before->next = asked->next;
    else
        agenda->asked = asked->next;
    if (asked->next)
        asked->next->before = asked->before;
    agenda->asked_count--;
    free(asked);
}

void agenda_forget_client(struct agenda *agenda, uint64_t client)
{
    struct asked *next;

    for (struct asked *asked = agenda->asked; asked; asked = next) {
        next = asked->next;
        if (asked->client == client)
            questions_forget(agenda, asked);
    }
}

/*
 * Whether nothing more has to be waited for: no verdict before the first target that has it. What
 * has not been asked waits for what has, or follows one that has it.
 */
static bool is_decided(const struct asked *asked)
{
    for (size_t i = 0; i < asked->count; i++) {
        if (asked->waiter[i].job)
            return false;
        if (asked->holding[i] == HOLDING_PRESENT)
            return true;
    }
    return true;
}

void questions_settle(struct agenda *agenda, struct asked *asked)
{
    struct ask_answer answer = ask_new_answer(asked->id, asked->count);

    if (!is_decided(asked))
        return;
    for (size_t i = 0; i < asked->count; i++) {
        answer.holding[i] = (uint8_t)asked->holding[i];
        answer.in_trouble |= (uint8_t)(asked->in_trouble[i] << i);
    }
    agenda->counters.answers++;
    agenda->hooks.answer(agenda->hooks.context, asked->client, &answer);
    questions_forget(agenda, asked);
}

void questions_tell(struct agenda *agenda, struct job *job, struct verdict verdict,
                    struct instant now)
{
    struct object object = jobs_object(job);
    struct waiter *waiter;

    while ((waiter = take_waiter(job))) {
        struct asked *asked = waiter->asked;
        asked->holding[waiter - asked->waiter] = verdict.holding;
        asked->in_trouble[waiter - asked->waiter] = verdict.in_trouble;
        if (verdict.holding != HOLDING_PRESENT)
            agenda_ask_rest(agenda, asked, &object, now);
        questions_settle(agenda, asked);
    }
}
