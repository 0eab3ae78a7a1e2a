/* SPDX-License-Identifier: Apache-2.0 */
/* The log: what a line says, whatever a client sends; and where lines go when nobody takes them. */
#include "log/log.h"
#include "log/notes.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include "asking.h"
#include "tap.h"

static const char layout[] =
    "name = \"registry.example.org\"; canonical = \"us\"; state = \"/nonexistent\";"
    "upstreams = { eu = { url = \"https://eu.example.org\"; serves = \"EU\"; };"
    "              us = { url = \"https://us.example.org\"; place = \"US\"; }; };"
    "log_id_header = \"X-Request-Id\"; log_client = true;";

static const struct timespec noon = {1795521600, 123456789}; /* 2026-11-24 */

static struct config *config;
static struct passage passage;
static struct log_steps steps;
static struct log_entry entry = {.passage = &passage, .steps = &steps, .took_ns = 2310};

static void decide_on(char *const *given)
{
    struct decision_trace trace = log_steps_trace(&steps);

    steps.count = 0;
    respond_decide(&passage, config, NULL, given, NULL, &trace);
    entry.now = noon;
}

/* The line for a request. */
static const char *line_of(char *const *given, const struct logging *logging)
{
    static char line[LOG_LINE_MAX + 1];
    struct text out = {.at = line, .size = LOG_LINE_MAX};

    decide_on(given);
    log_entry_write(&entry, logging, &out);
    line[out.len] = '\0';
    return line;
}

static struct logging logging_of(enum logging_format format)
{
    struct logging logging = config->logging;

    logging.what = LOGGING_ALL;
    logging.format = format;
    return logging;
}

/* ---- lines ---- */

static const char usual[] = "REQUEST_METHOD=GET\nREQUEST_URI=/v2/app/manifests/v1?a=b\n"
                            "REMOTE_ADDR=192.0.2.77\nSIGNPOST_REGION=FR\n"
                            "HTTP_X_REQUEST_ID=0af7651916cd43dd";

static void check_lines(void)
{
    struct logging plain = logging_of(LOGGING_PLAIN), json = logging_of(LOGGING_JSON);

    is(line_of(variables(usual), &plain),
       "time=2026-11-24T12:00:00.123Z status=307 class=manifest-tag method=GET "
       "path=/v2/app/manifests/v1?a=b name=app target=eu place=FR rule=6 took=0.000002310 "
       "reason=\"nearest = eu: taken, serves the client's continent\" id=0af7651916cd43dd "
       "client=192.0.2.0/24\n",
       "a redirect, plain");
    is(line_of(variables(usual), &json),
       "{\"time\":\"2026-11-24T12:00:00.123Z\",\"status\":307,\"class\":\"manifest-tag\","
       "\"method\":\"GET\",\"path\":\"/v2/app/manifests/v1?a=b\",\"name\":\"app\","
       "\"target\":\"eu\",\"place\":\"FR\",\"rule\":6,\"took\":0.000002310,"
       "\"reason\":\"nearest = eu: taken, serves the client's continent\","
       "\"id\":\"0af7651916cd43dd\",\"client\":\"192.0.2.0/24\"}\n",
       "the same as JSON");
    is(line_of(variables("REQUEST_METHOD=POST\nREQUEST_URI=/nothing"), &plain),
       "time=2026-11-24T12:00:00.123Z status=405 class=other method=POST path=/nothing name=- "
       "target=- place=- rule=- took=0.000002310 "
       "reason=\"Only GET and HEAD are served here.\" id=- client=-\n",
       "an error");
    like(line_of(variables("REQUEST_METHOD=GET\nREQUEST_URI=/v2/"), &json),
         "\"name\":null,\"target\":null,\"place\":null,\"rule\":null,\"took\":0.000002310,"
         "\"reason\":null,\"id\":null,\"client\":null}",
         "what there is none of");
    like(line_of(variables(
                     "REQUEST_METHOD=GET\nSCRIPT_NAME=\nPATH_INFO=/v2/100%/?#\nQUERY_STRING=n=%41"),
                 &plain),
         " path=/v2/100%25/%3F%23?n=%41 ", "a path that the server has decoded");
    like(line_of(
             variables("REQUEST_METHOD=GET\nREQUEST_URI=/v2/a/manifests/"
                       "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n"
                       "SIGNPOST_REGION=FR"),
             &plain),
         "reason=\"nearest? = eu: passed over: it is not known whether it holds the object; "
         "canonical = us: taken",
         "who was passed over, and why");
    plain.client = false;
    plain.id_header.len = 0;
    ok(!strstr(line_of(variables(usual), &plain), " id=") &&
           !strstr(line_of(variables(usual), &plain), "192.0.2"),
       "neither id nor client unless they are wanted");
}

