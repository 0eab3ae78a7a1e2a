/* SPDX-License-Identifier: Apache-2.0 */
/* What the registry client is made of: hashes, sets of digests, references, headers. */
#include "config.h"
#include "../tap.h"

#ifndef HAVE_REGISTRY
int main(void)
{
    puts("1..0 # SKIP built without libcurl, jansson or libcrypto");
    return 0;
}
#else

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include "parse/reference.h"
#include "registry/digest.h"
#include "registry/headers.h"
#include "registry/http.h"
#include "registry/manifest.h"
#include "registry/token.h"

/* ---- memory ---- */

static int left = -1; /* so many allocations of libcrypto's, and copies, can be had; -1: all */

static bool fails(void)
{
    return left == 0 || (left > 0 && left-- < 0);
}

static void *take(size_t size, const char *file, int line)
{
    (void)file, (void)line;
    return fails() ? NULL : malloc(size);
}

static void *take_again(void *at, size_t size, const char *file, int line)
{
    (void)file, (void)line;
    return fails() ? NULL : realloc(at, size);
}

static void give(void *at, const char *file, int line)
{
    (void)file, (void)line;
    free(at);
}

/* In place of the C library's. */
char *strndup(const char *text, size_t len)
{
    char *copy = fails() ? NULL : malloc(len + 1);

    if (!copy)
        return NULL;
    memcpy(copy, text, len);
    copy[len] = '\0';
    return copy;
}

/* Without memory nothing is right, nothing is wrong, and nobody dies. */
static void test_no_memory(void)
{
    static const struct slice content = SLICE("content");
    char digest[DIGEST_SHA256_TEXT], other[DIGEST_SHA256_TEXT];
    struct digest_set set = {0}, sum = {0};
    unsigned wrong = 0, not_made = 0;

    digest_of(content, digest);
    for (int n = 0; n < 12; n++) {
        left = n;
        struct digest_hash *hash = digest_hash_start(slice_of(digest));
        digest_hash_add(hash, content);
        struct digest_hash *copy = digest_hash_copy(hash);
        enum digest_verdict both[] = {digest_hash_end(hash, slice_of(digest)),
                                      digest_hash_end(copy, slice_of(digest))};
        for (int i = 0; i < 2; i++) {
            wrong += both[i] != DIGEST_RIGHT && both[i] != DIGEST_NOT_MADE;
            not_made += both[i] == DIGEST_NOT_MADE;
        }
        left = n;
        enum digest_verdict whole = digest_verify(slice_of(digest), content);
        wrong += whole != DIGEST_RIGHT && whole != DIGEST_NOT_MADE;
        left = n;
        bool made = digest_of(content, other);
        wrong += strcmp(other, made ? digest : "") != 0;
    }
    left = -1;
    cmp_ok(wrong, ==, 0, "without memory no digest is wrong");
    cmp_ok(not_made, >=, 2, "but %u are not known", not_made);

    digest_set_add(&set, SLICE("a:1"));
    left = 0;
    digest_set_add(&set, SLICE("a:1"));
    ok(!set.starved, "what a set has needs no memory");
    digest_set_add(&set, SLICE("a:2"));
    left = -1;
    ok(set.starved && set.count == 1, "what it cannot take, it says");
    digest_set_merge(&sum, &set);
    ok(sum.starved && sum.count == 1, "and hands on");
    digest_set_clear(&sum);
    ok(!sum.starved, "until it is cleared");
    digest_set_subtract(&sum, &set);
    ok(sum.starved, "what is left without an incomplete one is not certain either");
    digest_set_clear(&sum);
    digest_set_clear(&set);

    static const char index[] = "{\"manifests\":[{\"digest\":\"sha256:"
                                "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
                                "\"}],\"subject\":{\"digest\":\"sha256:"
                                "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
                                "\"}}";
    struct manifest manifest;
    for (left = 0; left >= 0 && !manifest_parse(&manifest, SLICE(index));)
        left = (int)++wrong;
    cmp_ok(wrong, >, 2, "a manifest is whole or none");
    left = -1;
    manifest_clear(&manifest);
}

/* ---- hashes ---- */

