// SPDX-License-Identifier: MIT
/* Sets of ports, and the kernel's one of those that it keeps. What of it is ours lies beside the pins,
 * as text that a link leads to (bpffs has no other files): the next daemon and `unload` need to know. */
#include "io/ports.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define RESERVED "/proc/sys/net/ipv4/ip_local_reserved_ports"
#define RANGE "/proc/sys/net/ipv4/ip_local_port_range"
#define OURS "/reserved-ports"
#define OURS_BYTES 4096              /* of a link */

void ports_add(struct port_set *s, uint16_t low, uint16_t high)
{
	for (uint32_t port = low; port <= high; port++)
		s->bits[port / 64] |= 1ull << (port % 64);
}

bool ports_has(const struct port_set *s, uint16_t port)
{
	return s->bits[port / 64] >> (port % 64) & 1;
}

void ports_join(struct port_set *s, const struct port_set *more)
{
	for (uint32_t i = 0; i < sizeof(s->bits) / sizeof(s->bits[0]); i++)
		s->bits[i] |= more->bits[i];
}

void ports_without(struct port_set *s, const struct port_set *less)
{
	for (uint32_t i = 0; i < sizeof(s->bits) / sizeof(s->bits[0]); i++)
		s->bits[i] &= ~less->bits[i];
}

static bool read_range(struct slice text, struct port_set *ret)
{
	size_t dash = slice_find(text, '-');
	uint64_t low, high;

	if (!slice_number(slice_part(text, 0, dash), 65535, &low))
		return false;
	high = low;
	if (dash < text.length && !slice_number(slice_from(text, dash + 1), 65535, &high))
		return false;
	if (high < low)
		return false;
	ports_add(ret, (uint16_t)low, (uint16_t)high);
	return true;
}

bool ports_read(struct slice text, struct port_set *ret)
{
	struct port_set s = { { 0 } };

	text = slice_trim(text);
	while (text.length) {
		size_t comma = slice_find(text, ',');

		if (!read_range(slice_part(text, 0, comma), &s))
			return false;
		text = slice_from(text, comma + 1);
	}
	*ret = s;
	return true;
}

int ports_write(const struct port_set *s, char *ret, size_t bytes)
{
	size_t used = 0;
	uint32_t last;

	ret[0] = '\0';
	for (uint32_t port = 0; port <= 65535; port = last + 1) {
		last = port;
		if (!ports_has(s, (uint16_t)port))
			continue;
		while (last < 65535 && ports_has(s, (uint16_t)(last + 1)))
			last++;
		used += (size_t)snprintf(ret + used, bytes - used, used ? ",%u" : "%u", port);
		if (used < bytes && last > port)
			used += (size_t)snprintf(ret + used, bytes - used, "-%u", last);
		if (used >= bytes)
			return -E2BIG;
	}
	return 0;
}

void ports_of(const struct policy *p, struct port_set *ret)
{
	memset(ret, 0, sizeof(*ret));
	for (uint32_t i = 0; i < p->nat_count; i++)
		if (p->nat[i].kind == NAT_HIDE)
			ports_add(ret, p->nat[i].port_low, p->nat[i].port_high);
}

uint32_t ports_left(const struct port_set *taken, uint16_t low, uint16_t high)
{
	uint32_t left = 0;

	for (uint32_t port = low; port <= high; port++)
		left += !ports_has(taken, (uint16_t)port);
	return left;
}

static int read_text(const char *path, char *ret, size_t bytes, size_t *ret_bytes)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t used = 0;
	ssize_t n = 1;

	*ret_bytes = 0;
	if (fd < 0)
		return -errno;
	while (n > 0 && used < bytes) {
		n = read(fd, ret + used, bytes - used);
		used += n > 0 ? (size_t)n : 0;
	}
	n = n < 0 ? -errno : 0;
	close(fd);
	*ret_bytes = used;
	return (int)n;
}

