/* SPDX-License-Identifier: MIT */
/* What the files that render share. */
#ifndef RINGFENCE_SHOW_OWN_H
#define RINGFENCE_SHOW_OWN_H

#include "cli/filter.h"
#include "cli/show.h"

/* "10.1.2.3:5060", "10.1.2.3" without a port, "any" for the zero address. */
json_t *show_place(const struct address *a, __be16 port);
/* Strangers' bytes, made harmless. */
json_t *show_bytes(struct slice bytes);
/* A TEXT row; "" where there is none. */
json_t *show_text(const struct view *v, const struct owner *owner, enum text_kind kind);
/* Whole milliseconds as seconds; null where `ns` is 0. */
json_t *show_since(const struct view *v, uint64_t ns);
json_t *show_until(const struct view *v, uint64_t ns);

/* show_door.c */
/* One flow or pinhole: `key` is how it arrives, the door's (door_flow) or that of a lock of it. */
json_t *show_door(const struct view *v, const struct row_view *door, const struct flow_key *key);
bool door_is_exact(const struct flow_key *key);
json_t *show_pinholes(const struct view *v, struct filter *f);
json_t *show_flows(const struct view *v, struct filter *f);
/* show_call.c */
/* With a call in the filter: that one in full. */
json_t *show_calls(const struct view *v, const struct filter *f);
/* show_binding.c */
json_t *show_bindings(const struct view *v, struct filter *f);
/* show_server.c: of a running daemon; else none are known */
json_t *show_servers(const struct view *v, struct filter *f);
/* show_source.c */
json_t *show_sources(const struct view *v, struct filter *f);
/* show_gateway.c */
json_t *show_gateways(const struct view *v, struct filter *f, json_t **ret_agents);
/* show_nat.c */
json_t *show_nat(const struct view *v, struct filter *f);
/* show_stream.c */
json_t *show_connections(const struct view *v, struct filter *f);
/* Ports that are served, and over what; connections in all. */
json_t *show_services(const struct view *v);
json_t *show_streams(const struct view *v);
const char *show_transport(uint8_t transport);
/* show_status.c */
json_t *show_status(const struct view *v);

#endif
