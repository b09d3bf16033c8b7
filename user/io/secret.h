/* SPDX-License-Identifier: MIT */
/* The key that names calls. It must outlive the daemon as the pinned rows do, so it lies in a file
 * beside the control socket, readable by root alone; the file's lock says that one daemon runs. */
#ifndef RINGFENCE_SECRET_H
#define RINGFENCE_SECRET_H

#include "base/hash.h"

/* Reads the key, or draws and writes it. Returns the locked descriptor, to be kept open as long as
 * the daemon runs; -EWOULDBLOCK where another daemon holds it, else negative errno. */
int secret_open(const char *path, struct hash_key *ret);

/* Another key in its place: that of a group. 0 or negative errno. */
int secret_keep(int fd, const struct hash_key *key);

#endif
