/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"
#include "cmd/verify/oci_error.h"

#include <jansson.h>

void oci_error_judge(struct trial *trial, const struct journey *journey)
{
    struct slice body = journey->answer.body;
    json_t *json = json_loadb(body.at, body.len, 0, NULL);
    const json_t *errors = json_object_get(json, "errors");
    const char *code = json_string_value(json_object_get(json_array_get(errors, 0), "code"));

    if (json && !json_is_array(errors))
        trial_fault(trial, journey, "its body is JSON, but has no list of errors");
    else if (json && !code)
        trial_fault(trial, journey, "its body lists an error without a code");
    else if (json && strcmp(code, "MANIFEST_UNKNOWN") != 0)
        trial_fault(trial, journey, "its code is %s", code);
    json_decref(json);
}