static void check_clients(void)
{
    struct logging logging = logging_of(LOGGING_PLAIN);
    static const struct {
        const char *address;
        unsigned ipv4_bits, ipv6_bits;
        const char *client;
    } clients[] = {
        {"198.51.100.255", 24, 48, "198.51.100.0/24"},
        {"198.51.100.255", 20, 48, "198.51.96.0/20"},
        {"198.51.100.255", 0, 48, "0.0.0.0/0"},
        {"198.51.100.255", 32, 48, "198.51.100.255/32"},
        {"2001:db8:1:2:3::4", 24, 48, "2001:db8:1::/48"},
        {"2001:db8:1:2:3::4", 24, 0, "::/0"},
        {"::ffff:192.0.2.1", 24, 48, "192.0.2.0/24"},
        {"64:ff9b::192.0.2.1", 24, 48, "64:ff9b::/48"}, /* nothing of the IPv4 address inside */
        {"unix:", 24, 48, "-"},
        {"", 24, 48, "-"},
    };

    for (size_t i = 0; i < sizeof clients / sizeof *clients; i++) {
        char lines[200], want[80];
        logging.ipv4_bits = clients[i].ipv4_bits;
        logging.ipv6_bits = clients[i].ipv6_bits;
        snprintf(lines, sizeof lines,
                 "REQUEST_METHOD=GET\nREQUEST_URI=/v2/a/tags/list\nREMOTE_ADDR=%s",
                 clients[i].address);
        snprintf(want, sizeof want, " client=%s\n", clients[i].client);
        like(line_of(variables(lines), &logging), want, "%s by %u and %u bits", clients[i].address,
             logging.ipv4_bits, logging.ipv6_bits);
    }
}

/* Whether it is one line of visible ASCII and spaces, with no quotation mark or backslash but ours.
 */
static bool is_tame(const char *line, size_t quotes)
{
    size_t len = strlen(line);

    for (size_t i = 0; i + 1 < len; i++) {
        if (line[i] < ' ' || line[i] > '~' || line[i] == '\\')
            return false;
        quotes -= line[i] == '"';
    }
    return len > 0 && line[len - 1] == '\n' && quotes == 0;
}

