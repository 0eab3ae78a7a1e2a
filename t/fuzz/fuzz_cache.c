/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The cache's table: any bytes as a file, and the same operations on a table of its own,
 * beside a plain list of what was stored. The first byte chooses which.
 */
#include "input.h"
#include "state/cache_table.h"

enum { BUCKETS = 3, STEPS_MAX = 400, KEYS = 64, NOW_S = 1700000000 };

static const struct cache_lifetimes lifetimes = {.present_min = 1000, .absent_min = 10};

/* What was last stored under each key; a table may forget it, but never say another thing. */
static struct stored {
    enum holding kind;
    int64_t at_s;
} stored[KEYS];

static bool is_right(uint8_t key, enum holding said, int64_t now_s)
{
    const struct stored *s = &stored[key % KEYS];
    int64_t age_min = now_s / 60 - s->at_s / 60;
    int64_t most = s->kind == HOLDING_PRESENT ? lifetimes.present_min : lifetimes.absent_min;

    return said == HOLDING_UNKNOWN || (said == s->kind && age_min >= -1 && age_min < most);
}

/* Keys whose tags differ, so that none is taken for another. */
static uint64_t key_of(uint8_t key)
{
    return (key % KEYS + 1) * UINT64_C(0x9e3779b97f4a7c15);
}

static void count_again(const struct cache_table *table, const struct cache_use *use)
{
    struct cache_use counted = cache_table_count(table);

    must(counted.present == use->present && counted.absent == use->absent,
         "the slots in use are counted");
}

static void step(struct cache_table *table, const uint8_t *data, int64_t *now_s,
                 struct cache_use *use)
{
    uint64_t key = key_of(data[1]);

    switch (data[0] % 8) {
    case 0:
    case 1:
    case 2: {
        enum holding kind = data[0] % 2 ? HOLDING_PRESENT : HOLDING_ABSENT;
        if (cache_table_store(table, key, kind, &lifetimes, *now_s, use) != CACHE_NOT_STORED) {
            stored[data[1] % KEYS] = (struct stored){kind, *now_s};
            must(cache_table_look(table, key, &lifetimes, *now_s) == kind,
                 "what was stored is found at once");
        } else {
            must(kind == HOLDING_ABSENT, "what is present has a place");
        }
        break;
    }
    case 3:
    case 4:
        must(is_right(data[1], cache_table_look(table, key, &lifetimes, *now_s), *now_s),
             "what is said was stored, and is fresh");
        break;
    case 5:
        *now_s += (int64_t)data[1] * data[1];
        break;
    case 6: /* a clock that is set; never by half a cycle, of which a slot knows nothing */
        *now_s += data[1] % 2 ? -3600 : 86400;
        break;
    default:
        cache_table_sweep(table, data[1] % BUCKETS, data[1] / 16, &lifetimes, *now_s, use);
        cache_table_stamp(table, *now_s);
        break;
    }
}

static void run_steps(const uint8_t *data, size_t size)
{
    uint8_t secret[SIPHASH_KEY_SIZE] = {1};
    void *memory = calloc(1, cache_file_size(BUCKETS));
    struct cache_use use = {0, 0};
    struct cache_table table;
    int64_t now_s = NOW_S;

    if (!memory)
        return;
    memset(stored, 0, sizeof stored);
    cache_table_make(&table, memory, BUCKETS, secret, now_s);
    for (size_t i = 0; i + 1 < size && i < 2 * STEPS_MAX; i += 2) {
        step(&table, data + i, &now_s, &use);
        count_again(&table, &use);
    }
    free(memory);
}

/* Any bytes: where they are taken for a table, nothing outside of them is read or written. */
static void run_file(const uint8_t *data, size_t size)
{
    static const struct target target = {.kind = TARGET_UPSTREAM, .id = 77};
    static const struct object object = {ENDPOINT_BLOBS, SLICE("team/app"), SLICE("sha256:12")};
    char *copy = aligned_alloc(64, (size + 127) / 64 * 64);
    struct cache_hash hash = {0};
    struct cache_table table;

    if (!copy)
        return;
    memcpy(copy, data, size);
    if (cache_table_take(&table, copy, size)) {
        uint64_t key = cache_key(&table, &target, &object, &hash);
        struct cache_use use = cache_table_count(&table);
        must(cache_file_size(table.bucket_count) == size, "the size of a file that is taken");
        cache_table_look(&table, key, &lifetimes, NOW_S);
        cache_table_store(&table, key, HOLDING_PRESENT, &lifetimes, NOW_S, &use);
        cache_table_sweep(&table, 0, UINT32_MAX, &lifetimes, NOW_S, &use);
        count_again(&table, &use);
    }
    free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    if (data[0] % 2)
        run_steps(data + 1, size - 1);
    else
        run_file(data + 1, size - 1);
    return 0;
}
