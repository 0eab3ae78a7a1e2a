/* SPDX-License-Identifier: Apache-2.0 */
/* URLs of a configuration, and what is made of them. */
#include "parse/url.h"
#include "tap.h"
#include "tight.h"

/* ---- what is a URL for what ---- */

#define YES(holds, text)                                                                           \
    {                                                                                              \
        __LINE__, holds, true,                                                                     \
        {                                                                                          \
            text, sizeof(text) - 1                                                                 \
        }                                                                                          \
    }
#define NO(holds, text)                                                                            \
    {                                                                                              \
        __LINE__, holds, false,                                                                    \
        {                                                                                          \
            text, sizeof(text) - 1                                                                 \
        }                                                                                          \
    }

static const struct {
    int line;
    bool (*holds)(struct slice text);
    bool want;
    struct slice text;
} samples[] = {
    YES(url_is_authority, "registry.example.org"),
    YES(url_is_authority, "registry.example.org:5000"),
    YES(url_is_authority, "localhost"),
    YES(url_is_authority, "127.0.0.1:80"),
    YES(url_is_authority, "[::1]"),
    YES(url_is_authority, "[::1]:65535"),
    YES(url_is_authority, "[::ffff:192.0.2.1]"),
    NO(url_is_authority, ""),
    NO(url_is_authority, ":80"),
    NO(url_is_authority, "h:"),
    NO(url_is_authority, "h:0"),
    NO(url_is_authority, "h:65536"),
    NO(url_is_authority, "h:000080"),
    NO(url_is_authority, "h:8o"),
    NO(url_is_authority, "h:-1"),
    NO(url_is_authority, "h:80:90"),
    NO(url_is_authority, "::1"),
    NO(url_is_authority, "[]"),
    NO(url_is_authority, "[::1"),
    NO(url_is_authority, "[::1]x"),
    NO(url_is_authority, "[::g]"),
    NO(url_is_authority, "[::1%eth0]"),
    NO(url_is_authority, "-h"),
    NO(url_is_authority, ".h"),
    NO(url_is_authority, "h/"),
    NO(url_is_authority, "https://h"),
    NO(url_is_authority, "user@h"),
    NO(url_is_authority, "h h"),
    NO(url_is_authority, "h\n"),
    NO(url_is_authority, "h\0"),
    NO(url_is_authority, "caf\xc3\xa9"),
    NO(url_is_authority, "{region}.h"),

    YES(url_is_base, "https://eu.registry.example.org"),
    YES(url_is_base, "http://127.0.0.1:5000"),
    YES(url_is_base, "https://h/"),
    YES(url_is_base, "https://h/a/b"),
    YES(url_is_base, "https://{region}-docker.pkg.dev"),
    YES(url_is_base, "https://{provider}.{region}.h:1/{region}"),
    YES(url_is_base, "https://h/%2F"),
    YES(url_is_base, "https://h/.well-known/..."),
    YES(url_is_base, "https://h/a..b/c."),
    NO(url_is_base, "https://h/."),
    NO(url_is_base, "https://h/a/.."),
    NO(url_is_base, "https://h/../b"),
    NO(url_is_base, "https://h/a/./b"),
    NO(url_is_base, "https://h/%2e%2E/b"),
    NO(url_is_base, "https://h/.%2e"),
    NO(url_is_object, "https://h/../{digest}"),
    NO(url_is_base, ""),
    NO(url_is_base, "h"),
    NO(url_is_base, "//h"),
    NO(url_is_base, "ftp://h"),
    NO(url_is_base, "HTTPS://h"),
    NO(url_is_base, "https:/h"),
    NO(url_is_base, "https://"),
    NO(url_is_base, "https:///v2"),
    NO(url_is_base, "https://user:pass@h"),
    NO(url_is_base, "https://h?x"),
    NO(url_is_base, "https://h#x"),
    NO(url_is_base, "https://h/a?x"),
    NO(url_is_base, "https://h/a#x"),
    NO(url_is_base, "https://h/a b"),
    NO(url_is_base, "https://h/%"),
    NO(url_is_base, "https://h/%2"),
    NO(url_is_base, "https://h/%2g"),
    NO(url_is_base, "https://h/\r\nX: y"),
    NO(url_is_base, "https://h\r\n"),
    NO(url_is_base, "https://h/\xc3\xa9"),
    NO(url_is_base, "https://h/\""),
    NO(url_is_base, "https://h/{digest}"),
    NO(url_is_base, "https://{Region}.h"),
    NO(url_is_base, "https://{region.h"),
    NO(url_is_base, "https://h/{}"),

    YES(url_is_object, "https://h/{digest}"),
    YES(url_is_object, "https://h/x{digest}y"),
    YES(url_is_object, "https://h/{algorithm}/{encoded}"),
    YES(url_is_object, "https://h-{region}.s3.{region}.h/{provider}/{encoded}"),
    YES(url_is_object, "https://h/{encoded}/{digest}/{algorithm}/{digest}"),
    NO(url_is_object, "https://h/"),
    NO(url_is_object, "https://h/{algorithm}"),
    NO(url_is_object, "https://{digest}.h/"),
    NO(url_is_object, "https://{digest}.h/{digest}"),
    NO(url_is_object, "https://h/?{digest}"),
    NO(url_is_object, "https://h/{Digest}"),
    NO(url_is_object, "https://h/{digest}/{digest}/{digest}/{digest}/{digest}"),

    YES(url_is_page, "https://example.org"),
    YES(url_is_page, "http://example.org/a?b=c&d#e"),
    YES(url_is_page, "https://[::1]:80/%20?x[]=1"),
    NO(url_is_page, ""),
    NO(url_is_page, "example.org"),
    NO(url_is_page, "/privacy"),
    NO(url_is_page, "javascript:alert(1)"),
    NO(url_is_page, "https://"),
    NO(url_is_page, "https://u@h/"),
    NO(url_is_page, "https://h/a b"),
    NO(url_is_page, "https://h/\r\nX: y"),
    NO(url_is_page, "https://h/\0"),
    NO(url_is_page, "https://h/{region}"),
    NO(url_is_page, "https://h/\xc3\xa9"),
    NO(url_is_page, "https://h/<"),
    NO(url_is_page, "https://h/%"),
    NO(url_is_page, "https://h/%2"),
    NO(url_is_page, "https://h/?a=%zz"),
    NO(url_is_page, "https://h/a/../b"),
    YES(url_is_page, "https://h/%20?a=%2e%2E/..#/.."),
};