static void check_hostile(void)
{
    struct logging plain = logging_of(LOGGING_PLAIN), json = logging_of(LOGGING_JSON);
    size_t size = 40000;
    char *huge = malloc(size), *id = malloc(size), *method = malloc(size);

    for (int c = 1; c < 256; c++) {
        snprintf(huge, size, "REQUEST_URI=/v2/a/manifests/v1%cx=\"y\"", c);
        snprintf(id, size, "HTTP_X_REQUEST_ID=a%cb\" status=200", c);
        snprintf(method, size, "REQUEST_METHOD=G%cT", c);
        char *const given[] = {method, huge, id, NULL};
        if (!is_tame(line_of(given, &plain), 2) && !is_tame(line_of(given, &plain), 0))
            fail("byte %d, plain: %s", c, line_of(given, &plain));
        if (!is_tame(line_of(given, &json), 2 * 13 + 12) &&
            !is_tame(line_of(given, &json), 2 * 13 + 14) &&
            !is_tame(line_of(given, &json), 2 * 13 + 16))
            fail("byte %d, JSON: %s", c, line_of(given, &json));
    }
    pass("no byte disturbs a line");
    snprintf(huge, size, "REQUEST_URI=/v2/a b status=200");
    char *const spaces[] = {huge, NULL};
    like(line_of(spaces, &plain), " path=/v2/a%20b%20status=200 ", "a space does not end a field");
    memset(huge, 0xff, size - 1);
    huge[size - 1] = '\0';
    memcpy(huge, "REQUEST_URI=/", 13);
    memset(id, '"', size - 1);
    id[size - 1] = '\0';
    memcpy(id, "HTTP_X_REQUEST_ID=", 18);
    memset(method, '\n', size - 1);
    method[size - 1] = '\0';
    memcpy(method, "REQUEST_METHOD=", 15);
    char *const given[] = {method, huge, id, NULL};
    ok(is_tame(line_of(given, &json), 38), "as JSON, whatever the length");
    const char *line = line_of(given, &plain);
    ok(is_tame(line, 2), "and plain");
    const char *path = strstr(line, " path="), *name = strstr(line, " name=");
    cmp_ok(name - path - 6, <=, 2048, "a path is cut");
    is(strstr(line, " id=") ? "" : NULL, "", "and what follows is there");
    free(huge), free(id), free(method);
}

/* ---- sampling ---- */

static unsigned wanted(double rate, uint64_t seed, unsigned of)
{
    struct log log;
    struct logging logging = {.what = LOGGING_SAMPLED, .rate = rate, .to = "/dev/null"};
    unsigned n = 0;

    log_init(&log, seed, NULL, NULL);
    log_use(&log, &logging);
    for (unsigned i = 0; i < of; i++)
        n += log_wants(&log);
    log_end(&log);
    return n;
}

static void check_sampling(void)
{
    unsigned tenth = wanted(0.1, 42, 100000);

    ok(tenth > 9700 && tenth < 10300, "a tenth is about that: %u of 100000", tenth);
    cmp_ok(wanted(0.1, 42, 100000), ==, tenth, "the same seed, the same sample");
    ok(wanted(0.1, 43, 100000) != tenth, "another seed, another one");
    cmp_ok(wanted(0, 42, 1000), ==, 0, "none");
    cmp_ok(wanted(1, 42, 1000), ==, 1000, "all");
    cmp_ok(wanted(0.5, 0, 1000), >, 400, "a seed of nothing is one, too");
}

/* ---- where lines go ---- */

static char folder[] = "/tmp/signpost-test-log-XXXXXX";
static char said[400];
static unsigned said_times;

static void hear(void *context, const char *sentence)
{
    (void)context;
    said_times++;
    snprintf(said, sizeof said, "%s", sentence);
}

