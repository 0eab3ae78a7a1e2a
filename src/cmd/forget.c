/* SPDX-License-Identifier: Apache-2.0 */
/* signpost forget: has the prober forget what it has found out about a target. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "cmd/command.h"
#include "config/configuration.h"
#include "state/ask.h"
#include "state/cache_table.h"
#include "state/state.h"

enum { PATIENCE_MS = 5000, QUESTION = 1 };

static const char usage[] =
    "Usage: signpost forget [--config FILE] TARGET [NAME@DIGEST]\n"
    "\n"
    "Forgets what was found out about who holds what at an upstream or a bucket, or what\n"
    "was found out about one object there: what is asked for next is looked for anew, by\n"
    "all responders and CGIs of this machine. It is for a target that has lost what it\n"
    "had: after a backup was restored, or a store was emptied. NAME is the repository as\n"
    "clients ask for it; at a bucket only the digest counts.\n"
    "\n"
    "It asks the prober, which must be running. Without one, delete the file\n"
    "cache.table in the state directory: that forgets all targets.\n"
    "\n"
    "  --config FILE   the configuration that names the targets and the state directory\n";

/* What is to be forgotten. */
struct wish {
    const char *command;
    const struct config *config;
    const struct target *target;
    const char *words;    /* "NAME@DIGEST"; NULL: all */
    struct object object; /* then */
};

static bool is_hex(struct slice s)
{
    size_t i = 0;

    while (i < s.len && strchr("0123456789abcdef", s.at[i]))
        i++;
    return s.len == 64 && i == s.len;
}

/* Says what is wrong with NAME@DIGEST, and what may have been meant. */
static int refuse_object(const struct wish *wish, struct slice name, struct slice digest)
{
    struct slice host = wish->config->name;

    if (oci_is_name(name) && is_hex(digest))
        return command_misuse(wish->command,
                              "\"%.200s\" is no NAME@DIGEST; did you mean \"%.*s@sha256:%.*s\"?",
                              wish->words, (int)name.len, name.at, (int)digest.len, digest.at);
    if (slice_starts(name, host) && name.len > host.len + 1 && name.at[host.len] == '/' &&
        oci_is_digest(digest)) {
        struct slice rest = slice_from(name, host.len + 1);
        return command_misuse(wish->command,
                              "\"%.200s\" is no NAME@DIGEST; did you mean \"%.*s@%.*s\"?",
                              wish->words, (int)rest.len, rest.at, (int)digest.len, digest.at);
    }
    return command_misuse(wish->command,
                          "\"%.200s\" is no NAME@DIGEST: write the repository as clients ask for "
                          "it, and a digest, such as app@sha256:… with 64 digits.",
                          wish->words);
}

static int read_object(struct wish *wish)
{
    struct slice words = slice_of(wish->words);
    const char *at = strrchr(wish->words, '@');
    size_t len = at ? (size_t)(at - words.at) : words.len;
    struct slice name = slice_to(words, len);
    struct slice digest = slice_from(words, at ? len + 1 : len);
    bool is_host = slice_starts(name, wish->config->name) && name.len > wish->config->name.len &&
                   name.at[wish->config->name.len] == '/';

    wish->object = (struct object){ENDPOINT_MANIFESTS, name, digest};
    if (oci_is_name(name) && oci_is_digest(digest) && !is_host)
        return EXIT_FINE;
    return refuse_object(wish, name, digest);
}

static int fail(const struct wish *wish, const char *reason)
{
    fprintf(stderr,
            "signpost %s: %s Or delete the file %s/%s, which forgets what is known of all "
            "targets.\n",
            wish->command, reason, wish->config->state, CACHE_FILE);
    return EXIT_FINDING;
}

/* Waits for the answer. False: there is none, and the reason is said. */
static bool hear(const struct wish *wish, int fd, struct ask_answer *answer)
{
    struct pollfd event = {.fd = fd, .events = POLLIN};
    int ready;

    while ((ready = poll(&event, 1, PATIENCE_MS)) < 0 && errno == EINTR)
        ;
    if (ready <= 0) {
        fail(wish, "The prober does not answer: `signpost state` says how it is.");
        return false;
    }
    ssize_t len = recv(fd, answer, sizeof *answer, MSG_DONTWAIT | MSG_TRUNC);
    if (len == sizeof *answer && answer->version == ASK_VERSION && answer->id == QUESTION)
        return true;
    fail(wish, "The prober is of another version, which cannot forget: start it again with this "
               "one.");
    return false;
}

static int ask(const struct wish *wish, int fd)
{
    struct ask_question question;
    struct ask_answer answer;
    size_t len =
        ask_write_forget(&question, QUESTION, wish->target, wish->words ? &wish->object : NULL);

    if (send(fd, &question, len, MSG_DONTWAIT | MSG_NOSIGNAL) != (ssize_t)len)
        return fail(wish, "The prober takes no question: `signpost state` says how it is.");
    if (!hear(wish, fd, &answer))
        return EXIT_FINDING;
    if (answer.target_count == 0)
        return fail(wish, "The prober's configuration has no such target, or another URL for it: "
                          "run `signpost reload` first.");
    printf("What was known of %s%s%s is forgotten.\n", wish->words ? wish->words : "",
           wish->words ? " at " : "", wish->target->name);
    return EXIT_FINE;
}

static int forget(const struct wish *wish)
{
    struct state state;
    struct why why = {""};

    state_begin(&state, wish->config->state);
    if (state.fd < 0) {
        fprintf(stderr, "signpost %s: %s\n", wish->command, state.why.text);
        return EXIT_FINDING;
    }
    int fd = ask_connect(&state, &why);
    bool is_denied =
        fd < 0 && faccessat(state.fd, ASK_SOCKET, W_OK, AT_EACCESS) != 0 && errno == EACCES;
    int status;
    if (fd >= 0)
        status = ask(wish, fd);
    else if (why.text[0])
        status = fail(wish, why.text);
    else if (is_denied)
        status = fail(wish, "This user may not ask the prober: run this as the web server's user.");
    else
        status = fail(wish, "There is no prober to be asked: start one (`signpost prober`) and try "
                            "again.");
    if (fd >= 0)
        close(fd);
    state_end(&state);
    return status;
}

static int forget_as_told(struct wish *wish, char **arguments)
{
    wish->target = command_target(wish->command, wish->config, arguments[0]);
    if (!wish->target)
        return EXIT_MISUSE;
    wish->words = arguments[1];
    int status = wish->words ? read_object(wish) : EXIT_FINE;
    return status == EXIT_FINE ? forget(wish) : status;
}

int cmd_forget(int argc, char **argv)
{
    struct command_line line = {.usage = usage, .least = 1, .most = 2};

    if (!command_read(&line, argc, argv))
        return line.status;
    struct config *config = command_load(line.file, false);
    struct wish wish = {.command = argv[0], .config = config};
    int status = config ? forget_as_told(&wish, line.arguments) : EXIT_FINDING;
    config_free(config);
    return status;
}
