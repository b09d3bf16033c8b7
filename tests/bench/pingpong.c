// SPDX-License-Identifier: MIT
/* Time from INVITE to its 200: `pingpong answer ADDRESS COUNT [tcp]` answers, `pingpong ask FROM TO
 * COUNT [tcp]` asks, one at a time, and prints the median and the 99th percentile. ACK and BYE follow
 * untimed, so that calls do not pile up. Over TCP all calls share one connection. */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#define SIP_PORT 5060
#define WAIT_SECONDS 2
#define MOST_CALLS 100000

/* A datagram socket, or a connection and what was read of it beyond the last message. */
struct line {
	int fd;
	bool tcp;
	char bytes[8192];
	size_t used;
};

static int socket_open(const char *address, bool tcp)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(SIP_PORT) };
	struct timeval wait = { WAIT_SECONDS, 0 };
	int one = 1, fd = socket(AF_INET, tcp ? SOCK_STREAM : SOCK_DGRAM, 0);

	if (fd < 0 || inet_pton(AF_INET, address, &a.sin_addr) != 1 ||
	    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait)) < 0 ||
	    (tcp && setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)) < 0) ||
	    bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0)
		return -1;
	return fd;
}

/* Length of the first whole message, 0: there is none. */
static size_t message_length(const struct line *l)
{
	const char *end = memmem(l->bytes, l->used, "\r\n\r\n", 4);
	const char *length = memmem(l->bytes, l->used, "Content-Length: ", 16);
	size_t whole;

	if (!end || !length)
		return 0;
	whole = (size_t)(end + 4 - l->bytes) + strtoul(length + 16, NULL, 10);
	return whole <= l->used ? whole : 0;
}

/* The next message, ended by a NUL; *ret_from is told of datagrams alone. Negative: none came. */
static ssize_t message_read(struct line *l, char *ret, size_t size, struct sockaddr_in *ret_from)
{
	socklen_t length = sizeof(*ret_from);
	size_t whole = 0;
	ssize_t n;

	while (l->tcp && !(whole = message_length(l))) {
		n = recv(l->fd, l->bytes + l->used, sizeof(l->bytes) - l->used, 0);
		if (n <= 0)
			return -1;
		l->used += (size_t)n;
	}
	if (l->tcp) {
		n = (ssize_t)(whole < size ? whole : size - 1);
		memcpy(ret, l->bytes, (size_t)n);
		l->used -= whole;
		memmove(l->bytes, l->bytes + whole, l->used);
	} else {
		n = recvfrom(l->fd, ret, size - 1, 0, (struct sockaddr *)ret_from, &length);
	}
	if (n >= 0)
		ret[n] = 0;
	return n;
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

static int answer(const char *address, long count, bool tcp)
{
	static struct line l;
	char request[4096], reply[4096];
	struct sockaddr_in from;
	int fd = socket_open(address, tcp);

	if (fd < 0 || (tcp && listen(fd, 1) < 0)) {
		perror("pingpong: answer");
		return 1;
	}
	puts("ready");
	fflush(stdout);
	l = (struct line){ .fd = tcp ? accept(fd, NULL, NULL) : fd, .tcp = tcp };
	for (long done = 0; done < count;) {
		ssize_t n = message_read(&l, request, sizeof(request), &from);

		if (n < 0)
			return done > 0 ? 0 : 1;
		if (!strncmp(request, "ACK", 3))
			continue;
		done += !strncmp(request, "BYE", 3);
		n = answer_write(reply, sizeof(reply), request, address);
		sendto(l.fd, reply, (size_t)n, 0, tcp ? NULL : (struct sockaddr *)&from,
		       tcp ? 0 : sizeof(from));
	}
	return 0;
}

struct asker {
	struct line line;
	const char *from, *to;
	struct sockaddr_in peer;
	long run;
};

static int request_send(struct asker *a, const char *method, long call, int cseq)
{
	char out[4096], body[512];
	int invite = !strcmp(method, "INVITE");
	int length = invite ? body_write(body, sizeof(body), a->from, 16000) : 0;
	int n = snprintf(out, sizeof(out),
			 "%s sip:b@%s SIP/2.0\r\n"
			 "Via: SIP/2.0/%s %s:5060;branch=z9hG4bK%ld-%ld-%s\r\n"
			 "Max-Forwards: 70\r\nFrom: <sip:a@%s>;tag=a\r\nTo: <sip:b@%s>%s\r\n"
			 "Call-ID: %ld-%ld\r\nCSeq: %d %s\r\nContact: <sip:a@%s>\r\n"
			 "%sContent-Length: %d\r\n\r\n%.*s",
			 method, a->to, a->line.tcp ? "TCP" : "UDP", a->from, a->run, call, method,
			 a->from, a->to,
			 invite ? "" : ";tag=b", a->run, call, cseq, method, a->from,
			 invite ? "Content-Type: application/sdp\r\n" : "", length, length, body);

	if (a->line.tcp)
		return send(a->line.fd, out, (size_t)n, 0) == n ? 0 : -1;
	return sendto(a->line.fd, out, (size_t)n, 0, (const struct sockaddr *)&a->peer,
		      sizeof(a->peer)) == n ? 0 : -1;
}

static int number_compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Microseconds from INVITE to 200, negative where none came. */
static double call_once(struct asker *a, long call)
{
	struct timespec begin, end;
	char reply[4096];
	int lost;

	clock_gettime(CLOCK_MONOTONIC, &begin);
	lost = request_send(a, "INVITE", call, 1) < 0 ||
	       message_read(&a->line, reply, sizeof(reply), NULL) < 0;
	clock_gettime(CLOCK_MONOTONIC, &end);
	if (lost)
		return -1;
	request_send(a, "ACK", call, 1);
	request_send(a, "BYE", call, 2);
	if (message_read(&a->line, reply, sizeof(reply), NULL) < 0)
		return -1;
	return (double)(end.tv_sec - begin.tv_sec) * 1e6 +
	       (double)(end.tv_nsec - begin.tv_nsec) / 1e3;
}

static int ask(const char *from, const char *to, long count, bool tcp)
{
	static struct asker a;
	static double times[MOST_CALLS];
	long good = 0, lost = 0;

	a = (struct asker){ .line = { .fd = socket_open(from, tcp), .tcp = tcp }, .from = from,
			    .to = to, .run = (long)time(NULL) };
	a.peer = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons(SIP_PORT) };
	if (a.line.fd < 0 || inet_pton(AF_INET, to, &a.peer.sin_addr) != 1 ||
	    (tcp && connect(a.line.fd, (struct sockaddr *)&a.peer, sizeof(a.peer)) < 0)) {
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
	bool tcp = argc > 1 && !strcmp(argv[argc - 1], "tcp");

	argc -= tcp;
	if (argc == 4 && !strcmp(argv[1], "answer"))
		return answer(argv[2], atol(argv[3]), tcp);
	if (argc == 5 && !strcmp(argv[1], "ask"))
		return ask(argv[2], argv[3], atol(argv[4]), tcp);
	fprintf(stderr, "use: pingpong answer ADDRESS COUNT [tcp] | ask FROM TO COUNT [tcp]\n");
	return 2;
}
