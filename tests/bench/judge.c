// SPDX-License-Identifier: MIT
/* Messages a second over the corpus' SIP datagrams. */
#include <dirent.h>
#include <pcap/pcap.h>

#include "judge.h"

#define SIP_PORT 5060

static const char config[] =
	"zones:\n"
	"  inside: { interfaces: [in0], networks: [10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16],"
	" media_ports: 1024-65535 }\n"
	"  outside: { interfaces: [out0], media_ports: 1024-65535 }\n"
	"rules:\n"
	"  - { name: out, from: inside, to: outside, allow: [sip] }\n"
	"  - { name: in, from: outside, to: inside, allow: [sip] }\n";

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

int main(void)
{
	const char *corpus = getenv("RINGFENCE_CORPUS");
	struct policy *p = policy_of(config);

	if (!p)
		return 1;
	corpus_read(corpus ? corpus : "../shared/corpus", p);
	if (!arrival_count) {
		puts("{\"skipped\":\"no corpus beside the checkout\"}");
		return 0;
	}
	return passes_run(p);
}
