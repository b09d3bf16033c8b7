// SPDX-License-Identifier: MIT
/* Joins a closed process group and prints each change of its membership, until SIGTERM or until
 * corosync goes away. It shows what the group sees without asking the gateway.
 *
 *   witness GROUP          lines "SECONDS.MICROSECONDS NODE NODE..." */
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <corosync/cpg.h>

static void told(cpg_handle_t handle, const struct cpg_name *group,
		 const struct cpg_address *members, size_t count, const struct cpg_address *left,
		 size_t left_count, const struct cpg_address *joined, size_t joined_count)
{
	struct timespec now;

	(void)handle, (void)group, (void)left, (void)left_count, (void)joined, (void)joined_count;
	clock_gettime(CLOCK_REALTIME, &now);
	printf("%ld.%06ld", now.tv_sec, now.tv_nsec / 1000);
	for (size_t i = 0; i < count; i++)
		printf(" %u", members[i].nodeid);
	printf("\n");
	fflush(stdout);
}

int main(int argc, char **argv)
{
	cpg_callbacks_t hands = { .cpg_confchg_fn = told };
	struct cpg_name group = { .length = 0 };
	cpg_handle_t handle;
	struct pollfd p = { .events = POLLIN };

	if (argc != 2 || strlen(argv[1]) >= sizeof(group.value))
		return 2;
	group.length = (uint32_t)strlen(argv[1]);
	memcpy(group.value, argv[1], group.length);
	if (cpg_initialize(&handle, &hands) != CS_OK || cpg_join(handle, &group) != CS_OK ||
	    cpg_fd_get(handle, &p.fd) != CS_OK) {
		fprintf(stderr, "witness: no group (does corosync run?)\n");
		return 1;
	}
	while (poll(&p, 1, -1) == 1)
		if (cpg_dispatch(handle, CS_DISPATCH_ALL) != CS_OK)
			return 1;
	return 1;
}