static const char *in_folder(const char *name)
{
    static char path[100];

    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void add_lines(struct log *log, unsigned count, int64_t now)
{
    decide_on(variables(usual));
    for (unsigned i = 0; i < count; i++) {
        entry.took_ns = i;
        log_add(log, &entry, now);
    }
}

/* The lines in a file, and whether each is whole. */
static unsigned lines_in(const char *path, bool *whole)
{
    char line[LOG_LINE_MAX + 2];
    FILE *file = fopen(path, "r");
    unsigned n = 0;

    for (*whole = true; file && fgets(line, sizeof line, file); n++)
        *whole =
            *whole && strncmp(line, "time=2026", 9) == 0 && strstr(line, "client=192.0.2.0/24\n");
    if (file)
        fclose(file);
    return n;
}

static void start(struct log *log, const struct logging *logging)
{
    said_times = 0;
    log_init(log, 1, hear, NULL);
    log_use(log, logging);
}

static void check_file(void)
{
    struct logging logging = logging_of(LOGGING_PLAIN);
    struct log log;
    struct stat status;
    bool whole;
    char path[200], old[200];

    snprintf(path, sizeof path, "%s", in_folder("log"));
    snprintf(old, sizeof old, "%s", in_folder("log.1"));
    logging.to = path;
    start(&log, &logging);
    ok(stat(path, &status) == 0 && (status.st_mode & 07777) == 0640,
       "a file is made, with mode 0640");
    cmp_ok(log_flush_if_due(&log, 1000), ==, -1, "nothing waits");
    add_lines(&log, 3, 1000);
    cmp_ok(log_flush_if_due(&log, 1010), ==, 40, "lines wait for others");
    cmp_ok(lines_in(path, &whole), ==, 0, "… in memory");
    cmp_ok(log_flush_if_due(&log, 1050), ==, -1, "but not long");
    cmp_ok(lines_in(path, &whole), ==, 3, "… and are written");
    add_lines(&log, 1, 2000);
    rename(path, old);
    log_reopen(&log);
    cmp_ok(lines_in(old, &whole), ==, 4, "what waits goes to the old file");
    add_lines(&log, 1000, 3000);
    log_end(&log);
    ok(lines_in(path, &whole) == 1000 && whole, "and the rest to the new one, at the end, too");
    cmp_ok(log.lines, ==, 1004, "all were counted");
    cmp_ok(said_times, ==, 0, "and nothing was to be said");
    unlink(path), unlink(old);
}

static void check_no_file(void)
{
    struct logging logging = logging_of(LOGGING_PLAIN);
    struct log log;
    bool whole;
    char path[200];

    snprintf(path, sizeof path, "%s", in_folder("later/log"));
    logging.to = path;
    start(&log, &logging);
    is(strstr(said, "later/log cannot be opened: No such file or directory.") ? "" : said, "",
       "a folder that is not there is told");
    add_lines(&log, 10, 1000);
    cmp_ok(log_flush_if_due(&log, 2000), >, 0, "lines wait");
    log_retry(&log);
    cmp_ok(said_times, ==, 1, "it is told once");
    mkdir(in_folder("later"), 0755);
    log_retry(&log);
    log_flush_if_due(&log, 3000);
    ok(lines_in(path, &whole) == 10 && whole, "once it is there they are written");
    is(said, "The log can be written again.", "and that is told");
    log_end(&log);
    unlink(path);
    rmdir(in_folder("later"));
}

static void check_full(void)
{
    struct logging logging = logging_of(LOGGING_PLAIN);
    struct log log;

    logging.to = "/dev/full";
    start(&log, &logging);
    add_lines(&log, 5000, 1000);
    ok(strstr(said, "No space left on device"), "a full disk is told: %s", said);
    log_flush_if_due(&log, 2000);
    cmp_ok(said_times, ==, 1, "once");
    ok(log.dropped > 4000 && log.lines + log.dropped == 5000, "lines are dropped, and counted");
    ok(log.len <= LOG_BUFFER, "memory is bounded");
    log_end(&log);
    cmp_ok(log.dropped, ==, 5000, "those that waited in vain, too");
    cmp_ok(log.lines, ==, 0, "none was written");
}

/* A pipe that nobody reads, as a web server's may be that hangs. */
static void check_pipe(void)
{
    struct logging logging = logging_of(LOGGING_PLAIN);
    struct log log;
    char path[200], line[LOG_LINE_MAX];
    size_t lines = 0, in_order = 0;

    snprintf(path, sizeof path, "%s", in_folder("pipe"));
    if (mkfifo(path, 0600) != 0)
        return;
    FILE *reader = fdopen(open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC), "r");
    fcntl(fileno(reader), F_SETPIPE_SZ, 8192); /* so that it takes a part of the buffer */
    logging.to = path;
    start(&log, &logging);
    add_lines(&log, 5000, 1000);
    ok(log.dropped > 0 && strstr(said, "cannot be written"), "nobody reads, and nothing waits");
    ok(strncmp(log.buffer, "time=", 5) == 0, "only whole lines were written");
    for (int64_t now = 2000; now < 200000; now += 1000) {
        for (; fgets(line, sizeof line, reader); lines++) {
            const char *took = strstr(line, " took=0.");
            in_order += took && strtoul(took + 8, NULL, 10) == lines;
        }
        clearerr(reader);
        log_flush_if_due(&log, now);
    }
    cmp_ok(lines, ==, log.lines, "all that were not dropped have come");
    cmp_ok(in_order, ==, lines, "… in their order");
    is(said, "The log can be written again.", "and that is told");
    log_end(&log);
    fclose(reader);
    unlink(path);
}

