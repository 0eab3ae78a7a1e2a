/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The maps of a configuration as things are: where clients go now, drawn again only
 * when that has changed, since it takes some milliseconds.
 */
#ifndef STATUS_ATLAS_H
#define STATUS_ATLAS_H

#include "core/slice.h"
#include "status/map.h"

struct status;
struct atlas;

/* The atlas of a configuration, which is borrowed. NULL: no memory. */
struct atlas *atlas_new(const struct config *config);

/* NULL is fine. */
void atlas_free(struct atlas *atlas);

/*
 * Takes in how the targets are: of the atlas's own configuration. False if there is no
 * memory: then it stays as it was.
 */
bool atlas_refresh(struct atlas *atlas, const struct status *status);

/* How the map is drawn, and where clients go now. Good until the next refresh. */
struct map atlas_map(const struct atlas *atlas, enum pull_part part);

/* The map as an svg element; empty if it has not been drawn. Good until the next refresh. */
struct slice atlas_svg(const struct atlas *atlas, enum pull_part part);

/* Whether some country's layers come from another target than its images, and that is on the map.
 */
bool atlas_layers_differ(const struct atlas *atlas);

#endif