/* Of so many letters "a", by another program (Python's hashlib). */
static const struct {
    size_t len;
    const char *sha256, *sha512;
} hashes[] = {
    {0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
     "cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce47d0d13c5d85f2b0ff8318d2877ee"
     "c2f63b931bd47417a81a538327af927da3e"},
    {1, "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb",
     "1f40fc92da241694750979ee6cf582f2d5d7d28e18335de05abc54d0560e0f5302860c652bf08d560252aa5e74210"
     "546f369fbbbce8c12cfc7957b2652fe9a75"},
    {55, "9f4390f8d30c2dd92ec9f095b65e2b9ae9b0a925a5258e241c9f1e910f734318",
     "b0220c772cbf6c1822e2cb38a437d0e1d58772417a4bbb21c961364f8b6143e05aa6316dca8d1d7b19e1644841907"
     "6395f6086cb55101fbd6d5497b148e1745f"},
    {56, "b35439a4ac6f0948b6d6f9e3c6af0f5f590ce20f1bde7090ef7970686ec6738a",
     "962b64aae357d2a4fee3ded8b539bdc9d325081822b0bfc55583133aab44f18bafe11d72a7ae16c79ce2ba620ae22"
     "42d5144809161945f1367f41b3972e26e04"},
    {63, "7d3e74a05d7db15bce4ad9ec0658ea98e3f06eeecf16b4c6fff2da457ddc2f34",
     "c1b0f5c6d3b03dfe4a2602e67242f54e344090b66e01100a469b129f583f016c7e27dddeaa438393dcc7ec54b0b57"
     "c9ba7af007f9b56db5f6fb677d972a31362"},
    {64, "ffe054fe7ae0cb6dc65c3af9b61d5209f439851db43d0ba5997337df154668eb",
     "01d35c10c6c38c2dcf48f7eebb3235fb5ad74a65ec4cd016e2354c637a8fb49b695ef3c1d6f7ae4cd74d78cc9c9bc"
     "ac9d4f23a73019998a7f73038a5c9b2dbde"},
    {65, "635361c48bb9eab14198e76ea8ab7f1a41685d6ad62aa9146d301d4f17eb0ae0",
     "b83086cd8494e55708ad7ecd82dfb4bca1bda61ecbb7caf0c68967902e709345e5d8305eb7ac0d588afc6cbb75161"
     "aa9c8c7e0ea986bd833dafe5e1ccd37345a"},
    {111, "6374f73208854473827f6f6a3f43b1f53eaa3b82c21c1a6d69a2110b2a79baad",
     "fa9121c7b32b9e01733d034cfc78cbf67f926c7ed83e82200ef86818196921760b4beff48404df811b95382827446"
     "1673c68d04e297b0eb7b2b4d60fc6b566a2"},
    {112, "f54353008a2553262ecdc4a34749563ba0950e8b0fc8652780b0a614b99683c1",
     "c01d080efd492776a1c43bd23dd99d0a2e626d481e16782e75d54c2503b5dc32bd05f0f1ba33e568b88fd2d970929"
     "b719ecbb152f58f130a407c8830604b70ca"},
    {119, "31eba51c313a5c08226adf18d4a359cfdfd8d2e816b13f4af952f7ea6584dcfb",
     "130396a75cb483f2eee8c56d8a668bb3d2641f5243212c0bee2bd33da096ad9eb8179fe18f9eaacf76e09fae9de4c"
     "3f14ba13341e345be05bf76c182cc3468cb"},
    {120, "2f3d335432c70b580af0e8e1b3674a7c020d683aa5f73aaaedfdc55af904c21c",
     "f241de612b01aa2fa3cf01531d2a8e5e17fc761dfd48a704a834a47f57d6eade7804ecc39be42fdef16ec6adeaf7c"
     "01c2fd0c4cc97d3860907cfa4a3b36d0c05"},
    {127, "c57e9278af78fa3cab38667bef4ce29d783787a2f731d4e12200270f0c32320a",
     "828613968b501dc00a97e08c73b118aa8876c26b8aac93df128502ab360f91bab50a51e088769a5c1eff4782ace14"
     "7dce3642554199876374291f5d921629502"},
    {128, "6836cf13bac400e9105071cd6af47084dfacad4e5e302c94bfed24e013afb73e",
     "b73d1929aa615934e61a871596b3f3b33359f42b8175602e89f7e06e5f658a243667807ed300314b95cacdd579f3e"
     "33abdfbe351909519a846d465c59582f321"},
    {129, "c12cb024a2e5551cca0e08fce8f1c5e314555cc3fef6329ee994a3db752166ae",
     "4f681e0bd53cda4b5a2041cc8a06f2eabde44fb16c951fbd5b87702f07aeab611565b19c47fde30587177ebb852e3"
     "971bbd8d3fd30da18d71037dfbd98420429"},
    {1000, "41edece42d63e8d9bf515a9ba6932e1c20cbc9f5a5d134645adb5db1b9737ea3",
     "67ba5535a46e3f86dbfbed8cbbaf0125c76ed549ff8b0b9e03e0c88cf90fa634fa7b12b47d77b694de488ace8d9a6"
     "5967dc96df599727d3292a8d9d447709c97"},
};

