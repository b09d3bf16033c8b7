/* SPDX-License-Identifier: MIT */
/* Which rows of a table are meant: by address or network, by zone, by call. */
#ifndef RINGFENCE_FILTER_H
#define RINGFENCE_FILTER_H

#include <jansson.h>

#include "base/address.h"
#include "cli/view.h"

struct filter {
	bool by_network;
	struct network network;
	uint16_t zone;               /* ZONE_NONE: any */
	const char *call;            /* Call-ID; NULL: any. The request's */
	bool by_prefix;              /* `call` is how it begins */
};

/* From a request's "address", "zone" and "call". False: a word is no such thing, see ret_error. */
bool filter_read(const struct view *v, const json_t *request, struct filter *ret,
		 char ret_error[200]);
bool filter_takes_address(const struct filter *f, const struct address *a);
/* A host, or a network of the host table that shares addresses with what is asked for. */
bool filter_takes_network(const struct filter *f, const struct network *n);
bool filter_takes_zones(const struct filter *f, uint16_t one, uint16_t other);
bool filter_takes_call(const struct view *v, const struct filter *f, const struct owner *owner);

#endif
