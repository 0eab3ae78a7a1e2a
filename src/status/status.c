/* SPDX-License-Identifier: Apache-2.0 */
#include "status/status.h"

const char *status_word(const struct target_health *health, bool drained)
{
    if (drained)
        return "drained";
    if (!health || health->state == HEALTH_NOT_CHECKED)
        return "not checked";
    return health_state_words[health->state];
}

const char *status_kind(const struct target *target)
{
    return target->kind == TARGET_UPSTREAM ? "upstream" : "bucket";
}
