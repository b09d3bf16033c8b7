/* SPDX-License-Identifier: MIT */
/* The fast path's life in the kernel: load, attach, pin, find again, take away. Everything lies
 * under the pin path: programs, maps (<pin>/maps/), links (<pin>/links/<iface>), so that all of it
 * works without a daemon. */
#ifndef RINGFENCE_KERNEL_H
#define RINGFENCE_KERNEL_H

#include <stdbool.h>
#include <stdint.h>

#include "policy/policy.h"
#include <ringfence/nat.h>
#include <ringfence/punt.h>
#include <ringfence/row.h>

struct kernel;

/* File descriptors of all maps; -1 where absent. */
struct kernel_maps {
	int flows, pinholes, activity, attachments, zones, networks, services, sources, counters;
	int near_shape, near_index, near_flows, interfaces, control, tx_ports, local_addresses;
	int punt_trusted, punt_other, events, journal, zone_names, source_buckets, listeners;
	int translations;
	int rows[ROW_COUNT];
};

struct kernel_error {
	char text[400];              /* "what: why (remedy)" */
};

/* Mounts bpffs if absent, loads the object, reuses pinned maps of the same layout (running calls
 * stay), pins what is new, and swaps the programs of existing links without a gap. */
int kernel_open(const char *pin_path, struct kernel **ret, struct kernel_error *reterr);
/* Only what is pinned already, for commands without a daemon; -ENOENT: nothing there. */
int kernel_open_pinned(const char *pin_path, struct kernel **ret, struct kernel_error *reterr);
/* Frees descriptors; programs, links and maps stay. */
void kernel_close(struct kernel *k);
const struct kernel_maps *kernel_maps(const struct kernel *k);

struct attach_wish {
	char interface[16];
	uint16_t vlan, zone;
	enum attach_mode mode;
	bool by_hand;                /* the operator's, no word of the configuration */
};

struct attachment_state {
	char interface[16];
	uint32_t ifindex;
	uint16_t vlan, zone;
	bool by_hand;
	enum attach_mode mode;       /* the mode obtained: native or tc */
	char why[160];               /* why this mode */
	char warning[480];           /* what would lose packets silently, with remedy; "" none */
	char others[160];            /* what else sits there (XDP dispatcher, programs); "" none */
};

int kernel_attach(struct kernel *k, const struct attach_wish *wish, struct attachment_state *ret,
		  struct kernel_error *reterr);
/* Says anew whose an attachment is. */
int kernel_attach_by(struct kernel *k, const struct attachment_state *s, bool by_hand);
/* Forgets the interfaces that are no more. */
void kernel_forget_lost(struct kernel *k);
int kernel_detach(struct kernel *k, const char *interface, struct kernel_error *reterr);
/* At most `most` into ret; returns how many, or negative errno. */
int kernel_attachments(const struct kernel *k, struct attachment_state *ret, uint32_t most);
/* All of it goes: links, programs, maps, our veth pair. */
int kernel_unload(const char *pin_path, struct kernel_error *reterr);
/* Zones, services, networks, enforcement and rates of a policy into the maps. */
int kernel_configure(struct kernel *k, const struct policy *p, struct kernel_error *reterr);
/* kernel_sources.c: one entry of the sources; value NULL takes it out. 0 or negative errno. */
int kernel_set_source(struct kernel *k, const struct source_key *key, const struct source *value);
/* The entry that the policy's servers have there; false where they have none. */
bool kernel_server_entry(const struct policy *p, const struct source_key *key,
			 struct source *ret);
/* An address of this host came or went. */
int kernel_local_address(struct kernel *k, const struct address *a, bool there);
/* Cached next hops are looked up anew. */
void kernel_routes_changed(struct kernel *k);
/* How many signalling connections go to ports that are no service. */
void kernel_streams_elsewhere(struct kernel *k, uint32_t count);
void kernel_heartbeat(struct kernel *k, uint64_t now_ns);

/* kernel_read.c */
/* Walks the attachments, those of lost interfaces too; a zeroed key begins. */
bool kernel_attachment_next(const struct kernel *k, struct attachment_key *key,
			    struct attachment *ret);
/* What the zones of the last policies were called, by number. */
int kernel_zone_names(const struct kernel *k, struct zone_name ret[LIMIT_ZONES + 1]);
/* What the fast path wrote of a flow or pinhole; false where it is not open. */
bool kernel_activity(const struct kernel *k, const struct flow_key *key, struct activity *ret);
/* How packets of that flow or pinhole leave; false where it is not open or nothing is changed. */
bool kernel_translation(const struct kernel *k, const struct flow_key *key,
			struct translation *ret);
/* Sum over all CPUs. What the daemon counts itself is written ten times a second. */
int kernel_counter(const struct kernel *k, uint32_t index, uint64_t *ret);
int kernel_control_word(const struct kernel *k, struct control *ret);
int kernel_zone_ports(const struct kernel *k, uint16_t zone, struct zone_ports *ret);
/* Walk the sources, and those heard of lately that have no entry; `after` NULL begins. */
bool kernel_source_next(const struct kernel *k, const struct source_key *after,
			struct source_key *ret, struct source *ret_value);
bool kernel_bucket_next(const struct kernel *k, const struct bucket_key *after,
			struct bucket_key *ret, struct bucket *ret_value);
/* Walks the networks of all zones; `after` NULL begins. */
bool kernel_network_next(const struct kernel *k, const struct network_key *after,
			 struct network_key *ret, uint16_t *ret_zone);

#endif
