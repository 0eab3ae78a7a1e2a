/* SPDX-License-Identifier: Apache-2.0 */
/* signpost verify: checks a front door that is in service, as clients would use it. */
#include "config.h"

#include <stdio.h>
#include "cmd/command.h"

#ifndef HAVE_REGISTRY
int cmd_verify(int argc, char **argv)
{
    (void)argc, (void)argv;
    fputs(
        "signpost verify: This signpost was built without libcurl, jansson or libcrypto and cannot "
        "ask a front door; install them (Debian: libcurl4-openssl-dev, libjansson-dev, "
        "libssl-dev) and build again.\n",
        stderr);
    return EXIT_FINDING;
}
#else

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include "cmd/verify/crew.h"
#include "cmd/verify/verify.h"
#include "parse/reference.h"
#include "parse/url.h"

static const char usage[] =
    "Usage: signpost verify [OPTION…] URL [IMAGE…]\n"
    "\n"
    "Checks a front door that is in service, signpost's or anyone's, as registry\n"
    "clients would use it: that images arrive, and that signatures, attestations, SBOMs\n"
    "and referrers are found at the canonical registry, by tag and by digest. It reads\n"
    "only. What fails is told with the requests that show it, the clients that break,\n"
    "and the cure, in TAP.\n"
    "\n"
    "URL is the front door's, https://registry.example.org. IMAGE is a name with a tag\n"
    "or a digest, team/app:v1; a host before it is not looked at. Without an IMAGE only\n"
    "the front door itself is checked: /v2/, methods, and bad input.\n"
    "\n"
    "  --canonical URL    the registry where signatures are written; a path in it\n"
    "                     stands before the images' names. Else it is learned from where\n"
    "                     the front door sends the tag of a signature\n"
    "  --file FILE        further images, one a line; \"-\" is standard input\n"
    "  --header NAME      the header by which the front door is told where a client is\n"
    "  --place VALUE      a value of it: all is checked from there, too; may be repeated\n"
    "  --address IP       a front door's address, in place of DNS: all is checked there,\n"
    "                     too; IP:PORT and [IPv6]:PORT are fine; may be repeated\n"
    "  --whole            all platforms and layers of an image; else one platform, its\n"
    "                     configuration and smallest layer\n"
    "  --state FILE       where what is done is noted, and read when the same call is\n"
    "                     made again after Ctrl-C; at the end it is removed\n"
    "  --jobs N           images that are checked at a time (4)\n"
    "  --ca FILE          certificates to trust, in place of the system's\n"
    "  --json             prints JSON at the end, in place of TAP\n"
    "\n"
    "The exit status is 1 if a check failed, or not all could be made.\n";

enum { WORDS_MAX = 100000, LINE_BYTES_MAX = 1024 };

/* A list of words that grows; they are borrowed. */
struct words {
    const char **list;
    size_t count, room;
};

struct arguments {
    struct verify_call call;
    struct words images, places, addresses;
    char **lines; /* the images that were read from a file, to be freed */
    size_t line_count;
    char *url; /* the call's, to be freed */
    const char *file;
};

static bool add_word(struct words *words, const char *word)
{
    if (words->count == words->room && words->count < WORDS_MAX) {
        size_t room = words->room ? 2 * words->room : 16;
        const char **list = realloc(words->list, room * sizeof *list);
        if (!list)
            return false;
        words->list = list;
        words->room = room;
    }
    if (words->count == words->room)
        return false;
    words->list[words->count++] = word;
    return true;
}

static int misuse(const char *sentence)
{
    return command_misuse("verify", "%s", sentence);
}

/* ---- images ---- */

/* One line of a file: an image, or nothing behind a "#". */
static bool add_line(struct arguments *arguments, char *line)
{
    line[strcspn(line, "#\r\n")] = '\0';
    struct slice word = slice_trim(slice_of(line));
    if (!word.len)
        return true;
    char **lines = realloc(arguments->lines, (arguments->line_count + 1) * sizeof *lines);
    if (!lines)
        return false;
    arguments->lines = lines;
    lines[arguments->line_count] = strndup(word.at, word.len);
    return lines[arguments->line_count] &&
           add_word(&arguments->images, lines[arguments->line_count++]);
}

static bool read_images(struct arguments *arguments)
{
    const char *name = arguments->file;
    bool is_input = strcmp(name, "-") == 0;
    FILE *file = is_input ? stdin : fopen(name, "re");
    char line[LINE_BYTES_MAX];
    bool good = true;

    if (!file) {
        fprintf(stderr, "signpost verify: %.200s cannot be opened: %s.\n", name, strerror(errno));
        return false;
    }
    while (good && fgets(line, sizeof line, file))
        good = add_line(arguments, line);
    if (!is_input)
        fclose(file);
    if (!good)
        fprintf(stderr, "signpost verify: %.200s has too many images.\n", name);
    return good;
}

static int check_images(const struct words *images)
{
    struct image_reference image;
    struct why why;

    for (size_t i = 0; i < images->count; i++)
        if (!image_reference_parse(&image, images->list[i], &why))
            return command_misuse("verify", "%s", why.text);
    return EXIT_FINE;
}

/* ---- the front door ---- */

/* "https://HOST", from a URL or only a host; NULL if it is neither. */
static char *door_url(const char *word)
{
    char *url;

    if (asprintf(&url, "%s%s", strstr(word, "://") ? "" : "https://", word) < 0)
        return NULL;
    size_t len = strlen(url);
    if (len && url[len - 1] == '/')
        url[len - 1] = '\0';
    struct slice whole = slice_of(url);
    bool good = url_is_base(whole) && !strchr(url, '{');
    if (good) {
        struct slice authority = url_authority(whole);
        good = authority.at + authority.len == whole.at + whole.len;
    }
    if (!good)
        free(url);
    return good ? url : NULL;
}

