/* SPDX-License-Identifier: Apache-2.0 */
/* Who uses a state directory: told by the living, whatever else lies about in its folder. */
#include "state/presence.h"
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "descriptors.h"
#include "tap.h"

static char folder[] = "/tmp/signpost-presence-XXXXXX";
static struct state state;
static struct why why;

static struct {
    unsigned count;
    struct presence_note last;
} seen;

static void see(void *context, const struct presence_note *note)
{
    (void)context;
    seen.count++;
    seen.last = *note;
}

static unsigned list(void)
{
    seen.count = 0;
    presence_list(state.fd, see, NULL);
    return seen.count;
}

static const char *path_of(const char *name)
{
    static char path[300];

    snprintf(path, sizeof path, "%s/processes/%s", folder, name);
    return path;
}

/* How many files there are, of whatever kind. */
static int files(void)
{
    char command[400];
    int n = -1;

    snprintf(command, sizeof command, "ls -A %s | wc -l", path_of(""));
    FILE *out = popen(command, "r");
    if (out && fscanf(out, "%d", &n) != 1)
        n = -1;
    if (out)
        pclose(out);
    return n;
}

static void write_file(const char *name, const char *text, size_t len)
{
    FILE *out = fopen(path_of(name), "w");

    if (!out || fwrite(text, 1, len, out) != len || fclose(out) != 0)
        diag("%s cannot be written", path_of(name));
}

static bool tell(struct presence *presence, enum presence_standing standing, const char *mark,
                 const char *reason)
{
    struct why because;

    why.text[0] = '\0';
    snprintf(because.text, sizeof because.text, "%s", reason ? reason : "");
    return presence_tell(presence, &state, standing, "/etc/passwd", mark, reason ? &because : NULL,
                         &why);
}

static void check_one(void)
{
    struct presence one;
    int open_before = descriptors_open();

    presence_begin(&one, PRESENCE_RESPONDER);
    cmp_ok(list(), ==, 0, "nobody is there at first");
    ok(tell(&one, PRESENCE_SERVES, "1 by 2", NULL), "a process says that it is there");
    cmp_ok(list(), ==, 1, "it is seen");
    cmp_ok(seen.last.kind, ==, PRESENCE_RESPONDER, "as what it is");
    cmp_ok(seen.last.standing, ==, PRESENCE_SERVES, "as how it is");
    cmp_ok(seen.last.pid, ==, getpid(), "and who");
    is(seen.last.mark, "1 by 2", "the reload that it has done");
    is(seen.last.file, "/etc/passwd", "its configuration");
    is(seen.last.reason.text, "", "and nothing is wrong");
    ok(tell(&one, PRESENCE_KEEPS, "", "line 1\nline 2"), "it says something else");
    cmp_ok(list(), ==, 1, "it is one all the same");
    cmp_ok(seen.last.standing, ==, PRESENCE_KEEPS, "and as it is now");
    is(seen.last.reason.text, "line 1?line 2", "with a reason of two lines in one");
    cmp_ok(files(), ==, 1, "nothing else lies about");
    presence_end(&one);
    cmp_ok(descriptors_open(), ==, open_before, "nor open");
    cmp_ok(list(), ==, 0, "who ends is not seen");
    cmp_ok(files(), ==, 0, "nor its file");
}

/* A process that says that it is there, and is killed. */
static void check_killed(void)
{
    struct presence own;
    int ready[2];
    char c;

    if (pipe(ready) != 0)
        return;
    pid_t child = fork();
    if (child == 0) {
        presence_begin(&own, PRESENCE_PROBER);
        c = tell(&own, PRESENCE_UNCONFIGURED, "", "it is wrong") ? 'y' : 'n';
        (void)!write(ready[1], &c, 1);
        pause();
    }
    (void)!read(ready[0], &c, 1);
    cmp_ok(list(), ==, 1, "another process is seen");
    cmp_ok(seen.last.pid, ==, child, "as who it is");
    cmp_ok(seen.last.kind, ==, PRESENCE_PROBER, "and what");
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    cmp_ok(files(), ==, 1, "when it is killed its file stays");
    cmp_ok(list(), ==, 0, "and counts for nothing");
    cmp_ok(files(), ==, 0, "and is removed");
    close(ready[0]);
    close(ready[1]);
}

/* As it is said to who reloads. */
static const char *refusal(enum presence_kind kind, enum presence_standing standing,
                           const char *file)
{
    static char text[300];
    struct presence_note note = {.kind = kind, .pid = 7, .standing = standing};
    FILE *out = fmemopen(text, sizeof text, "w");

    snprintf(note.file, sizeof note.file, "%s", file);
    snprintf(note.reason.text, sizeof note.reason.text, "line 3 is wrong");
    presence_print_refusal(&note, out);
    fclose(out);
    return text;
}

