/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What responders and the prober say to each other, over a SOCK_SEQPACKET Unix
 * socket in the state directory: a question is one packet, its answer another.
 * Both ends are on one machine and of one build, or the version tells them apart.
 */
#ifndef STATE_ASK_H
#define STATE_ASK_H

#include <stdbool.h>
#include <stdint.h>
#include "config/holding.h"
#include "core/why.h"
#include "parse/oci.h"
#include "state/counters.h"
#include "state/state.h"

enum {
    ASK_VERSION = 3, /* what is added must be such that former versions do without it */
    ASK_TARGETS_MAX = FINDINGS_MAX,
    ASK_NO_ID = 0 /* of a question that is a note: see ask_write_use */
};

/* The socket's name in the state directory. */
#define ASK_SOCKET "prober.socket"

/* "Which of these targets hold this object?" Sent up to the end of its text. */
struct ask_question {
    uint32_t version;
    uint32_t id;      /* comes back in the answer */
    uint8_t endpoint; /* enum endpoint: manifests or blobs */
    uint8_t target_count;
    uint16_t name_len, digest_len;
    uint64_t target[ASK_TARGETS_MAX];         /* target.id of each */
    char text[OCI_NAME_MAX + OCI_DIGEST_MAX]; /* the name, then the digest */
};

/*
 * One verdict for each target, in the question's order. The last two fields lie where versions
 * before 0.3 had bytes without a meaning: those who do not know them do not look at them, and
 * what they send there is not believed without the mark.
 */
struct ask_answer {
    uint32_t version;
    uint32_t id;
    uint8_t target_count;
    uint8_t holding[ASK_TARGETS_MAX]; /* enum holding */
    uint8_t in_trouble;               /* a bit for each target; see struct findings */
    uint16_t mark;                    /* ASK_ANSWER_MARK */
};

enum { ASK_ANSWER_MARK = 0x7472 };

_Static_assert(sizeof(struct ask_answer) == 20, "former versions read and write as many bytes");
_Static_assert(ASK_TARGETS_MAX <= 8, "in_trouble has a bit for each target");

/* An answer of which no verdict is known yet. */
static inline struct ask_answer ask_new_answer(uint32_t id, size_t target_count)
{
    return (struct ask_answer){.version = ASK_VERSION,
                               .id = id,
                               .target_count = (uint8_t)target_count,
                               .mark = ASK_ANSWER_MARK};
}

/* Takes the verdicts of an answer that has been checked over to findings about as many targets. */
void ask_read_answer(const struct ask_answer *answer, struct findings *findings);

/* Fills in a question; returns the length of the packet. */
size_t ask_write(struct ask_question *question, uint32_t id, const struct object *object,
                 const struct target *const *targets, size_t target_count);

/*
 * Checks a packet of len bytes that is to be a question: version, lengths, and
 * that name and digest pass the grammar (nothing else may reach the network).
 * Sets the object, which borrows from the question.
 */
bool ask_read(const struct ask_question *question, size_t len, struct object *object);

/*
 * Fills in a note, which gets no answer: "requests go to this target". The prober checks
 * those that it was asked or told about in the last minutes. object: one that a client was
 * just sent there for, NULL: none; with it the note is a question with ASK_NO_ID, which
 * probers before 0.2 answer. Returns the length of the packet.
 */
size_t ask_write_use(struct ask_question *question, const struct target *target,
                     const struct object *object);

/* Whether a packet of len bytes is such a note without an object. */
bool ask_is_use(const struct ask_question *question, size_t len);

enum { ASK_COUNTS_MAX = 160, ASK_KIND_REPORT = 255, ASK_KIND_FORGET = 254 };

/*
 * Fills in a request to forget what is known of a target, or of one object of it (NULL: of all).
 * It is a question with another endpoint, which probers before 0.3 refuse: they end the
 * connection. Its answer says HOLDING_UNKNOWN once all is forgotten, and that it is about no
 * target if the target is none of the prober's configuration. Returns the length of the packet.
 */
size_t ask_write_forget(struct ask_question *question, uint32_t id, const struct target *target,
                        const struct object *object);

/* Whether a packet is meant to be such a request. */
bool ask_is_forget(const struct ask_question *question, size_t len);

/*
 * Checks one. Sets the object, which borrows from it; its endpoint is ENDPOINT_NONE if all is to
 * be forgotten, else ENDPOINT_MANIFESTS, though what is meant may be a blob.
 */
bool ask_read_forget(const struct ask_question *question, size_t len, struct object *object);

/* "Add this to what has been counted in all." Sent up to the end of its counts; no answer. */
struct ask_report {
    uint32_t version;
    uint32_t unused;
    uint8_t kind; /* ASK_KIND_REPORT, where a question has its endpoint */
    uint8_t unused_too;
    uint16_t count_count;
    struct count count[ASK_COUNTS_MAX];
};

/*
 * Connects to the prober of a state directory, which has been checked; the socket does not block.
 * The process at the other end must be trusted. -1 with the reason, which is empty if there is
 * no prober.
 */
int ask_connect(const struct state *state, struct why *why);

/* What a responder or a command may send. */
union ask_packet {
    struct ask_question question;
    struct ask_report report;
};

/*
 * Fills in a report with what has been counted, from *position on, and moves that;
 * see counters_next. Returns the length of the packet, 0 if there is nothing to report.
 */
size_t ask_write_report(struct ask_report *report, const struct counters *counters,
                        size_t *position);

/* Whether a packet is meant to be a report. */
bool ask_is_report(const union ask_packet *packet, size_t len);

/*
 * Adds to the counters what a report of len bytes says. False, with some of it
 * perhaps added, if it is malformed.
 */
bool ask_read_report(const struct ask_report *report, size_t len, struct counters *counters);

#endif
