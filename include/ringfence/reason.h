/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* enum reason and enum counter, made from their tables. Counters of reasons come first in the
 * counter map, plain counters behind them. */
#ifndef RINGFENCE_REASON_H
#define RINGFENCE_REASON_H

enum reason {
#define REASON(name, protection, sentence) REASON_##name,
#include "reason.def"
#undef REASON
	REASON_COUNT
};

enum counter {
	COUNTER_BEFORE = REASON_COUNT - 1,
#define COUNTER(name, sentence) COUNTER_##name,
#include "counter.def"
#undef COUNTER
	COUNTER_END
};

#endif
