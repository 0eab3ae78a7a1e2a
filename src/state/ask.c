/* SPDX-License-Identifier: Apache-2.0 */
#include "state/ask.h"

size_t ask_write(struct ask_question *question, uint32_t id, const struct object *object,
                 const struct target *const *targets, size_t target_count)
{
    *question = (struct ask_question){
        .version = ASK_VERSION,
        .id = id,
        .endpoint = (uint8_t)object->endpoint,
        .target_count = (uint8_t)target_count,
        .name_len = (uint16_t)object->name.len,
        .digest_len = (uint16_t)object->digest.len,
    };
    for (size_t i = 0; i < target_count; i++)
        question->target[i] = targets[i]->id;
    memcpy(question->text, object->name.at, object->name.len);
    memcpy(question->text + object->name.len, object->digest.at, object->digest.len);
    return offsetof(struct ask_question, text) + object->name.len + object->digest.len;
}

/* Checks what all questions have in common, and takes the object out. */
static bool read_object(const struct ask_question *question, size_t len, struct object *object)
{
    size_t head = offsetof(struct ask_question, text);

    if (len < head || question->version != ASK_VERSION || question->target_count == 0 ||
        question->target_count > ASK_TARGETS_MAX ||
        len != head + question->name_len + question->digest_len)
        return false;
    *object = (struct object){
        .endpoint = (enum endpoint)question->endpoint,
        .name = {question->text, question->name_len},
        .digest = {question->text + question->name_len, question->digest_len},
    };
    return true;
}

bool ask_read(const struct ask_question *question, size_t len, struct object *object)
{
    if (!read_object(question, len, object))
        return false;
    return (object->endpoint == ENDPOINT_MANIFESTS || object->endpoint == ENDPOINT_BLOBS) &&
           oci_is_name(object->name) && oci_is_digest(object->digest);
}

void ask_read_answer(const struct ask_answer *answer, struct findings *findings)
{
    unsigned in_trouble = answer->mark == ASK_ANSWER_MARK ? answer->in_trouble : 0;

    findings->count = answer->target_count;
    for (size_t i = 0; i < answer->target_count; i++) {
        findings->holding[i] = (enum holding)answer->holding[i];
        findings->in_trouble[i] = findings->holding[i] == HOLDING_UNKNOWN && (in_trouble >> i & 1);
    }
}

size_t ask_write_use(struct ask_question *question, const struct target *target,
                     const struct object *object)
{
    if (object)
        return ask_write(question, ASK_NO_ID, object, &target, 1);
    *question = (struct ask_question){
        .version = ASK_VERSION,
        .endpoint = (uint8_t)ENDPOINT_NONE,
        .target_count = 1,
        .target = {target->id},
    };
    return offsetof(struct ask_question, text);
}

bool ask_is_use(const struct ask_question *question, size_t len)
{
    return len == offsetof(struct ask_question, text) && question->version == ASK_VERSION &&
           question->endpoint == ENDPOINT_NONE && question->target_count > 0 &&
           question->target_count <= ASK_TARGETS_MAX && question->name_len == 0 &&
           question->digest_len == 0;
}

size_t ask_write_forget(struct ask_question *question, uint32_t id, const struct target *target,
                        const struct object *object)
{
    static const struct object all = {ENDPOINT_NONE, {"", 0}, {"", 0}};
    size_t len = ask_write(question, id, object ? object : &all, &target, 1);

    question->endpoint = ASK_KIND_FORGET;
    return len;
}

bool ask_is_forget(const struct ask_question *question, size_t len)
{
    return len >= offsetof(struct ask_question, text) && question->endpoint == ASK_KIND_FORGET;
}

bool ask_read_forget(const struct ask_question *question, size_t len, struct object *object)
{
    if (!read_object(question, len, object) || question->target_count != 1)
        return false;
    bool is_all = object->name.len == 0 && object->digest.len == 0;
    object->endpoint = is_all ? ENDPOINT_NONE : ENDPOINT_MANIFESTS;
    return is_all || (oci_is_name(object->name) && oci_is_digest(object->digest));
}

size_t ask_write_report(struct ask_report *report, const struct counters *counters,
                        size_t *position)
{
    uint16_t n = 0;

    memset(report, 0, offsetof(struct ask_report, count)); /* with what lies between its members */
    report->version = ASK_VERSION;
    report->kind = ASK_KIND_REPORT;
    while (n < ASK_COUNTS_MAX && counters_next(counters, position, &report->count[n]))
        n++;
    report->count_count = n;
    return n ? offsetof(struct ask_report, count) + n * sizeof *report->count : 0;
}

bool ask_is_report(const union ask_packet *packet, size_t len)
{
    return len >= offsetof(struct ask_report, count) && packet->report.kind == ASK_KIND_REPORT;
}

bool ask_read_report(const struct ask_report *report, size_t len, struct counters *counters)
{
    size_t n = report->count_count;

    if (report->version != ASK_VERSION || n == 0 || n > ASK_COUNTS_MAX ||
        len != offsetof(struct ask_report, count) + n * sizeof *report->count)
        return false;
    for (size_t i = 0; i < n; i++)
        if (!counters_add(counters, &report->count[i]))
            return false;
    return true;
}