/* "192.0.2.1", "192.0.2.1:8443", "[2001:db8::1]", "[2001:db8::1]:8443". */
static bool is_address(const char *word)
{
    size_t colons = 0;

    for (const char *c = word; *c; c++)
        colons += *c == ':';
    return url_is_authority(slice_of(word)) && (word[0] == '[' || colons <= 1);
}

static bool is_header(const char *name, const char *value)
{
    for (const char *c = name; *c; c++)
        if (!isalnum((unsigned char)*c) && !strchr("-_", *c))
            return false;
    for (const char *c = value; *c; c++)
        if (*c < ' ' || *c > '~')
            return false;
    return *name && strlen(name) + strlen(value) < LINE_BYTES_MAX;
}

static int check_views(const struct arguments *arguments)
{
    const char *header = arguments->call.header;

    if (!header != !arguments->places.count)
        return misuse("--header and --place go together: which header, and what to say in it.");
    for (size_t i = 0; i < arguments->places.count; i++)
        if (!is_header(header, arguments->places.list[i]))
            return misuse("that is no header, such as --header X-Client-Region --place FR.");
    for (size_t i = 0; i < arguments->addresses.count; i++)
        if (!is_address(arguments->addresses.list[i]))
            return command_misuse("verify",
                                  "\"%.60s\" is no address: write IP, IP:PORT or [IPv6]:PORT.",
                                  arguments->addresses.list[i]);
    return EXIT_FINE;
}

static int check(struct arguments *arguments)
{
    const char *canonical = arguments->call.canonical;
    unsigned jobs = arguments->call.jobs;

    if (canonical && (!url_is_base(slice_of(canonical)) || strchr(canonical, '{')))
        return misuse("--canonical wants a URL, such as https://us.registry.example.org.");
    if (jobs < 1 || jobs > VERIFY_JOBS_MAX)
        return command_misuse("verify", "--jobs wants a number from 1 to %d.", VERIFY_JOBS_MAX);
    int status = check_images(&arguments->images);
    return status == EXIT_FINE ? check_views(arguments) : status;
}

/* ---- the command line ---- */

/* Takes one option; false if there is no memory, or too many of them. */
static bool take_option(struct arguments *arguments, int option, const char *value)
{
    struct verify_call *call = &arguments->call;

    switch (option) {
    case 'a':
        return add_word(&arguments->addresses, value);
    case 'p':
        return add_word(&arguments->places, value);
    case 'f':
        arguments->file = value;
        break;
    case 'c':
        call->canonical = value;
        break;
    case 'd':
        call->header = value;
        break;
    case 't':
        call->ca_file = value;
        break;
    case 's':
        call->state = value;
        break;
    case 'n':
        call->jobs = (unsigned)strtoul(value, NULL, 10);
        break;
    case 'w':
        call->whole = true;
        break;
    default:
        call->json = true;
    }
    return true;
}

static int run(struct arguments *arguments, char **words)
{
    struct verify_call *call = &arguments->call;

    if (!words[0])
        return misuse("which URL?");
    arguments->url = door_url(words[0]);
    if (!arguments->url)
        return command_misuse(
            "verify",
            "\"%.200s\" is no front door: write https://registry.example.org, without a path.",
            words[0]);
    for (size_t i = 1; words[i]; i++)
        if (!add_word(&arguments->images, words[i]))
            return misuse("those are too many images.");
    if (arguments->file && !read_images(arguments))
        return EXIT_FINDING;
    int status = check(arguments);
    if (status != EXIT_FINE)
        return status;
    call->url = arguments->url;
    call->images = arguments->images.list;
    call->image_count = arguments->images.count;
    call->places = arguments->places.list;
    call->place_count = arguments->places.count;
    call->addresses = arguments->addresses.list;
    call->address_count = arguments->addresses.count;
    return verify(call);
}

static void clear(struct arguments *arguments)
{
    for (size_t i = 0; i < arguments->line_count; i++)
        free(arguments->lines[i]);
    free(arguments->lines);
    free(arguments->images.list);
    free(arguments->places.list);
    free(arguments->addresses.list);
    free(arguments->url);
}

int cmd_verify(int argc, char **argv)
{
    static const struct option options[] = {
        {"address", required_argument, NULL, 'a'},   {"ca", required_argument, NULL, 't'},
        {"canonical", required_argument, NULL, 'c'}, {"file", required_argument, NULL, 'f'},
        {"header", required_argument, NULL, 'd'},    {"help", no_argument, NULL, 'h'},
        {"jobs", required_argument, NULL, 'n'},      {"json", no_argument, NULL, 'j'},
        {"place", required_argument, NULL, 'p'},     {"state", required_argument, NULL, 's'},
        {"whole", no_argument, NULL, 'w'},           {0}};
    struct arguments arguments = {.call = {.jobs = 4}};
    int status = EXIT_FINE;
    bool goes_on = true;

    for (int c; goes_on && (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        goes_on = c != 'h' && c != '?' && take_option(&arguments, c, optarg);
        if (c == 'h')
            fputs(usage, stdout);
        else if (!goes_on)
            status = misuse("that is no option, or one too many.");
    }
    if (goes_on)
        status = run(&arguments, argv + optind);
    clear(&arguments);
    return status;
}
#endif
