/* SPDX-License-Identifier: MIT */
/* Any pieces in any order: [from / 8, length, more, number, source, family, clock] and the data from a
 * fixed datagram or bent. What must hold: room is bounded, a datagram that comes out whole is as long
 * as its pieces say, its packet's words agree with it, the same pieces twice give the same. */
#include <assert.h>
#include <string.h>

#include "reasm/reasm.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define STEP 8
#define HEAD_MOST 48

static uint64_t run(const uint8_t *data, size_t size)
{
	static struct reasm *r;
	uint64_t now = 1, sum = 0;

	r = r ?: reasm_new();
	assert(r);
	for (; size >= STEP; data += STEP, size -= STEP) {
		static uint8_t packet[HEAD_MOST + 2048];
		bool six = data[5] & 1, is_whole = false;
		size_t head = six ? 48 : 20, bytes = data[1] * 8u + (data[2] >> 1 & 7);
		struct fragment f;
		struct datagram whole;

		memset(packet, data[6], sizeof(packet));
		packet[0] = six ? 0x60 : 0x45;
		packet[six ? 6 : 9] = six ? 44 : 17;
		packet[six ? 40 : 6] = six ? 17 : (uint8_t)((data[2] & 1 ? 0x20 : 0) | (data[7] & 0x1f));
		packet[7] = six ? packet[7] : data[0];
		packet[six ? 42 : 4] = six ? (uint8_t)(data[7]) : 0;
		packet[six ? 43 : 5] = six ? (uint8_t)((data[0] & 0xf8) | (data[2] & 1)) : data[3];
		if (!six)
			packet[15] = data[4];
		if (data[0] == 0 && bytes >= 8) {
			packet[head + 4] = (uint8_t)(data[4] * 8 >> 8);
			packet[head + 5] = (uint8_t)(data[4] * 8);
		}
		now += (uint64_t)data[6] << 26;
		sum += reasm_expire(r, now);
		if (fragment_read(slice_make(packet, head + bytes), &f))
			continue;
		sum = sum * 31 + (uint64_t)reasm_take(r, &f, data[3] & 1, now, &whole, &is_whole);
		assert(reasm_waiting(r) <= LIMIT_FRAGMENT_DATAGRAMS);
		if (!is_whole)
			continue;
		assert(whole.l3_bytes <= 65535 && whole.payload_at <= whole.l3_bytes);
		assert(((uintptr_t)whole.packet & 7) == 0);
		for (uint32_t i = 0; i < whole.l3_bytes; i++)
			sum = sum * 31 + whole.packet[i];
	}
	sum += reasm_evicted(r);
	/* Empty again: its room is too large to be taken for each run. */
	reasm_expire(r, UINT64_MAX);
	assert(!reasm_waiting(r));
	return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	assert(run(data, size) == run(data, size));
	return 0;
}
