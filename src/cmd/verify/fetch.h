/* SPDX-License-Identifier: Apache-2.0 */
/* Things of a repository, fetched by way of the front door, with what is wrong as faults. */
#ifndef CMD_VERIFY_FETCH_H
#define CMD_VERIFY_FETCH_H

#include <stdbool.h>
#include "cmd/verify/trial.h"
#include "core/slice.h"
#include "registry/manifest.h"

enum { TARGET_MAX = 1024 };

/* What clients accept for a manifest. */
extern const char accept_manifest[];

/* A target at the front door: "/v2/NAME/manifests/REFERENCE" for "manifests". */
struct target_text {
    char text[TARGET_MAX];
};
struct target_text target_of(const struct inspection *inspection, const char *kind,
                             struct slice reference);

/* What follows the base of the canonical registry in a target: "/NAME/…". */
struct slice target_asked(const struct target_text *target);

/* Adds a fault if a journey has not arrived, or not with this status; whether it has. */
bool fetch_arrives(struct trial *trial, const struct journey *journey, long status);

/*
 * Fetches a manifest by tag or digest. True: it has come, its bytes are the journey's
 * answer, and they have the digest. In any case the journey is to be ended.
 */
bool fetch_manifest(struct trial *trial, struct slice reference, struct journey *journey);

/*
 * Asks by HEAD for a manifest or blob that GET has brought. Its size is told, or -1;
 * a digest that the answer tells must be this one.
 */
void fetch_head(struct trial *trial, const char *kind, struct slice reference, struct slice digest,
                long long size);

/*
 * Fetches a blob, hashes it as it comes, and keeps none of it; more than its size is
 * not taken. Whether it has come whole.
 */
bool fetch_blob(struct trial *trial, const struct descriptor *blob);

/*
 * Fetches a blob in two parts by Range (RFC 9110, 14), as one would go on with a
 * download that broke off, and hashes both as one. Nothing for less than two bytes.
 */
void fetch_parts(struct trial *trial, const struct descriptor *blob);

#endif
