/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes small MMDB files for tests (MaxMind DB File Format 2.0): a handful of
 * networks, records of strings, doubles, floats and numbers, no compression.
 */
#ifndef MMDB_SAMPLE_H
#define MMDB_SAMPLE_H

#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum { SAMPLE_NODES = 2048, SAMPLE_BYTES = 1 << 16 };

struct sample {
    unsigned ip_version;
    uint32_t nodes, node[SAMPLE_NODES][2]; /* 0: empty; data offset + 1 with the top bit; a node */
    size_t len;
    uint8_t data[SAMPLE_BYTES];
};

static inline void sample_start(struct sample *s, unsigned ip_version)
{
    memset(s, 0, sizeof *s);
    s->ip_version = ip_version;
    s->nodes = 1;
}

static inline void sample_byte(struct sample *s, unsigned byte)
{
    s->data[s->len++] = (uint8_t)byte;
}

/* Types: 2 string, 3 double, 5 uint16, 6 uint32, 7 map, 9 uint64, 11 array, 15 float */
static inline void sample_control(struct sample *s, unsigned type, unsigned size)
{
    sample_byte(s, (type > 7 ? 0 : type << 5) | size);
    if (type > 7)
        sample_byte(s, type - 7);
}

static inline void sample_map(struct sample *s, unsigned pairs)
{
    sample_control(s, 7, pairs);
}

/* Strings of at most 28 bytes. */
static inline void sample_string(struct sample *s, const char *string)
{
    sample_control(s, 2, (unsigned)strlen(string));
    for (; *string; string++)
        sample_byte(s, (unsigned char)*string);
}

static inline void sample_number(struct sample *s, unsigned type, uint64_t number, int len)
{
    sample_control(s, type, (unsigned)len);
    for (int shift = 8 * len; shift; shift -= 8)
        sample_byte(s, (unsigned)(number >> (shift - 8)) & 0xff);
}

static inline void sample_double(struct sample *s, double number)
{
    uint64_t bits;
    memcpy(&bits, &number, sizeof bits);
    sample_number(s, 3, bits, 8);
}

static inline void sample_float(struct sample *s, float number)
{
    uint32_t bits;
    memcpy(&bits, &number, sizeof bits);
    sample_number(s, 15, bits, 4);
}

static inline void sample_pair(struct sample *s, const char *key, const char *value)
{
    sample_string(s, key);
    sample_string(s, value);
}

/* Hangs the record at a data offset under the first bits of an address. */
static inline void sample_network(struct sample *s, const uint8_t *address, unsigned bits,
                                  size_t record)
{
    uint32_t at = 0;

    for (unsigned i = 0; i < bits; i++) {
        uint32_t *side = &s->node[at][address[i / 8] >> (7 - i % 8) & 1];
        if (i + 1 == bits)
            *side = (uint32_t)record + 1 + (UINT32_C(1) << 31);
        else if (!*side)
            *side = s->nodes++;
        at = *side;
    }
}

/* a.b.0.0/16; in a file of IPv6, at ::a.b.0.0/112 */
static inline void sample_ipv4(struct sample *s, uint8_t a, uint8_t b, size_t record)
{
    uint8_t address[16] = {0};
    unsigned skip = s->ip_version == 6 ? 96 : 0;

    address[skip / 8] = a;
    address[skip / 8 + 1] = b;
    sample_network(s, address, skip + 16, record);
}

static inline void sample_tree(const struct sample *s, FILE *file)
{
    for (uint32_t i = 0; i < s->nodes; i++) {
        for (int side = 0; side < 2; side++) {
            uint32_t value = s->node[i][side];
            uint32_t record = !value        ? s->nodes
                              : value >> 31 ? s->nodes + 16 + (value << 1 >> 1) - 1
                                            : value;
            for (int shift = 24; shift >= 0; shift -= 8)
                fputc((int)(record >> shift & 0xff), file);
        }
    }
}

/* Writes the file under another name, and renames it. */
static inline int sample_write(struct sample *s, const char *name)
{
    char beside[512];
    size_t data_len = s->len; /* the metadata is encoded behind the data */
    static const uint8_t MARKER[] = "\xab\xcd\xefMaxMind.com", ZEROS[16];

    snprintf(beside, sizeof beside, "%s.new", name);
    FILE *file = fopen(beside, "wb");
    if (!file)
        return -1;
    sample_tree(s, file);
    fwrite(ZEROS, 1, sizeof ZEROS, file);
    fwrite(s->data, 1, data_len, file);
    fwrite(MARKER, 1, sizeof MARKER - 1, file);
    sample_map(s, 9);
    sample_string(s, "node_count"), sample_number(s, 6, s->nodes, 4);
    sample_string(s, "record_size"), sample_number(s, 5, 32, 2);
    sample_string(s, "ip_version"), sample_number(s, 5, s->ip_version, 2);
    sample_pair(s, "database_type", "Test");
    sample_string(s, "languages"), sample_control(s, 11, 0);
    sample_string(s, "binary_format_major_version"), sample_number(s, 5, 2, 2);
    sample_string(s, "binary_format_minor_version"), sample_number(s, 5, 0, 2);
    sample_string(s, "build_epoch"), sample_number(s, 9, 1, 1);
    sample_string(s, "description"), sample_map(s, 0);
    fwrite(s->data + data_len, 1, s->len - data_len, file);
    s->len = data_len;
    return fclose(file) == 0 && rename(beside, name) == 0 ? 0 : -1;
}

#endif
