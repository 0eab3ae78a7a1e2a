/* SPDX-License-Identifier: Apache-2.0 */
/*
 * signpost index: writes, checks, publishes and fetches the index, which tells signatures'
 * content by its digests, and waits until front doors have it.
 */
#include "config.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cmd/command.h"
#include "cmd/index/index_add.h"
#include "cmd/index/index_from.h"
#include "cmd/index/index_publish.h"
#include "config/configuration.h"
#include "parse/url.h"
#include "state/index.h"
#include "state/index_file.h"
#include "state/state.h"
#ifdef HAVE_REGISTRY
#include "cmd/index/index_wait.h"
#include "core/instant.h"
#include "prober/index_pull.h"
#endif

static const char usage[] =
    "Usage: signpost index add [OPTION…] IMAGE…\n"
    "       signpost index add [OPTION…] --from FILE\n"
    "       signpost index has [OPTION…] NAME@DIGEST…\n"
    "       signpost index check [--config FILE] [INDEX]\n"
    "       signpost index publish [OPTION…] FOLDER FILE…\n"
    "       signpost index publish --signature FILE FOLDER\n"
    "       signpost index pull [--config FILE]\n"
    "       signpost index wait [OPTION…] --serial N URL…\n"
    "\n"
    "The index is made of sorted text files. A line is a digest of what exists only\n"
    "at the canonical registry, a space, and the name of the repository in which that\n"
    "holds, or a digest alone, for all repositories. `LC_ALL=C sort -u` merges several\n"
    "files; a running responder takes a new one within a second or two.\n"
    "\n"
    "add reads what belongs to each image at the canonical registry: signatures,\n"
    "attestations and SBOMs under cosign's tags, and referrers, of the image, of its\n"
    "platforms' manifests and of those themselves. It adds their digests to the index.\n"
    "Run it where images are signed, after signing. IMAGE is a name with a tag or a\n"
    "digest, with or without the public host: team/app:v1, team/app@sha256:….\n"
    "\n"
    "add --from takes lines from a file (-: standard input) instead, without a\n"
    "request, in any order: DIGEST NAME, or NAME@DIGEST, with or without the public\n"
    "host; with --index, say what that is by --name or --config. Where one line has a\n"
    "mistake, nothing is added.\n"
    "\n"
    "has says whether the index lists each object, in one of its files or of what was\n"
    "fetched from `index_sources`.\n"
    "\n"
    "check reads a whole index, and says what is wrong with it, or how much is in it.\n"
    "\n"
    "publish writes or renews a source in a folder, for a web server or an object store:\n"
    "a list, named index, and files named by their digests, which never change. It then\n"
    "has exactly the lines of the FILEs, or with --add, those besides its own; where\n"
    "that changes nothing, nothing is written.\n"
    "Copy the files first, and the list last. With --oci the folder is an OCI image layout\n"
    "as well, which skopeo, crane or oras copy to a registry. Keep the folder, or copy\n"
    "it back before: a list that is begun anew is refused as another source's.\n"
    "\n"
    "pull fetches what is new of `index_sources` into the state directory, as the prober\n"
    "does: for hosts without one, by cron.\n"
    "\n"
    "wait asks front doors until all have fetched what was published. URL is the address\n"
    "of a door's status.json, which its prober writes, or of the folder, with a slash at\n"
    "its end. A responder there takes what the prober has fetched within two seconds.\n"
    "\n"
    "  --config FILE      the configuration; else the one the responder would find\n"
    "  --from FILE        where to read lines that are to be added\n"
    "  --index INDEX      the file to use, in place of the first that `index` names\n"
    "  --registry URL     where to read, in place of the first canonical upstream; a\n"
    "                     path in it stands before the images' names\n"
    "  --signatures NAME  the repository that signatures are in, if not the image's own\n"
    "                     (COSIGN_REPOSITORY), again without the host\n"
    "  --key FILE         publish: the private key that signs the list (PEM; ECDSA P-256 or\n"
    "                     Ed25519)\n"
    "  --add              publish: keeps what the source lists already\n"
    "  --oci              publish: begins the folder as an OCI image layout\n"
    "  --unsigned-list    publish: prints the list for another signer, and lets it wait in\n"
    "                     the folder until --signature brings what that made\n"
    "  --signature FILE   publish: base64 of an ECDSA P-256 (DER) or Ed25519 signature, as\n"
    "                     `cosign sign-blob` writes it (-: standard input)\n"
    "  --name NAME        the front door's name, in place of the configuration's: the\n"
    "                     host that names may begin with; for publish, the list's\n"
    "  --shrinks          publish: more than a tenth of the lines are taken out on purpose\n"
    "  --serial N         wait: the serial that publish printed; a later one will do, too\n"
    "  --source URL       wait: the source, as `index_sources` of the doors names it first;\n"
    "                     needed where they have several\n"
    "  --timeout N        wait: how many seconds at most (900); 0: each door is asked once\n"
    "  --interval N       wait: seconds between two questions, less up to a tenth (5)\n"
    "  --ca FILE          wait: certificates to trust, in place of the system's\n"
    "\n"
    "The exit status is 1 if an image could not be read, the index is bad, it does not\n"
    "list an object, a source was refused, or a front door does not have the serial.\n";

