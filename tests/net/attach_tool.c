// SPDX-License-Identifier: MIT
/* The loader by hand: attach_tool PIN load | attach IFACE ZONE native|tc|auto | list | detach IFACE
 * | configure [SERVER] | unload. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/kernel.h"

static const char *const modes[] = { "auto", "native", "tc" };

static enum attach_mode mode_of(const char *name)
{
	return !strcmp(name, "native") ? ATTACH_NATIVE : !strcmp(name, "tc") ? ATTACH_TC : ATTACH_AUTO;
}

static void show(const struct attachment_state *s)
{
	printf("%s vlan=%u zone=%u mode=%s why=\"%s\" warning=\"%s\" others=\"%s\"\n", s->interface,
	       s->vlan, s->zone, modes[s->mode], s->why, s->warning, s->others);
}

/* A policy of one zone with one server, or with none: what kernel_configure makes of it. */
static int configure(struct kernel *k, const char *server, struct kernel_error *error)
{
	static struct policy p = { .zone_count = 1 };
	uint8_t bytes[4];

	if (server && inet_pton(AF_INET, server, bytes) == 1) {
		p.server_count = 1;
		p.servers[0].zone = 1;
		p.servers[0].address_count = 1;
		p.servers[0].addresses[0] = (struct address){
			.bytes = { [10] = 0xff, 0xff, bytes[0], bytes[1], bytes[2], bytes[3] },
		};
	}
	return kernel_configure(k, &p, error);
}

static int with_kernel(struct kernel *k, int count, char **words, struct kernel_error *error)
{
	struct attachment_state states[16] = {};
	struct attach_wish wish = {};
	int n;

	if (!strcmp(words[0], "list")) {
		n = kernel_attachments(k, states, 16);
		for (int i = 0; i < n; i++)
			show(&states[i]);
		return n < 0 ? n : 0;
	}
	if (!strcmp(words[0], "configure"))
		return configure(k, count > 1 ? words[1] : NULL, error);
	if (count < 2)
		return 0;
	if (!strcmp(words[0], "detach"))
		return kernel_detach(k, words[1], error);
	snprintf(wish.interface, sizeof(wish.interface), "%s", words[1]);
	wish.zone = count > 2 ? (uint16_t)atoi(words[2]) : 1;
	wish.mode = mode_of(count > 3 ? words[3] : "auto");
	n = kernel_attach(k, &wish, states, error);
	if (!n)
		show(states);
	return n;
}

int main(int count, char **words)
{
	struct kernel_error error = {};
	struct kernel *k = NULL;
	int err;

	if (count < 3)
		return 2;
	if (!strcmp(words[2], "unload"))
		err = kernel_unload(words[1], &error);
	else if (!strcmp(words[2], "load"))
		err = kernel_open(words[1], &k, &error);
	else
		err = kernel_open_pinned(words[1], &k, &error);
	if (k)
		err = err ?: with_kernel(k, count - 2, words + 2, &error);
	kernel_close(k);
	if (err)
		fprintf(stderr, "%s\n", error.text);
	return err ? 1 : 0;
}
