// SPDX-License-Identifier: MIT
/* The event loop: who is called, and what a callback may do to its own source. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "io/loop.h"

static struct loop *loop;
static struct loop_source *source;
static int ends[2], calls;

static int set_up(void **state)
{
	(void)state;
	calls = 0;
	source = NULL;
	loop = loop_new();
	return loop ? pipe(ends) : -1;
}

static int tear_down(void **state)
{
	(void)state;
	loop_drop(source);
	loop_free(loop);
	close(ends[0]);
	close(ends[1]);
	return 0;
}

static void read_and_stop_at_three(void *context)
{
	char byte;

	assert_ptr_equal(context, &calls);
	assert_int_equal(read(ends[0], &byte, 1), 1);
	if (++calls == 3)
		loop_stop(loop);
}

static void stop(void *context)
{
	(void)context;
	calls++;
	loop_stop(loop);
}

/* Called while it is readable, not once a write. */
static void descriptor_is_told_while_it_is_readable(void **state)
{
	(void)state;
	source = loop_fd(loop, ends[0], read_and_stop_at_three, &calls);
	assert_non_null(source);
	assert_int_equal(write(ends[1], "abc", 3), 3);
	assert_int_equal(loop_run(loop), 0);
	assert_int_equal(calls, 3);
}

static void drop_myself(void *context)
{
	(void)context;
	calls++;
	loop_drop(source);
	source = NULL;
}

static void callback_may_drop_its_own_source(void **state)
{
	struct loop_source *other;

	(void)state;
	source = loop_fd(loop, ends[0], drop_myself, NULL);
	assert_int_equal(write(ends[1], "a", 1), 1);
	other = loop_every(loop, 50000000, stop, NULL);
	assert_non_null(other);
	assert_int_equal(loop_run(loop), 0);
	/* Once itself, once the other one, though the byte lies there still. */
	assert_int_equal(calls, 2);
	loop_drop(other);
}

static void tick(void *context)
{
	(void)context;
	if (++calls == 3)
		loop_stop(loop);
}

static void period_comes_again_and_again(void **state)
{
	(void)state;
	source = loop_every(loop, 1000000, tick, NULL);
	assert_non_null(source);
	assert_int_equal(loop_run(loop), 0);
	assert_int_equal(calls, 3);
}

static void tick_and_drop(void *context)
{
	(void)context;
	calls++;
	loop_drop(source);
	source = NULL;
	loop_stop(loop);
}

static void period_may_end_itself(void **state)
{
	(void)state;
	source = loop_every(loop, 1000000, tick_and_drop, NULL);
	assert_int_equal(loop_run(loop), 0);
	assert_int_equal(calls, 1);
}

static void signal_comes_by_the_loop_and_kills_nobody(void **state)
{
	(void)state;
	source = loop_signal(loop, SIGUSR1, stop, NULL);
	assert_non_null(source);
	raise(SIGUSR1);
	assert_int_equal(loop_run(loop), 0);
	assert_int_equal(calls, 1);
}

static void descriptor_that_is_none_is_refused(void **state)
{
	(void)state;
	assert_null(loop_fd(loop, -1, stop, NULL));
	loop_drop(NULL);
	loop_free(NULL);
}

static void clock_does_not_go_back(void **state)
{
	uint64_t before = loop_now_ns();

	(void)state;
	assert_true(before > 0);
	assert_true(loop_now_ns() >= before);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(descriptor_is_told_while_it_is_readable),
		TEST(callback_may_drop_its_own_source),
		TEST(period_comes_again_and_again),
		TEST(period_may_end_itself),
		TEST(signal_comes_by_the_loop_and_kills_nobody),
		TEST(descriptor_that_is_none_is_refused),
		TEST(clock_does_not_go_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