/* A descriptor of somebody else's that blocks, and cannot be opened anew. */
static void check_stream(void)
{
    struct sink sink = {.fd = -1};
    int pair[2];
    char *lines = calloc(1, 4 << 20), part[1000];

    memset(lines, 'x', 4 << 20);
    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair);
    sink_open_descriptor(&sink, pair[0]);
    cmp_ok(sink.kind, ==, SINK_STREAM, "a socket");
    size_t taken = sink_write(&sink, lines, 4 << 20);
    ok(taken > 0 && taken < 4 << 20 && errno == EAGAIN,
       "a part is taken, and the rest not waited for");
    ok(read(pair[1], part, sizeof part) == sizeof part, "it has come");
    sink_close(&sink);
    ok(fcntl(pair[0], F_GETFD) >= 0, "the descriptor stays its owner's");
    close(pair[0]), close(pair[1]);
    free(lines);
}

/* Another user's pipe, which blocks, may not be opened anew. Returns its reading end. */
static int foreign_pipe(int *writer)
{
    int ends[2];

    if (pipe2(ends, O_CLOEXEC) != 0 || fchmod(ends[1], 0) != 0)
        exit(99);
    *writer = ends[1];
    return ends[0];
}

/* Root may open anything. */
static void without_rights(struct sink *sink, int fd)
{
    bool root = geteuid() == 0;

    if (root && seteuid(65534) != 0)
        exit(99);
    sink_open_descriptor(sink, fd);
    if (root && seteuid(0) != 0)
        exit(99);
}

static void check_foreign_pipe(void)
{
    struct sink sink = {.fd = -1};
    char lines[] = "a first line\nand a second\n", got[1 << 17];
    size_t taken = 0, n;
    int writer, reader = foreign_pipe(&writer);

    without_rights(&sink, writer);
    cmp_ok(sink.kind, ==, SINK_SHARED, "another user's pipe");
    alarm(20); /* the test ends if it is waited for */
    while ((n = sink_write(&sink, lines, sizeof lines - 1)) > 0)
        taken += n;
    cmp_ok(errno, ==, EAGAIN, "it is not waited for when it is full");
    cmp_ok(sink_write(&sink, lines, sizeof lines - 1), ==, 0, "nor once more");
    ok(!(fcntl(writer, F_GETFL) & O_NONBLOCK), "the descriptor is as it was");
    alarm(0);
    cmp_ok(read(reader, got, sizeof got), ==, taken, "what was taken has come");
    ok(memcmp(got, lines, sizeof lines - 1) == 0, "as it was");
    cmp_ok(sink_write(&sink, lines, sizeof lines - 1), ==, sizeof lines - 1, "then there is room");
    cmp_ok(read(reader, got, sizeof got), ==, sizeof lines - 1, "for just that");
    sink_close(&sink);
    ok(fcntl(writer, F_GETFD) >= 0, "the descriptor stays its owner's");
    close(reader), close(writer);
}

/* Notes go to a pipe in place of standard error, from here to end_notes. */
static int begin_notes(struct notes *notes, int *kept)
{
    int ends[2];

    *kept = dup(STDERR_FILENO);
    if (pipe2(ends, O_CLOEXEC) != 0 || dup2(ends[1], STDERR_FILENO) < 0)
        exit(99);
    close(ends[1]);
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    notes_init(notes, "program");
    return ends[0];
}

static void end_notes(struct notes *notes, int kept)
{
    dup2(kept, STDERR_FILENO);
    close(kept);
    notes_end(notes);
}

