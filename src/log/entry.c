/* SPDX-License-Identifier: Apache-2.0 */
#include "log/entry.h"

#include <stdio.h>
#include "route/explain_words.h"
#include "route/nearest.h"

enum { PATH_MAX_LOGGED = 2048, ID_MAX = 128, METHOD_MAX = 32, REASON_MAX = 900 };

_Static_assert(PATH_MAX_LOGGED + ID_MAX + METHOD_MAX + REASON_MAX + OCI_NAME_MAX + 512 <=
                   LOG_LINE_MAX,
               "a line may be longer than its buffer");

/* ---- the reason ---- */

static void saw(void *ctx, const struct step *step, const struct target *target,
                enum verdict verdict)
{
    struct log_steps *steps = ctx;

    if (steps->count == LOG_STEPS_MAX)
        return;
    steps->list[steps->count].step = step;
    steps->list[steps->count].target = target;
    steps->list[steps->count++].verdict = verdict;
}

struct decision_trace log_steps_trace(struct log_steps *steps)
{
    return (struct decision_trace){saw, steps};
}

static void add_step(const struct log_entry *entry, size_t i, struct text *out)
{
    const struct routed *routed = &entry->passage->routed;
    const struct step *step = entry->steps->list[i].step;
    const struct target *target = entry->steps->list[i].target;
    enum verdict verdict = entry->steps->list[i].verdict;

    if (i > 0)
        TEXT_ADD(out, "; ");
    text_add(out, slice_of(step->word));
    if (target) {
        TEXT_ADD(out, " = ");
        text_add(out, target_name(target));
    }
    TEXT_ADD(out, ": ");
    text_add(out, slice_of(explain_verdict(verdict)));
    if (verdict != VERDICT_TAKEN)
        return;
    if (step->kind == STEP_NEAREST || step->kind == STEP_BUCKET) {
        struct rank rank = nearest_rank(entry->passage->config, &routed->client, target);
        TEXT_ADD(out, ", ");
        text_add(out, slice_of(explain_nearness(rank.nearness)));
    }
    text_add(out, slice_of(explain_unsure(routed->decision.unsure)));
}

/* Steps that do not fit are left out whole. */
static void add_reason(const struct log_entry *entry, struct text *out)
{
    const struct decision *decision = &entry->passage->routed.decision;
    struct text reason = {.at = out->at + out->len, .size = out->size - out->len};

    if (reason.size > REASON_MAX)
        reason.size = REASON_MAX;
    if (decision->outcome == OUTCOME_ERROR)
        text_add(&reason, slice_of(decision->error->message));
    for (size_t i = 0; decision->outcome == OUTCOME_REDIRECT && i < entry->steps->count; i++) {
        struct text before = reason;
        add_step(entry, i, &reason);
        if (reason.overflow)
            reason = before;
    }
    out->len += reason.len;
}

/* ---- what clients send ---- */

/* What is left of a decoded path's percent signs and the like must not be read as more. */
static bool must_encode(char c, bool decoded)
{
    return c <= ' ' || c > '~' || c == '"' || c == '\\' ||
           (decoded && (c == '%' || c == '?' || c == '#'));
}

/* As many bytes as fit into max, percent-encoded where need be. */
static void add_hostile(struct text *out, struct slice s, size_t max, bool decoded)
{
    static const char digits[] = "0123456789ABCDEF";
    char *at = out->at + out->len, *start = at;
    size_t room = out->size - out->len < max ? out->size - out->len : max;

    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.at[i];
        bool encode = must_encode((char)c, decoded);
        if ((size_t)(at - start) + (encode ? 3 : 1) > room)
            break;
        if (!encode) {
            *at++ = (char)c;
            continue;
        }
        *at++ = '%';
        *at++ = digits[c >> 4];
        *at++ = digits[c & 15];
    }
    out->len += (size_t)(at - start);
}

