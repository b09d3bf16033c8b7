// SPDX-License-Identifier: MIT
/* The rings of the fast path. A ring a reader, so that a drain can stop in the middle of one. */
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "io/punt.h"

#define RINGS 3

struct punt_reader {
	struct ring_buffer *rings[RINGS];        /* trusted, other, events */
	struct punt_hands hands;
	int epoll, left;
};

/* The record that returns an error is consumed all the same: libbpf stops behind it. */
static int spent(struct punt_reader *r)
{
	return --r->left > 0 ? 0 : -EAGAIN;
}

static int on_punt(void *self, void *data, size_t bytes)
{
	struct punt_reader *r = self;
	const struct punt *p = data;

	if (bytes >= sizeof(*p) && p->l3_bytes <= bytes - sizeof(*p) &&
	    p->payload_offset <= p->l3_bytes)
		r->hands.datagram(r->hands.self, p, (uint32_t)bytes);
	return spent(r);
}

static int on_event(void *self, void *data, size_t bytes)
{
	struct punt_reader *r = self;

	if (bytes >= sizeof(struct event))
		r->hands.event(r->hands.self, data);
	return spent(r);
}

struct punt_reader *punt_reader_new(const struct kernel *k, const struct punt_hands *hands)
{
	const struct kernel_maps *m = kernel_maps(k);
	const int maps[RINGS] = { m->punt_trusted, m->punt_other, m->events };
	struct punt_reader *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->hands = *hands;
	r->epoll = epoll_create1(EPOLL_CLOEXEC);
	for (int i = 0; i < RINGS; i++) {
		struct epoll_event on = { .events = EPOLLIN };

		r->rings[i] = ring_buffer__new(maps[i], i == RINGS - 1 ? on_event : on_punt, r,
					       NULL);
		if (!r->rings[i] ||
		    epoll_ctl(r->epoll, EPOLL_CTL_ADD, ring_buffer__epoll_fd(r->rings[i]), &on)) {
			punt_reader_free(r);
			return NULL;
		}
	}
	return r;
}

void punt_reader_free(struct punt_reader *r)
{
	if (!r)
		return;
	for (int i = 0; i < RINGS; i++)
		ring_buffer__free(r->rings[i]);
	if (r->epoll >= 0)
		close(r->epoll);
	free(r);
}

int punt_reader_fd(const struct punt_reader *r)
{
	return r->epoll;
}

int punt_reader_drain(struct punt_reader *r, int most)
{
	int total = 0;

	for (int i = 0; most > 0 && i < RINGS; i++) {
		r->left = most;
		ring_buffer__consume(r->rings[i]);
		total += most - r->left;
	}
	return total;
}
