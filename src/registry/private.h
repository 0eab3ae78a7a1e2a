/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Addresses that mean something else to each network, or to each machine: those of the host
 * itself, of its link, and of private use (RFC 6890 and the registries that it describes).
 */
#ifndef REGISTRY_PRIVATE_H
#define REGISTRY_PRIVATE_H

#include <stdbool.h>
#include <sys/socket.h>

/* Whether an address is one of them, or of no family that is known here. */
bool private_is_address(const struct sockaddr *address);

/* The same for an address as text; false for what is none. */
bool private_is_text(const char *text);

#endif
