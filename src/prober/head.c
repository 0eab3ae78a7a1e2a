/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"
#include "prober/head.h"

#ifndef HAVE_LIBCURL
struct heads *heads_new(const struct heads_hooks *hooks, const struct probing *rules,
                        bool is_limited, struct why *why)
{
    (void)hooks, (void)rules, (void)is_limited;
    why_not(why, "This signpost was built without libcurl and cannot probe; install it (Debian: "
                 "libcurl4-openssl-dev) and build again.");
    return NULL;
}

void heads_free(struct heads *heads)
{
    (void)heads;
}

void heads_configure(struct heads *heads, const struct probing *rules)
{
    (void)heads, (void)rules;
}

bool heads_begin(struct heads *heads, const struct errand *errand)
{
    (void)heads, (void)errand;
    return false;
}

int heads_fd(const struct heads *heads)
{
    (void)heads;
    return -1;
}

int heads_wait_ms(const struct heads *heads, int64_t now_ms)
{
    (void)heads, (void)now_ms;
    return -1;
}

void heads_work(struct heads *heads, int64_t now_ms)
{
    (void)heads, (void)now_ms;
}
#else

#include <curl/curl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

enum {
    HOPS_MAX = 3,
    HEADER_MAX = 64 * 1024,
    BODY_MAX = 64 * 1024, /* of a body that nobody reads */
    BODY_TIMEOUT_MS = 60 * 1000,
    IDLE_MAX = 64,         /* easy handles kept for later */
    CONNECTIONS_MAX = 512, /* kept for later */
    DESCRIPTORS_SHARE = 4, /* so many parts of the limit on descriptors: one is for probes */
    CONNECTION_AGE_S = 600,
    EVENTS = 64
};

struct head {
    struct head *next, *before;
    CURL *easy;
    struct job *job;
    enum errand_how how;
    bool is_check;
    struct proof_body *body; /* that takes all bytes; NULL: nobody wants them */
    struct slice digest;
    int64_t began_ms, limit_ms;
    unsigned hops;
    size_t header_len, body_len;
    bool enough;
    const char *failure;
    struct heads *heads;
};

struct heads {
    struct heads_hooks hooks;
    const struct probing *rules;
    bool is_limited;
    CURLM *multi;
    struct curl_slist *accept;
    int epoll;
    int64_t due_ms; /* when libcurl wants to be called; -1: not */
    int64_t now_ms;
    struct head *list; /* under way */
    CURL *idle[IDLE_MAX];
    size_t idle_count;
};

/* ---- what libcurl calls ---- */

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *context, void *of_socket)
{
    struct heads *heads = context;
    struct epoll_event event = {.data.fd = fd};

    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        epoll_ctl(heads->epoll, EPOLL_CTL_DEL, fd, NULL);
        return 0;
    }
    if (what & CURL_POLL_IN)
        event.events |= EPOLLIN;
    if (what & CURL_POLL_OUT)
        event.events |= EPOLLOUT;
    if (epoll_ctl(heads->epoll, of_socket ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &event) < 0)
        epoll_ctl(heads->epoll, of_socket ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, fd, &event);
    curl_multi_assign(heads->multi, fd, heads);
    return 0;
}

static int on_timer(CURLM *multi, long timeout_ms, void *context)
{
    struct heads *heads = context;

    (void)multi;
    heads->due_ms = timeout_ms < 0 ? -1 : heads->now_ms + timeout_ms;
    return 0;
}

static size_t on_header(char *at, size_t size, size_t count, void *context)
{
    struct head *head = context;

    (void)at;
    head->header_len += size * count;
    if (head->header_len <= HEADER_MAX)
        return size * count;
    head->failure = "its header is too long";
    return 0;
}

/* Ends the request early, with the answer's header as it is. */
static size_t skip_body(struct head *head, size_t len)
{
    head->body_len += len;
    head->enough = head->body_len > BODY_MAX;
    return head->enough ? 0 : len;
}