static void check_full_notes(void)
{
    static const char sentence[] = "something is to be said to whoever reads this";
    static char got[1 << 17];
    struct notes notes;
    int count = 0, lines = 0, kept, reader = begin_notes(&notes, &kept);

    alarm(20); /* the test ends if it waits for room */
    for (; notes.dropped < 10; count++)
        notes_say(&notes, sentence);
    notes_flush(&notes);
    alarm(0);
    ssize_t n = read(reader, got, sizeof got - 1);
    notes_say(&notes, "there is room again");
    ssize_t more = read(reader, got + n, sizeof got - 1 - (size_t)n);
    end_notes(&notes, kept);
    got[n + (more > 0 ? more : 0)] = '\0';
    for (char *at = got; (at = strstr(at, "program: something is")); lines++)
        at = strchr(at, '\n');
    cmp_ok(lines, ==, count - 10, "notes for which there is room come, later if need be");
    like(got, "program: 10 messages were lost here, ", "those for which there is none are counted");
    like(got, "program: there is room again\n", "and it goes on");
    close(reader);
}

static void check_notes(void)
{
    static char got[1 << 16], longest[3 * NOTES_BUFFER];
    struct notes notes;
    struct problems problems = {0};
    int kept, reader = begin_notes(&notes, &kept);

    problem_add(&problems, PROBLEM_ERROR, (struct origin){"a.conf", 7}, "this is wrong.");
    problem_add(&problems, PROBLEM_WARNING, (struct origin){0}, "so is this.");
    notes_problems(&notes, &problems);
    problems_clear(&problems);
    memset(longest, 'x', sizeof longest - 1);
    notes_say(&notes, longest);
    notes_say(&notes, "short");
    ssize_t n = read(reader, got, sizeof got - 1);
    close(reader);
    notes_say(&notes, "nobody reads this");
    end_notes(&notes, kept);
    got[n > 0 ? n : 0] = '\0';
    like(got, "a.conf:7: error: this is wrong.\nwarning: so is this.\nprogram: xxx", "problems");
    like(got, "xxx\nprogram: short\n", "a long one is cut, and ends its line");
}

static void check_syslog(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct sink sink = {.fd = -1};
    struct why why;
    char line[200], lines[] = "first\nsecond\n";

    snprintf(address.sun_path, sizeof address.sun_path, "%s", in_folder("syslog"));
    ok(!sink_open_syslog(&sink, address.sun_path, &why) && strstr(why.text, "No such file"),
       "no syslog: %s", why.text);
    int daemon = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    ok(bind(daemon, (struct sockaddr *)&address, sizeof address) == 0, "a socket of syslog");
    ok(sink_open_syslog(&sink, address.sun_path, &why), "a syslog daemon");
    cmp_ok(sink_write(&sink, lines, sizeof lines - 1), ==, sizeof lines - 1, "two lines");
    ssize_t n = recv(daemon, line, sizeof line - 1, 0);
    line[n > 0 ? n : 0] = '\0';
    like(line, "<30>", "daemon.info");
    like(line, "]: first", "a line");
    n = recv(daemon, line, sizeof line - 1, 0);
    line[n > 0 ? n : 0] = '\0';
    like(line, "]: second", "is a message");
    for (int i = 0; i < 5000 && sink_write(&sink, lines, sizeof lines - 1) > 0; i++)
        ;
    ok(sink_write(&sink, lines, sizeof lines - 1) == 0 && errno == EAGAIN,
       "a daemon that does not read is not waited for");
    sink_close(&sink);
    close(daemon);
    unlink(address.sun_path);
}

static void check_off(void)
{
    struct logging off = {.what = LOGGING_OFF, .to = LOGGING_STDERR};
    struct log log;

    start(&log, &off);
    ok(!log_wants(&log) && !log.buffer, "off: no line, no memory");
    log_reopen(&log);
    log_retry(&log);
    cmp_ok(log_flush_if_due(&log, 1), ==, -1, "and nothing to do");
    log_end(&log);
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    config = config_of(layout);
    if (!mkdtemp(folder))
        return 1;
    check_lines();
    check_clients();
    check_hostile();
    check_sampling();
    check_file();
    check_no_file();
    check_full();
    check_pipe();
    check_stream();
    check_foreign_pipe();
    check_full_notes();
    check_notes();
    check_syslog();
    check_off();
    rmdir(folder);
    config_free(config);
    return done_testing();
}
