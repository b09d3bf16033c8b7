/* SPDX-License-Identifier: GPL-2.0 */
/* Pinned copies of the rows, one map a type. The daemon alone writes and reads them; no program
 * does. They are here so that their types are known to bpftool and outlive the daemon. */
#ifndef RINGFENCE_BPF_ROWS_H
#define RINGFENCE_BPF_ROWS_H

#include <ringfence/row.h>

#define ROW(name, capacity, replicated, sentence)                                                \
	struct {                                                                                 \
		__uint(type, BPF_MAP_TYPE_HASH);                                                 \
		__uint(map_flags, BPF_F_NO_PREALLOC);                                            \
		__uint(max_entries, capacity);                                                   \
		__type(key, struct row_key);                                                     \
		__type(value, struct name##_row);                                                \
	} row_##name SEC(".maps");
#include <ringfence/row.def>
#undef ROW

/* Changes on their way to those maps. Writer and reader: daemon, through mmap. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, LIMIT_JOURNAL);
	__type(key, __u32);
	__type(value, struct journal_entry);
} journal SEC(".maps");

#endif
