/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"
#include "cmd/verify/resume.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "cmd/progress.h"
#include "cmd/verify/checks.h"
#include "core/lock.h"

static bool is_text(const json_t *value)
{
    return !value || json_is_string(value) || json_is_null(value);
}

/* What is read is printed: it must be of the shape that was written. */
static bool is_finding(const json_t *finding)
{
    const char *outcome = json_string_value(json_object_get(finding, "outcome"));
    const char *check = json_string_value(json_object_get(finding, "check"));
    enum check known;

    return outcome && check && check_find(&known, slice_of(check)) &&
           (strcmp(outcome, "passed") == 0 || strcmp(outcome, "failed") == 0 ||
            strcmp(outcome, "skipped") == 0) &&
           json_is_string(json_object_get(finding, "subject")) &&
           is_text(json_object_get(finding, "place")) &&
           is_text(json_object_get(finding, "address")) &&
           is_text(json_object_get(finding, "reason"));
}

bool resume_read_line(json_t *done, struct slice line)
{
    json_t *json = json_loadb(line.at, line.len, 0, NULL);
    const char *key = json_string_value(json_object_get(json, "inspection"));
    json_t *findings = json_object_get(json, "findings");
    bool good = key && json_is_array(findings);

    for (size_t i = 0; good && i < json_array_size(findings); i++)
        good = is_finding(json_array_get(findings, i));
    if (good)
        json_object_set(done, key, findings);
    json_decref(json);
    return good;
}

static bool is_call(struct slice line, const json_t *call)
{
    json_t *json = json_loadb(line.at, line.len, 0, NULL);
    bool same = json && json_equal(json, call);

    json_decref(json);
    return same;
}

static bool write_line(FILE *file, const json_t *line)
{
    return json_dumpf(line, file, JSON_COMPACT | JSON_SORT_KEYS) == 0 && fputc('\n', file) != EOF &&
           fflush(file) == 0;
}

static bool is_torn(const struct resume *resume, const json_t *call)
{
    char *first_line = json_dumps(call, JSON_COMPACT | JSON_SORT_KEYS);
    bool torn = first_line && progress_is_torn(resume->file, first_line);

    free(first_line);
    rewind(resume->file);
    return torn;
}

/* Reads what is there, up to the first line that is not whole, which is cut off. */
static bool read_lines(struct resume *resume, const json_t *call, struct why *why)
{
    char *line = NULL;
    size_t size = 0;
    off_t good = 0;
    bool mine = true, whole = !is_torn(resume, call);

    for (ssize_t len; whole && mine && (len = getline(&line, &size, resume->file)) > 0;) {
        struct slice text = {line, (size_t)len};
        if (good == 0)
            mine = is_call(text, call);
        else
            whole = line[len - 1] == '\n' && resume_read_line(resume->done, text);
        if (whole && mine)
            good += len;
    }
    bool ended = !whole || !mine || feof(resume->file);
    free(line);
    if (!ended)
        return why_not(why, "%.200s cannot be read: %s.", resume->name, strerror(errno));
    if (!mine)
        return why_not(why,
                       "%.200s is not the state of this call: name another file, or remove it.",
                       resume->name);
    if (fseeko(resume->file, good, SEEK_SET) != 0 || ftruncate(fileno(resume->file), good) != 0 ||
        (good == 0 && !write_line(resume->file, call)))
        return why_not(why, "%.200s cannot be written: %s.", resume->name, strerror(errno));
    return true;
}

bool resume_open(struct resume *resume, const char *name, const json_t *call, struct why *why)
{
    *resume = (struct resume){.name = name};
    if (!name)
        return true;
    int fd = lock_own_file(name, why);
    if (fd < 0)
        return false;
    resume->file = fdopen(fd, "r+");
    if (!resume->file) {
        close(fd);
        return why_not(why, "%.200s cannot be opened: %s.", name, strerror(errno));
    }
    resume->done = json_object();
    if (read_lines(resume, call, why))
        return true;
    resume_close(resume, false);
    return false;
}

json_t *resume_find(const struct resume *resume, const char *key)
{
    return json_object_get(resume->done, key);
}

void resume_note(struct resume *resume, const char *key, json_t *findings)
{
    if (!resume->file)
        return;
    json_t *line = json_pack("{s:s, s:O}", "inspection", key, "findings", findings);
    if (!write_line(resume->file, line)) {
        fprintf(stderr, "signpost verify: %s cannot be written: %s.\n", resume->name,
                strerror(errno));
        fclose(resume->file);
        resume->file = NULL; /* what is done stays: other threads look at it */
        resume->failed = true;
    }
    json_decref(line);
}

bool resume_close(struct resume *resume, bool finished)
{
    if (resume->file && finished && unlink(resume->name) != 0) {
        fprintf(stderr,
                "signpost verify: %s cannot be removed: %s. Remove it, or the next call takes for "
                "done what it says.\n",
                resume->name, strerror(errno));
        resume->failed = true;
    }
    if (resume->file)
        fclose(resume->file);
    json_decref(resume->done);
    resume->file = NULL;
    resume->done = NULL;
    return !resume->failed;
}
