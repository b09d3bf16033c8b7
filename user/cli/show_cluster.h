/* SPDX-License-Identifier: MIT */
/* The group as this member sees it. */
#ifndef RINGFENCE_SHOW_CLUSTER_H
#define RINGFENCE_SHOW_CLUSTER_H

#include <jansson.h>

struct daemon;

json_t *show_cluster(const struct daemon *d);
/* "single", "cluster" or, where a group is named but not there, "alone". */
const char *show_mode(const struct daemon *d);
void print_cluster(const json_t *document);

#endif
