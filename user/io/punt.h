/* SPDX-License-Identifier: MIT */
/* Reads the punt rings and the event ring. */
#ifndef RINGFENCE_IO_PUNT_H
#define RINGFENCE_IO_PUNT_H

#include "io/kernel.h"
#include <ringfence/punt.h>

struct punt_reader;

struct punt_hands {
	void (*datagram)(void *self, const struct punt *p, uint32_t bytes);
	void (*event)(void *self, const struct event *e);
	void *self;
};

struct punt_reader *punt_reader_new(const struct kernel *k, const struct punt_hands *hands);
void punt_reader_free(struct punt_reader *r);
int punt_reader_fd(const struct punt_reader *r);
/* Bounded: at most `most` records a ring, trusted first; returns how many. */
int punt_reader_drain(struct punt_reader *r, int most);

#endif