static void add_path(const struct request *request, struct text *out)
{
    size_t start = out->len;

    if (request->target.len > 0) {
        add_hostile(out, request->target, PATH_MAX_LOGGED, false);
        return;
    }
    add_hostile(out, request->path, PATH_MAX_LOGGED - 1, true);
    if (request->query.len > 0) {
        TEXT_ADD(out, "?");
        add_hostile(out, request->query, PATH_MAX_LOGGED - (out->len - start), false);
    }
}

/* ---- values ---- */

static void add_digits(struct text *out, unsigned long number, int width)
{
    char digits[20];

    for (int i = width; i-- > 0; number /= 10)
        digits[i] = (char)('0' + number % 10);
    text_add(out, (struct slice){digits, (size_t)width});
}

static void add_time(struct text *out, struct timespec now)
{
    struct tm parts;

    if (!gmtime_r(&now.tv_sec, &parts))
        return;
    add_digits(out, (unsigned long)parts.tm_year + 1900, 4);
    TEXT_ADD(out, "-");
    add_digits(out, (unsigned long)parts.tm_mon + 1, 2);
    TEXT_ADD(out, "-");
    add_digits(out, (unsigned long)parts.tm_mday, 2);
    TEXT_ADD(out, "T");
    add_digits(out, (unsigned long)parts.tm_hour, 2);
    TEXT_ADD(out, ":");
    add_digits(out, (unsigned long)parts.tm_min, 2);
    TEXT_ADD(out, ":");
    add_digits(out, (unsigned long)parts.tm_sec, 2);
    TEXT_ADD(out, ".");
    add_digits(out, (unsigned long)now.tv_nsec / 1000000, 3);
    TEXT_ADD(out, "Z");
}

static void add_place(const struct log_entry *entry, struct text *out)
{
    const struct client *client = &entry->passage->routed.client;
    const struct place *place = &client->place;
    const struct places *places = &entry->passage->config->places;

    if (client->named)
        text_add(out, target_name(client->named));
    else if (place->region != NO_PLACE)
        text_add(out, slice_of(place_key(places, place->region)));
    else if (place->country != NO_PLACE)
        text_add(out, slice_of(place_key(places, place->country)));
    else if (place->continent != NO_PLACE)
        text_add(out, slice_of(place_key(places, place->continent)));
}

static void add_client(const struct log_entry *entry, const struct logging *logging,
                       struct text *out)
{
    const struct address *address = &entry->passage->routed.client.address;
    char text[ADDRESS_PREFIX_TEXT];

    if (address_is_ip(address))
        text_add(out, slice_of(address_format_prefix(
                          *address,
                          address->family == ADDRESS_IPV4 ? logging->ipv4_bits : logging->ipv6_bits,
                          text)));
}

static void add_rule(const struct log_entry *entry, struct text *out)
{
    const struct passage *passage = entry->passage;

    if (passage->routed.decision.outcome == OUTCOME_REDIRECT)
        text_add_number(out, (size_t)(passage->routed.decision.rule - passage->config->rules) + 1);
}

static void add_took(struct text *out, uint64_t ns)
{
    text_add_number(out, ns / 1000000000);
    TEXT_ADD(out, ".");
    add_digits(out, ns % 1000000000, 9);
}

/* ---- the line ---- */

enum field {
    FIELD_TIME,
    FIELD_STATUS,
    FIELD_CLASS,
    FIELD_METHOD,
    FIELD_PATH,
    FIELD_NAME,
    FIELD_TARGET,
    FIELD_PLACE,
    FIELD_RULE,
    FIELD_TOOK,
    FIELD_REASON,
    FIELD_ID,
    FIELD_CLIENT,
    FIELDS
};

enum field_form { FORM_WORD, FORM_NUMBER, FORM_WORDS };

