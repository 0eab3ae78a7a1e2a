/* SPDX-License-Identifier: Apache-2.0 */
/* What an audit makes of inventories, and the file that it keeps its records in. */
#include "config.h"

#include <stdio.h>
#include "tap.h"

#ifndef HAVE_REGISTRY
int main(void)
{
    puts("1..0 # SKIP built without libcurl, jansson or libcrypto");
    return 0;
}
#else

#include <stdlib.h>
#include <unistd.h>
#include "cmd/audit/compare.h"
#include "cmd/audit/journal.h"

static struct registry list[] = {{"us", (char[]){"https://us.example.org"}, (char[]){""}},
                                 {"eu", (char[]){"https://eu.example.org"}, (char[]){""}},
                                 {"ap", (char[]){"https://ap.example.org"}, (char[]){""}}};
static const struct registries registries = {.list = list, .count = 3};

/* Things by number: an image and its signature in two states, another image, a referrer. */
static struct thing image = {.kind = THING_IMAGE, .tag = (char[]){"v1"}, .digest = (char[]){"i:1"}};
static struct thing moved = {.kind = THING_IMAGE, .tag = (char[]){"v1"}, .digest = (char[]){"i:2"}};
static struct thing once = {.kind = THING_SIGNATURE,
                            .signs = true,
                            .tag = (char[]){"i-1.sig"},
                            .digest = (char[]){"s:1"},
                            .subject = (char[]){"i:1"}};
static struct thing twice = {.kind = THING_SIGNATURE,
                             .signs = true,
                             .tag = (char[]){"i-1.sig"},
                             .digest = (char[]){"s:2"},
                             .subject = (char[]){"i:1"}};
static struct thing referrer = {
    .kind = THING_REFERRER, .digest = (char[]){"r:1"}, .subject = (char[]){"i:1"}};

/* What registries hold: us, eu and ap in this order, each ended by NULL. */
struct holdings {
    const struct thing *us[4], *eu[4], *ap[4];
    bool us_failed, eu_failed;
};

static void fill(struct inventory *inventory, const struct thing *const *things, bool failed)
{
    *inventory = (struct inventory){.list = calloc(4, sizeof(struct thing)), .failed = failed};
    while (inventory->list && things[inventory->count]) {
        inventory->list[inventory->count] = *things[inventory->count];
        inventory->count++;
    }
}

/* The findings as text: "missing v1 [eu]"; what is only at us, and contained, as numbers. */
static const char *compared(const struct holdings *holdings)
{
    static char text[1000];
    struct inventory inventories[3];
    const json_t *finding;
    size_t i, len = 0;

    fill(&inventories[0], holdings->us, holdings->us_failed);
    fill(&inventories[1], holdings->eu, holdings->eu_failed);
    fill(&inventories[2], holdings->ap, false);
    json_t *record = audit_compare(SLICE("team/app"), &registries, inventories);
    text[0] = '\0';
    json_array_foreach(json_object_get(record, "findings"), i, finding)
    {
        char *at = json_dumps(json_object_get(finding, "at"), JSON_COMPACT | JSON_ENCODE_ANY);
        const char *tag = json_string_value(json_object_get(finding, "tag"));
        len += (size_t)snprintf(text + len, sizeof text - len, "%s %s %s; ",
                                json_string_value(json_object_get(finding, "finding")),
                                tag ? tag : "-", at ? at : "-");
        free(at);
    }
    const json_t *only = json_object_get(record, "only");
    snprintf(text + len, sizeof text - len, "only %d %d, contained %d",
             (int)json_integer_value(json_object_get(only, "image")),
             (int)json_integer_value(json_object_get(only, "signature")),
             (int)json_integer_value(json_object_get(record, "contained")));
    json_decref(record);
    for (i = 0; i < 3; i++)
        free(inventories[i].list); /* what is in it is not its own here */
    return text;
}

