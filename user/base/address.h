/* SPDX-License-Identifier: MIT */
/* Addresses: made, read from text, compared, matched with networks. No names are resolved. */
#ifndef RINGFENCE_ADDRESS_H
#define RINGFENCE_ADDRESS_H

#include "slice.h"
#include <ringfence/types.h>

struct network {
	struct address address;
	uint8_t prefix_bits;        /* 0..128; an IPv4 prefix counts from 96 */
};

struct address address_from_ipv4(const uint8_t bytes[4]);
bool address_is_ipv4(const struct address *a);
enum family address_family(const struct address *a);
bool address_is_zero(const struct address *a);      /* 0.0.0.0 or :: */
bool address_is_loopback(const struct address *a);
bool address_is_multicast(const struct address *a); /* broadcast 255.255.255.255 too */
/* Whose it is: a host has a /64 to choose IPv6 addresses from (RFC 4291 2.5.4). */
struct address address_source(const struct address *a);
bool address_equal(const struct address *a, const struct address *b);
/* Dotted quad without leading zeros, or IPv6 (RFC 4291 2.2) with or without brackets. */
bool address_parse(struct slice text, struct address *ret);
/* "10.0.0.0/8", "fd00::/8", or one address. Bits beyond the prefix must be zero. */
bool network_parse(struct slice text, struct network *ret);
bool network_contains(const struct network *n, const struct address *a);

#endif
