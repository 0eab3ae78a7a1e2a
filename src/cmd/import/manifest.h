/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finds archeio's settings in a manifest of Cloud Run or Kubernetes (YAML or JSON):
 * `env` entries of containers, the data of a ConfigMap, lists of NAME=value.
 */
#ifndef CMD_IMPORT_MANIFEST_H
#define CMD_IMPORT_MANIFEST_H

#include <stdio.h>
#include "cmd/import/archeio.h"

enum { MANIFEST_MAX = 8 * 1024 * 1024 };

/*
 * Adds what a stream of manifests says to archeio; each document begins another service.
 * False, with the line and the reason: it is not YAML, too large, a setting is not what it
 * must be, or its value stands elsewhere (valueFrom).
 */
bool manifest_read(struct archeio *archeio, FILE *in, struct why *why);

#endif
