/* SPDX-License-Identifier: MIT */
/* What the files of the loader share: a YAML document, errors with marks, readers of values. */
#ifndef RINGFENCE_LOAD_OWN_H
#define RINGFENCE_LOAD_OWN_H

#include <yaml.h>

#include "policy/load.h"

struct loader {
	yaml_document_t document;
	struct policy *policy;
	struct settings settings;
	struct policy_errors *errors;
};

/* One word of a mapping: who reads its value. `target` is what the mapping is about. */
struct word {
	const char *name;
	void (*read)(struct loader *l, const yaml_node_t *value, void *target);
};

void load_error(struct loader *l, const yaml_node_t *at, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* Calls the reader of each word; unknown and repeated words are errors. */
void load_words(struct loader *l, const yaml_node_t *mapping, const struct word *words,
		void *target);
/* Calls fn with each key and value of a mapping of names. */
void load_names(struct loader *l, const yaml_node_t *mapping,
		void (*fn)(struct loader *, const char *name, const yaml_node_t *value));
/* Calls fn with each item of a sequence, or with the lone scalar. */
void load_items(struct loader *l, const yaml_node_t *node,
		void (*fn)(struct loader *, const yaml_node_t *item, void *target), void *target);
/* NULL and an error where it is no scalar. */
const char *load_scalar(struct loader *l, const yaml_node_t *node);
bool load_number(struct loader *l, const yaml_node_t *node, uint64_t most, uint64_t *ret);
/* "10s", "500ms", "2m", "1h" */
bool load_duration(struct loader *l, const yaml_node_t *node, uint64_t *ret_ns);
bool load_duration_text(const char *s, uint64_t *ret_ns);
bool load_bool(struct loader *l, const yaml_node_t *node, bool *ret);
/* Index of a word in a NULL-ended list, -1 and an error with the nearest one. */
int load_choice(struct loader *l, const yaml_node_t *node, const char *const *choices);
const char *load_nearest(const char *name, const char *const *choices);
/* load_zone.c: a zone of the file; its number by name, 0 where there is none (the second with an
 * error at the node); a network. */
void load_zone(struct loader *l, const char *name, const yaml_node_t *value);
int load_zone_named(const struct policy *p, const char *name);
int load_zone_ref(struct loader *l, const yaml_node_t *node);
bool load_network(struct loader *l, const yaml_node_t *node, struct network *ret);
/* "10000-65535", from 1024 on; an error where it is none. */
bool load_port_range(struct loader *l, const yaml_node_t *node, uint16_t *ret_low,
		     uint16_t *ret_high);
struct slice load_slice(const char *s);
/* load_nat.c: a rule of nat:. */
void load_nat(struct loader *l, const char *name, const yaml_node_t *value);
/* load_protocol.c: words of protections: and ports:; a NULL name ends each. */
extern const struct word load_protection_words[], load_port_words[];
/* Each protocol over all that it may come by. */
void load_transports(struct policy *p);

/* load_anomaly.c: what is done where the file says nothing; what it says for MGCP. */
void load_anomaly_defaults(struct policy *p);
void load_mgcp_anomalies(struct loader *l, const yaml_node_t *node, void *target);

#endif
