/* SPDX-License-Identifier: MIT */
/* What the files of the command's side share. */
#ifndef RINGFENCE_CLIENT_OWN_H
#define RINGFENCE_CLIENT_OWN_H

#include <stdio.h>

#include "cli/client.h"

#define DUMP_FLAGS (JSON_COMPACT | JSON_ENSURE_ASCII | JSON_REAL_PRECISION(13))

/* The daemon's answer, or that of the pins; a new reference. NULL: what is wrong has been told. */
json_t *client_answer(const struct client *c, json_t *request);
/* A stream of the daemon's lines; NULL: what is wrong has been told. */
FILE *client_connect(const struct client *c, json_t *request);

#endif
