/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"
#include "asker.h"
#include "state/ask.h"
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    HEAD_TIMES = 4,        /* so many times a target's HEAD is waited for */
    STALE_MS = 10 * 1000,  /* a question not answered by then is asked again */
    RETRY_MIN_MS = 50,     /* before another try to connect; longer each time … */
    RETRY_MAX_MS = 1000,   /* … up to this */
    RECEIVE_AT_ONCE = 256, /* answers */
    SLOT_BITS = 16         /* of an id; the rest tells questions in the same slot apart */
};

struct asker_question {
    struct asker_question *before, *behind; /* in flight, by age; or behind alone: free */
    struct waiter *waiters;
    uint64_t asked_at;
    struct ask_question packet;
    size_t len; /* of the packet */
};

struct asker {
    struct asker_settings settings;
    struct asker_counters counters;
    int fd;
    uint64_t connect_at;
    unsigned retry_ms;
    struct asker_question *slots, *free, *oldest, *newest;
    struct waiter *first, *last; /* who wait, by deadline */
};

unsigned asker_wait_ms(unsigned head_ms)
{
    if (head_ms == 0 || head_ms > ASKER_WAIT_MAX_MS / HEAD_TIMES)
        return ASKER_WAIT_MAX_MS;
    return head_ms * HEAD_TIMES < ASKER_WAIT_MIN_MS ? ASKER_WAIT_MIN_MS : head_ms * HEAD_TIMES;
}

struct asker *asker_new(const struct asker_settings *settings)
{
    struct asker *asker = calloc(1, sizeof *asker);
    unsigned size = settings->questions < 1U << SLOT_BITS ? settings->questions : 1U << SLOT_BITS;
    if (!asker)
        return NULL;
    asker->slots = calloc((size_t)size + 1, sizeof *asker->slots);
    if (!asker->slots) {
        free(asker);
        return NULL;
    }
    asker->settings = *settings;
    asker->settings.questions = size;
    asker->fd = -1;
    for (unsigned i = size; i-- > 0;) {
        asker->slots[i].packet.id = i;
        asker->slots[i].behind = asker->free;
        asker->free = &asker->slots[i];
    }
    return asker;
}

void asker_free(struct asker *asker)
{
    if (!asker)
        return;
    asker_disconnect(asker);
    free(asker->slots);
    free(asker);
}

const struct asker_counters *asker_counters(const struct asker *asker)
{
    return &asker->counters;
}

/* ---- those who wait ---- */

static void line_up(struct asker *asker, struct waiter *waiter, struct asker_question *question)
{
    struct waiter *before = asker->last;
    while (before && before->deadline > waiter->deadline)
        before = before->before;
    waiter->before = before;
    waiter->behind = before ? before->behind : asker->first;
    *(before ? &before->behind : &asker->first) = waiter;
    *(waiter->behind ? &waiter->behind->before : &asker->last) = waiter;
    waiter->question = question;
    waiter->next = question->waiters;
    question->waiters = waiter;
}

void asker_leave(struct asker *asker, struct waiter *waiter)
{
    if (!waiter->question)
        return;
    struct waiter **at = &waiter->question->waiters;
    while (*at != waiter)
        at = &(*at)->next;
    *at = waiter->next;
    *(waiter->before ? &waiter->before->behind : &asker->first) = waiter->behind;
    *(waiter->behind ? &waiter->behind->before : &asker->last) = waiter->before;
    waiter->question = NULL;
}

/* Ends a waiter's waiting and tells it, for the reason that the counter stands for. */
static void end_waiting(struct asker *asker, struct waiter *waiter, uint64_t *counter)
{
    asker_leave(asker, waiter);
    ++*counter;
    waiter->over(waiter);
}

/* ---- questions ---- */

