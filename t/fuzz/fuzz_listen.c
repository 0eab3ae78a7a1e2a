/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What those who start the responder say of connections: the first byte chooses between
 * --listen, an address or a path, and FCGI_WEB_SERVER_ADDRS.
 */
#include "config.h"
#include "../../fcgi/listen.h"
#include "../../fcgi/peers.h"
#include "folder.h"
#include "input.h"
#include <arpa/inet.h>
#include <sys/socket.h>
#include <sys/un.h>

/* ---- FCGI_WEB_SERVER_ADDRS ---- */

static struct in6_addr mapped(struct in_addr v4)
{
    struct in6_addr address = {.s6_addr = {[10] = 0xff, [11] = 0xff}};

    memcpy(address.s6_addr + 12, &v4, sizeof v4);
    return address;
}

/* An entry as inet_pton has it, blanks around it left out. */
static bool read_entry(char *text, struct in6_addr *address)
{
    struct in_addr v4;

    text += strspn(text, " \t");
    size_t len = strlen(text);
    while (len > 0 && (text[len - 1] == ' ' || text[len - 1] == '\t'))
        text[--len] = '\0';
    if (inet_pton(AF_INET, text, &v4) == 1) {
        *address = mapped(v4);
        return true;
    }
    return inet_pton(AF_INET6, text, address) == 1;
}

static bool allows(const struct peers *peers, const struct in6_addr *address)
{
    struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_addr = *address};

    return peers_allow(peers, (const struct sockaddr *)&six);
}

/* The list read with strsep: the same addresses, or the first that is wrong. */
static void compare(const struct peers *peers, const char *wrong, char *text)
{
    const char *start = text;
    size_t count = 0;
    struct in6_addr address;

    for (char *entry; (entry = strsep(&text, ","));) {
        size_t at = (size_t)(entry - start);
        if (count == PEERS_MAX || !read_entry(entry, &address)) {
            must(wrong != NULL, "a wrong entry is refused");
            must(!wrong || (size_t)(wrong - start) >= at, "and it is the one that is told");
            return;
        }
        must(peers->count > count && memcmp(&peers->address[count], &address, 16) == 0,
             "an address is taken as it is");
        must(allows(peers, &address), "and allowed");
        count++;
    }
    must(!wrong && peers->count == count, "all are taken");
    struct in6_addr other = {.s6_addr = {0xfe, 0x80, [15] = 0x77}};
    bool listed = false;
    for (size_t i = 0; i < count; i++)
        listed = listed || memcmp(&peers->address[i], &other, 16) == 0;
    must(allows(peers, &other) == listed, "another one is not allowed");
}

static void read_peers(const char *text)
{
    struct peers peers;
    const char *wrong = peers_parse(&peers, text);
    char *copy = strdup(text);

    must(copy, "there is memory");
    must(peers.count <= PEERS_MAX, "they are not too many");
    must(!wrong || (wrong >= text && wrong <= text + strlen(text)), "what is wrong is in the text");
    if (text[0])
        compare(&peers, wrong ? copy + (wrong - text) : NULL, copy);
    else
        must(!wrong && peers.count == 0, "an empty list is none");
    free(copy);
}

/* ---- --listen ---- */

static void check_socket(const char *address, const char *path)
{
    char message[LISTEN_MESSAGE_MAX] = "";
    struct listener listener, second;

    if (!listen_at(&listener, address, message)) {
        size_t len = strlen(message);
        must(listener.fd == -1 && !listener.path, "nothing is left open");
        must(len > 0 && (message[len - 1] == '.' || len == LISTEN_MESSAGE_MAX - 1),
             "it is said why");
        return;
    }
    must(listen_is_listening(listener.fd), "it listens");
    must(!path || !listen_at(&second, path, message), "nobody else listens there");
    listen_done(&listener);
    must(!path || access(path, F_OK) != 0, "the socket file is removed");
}

/* A file, a socket that nobody listens on any more, or nothing is there. */
static void prepare(unsigned what, const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = -1;

    unlink(path);
    if (what == 1)
        fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    if (what == 2 && strlen(path) < sizeof address.sun_path) {
        memcpy(address.sun_path, path, strlen(path));
        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        (void)!bind(fd, (struct sockaddr *)&address, sizeof address);
    }
    if (fd >= 0)
        close(fd);
}

static void listen_at_path(const struct folder *folder, unsigned what, const char *text)
{
    char path[4200];

    if (strstr(text, "..") || strlen(text) > 4096)
        return; /* it would be elsewhere */
    snprintf(path, sizeof path, "%s/%s", folder->name, text);
    prepare(what % 4, path);
    check_socket(path, path);
    unlink(path);
}

static void listen_at_port(const char *text)
{
    struct listen_address parsed;
    char again[320];

    if (!listen_parse(&parsed, text))
        return;
    must(strlen(parsed.port) > 0 && atoi(parsed.port) <= 65535, "a port is one");
    snprintf(again, sizeof again, text[0] == '[' ? "[%s]:%s" : "%s:%s", parsed.host, parsed.port);
    must(strcmp(again, text) == 0, "both parts are all there is");
    must(text[0] == '[' || !strchr(parsed.host, ':'), "a name has no colon");
    bool is_own = !*parsed.host || strcmp(parsed.host, "127.0.0.1") == 0;
    if (is_own && strspn(parsed.port, "0") == strlen(parsed.port))
        check_socket(text, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct folder folder = {.fd = -1};
    struct input input = {data, size < 8192 ? size : 8192};
    unsigned what = take_byte(&input);
    char *text = take_text(&input);

    if (folder.fd < 0)
        folder_make(&folder);
    if (what % 3 == 0)
        read_peers(text);
    else if (what % 3 == 1)
        listen_at_port(text);
    else
        listen_at_path(&folder, what / 4, text);
    free(text);
    return 0;
}