static void check_samples(void)
{
    for (size_t i = 0; i < sizeof samples / sizeof *samples; i++)
        tap_ok(samples[i].holds(tight(samples[i].text)) == samples[i].want, __FILE__,
               samples[i].line, "%s: %s", samples[i].want ? "is one" : "is none",
               shown(samples[i].text));
}

static void check_lengths(void)
{
    char text[4096];

    ok(url_is_authority(slice_of(padded(text, "", 'a', 253))), "a host of 253 bytes");
    ok(!url_is_authority(slice_of(padded(text, "", 'a', 254))), "a host of 254 bytes is none");
    ok(url_is_base(slice_of(padded(text, "https://h/", 'a', URL_MAX - 10))), "a URL of 2048 bytes");
    ok(!url_is_base(slice_of(padded(text, "https://h/", 'a', URL_MAX - 9))), "of 2049 it is none");
    ok(url_is_page(slice_of(padded(text, "https://h/", 'a', URL_MAX - 10))),
       "a page of 2048 bytes");
    ok(!url_is_page(slice_of(padded(text, "https://h/", 'a', URL_MAX - 9))), "of 2049 it is none");
    ok(url_is_object(slice_of(padded(text, "https://h/{digest}", 'a', URL_MAX - 18))),
       "an object's of 2048 bytes");
    ok(!url_is_object(slice_of(padded(text, "https://h/{digest}", 'a', URL_MAX - 17))),
       "of 2049 it is none");
}

/* ---- hosts ---- */

static void check_authorities(void)
{
    static const struct {
        int line;
        const char *url, *want;
    } list[] = {
        {__LINE__, "https://h", "h"},
        {__LINE__, "https://h/x", "h"},
        {__LINE__, "http://h:80?x", "h:80"},
        {__LINE__, "http://[::1]:80/#", "[::1]:80"},
    };

    for (size_t i = 0; i < sizeof list / sizeof *list; i++)
        tap_ok(slice_equal(url_authority(tight(slice_of(list[i].url))), slice_of(list[i].want)),
               __FILE__, list[i].line, "the host of %s is %s", list[i].url, list[i].want);
}