static void forget_question(struct asker *asker, struct asker_question *question)
{
    *(question->before ? &question->before->behind : &asker->oldest) = question->behind;
    *(question->behind ? &question->behind->before : &asker->newest) = question->before;
    question->packet.version = 0; /* not in flight */
    question->behind = asker->free;
    asker->free = question;
}

static bool same_question(const struct asker_question *question, const struct ask_question *packet,
                          size_t len)
{
    const struct ask_question *p = &question->packet;
    return question->len == len && p->endpoint == packet->endpoint &&
           p->name_len == packet->name_len && p->target_count == packet->target_count &&
           memcmp(p->target, packet->target, sizeof p->target) == 0 &&
           memcmp(p->text, packet->text, (size_t)p->name_len + p->digest_len) == 0;
}

/* The question in flight that asks the same, or NULL. */
static struct asker_question *find_question(struct asker *asker, const struct ask_question *packet,
                                            size_t len, uint64_t now)
{
    for (struct asker_question *q = asker->newest; q && now - q->asked_at < STALE_MS; q = q->before)
        if (same_question(q, packet, len))
            return q;
    return NULL;
}

/* A free slot; if need be, that of the oldest question for which nobody waits any more. */
static struct asker_question *find_slot(struct asker *asker)
{
    if (!asker->free)
        for (struct asker_question *q = asker->oldest; q; q = q->behind)
            if (!q->waiters) {
                forget_question(asker, q);
                break;
            }
    return asker->free;
}

static struct asker_question *note_question(struct asker *asker, const struct ask_question *packet,
                                            size_t len, uint64_t now)
{
    struct asker_question *question = asker->free;
    asker->free = question->behind;
    question->packet = *packet;
    question->len = len;
    question->asked_at = now;
    question->waiters = NULL;
    question->before = asker->newest;
    question->behind = NULL;
    *(asker->newest ? &asker->newest->behind : &asker->oldest) = question;
    asker->newest = question;
    asker->counters.asked++;
    return question;
}

/* ---- the connection ---- */

static void retry_later(struct asker *asker, uint64_t now)
{
    asker->retry_ms = asker->retry_ms ? asker->retry_ms * 2 : RETRY_MIN_MS;
    if (asker->retry_ms > RETRY_MAX_MS)
        asker->retry_ms = RETRY_MAX_MS;
    asker->connect_at = now + asker->retry_ms;
}

void asker_disconnect(struct asker *asker)
{
    if (asker->fd >= 0) {
        asker->settings.watch(asker->settings.ctx, -1);
        close(asker->fd);
        asker->fd = -1;
    }
    asker->connect_at = 0;
    while (asker->first)
        end_waiting(asker, asker->first, &asker->counters.unanswered);
    while (asker->oldest)
        forget_question(asker, asker->oldest);
}

static void lose(struct asker *asker, uint64_t now)
{
    asker_disconnect(asker);
    retry_later(asker, now);
}

bool asker_is_connected(struct asker *asker, uint64_t now)
{
    if (asker->fd >= 0)
        return true;
    if (now < asker->connect_at)
        return false;
    asker->fd = asker->settings.connect(asker->settings.ctx);
    if (asker->fd < 0) {
        retry_later(asker, now);
        return false;
    }
    asker->counters.connected++;
    asker->settings.watch(asker->settings.ctx, asker->fd);
    return true;
}

/* One packet. False: there is no room for it now, or no prober any more. */
static bool send_packet(struct asker *asker, const void *packet, size_t len, uint64_t now)
{
    ssize_t n = send(asker->fd, packet, len, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n == (ssize_t)len)
        return true;
    if (errno != EAGAIN && errno != ENOBUFS && errno != EINTR)
        lose(asker, now);
    return false;
}

static struct asker_question *send_question(struct asker *asker, struct ask_question *packet,
                                            size_t len, uint64_t now)
{
    if (!asker_is_connected(asker, now) || !find_slot(asker))
        return NULL;
    packet->id = asker->free->packet.id + (1U << SLOT_BITS);
    if (packet->id == ASK_NO_ID)
        packet->id += 1U << SLOT_BITS;
    if (!send_packet(asker, packet, len, now))
        return NULL;
    return note_question(asker, packet, len, now);
}

