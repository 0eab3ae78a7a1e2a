/* SPDX-License-Identifier: Apache-2.0 */
/* Plain CGI (RFC 3875): one request from the environment, one answer on standard output. */
#ifndef CGI_H
#define CGI_H

#include <stdbool.h>
#include "route/respond.h"

/*
 * Whether the environment is that of a CGI request. The plainest servers set
 * little more than the method and the script's name.
 */
bool cgi_is_request(void);

/*
 * Writes the answer to descriptor out, then reads and drops the request's body
 * from descriptor in, for some servers lose the answer when a program ends with
 * its input unread. Bounded in bytes and time. False: out did not take it all.
 */
bool cgi_answer(struct answer *answer, int in, int out);

#endif