/* The body of a redirect or an error is not the object. */
static size_t give_body(struct head *head, struct slice bytes)
{
    long status = 0;

    curl_easy_getinfo(head->easy, CURLINFO_RESPONSE_CODE, &status);
    if (status != 200 && status != 206)
        return skip_body(head, bytes.len);
    if (proof_body_add(head->body, (int)status, bytes))
        return bytes.len;
    head->failure = "it is too long";
    return 0;
}

static size_t on_body(char *at, size_t size, size_t count, void *context)
{
    struct head *head = context;

    if (head->body)
        return give_body(head, (struct slice){at, size * count});
    return skip_body(head, size * count);
}

/* ---- starting ---- */

static void limit_protocols(CURL *easy)
{
#if LIBCURL_VERSION_NUM >= 0x075500
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
#else
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
#if LIBCURL_VERSION_NUM >= 0x075000
    curl_easy_setopt(easy, CURLOPT_MAXLIFETIME_CONN, (long)CONNECTION_AGE_S);
#endif
}

static long timeout_ms(const struct heads *heads, const struct errand *errand)
{
    if (errand->how == ERRAND_BODY)
        return BODY_TIMEOUT_MS;
    return errand->is_check ? MONITOR_CHECK_MS : (long)heads->rules->timeout_ms;
}

static void set_method(CURL *easy, const struct errand *errand)
{
    char range[32];

    curl_easy_setopt(easy, CURLOPT_NOBODY, errand->how == ERRAND_HEAD ? 1L : 0L);
    if (errand->how == ERRAND_FIRST_BYTE) {
        curl_easy_setopt(easy, CURLOPT_RANGE, "0-0");
    } else if (errand->body && proof_body_from(errand->body) > 0) {
        snprintf(range, sizeof range, "%" PRIu64 "-", proof_body_from(errand->body));
        curl_easy_setopt(easy, CURLOPT_RANGE, range);
    }
}

/* A check makes its connection anew, name and certificate included, as a client would. */
static void set_connection(CURL *easy, const struct errand *errand)
{
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
    if (errand->is_check) {
        curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
        curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);
        curl_easy_setopt(easy, CURLOPT_DNS_CACHE_TIMEOUT, 0L);
        curl_easy_setopt(easy, CURLOPT_SSL_SESSIONID_CACHE, 0L);
    } else {
        curl_easy_setopt(easy, CURLOPT_PIPEWAIT, 1L);
    }
}

/* So that a registry's log says what a request is for. */
static const char *user_agent(const struct errand *errand)
{
    if (errand->how == ERRAND_BODY)
        return "signpost/" PACKAGE_VERSION " (check_object)";
    return errand->is_check || errand->is_sample ? "signpost/" PACKAGE_VERSION " (health check)"
                                                 : "signpost/" PACKAGE_VERSION " (probe)";
}

static void set_options(struct heads *heads, struct head *head, const struct errand *errand)
{
    CURL *easy = head->easy;
    const struct probing *rules = heads->rules;

    limit_protocols(easy);
    set_method(easy, errand);
    set_connection(easy, errand);
    curl_easy_setopt(easy, CURLOPT_URL, errand->url);
    if (errand->is_manifest)
        curl_easy_setopt(easy, CURLOPT_HTTPHEADER, heads->accept);
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
#if LIBCURL_VERSION_NUM >= 0x075700
    /* Else a transfer that ends while its name is looked up waits for the resolver, and all
     * others with it. */
    curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
#endif
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS,
                     errand->is_check ? (long)head->limit_ms : (long)rules->connect_ms);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)head->limit_ms);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, user_agent(errand));
    if (rules->ca_file)
        curl_easy_setopt(easy, CURLOPT_CAINFO, rules->ca_file);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, head);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, head);
    curl_easy_setopt(easy, CURLOPT_PRIVATE, head);
}

static CURL *take_easy(struct heads *heads)
{
    return heads->idle_count ? heads->idle[--heads->idle_count] : curl_easy_init();
}

