// SPDX-License-Identifier: MIT
/* Which interfaces are attached, by the file and by the operator's hand. The file adds and alters;
 * what it does not name stays as it is until it is detached. */
#include <errno.h>
#include <net/if.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/control.h"
#include "daemon.h"
#include "io/gate.h"
#include "io/log.h"
#include "policy/load_own.h"

static int __attribute__((format(printf, 2, 3))) fail(struct kernel_error *ret, const char *format,
						      ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(ret->text, sizeof(ret->text), format, arguments);
	va_end(arguments);
	return -EINVAL;
}

/* The zone that the file puts the interface in, ZONE_NONE where it does not name it. */
static uint16_t zone_by_file(const struct policy *p, const char *interface, uint16_t vlan)
{
	for (uint32_t z = 1; z <= p->zone_count; z++)
		for (uint32_t i = 0; i < p->zones[z].interface_count; i++)
			if (p->zones[z].interfaces[i].vlan == vlan &&
			    !strcmp(p->zones[z].interfaces[i].name, interface))
				return (uint16_t)z;
	return ZONE_NONE;
}

static int check_attached(const struct daemon *d, const struct policy *p,
			  const struct zone_name *names, struct kernel_error *reterr)
{
	struct attachment_key key = { .interface = 0 };
	struct attachment there;
	char name[IF_NAMESIZE];

	while (kernel_attachment_next(d->kernel, &key, &there)) {
		if (policy_has_zone(p, there.zone) || there.zone > LIMIT_ZONES ||
		    !if_indextoname(key.interface, name) || zone_by_file(p, name, key.vlan))
			continue;
		return fail(reterr, "interface %s is attached to zone %s, which the file has no "
			    "more (ringfence detach %s, or keep the zone)", name,
			    names[there.zone].name, name);
	}
	return 0;
}

int daemon_take_policy(struct daemon *d, struct policy *p, struct kernel_error *reterr)
{
	struct zone_name names[LIMIT_ZONES + 1];
	int error = kernel_zone_names(d->kernel, names);

	if (error)
		return fail(reterr, "zone names: %s (run as root)", strerror(-error));
	policy_keep_numbers(p, names);
	error = check_attached(d, p, names, reterr);
	return error ?: kernel_configure(d->kernel, p, reterr);
}

static int attach(struct daemon *d, const struct attach_wish *wish, struct attachment_state *ret,
		  struct kernel_error *reterr)
{
	int error = kernel_attach(d->kernel, wish, ret, reterr);

	if (error)
		return error;
	log_info("attached interface=%s zone=%s mode=%s by=%s why=\"%s\"", ret->interface,
		 d->policy->zones[wish->zone].name,
		 ret->mode == ATTACH_NATIVE ? "native" : "tc", wish->by_hand ? "hand" : "file",
		 ret->why);
	if (ret->warning[0])
		log_warning("%s: %s", ret->interface, ret->warning);
	return 0;
}

/* They have the new programs by their links already; where there is no link, by this. */
static void keep_attached(struct daemon *d)
{
	static struct attachment_state there[LIMIT_INTERFACES];
	int count = kernel_attachments(d->kernel, there, LIMIT_INTERFACES);

	for (int i = 0; i < count; i++) {
		const struct attachment_state *s = &there[i];
		struct attach_wish wish = { .vlan = s->vlan, .zone = s->zone, .mode = s->mode,
					    .by_hand = true };
		struct attachment_state now;
		struct kernel_error error;

		if (zone_by_file(d->policy, s->interface, s->vlan))
			continue;
		if (!s->by_hand)
			log_warning("%s stays in zone %s, though the file does not name it any more "
				    "(ringfence detach %s)", s->interface,
				    d->policy->zones[s->zone].name, s->interface);
		memcpy(wish.interface, s->interface, sizeof(wish.interface));
		if (attach(d, &wish, &now, &error))
			log_error("%s", error.text);
	}
}

