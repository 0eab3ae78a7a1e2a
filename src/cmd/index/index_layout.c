/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"
#include "cmd/index/index_layout.h"

#ifdef HAVE_REGISTRY
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include "core/plain_file.h"
#include "core/replacement.h"
#include "prober/index_remote.h"
#include "registry/digest.h"
#include "registry/manifest.h"

#define MANIFEST_TYPE "application/vnd.oci.image.manifest.v1+json"

/* ---- reading ---- */

enum { JSON_MAX = 64 << 10 };

/* The digest of the first thing that a manifest, or an index with one thing alone, names. */
static bool first_digest(int folder, const char *name, bool is_index, char digest[64 + 1],
                         struct why *why)
{
    int fd = plain_file_open(folder, name, O_NOFOLLOW, JSON_MAX, NULL);
    char *text = fd < 0 ? NULL : malloc(JSON_MAX);
    ssize_t len = text ? plain_file_read(fd, text, JSON_MAX) : -1;
    int error = errno;
    struct manifest manifest = {0};

    bool good = len >= 0 && manifest_parse(&manifest, (struct slice){text, (size_t)len}) &&
                manifest.count > 0 && manifest.is_index == is_index &&
                (!is_index || manifest.count == 1) && strlen(manifest.list[0].digest) == 7 + 64 &&
                strncmp(manifest.list[0].digest, "sha256:", 7) == 0;
    if (good)
        strcpy(digest, manifest.list[0].digest + 7);
    manifest_clear(&manifest);
    free(text);
    if (fd >= 0)
        close(fd);
    errno = len < 0 ? error : 0;
    return good || why_not(why, "%s does not name an index alone.", name);
}

bool index_layout_read(struct index_list *list, int folder, char *buffer, struct why *why)
{
    char hex[64 + 1], name[sizeof INDEX_LAYOUT_BLOBS + 64 + 1];

    if (!first_digest(folder, "index.json", true, hex, why))
        return false;
    snprintf(name, sizeof name, INDEX_LAYOUT_BLOBS "/%s", hex);
    if (first_digest(folder, name, false, hex, why)) {
        snprintf(name, sizeof name, INDEX_LAYOUT_BLOBS "/%s", hex);
        if (index_list_read(list, folder, name, buffer, why))
            return true;
    }
    errno = errno == ENOENT ? EIO : errno; /* there is a layout */
    return false;
}

/* ---- writing ---- */

static bool has_content(int directory, const char *name, struct slice content)
{
    int fd = plain_file_open(directory, name, O_NOFOLLOW, (off_t)content.len, NULL);
    char *there = fd < 0 ? NULL : malloc(content.len + 1);
    ssize_t len = there ? plain_file_read(fd, there, content.len + 1) : -1;
    bool same = len >= 0 && slice_equal((struct slice){there, (size_t)len}, content);

    free(there);
    if (fd >= 0)
        close(fd);
    return same;
}

/* False with errno. */
static bool put(int directory, const char *name, struct slice content)
{
    struct replacement new;

    if (has_content(directory, name, content))
        return true;
    if (!replacement_begin(&new, directory, name, 0644))
        return false;
    fwrite(content.at, 1, content.len, new.file);
    return replacement_end(&new, true);
}

int index_layout_begin(int folder)
{
    mkdirat(folder, "blobs", 0777);
    mkdirat(folder, INDEX_LAYOUT_BLOBS, 0777);
    int blobs = openat(folder, INDEX_LAYOUT_BLOBS, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (blobs < 0 || put(folder, INDEX_LAYOUT_FILE, SLICE("{\"imageLayoutVersion\":\"1.0.0\"}")))
        return blobs;
    close(blobs);
    return -1;
}

/* Puts a blob under the digest of its bytes. False with errno. */
static bool put_blob(int blobs, struct slice content, char name[64 + 1])
{
    char digest[DIGEST_SHA256_TEXT];

    errno = ENOMEM;
    if (!digest_of(content, digest))
        return false;
    snprintf(name, 64 + 1, "%.64s", digest + sizeof "sha256:" - 1);
    return put(blobs, name, content);
}

/* Nothing in it needs to be escaped. */
static void write_descriptor(FILE *out, const char *type, const char *hex, uint64_t size)
{
    fprintf(out, "{\"mediaType\":\"%s\",\"digest\":\"sha256:%.64s\",\"size\":%" PRIu64, type, hex,
            size);
}

static void write_manifest(FILE *out, const struct index_list *list, const char *config,
                           uint64_t size)
{
    fputs("{\"schemaVersion\":2,\"mediaType\":\"" MANIFEST_TYPE
          "\",\"artifactType\":\"" INDEX_ARTIFACT_TYPE "\",\"config\":",
          out);
    write_descriptor(out, INDEX_ARTIFACT_TYPE, config, size);
    fputs("},\"layers\":[", out);
    for (size_t i = 0; i < list->count; i++) {
        write_descriptor(out, INDEX_LAYER_TYPE, list->file[i].digest.at + sizeof "sha256:" - 1,
                         list->file[i].size);
        fputs(i + 1 < list->count ? "}," : "}", out);
    }
    fputs("]}", out);
}

static void write_index(FILE *out, const char *manifest, uint64_t size)
{
    fputs("{\"schemaVersion\":2,\"mediaType\":\"application/vnd.oci.image.index.v1+json\","
          "\"manifests\":[",
          out);
    write_descriptor(out, MANIFEST_TYPE, manifest, size);
    fputs(",\"artifactType\":\"" INDEX_ARTIFACT_TYPE
          "\",\"annotations\":{\"org.opencontainers.image.ref.name\":\"" INDEX_LAYOUT_TAG "\"}}]}",
          out);
}

/* Writes the manifest, and then what names it. False with errno. */
static bool put_manifest(struct index_layout *layout, int folder, int blobs,
                         const struct index_list *list, uint64_t list_size)
{
    char *manifest = NULL, *index = NULL;
    size_t size = 0, index_size = 0;
    FILE *out = open_memstream(&manifest, &size);

    if (out)
        write_manifest(out, list, layout->list, list_size);
    bool good = out && fclose(out) == 0 &&
                put_blob(blobs, (struct slice){manifest, size}, layout->manifest);
    out = good ? open_memstream(&index, &index_size) : NULL;
    if (out)
        write_index(out, layout->manifest, size);
    good = out && fclose(out) == 0 && put(folder, "index.json", (struct slice){index, index_size});
    int error = errno;
    free(manifest);
    free(index);
    errno = error;
    return good;
}

bool index_layout_write(struct index_layout *layout, int folder, int blobs,
                        const struct index_list *list, struct slice text, struct why *why)
{
    return (put_blob(blobs, text, layout->list) &&
            put_manifest(layout, folder, blobs, list, text.len)) ||
           why_not(why, "The image layout cannot be written: %s.", strerror(errno));
}

bool index_layout_has(const struct index_layout *layout, const char *name)
{
    return strcmp(name, layout->list) == 0 || strcmp(name, layout->manifest) == 0;
}
#endif
