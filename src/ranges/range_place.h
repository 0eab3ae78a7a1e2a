/* SPDX-License-Identifier: Apache-2.0 */
/* Makes records from the names that range files use, by the table of places. */
#ifndef RANGES_RANGE_PLACE_H
#define RANGES_RANGE_PLACE_H

#include "ranges/record.h"

/*
 * Fills a record for a provider's region, in the spelling of the table of places
 * if it is there; a region unknown to the table keeps its name and has no place.
 * False if a name is empty, too long or has characters that no name has.
 */
bool range_place_region(struct range_record *record, struct slice provider, struct slice region);

/* The same for an AWS network border group within a region. */
bool range_place_border_group(struct range_record *record, struct slice region, struct slice group);

/*
 * Fills country and continent from an ISO 3166-1 code, in either case, and from
 * EU, which the registries use too, the continent alone. False if it is not two
 * letters or names no country known.
 */
bool range_place_country(struct range_record *record, struct slice code);

/* Fills the city, and its point if a region of the table lies in it. False: no such name. */
bool range_place_city(struct range_record *record, struct slice city);

/*
 * Fills a record from a place as users write it: "aws:eu-west-3", "FR", "EU" or
 * "48.85,2.35". known is false for a "provider:region" that is not in the table.
 */
bool range_place_named(struct range_record *record, struct slice name, bool *known);

#endif