static void check_same_host(void)
{
    static const struct {
        int line;
        const char *a, *b;
        bool want;
    } list[] = {
        {__LINE__, "https://h", "https://h", true},
        {__LINE__, "https://h/a", "https://h/b", true},
        {__LINE__, "https://h", "https://H:443/", true},
        {__LINE__, "http://h:80", "http://h", true},
        {__LINE__, "https://h:443", "http://h:80", true},
        {__LINE__, "http://h:5000", "https://h:5000", true},
        {__LINE__, "https://h", "https://h:80", false},
        {__LINE__, "https://h", "https://i", false},
        {__LINE__, "https://h", "https://h.h", false},
        {__LINE__, "http://h:5000", "http://h:5001", false},
        {__LINE__, "http://[::1]:80", "http://[::1]", true},
        {__LINE__, "http://[::1]", "http://[::2]", false},
    };

    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        struct slice a = tight(slice_of(list[i].a)), b = tight(slice_of(list[i].b));
        tap_ok(url_same_host(a, b) == list[i].want && url_same_host(b, a) == list[i].want, __FILE__,
               list[i].line, "%s and %s: %s", list[i].a, list[i].b,
               list[i].want ? "the same host" : "two hosts");
    }
}

/* ---- templates ---- */

static void check_expansion(void)
{
    struct arena *arena = arena_new();
    struct slice url =
        url_expand(arena, tight(SLICE("https://{region}.{provider}.h/{region}/{digest}")),
                   SLICE("eu-west-3"), SLICE("aws"));

    is(shown(url), "https://eu-west-3.aws.h/eu-west-3/{digest}", "regions and providers");
    url = url_expand(arena, SLICE("https://h"), (struct slice){NULL, 0}, (struct slice){NULL, 0});
    is(shown(url), "https://h", "without a region");
    url = url_expand(arena, SLICE("https://16.bytes"), (struct slice){NULL, 0},
                     (struct slice){NULL, 0});
    arena_copy(arena, SLICE("what is taken next"));
    is(url.at, "https://16.bytes", "it ends with a NUL");
    url = url_expand(arena, (struct slice){NULL, 0}, SLICE("r"), SLICE("p"));
    cmp_ok(url.len, ==, 0, "without a URL");
    arena_free(arena);
}

static const char *filled(const char *url, const char *digest)
{
    static char buffer[512];
    struct url_template template;
    struct text out = {.at = buffer, .size = sizeof buffer - 1};

    if (!url_template_make(&template, slice_of(url)))
        return "too many words";
    url_template_write(&template, tight(slice_of(digest)), &out);
    buffer[out.len] = '\0';
    return buffer;
}

static void check_templates(void)
{
    is(filled("https://h/{digest}", "sha256:ab"), "https://h/sha256:ab", "{digest}");
    is(filled("https://h/{algorithm}/{encoded}", "sha256:ab"), "https://h/sha256/ab",
       "{algorithm} and {encoded}");
    is(filled("{digest}{digest}{encoded}{algorithm}", "a:b"), "a:ba:bba", "four words, no text");
    is(filled("https://h/", "a:b"), "https://h/", "no words");
    is(filled("{digest}{digest}{digest}{digest}{digest}", "a:b"), "too many words", "five words");
}

/* ---- queries ---- */

static const char *query(struct slice text)
{
    static char buffer[1024];
    struct text out = {.at = buffer, .size = sizeof buffer - 1};

    url_write_query(&out, tight(text));
    buffer[out.len] = '\0';
    return buffer;
}

static void check_queries(void)
{
    static const struct {
        int line;
        struct slice text;
        const char *want;
    } list[] = {
#define QUERY(text, want) {__LINE__, {text, sizeof(text) - 1}, want}
        QUERY("", ""),
        QUERY("artifactType=a%2Bb&artifactType=c", "artifactType=a%2Bb&artifactType=c"),
        QUERY("a=%2f%2F", "a=%2f%2F"),
        QUERY("-._~!$&'()*+,;=:@/?", "-._~!$&'()*+,;=:@/?"),
        QUERY("a b", "a%20b"),
        QUERY("\r\nSet-Cookie: x", "%0D%0ASet-Cookie:%20x"),
        QUERY("\0", "%00"),
        QUERY("\x7f\xff\xc3\xa9", "%7F%FF%C3%A9"),
        QUERY("\"<>\\^`{|}[]#", "%22%3C%3E%5C%5E%60%7B%7C%7D%5B%5D%23"),
        QUERY("%", "%25"),
        QUERY("%4", "%254"),
        QUERY("%zz", "%25zz"),
        QUERY("%%41", "%25%41"),
        QUERY("100%", "100%25"),
    };

    for (size_t i = 0; i < sizeof list / sizeof *list; i++)
        tap_ok(tap_same(query(list[i].text), list[i].want), __FILE__, list[i].line,
               "the query %s is written as %s", shown(list[i].text), list[i].want);
}

int main(void)
{
    check_samples();
    check_lengths();
    check_authorities();
    check_same_host();
    check_expansion();
    check_templates();
    check_queries();
    return done_testing();
}