static int misuse(const char *sentence)
{
    return command_misuse("index", "%s", sentence);
}

static int check_file(const char *name)
{
    struct index_counts counts;
    struct why why;

    if (!index_file_check_named(name, &counts, &why)) {
        fprintf(stderr, "signpost index: %s\n", why.text);
        return EXIT_FINDING;
    }
    printf("%s: %zu line%s in order, %zu of them with a repository's name.\n", name, counts.all,
           counts.all == 1 ? "" : "s", counts.named);
    return EXIT_FINE;
}

/* The files that the configuration names. */
static int check_configured(const char *file)
{
    struct config *config = command_load(file, false);
    int status = config && config->index_count > 0 ? EXIT_FINE : EXIT_FINDING;

    for (size_t i = 0; config && i < config->index_count; i++)
        if (check_file(config->index[i]) != EXIT_FINE)
            status = EXIT_FINDING;
    if (config && config->index_count == 0)
        fputs("signpost index: the configuration names no `index`: name the file to check.\n",
              stderr);
    config_free(config);
    return status;
}

static int run_check(const struct index_add *call)
{
    if (call->image_count > 1)
        return misuse("there can be only one INDEX to check.");
    return call->image_count ? check_file(call->images[0]) : check_configured(call->config);
}

static void log_fault(void *context, const char *text)
{
    bool *is_bad = context;

    *is_bad = true;
    fprintf(stderr, "signpost index: %s\n", text);
}

static int look_up(struct index *index, struct slice host, const struct index_add *call)
{
    int status = EXIT_FINE;

    for (size_t i = 0; i < call->image_count; i++) {
        struct slice digest, name;
        struct why why;
        bool is_line = index_from_line(slice_of(call->images[i]), host, &digest, &name);
        if (!index_from_host(name, host, &why))
            return command_misuse("index", "\"%.200s\" %s.", call->images[i], why.text);
        if (!is_line || name.len == 0)
            return command_misuse("index", "\"%.200s\" is not NAME@DIGEST.", call->images[i]);
        const char *by = index_listed_by(index, digest, name);
        printf("%s: %s%s\n", call->images[i], by ? "listed by " : "not listed", by ? by : "");
        if (!by)
            status = EXIT_FINDING;
    }
    return status;
}

/* All that the configuration names, and what its sources have brought. */
static struct index *open_configured(const struct config *config, const struct state *state,
                                     bool *is_bad)
{
    struct index *index = index_new(config->index, config->index_count, log_fault, is_bad);

    if (index &&
        index_join(index, state, config->index_sources, config->index_source_count, config->name))
        return index;
    index_free(index);
    return NULL;
}

/* In one file, if it is named, or in all of the configuration, which is NULL only then. */
static struct index *open_index(const struct index_add *call, const struct config *config,
                                const struct state *state, bool *is_bad)
{
    struct index *index = NULL;

    if (call->index) {
        index = index_new(&call->index, 1, log_fault, is_bad);
    } else if (config && config->index_count + config->index_source_count > 0) {
        index = open_configured(config, state, is_bad);
    } else {
        fputs("signpost index: the configuration names no `index` and no `index_sources`.\n",
              stderr);
        return NULL;
    }
    if (!index)
        command_starved("index");
    return index;
}

