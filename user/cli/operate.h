/* SPDX-License-Identifier: MIT */
/* What an operator asks the running daemon to do. */
#ifndef RINGFENCE_OPERATE_H
#define RINGFENCE_OPERATE_H

#include <jansson.h>

struct daemon;

/* The document that answers, an "error" in it where it was refused; NULL where the request asks for
 * nothing of these. */
json_t *operate(struct daemon *d, const json_t *request);

#endif
