/* SPDX-License-Identifier: MIT */
/* Translation lies around the judgement: a message comes in as it would be if nobody translated, is
 * judged so, and leaves as its receiver's zone sees it. Rows, rules and records know inside
 * addresses alone. Pure: which ports are taken is asked through surroundings. */
#ifndef RINGFENCE_TRANSLATE_H
#define RINGFENCE_TRANSLATE_H

#include "inspect/inspect.h"

/* Whom the message is for: an outside address that is mapped becomes the inside one. */
void translate_flow(const struct inspect_in *in, struct flow_info *flow);
/* Edits that put inside endpoints where the message names outside ones. */
enum reason translate_inward(const struct inspect_in *in, const struct mentions *m,
			     struct edits *ret);
/* Of what was accepted: the batch's doors are told where they arrive and leave, new mappings are
 * drawn for them, the message is edited, and *ret_leaves says between whom it goes on. */
enum reason translate_outward(const struct inspect_in *in, const struct mentions *m,
			      struct outcome *o, struct flow_info *ret_leaves);

#endif