static void return_easy(struct heads *heads, CURL *easy)
{
    if (heads->idle_count == IDLE_MAX) {
        curl_easy_cleanup(easy);
        return;
    }
    curl_easy_reset(easy);
    heads->idle[heads->idle_count++] = easy;
}

static void link_head(struct heads *heads, struct head *head)
{
    head->next = heads->list;
    if (head->next)
        head->next->before = head;
    heads->list = head;
}

static void end(struct heads *heads, struct head *head)
{
    if (head->before)
        head->before->next = head->next;
    else
        heads->list = head->next;
    if (head->next)
        head->next->before = head->before;
    return_easy(heads, head->easy);
    free(head);
}

bool heads_begin(struct heads *heads, const struct errand *errand)
{
    struct head *head = calloc(1, sizeof *head);
    CURL *easy = head ? take_easy(heads) : NULL;

    if (!easy) {
        free(head);
        return false;
    }
    heads->now_ms = instant_now().steady_ms;
    *head = (struct head){.easy = easy,
                          .job = errand->job,
                          .how = errand->how,
                          .is_check = errand->is_check,
                          .body = errand->body,
                          .digest = errand->digest,
                          .heads = heads,
                          .began_ms = heads->now_ms,
                          .limit_ms = timeout_ms(heads, errand)};
    link_head(heads, head);
    set_options(heads, head, errand);
    if (curl_multi_add_handle(heads->multi, easy) == CURLM_OK)
        return true;
    end(heads, head);
    return false;
}

/* ---- what an answer's header says ---- */

/* A header's value; empty: there is none. The easy handle's. */
static struct slice header(CURL *easy, const char *name)
{
    struct curl_header *found;

    if (curl_easy_header(easy, name, 0, CURLH_HEADER, -1, &found) != CURLHE_OK)
        return (struct slice){"", 0};
    return slice_trim(slice_of(found->value));
}

/* Whether an object store has answered: S3, GCS, Azure or B2. */
static bool is_store(CURL *easy)
{
    struct curl_header *found = NULL;

    if (header(easy, "x-amz-request-id").len > 0 || header(easy, "x-ms-request-id").len > 0 ||
        header(easy, "x-guploader-uploadid").len > 0)
        return true;
    while ((found = curl_easy_nextheader(easy, CURLH_HEADER, -1, found))) {
        struct slice name = slice_of(found->name);
        if (name.len > 7 && (slice_equal_nocase(slice_to(name, 7), SLICE("x-goog-")) ||
                             slice_equal_nocase(slice_to(name, 5), SLICE("x-bz-"))))
            return true;
    }
    return false;
}

static bool contains(struct slice text, const char *word)
{
    return memmem(text.at, text.len, word, strlen(word)) != NULL;
}

static enum reply_type read_type(struct slice type)
{
    if (type.len >= 9 && slice_equal_nocase(slice_to(type, 9), SLICE("text/html")))
        return TYPE_HTML;
    return contains(type, "manifest") || contains(type, "image.index") ? TYPE_MANIFEST : TYPE_OTHER;
}

static enum reply_digest read_digest(struct slice told, struct slice asked)
{
    if (told.len == 0 || asked.len == 0)
        return DIGEST_NOT_TOLD;
    return slice_equal(told, asked) ? DIGEST_SAME : DIGEST_OTHER;
}

/* Retry-After in seconds; a date counts as none. */
static unsigned read_seconds(struct slice value)
{
    unsigned seconds = 0;

    for (size_t i = 0; i < value.len; i++) {
        if (value.at[i] < '0' || value.at[i] > '9' || seconds > 1000000)
            return 0;
        seconds = seconds * 10 + (unsigned)(value.at[i] - '0');
    }
    return seconds;
}

