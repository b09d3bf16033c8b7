// SPDX-License-Identifier: MIT
/* Messages a second from bytes to outcome, over the corpus' SIP datagrams, on one core: the daemon's
 * own journey with hands that do nothing. Between passes all rows are ended, or every pass but the
 * first would only judge retransmissions; that is not timed, nor is the first pass, which touches
 * the tables' memory for the first time. */
#include <dirent.h>
#include <netinet/in.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "inspect/journey.h"
#include "policy/load.h"
#include "state/apply.h"
#include "state/tables.h"

#define MOST_MESSAGES 20000
#define PASSES 51
#define SIP_PORT 5060

static const char config[] =
	"zones:\n"
	"  inside: { interfaces: [in0], networks: [10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16],"
	" media_ports: 1024-65535 }\n"
	"  outside: { interfaces: [out0], media_ports: 1024-65535 }\n"
	"rules:\n"
	"  - { name: out, from: inside, to: outside, allow: [sip] }\n"
	"  - { name: in, from: outside, to: inside, allow: [sip] }\n";

static struct arrival arrivals[MOST_MESSAGES];
static size_t arrival_count;
static uint64_t judged, refused;

static int hands_send(void *self, const struct arrival *a, struct slice payload)
{
	(void)self, (void)a, (void)payload;
	return 0;
}

static void hands_report(void *self, const struct verdict_report *r)
{
	(void)self;
	judged++;
	refused += r->outcome->judgement == JUDGEMENT_REFUSE;
}

static void hands_count(void *self, uint32_t counter, uint64_t n)
{
	(void)self, (void)counter, (void)n;
}

static int no_open(void *self, const struct flow_key *key, struct permit *permit)
{
	(void)self, (void)key, (void)permit;
	return 0;
}

static int no_close(void *self, const struct flow_key *key, const struct permit *permit)
{
	(void)self, (void)key, (void)permit;
	return 0;
}

static int no_store(void *self, enum row_type type, const struct row_key *key, const void *value)
{
	(void)self, (void)type, (void)key, (void)value;
	return 0;
}

static void no_resolve(void *self, const struct address *a)
{
	(void)self, (void)a;
}

static void no_tell(void *self, enum tell tell, const struct owner *owner)
{
	(void)self, (void)tell, (void)owner;
}

static void no_timer(void *self, const struct row_key *key, const struct timer_row *value)
{
	(void)self, (void)key, (void)value;
}

static struct endpoint endpoint_of(const uint8_t *address, const uint8_t *port)
{
	struct endpoint e = { .address.bytes = { [10] = 0xff, [11] = 0xff } };

	memcpy(e.address.bytes + 12, address, 4);
	memcpy(&e.port, port, 2);
	return e;
}

/* Keeps what is whole IPv4 UDP to or from the SIP port; other captures are not the question. */
static void packet_keep(const uint8_t *ip, size_t bytes, const struct policy *p)
{
	size_t head = bytes >= 20 ? (size_t)(ip[0] & 15) * 4 : 0;
	struct arrival *a = &arrivals[arrival_count];
	const uint8_t *udp = ip + head;
	uint8_t *copy;

	if (head < 20 || bytes < head + 9 || ip[0] >> 4 != 4 || ip[9] != IPPROTO_UDP ||
	    (ip[6] & 0x3f) || ip[7] || arrival_count == MOST_MESSAGES ||
	    ((udp[0] << 8 | udp[1]) != SIP_PORT && (udp[2] << 8 | udp[3]) != SIP_PORT))
		return;
	copy = malloc(bytes);
	if (!copy)
		return;
	memcpy(copy, ip, bytes);
	a->packet = (struct slice){ copy, bytes };
	a->payload = (struct slice){ copy + head + 8, bytes - head - 8 };
	a->flow.source = endpoint_of(copy + 12, copy + head);
	a->flow.destination = endpoint_of(copy + 16, copy + head + 2);
	a->flow.zones[0] = policy_zone_of(p, &a->flow.source.address);
	a->flow.zones[1] = policy_zone_of(p, &a->flow.destination.address);
	a->flow.transport = IPPROTO_UDP;
	a->flow.family = FAMILY_IPV4;
	a->speaks = 1;
	a->held = true;
	arrival_count++;
}

