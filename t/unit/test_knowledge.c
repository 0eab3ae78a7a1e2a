/* SPDX-License-Identifier: Apache-2.0 */
/* What is said of a state directory, and of the control file in it. */
#include "state/knowledge.h"
#include <unistd.h>
#include "asking.h"
#include "tap.h"

static const struct instant now = {1000, 1700000000};
static char directory[] = "/tmp/signpost-knowledge-XXXXXX", control_file[64];
static struct knowledge knowledge;

static int times_said;
static char last_said[512];

static void hear(void *context, const char *text)
{
    (void)context;
    snprintf(last_said, sizeof last_said, "%s", text);
    times_said++;
}

static void write_control(const char *text)
{
    FILE *file = fopen(control_file, "w");

    if (!file || fputs(text, file) < 0 || fclose(file) != 0)
        diag("%s cannot be written", control_file);
}

static struct config *config_with(const char *state)
{
    char text[256];

    snprintf(text, sizeof text,
             "name = \"r\"; state = \"%s\"; upstreams = { eu = { url = \"https://a\"; }; };",
             state);
    return config_of(text);
}

static bool opens(const struct config *config)
{
    times_said = 0;
    last_said[0] = '\0';
    return knowledge_open(&knowledge, config, now, hear, NULL);
}

static void test_directory(void)
{
    struct config *config = config_with("/nonexistent/state");

    ok(opens(config), "a state directory need not be there");
    cmp_ok(times_said, ==, 1, "one that is named is missed once");
    like(last_said, "The state directory /nonexistent/state cannot be opened", "by its name");
    ok(!knowledge_refresh(&knowledge, now) && times_said == 1, "  and no more while it is so");
    knowledge_close(&knowledge);
    times_said = 0;
    ok(knowledge_open_files(&knowledge, config, now, hear, NULL) && times_said == 0,
       "with the configuration's own files alone it is not looked for");
    knowledge_close(&knowledge);
    config_free(config);
}

static void test_control(void)
{
    struct config *config = config_with(directory);

    ok(opens(config) && !knowledge_refresh(&knowledge, now), "there need be no control file");
    write_control("drained = [ \"eu\" ];");
    ok(!knowledge_refresh(&knowledge, now), "one that comes");
    ok(knowledge_part(&knowledge, config->targets).drained, "  is followed");
    cmp_ok(times_said, ==, 0, "of all that nothing is said");
    write_control("{{{");
    ok(!knowledge_refresh(&knowledge, now), "a damaged one");
    cmp_ok(times_said, ==, 1, "  is reported");
    like(last_said, control_file, "  by its name");
    ok(!knowledge_refresh(&knowledge, now) && times_said == 1, "  once");
    ok(knowledge_part(&knowledge, config->targets).drained, "  and what was drained stays so");
    knowledge_close(&knowledge);
    ok(opens(config) && times_said == 1, "who starts then is told, too");
    write_control("reload = \"4000000000.000000000 by 1\";");
    ok(knowledge_refresh(&knowledge, now) && times_said == 1, "a reload is asked for");
    knowledge_close(&knowledge);
    unlink(control_file);
    config_free(config);
}

int main(void)
{
    if (!mkdtemp(directory))
        return 1;
    snprintf(control_file, sizeof control_file, "%s/control", directory);
    unsetenv("STATE_DIRECTORY");
    test_directory();
    test_control();
    cmp_ok(rmdir(directory), ==, 0, "the directory is empty at the end");
    return done_testing();
}
