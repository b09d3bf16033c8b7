// SPDX-License-Identifier: MIT
/* The file of the key: drawn once, read again, held by one daemon. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "io/secret.h"

static char folder[64], path[96];

static int set_up(void **state)
{
	(void)state;
	snprintf(folder, sizeof(folder), "/tmp/ringfence-secret-XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	snprintf(path, sizeof(path), "%s/key", folder);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(folder);
}

static struct hash_key opened(void)
{
	struct hash_key key;
	int fd = secret_open(path, &key);

	assert_true(fd >= 0);
	close(fd);
	return key;
}

static void key_is_drawn_once_and_read_again(void **state)
{
	struct hash_key first = opened(), again = opened();
	struct stat s;

	(void)state;
	assert_true(first.words[0] || first.words[1]);
	assert_memory_equal(&first, &again, sizeof(first));
	assert_int_equal(stat(path, &s), 0);
	assert_int_equal(s.st_mode & 0777, 0600);
	assert_int_equal(s.st_size, sizeof(first));
	unlink(path);
	again = opened();
	assert_memory_not_equal(&first, &again, sizeof(first));
}

static void second_daemon_is_told_that_one_runs_and_gets_no_key(void **state)
{
	struct hash_key key, other = { { 1, 2 } }, before = other;
	int fd = secret_open(path, &key);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(secret_open(path, &other), -EWOULDBLOCK);
	assert_memory_equal(&other, &before, sizeof(other));
	close(fd);
	other = opened();
	assert_memory_equal(&other, &key, sizeof(key));
}

/* A crash while it was written leaves half a key, which is none. */
static void file_that_is_too_short_gets_a_new_key(void **state)
{
	struct hash_key key = { { 0 } }, again;
	FILE *f = fopen(path, "w");

	(void)state;
	assert_non_null(f);
	fputs("half", f);
	fclose(f);
	key = opened();
	again = opened();
	assert_memory_not_equal(&key, "half", 4);
	assert_memory_equal(&key, &again, sizeof(key));
}

/* The folder is root's, but what lies there is not followed elsewhere. */
static void link_is_not_followed(void **state)
{
	struct hash_key key;

	(void)state;
	assert_int_equal(symlink("/tmp/nowhere", path), 0);
	assert_int_equal(secret_open(path, &key), -ELOOP);
	assert_int_not_equal(access("/tmp/nowhere", F_OK), 0);
}

static void folder_that_is_not_there_is_an_error(void **state)
{
	struct hash_key key;

	(void)state;
	assert_int_equal(secret_open("/tmp/ringfence-no-such-folder/key", &key), -ENOENT);
}

static void key_of_a_group_takes_the_place_of_the_drawn_one(void **state)
{
	const struct hash_key group = { { 3, 4 } };
	struct hash_key key, again;
	int fd = secret_open(path, &key);

	(void)state;
	assert_int_equal(secret_keep(fd, &group), 0);
	close(fd);
	again = opened();
	assert_memory_equal(&again, &group, sizeof(group));
	assert_int_equal(secret_keep(-1, &group), -EBADF);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(key_is_drawn_once_and_read_again),
		TEST(second_daemon_is_told_that_one_runs_and_gets_no_key),
		TEST(file_that_is_too_short_gets_a_new_key),
		TEST(link_is_not_followed),
		TEST(folder_that_is_not_there_is_an_error),
		TEST(key_of_a_group_takes_the_place_of_the_drawn_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
