/* SPDX-License-Identifier: Apache-2.0 */
/* The status page's style sheet, made by style.awk of page.css. */
#ifndef STATUS_PAGE_STYLE_H
#define STATUS_PAGE_STYLE_H

/* The text, and its SHA-256 in base64, for a Content-Security-Policy. */
extern const char page_style[], page_style_hash[];

#endif
