// SPDX-License-Identifier: MIT
/* A policy as the tables of the fast path. Networks and services are written first, and
 * what only a former policy had is taken out after it: signalling is never without its service. */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "io/kernel_own.h"

#define HEARTBEAT_LIMIT_NS 3000000000ull
#define REINJECT_MARK 0x52460000u
#define REINJECT_MASK KERNEL_MARK_MASK

static int put_zones(const struct kernel *k, const struct policy *p)
{
	int err = 0;

	for (uint32_t i = 0; !err && i <= LIMIT_ZONES; i++) {
		const struct zone *z = &p->zones[i];
		struct zone_ports ports = {};

		if (i && i <= p->zone_count) {
			ports.media_low = z->media_low;
			ports.media_high = z->media_high;
			memcpy(ports.services, z->services, sizeof(ports.services));
		}
		err = bpf_map_update_elem(k->maps.zones, &i, &ports, BPF_ANY);
	}
	return err;
}

/* A name that left the file keeps its number until another one needs it. */
static int put_names(const struct kernel *k, const struct policy *p)
{
	int err = 0;

	for (uint32_t i = 1; !err && i <= p->zone_count; i++) {
		struct zone_name name = {};

		memcpy(name.name, p->zones[i].name, sizeof(name.name));
		if (!p->zones[i].gone)
			err = bpf_map_update_elem(k->maps.zone_names, &i, &name, BPF_ANY);
	}
	return err;
}

static int put_networks(const struct kernel *k, const struct policy *p)
{
	int err = 0;

	for (uint32_t i = 1; i <= p->zone_count; i++) {
		const struct zone *z = &p->zones[i];
		struct network_zone value = { .zone = (uint16_t)i };
		struct network_key rest = {};

		/* The zone without networks is that of everything else. */
		if (!z->network_count && !z->gone)
			err = err ?: bpf_map_update_elem(k->maps.networks, &rest, &value, BPF_ANY);
		for (uint32_t n = 0; n < z->network_count; n++) {
			struct network_key key = { .prefix_bits = z->networks[n].prefix_bits,
						   .address = z->networks[n].address };

			err = err ?: bpf_map_update_elem(k->maps.networks, &key, &value, BPF_ANY);
		}
	}
	return err;
}

/* Both transports, though one may not be read: what is known is held back, and what is not known
 * would pass unjudged. */
static int put_service(const struct kernel *k, const struct policy *p, uint16_t zone, uint16_t port)
{
	struct service_key udp = { .zone = zone, .port = htons(port), .protocol = IPPROTO_UDP };
	struct service_key tcp = { .zone = zone, .port = htons(port), .protocol = IPPROTO_TCP };
	struct service value = { .speaks = policy_service_at(p, port),
				 .unread = !policy_is_carried(p, port, CARRIED_UDP) };
	int err = bpf_map_update_elem(k->maps.services, &udp, &value, BPF_ANY);

	value.unread = !policy_is_carried(p, port, CARRIED_TCP);
	return err ?: bpf_map_update_elem(k->maps.services, &tcp, &value, BPF_ANY);
}

static int put_services(const struct kernel *k, const struct policy *p)
{
	int err = 0;

	for (uint32_t zone = 1; zone <= p->zone_count; zone++)
		for (uint8_t speaks = 1; speaks < POLICY_PROTOCOLS; speaks++) {
			const uint16_t *ports = p->protocols[speaks].ports;

			for (uint32_t n = 0; n < POLICY_PORTS && ports[n]; n++)
				err = err ?: put_service(k, p, (uint16_t)zone, ports[n]);
		}
	return err;
}

static bool has_network(const struct policy *p, const struct network_key *key)
{
	for (uint32_t i = 1; i <= p->zone_count; i++) {
		const struct zone *z = &p->zones[i];

		if (!z->network_count && !z->gone && !key->prefix_bits)
			return true;
		for (uint32_t n = 0; n < z->network_count; n++)
			if (z->networks[n].prefix_bits == key->prefix_bits &&
			    address_equal(&z->networks[n].address, &key->address))
				return true;
	}
	return false;
}

static bool has_service(const struct policy *p, const struct service_key *key)
{
	return key->zone != ZONE_NONE && key->zone <= p->zone_count &&
	       policy_service_at(p, ntohs(key->port));
}

/* The walk goes on behind the last key that stays: one that is gone would begin it anew. */
static void take_networks(const struct kernel *k, const struct policy *p)
{
	struct network_key next, kept;
	void *previous = NULL;

	for (uint32_t i = 0; i < 2 * LIMIT_NETWORKS; i++) {
		if (bpf_map_get_next_key(k->maps.networks, previous, &next))
			return;
		if (!has_network(p, &next)) {
			bpf_map_delete_elem(k->maps.networks, &next);
			continue;
		}
		kept = next;
		previous = &kept;
	}
}

static void take_services(const struct kernel *k, const struct policy *p)
{
	struct service_key next, kept;
	void *previous = NULL;

	for (uint32_t i = 0; i < 2 * LIMIT_SERVICES; i++) {
		if (bpf_map_get_next_key(k->maps.services, previous, &next))
			return;
		if (!has_service(p, &next)) {
			bpf_map_delete_elem(k->maps.services, &next);
			continue;
		}
		kept = next;
		previous = &kept;
	}
}

/* The heartbeat and the route generation are kept: the daemon writes them while it runs. */
static int put_control(const struct kernel *k, const struct policy *p)
{
	struct control word;
	uint32_t zero = 0;

	if (bpf_map_lookup_elem(k->maps.control, &zero, &word))
		return -errno;
	word.heartbeat_limit_ns = HEARTBEAT_LIMIT_NS;
	word.pass_when_down = p->pass_when_down;
	word.unknown_rate = p->unknown_rate;
	word.reinject_mark = REINJECT_MARK;
	word.reinject_mask = REINJECT_MASK;
	word.steer_mark = KERNEL_STEER_MARK;
	word.pass_strays = p->streams.pass_strays;
	memcpy(word.enforcement, p->enforcement, sizeof(word.enforcement));
	return bpf_map_update_elem(k->maps.control, &zero, &word, BPF_ANY);
}

int kernel_configure(struct kernel *k, const struct policy *p, struct kernel_error *reterr)
{
	int err = put_names(k, p);

	err = err ?: put_zones(k, p);
	err = err ?: put_networks(k, p);
	err = err ?: put_services(k, p);
	err = err ?: kernel_put_servers(k, p);
	err = err ?: put_control(k, p);
	if (err)
		return kernel_fail(reterr, err, "configure: %s (too many networks or servers?)",
				   strerror(-err));
	take_networks(k, p);
	take_services(k, p);
	kernel_take_servers(k, p);
	return 0;
}

void kernel_heartbeat(struct kernel *k, uint64_t now_ns)
{
	struct control word;
	uint32_t zero = 0;

	if (bpf_map_lookup_elem(k->maps.control, &zero, &word))
		return;
	word.heartbeat_ns = now_ns;
	bpf_map_update_elem(k->maps.control, &zero, &word, BPF_ANY);
}
