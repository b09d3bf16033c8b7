// SPDX-License-Identifier: MIT
/* The key that names calls, and the lock of the one daemon. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/secret.h"

int secret_keep(int fd, const struct hash_key *key)
{
	ssize_t n = pwrite(fd, key, sizeof(*key), 0);

	return n == (ssize_t)sizeof(*key) ? 0 : n < 0 ? -errno : -EIO;
}

static int read_or_draw(int fd, struct hash_key *key)
{
	ssize_t n = pread(fd, key, sizeof(*key), 0);

	if (n == (ssize_t)sizeof(*key))
		return 0;
	if (n < 0)
		return -errno;
	if (getrandom(key, sizeof(*key), 0) != (ssize_t)sizeof(*key))
		return -EIO;
	return secret_keep(fd, key);
}

int secret_open(const char *path, struct hash_key *ret)
{
	struct hash_key key = { 0 };
	int fd, error;

	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, S_IRUSR | S_IWUSR);
	if (fd < 0)
		return -errno;
	error = flock(fd, LOCK_EX | LOCK_NB) ? -errno : read_or_draw(fd, &key);
	if (error) {
		close(fd);
		return error;
	}
	*ret = key;
	return fd;
}
