/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Starts the prober, where no service manager does. It becomes a process of its
 * own: no child of this one, in a session of its own, with none of its descriptors,
 * and no more of its environment than a configuration may depend on.
 *
 * Several responders may do so at the same time: the prober's lock leaves one.
 */
#ifndef STARTER_H
#define STARTER_H

#include <stdbool.h>
#include "config/configuration.h"
#include "core/why.h"

/* Whether what is counted is reported to a prober. */
bool starter_reports(const struct config *config);

/* Whether there has to be a prober: unless it is off, since it looks after health in any case. */
bool starter_needs_prober(const struct config *config);

/* Whether there is a place for it: not if nobody has named or made a state directory. */
bool starter_has_place(const struct config *config);

/* Whether systemd has started this very process, by its environment (systemd.exec(5)). */
bool starter_under_systemd(void);

/* Whether it is this process that has to start it. */
bool starter_is_responsible(const struct config *config, bool under_systemd);

/*
 * Starts `signpost prober` with the same configuration. True: it was started, but
 * may still fail or find another one at work. False with the reason: there is no
 * program, or no state directory that it could write to.
 */
bool starter_start(const struct config *config, struct why *why);

#endif
