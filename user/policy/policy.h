/* SPDX-License-Identifier: MIT */
/* The policy: a frozen, numbered rule set that judgements read. Made by policy_load, replaced whole
 * at a reload, never changed. All lookups here are pure. */
#ifndef RINGFENCE_POLICY_H
#define RINGFENCE_POLICY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/address.h"
#include <ringfence/limits.h>
#include <ringfence/punt.h>
#include <ringfence/reason.h>
#include <ringfence/types.h>

#define POLICY_PROTOCOLS 8               /* protocol numbers 1..7 */
#define POLICY_PORTS 8
#define POLICY_ANOMALIES 32              /* rules of one protocol */

struct zone {
	char name[LIMIT_NAME_BYTES];
	struct zone_interface {
		char name[16];
		uint16_t vlan;                  /* 0 untagged */
	} interfaces[LIMIT_ZONE_INTERFACES];
	uint32_t interface_count;
	/* None: the zone of everything that lies in no other; one zone at most. */
	struct network networks[LIMIT_ZONE_NETWORKS];
	uint32_t network_count;
	uint16_t media_low, media_high;         /* host order */
	uint16_t services[8];                   /* low ports whose answers arrive there */
	uint32_t service_count;
	int mode;                               /* enum attach_mode: auto, native, tc */
	bool gone;                              /* no zone of the file; what calls it has is known by this name */
};

enum attach_mode {
	ATTACH_AUTO = 0,
	ATTACH_NATIVE,
	ATTACH_TC,
};

enum part {
	PART_ENDPOINT = 0,
	PART_PROXY,
	PART_TRUNK,
	PART_GATEKEEPER,
	PART_CALL_AGENT,
	PART_GATEWAY,
};

struct server {
	char name[LIMIT_NAME_BYTES];
	struct address addresses[LIMIT_SERVER_ADDRESSES];
	uint32_t address_count;
	/* Host names that mean these addresses: nothing is resolved. NUL ends each. */
	char names[LIMIT_SERVER_NAMES][LIMIT_HOST_BYTES];
	uint32_t name_count;
	uint16_t zone;
	uint32_t speaks;                        /* bit n: protocol n */
	enum part part;
	bool serves_any;
	struct network serves[LIMIT_SERVES];
	uint32_t serves_count;
	uint32_t serves_zones;                  /* bit n: zone n */
};

/* Kinds of streams that a rule may deny. */
enum stream {
	STREAM_AUDIO = 0,
	STREAM_VIDEO,
	STREAM_FAX,                             /* T.38 */
	STREAM_MSRP,                            /* RFC 4975 */
	STREAM_BFCP,                            /* RFC 8855 */
	STREAM_DATA,                            /* SCTP over DTLS (RFC 8841) */
	STREAM_OTHER,
};

enum encryption_rule {
	ENCRYPTION_ANY = 0,
	ENCRYPTION_KEEP,                        /* what was encrypted stays so */
	ENCRYPTION_REQUIRE,
};

/* A protocol's rule of anomaly: what to do, and how many of it pass. */
struct anomaly {
	enum anomaly_action {
		ANOMALY_OFF = 0,
		ANOMALY_TELL,                   /* the message passes, with the reason to be told */
		ANOMALY_REFUSE,
		ANOMALY_DENY,                   /* and its sender too, for a while */
	} action;
	uint32_t limit;                         /* 0: no limit */
};

/* What a server has to have asked credentials for. */
enum demand {
	DEMAND_CALLS = 0,
	DEMAND_REGISTRATIONS,
};

struct rule {
	char name[LIMIT_NAME_BYTES];
	uint32_t from, to;                      /* bit n: zone n; both ways only where two rules say so */
	uint32_t allow;                         /* bit n: protocol n */
	uint32_t denied_streams;                /* bit n: enum stream n */
	enum encryption_rule encryption;
	uint32_t registered;                    /* SIP: bit n: the party of enum side n has to be */
	uint32_t authenticated;                 /* SIP: bit n: enum demand n */
};

enum nat_kind {
	NAT_UNSAID = 0,
	NAT_NONE,                               /* seen as they are, whatever stands below */
	NAT_HIDE,                               /* many behind few addresses, ports are drawn */
	NAT_STATIC,                             /* one to one, the port stays          */
};

/* As whom hosts of one zone are seen from another. */
struct nat_rule {
	char name[LIMIT_NAME_BYTES];
	enum nat_kind kind;
	uint16_t zone;                          /* whose hosts                         */
	uint16_t seen_from;
	struct network hosts[LIMIT_NAT_HOSTS];  /* none: all of the zone               */
	uint32_t host_count;
	struct address pool[LIMIT_NAT_POOL];    /* hide                                */
	uint32_t pool_count;
	uint16_t port_low, port_high;           /* hide; host order                    */
	struct network outside;                 /* static: as wide as hosts[0]         */
	__be16 port, outside_port;              /* static: this port alone; 0 all      */
};

/* What a service's port is read over; what comes by the other is held back. */
enum carried {
	CARRIED_UDP = 1 << 0,
	CARRIED_TCP = 1 << 1,
};

