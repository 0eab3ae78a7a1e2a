/* SPDX-License-Identifier: Apache-2.0 */
/* What a new process keeps of its parent's descriptors. */
#ifndef CORE_DESCRIPTORS_H
#define CORE_DESCRIPTORS_H

/*
 * Closes all descriptors from one to another, of which some or all may not be open. Where the
 * kernel cannot do so at once (before Linux 5.9), those below 65536 that the process's limit
 * allows.
 */
void descriptors_close(unsigned from, unsigned to);

#endif
