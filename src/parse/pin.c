/* SPDX-License-Identifier: Apache-2.0 */
#include "parse/pin.h"

#include "parse/oci.h"

/* Divides the word at the last place where this stands. */
static bool divide(struct slice word, struct slice by, struct pin *pin)
{
    for (size_t at = word.len; at-- > 0;)
        if (slice_starts(slice_from(word, at), by)) {
            pin->name = slice_to(word, at);
            pin->digest = slice_from(word, at + by.len);
            return oci_is_name(pin->name) && oci_is_digest(pin->digest);
        }
    return false;
}

bool pin_read(struct slice word, struct pin *pin)
{
    *pin = (struct pin){.is_manifest = true};
    if (word.len == 0)
        return true;
    if (divide(word, SLICE("@"), pin) || divide(word, SLICE("/manifests/"), pin))
        return true;
    pin->is_manifest = false;
    return divide(word, SLICE("/blobs/"), pin);
}
