/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What answers mean, by a table of those that registries, object stores and the servers
 * before them really give. Headers: A, Docker-Distribution-Api-Version; W, WWW-Authenticate;
 * D, Docker-Content-Digest of the object; d, of another one; S, a store's own; h, text/html;
 * m, a manifest's media type; 0, Content-Length: 0.
 */
#include "prober/reply.h"
#include "tap.h"

enum what {
    CHECK,    /* GET /v2/ */
    MANIFEST, /* HEAD of an upstream */
    BLOB,
    EMPTY,  /* the empty blob */
    BUCKET, /* HEAD of a bucket */
    BUCKET_CHECK
};

static const struct row {
    const char *who;
    enum what what;
    int status;
    const char *headers;
    int meaning; /* enum path_meaning or enum holding */
    enum witness_meaning witness;
} rows[] = {
    /* GET /v2/ */
    {"distribution", CHECK, 200, "A", CHECK_GOOD, 0},
    {"distribution with a login", CHECK, 401, "AW", CHECK_GOOD, 0},
    {"Artifact Registry, Harbor, Docker Hub", CHECK, 401, "AW", CHECK_GOOD, 0},
    {"GHCR, ACR, serverless-registry", CHECK, 401, "W", CHECK_GOOD, 0},
    {"Quay", CHECK, 401, "AW", CHECK_GOOD, 0},
    {"401 of no registry", CHECK, 401, "h", CHECK_BAD, 0},
    {"distribution asked too often, and Docker Hub", CHECK, 429, "", CHECK_NEITHER, 0},
    {"S3 asked too often", CHECK, 503, "S", CHECK_NEITHER, 0},
    {"nginx without its back end", CHECK, 502, "h", CHECK_BAD, 0},
    {"nginx with add_header always", CHECK, 502, "Ah", CHECK_BAD, 0},
    {"HAProxy, Apache, ALB", CHECK, 503, "h", CHECK_BAD, 0},
    {"Varnish", CHECK, 503, "h", CHECK_BAD, 0},
    {"Envoy", CHECK, 503, "", CHECK_BAD, 0},
    {"Cloudflare", CHECK, 522, "h", CHECK_BAD, 0},
    {"Caddy without its back end", CHECK, 502, "", CHECK_BAD, 0},
    {"Traefik without a container, ingress-nginx", CHECK, 404, "", CHECK_BAD, 0},
    {"nginx without a location", CHECK, 404, "h", CHECK_BAD, 0},
    {"Kong", CHECK, 404, "", CHECK_BAD, 0},
    {"a page for everything", CHECK, 200, "h", CHECK_BAD, 0},
    {"Caddy without a handler", CHECK, 200, "0", CHECK_BAD, 0},
    {"ALB's firewall", CHECK, 202, "", CHECK_BAD, 0},
    {"a redirect to a login page", CHECK, 302, "", CHECK_BAD, 0},
    {"blocked country", CHECK, 403, "h", CHECK_BAD, 0},
    {"no answer", CHECK, 0, "", CHECK_BAD, 0},

    /* Objects at a registry */
    {"distribution has it", MANIFEST, 200, "AD", HOLDING_PRESENT, WITNESS_SERVED},
    {"ggcr, zot, Quay have it", MANIFEST, 200, "D", HOLDING_PRESENT, WITNESS_SERVED},
    {"Red Hat, old ECR", MANIFEST, 200, "m", HOLDING_PRESENT, WITNESS_SERVED},
    {"another object", MANIFEST, 200, "Adm", HOLDING_UNKNOWN, WITNESS_FAILED},
    {"a page for everything", MANIFEST, 200, "h", HOLDING_UNKNOWN, WITNESS_FAILED},
    {"Caddy without a handler", MANIFEST, 200, "0", HOLDING_UNKNOWN, WITNESS_FAILED},
    {"distribution has it not", MANIFEST, 404, "A", HOLDING_ABSENT, WITNESS_GONE},
    {"ggcr, zot, Quay have it not", MANIFEST, 404, "", HOLDING_ABSENT, WITNESS_GONE},
    {"a page not found", MANIFEST, 404, "h", HOLDING_UNKNOWN, WITNESS_GONE},
    {"Quay, of an unknown name", MANIFEST, 401, "AW", HOLDING_UNKNOWN, WITNESS_DENIED},
    {"Harbor, Docker Hub, GHCR", MANIFEST, 401, "AW", HOLDING_UNKNOWN, WITNESS_DENIED},
    {"Artifact Registry with a token", MANIFEST, 403, "A", HOLDING_UNKNOWN, WITNESS_DENIED},
    {"distribution 2.8, unknown algorithm", MANIFEST, 500, "A", HOLDING_UNKNOWN, WITNESS_FAILED},
    {"distribution 3.0, unknown algorithm", MANIFEST, 400, "A", HOLDING_UNKNOWN, WITNESS_NEITHER},
    {"distribution 2.8 as a cache", MANIFEST, 500, "A", HOLDING_UNKNOWN, WITNESS_FAILED},
    {"Docker Hub asked too often", MANIFEST, 429, "", HOLDING_UNKNOWN, WITNESS_NEITHER},
    {"nginx without its back end", MANIFEST, 502, "h", HOLDING_UNKNOWN, WITNESS_FAILED},
    {"no answer", MANIFEST, 0, "", HOLDING_UNKNOWN, WITNESS_FAILED},
    {"no content", MANIFEST, 204, "", HOLDING_UNKNOWN, WITNESS_NEITHER},
    {"distribution has the blob", BLOB, 200, "AD", HOLDING_PRESENT, WITNESS_SERVED},
    {"zot has the blob", BLOB, 200, "D", HOLDING_PRESENT, WITNESS_SERVED},
    {"a store behind a redirect has it", BLOB, 200, "S", HOLDING_PRESENT, WITNESS_SERVED},
    {"a store that says nothing", BLOB, 200, "", HOLDING_PRESENT, WITNESS_SERVED},
    {"one byte of it, by GET", BLOB, 206, "", HOLDING_PRESENT, WITNESS_SERVED},
    {"a page for everything", BLOB, 200, "h", HOLDING_UNKNOWN, WITNESS_FAILED},
    {"Caddy without a handler", BLOB, 200, "0", HOLDING_UNKNOWN, WITNESS_FAILED},
    {"the empty blob", EMPTY, 200, "0", HOLDING_PRESENT, WITNESS_SERVED},
    {"a page, for the empty blob", EMPTY, 200, "h", HOLDING_UNKNOWN, WITNESS_FAILED},
    {"ECR without HEAD", BLOB, 401, "W", HOLDING_UNKNOWN, WITNESS_DENIED},
    {"GHCR's store, HEAD after a redirect", BLOB, 403, "h", HOLDING_UNKNOWN, WITNESS_DENIED},

    /* Objects in a bucket */
    {"S3 has it", BUCKET, 200, "S", HOLDING_PRESENT, WITNESS_SERVED},
    {"R2 has it", BUCKET, 200, "", HOLDING_PRESENT, WITNESS_SERVED},
    {"CloudFront's own error page", BUCKET, 200, "h", HOLDING_UNKNOWN, WITNESS_FAILED},
    {"S3 has it not", BUCKET, 404, "S", HOLDING_ABSENT, WITNESS_GONE},
    {"S3 without the right to list", BUCKET, 403, "S", HOLDING_ABSENT, WITNESS_GONE},
    {"MinIO", BUCKET, 403, "S", HOLDING_ABSENT, WITNESS_GONE},
    {"R2 has it not", BUCKET, 404, "h", HOLDING_UNKNOWN, WITNESS_GONE},
    {"B2, private", BUCKET, 401, "S", HOLDING_UNKNOWN, WITNESS_DENIED},
    {"Azure without public access", BUCKET, 409, "S", HOLDING_UNKNOWN, WITNESS_NEITHER},
    {"S3 asked too often", BUCKET, 503, "S", HOLDING_UNKNOWN, WITNESS_NEITHER},
    {"Google asked too often", BUCKET, 429, "S", HOLDING_UNKNOWN, WITNESS_NEITHER},
    {"S3 in trouble", BUCKET, 500, "S", HOLDING_UNKNOWN, WITNESS_FAILED},
    {"a server before it in trouble", BUCKET, 503, "h", HOLDING_UNKNOWN, WITNESS_FAILED},

    /* A bucket's check without a witness */
    {"S3 has no empty blob", BUCKET_CHECK, 404, "S", CHECK_GOOD, 0},
    {"S3 does not say", BUCKET_CHECK, 403, "S", CHECK_GOOD, 0},
    {"a bucket has it", BUCKET_CHECK, 200, "S0", CHECK_GOOD, 0},
    {"S3 asked too often", BUCKET_CHECK, 503, "S", CHECK_NEITHER, 0},
    {"Google asked too often", BUCKET_CHECK, 429, "", CHECK_NEITHER, 0},
    {"S3 in trouble", BUCKET_CHECK, 500, "S", CHECK_BAD, 0},
    {"a server before it in trouble", BUCKET_CHECK, 502, "h", CHECK_BAD, 0},
    {"no answer", BUCKET_CHECK, 0, "", CHECK_BAD, 0},
};