static bool needs_config(const struct index_add *call)
{
    return call->config || !call->index;
}

/* The host that may stand before names; empty: it is not known. */
static struct slice host_of(const struct index_add *call, const struct config *config)
{
    return call->name ? slice_of(call->name) : config ? config->name : SLICE("");
}

static int run_has(const struct index_add *call)
{
    bool is_bad = false;
    int status = EXIT_FINDING;
    struct state state = {.fd = -1};

    if (call->image_count == 0)
        return misuse("which NAME@DIGEST?");
    struct config *config = needs_config(call) ? command_load(call->config, false) : NULL;
    if (needs_config(call) && !config)
        return EXIT_FINDING;
    if (!call->index && config->index_source_count > 0)
        state_begin(&state, config->state);
    struct index *index = open_index(call, config, &state, &is_bad);
    if (index)
        status = look_up(index, host_of(call, config), call);
    index_free(index);
    state_end(&state);
    config_free(config);
    return is_bad && status == EXIT_FINE ? EXIT_FINDING : status;
}

/* The file to add to is the first that the configuration names, or --index. */
static int run_from(const char *from, const struct index_add *call)
{
    struct config *config = needs_config(call) ? command_load(call->config, false) : NULL;
    struct why why = {"the configuration names no `index`: add one, or say --index FILE."};

    if (needs_config(call) && !config)
        return EXIT_FINDING;
    const char *index = call->index               ? call->index
                        : config->index_count > 0 ? config->index[0]
                                                  : NULL;
    bool good = index && index_from(from, host_of(call, config), index, &why);
    if (!good)
        fprintf(stderr, "signpost index: %s\n", why.text);
    config_free(config);
    return good ? EXIT_FINE : EXIT_FINDING;
}

static int run_add(const char *from, const struct index_add *call)
{
    if (from && (call->image_count > 0 || call->registry || call->repository))
        return misuse("with --from goes neither IMAGE nor --registry nor --signatures.");
    if (from)
        return run_from(from, call);
    if (call->image_count == 0)
        return misuse("which IMAGE?");
    return index_add(call);
}

/* ---- sources ---- */

static int run_publish(const struct index_add *call, struct index_publish *publish)
{
    const char *name = call->name;
    bool adds = publish->signature;
    int ways = (publish->key != NULL) + adds + publish->unsigned_list;
    struct config *config = NULL;
    struct why why;

    if (call->image_count < 1 || (call->image_count < 2) != adds)
        return misuse(adds ? "with --signature goes only FOLDER." : "which FOLDER and FILEs?");
    if (ways > 1 || (adds && (name || publish->shrinks || publish->adds || publish->is_artifact)))
        return misuse("of --key, --unsigned-list and --signature goes only one, and with the last "
                      "none of --name, --add, --oci and --shrinks.");
    if (!name && !adds && !(config = command_load(call->config, false)))
        return EXIT_FINDING;
    publish->folder = call->images[0];
    publish->files = call->images + 1;
    publish->file_count = call->image_count - 1;
    publish->registry = config ? config->name : slice_of(name);
    bool good = index_publish(publish, &why);
    if (!good)
        fprintf(stderr, "signpost index: %s\n", why.text);
    config_free(config);
    return good ? EXIT_FINE : EXIT_FINDING;
}

#ifdef HAVE_REGISTRY
static void print_pulled(const struct config *config, const struct index_status *status)
{
    for (size_t i = 0; i < config->index_source_count; i++) {
        const struct index_source_status *s = index_status_find(status, &config->index_sources[i]);
        if (s && s->serial)
            printf("%s: serial %" PRIu64 ", %" PRIu64 " line%s.\n",
                   config->index_sources[i].mirrors[0], s->serial, s->lines,
                   s->lines == 1 ? "" : "s");
    }
}

