/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"
#include "peers.h"
#include <arpa/inet.h>
#include <string.h>

static struct in6_addr mapped(struct in_addr v4)
{
    struct in6_addr address = {.s6_addr = {[10] = 0xff, [11] = 0xff}};
    memcpy(address.s6_addr + 12, &v4, sizeof v4);
    return address;
}

static bool address_parse(struct in6_addr *address, const char *text, size_t len)
{
    char copy[INET6_ADDRSTRLEN];
    struct in_addr v4;
    if (len >= sizeof copy)
        return false;
    memcpy(copy, text, len);
    copy[len] = '\0';
    if (inet_pton(AF_INET, copy, &v4) == 1) {
        *address = mapped(v4);
        return true;
    }
    return inet_pton(AF_INET6, copy, address) == 1;
}

const char *peers_parse(struct peers *peers, const char *list)
{
    peers->count = 0;
    if (!list || !*list)
        return NULL;
    for (;;) {
        const char *start = list + strspn(list, " \t");
        size_t len = strcspn(start, ", \t");
        if (peers->count == PEERS_MAX || !address_parse(&peers->address[peers->count], start, len))
            return list;
        peers->count++;
        list = start + len + strspn(start + len, " \t");
        if (!*list)
            return NULL;
        if (*list++ != ',')
            return start;
    }
}

bool peers_allow(const struct peers *peers, const struct sockaddr *peer)
{
    struct in6_addr address;
    if (peers->count == 0)
        return true;
    if (peer->sa_family == AF_INET)
        address = mapped(((const struct sockaddr_in *)(const void *)peer)->sin_addr);
    else if (peer->sa_family == AF_INET6)
        address = ((const struct sockaddr_in6 *)(const void *)peer)->sin6_addr;
    else
        return peer->sa_family == AF_UNIX;
    for (size_t i = 0; i < peers->count; i++)
        if (memcmp(&address, &peers->address[i], sizeof address) == 0)
            return true;
    return false;
}
