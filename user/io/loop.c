// SPDX-License-Identifier: MIT
/* The event loop over sd-event. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <systemd/sd-daemon.h>
#include <systemd/sd-event.h>
#include <time.h>

#include "io/loop.h"

struct loop {
	sd_event *event;
};

struct loop_source {
	sd_event_source *source;
	loop_fn fn;
	void *context;
	uint64_t period_us;
};

struct loop *loop_new(void)
{
	struct loop *l = calloc(1, sizeof(*l));
	int err = l ? sd_event_new(&l->event) : -ENOMEM;

	if (err >= 0)
		return l;
	free(l);
	errno = -err;
	return NULL;
}

void loop_free(struct loop *l)
{
	if (!l)
		return;
	sd_event_unref(l->event);
	free(l);
}

static struct loop_source *source_new(loop_fn fn, void *context)
{
	struct loop_source *s = calloc(1, sizeof(*s));

	if (s) {
		s->fn = fn;
		s->context = context;
	}
	return s;
}

static struct loop_source *finish(struct loop_source *s, int err)
{
	if (err >= 0)
		return s;
	free(s);
	errno = -err;
	return NULL;
}

static int on_fd(sd_event_source *source, int fd, uint32_t ready, void *self)
{
	struct loop_source *s = self;

	(void)source;
	(void)fd;
	(void)ready;
	s->fn(s->context);
	return 0;
}

struct loop_source *loop_fd(struct loop *l, int fd, loop_fn fn, void *context)
{
	struct loop_source *s = source_new(fn, context);

	if (!s)
		return NULL;
	return finish(s, sd_event_add_io(l->event, &s->source, fd, EPOLLIN, on_fd, s));
}

/* The next time counts from now: a loop that was late does not catch up in a burst. It is set
 * before fn, which may drop the source. */
static int on_time(sd_event_source *source, uint64_t due, void *self)
{
	struct loop_source *s = self;

	(void)due;
	sd_event_source_set_time_relative(source, s->period_us);
	sd_event_source_set_enabled(source, SD_EVENT_ON);
	s->fn(s->context);
	return 0;
}

struct loop_source *loop_every(struct loop *l, uint64_t period_ns, loop_fn fn, void *context)
{
	struct loop_source *s = source_new(fn, context);

	if (!s)
		return NULL;
	s->period_us = period_ns / 1000;
	return finish(s, sd_event_add_time_relative(l->event, &s->source, CLOCK_MONOTONIC,
						    s->period_us, 1000, on_time, s));
}

static int on_signal(sd_event_source *source, const struct signalfd_siginfo *info, void *self)
{
	struct loop_source *s = self;

	(void)source;
	(void)info;
	s->fn(s->context);
	return 0;
}

struct loop_source *loop_signal(struct loop *l, int number, loop_fn fn, void *context)
{
	struct loop_source *s = source_new(fn, context);
	sigset_t set;

	if (!s)
		return NULL;
	sigemptyset(&set);
	sigaddset(&set, number);
	if (sigprocmask(SIG_BLOCK, &set, NULL))
		return finish(s, -errno);
	return finish(s, sd_event_add_signal(l->event, &s->source, number, on_signal, s));
}

void loop_drop(struct loop_source *s)
{
	if (!s)
		return;
	sd_event_source_disable_unref(s->source);
	free(s);
}

int loop_run(struct loop *l)
{
	return sd_event_loop(l->event);
}

void loop_stop(struct loop *l)
{
	sd_event_exit(l->event, 0);
}

uint64_t loop_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

void loop_ready(const char *status)
{
	sd_notifyf(0, "READY=1\nSTATUS=%s", status);
}
