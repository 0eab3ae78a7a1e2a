/* SPDX-License-Identifier: Apache-2.0 */
/* `signpost ranges`: address databases of published ranges, made, compared and kept up to date. */
#include "config.h"
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "cmd/command.h"
#include "config/configuration.h"
#include "ranges/compile.h"
#include "ranges/diff.h"
#include "ranges/download.h"
#include "ranges/lines.h"
#include "ranges/mmdb_read.h"
#include "ranges/range_place.h"

enum { FILES_MAX = 256 };

/* A file named on the command line, with what the options before it say of it. */
struct named_file {
    const char *path;
    struct range_input how;
    struct range_record place;
};

struct arguments {
    const char *output, *set, *old, *config;
    const char *moves[SOURCES_MAX]; /* NAME=URL, until the set is known */
    size_t move_count;
    struct named_file *files; /* FILES_MAX of them */
    size_t file_count;
    struct named_file next; /* what holds for the next file */
    bool has_place, force, quiet;
};

static const char help[] =
    "Usage: signpost ranges -o DATABASE [OPTION]... FILE...\n"
    "       signpost ranges --download clouds|country [-o DATABASE] [OPTION]...\n"
    "       signpost ranges --diff OLD NEW...\n"
    "\n"
    "Makes an address database (MMDB) of published address ranges. The longest\n"
    "prefix wins. The database is replaced as a whole or not at all.\n"
    "\n"
    "Compiling files; FILE may be '-', standard input:\n"
    "  -o, --output DATABASE   the database to write\n"
    "      --place PLACE       the files that follow are plain lists, one prefix a\n"
    "                          line, of this place: a region (aws:eu-west-3, or one\n"
    "                          of your own, onprem:berlin), a country (FR), a\n"
    "                          continent (EU), or a latitude and longitude (48.8,2.3)\n"
    "      --provider NAME     the geofeeds that follow are this provider's\n"
    "      --format FORMAT     the files that follow have this format, whatever they\n"
    "                          look like: aws, google, azure, oracle (their JSON),\n"
    "                          geofeed (RFC 8805), list, rir (delegated statistics),\n"
    "                          or auto\n"
    "\n"
    "Getting the files:\n"
    "      --download clouds   the clouds' own lists; DATABASE is clouds.mmdb unless\n"
    "                          -o says otherwise\n"
    "      --download country  the regional internet registries' statistics;\n"
    "                          country.mmdb\n"
    "      --source NAME=URL   get a source from elsewhere, or one more; with an empty\n"
    "                          URL, do without it\n"
    "      --config FILE       the configuration whose `sources` say where; else the one\n"
    "                          that the responder would find\n"
    "      --force             take a list that lost more than a fifth of its prefixes\n"
    "  The last good files are kept in DATABASE.sources.\n"
    "\n"
    "Comparing:\n"
    "      --diff OLD          what NEW changes; either may be a database or ranges\n"
    "\n"
    "  -q, --quiet             say nothing of what goes well\n"
    "  -h, --help              this text\n"
    "\n"
    "Exit status: 0; 1 if input is bad, a source failed, or --diff found changes\n"
    "(a bad file changes nothing); 2 for a mistake in the command.\n"
    "\n"
    "Compressed files: gunzip -c FILE.gz | signpost ranges -o DATABASE -\n";

static int complain(const struct range_error *error)
{
    fprintf(stderr, "%s\n", error->text);
    return EXIT_FINDING;
}

static int take_place(struct arguments *arguments, const char *name)
{
    bool known;
    arguments->has_place = name[0] != 0;
    if (!arguments->has_place)
        return EXIT_FINE;
    if (!range_place_named(&arguments->next.place, slice_of(name), &known))
        return command_misuse(
            "ranges",
            "\"%s\" is not a place: say a region (aws:eu-west-3), a country (FR), a "
            "continent (EU) or a latitude and longitude (48.8,2.3).",
            name);
    if (!known)
        fprintf(stderr, "The region \"%s\" is not known; the configuration must say where it is.\n",
                name);
    return EXIT_FINE;
}

