// SPDX-License-Identifier: MIT
/* The host, as the policy in force needs it: its ports are kept, and what of it would spoil translation
 * is told. */
#include "daemon.h"

#include <errno.h>
#include <string.h>

#include "io/host.h"
#include "io/log.h"

void daemon_check_host(struct daemon *d)
{
	static struct host_warnings w;
	int error = ports_reserve(d->settings.pin_path, d->policy);

	if (error && error != -ENOSPC)
		log_error("net.ipv4.ip_local_reserved_ports: %s (run as root, with /proc/sys writable)",
			  strerror(-error));
	host_check(d->policy, d->own, d->journey.around.own_count, &w);
	for (uint32_t i = 0; i < w.count; i++)
		log_warning("%s", w.text[i]);
}
