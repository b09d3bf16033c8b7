/* SPDX-License-Identifier: MIT */
/* Strangers' bytes made fit to be shown: a terminal obeys control characters and lets text run
 * backwards, JSON takes no broken UTF-8. */
#ifndef RINGFENCE_HARMLESS_H
#define RINGFENCE_HARMLESS_H

#include "base/slice.h"

/* Valid UTF-8 without controls (C0, DEL, C1) and without marks of direction; what is neither
 * becomes a question mark a byte. Cut to fit, ends with a NUL. Returns the length. */
size_t harmless_copy(char *to, size_t size, struct slice bytes);

#endif