static int take_format(struct arguments *arguments, const char *name)
{
    arguments->next.how.format = range_format_named(slice_of(name));
    if (arguments->next.how.format || strcmp(name, "auto") == 0)
        return EXIT_FINE;
    return command_misuse(
        "ranges", "\"%s\" is not a format: aws, google, azure, oracle, geofeed, list, rir or auto.",
        name);
}

static int take_file(struct arguments *arguments, const char *path)
{
    if (arguments->file_count == FILES_MAX)
        return command_misuse("ranges", "There are more than %d files.", FILES_MAX);
    struct named_file *file = &arguments->files[arguments->file_count++];
    *file = arguments->next;
    file->path = path;
    file->how.place = arguments->has_place ? &file->place : NULL;
    return EXIT_FINE;
}

static int take_move(struct arguments *arguments, const char *move)
{
    if (!strchr(move, '='))
        return command_misuse("ranges", "--source \"%s\" lacks the URL: say --source NAME=URL.",
                              move);
    if (arguments->move_count == SOURCES_MAX)
        return command_misuse("ranges", "There are more than %d sources.", SOURCES_MAX);
    arguments->moves[arguments->move_count++] = move;
    return EXIT_FINE;
}

enum {
    OPTION_PLACE = 256,
    OPTION_PROVIDER,
    OPTION_FORMAT,
    OPTION_DOWNLOAD,
    OPTION_SOURCE,
    OPTION_FORCE,
    OPTION_CONFIG,
    OPTION_DIFF
};

static int take_option(struct arguments *arguments, int option, const char *word)
{
    switch (option) {
    case 1:
        return take_file(arguments, optarg);
    case 'o':
        arguments->output = optarg;
        return EXIT_FINE;
    case 'q':
        arguments->quiet = true;
        return EXIT_FINE;
    case OPTION_PLACE:
        return take_place(arguments, optarg);
    case OPTION_PROVIDER:
        arguments->next.how.provider = slice_of(optarg);
        return EXIT_FINE;
    case OPTION_FORMAT:
        return take_format(arguments, optarg);
    case OPTION_DOWNLOAD:
        arguments->set = optarg;
        return EXIT_FINE;
    case OPTION_SOURCE:
        return take_move(arguments, optarg);
    case OPTION_FORCE:
        arguments->force = true;
        return EXIT_FINE;
    case OPTION_CONFIG:
        arguments->config = optarg;
        return EXIT_FINE;
    case OPTION_DIFF:
        arguments->old = optarg;
        return EXIT_FINE;
    case ':':
        return command_misuse("ranges", "%s lacks its value.", word);
    default:
        return command_misuse("ranges", "%s is not an option.", word);
    }
}

