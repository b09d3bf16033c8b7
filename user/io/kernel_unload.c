// SPDX-License-Identifier: MIT
/* Takes everything of ours out of the kernel; needs neither the daemon nor the object. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "io/gate.h"
#include "io/kernel_own.h"
#include "io/ports.h"
#include "io/steer.h"

/* What no pin holds goes first, while the maps still say where it is: filters of clsact. */
static void detach_all(const char *pin_path)
{
	struct attachment_state there[LIMIT_INTERFACES];
	struct kernel_error error;
	struct kernel *k;
	int count;

	if (kernel_open_pinned(pin_path, &k, &error))
		return;
	count = kernel_attachments(k, there, LIMIT_INTERFACES);
	for (int i = 0; i < count; i++)
		kernel_detach(k, there[i].interface, &error);
	kernel_close(k);
}

int kernel_unload(const char *pin_path, struct kernel_error *reterr)
{
	static const char *const parts[] = { "/links", "/progs", "/maps", "" };
	char path[KERNEL_PATH_BYTES];
	int err;

	detach_all(pin_path);
	err = ports_release(pin_path);
	if (err)
		return kernel_fail(reterr, err, "unload the reserved ports: %s (run as root)",
				   strerror(-err));
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		struct dirent *entry;
		DIR *part;

		snprintf(path, sizeof(path), "%s%s", pin_path, parts[i]);
		part = opendir(path);
		while (part && (entry = readdir(part)))
			unlinkat(dirfd(part), entry->d_name, 0);
		if (part)
			closedir(part);
		if (rmdir(path) && errno != ENOENT)
			return kernel_fail(reterr, -errno, "unload %s: %s (run as root)", path,
					   strerror(errno));
	}
	err = gate_remove() ?: steer_remove();
	return err ? kernel_fail(reterr, err, "unload %s and the rules for TCP: %s (run as root)",
				 GATE_NAME, strerror(-err)) : 0;
}