static int pull(const struct config *config)
{
    char name[] = "index";
    struct state state;
    struct index_status status = {0};

    if (config->index_source_count == 0) {
        fputs("signpost index: the configuration names no `index_sources`.\n", stderr);
        return EXIT_FINDING;
    }
    state_begin(&state, config->state);
    struct index_pull work = {.config = config,
                              .state = &state,
                              .now_s = instant_now().wall_s,
                              .says_again = true,
                              .say = command_say,
                              .context = name};
    if (state.fd < 0)
        command_say(name, state.why.text);
    bool good = state.fd >= 0 && index_pull(&work);
    index_status_read(&status, state.fd, config->index_sources, config->index_source_count);
    print_pulled(config, &status);
    state_end(&state);
    return good ? EXIT_FINE : EXIT_FINDING;
}
#else
static int pull(const struct config *config)
{
    (void)config;
    fputs("signpost index: This signpost was built without libcurl, jansson or libcrypto and "
          "cannot fetch; fetch an index with curl, check it, and name it in `index`.\n",
          stderr);
    return EXIT_FINDING;
}
#endif

static int run_pull(const struct index_add *call)
{
    if (call->image_count > 0)
        return misuse("with pull goes only --config.");
    struct config *config = command_load(call->config, false);
    int status = config ? pull(config) : EXIT_FINDING;

    config_free(config);
    return status;
}

/* ---- front doors ---- */

/* What wait takes, as it was written; NULL: not given. */
struct wait_options {
    const char *serial, *source, *timeout, *interval, *ca_file;
};

#ifdef HAVE_REGISTRY
/* A whole number from 1 on. */
static bool read_serial(const char *word, uint64_t *serial)
{
    char *end;

    if (!word || *word < '1' || *word > '9')
        return false;
    errno = 0;
    *serial = strtoull(word, &end, 10);
    return errno == 0 && *end == '\0';
}

/* Up to a day; as it was if it is not given. */
static bool read_seconds(const char *word, double *seconds)
{
    char *end;

    if (!word)
        return true;
    if (*word < '0' || *word > '9')
        return false;
    *seconds = strtod(word, &end);
    return *end == '\0' && *seconds <= 86400;
}

static int run_wait(const struct index_add *add, const struct wait_options *options)
{
    struct index_wait call = {.urls = add->images,
                              .url_count = add->image_count,
                              .source = options->source,
                              .ca_file = options->ca_file,
                              .timeout_s = 900,
                              .interval_s = 5};

    if (call.url_count == 0)
        return misuse("which front doors' URLs are to be asked?");
    for (size_t i = 0; i < call.url_count; i++)
        if (!url_is_page(slice_of(call.urls[i])))
            return command_misuse("index", "\"%.200s\" is not an http or https URL.", call.urls[i]);
    if (!read_serial(options->serial, &call.serial))
        return misuse("wait wants --serial N, the number that `signpost index publish` printed.");
    if (!read_seconds(options->timeout, &call.timeout_s) ||
        !read_seconds(options->interval, &call.interval_s) || call.interval_s < 0.01)
        return misuse("--timeout wants seconds, from 0 to 86400, and --interval from 0.01.");
    return index_wait(&call) ? EXIT_FINE : EXIT_FINDING;
}
#else
static int run_wait(const struct index_add *add, const struct wait_options *options)
{
    (void)add, (void)options;
    fputs("signpost index: This signpost was built without libcurl, jansson or libcrypto and "
          "cannot ask front doors; read \"serial\" in their status.json.\n",
          stderr);
    return EXIT_FINDING;
}
#endif

/* ---- the command line ---- */

struct line {
    struct index_add call;
    struct index_publish publish;
    struct wait_options wait;
    const char *from;
    char given[32]; /* the letters of its options, each once */
};

struct action {
    const char *word, *takes; /* the letters of its options */
    int (*run)(struct line *line);
};

static int act_add(struct line *line)
{
    return run_add(line->from, &line->call);
}

static int act_has(struct line *line)
{
    return run_has(&line->call);
}

static int act_check(struct line *line)
{
    return run_check(&line->call);
}

static int act_publish(struct line *line)
{
    return run_publish(&line->call, &line->publish);
}

static int act_pull(struct line *line)
{
    return run_pull(&line->call);
}

static int act_wait(struct line *line)
{
    return run_wait(&line->call, &line->wait);
}