static void test_hashes(void)
{
    char text[1024], digest[DIGEST_SHA256_TEXT], other[160];

    memset(text, 'a', sizeof text);
    for (size_t i = 0; i < sizeof hashes / sizeof *hashes; i++) {
        struct slice content = {text, hashes[i].len};
        digest_of(content, digest);
        is(digest + 7, hashes[i].sha256, "sha256 of %zu bytes", content.len);
        snprintf(other, sizeof other, "sha512:%s", hashes[i].sha512);
        cmp_ok(digest_verify(slice_of(digest), content), ==, DIGEST_RIGHT, "is verified");
        cmp_ok(digest_verify(slice_of(other), content), ==, DIGEST_RIGHT, "as is sha512");
        content.len ^= 1;
        ok(digest_verify(slice_of(digest), content) == DIGEST_WRONG &&
               digest_verify(slice_of(other), content) == DIGEST_WRONG,
           "of nothing else");
    }
    snprintf(other, sizeof other, "blake3:%s", hashes[0].sha256);
    cmp_ok(digest_verify(slice_of(other), SLICE("")), ==, DIGEST_OF_UNKNOWN_KIND, "blake3");
}

static void test_sets(void)
{
    struct digest_set set = {0}, other = {0};
    size_t disorder = 0;

    for (unsigned i = 0; i < 500; i++) {
        char text[16];
        snprintf(text, sizeof text, "a:%03u", i * 7 % 250);
        digest_set_add(&set, slice_of(text));
        if (i % 3 == 0)
            digest_set_add(&other, slice_of(text));
    }
    cmp_ok(set.count, ==, 250, "a set has each digest once");
    for (size_t i = 1; i < set.count; i++)
        disorder += strcmp(set.list[i - 1], set.list[i]) >= 0;
    cmp_ok(disorder, ==, 0, "in order");
    ok(digest_set_has(&set, SLICE("a:007")) && !digest_set_has(&set, SLICE("a:00")) &&
           !digest_set_has(&set, SLICE("a:0077")),
       "and knows them");
    size_t before = set.count;
    digest_set_subtract(&set, &other);
    cmp_ok(set.count, ==, before - other.count, "what is taken out");
    ok(!digest_set_has(&set, slice_of(other.list[0])), "is gone");
    digest_set_merge(&set, &other);
    cmp_ok(set.count, ==, before, "what is added is there");
    digest_set_clear(&set);
    digest_set_clear(&other);
    cmp_ok(set.count, ==, 0, "a set that is cleared is empty");
}

/* ---- references ---- */

