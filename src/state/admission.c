/* SPDX-License-Identifier: Apache-2.0 */
#include "state/admission.h"

#include "core/siphash.h"

/* Different draws have different keys. */
static uint64_t hash(uint64_t key_a, uint64_t key_b, struct slice bytes)
{
    uint8_t key[SIPHASH_KEY_SIZE];

    for (int i = 0; i < 8; i++) {
        key[i] = (uint8_t)(key_a >> 8 * i);
        key[8 + i] = (uint8_t)(key_b >> 8 * i);
    }
    return siphash(key, bytes);
}

static double draw(uint64_t key_a, uint64_t key_b, const struct guest *guest)
{
    struct address address = address_unwrap(guest->client->address);
    struct slice bytes = {(const char *)address.bytes, 8};
    uint64_t drawn;

    if (address.family == ADDRESS_IPV6)
        drawn = hash(key_a, key_b, bytes);
    else if (address.family == ADDRESS_IPV4)
        drawn = hash(key_a, key_b, (struct slice){(const char *)address.bytes + 12, 4});
    else
        drawn = hash(hash(key_a, key_b, guest->client->told), key_a, guest->name);
    return (double)(drawn >> 11) / (double)(UINT64_C(1) << 53);
}

double admission_point(const struct target *target, const struct guest *guest)
{
    return draw(target->id, 0, guest);
}

enum admission admission_drawn(const struct target *target, struct part part,
                               const struct guest *guest)
{
    if (part.drained)
        return ADMISSION_DRAINED;
    double point = admission_point(target, guest);
    if (point >= part.share)
        return ADMISSION_NOT_IN_SHARE;
    if (part.health <= 0)
        return ADMISSION_DOWN;
    return point < part.share * part.health ? ADMISSION_TAKEN : ADMISSION_RETURNING;
}

bool admission_instead(const struct target *target, const struct target *of, double part,
                       const struct guest *guest)
{
    return part >= 1 || draw(target->id, of->id, guest) < part;
}