static int read_reserved(struct port_set *ret)
{
	char *text = malloc(PORTS_TEXT_BYTES);
	size_t bytes;
	int error = text ? read_text(RESERVED, text, PORTS_TEXT_BYTES, &bytes) : -ENOMEM;

	if (!error && !ports_read(slice_make(text, bytes), ret))
		error = -EBADMSG;
	free(text);
	return error;
}

/* The kernel takes a set in one write; an empty line empties it. */
static int write_reserved(const struct port_set *s)
{
	char *text = malloc(PORTS_TEXT_BYTES);
	int error = text ? ports_write(s, text, PORTS_TEXT_BYTES - 1) : -ENOMEM;
	int fd = error ? -1 : open(RESERVED, O_WRONLY | O_CLOEXEC);

	if (!error && fd < 0)
		error = -errno;
	if (fd >= 0) {
		strcat(text, "\n");
		if (write(fd, text, strlen(text)) < 0)
			error = -errno;
		close(fd);
	}
	free(text);
	return error;
}

/* Where there is none, nothing is ours. */
static int read_ours(const char *path, struct port_set *ret)
{
	char text[OURS_BYTES];
	ssize_t bytes = readlink(path, text, sizeof(text));

	memset(ret, 0, sizeof(*ret));
	if (bytes < 0)
		return errno == ENOENT ? 0 : -errno;
	return ports_read(slice_make(text, (size_t)bytes), ret) ? 0 : -EBADMSG;
}

static int write_ours(const char *path, const struct port_set *s)
{
	char text[OURS_BYTES];
	int error = ports_write(s, text, sizeof(text));

	if (error)
		return error;
	if (unlink(path) && errno != ENOENT)
		return -errno;
	return text[0] && symlink(text, path) ? -errno : 0;
}

/* Ours is written down first: what is said there and the kernel does not know harms nobody. */
static int put(const char *path, const struct port_set *there, const struct port_set *former,
	       const struct port_set *wanted)
{
	struct port_set others = *there, ours = *wanted, all = *wanted;
	int error;

	ports_without(&others, former);
	ports_without(&ours, &others);
	ports_join(&all, &others);
	if (!memcmp(&all, there, sizeof(all)) && !memcmp(&ours, former, sizeof(ours)))
		return 0;
	error = write_ours(path, &ours);
	return error ?: write_reserved(&all);
}

static int host_range(uint32_t *ret_low, uint32_t *ret_high)
{
	char text[64];
	size_t bytes;
	int error = read_text(RANGE, text, sizeof(text) - 1, &bytes);

	text[bytes] = '\0';
	if (!error && (sscanf(text, "%u %u", ret_low, ret_high) != 2 || *ret_high > 65535))
		error = -EBADMSG;
	return error;
}

int ports_left_to_host(const struct policy *p, uint32_t *ret)
{
	struct port_set ours;
	uint32_t low, high;
	int error = host_range(&low, &high);

	if (error)
		return error;
	ports_of(p, &ours);
	*ret = ports_left(&ours, (uint16_t)low, (uint16_t)high);
	return 0;
}

int ports_reserve(const char *pin_path, const struct policy *p)
{
	struct port_set there, former, wanted;
	char path[320];
	uint32_t left;
	int error;

	snprintf(path, sizeof(path), "%s" OURS, pin_path);
	error = read_ours(path, &former);
	error = error ?: read_reserved(&there);
	error = error ?: ports_left_to_host(p, &left);
	if (error)
		return error;
	ports_of(p, &wanted);
	if (left < PORTS_LEFT_LEAST && ports_left(&wanted, 0, 65535) < 65536)
		return -ENOSPC;
	return put(path, &there, &former, &wanted);
}

int ports_release(const char *pin_path)
{
	static const struct port_set none;
	struct port_set there, former;
	char path[320];
	int error;

	snprintf(path, sizeof(path), "%s" OURS, pin_path);
	error = read_ours(path, &former);
	if (error || !memcmp(&former, &none, sizeof(none)))
		return error;
	error = read_reserved(&there);
	return error ?: put(path, &there, &former, &none);
}