#define HEX "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static const struct {
    const char *text, *host, *name, *reference; /* name NULL: it is none */
} references[] = {
    {"app", "", "app", "latest"},
    {"team/app", "", "team/app", "latest"},
    {"team/app:v1", "", "team/app", "v1"},
    {"app@sha256:" HEX, "", "app", "sha256:" HEX},
    {"app:v1@sha256:" HEX, "", "app", "sha256:" HEX},
    {"registry.example.org/team/app:v1", "registry.example.org", "team/app", "v1"},
    {"localhost/app", "localhost", "app", "latest"},
    {"localhost:5000/app:v1", "localhost:5000", "app", "v1"},
    {"127.0.0.1:5000/a/b@sha256:" HEX, "127.0.0.1:5000", "a/b", "sha256:" HEX},
    {"a.b/c.d/e", "a.b", "c.d/e", "latest"},
    {"a.b:v1", "", "a.b", "v1"},
    {"", NULL, NULL, NULL},
    {":v1", NULL, NULL, NULL},
    {"@sha256:" HEX, NULL, NULL, NULL},
    {"app:", NULL, NULL, NULL},
    {"app@", NULL, NULL, NULL},
    {"app:v1:v2", NULL, NULL, NULL},
    {"App", NULL, NULL, NULL},
    {"a//b", NULL, NULL, NULL},
    {"a/../b", NULL, NULL, NULL},
    {"example.org/", NULL, NULL, NULL},
    {"https://example.org/app", NULL, NULL, NULL},
    {"app:v 1", NULL, NULL, NULL},
    {"app@sha256:12", NULL, NULL, NULL},
};

static void test_references(void)
{
    for (size_t i = 0; i < sizeof references / sizeof *references; i++) {
        struct image_reference image;
        struct why why = {""};
        bool good = image_reference_parse(&image, references[i].text, &why);
        const char *name = references[i].name;
        ok(good == (name != NULL), "\"%s\" is %s", references[i].text, name ? "an image" : "none");
        if (good && name)
            ok(slice_equal(image.host, slice_of(references[i].host)) &&
                   slice_equal(image.name, slice_of(name)) &&
                   slice_equal(image.reference, slice_of(references[i].reference)),
               "taken apart");
        else
            like(why.text, ".", "with the reason");
    }
}

/* ---- headers ---- */

static const struct {
    const char *value, *next;
} links[] = {
    {"</v2/a/tags/list?n=2&last=b>; rel=\"next\"", "/v2/a/tags/list?n=2&last=b"},
    {"<x>;rel=next", "x"},
    {"<a>; rel=prev, <b>; rel=\"next\"", "b"},
    {"<a>; title=\"x, <y>; rel=next\"; rel=\"last\", <b>; REL=\"Next\"", "b"},
    {"<a>; rel=\"prev next\"", "a"},
    {"<a>; rel=\"nextpage\"", ""},
    {"<a>", ""},
    {"<a; rel=next", ""},
    {"a; rel=next", ""},
    {"<a>; rel", ""},
    {"<a>; rel=", ""},
    {"<a>; title=\"\\\"; rel=next\"", ""},
    {"<>; rel=next", ""},
    {"", ""},
    {",,,<a>;rel=next", ""},
};

static void test_links(void)
{
    for (size_t i = 0; i < sizeof links / sizeof *links; i++) {
        struct slice next = link_next(slice_of(links[i].value));
        ok(slice_equal(next, slice_of(links[i].next)), "the next page in \"%s\"", links[i].value);
    }
}

static const struct {
    const char *value, *realm, *service, *scope; /* realm NULL: there is none */
} challenges[] = {
    {"Bearer realm=\"https://a/token\",service=\"b\",scope=\"repository:c:pull\"",
     "https://a/token", "b", "repository:c:pull"},
    {"bearer REALM=x", "x", "", ""},
    {"Basic realm=\"y\", Bearer service=b , realm=x", "x", "b", ""},
    {"Bearer realm=x, Basic realm=y", "x", "", ""},
    {"Bearer realm=\"a\\\"b\"", "a\"b", "", ""},
    {"Bearer realm=x,error=\"invalid_token\"", "x", "", ""},
    {"Basic realm=\"y\"", NULL, NULL, NULL},
    {"Bearer", NULL, NULL, NULL},
    {"Bearer service=x", NULL, NULL, NULL},
    {"realm=x", NULL, NULL, NULL},
    {"Bearer realm=\"", NULL, NULL, NULL},
    {"", NULL, NULL, NULL},
};

