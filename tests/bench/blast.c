// SPDX-License-Identifier: MIT
/* Sends RTP from many ports as fast as the kernel takes it: blast FROM TO FLOWS COUNT. Port n of the
 * sender goes to port n of the receiver, 20000 and up. Bounded by COUNT; prints what was sent and
 * how long it took. Who counts the arrivals is the caller (interface counters). */
#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>

#define FIRST_PORT 20000
#define BATCH 32
#define PACKET_BYTES 172             /* RFC 3551: 20 ms of PCMA and its header */
#define MOST_FLOWS 16000

static int open_flow(const char *from, const char *to, uint16_t port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(port) };
	struct sockaddr_in b = a;
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	if (fd < 0 || inet_pton(AF_INET, from, &a.sin_addr) != 1 ||
	    inet_pton(AF_INET, to, &b.sin_addr) != 1 ||
	    bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0 ||
	    connect(fd, (struct sockaddr *)&b, sizeof(b)) < 0)
		return -1;
	return fd;
}

static void rtp_write(uint8_t *packet, uint32_t flow, uint16_t sequence)
{
	uint16_t seq = htons(sequence);
	uint32_t stamp = htonl(sequence * 160u), ssrc = htonl(flow + 1);

	packet[0] = 0x80;
	packet[1] = 8;
	memcpy(packet + 2, &seq, 2);
	memcpy(packet + 4, &stamp, 4);
	memcpy(packet + 8, &ssrc, 4);
}

static long send_batch(int fd, uint32_t flow, uint16_t sequence)
{
	static uint8_t packets[BATCH][PACKET_BYTES];
	struct mmsghdr messages[BATCH] = { 0 };
	struct iovec parts[BATCH];

	for (int i = 0; i < BATCH; i++) {
		rtp_write(packets[i], flow, (uint16_t)(sequence + i));
		parts[i] = (struct iovec){ packets[i], PACKET_BYTES };
		messages[i].msg_hdr.msg_iov = &parts[i];
		messages[i].msg_hdr.msg_iovlen = 1;
	}
	return sendmmsg(fd, messages, BATCH, 0);
}

int main(int argc, char **argv)
{
	struct rlimit files = { MOST_FLOWS + 64, MOST_FLOWS + 64 };
	struct timespec a, b;
	static int fds[MOST_FLOWS];
	long flows, count, sent = 0, failed = 0;

	if (argc != 5) {
		fprintf(stderr, "use: blast FROM TO FLOWS COUNT\n");
		return 2;
	}
	flows = atol(argv[3]);
	count = atol(argv[4]);
	if (flows < 1 || flows > MOST_FLOWS)
		return 2;
	setrlimit(RLIMIT_NOFILE, &files);
	for (long i = 0; i < flows; i++) {
		fds[i] = open_flow(argv[1], argv[2], (uint16_t)(FIRST_PORT + i));
		if (fds[i] < 0) {
			perror("blast: socket");
			return 1;
		}
	}
	clock_gettime(CLOCK_MONOTONIC, &a);
	for (long turn = 0; sent + failed < count; turn++) {
		long n = send_batch(fds[turn % flows], (uint32_t)(turn % flows),
				    (uint16_t)(turn / flows * BATCH));

		if (n > 0)
			sent += n;
		else
			failed += BATCH;
	}
	clock_gettime(CLOCK_MONOTONIC, &b);
	printf("{\"sent\":%ld,\"failed\":%ld,\"seconds\":%.6f}\n", sent, failed,
	       (double)(b.tv_sec - a.tv_sec) + (double)(b.tv_nsec - a.tv_nsec) / 1e9);
	return 0;
}