static struct reply reply_of(const struct row *row)
{
    const char *h = row->headers;

    return (struct reply){.status = row->status,
                          .failure = row->status ? FAILURE_NONE : FAILURE_SILENCE,
                          .is_registry = strchr(h, 'A'),
                          .wants_login = strchr(h, 'W'),
                          .is_store = strchr(h, 'S'),
                          .is_empty = strchr(h, '0'),
                          .digest = strchr(h, 'D')   ? DIGEST_SAME
                                    : strchr(h, 'd') ? DIGEST_OTHER
                                                     : DIGEST_NOT_TOLD,
                          .type = strchr(h, 'h')   ? TYPE_HTML
                                  : strchr(h, 'm') ? TYPE_MANIFEST
                                                   : TYPE_OTHER};
}

static void test_rows(void)
{
    const struct probing rules = {.check_path = {"/v2/", 4}};

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct row *row = &rows[i];
        struct reply reply = reply_of(row);
        if (row->what == CHECK) {
            cmp_ok(reply_of_path(&reply, &rules), ==, row->meaning, "/v2/: %s", row->who);
            continue;
        }
        if (row->what == BUCKET_CHECK) {
            cmp_ok(reply_of_bucket(&reply), ==, row->meaning, "bucket: %s", row->who);
            continue;
        }
        struct reply_object object = {row->what == BUCKET ? TARGET_BUCKET : TARGET_UPSTREAM,
                                      row->what == MANIFEST, row->what == EMPTY, false};
        cmp_ok(reply_holding(&reply, object), ==, row->meaning, "probe: %s", row->who);
        cmp_ok(reply_of_witness(&reply, object), ==, row->witness, "witness: %s", row->who);
    }
}