static void test_challenges(void)
{
    static char long_value[2 * CHALLENGE_MAX];

    for (size_t i = 0; i < sizeof challenges / sizeof *challenges; i++) {
        struct bearer_challenge challenge;
        bool good = bearer_challenge_parse(&challenge, slice_of(challenges[i].value));
        const char *realm = challenges[i].realm;
        ok(good == (realm != NULL), "\"%s\"", challenges[i].value);
        if (good && realm)
            ok(strcmp(challenge.realm, realm) == 0 &&
                   strcmp(challenge.service, challenges[i].service) == 0 &&
                   strcmp(challenge.scope, challenges[i].scope) == 0,
               "asks for that");
    }
    struct bearer_challenge challenge;
    memset(long_value, 'x', sizeof long_value - 1);
    memcpy(long_value, "Bearer realm=", 13);
    ok(!bearer_challenge_parse(&challenge, slice_of(long_value)), "a realm that is too long");
}

/* ---- manifests ---- */

static void test_manifests(void)
{
    struct manifest manifest;

    ok(manifest_parse(&manifest, SLICE("{\"config\":{\"digest\":\"sha256:" HEX "\"},"
                                       "\"layers\":[{\"digest\":\"sha512:" HEX HEX "\"},7,{}],"
                                       "\"subject\":{\"digest\":\"blake3:" HEX "\"}}")),
       "a manifest");
    cmp_ok(manifest.content.count, ==, 2, "has a configuration and a layer");
    is(manifest.subject, "blake3:" HEX, "and a subject");
    ok(!manifest.is_index, "and is no index");
    manifest_clear(&manifest);
    ok(manifest_parse(&manifest, SLICE("{\"manifests\":[{\"digest\":\"sha256:" HEX "\"}]}")) &&
           manifest.is_index && manifest.parts.count == 1 && !manifest.subject,
       "an index");
    manifest_clear(&manifest);
    ok(manifest_parse(&manifest, SLICE("{\"blobs\":[{\"digest\":\"sha256:" HEX "\"}]}")) &&
           manifest.content.count == 1,
       "an artifact manifest");
    manifest_clear(&manifest);
    ok(!manifest_parse(&manifest, SLICE("[]")) && !manifest_parse(&manifest, SLICE("")) &&
           !manifest_parse(&manifest, SLICE("{\"config\"")),
       "what is none");
}

/* ---- URLs ---- */

static const struct {
    const char *base, *reference, *url;
} resolved[] = {
    {"http://h/a/b", "c", "http://h/a/c"},
    {"https://h/a/b?x", "/c?y", "https://h/c?y"},
    {"https://h/a", "http://i:5000/c", "http://i:5000/c"},
    {"http://h/a", "//i/c", "http://i/c"},
    {"https://h/a", "ftp://i/c", NULL},
    {"file:///a", "b", NULL},
    {"", "b", NULL},
};

static void test_urls(void)
{
    for (size_t i = 0; i < sizeof resolved / sizeof *resolved; i++) {
        char *url = http_resolve(resolved[i].base, slice_of(resolved[i].reference));
        is(url, resolved[i].url, "\"%s\" at %s", resolved[i].reference, resolved[i].base);
        free(url);
    }
    ok(http_same_host("http://H/a", "http://h:80/b"), "a host with its usual port");
    ok(!http_same_host("http://h/a", "https://h/a"), "another scheme has another port");
    ok(!http_same_host("http://h/a", "http://i/a") && !http_same_host("http://h/a", "a"),
       "other hosts");
    ok(http_is_https("https://h") && !http_is_https("http://h"), "what is encrypted");
    char *escaped = http_escape("a b&c=:/");
    is(escaped, "a%20b%26c%3D%3A%2F", "text for a query");
    free(escaped);
}

/* ---- tokens ---- */