static void read_header(const struct head *head, struct reply *reply)
{
    CURL *easy = head->easy;
    struct slice version = header(easy, "Docker-Distribution-Api-Version");

    reply->is_registry = slice_equal(version, SLICE("registry/2.0"));
    reply->wants_login = header(easy, "WWW-Authenticate").len > 0;
    reply->digest = read_digest(header(easy, "Docker-Content-Digest"), head->digest);
    reply->type = read_type(header(easy, "Content-Type"));
    reply->is_empty = slice_equal(header(easy, "Content-Length"), SLICE("0"));
    reply->retry_after_s = read_seconds(header(easy, "Retry-After"));
    reply->is_store = is_store(easy);
}

/* ---- ending ---- */

/* What has failed, by how far the request came. */
static enum reply_failure failure_of(const struct head *head, CURLcode code)
{
    CURL *easy = head->easy;
    curl_off_t looked_up = 0, connected = 0, ready = 0;

    curl_easy_getinfo(easy, CURLINFO_NAMELOOKUP_TIME_T, &looked_up);
    curl_easy_getinfo(easy, CURLINFO_CONNECT_TIME_T, &connected);
    curl_easy_getinfo(easy, CURLINFO_PRETRANSFER_TIME_T, &ready);
    switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
        return FAILURE_NETWORK;
    case CURLE_OPERATION_TIMEDOUT:
        if (ready > 0)
            return FAILURE_SILENCE;
        /* Only probes wait for a connection to become free. */
        return looked_up > 0 || connected > 0 || head->is_check ? FAILURE_NETWORK
                                                                : FAILURE_NOT_SENT;
    default:
        return ready > 0 ? FAILURE_SILENCE : FAILURE_NETWORK;
    }
}

/* Goes after a redirect, if there is one that may be followed. */
static bool follow(struct heads *heads, struct head *head, struct reply *reply)
{
    const char *from = NULL, *to = NULL;
    int64_t left = head->began_ms + head->limit_ms - heads->now_ms;

    if (head->how == ERRAND_GET || reply->status < 300 || reply->status > 399)
        return false;
    curl_easy_getinfo(head->easy, CURLINFO_REDIRECT_URL, &to);
    curl_easy_getinfo(head->easy, CURLINFO_EFFECTIVE_URL, &from);
    if (!to || !from)
        return false;
    reply->led_away = ++head->hops > HOPS_MAX ||
                      !heads->hooks.may_follow(heads->hooks.context, from, to, head->is_check);
    if (reply->led_away || left <= 0)
        return false;
    char *copy = strdup(to);
    if (!copy)
        return false;
    curl_easy_setopt(head->easy, CURLOPT_URL, copy); /* which copies it, too */
    free(copy);
    curl_easy_setopt(head->easy, CURLOPT_TIMEOUT_MS, (long)left);
    head->header_len = head->body_len = 0;
    head->enough = false;
    return curl_multi_add_handle(heads->multi, head->easy) == CURLM_OK;
}

static void finish(struct heads *heads, struct head *head, CURLcode code)
{
    struct reply reply = {.was_redirected = head->hops > 0};
    long status = 0;

    if (code == CURLE_OK || head->enough) {
        curl_easy_getinfo(head->easy, CURLINFO_RESPONSE_CODE, &status);
        reply.status = (int)status;
        read_header(head, &reply);
    } else {
        reply.failure = failure_of(head, code);
        reply.was_refused = code == CURLE_COULDNT_CONNECT;
        reply.words = head->failure ? head->failure : curl_easy_strerror(code);
    }
    int64_t took = heads->now_ms - head->began_ms;
    reply.took_ms = took > 0 ? (unsigned)took : 0;
    if (follow(heads, head, &reply))
        return;
    struct job *job = head->job;
    end(heads, head);
    heads->hooks.done(heads->hooks.context, job, &reply);
}

static void collect(struct heads *heads)
{
    CURLMsg *message;
    int left;

    while ((message = curl_multi_info_read(heads->multi, &left))) {
        CURL *easy = message->easy_handle;
        CURLcode code = message->data.result;
        struct head *head = NULL;
        if (message->msg != CURLMSG_DONE)
            continue;
        curl_easy_getinfo(easy, CURLINFO_PRIVATE, &head);
        curl_multi_remove_handle(heads->multi, easy);
        finish(heads, head, code);
    }
}