static void test_empty(void)
{
    static const struct slice digests[] = {
        SLICE("sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        SLICE("sha512:cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce"
              "47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e")};

    for (int i = 0; i < 2; i++) {
        struct object object = {ENDPOINT_BLOBS, SLICE("a"), digests[i]};
        ok(reply_object(TARGET_UPSTREAM, &object).is_empty_blob, "the digest of nothing");
        object.endpoint = ENDPOINT_MANIFESTS;
        ok(!reply_object(TARGET_UPSTREAM, &object).is_empty_blob, "which no manifest has");
    }
}

static void test_own_path(void)
{
    struct probing own = {.check_path = {"/health", 7}};
    struct probing listed = {
        .check_path = {"/v2/", 4}, .up_status = {204, 404}, .up_status_count = 2};
    struct reply reply = {.status = 200, .type = TYPE_HTML};

    cmp_ok(reply_of_path(&reply, &own), ==, CHECK_GOOD, "a path of one's own goes by its status");
    cmp_ok(reply_of_path(&reply, &listed), ==, CHECK_BAD, "`health_status` says which");
    cmp_ok(reply_of_path(&(struct reply){.status = 401}, &own), ==, CHECK_GOOD, "401 is an answer");
    cmp_ok(reply_of_path(&(struct reply){.status = 402}, &own), ==, CHECK_BAD, "402 is none");
    reply.status = 404;
    cmp_ok(reply_of_path(&reply, &own), ==, CHECK_BAD, "404 is none of those by default");
    cmp_ok(reply_of_path(&reply, &listed), ==, CHECK_GOOD, "but may be set");
}

/* What a probe's answer leads to beside a verdict. */
static void test_consequences(void)
{
    static const struct {
        struct reply reply;
        bool by_get, limits, trouble;
    } cases[] = {
        {{.status = 200}, false, false, false},
        {{.status = 404}, false, false, false},
        {{.status = 404, .type = TYPE_HTML}, false, false, true},
        {{.status = 200, .type = TYPE_HTML}, false, false, true},
        {{.status = 401}, false, false, false},
        {{.status = 403}, false, false, false},
        {{.status = 403, .was_redirected = true}, true, false, false},
        {{.status = 405}, true, false, false},
        {{.status = 501}, true, false, false},
        {{.status = 429}, false, true, false},
        {{.status = 503, .is_store = true}, false, true, false},
        {{.status = 503}, false, false, true},
        {{.status = 500}, false, false, true},
        {{.failure = FAILURE_NETWORK}, false, false, true},
        {{.failure = FAILURE_SILENCE}, false, false, true},
        {{.failure = FAILURE_NOT_SENT}, false, false, false},
        {{.status = 307, .led_away = true}, false, false, false},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct reply *reply = &cases[i].reply;
        ok(reply_wants_get(reply) == cases[i].by_get &&
               reply_limits_rate(reply) == cases[i].limits &&
               reply_is_trouble(reply) == cases[i].trouble,
           "%d, failure %d", reply->status, reply->failure);
    }
    struct reply page = {.status = 404, .type = TYPE_HTML};
    struct reply_object static_file = {TARGET_BUCKET, false, false, true};
    cmp_ok(reply_holding(&page, static_file), ==, HOLDING_ABSENT,
           "a page with 404 is believed of a bucket that serves its witnesses");
    struct reply away = {.status = 200, .led_away = true, .digest = DIGEST_SAME};
    struct reply_object blob = {TARGET_UPSTREAM, false, false, false};
    cmp_ok(reply_holding(&away, blob), ==, HOLDING_UNKNOWN,
           "a redirect to a stranger says nothing");
    cmp_ok(reply_of_witness(&away, blob), ==, WITNESS_NEITHER, "of a witness, either");
    struct reply waited = {.failure = FAILURE_NOT_SENT};
    const struct probing rules = {.check_path = {"/v2/", 4}};
    cmp_ok(reply_of_path(&waited, &rules), ==, CHECK_NEITHER,
           "nor does a request that was never sent");
}

int main(void)
{
    test_rows();
    test_empty();
    test_own_path();
    test_consequences();
    return done_testing();
}
