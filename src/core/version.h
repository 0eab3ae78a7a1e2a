/* SPDX-License-Identifier: Apache-2.0 */
/* Which signpost this is, and what it was built with. Include config.h before. */
#ifndef CORE_VERSION_H
#define CORE_VERSION_H

/* "0.2.0, built with libfcgi, libconfig, …", of the libraries that the responder has. */
#ifdef HAVE_LIBMAXMINDDB
#define VERSION_MAXMINDDB ", libmaxminddb"
#else
#define VERSION_MAXMINDDB ""
#endif
#define VERSION_TEXT PACKAGE_VERSION ", built with libfcgi, libconfig" VERSION_MAXMINDDB

#endif
