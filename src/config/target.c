/* SPDX-License-Identifier: Apache-2.0 */
#include "config/configuration.h"

const struct target *config_target(const struct config *config, struct slice name)
{
    for (size_t i = 0; i < config->target_count; i++)
        if (slice_equal(target_name(&config->targets[i]), name))
            return &config->targets[i];
    return NULL;
}
