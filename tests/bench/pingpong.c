// SPDX-License-Identifier: MIT
/* Time from INVITE to its 200: `pingpong answer ADDRESS COUNT` answers, `pingpong ask FROM TO COUNT`
 * asks, one at a time, and prints the median and the 99th percentile. ACK and BYE follow untimed, so
 * that calls do not pile up. */
#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#define SIP_PORT 5060
#define WAIT_SECONDS 2
#define MOST_CALLS 100000

static int udp_open(const char *address)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(SIP_PORT) };
	struct timeval wait = { WAIT_SECONDS, 0 };
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	if (fd < 0 || inet_pton(AF_INET, address, &a.sin_addr) != 1 ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait)) < 0 ||
	    bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0)
		return -1;
	return fd;
}

static int body_write(char *out, size_t size, const char *address, unsigned int port)
{
	return snprintf(out, size,
			"v=0\r\no=- 1 1 IN IP4 %s\r\ns=-\r\nc=IN IP4 %s\r\nt=0 0\r\n"
			"m=audio %u RTP/AVP 8\r\n", address, address, port);
}

/* The header line that begins with `name`, its CRLF included; empty where there is none. */
static int line_find(const char *message, const char *name, const char **ret)
{
	const char *at = strstr(message, name);
	const char *end = at ? strstr(at, "\r\n") : NULL;

	*ret = end ? at : "";
	return end ? (int)(end + 2 - at) : 0;
}

static int answer_write(char *out, size_t size, const char *request, const char *address)
{
	static const char *const names[] = { "Via:", "From:", "Call-ID:", "CSeq:" };
	char body[512];
	int invite = !strncmp(request, "INVITE", 6), length = 0, n;
	const char *line;

	n = snprintf(out, size, "SIP/2.0 200 OK\r\n");
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		int bytes = line_find(request, names[i], &line);

		n += snprintf(out + n, size - (size_t)n, "%.*s", bytes, line);
	}
	/* Only the INVITE's To has no tag yet. */
	length = line_find(request, "To:", &line);
	n += snprintf(out + n, size - (size_t)n, "%.*s%s\r\n", length > 2 ? length - 2 : 0, line,
		      invite ? ";tag=b" : "");
	length = invite ? body_write(body, sizeof(body), address, 17000) : 0;
	return n + snprintf(out + n, size - (size_t)n,
			    "Contact: <sip:b@%s>\r\n%sContent-Length: %d\r\n\r\n%.*s", address,
			    invite ? "Content-Type: application/sdp\r\n" : "", length, length, body);
}

static int answer(const char *address, long count)
{
	char request[4096], reply[4096];
	struct sockaddr_in from;
	int fd = udp_open(address);

	if (fd < 0) {
		perror("pingpong: answer");
		return 1;
	}
	puts("ready");
	fflush(stdout);
	for (long done = 0; done < count;) {
		socklen_t length = sizeof(from);
		ssize_t n = recvfrom(fd, request, sizeof(request) - 1, 0,
				     (struct sockaddr *)&from, &length);

		if (n < 0)
			return done > 0 ? 0 : 1;
		request[n] = 0;
		if (!strncmp(request, "ACK", 3))
			continue;
		done += !strncmp(request, "BYE", 3);
		n = answer_write(reply, sizeof(reply), request, address);
		sendto(fd, reply, (size_t)n, 0, (struct sockaddr *)&from, length);
	}
	return 0;
}

struct asker {
	int fd;
	const char *from, *to;
	struct sockaddr_in peer;
	long run;
};

static int request_send(const struct asker *a, const char *method, long call, int cseq)
{
	char out[4096], body[512];
	int invite = !strcmp(method, "INVITE");
	int length = invite ? body_write(body, sizeof(body), a->from, 16000) : 0;
	int n = snprintf(out, sizeof(out),
			 "%s sip:b@%s SIP/2.0\r\n"
			 "Via: SIP/2.0/UDP %s:5060;branch=z9hG4bK%ld-%ld-%s\r\n"
			 "Max-Forwards: 70\r\nFrom: <sip:a@%s>;tag=a\r\nTo: <sip:b@%s>%s\r\n"
			 "Call-ID: %ld-%ld\r\nCSeq: %d %s\r\nContact: <sip:a@%s>\r\n"
			 "%sContent-Length: %d\r\n\r\n%.*s",
			 method, a->to, a->from, a->run, call, method, a->from, a->to,
			 invite ? "" : ";tag=b", a->run, call, cseq, method, a->from,
			 invite ? "Content-Type: application/sdp\r\n" : "", length, length, body);

	return sendto(a->fd, out, (size_t)n, 0, (const struct sockaddr *)&a->peer,
		      sizeof(a->peer)) == n ? 0 : -1;
}

static int number_compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Microseconds from INVITE to 200, negative where none came. */
static double call_once(const struct asker *a, long call)
{
	struct timespec begin, end;
	char reply[4096];
	int lost;

	clock_gettime(CLOCK_MONOTONIC, &begin);
	lost = request_send(a, "INVITE", call, 1) < 0 || recv(a->fd, reply, sizeof(reply), 0) < 0;
	clock_gettime(CLOCK_MONOTONIC, &end);
	if (lost)
		return -1;
	request_send(a, "ACK", call, 1);
	request_send(a, "BYE", call, 2);
	if (recv(a->fd, reply, sizeof(reply), 0) < 0)
		return -1;
	return (double)(end.tv_sec - begin.tv_sec) * 1e6 +
	       (double)(end.tv_nsec - begin.tv_nsec) / 1e3;
}

static int ask(const char *from, const char *to, long count)
{
	struct asker a = { .fd = udp_open(from), .from = from, .to = to, .run = (long)time(NULL) };
	static double times[MOST_CALLS];
	long good = 0, lost = 0;

	a.peer = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons(SIP_PORT) };
	if (a.fd < 0 || inet_pton(AF_INET, to, &a.peer.sin_addr) != 1) {
		perror("pingpong: ask");
		return 1;
	}
	/* One lost answer costs WAIT_SECONDS: ten are enough to know. */
	for (long call = 0; call < count && call < MOST_CALLS && lost < 10; call++) {
		double us = call_once(&a, call);

		if (us < 0)
			lost++;
		else
			times[good++] = us;
	}
	if (!good) {
		fprintf(stderr, "pingpong: no INVITE was answered\n");
		return 1;
	}
	qsort(times, (size_t)good, sizeof(*times), number_compare);
	printf("{\"calls\":%ld,\"lost\":%ld,\"p50_us\":%.1f,\"p99_us\":%.1f}\n", good, lost,
	       times[good / 2], times[good * 99 / 100]);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 4 && !strcmp(argv[1], "answer"))
		return answer(argv[2], atol(argv[3]));
	if (argc == 5 && !strcmp(argv[1], "ask"))
		return ask(argv[2], argv[3], atol(argv[4]));
	fprintf(stderr, "use: pingpong answer ADDRESS COUNT | ask FROM TO COUNT\n");
	return 2;
}
