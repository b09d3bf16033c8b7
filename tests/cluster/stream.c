// SPDX-License-Identifier: MIT
/* One end of N RTP streams: each sends a packet every 20 ms and tells what it got of the other end's.
 *
 *   stream LOCAL PEER FIRST_PORT STEP COUNT SECONDS
 *
 * It binds, says "ready", and obeys lines on stdin: go (send), mark (count anew what comes from now
 * on), stop SECONDS (send no more at that time of day, the same for both ends; then wait for what is
 * under way and print one JSON document). It ends by itself after SECONDS. Arrivals carry the
 * kernel's time, so that a late process is no gap. */
#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define STREAMS_MAX 1000
#define SECONDS_MAX 600
#define PAYLOAD 160
#define PERIOD_NS 20000000ULL
#define LINGER_NS 700000000ULL
/* A sender that was kept from the CPU for longer leaves the missed packets out: no flood. */
#define BEHIND_NS 200000000ULL

struct packet {
	uint8_t version, type; /* RFC 3550 5.1 */
	uint16_t sequence;
	uint32_t timestamp, ssrc;
	uint64_t number; /* what a sequence number of 16 bits cannot tell apart; network order */
	uint8_t sound[PAYLOAD - 8];
} __attribute__((packed));

/* What came before the mark, and after it. */
struct window {
	uint64_t received, repeated;
	int64_t lost; /* a late packet is taken off again */
	uint64_t gap_ns;
	uint64_t lost_ns; /* when the last loss was seen */
};

struct stream {
	int fd;
	uint16_t port;
	uint64_t sent, refused;
	uint64_t next; /* number expected next */
	uint64_t seen; /* bit n: number next - 1 - n came */
	uint64_t last_ns;
	struct window windows[2];
};

static struct stream streams[STREAMS_MAX];
static unsigned int count, marked;
static uint64_t start_ns, sent_all, stop_ns, late_ns;

static uint64_t time_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void fail(const char *what)
{
	fprintf(stderr, "stream: %s: %s\n", what, strerror(errno));
	exit(1);
}

static struct sockaddr_in address_of(const char *text, uint16_t port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(port) };

	if (inet_pton(AF_INET, text, &a.sin_addr) != 1) {
		errno = EINVAL;
		fail(text);
	}
	return a;
}

/* Connected, so that strangers are none of its business: they are counted elsewhere. */
static void stream_open(struct stream *s, const char *local, const char *peer, uint16_t port)
{
	struct sockaddr_in from = address_of(local, port), to = address_of(peer, port);
	int on = 1;

	s->port = port;
	s->fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	if (s->fd < 0 || bind(s->fd, (struct sockaddr *)&from, sizeof(from)) ||
	    connect(s->fd, (struct sockaddr *)&to, sizeof(to)) ||
	    setsockopt(s->fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on)))
		fail("socket");
}

static void stream_send(struct stream *s)
{
	struct packet p = { .version = 0x80, .type = 8 };

	p.sequence = htons((uint16_t)s->sent);
	p.timestamp = htonl((uint32_t)s->sent * PAYLOAD);
	p.ssrc = htonl(s->port);
	p.number = htobe64(s->sent);
	memset(p.sound, 0xd5, sizeof(p.sound));
	s->sent++;
	if (send(s->fd, &p, sizeof(p), 0) < 0)
		s->refused++;
}

/* The streams share each period evenly: no burst every 20 ms. */
static void send_due(void)
{
	uint64_t now = time_ns(CLOCK_MONOTONIC), due;

	if (!start_ns || (stop_ns && time_ns(CLOCK_REALTIME) >= stop_ns))
		return;
	due = (now - start_ns) * count / PERIOD_NS;
	if (due > sent_all && (due - sent_all) * PERIOD_NS / count > late_ns)
		late_ns = (due - sent_all) * PERIOD_NS / count;
	if (due > sent_all + BEHIND_NS * count / PERIOD_NS) {
		start_ns = now - sent_all * PERIOD_NS / count;
		return;
	}
	for (; sent_all < due; sent_all++)
		stream_send(&streams[sent_all % count]);
}

static void take_number(struct stream *s, struct window *w, uint64_t number, uint64_t now)
{
	uint64_t ahead;

	if (number >= s->next) {
		ahead = number - s->next;
		if (ahead)
			w->lost_ns = now;
		w->lost += (int64_t)ahead;
		s->seen = ahead + 1 < 64 ? s->seen << (ahead + 1) | 1 : 1;
		s->next = number + 1;
		return;
	}
	ahead = s->next - 1 - number;
	if (ahead < 64 && !(s->seen >> ahead & 1)) {
		s->seen |= 1ULL << ahead;
		w->lost--;
		return;
	}
	w->repeated++;
	w->received--;
}

static void take_time(struct stream *s, struct window *w, uint64_t now)
{
	if (s->last_ns && now > s->last_ns && now - s->last_ns > w->gap_ns)
		w->gap_ns = now - s->last_ns;
	s->last_ns = now;
}