static void capture_read(const char *path, const struct policy *p)
{
	char why[PCAP_ERRBUF_SIZE];
	pcap_t *capture = pcap_open_offline(path, why);
	struct pcap_pkthdr *header;
	const uint8_t *frame;

	if (!capture)
		return;
	while (pcap_datalink(capture) == DLT_EN10MB &&
	       pcap_next_ex(capture, &header, &frame) == 1) {
		if (header->caplen > 14 && frame[12] == 8 && frame[13] == 0)
			packet_keep(frame + 14, header->caplen - 14, p);
	}
	pcap_close(capture);
}

static void corpus_read(const char *corpus, const struct policy *p)
{
	char path[4096];
	struct dirent *entry;
	DIR *folder;

	snprintf(path, sizeof(path), "%s/sip", corpus);
	folder = opendir(path);
	if (!folder)
		return;
	while ((entry = readdir(folder))) {
		if (!strstr(entry->d_name, ".pcap"))
			continue;
		snprintf(path, sizeof(path), "%s/sip/%s", corpus, entry->d_name);
		capture_read(path, p);
	}
	closedir(folder);
}

static int world_open(struct journey *j, const struct policy *p)
{
	static const struct projector_ops nowhere = {
		.open = no_open, .close = no_close, .store = no_store, .resolve = no_resolve,
		.count = hands_count, .told = no_tell, .timer = no_timer,
	};

	*j = (struct journey){ .policy = p, .key = { { 1, 2 } } };
	j->tables = tables_new(&j->key, 1);
	j->apply = j->tables ? apply_new(j->tables, &nowhere) : NULL;
	j->around = (struct surroundings){ .named = tables_named, .state = j->tables };
	j->hands = (struct hands){ hands_send, hands_report, hands_count, NULL };
	return j->apply ? journey_init(j) : -1;
}

static void world_close(struct journey *j)
{
	journey_close(j);
	apply_free(j->apply);
	tables_free(j->tables);
}

static void rows_end(struct journey *j)
{
	for (int type = 1; type < ROW_COUNT; type++) {
		struct row_view row;
		uint32_t cursor = 0;

		while (tables_next(j->tables, (enum row_type)type, &cursor, &row)) {
			struct batch b;

			arena_reset(&j->arena);
			batch_init(&b, &j->arena);
			batch_end(&b, (enum row_type)type, row.key);
			apply_submit(j->apply, &b, NULL, NULL);
		}
	}
}

/* Messages a second of one pass over the corpus. */
static double pass_run(struct journey *j)
{
	struct timespec a, b;

	judged = refused = 0;
	clock_gettime(CLOCK_MONOTONIC, &a);
	for (size_t i = 0; i < arrival_count; i++)
		journey_arrival(j, &arrivals[i], 1000000000ull + i * 1000000ull);
	clock_gettime(CLOCK_MONOTONIC, &b);
	rows_end(j);
	return (double)judged / ((double)(b.tv_sec - a.tv_sec) +
				 (double)(b.tv_nsec - a.tv_nsec) / 1e9);
}

static int number_compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

int main(void)
{
	const char *corpus = getenv("RINGFENCE_CORPUS");
	struct policy_errors errors = { 0 };
	struct settings settings;
	double rates[PASSES];
	struct journey j;
	struct policy *p;

	if (policy_load_text(config, sizeof(config) - 1, &p, &settings, &errors) < 0) {
		fprintf(stderr, "judge: %s\n", errors.items[0].text);
		return 1;
	}
	corpus_read(corpus ? corpus : "../shared/corpus", p);
	if (!arrival_count) {
		puts("{\"skipped\":\"no corpus beside the checkout\"}");
		return 0;
	}
	if (world_open(&j, p))
		return 1;
	pass_run(&j);
	for (int i = 0; i < PASSES; i++)
		rates[i] = pass_run(&j);
	world_close(&j);
	qsort(rates, PASSES, sizeof(*rates), number_compare);
	printf("{\"messages\":%zu,\"judged\":%lu,\"refused\":%lu,\"per_second\":%.0f}\n",
	       arrival_count, judged, refused, rates[PASSES / 2]);
	return 0;
}
