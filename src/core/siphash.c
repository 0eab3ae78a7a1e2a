/* SPDX-License-Identifier: Apache-2.0 */
#include "core/siphash.h"

#include <endian.h>
#include <string.h>

struct sip {
    uint64_t v0, v1, v2, v3;
};

static uint64_t rotate(uint64_t x, int bits)
{
    return x << bits | x >> (64 - bits);
}

/* Up to 8 bytes, the least significant first. */
static uint64_t read_word(const char *at, size_t len)
{
    uint64_t word = 0;

    memcpy(&word, at, len);
    return le64toh(word);
}

static inline void mix(struct sip *s)
{
    s->v0 += s->v1;
    s->v2 += s->v3;
    s->v1 = rotate(s->v1, 13) ^ s->v0;
    s->v3 = rotate(s->v3, 16) ^ s->v2;
    s->v0 = rotate(s->v0, 32);
    s->v2 += s->v1;
    s->v0 += s->v3;
    s->v1 = rotate(s->v1, 17) ^ s->v2;
    s->v3 = rotate(s->v3, 21) ^ s->v0;
    s->v2 = rotate(s->v2, 32);
}

static inline void take(struct sip *s, uint64_t word)
{
    s->v3 ^= word;
    mix(s);
    mix(s);
    s->v0 ^= word;
}

uint64_t siphash(const uint8_t key[SIPHASH_KEY_SIZE], struct slice bytes)
{
    uint64_t k0 = read_word((const char *)key, 8), k1 = read_word((const char *)key + 8, 8);
    struct sip s = {k0 ^ UINT64_C(0x736f6d6570736575), k1 ^ UINT64_C(0x646f72616e646f6d),
                    k0 ^ UINT64_C(0x6c7967656e657261), k1 ^ UINT64_C(0x7465646279746573)};
    size_t whole = bytes.len & ~(size_t)7;
    const char *at = bytes.len ? bytes.at : ""; /* memcpy takes no NULL, however little it copies */

    for (size_t i = 0; i < whole; i += 8)
        take(&s, read_word(at + i, 8));
    take(&s, (uint64_t)bytes.len << 56 | read_word(at + whole, bytes.len & 7));
    s.v2 ^= 0xff;
    for (int i = 0; i < 4; i++)
        mix(&s);
    return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}