static void test_compare(void)
{
    digest_set_add(&once.layers, SLICE("l:1"));
    digest_set_add(&twice.layers, SLICE("l:1"));
    digest_set_add(&twice.layers, SLICE("l:2"));
    is(compared(&(struct holdings){{&image, &once}, {&image, &once}, {&image, &once}, 0, 0}),
       "only 0 0, contained 0", "all have the same");
    is(compared(&(struct holdings){{&image, &once}, {&image}, {0}, 0, 0}), "only 0 1, contained 0",
       "us alone has a signature");
    is(compared(&(struct holdings){{&image}, {&image, &once}, {&once}, 0, 0}),
       "missing i-1.sig [\"eu\",\"ap\"]; only 0 0, contained 0", "two have a signature, us not");
    is(compared(&(struct holdings){{&image, &twice}, {&image, &once}, {&twice}, 0, 0}),
       "only 0 0, contained 1", "an older state is contained in that of us");
    is(compared(&(struct holdings){{&image, &once}, {&image, &twice}, {0}, 0, 0}),
       "differs i-1.sig {\"us\":\"s:1\",\"eu\":\"s:2\"}; only 0 0, contained 0",
       "a newer one is not");
    is(compared(&(struct holdings){{&image, &once}, {&moved}, {&image}, 0, 0}),
       "differs v1 {\"us\":\"i:1\",\"eu\":\"i:2\",\"ap\":\"i:1\"}; unsigned v1 [\"eu\"]; "
       "only 0 1, contained 0",
       "a tag for two images, one of them unsigned");
    is(compared(&(struct holdings){{&once}, {&image}, {&moved}, 0, 0}),
       "missing v1 [\"eu\"]; differs v1 {\"eu\":\"i:1\",\"ap\":\"i:2\"}; unsigned v1 [\"ap\"]; "
       "only 0 1, contained 0",
       "a tag for two images that us lacks");
    is(compared(&(struct holdings){{&image, &once}, {&referrer}, {0}, 0, 0}),
       "missing - [\"eu\"]; only 1 1, contained 0", "a referrer is told of by its digest");
    is(compared(&(struct holdings){{0}, {0}, {0}, 0, 0}), "nowhere - -; only 0 0, contained 0",
       "nobody has anything");
    digest_set_clear(&once.layers);
    digest_set_clear(&twice.layers);
}

static void test_compare_failed(void)
{
    is(compared(&(struct holdings){{&image}, {&image, &once}, {&once}, true, 0}),
       "only 0 0, contained 0", "nothing is missing at a registry that could not be read");
    is(compared(&(struct holdings){{&image, &once}, {&image}, {0}, 0, true}),
       "only 0 0, contained 0", "nor is anything only at us if another could not be read");
    is(compared(&(struct holdings){{&image}, {&moved, &once}, {&image, &once}, 0, true}),
       "missing i-1.sig [\"ap\"]; only 0 0, contained 0", "those that could be are compared");
    is(compared(&(struct holdings){{0}, {0}, {0}, 0, true}), "only 0 0, contained 0",
       "nor is it nowhere");
}

/* ---- the file ---- */

static bool add(struct journal *journal, const char *repository, const char *unread, int number)
{
    json_t *record = json_pack("{s:s,s:[{},{s:s*},{}],s:[],s:i}", "repository", repository,
                               "registries", "unread", unread, "findings", "number", number);
    bool good = journal_add(journal, record, NULL);

    json_decref(record);
    return good;
}

static bool note_number(void *context, const json_t *record)
{
    char *text = context;

    sprintf(text + strlen(text), "%d ", (int)json_integer_value(json_object_get(record, "number")));
    return true;
}

static const char *numbers(struct journal *journal)
{
    static char text[100];
    struct why why;

    text[0] = '\0';
    return journal_each(journal, note_number, text, &why) ? text : "unreadable";
}

static void test_temporary(void)
{
    struct why why;
    struct journal *journal = journal_open(NULL, &registries, false, &why);
    size_t unread;

    ok(journal && add(journal, "b", NULL, 1) && add(journal, "a", "down", 2),
       "a file without name");
    is(numbers(journal), "2 1 ", "records come in the order of the names");
    ok(journal_has(journal, "b") && !journal_has(journal, "a") && !journal_has(journal, "c"),
       "one that is not whole does not count");
    ok(add(journal, "a", NULL, 3), "it is read again");
    is(numbers(journal), "3 1 ", "and the new record stands for the old one");
    ok(journal_count(journal, &unread) == 2 && unread == 0, "nothing is unread then");
    journal_close(journal, true, NULL);
}

static void test_file(void)
{
    char name[] = "/tmp/signpost-journal-XXXXXX";
    struct why why;
    int fd = mkstemp(name);
    struct journal *journal = journal_open(name, &registries, false, &why);

    close(fd);
    ok(journal && add(journal, "a", NULL, 1) && add(journal, "b", NULL, 2), "a file");
    ok(!journal_open(name, &registries, false, &why), "nobody else gets it meanwhile");
    like(why.text, "is in use by process", "and is told so");
    journal_close(journal, false, NULL);
    FILE *file = fopen(name, "a");
    fputs("{\"repository\":\"c\",\"registr", file);
    fclose(file);
    journal = journal_open(name, &registries, false, &why);
    is(numbers(journal), "1 2 ", "what was not written whole is cut off");
    ok(add(journal, "c", NULL, 3), "and written again");
    journal_close(journal, false, NULL);
    ok(!journal_open(name, &registries, true, &why), "another kind of audit does not get it");
    journal = journal_open(name, &registries, false, &why);
    is(numbers(journal), "1 2 3 ", "all is there");
    journal_close(journal, true, NULL);
    ok(access(name, F_OK) != 0, "a file that is not wanted any more is removed");
}

int main(void)
{
    test_compare();
    test_compare_failed();
    test_temporary();
    test_file();
    return done_testing();
}
#endif
