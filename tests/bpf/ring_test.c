// SPDX-License-Identifier: MIT
/* What the punt reader relies on in libbpf: a record whose callback returns an error is consumed,
 * and the drain goes on behind it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <unistd.h>

#define RECORDS 5

struct seen {
	uint64_t times[2 * RECORDS];
	int count;
};

static int one_and_stop(void *self, void *data, size_t bytes)
{
	struct seen *seen = self;

	assert_int_equal(bytes, sizeof(uint64_t));
	assert_true(seen->count < 2 * RECORDS);
	seen->times[seen->count++] = *(uint64_t *)data;
	return -EAGAIN;
}

/* Each run puts the time, which only grows, into the ring. */
static int producer_new(int ring)
{
	const struct bpf_insn code[] = {
		{ .code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_ktime_get_ns },
		{ .code = BPF_STX | BPF_MEM | BPF_DW, .dst_reg = 10, .src_reg = 0, .off = -8 },
		{ .code = BPF_LD | BPF_IMM | BPF_DW, .dst_reg = 1, .src_reg = BPF_PSEUDO_MAP_FD,
		  .imm = ring },
		{ .code = 0 },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = 2, .src_reg = 10 },
		{ .code = BPF_ALU64 | BPF_ADD | BPF_K, .dst_reg = 2, .imm = -8 },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 3, .imm = 8 },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 4, .imm = 0 },
		{ .code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_ringbuf_output },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .imm = 0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};

	return bpf_prog_load(BPF_PROG_TYPE_SOCKET_FILTER, "producer", "GPL", code,
			     sizeof(code) / sizeof(code[0]), NULL);
}

static void produce(int program)
{
	uint8_t frame[64] = { 0 };
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = frame, .data_size_in = sizeof(frame));

	for (int i = 0; i < RECORDS; i++)
		assert_int_equal(bpf_prog_test_run_opts(program, &options), 0);
}

static void each_once_in_order(const struct seen *seen)
{
	assert_int_equal(seen->count, RECORDS);
	for (int i = 1; i < RECORDS; i++)
		assert_true(seen->times[i] > seen->times[i - 1]);
}

static void drain(int (*next)(struct ring_buffer *))
{
	int ring = bpf_map_create(BPF_MAP_TYPE_RINGBUF, "ring", 0, 0, 4096, NULL), program;
	struct seen seen = { .count = 0 };
	struct ring_buffer *reader;

	if (ring == -EPERM)
		skip();
	assert_true(ring >= 0);
	program = producer_new(ring);
	assert_true(program >= 0);
	reader = ring_buffer__new(ring, one_and_stop, &seen, NULL);
	assert_non_null(reader);
	produce(program);
	for (int i = 1; i <= RECORDS; i++) {
		assert_int_equal(next(reader), -EAGAIN);
		assert_int_equal(seen.count, i);
	}
	assert_int_equal(next(reader), 0);
	each_once_in_order(&seen);
	ring_buffer__free(reader);
	close(program);
	close(ring);
}

static int poll_now(struct ring_buffer *reader)
{
	return ring_buffer__poll(reader, 0);
}

static void a_refused_record_is_not_consumed_twice(void **state)
{
	(void)state;
	drain(ring_buffer__consume);
}

static void a_refused_record_is_not_polled_twice(void **state)
{
	(void)state;
	drain(poll_now);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_refused_record_is_not_consumed_twice),
		cmocka_unit_test(a_refused_record_is_not_polled_twice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
