/* SPDX-License-Identifier: MIT */
/* The event loop: sd-event behind names of ours. One thread. */
#ifndef RINGFENCE_LOOP_H
#define RINGFENCE_LOOP_H

#include <stdint.h>

struct loop;
struct loop_source;

typedef void (*loop_fn)(void *context);

struct loop *loop_new(void);
void loop_free(struct loop *l);
/* Calls fn while fd is readable. NULL with errno set on failure. */
struct loop_source *loop_fd(struct loop *l, int fd, loop_fn fn, void *context);
/* Calls fn every period, first after one period. */
struct loop_source *loop_every(struct loop *l, uint64_t period_ns, loop_fn fn, void *context);
/* The signal is blocked for the process and comes by the loop. */
struct loop_source *loop_signal(struct loop *l, int number, loop_fn fn, void *context);
void loop_drop(struct loop_source *s);
int loop_run(struct loop *l);
void loop_stop(struct loop *l);
uint64_t loop_now_ns(void);          /* CLOCK_MONOTONIC */
/* sd_notify; harmless without systemd. */
void loop_ready(const char *status);

#endif