bool asker_ask(struct asker *asker, struct waiter *waiter, const struct object *object,
               const struct target *const *targets, size_t target_count, unsigned wait_ms,
               uint64_t now)
{
    struct ask_question packet;
    size_t len = ask_write(&packet, 0, object, targets, target_count);
    struct asker_question *question = find_question(asker, &packet, len, now);
    asker->counters.wanted++;
    waiter->question = NULL;
    waiter->findings.count = 0;
    if (question)
        asker->counters.shared++;
    else
        question = send_question(asker, &packet, len, now);
    if (!question) {
        asker->counters.no_answer++;
        return false;
    }
    for (size_t i = 0; i < target_count; i++)
        waiter->findings.target[i] = targets[i];
    waiter->deadline = now + wait_ms;
    line_up(asker, waiter, question);
    return true;
}

bool asker_send(struct asker *asker, const void *packet, size_t len, int patience_ms, uint64_t now)
{
    if (!asker_is_connected(asker, now))
        return false;
    if (patience_ms > 0)
        poll(&(struct pollfd){.fd = asker->fd, .events = POLLOUT}, 1, patience_ms);
    return send_packet(asker, packet, len, now);
}

bool asker_note_use(struct asker *asker, const struct target *target, const struct object *object,
                    uint64_t now)
{
    struct ask_question packet;
    size_t len = ask_write_use(&packet, target, object);

    return asker_send(asker, &packet, len, 0, now);
}

/* ---- answers ---- */

static bool is_well_formed(const struct ask_answer *answer, size_t len)
{
    if (len != sizeof *answer || answer->version != ASK_VERSION ||
        answer->target_count > ASK_TARGETS_MAX)
        return false;
    for (size_t i = 0; i < answer->target_count; i++)
        if (answer->holding[i] > HOLDING_ABSENT)
            return false;
    return true;
}

static void take_answer(struct asker *asker, struct asker_question *question,
                        const struct ask_answer *answer)
{
    asker->retry_ms = 0;
    while (question->waiters) {
        struct waiter *waiter = question->waiters;
        ask_read_answer(answer, &waiter->findings);
        end_waiting(asker, waiter, &asker->counters.in_time);
    }
    forget_question(asker, question);
}

/* False: what has come is no answer, or not to what was asked. */
static bool take_packet(struct asker *asker, const struct ask_answer *answer, size_t len)
{
    if (!is_well_formed(answer, len))
        return false;
    unsigned slot = answer->id & ((1U << SLOT_BITS) - 1);
    struct asker_question *question = &asker->slots[slot < asker->settings.questions ? slot : 0];
    if (question->packet.id != answer->id || question->packet.version != ASK_VERSION) {
        asker->counters.stray++;
        return true;
    }
    if (question->packet.target_count != answer->target_count)
        return false;
    take_answer(asker, question, answer);
    return true;
}

void asker_receive(struct asker *asker, uint64_t now)
{
    for (int i = 0; i < RECEIVE_AT_ONCE && asker->fd >= 0; i++) {
        struct ask_answer answer;
        ssize_t n = recv(asker->fd, &answer, sizeof answer, MSG_DONTWAIT | MSG_TRUNC);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        if (n > 0 && take_packet(asker, &answer, (size_t)n))
            continue;
        asker->counters.malformed += n > 0;
        lose(asker, now);
    }
}

/* ---- time ---- */

void asker_expire(struct asker *asker, uint64_t now)
{
    while (asker->first && asker->first->deadline <= now)
        end_waiting(asker, asker->first, &asker->counters.late);
}

uint64_t asker_due(const struct asker *asker)
{
    return asker->first ? asker->first->deadline : UINT64_MAX;
}