static const struct action actions[] = {
    {"add", "cfirsn", act_add},           {"has", "cin", act_has}, {"check", "c", act_check},
    {"publish", "ckgnudAO", act_publish}, {"pull", "c", act_pull}, {"wait", "Sotva", act_wait},
};

static const struct option options[] = {{"config", required_argument, NULL, 'c'},
                                        {"from", required_argument, NULL, 'f'},
                                        {"index", required_argument, NULL, 'i'},
                                        {"registry", required_argument, NULL, 'r'},
                                        {"signatures", required_argument, NULL, 's'},
                                        {"key", required_argument, NULL, 'k'},
                                        {"signature", required_argument, NULL, 'g'},
                                        {"name", required_argument, NULL, 'n'},
                                        {"unsigned-list", no_argument, NULL, 'u'},
                                        {"shrinks", no_argument, NULL, 'd'},
                                        {"serial", required_argument, NULL, 'S'},
                                        {"source", required_argument, NULL, 'o'},
                                        {"timeout", required_argument, NULL, 't'},
                                        {"interval", required_argument, NULL, 'v'},
                                        {"ca", required_argument, NULL, 'a'},
                                        {"oci", no_argument, NULL, 'O'},
                                        {"add", no_argument, NULL, 'A'},
                                        {"help", no_argument, NULL, 'h'},
                                        {0}};

static const char *name_of_option(char letter)
{
    const struct option *option = options;

    while (option->val != letter)
        option++;
    return option->name;
}

/* With an action go only its own options. */
static int misuse_of_options(const struct action *action)
{
    char list[200] = "";
    size_t count = strlen(action->takes);

    for (size_t i = 0; i < count; i++) {
        size_t len = strlen(list);
        snprintf(list + len, sizeof list - len, "%s--%s",
                 i == 0           ? ""
                 : i + 1 == count ? " and "
                                  : ", ",
                 name_of_option(action->takes[i]));
    }
    return command_misuse("index", "with %s %s only %s.", action->word, count > 1 ? "go" : "goes",
                          list);
}

static int run(const char *word, struct line *line)
{
    for (size_t i = 0; i < sizeof actions / sizeof *actions; i++) {
        const struct action *action = &actions[i];
        if (strcmp(action->word, word) != 0)
            continue;
        if (line->given[strspn(line->given, action->takes)])
            return misuse_of_options(action);
        return action->run(line);
    }
    return command_misuse("index", "\"%.60s\" is none of add, has, check, publish, pull and wait.",
                          word);
}

/* False for what is no option. */
static bool take_option(struct line *line, int c)
{
    const char **text[256] = {['c'] = &line->call.config,       ['f'] = &line->from,
                              ['i'] = &line->call.index,        ['r'] = &line->call.registry,
                              ['s'] = &line->call.repository,   ['k'] = &line->publish.key,
                              ['g'] = &line->publish.signature, ['n'] = &line->call.name,
                              ['S'] = &line->wait.serial,       ['o'] = &line->wait.source,
                              ['t'] = &line->wait.timeout,      ['v'] = &line->wait.interval,
                              ['a'] = &line->wait.ca_file};

    if (c == 'u')
        line->publish.unsigned_list = true;
    else if (c == 'd')
        line->publish.shrinks = true;
    else if (c == 'A')
        line->publish.adds = true;
    else if (c == 'O')
        line->publish.is_artifact = true;
    else if (c > 0 && c < 256 && text[c])
        *text[c] = optarg;
    else
        return false;
    size_t count = strlen(line->given);
    if (!strchr(line->given, c) && count + 1 < sizeof line->given)
        line->given[count] = (char)c;
    return true;
}

int cmd_index(int argc, char **argv)
{
    struct line line = {0};

    for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (c == 'h') {
            fputs(usage, stdout);
            return EXIT_FINE;
        }
        if (!take_option(&line, c))
            return misuse("that is no option.");
    }
    if (optind == argc)
        return misuse("add, has, check, publish, pull or wait?");
    line.call.images = argv + optind + 1;
    line.call.image_count = (size_t)(argc - optind - 1);
    return run(argv[optind], &line);
}