struct policy {
	uint32_t number;                        /* raised by each reload */
	struct zone zones[LIMIT_ZONES + 1];     /* from 1 */
	uint32_t zone_count;
	struct server servers[LIMIT_SERVERS];
	uint32_t server_count;
	struct rule rules[LIMIT_RULES];
	uint32_t rule_count;
	struct nat_rule nat[LIMIT_NAT_RULES];   /* first match */
	uint32_t nat_count;
	uint8_t enforcement[PROTECTION_COUNT];  /* enum enforcement */
	struct {
		uint16_t ports[POLICY_PORTS];   /* service ports everywhere, 0 ends */
		uint8_t carried[POLICY_PORTS];  /* of each: enum carried          */
		uint64_t denied_methods;        /* bit n: method number n of the protocol */
		struct anomaly anomalies[POLICY_ANOMALIES]; /* by the protocol's numbers */
	} protocols[POLICY_PROTOCOLS];
	struct timers {
		uint64_t early_media_ns;        /* before the answer: 180 s       */
		uint64_t call_idle_ns;          /* neither media nor signalling   */
		uint64_t call_longest_ns;
		uint64_t linger_ns;             /* completed call: 64 T1 = 32 s   */
		uint64_t drain_ns;              /* a moved stream's old doors     */
		uint64_t binding_longest_ns;
		uint64_t denied_ns;             /* whom a rule of anomaly denied  */
	} timers;
	struct mgcp_limits {
		uint32_t connections, endpoints; /* of one gateway; endpoints 0: no limit */
		bool deny_fax;
	} mgcp;
	bool sip_is_silent;                     /* refused requests get no answer */
	uint32_t contacts_per_user;             /* that may be registered */
	uint32_t registrations_per_host;        /* of one host that is no server */
	struct stream_limits {                  /* signalling connections */
		uint32_t most, of_source;       /* servers are not counted by source */
		uint64_t message_ns;            /* for a message to come whole */
		uint64_t idle_ns;
		bool pass_strays;               /* segments that no socket knows pass unread */
	} streams;
	uint32_t unknown_rate;                  /* messages a second of an unknown source */
	uint32_t media_rate;                    /* packets a second of one door */
	bool pass_when_down;
	uint64_t busy_poll_ns;                  /* looks for the next message before it sleeps */
};

/* Zone by the longest network that holds the address, else the zone without networks, else
 * ZONE_NONE. */
uint16_t policy_zone_of(const struct policy *p, const struct address *a);
/* The server at this address that speaks the protocol (0: whatever it speaks), or NULL. */
const struct server *policy_server_at(const struct policy *p, const struct address *a,
				      uint8_t protocol);
/* The server that this host name means, case ignored, or NULL. */
const struct server *policy_server_named(const struct policy *p, struct slice host,
					 uint8_t protocol);
/* First match, or NULL: what no rule allows is refused. A call's other direction asks with the
 * zones of its initiator. */
const struct rule *policy_match(const struct policy *p, uint16_t from, uint16_t to,
				uint8_t protocol);
/* May this server name `host`, which lies in zone `zone`, as a receiver of media? */
bool policy_serves(const struct policy *p, const struct server *s, const struct address *host,
		   uint16_t zone);
/* Tells rule sets apart, for members that should have the same; hides nothing. */
uint64_t policy_digest(const struct policy *p);
/* Calls, flows and interfaces know a zone by its number, so that a zone of a new file keeps the one
 * that its name had; a new name gets one that no name had before, where there is any left. */
void policy_keep_numbers(struct policy *p, const struct zone_name had[LIMIT_ZONES + 1]);
/* Names by number; those that left the file have none. */
void policy_zone_names(const struct policy *p, struct zone_name ret[LIMIT_ZONES + 1]);
bool policy_has_zone(const struct policy *p, uint16_t zone);
/* nat.c. The rule for this host and port of `zone`, as seen from `seen_from`; NULL: it is seen as it
 * is. */
const struct nat_rule *policy_nat_of(const struct policy *p, uint16_t zone, uint16_t seen_from,
				     const struct endpoint *inside);
/* Is the address one that hosts are seen as? */
bool policy_nat_is_outside(const struct policy *p, const struct address *a);
/* A static rule's mapping, both ways. False where none holds it. */
void policy_nat_static(const struct nat_rule *r, const struct endpoint *inside,
		       struct endpoint *ret);
bool policy_nat_inside(const struct policy *p, const struct endpoint *outside,
		       struct endpoint *ret);
/* The pool's address for this host: always the same one (RFC 4787 4.1, REQ-2). */
const struct address *policy_nat_address(const struct nat_rule *r, const struct address *inside);
/* Where a host that a message names by address alone is seen; false: as it is. */
bool policy_nat_host(const struct policy *p, uint16_t zone, uint16_t seen_from,
		     const struct address *inside, struct address *ret);
/* The protocol that is served at this port (host order); 0: none. */
uint8_t policy_service_at(const struct policy *p, uint16_t port);
/* Is the service at this port (host order) read over the transport? */
bool policy_is_carried(const struct policy *p, uint16_t port, enum carried by);
/* Is UDP between these ports (host order) into the zone media? Answers of a service that the zone
 * names are none (bpf/classify.h). */
bool policy_is_media(const struct zone *z, uint16_t from, uint16_t to);
/* What is done about what is refused for this reason. */
enum enforcement policy_enforces(const struct policy *p, enum reason reason);
static inline enum enforcement policy_enforcement(const struct policy *p, enum protection c)
{
	return c == PROTECTION_ALWAYS ? ENFORCE_ON : (enum enforcement)p->enforcement[c];
}

#endif
