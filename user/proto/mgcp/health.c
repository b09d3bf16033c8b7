// SPDX-License-Identifier: MIT
/* Does a host answer? Gateways are asked by agents, agents by gateways. */
#include "inspect/health.h"
#include "proto/mgcp/judge.h"

static struct health_note note_of(const struct owner *owner, const struct transaction_row *t)
{
	return (struct health_note){ .owner = *owner, .asked = t, .protocol = MGCP_PROTOCOL,
				     .sent_ns = t->ends_ns - MGCP_TRANSACTION_NS };
}

void health_answered(struct mgcp_judge *j)
{
	const struct health_note note = note_of(&j->answerer, j->transaction);

	host_answered(j->in, j->batch, &note);
}

void health_ran_out(const struct inspect_in *in, struct batch *batch,
		    const struct transaction_row *t)
{
	const struct owner owner = mgcp_health_owner(in, &t->peers[1].address);
	const struct health_note note = note_of(&owner, t);

	host_ran_out(in, batch, &note);
}