static const struct {
    const char *registry, *challenge, *url, *why;
} tokens[] = {
    {"https://r", "Bearer realm=\"https://a/t\",service=\"s t\",scope=\"x:y\"",
     "https://a/t?service=s%20t&scope=x%3Ay", NULL},
    {"https://r", "Bearer realm=\"https://a/t?z\"",
     "https://a/t?z&service=&scope=repository%3Ateam%2Fapp%3Apull", NULL},
    {"http://r", "Bearer realm=\"http://a/t\"",
     "http://a/t?service=&scope=repository%3Ateam%2Fapp%3Apull", NULL},
    {"http://r", "Bearer realm=\"https://a/t\",scope=s", "https://a/t?service=&scope=s", NULL},
    {"https://r", "Bearer realm=\"http://a/t\"", NULL, "which is not encrypted"},
    {"http://r", "Bearer realm=\"ftp://a/t\"", NULL, "which is not encrypted"},
    {"https://r", "Basic realm=\"x\"", NULL, "wants us to log in, and offers no anonymous token"},
};

static void test_tokens(void)
{
    struct why why;

    for (size_t i = 0; i < sizeof tokens / sizeof *tokens; i++) {
        char *url =
            token_url(tokens[i].registry, SLICE("team/app"), slice_of(tokens[i].challenge), &why);
        is(url, tokens[i].url, "%s at %s", tokens[i].challenge, tokens[i].registry);
        if (!url)
            like(why.text, tokens[i].why, "with the reason");
        free(url);
    }
    char *header = token_read(SLICE("{\"token\":\"a.b\",\"access_token\":\"c\"}"), "u", &why);
    is(header, "Bearer a.b", "a token");
    free(header);
    header = token_read(SLICE("{\"access_token\":\"c~!\"}"), "u", &why);
    is(header, "Bearer c~!", "another name for it");
    free(header);
    static const char *const wrong[] = {"{\"token\":\"a b\"}",
                                        "{\"token\":\"a\\u007f\"}",
                                        "{\"token\":\"\"}",
                                        "{\"token\":7}",
                                        "{}",
                                        ""};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        header = token_read(slice_of(wrong[i]), "u", &why);
        is(header, NULL, "none: %s", wrong[i]);
        like(why.text, "u answers without a token", "as is said");
    }
}

/* A server on a port of this machine that gives one answer, and ends. */
static pid_t serve(const char *answer, char url[64])
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    char request[4096];
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (bind(listener, (struct sockaddr *)&address, len) != 0 || listen(listener, 1) != 0 ||
        getsockname(listener, (struct sockaddr *)&address, &len) != 0)
        abort();
    snprintf(url, 64, "http://127.0.0.1:%d/token", ntohs(address.sin_port));
    pid_t child = fork();
    if (child == 0) {
        int fd = accept(listener, NULL, NULL);
        bool asked = read(fd, request, sizeof request) > 0;
        _exit(asked && write(fd, answer, strlen(answer)) > 0 ? 0 : 1);
    }
    close(listener);
    return child;
}

static const struct {
    const char *answer, *header, *why;
} served[] = {
    {"HTTP/1.1 200 OK\r\nContent-Length: 13\r\nConnection: close\r\n\r\n{\"token\":\"t\"}",
     "Bearer t", NULL},
    {"HTTP/1.1 403 No\r\nContent-Length: 13\r\nConnection: close\r\n\r\n{\"token\":\"t\"}", NULL,
     "answers 403, where an anonymous token should be"},
    {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}", NULL,
     "answers without a token"},
    {"nonsense\r\n\r\n", NULL, "cannot be read: "},
};

static void test_served_tokens(void)
{
    for (size_t i = 0; i < sizeof served / sizeof *served; i++) {
        char url[64];
        struct http *http = http_new();
        struct why why = {""};
        pid_t child = serve(served[i].answer, url);
        char *header = token_get(http, &(struct http_request){.url = url}, &why);
        is(header, served[i].header, "a token from a server, answer %zu", i);
        if (served[i].why)
            like(why.text, served[i].why, "with the reason");
        free(header);
        http_free(http);
        ok(child > 0 && waitpid(child, NULL, 0) == child, "which ends then");
    }
}

int main(void)
{
    CRYPTO_set_mem_functions(take, take_again, give);
    test_hashes();
    test_no_memory();
    test_sets();
    test_references();
    test_links();
    test_challenges();
    test_manifests();
    test_urls();
    test_tokens();
    test_served_tokens();
    return done_testing();
}
#endif
