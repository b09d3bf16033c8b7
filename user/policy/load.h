/* SPDX-License-Identifier: MIT */
/* Configuration file (YAML) to policy. The file is taken whole or refused whole; every error is
 * told with line and column, unknown words with the nearest right one. */
#ifndef RINGFENCE_POLICY_LOAD_H
#define RINGFENCE_POLICY_LOAD_H

#include <stddef.h>

#include "policy/policy.h"

struct policy_error {
	uint32_t line, column;       /* from 1 */
	char text[240];              /* "what: why (remedy)" */
};

#define POLICY_ERRORS 32

struct policy_errors {
	struct policy_error items[POLICY_ERRORS];
	uint32_t count;              /* may exceed the items: so many were found */
};

/* What the daemon needs of the file beside the policy. */
struct settings {
	char control_path[108];      /* /run/ringfence/control.sock */
	char pin_path[108];          /* /sys/fs/bpf/ringfence */
	uint32_t reinject_mark, reinject_mask;
	uint32_t http_port;          /* metrics, 0 off */
	char cluster_group[LIMIT_NAME_BYTES]; /* "": alone */
};

/* Owned by the caller (policy_free). -EINVAL: see errors; -errno where the file can't be read.
 * Outputs are untouched on failure. */
int policy_load(const char *path, struct policy **ret, struct settings *ret_settings,
		struct policy_errors *reterr);
int policy_load_text(const char *text, size_t length, struct policy **ret,
		     struct settings *ret_settings, struct policy_errors *reterr);
void policy_free(struct policy *p);
/* Tells each error with its place. */
void policy_errors_log(const char *path, const struct policy_errors *errors);

#endif