int daemon_attach_zones(struct daemon *d)
{
	int failed = 0;

	kernel_forget_lost(d->kernel);
	for (uint32_t z = 1; z <= d->policy->zone_count; z++) {
		const struct zone *zone = &d->policy->zones[z];

		for (uint32_t i = 0; i < zone->interface_count; i++) {
			struct attach_wish wish = { .vlan = zone->interfaces[i].vlan,
						    .zone = (uint16_t)z,
						    .mode = (enum attach_mode)zone->mode };
			struct attachment_state state;
			struct kernel_error error;

			memcpy(wish.interface, zone->interfaces[i].name, sizeof(wish.interface));
			if (!attach(d, &wish, &state, &error))
				continue;
			log_error("%s", error.text);
			failed = -EINVAL;
		}
	}
	keep_attached(d);
	return failed;
}

static int find_zone(const struct policy *p, const char *name, uint16_t *ret,
		     struct kernel_error *reterr)
{
	const char *names[LIMIT_ZONES + 1] = { NULL }, *near;
	uint32_t count = 0;

	for (uint16_t z = 1; z <= p->zone_count; z++) {
		if (p->zones[z].gone)
			continue;
		names[count++] = p->zones[z].name;
		if (!strcmp(p->zones[z].name, name)) {
			*ret = z;
			return 0;
		}
	}
	near = load_nearest(name, names);
	if (near)
		return fail(reterr, "zone %s: there is none (did you mean %s?)", name, near);
	return fail(reterr, "zone %s: there is none (ringfence status lists them)", name);
}

static int find_interface(const char *name, struct kernel_error *reterr)
{
	const char *names[LIMIT_ATTACHMENTS + 1] = { NULL }, *near;
	struct if_nameindex *all = if_nametoindex(name) ? NULL : if_nameindex();

	if (!strcmp(name, "lo") || !strcmp(name, GATE_NAME) || !strcmp(name, GATE_PEER))
		return fail(reterr, "interface %s: no zone lies behind it (see `ip link`)", name);
	if (!all)
		return 0;
	for (uint32_t i = 0; i < LIMIT_ATTACHMENTS && all[i].if_index; i++)
		names[i] = all[i].if_name;
	near = load_nearest(name, names);
	if (near)
		fail(reterr, "interface %s: there is none (did you mean %s?)", name, near);
	else
		fail(reterr, "interface %s: there is none (see `ip link`)", name);
	if_freenameindex(all);
	return -ENODEV;
}

int daemon_attach(struct daemon *d, const char *interface, const char *zone, enum attach_mode mode,
		  struct attachment_state *ret, struct kernel_error *reterr)
{
	struct attach_wish wish = { .mode = mode, .by_hand = true };
	int error = find_zone(d->policy, zone, &wish.zone, reterr);
	uint16_t by_file;

	error = error ?: find_interface(interface, reterr);
	if (error)
		return error;
	snprintf(wish.interface, sizeof(wish.interface), "%s", interface);
	/* A tag belongs to the zone, so to all of its interfaces. */
	wish.vlan = d->policy->zones[wish.zone].interfaces[0].vlan;
	by_file = zone_by_file(d->policy, interface, wish.vlan);
	if (by_file)
		return fail(reterr, "interface %s: the file puts it in zone %s (change the file, "
			    "then ringfence reload)", interface,
			    d->policy->zones[by_file].name);
	error = attach(d, &wish, ret, reterr);
	if (!error)
		control_operated(d->control, "attached", interface);
	return error;
}

int daemon_detach(struct daemon *d, const char *interface, struct kernel_error *reterr)
{
	int error = kernel_detach(d->kernel, interface, reterr);

	if (error)
		return error;
	log_info("detached interface=%s by=hand", interface);
	control_operated(d->control, "detached", interface);
	return 0;
}

int daemon_adopt_zones(struct daemon *d, const struct zone_name *zones,
		       struct kernel_error *reterr)
{
	struct policy *old = d->policy, *next = malloc(sizeof(*next));
	int error;

	if (!next)
		return -ENOMEM;
	*next = *old;
	policy_keep_numbers(next, zones);
	error = kernel_configure(d->kernel, next, reterr);
	if (error) {
		policy_free(next);
		return error;
	}
	d->policy = next;
	d->journey.policy = next;
	policy_free(old);
	daemon_tell_policy(d);
	return daemon_attach_zones(d);
}