static void check_refusals(void)
{
    is(refusal(PRESENCE_RESPONDER, PRESENCE_KEEPS, "/a"),
       "responder 7 refuses /a, and goes on with the one before: line 3 is wrong\n",
       "who has another configuration keeps it");
    is(refusal(PRESENCE_RESPONDER, PRESENCE_UNCONFIGURED, ""),
       "responder 7 refuses its environment, and answers 503 to all requests: line 3 is wrong\n",
       "a responder that has none answers 503");
    like(refusal(PRESENCE_PROBER, PRESENCE_UNCONFIGURED, "/a"),
         "refuses /a, and does nothing:", "and a prober does nothing");
}

/* A process that was started without a standard input may have the directory as that. */
static void check_descriptor_0(void)
{
    struct state first = state;
    struct presence own;
    int input = dup(STDIN_FILENO);

    first.fd = dup2(state.fd, STDIN_FILENO);
    presence_begin(&own, PRESENCE_PROBER);
    presence_tell(&own, &first, PRESENCE_SERVES, NULL, "", NULL, &why);
    cmp_ok(list(), ==, 1, "a directory with the descriptor 0 is one");
    presence_end(&own);
    if (input < 0)
        close(STDIN_FILENO);
    else
        dup2(input, STDIN_FILENO), close(input);
}

static void check_rubbish(void)
{
    static const char *const texts[] = {
        "",
        "signpost-process 1\n",
        "signpost-process 1\nkind king\npid 1\nstanding serves\nmark \nfile \nreason \n",
        "signpost-process 1\nkind prober\npid 1\nstanding up\nmark \nfile \nreason \n",
        "signpost-process 1\nkind prober\npid 1\nstanding serves\nmark \nfile \nreason",
        "signpost-process 1\nkind\npid 1\nstanding serves\nmark \nfile \nreason \n",
        "kind prober\npid 1\nstanding serves\nmark \nfile \nreason \n\n\n\n",
    };
    struct presence own;
    char large[64 * 1024], name[32];
    int locked[8], n = 0;

    presence_begin(&own, PRESENCE_RESPONDER);
    tell(&own, PRESENCE_SERVES, "", NULL);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        snprintf(name, sizeof name, "rubbish-%zu", i);
        write_file(name, texts[i], strlen(texts[i]));
        locked[n] = open(path_of(name), O_RDWR | O_CLOEXEC);
        flock(locked[n++], LOCK_EX);
    }
    memset(large, 'x', sizeof large);
    write_file("large", large, sizeof large);
    mkfifo(path_of("fifo"), 0600);
    mkdir(path_of("directory"), 0700);
    (void)!symlink("/etc/passwd", path_of("link"));
    write_file(".unfinished", "", 0);
    cmp_ok(list(), ==, 1, "who is there is seen among rubbish");
    cmp_ok(seen.last.pid, ==, getpid(), "as who it is");
    ok(access(path_of(".unfinished"), F_OK) == 0, "what may be in the making is left alone");
    while (n > 0)
        close(locked[--n]);
    cmp_ok(list(), ==, 1, "and so it is when nobody has it locked");
    presence_end(&own);
}

static void check_places(void)
{
    struct presence own;
    char command[400];

    presence_begin(&own, PRESENCE_RESPONDER);
    tell(&own, PRESENCE_SERVES, "m", NULL);
    ok(presence_keep(&own, &state, &why), "what is there can be kept");
    snprintf(command, sizeof command, "rm -r %s", path_of(""));
    cmp_ok(system(command), ==, 0, "the folder is removed");
    cmp_ok(list(), ==, 0, "nobody is seen");
    ok(presence_keep(&own, &state, &why), "it comes back");
    cmp_ok(list(), ==, 1, "with who was there");
    is(seen.last.mark, "m", "as it was");
    struct state nowhere = {.fd = -1};
    ok(presence_keep(&own, &nowhere, &why), "without a directory there is nothing to complain of");
    cmp_ok(list(), ==, 1, "and the former one stays");
    if (geteuid() != 0) {
        skip(5, "needs root");
    } else {
        presence_end(&own);
        cmp_ok(seteuid(12345), ==, 0, "a process that may not write there");
        ok(!tell(&own, PRESENCE_SERVES, "", NULL), "says so");
        like(why.text, "that it is there (Permission denied), so `signpost reload`",
             "with the reason");
        ok(tell(&own, PRESENCE_SERVES, "", NULL), "once");
        cmp_ok(seteuid(0), ==, 0, "back");
    }
    presence_end(&own);
}

int main(void)
{
    char command[400];

    if (!mkdtemp(folder))
        return 1;
    state_begin(&state, folder);
    check_one();
    check_killed();
    check_refusals();
    check_descriptor_0();
    check_rubbish();
    check_places();
    state_end(&state);
    snprintf(command, sizeof command, "rm -r %s", folder);
    cmp_ok(system(command), ==, 0, "all is removed");
    return done_testing();
}