/* Fills the arguments; -1 if help was asked for. */
static int parse(struct arguments *arguments, int argc, char **argv)
{
    static const struct option options[] = {
        {"output", required_argument, NULL, 'o'},
        {"place", required_argument, NULL, OPTION_PLACE},
        {"provider", required_argument, NULL, OPTION_PROVIDER},
        {"format", required_argument, NULL, OPTION_FORMAT},
        {"download", required_argument, NULL, OPTION_DOWNLOAD},
        {"source", required_argument, NULL, OPTION_SOURCE},
        {"config", required_argument, NULL, OPTION_CONFIG},
        {"force", no_argument, NULL, OPTION_FORCE},
        {"diff", required_argument, NULL, OPTION_DIFF},
        {"quiet", no_argument, NULL, 'q'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    int option, status = EXIT_FINE;
    optind = 0; /* starts glibc's getopt anew; '-': files come in their order among options */
    while (status == EXIT_FINE &&
           (option = getopt_long(argc, argv, "-:o:qh", options, NULL)) != -1) {
        if (option == 'h')
            return -1;
        status = take_option(arguments, option, argv[optind - 1]);
    }
    while (status == EXIT_FINE && optind < argc)
        status = take_file(arguments, argv[optind++]);
    return status;
}

static bool read_files(struct range_list *list, const struct arguments *arguments,
                       struct range_error *error)
{
    for (size_t i = 0; i < arguments->file_count; i++) {
        const struct named_file *file = &arguments->files[i];
        if (!compile_read(list, file->path, file->how, error))
            return false;
    }
    return true;
}

static void tell_compiled(const struct arguments *arguments, const struct compiled *compiled,
                          size_t files)
{
    if (compiled->conflicts)
        fprintf(
            stderr,
            "Of the prefixes, %zu had two places; for each, the one that came first was taken.\n",
            compiled->conflicts);
    if (arguments->quiet)
        return;
    printf("%s: %s, %zu prefix%s of %zu file%s, %zu nodes of %u bits\n", arguments->output,
           compiled->same ? "unchanged" : "written", compiled->prefixes,
           plural(compiled->prefixes, "es"), files, plural(files, "s"), compiled->file.nodes,
           2 * compiled->file.record_size);
}

static int run_compile(const struct arguments *arguments)
{
    struct range_list list = {.table = record_table_new()};
    struct compiled compiled = {0};
    struct range_error error = {"There is not enough memory."};
    bool done = list.table && read_files(&list, arguments, &error) &&
                compile_list(&list, arguments->output, &compiled, &error);
    if (done)
        tell_compiled(arguments, &compiled, arguments->file_count);
    range_list_free(&list);
    record_table_free(list.table);
    return done ? EXIT_FINE : complain(&error);
}

/* Either a database or ranges. */
static bool read_any(struct range_list *list, const char *path, const struct range_input *how,
                     struct range_error *error)
{
    return mmdb_is_database(path) ? mmdb_read(list, path, error)
                                  : compile_read(list, path, *how, error);
}

static void print_change(const struct record_table *table, const struct change *change)
{
    char prefix[PREFIX_TEXT], before[400], after[400];
    prefix_format(&change->prefix, prefix);
    if (change->before != LEAF_EMPTY)
        record_describe(record_at(table, change->before & ~LEAF_BIT), before, sizeof before);
    if (change->after != LEAF_EMPTY)
        record_describe(record_at(table, change->after & ~LEAF_BIT), after, sizeof after);
    if (change->before == LEAF_EMPTY)
        printf("+ %-20s %s\n", prefix, after);
    else if (change->after == LEAF_EMPTY)
        printf("- %-20s %s\n", prefix, before);
    else
        printf("~ %-20s %s -> %s\n", prefix, before, after);
}

static void print_changes(const struct record_table *table, const struct changes *changes)
{
    size_t added = 0, removed = 0;
    for (size_t i = 0; i < changes->count; i++) {
        print_change(table, &changes->list[i]);
        added += changes->list[i].before == LEAF_EMPTY;
        removed += changes->list[i].after == LEAF_EMPTY;
    }
    printf("%zu network%s added, %zu removed, %zu moved\n", added, plural(added, "s"), removed,
           changes->count - added - removed);
}

/* The two lists share a table of records, so that equal places have equal numbers. */
static bool find_changes(struct range_list lists[2], struct changes *changes,
                         struct range_error *error)
{
    struct prefix_tree trees[2] = {{0}};
    size_t conflicts;
    bool done = compile_tree(&lists[0], &trees[0], &conflicts, error) &&
                compile_tree(&lists[1], &trees[1], &conflicts, error);
    if (done && !changes_find(changes, &trees[0], &trees[1]))
        done = range_fail(error, "There is not enough memory to compare.");
    prefix_tree_free(&trees[0]);
    prefix_tree_free(&trees[1]);
    return done;
}

static int run_diff(const struct arguments *arguments)
{
    struct record_table *table = record_table_new();
    struct range_list lists[2] = {{.table = table}, {.table = table}};
    struct range_error error = {"There is not enough memory."};
    struct changes changes = {0};
    const struct named_file *files = arguments->files;
    bool done = table && read_any(&lists[0], arguments->old, &files[0].how, &error);
    for (size_t i = 0; done && i < arguments->file_count; i++)
        done = read_any(&lists[1], files[i].path, &files[i].how, &error);
    done = done && find_changes(lists, &changes, &error);
    if (done)
        print_changes(table, &changes);
    int status = !done ? complain(&error) : changes.count ? EXIT_FINDING : EXIT_FINE;
    changes_free(&changes);
    range_list_free(&lists[0]);
    range_list_free(&lists[1]);
    record_table_free(table);
    return status;
}

/* What a configuration says of this set's sources. None is needed for a download. */
static bool set_configured(struct source_set *sources, const struct arguments *arguments)
{
    char found[PATH_MAX];
    bool fine = true;
    if (!arguments->config && !config_find(found, sizeof found))
        return true;
    struct config *config = command_load(arguments->config ? arguments->config : found, false);
    for (size_t i = 0; config && i < config->source_count; i++) {
        const struct range_url *source = &config->sources[i];
        if (strcmp(source->set, arguments->set) != 0)
            continue;
        const char *problem = sources_set(sources, source->name, source->url);
        if (problem)
            fprintf(stderr, "signpost ranges: the source \"%s\" of %s %s.\n", source->name.at,
                    config->file, problem);
        fine = fine && !problem;
    }
    fine = fine && config;
    config_free(config);
    return fine;
}

static int run_download(const struct arguments *arguments)
{
    struct source_set sources;
    if (!sources_fill(&sources, slice_of(arguments->set)))
        return command_misuse("ranges", "\"%s\" cannot be downloaded: say clouds or country.",
                              arguments->set);
    if (!set_configured(&sources, arguments))
        return EXIT_FINDING;
    for (size_t i = 0; i < arguments->move_count; i++) {
        const char *move = arguments->moves[i], *equals = strchr(move, '=');
        struct slice name = {move, (size_t)(equals - move)};
        const char *problem = sources_set(&sources, name, slice_of(equals + 1));
        if (problem)
            return command_misuse("ranges", "--source \"%s\" %s.", move, problem);
    }
    if (sources.count == 0)
        return command_misuse("ranges",
                              "All sources of \"%s\" are left out: there would be nothing "
                              "in the database.",
                              arguments->set);
    struct download download = {
        .sources = &sources,
        .database = arguments->output                       ? arguments->output
                    : strcmp(arguments->set, "clouds") == 0 ? "clouds.mmdb"
                                                            : "country.mmdb",
        .force = arguments->force,
        .progress = !arguments->quiet && isatty(STDERR_FILENO),
        .quiet = arguments->quiet,
    };
    return download_run(&download);
}

static int run(const struct arguments *arguments)
{
    if (arguments->set && (arguments->old || arguments->file_count))
        return command_misuse("ranges",
                              "--download takes no files; compile or compare in a run of its own.");
    if (arguments->set)
        return run_download(arguments);
    if (arguments->move_count)
        return command_misuse("ranges", "--source goes with --download.");
    if (!arguments->file_count)
        return command_misuse("ranges", "There is no file to read.");
    if (arguments->old && arguments->output)
        return command_misuse("ranges", "--diff writes nothing; leave out -o.");
    if (arguments->old)
        return run_diff(arguments);
    if (!arguments->output)
        return command_misuse("ranges", "Name the database to write with -o.");
    return run_compile(arguments);
}

int cmd_ranges(int argc, char **argv)
{
    struct arguments arguments = {0};
    arguments.files = calloc(FILES_MAX, sizeof *arguments.files);
    if (!arguments.files)
        return command_misuse("ranges", "There is not enough memory.");
    int status = parse(&arguments, argc, argv);
    if (status == -1) {
        fputs(help, stdout);
        status = EXIT_FINE;
    } else if (status == EXIT_FINE) {
        status = run(&arguments);
    }
    free(arguments.files);
    return status;
}