int heads_fd(const struct heads *heads)
{
    return heads->epoll;
}

int heads_wait_ms(const struct heads *heads, int64_t now_ms)
{
    if (heads->due_ms < 0)
        return -1;
    return heads->due_ms <= now_ms ? 0 : (int)(heads->due_ms - now_ms);
}

void heads_work(struct heads *heads, int64_t now_ms)
{
    struct epoll_event events[EVENTS];
    int running;

    heads->now_ms = now_ms;
    int count = epoll_wait(heads->epoll, events, EVENTS, 0);
    for (int i = 0; i < count; i++) {
        int mask = 0;
        if (events[i].events & (EPOLLIN | EPOLLHUP))
            mask |= CURL_CSELECT_IN;
        if (events[i].events & EPOLLOUT)
            mask |= CURL_CSELECT_OUT;
        if (events[i].events & EPOLLERR)
            mask |= CURL_CSELECT_ERR;
        curl_multi_socket_action(heads->multi, events[i].data.fd, mask, &running);
    }
    if (heads->due_ms >= 0 && heads->due_ms <= now_ms) {
        heads->due_ms = -1;
        curl_multi_socket_action(heads->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    }
    collect(heads);
}

/* ---- */

void heads_configure(struct heads *heads, const struct probing *rules)
{
    struct rlimit limit;

    heads->rules = rules;
    if (!heads->is_limited)
        return;
    curl_multi_setopt(heads->multi, CURLMOPT_MAX_HOST_CONNECTIONS, (long)rules->connections);
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < LONG_MAX)
        curl_multi_setopt(heads->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS,
                          (long)(limit.rlim_cur / DESCRIPTORS_SHARE));
}

static bool get_ready(struct heads *heads, const struct probing *rules)
{
    heads->accept = curl_slist_append(NULL, probe_accept);
    heads->multi = curl_multi_init();
    heads->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (!heads->accept || !heads->multi || heads->epoll < 0)
        return false;
    curl_multi_setopt(heads->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    curl_multi_setopt(heads->multi, CURLMOPT_SOCKETDATA, heads);
    curl_multi_setopt(heads->multi, CURLMOPT_TIMERFUNCTION, on_timer);
    curl_multi_setopt(heads->multi, CURLMOPT_TIMERDATA, heads);
    curl_multi_setopt(heads->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_MULTIPLEX);
    curl_multi_setopt(heads->multi, CURLMOPT_MAXCONNECTS, (long)CONNECTIONS_MAX);
    heads_configure(heads, rules);
    return true;
}

struct heads *heads_new(const struct heads_hooks *hooks, const struct probing *rules,
                        bool is_limited, struct why *why)
{
    struct heads *heads = calloc(1, sizeof *heads);

    if (!heads || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        why_not(why, "libcurl does not start.");
        free(heads);
        return NULL;
    }
    heads->hooks = *hooks;
    heads->is_limited = is_limited;
    heads->epoll = -1;
    heads->due_ms = -1;
    if (get_ready(heads, rules))
        return heads;
    why_not(why, "There is not enough memory, or there are too few descriptors, for libcurl.");
    heads_free(heads);
    return NULL;
}

void heads_free(struct heads *heads)
{
    if (!heads)
        return;
    for (struct head *head = heads->list, *next; head; head = next) {
        next = head->next;
        curl_multi_remove_handle(heads->multi, head->easy);
        end(heads, head);
    }
    while (heads->idle_count)
        curl_easy_cleanup(heads->idle[--heads->idle_count]);
    curl_multi_cleanup(heads->multi);
    curl_slist_free_all(heads->accept);
    if (heads->epoll >= 0)
        close(heads->epoll);
    free(heads);
    curl_global_cleanup();
}
#endif
