/* SPDX-License-Identifier: MIT */
/* TIMER rows on a wheel, for the daemon's clock as for a capture's. A call that still carries media
 * is not idle, whatever its signalling says. */
#ifndef RINGFENCE_ALARMS_H
#define RINGFENCE_ALARMS_H

#include "base/hash.h"
#include "state/tables.h"

struct alarms;

struct alarms_ops {
	/* When the last packet of this flow or pinhole was seen; 0: never. */
	uint64_t (*seen_ns)(void *self, const struct flow_key *key);
	/* The timer is due: a judgement with a clock in place of a message. */
	void (*due)(void *self, const struct row_view *timer, uint64_t now_ns);
	/* Nobody here has seen the owner's media: has somebody else? -EAGAIN: not known yet. NULL:
	 * there is nobody else. */
	int (*seen_elsewhere)(void *self, const struct owner *owner, uint64_t now_ns,
			      uint64_t *ret);
	void *self;
};

struct alarms *alarms_new(const struct tables *tables, const struct hash_key *key,
			  const struct alarms_ops *ops, uint64_t now_ns);
void alarms_free(struct alarms *a);
void alarms_warm(struct alarms *a);
/* A TIMER row came, moved or went (value NULL): the executor's `timer`. */
void alarms_changed(struct alarms *a, const struct row_key *key, const struct timer_row *value);
/* When the youngest packet of the owner's media was seen here; 0: never. */
uint64_t alarms_media_seen(struct alarms *a, const struct owner *owner);
/* All TIMER rows of the tables, at start. */
void alarms_restore(struct alarms *a);
/* At most `most` that are due; each is told the time it was due, to the wheel's grain. */
void alarms_run(struct alarms *a, uint64_t now_ns, uint64_t idle_ns, uint32_t most);

#endif
