/* SPDX-License-Identifier: Apache-2.0 */
/* The errors that registries answer with (distribution-spec, "Error Codes"). */
#ifndef CMD_VERIFY_OCI_ERROR_H
#define CMD_VERIFY_OCI_ERROR_H

#include "cmd/verify/trial.h"

/*
 * Adds a fault if the body of an answer that nothing is there would be taken for
 * something else: skopeo and oras look at its code. What is no JSON is fine.
 */
void oci_error_judge(struct trial *trial, const struct journey *journey);

#endif