static void stream_receive(struct stream *s)
{
	struct window *w = &s->windows[marked];
	char control[CMSG_SPACE(sizeof(struct timespec))];
	struct packet p;
	struct iovec part = { &p, sizeof(p) };
	struct msghdr m = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = control,
			    .msg_controllen = sizeof(control) };
	struct timespec t;
	struct cmsghdr *c;
	uint64_t now;

	if (recvmsg(s->fd, &m, 0) != sizeof(p))
		return;
	c = CMSG_FIRSTHDR(&m);
	if (!c || c->cmsg_type != SCM_TIMESTAMPNS)
		return;
	memcpy(&t, CMSG_DATA(c), sizeof(t));
	now = (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
	w->received++;
	take_number(s, w, be64toh(p.number), now);
	take_time(s, w, now);
}

static void obey(void)
{
	char text[256];
	ssize_t length = read(STDIN_FILENO, text, sizeof(text) - 1);
	const char *stop;

	text[length > 0 ? length : 0] = 0;
	if (strstr(text, "go") && !start_ns)
		start_ns = time_ns(CLOCK_MONOTONIC);
	if (strstr(text, "mark"))
		marked = 1;
	stop = strstr(text, "stop ");
	if (stop)
		stop_ns = (uint64_t)(atof(stop + 5) * 1e9);
	else if (length <= 0)
		stop_ns = time_ns(CLOCK_REALTIME);
}

static void print_window(const char *name, const struct window *w)
{
	printf(", \"%s\": {\"received\": %lu, \"lost\": %ld, \"repeated\": %lu, \"gap_ms\": %.1f, "
	       "\"lost_at\": %.4f}", name, w->received, w->lost, w->repeated,
	       (double)w->gap_ns / 1e6, (double)w->lost_ns / 1e9);
}

static void print_all(void)
{
	printf("{\"late_ms\": %.1f, \"streams\": [", (double)late_ns / 1e6);
	for (unsigned int i = 0; i < count; i++) {
		const struct stream *s = &streams[i];
		bool silent = s->last_ns < stop_ns;

		printf("%s\n{\"port\": %u, \"sent\": %lu, \"refused\": %lu, \"next\": %lu, "
		       "\"silent_ms\": %.1f", i ? "," : "", s->port, s->sent, s->refused, s->next,
		       silent ? (double)(stop_ns - s->last_ns) / 1e6 : 0.0);
		print_window("before", &s->windows[0]);
		print_window("after", &s->windows[1]);
		printf("}");
	}
	printf("]}\n");
}

static void watch(int poll, int fd, uint32_t which)
{
	struct epoll_event e = { .events = EPOLLIN, .data.u32 = which };

	if (epoll_ctl(poll, EPOLL_CTL_ADD, fd, &e))
		fail("epoll");
}

static void serve(int poll, int timer, uint64_t end_ns)
{
	struct epoll_event events[64];
	uint64_t ticks;

	while (time_ns(CLOCK_MONOTONIC) < end_ns) {
		int n = epoll_wait(poll, events, 64, 100);

		for (int i = 0; i < n; i++) {
			if (events[i].data.u32 < count)
				stream_receive(&streams[events[i].data.u32]);
			else if (events[i].data.u32 == STREAMS_MAX && !stop_ns)
				obey();
			else if (read(timer, &ticks, sizeof(ticks)) > 0)
				send_due();
		}
		if (stop_ns && time_ns(CLOCK_REALTIME) > stop_ns + LINGER_NS)
			return;
	}
	stop_ns = stop_ns ?: time_ns(CLOCK_REALTIME);
}

int main(int argc, char **argv)
{
	struct itimerspec tick = { { 0, 1000000 }, { 0, 1000000 } };
	int poll = epoll_create1(0), timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
	unsigned int first, step, seconds;

	if (argc != 7) {
		fprintf(stderr, "stream: use: stream LOCAL PEER FIRST_PORT STEP COUNT SECONDS\n");
		return 2;
	}
	first = (unsigned int)atoi(argv[3]);
	step = (unsigned int)atoi(argv[4]);
	count = (unsigned int)atoi(argv[5]);
	seconds = (unsigned int)atoi(argv[6]);
	if (!count || count > STREAMS_MAX || seconds > SECONDS_MAX ||
	    first + step * count > UINT16_MAX) {
		fprintf(stderr, "stream: at most %d streams, %d seconds, port 65535\n",
			STREAMS_MAX, SECONDS_MAX);
		return 2;
	}
	for (unsigned int i = 0; i < count; i++) {
		stream_open(&streams[i], argv[1], argv[2], (uint16_t)(first + step * i));
		watch(poll, streams[i].fd, i);
	}
	watch(poll, STDIN_FILENO, STREAMS_MAX);
	watch(poll, timer, STREAMS_MAX + 1);
	if (timerfd_settime(timer, 0, &tick, NULL))
		fail("timer");
	/* The far ends of calls are machines of their own: this one may not be held up by the rest. */
	(void)setpriority(PRIO_PROCESS, 0, -10);
	printf("ready\n");
	fflush(stdout);
	serve(poll, timer, time_ns(CLOCK_MONOTONIC) + seconds * 1000000000ULL);
	print_all();
	return 0;
}