static const struct {
    struct slice plain, json;
    enum field_form form;
} fields[FIELDS] = {
#define FIELD(name, form)                                                                          \
    {                                                                                              \
        {name "=", sizeof name}, {"\"" name "\":", sizeof name + 2}, form                          \
    }
    [FIELD_TIME] = FIELD("time", FORM_WORD),      [FIELD_STATUS] = FIELD("status", FORM_NUMBER),
    [FIELD_CLASS] = FIELD("class", FORM_WORD),    [FIELD_METHOD] = FIELD("method", FORM_WORD),
    [FIELD_PATH] = FIELD("path", FORM_WORD),      [FIELD_NAME] = FIELD("name", FORM_WORD),
    [FIELD_TARGET] = FIELD("target", FORM_WORD),  [FIELD_PLACE] = FIELD("place", FORM_WORD),
    [FIELD_RULE] = FIELD("rule", FORM_NUMBER),    [FIELD_TOOK] = FIELD("took", FORM_NUMBER),
    [FIELD_REASON] = FIELD("reason", FORM_WORDS), [FIELD_ID] = FIELD("id", FORM_WORD),
    [FIELD_CLIENT] = FIELD("client", FORM_WORD),
#undef FIELD
};

static void add_value(const struct log_entry *entry, const struct logging *logging,
                      enum field field, struct text *out)
{
    const struct request *request = &entry->passage->request;
    const struct routed *routed = &entry->passage->routed;

    switch (field) {
    case FIELD_TIME:
        add_time(out, entry->now);
        return;
    case FIELD_STATUS:
        text_add_number(out, (size_t)decision_status(&routed->decision));
        return;
    case FIELD_CLASS:
        text_add(out, slice_of(class_name(routed->classified.class)));
        return;
    case FIELD_METHOD:
        add_hostile(out, request->method_word, METHOD_MAX, false);
        return;
    case FIELD_PATH:
        add_path(request, out);
        return;
    case FIELD_NAME:
        text_add(out, routed->classified.name);
        return;
    case FIELD_TARGET:
        if (routed->decision.outcome == OUTCOME_REDIRECT)
            text_add(out, target_name(routed->decision.target));
        return;
    case FIELD_PLACE:
        add_place(entry, out);
        return;
    case FIELD_RULE:
        add_rule(entry, out);
        return;
    case FIELD_TOOK:
        add_took(out, entry->took_ns);
        return;
    case FIELD_REASON:
        add_reason(entry, out);
        return;
    case FIELD_ID:
        add_hostile(out, request->id, ID_MAX, false);
        return;
    case FIELD_CLIENT:
        add_client(entry, logging, out);
        return;
    case FIELDS:
        break;
    }
}

/* The value between quotation marks, if it is to have some; without a value, the word for none. */
static void add_field(const struct log_entry *entry, const struct logging *logging,
                      enum field field, struct text *out)
{
    bool json = logging->format == LOGGING_JSON;
    bool quoted = json ? fields[field].form != FORM_NUMBER : fields[field].form == FORM_WORDS;

    text_add(out, json ? fields[field].json : fields[field].plain);
    size_t start = out->len;
    if (quoted)
        TEXT_ADD(out, "\"");
    size_t value = out->len;
    add_value(entry, logging, field, out);
    if (out->len == value) {
        out->len = start;
        text_add(out, json ? SLICE("null") : SLICE("-"));
    } else if (quoted) {
        TEXT_ADD(out, "\"");
    }
}

void log_entry_write(const struct log_entry *entry, const struct logging *logging, struct text *out)
{
    size_t start = out->len;

    bool json = logging->format == LOGGING_JSON;

    for (enum field field = FIELD_TIME; field < FIELDS; field++) {
        if ((field == FIELD_ID && logging->id_header.len == 0) ||
            (field == FIELD_CLIENT && !logging->client))
            continue;
        if (out->len > start)
            text_add(out, json ? SLICE(",") : SLICE(" "));
        else if (json)
            TEXT_ADD(out, "{");
        add_field(entry, logging, field, out);
    }
    text_add(out, json ? SLICE("}\n") : SLICE("\n"));
}
