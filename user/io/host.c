// SPDX-License-Identifier: MIT
/* Looks at the host with the eyes of the rules for translation: its addresses, its sockets, its kernel's
 * own helper. */
#include "io/host.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/text.h"

#define ADDRESSES_MOST 256u          /* of one network that are looked at */
#define STATE_LISTEN 10u             /* TCP_LISTEN */
#define LINE_BYTES 512
#define MODULES_BYTES 262144

static void __attribute__((format(printf, 2, 3))) warn(struct host_warnings *w, const char *format,
						       ...)
{
	va_list arguments;

	if (w->count == HOST_WARNINGS)
		return;
	va_start(arguments, format);
	vsnprintf(w->text[w->count++], sizeof(w->text[0]), format, arguments);
	va_end(arguments);
}

static const char *address_text(const struct address *a, char ret[64])
{
	struct text t = text_make(ret, 63);

	text_address(&t, a);
	ret[t.length] = '\0';
	return ret;
}

static bool is_own(const struct address *a, const struct address *own, uint32_t own_count)
{
	for (uint32_t i = 0; i < own_count; i++)
		if (address_equal(a, &own[i]))
			return true;
	return false;
}

static void check_address(const struct nat_rule *r, const struct address *a,
			  struct host_warnings *w)
{
	const int bits = address_family(a) == FAMILY_IPV6 ? 128 : 32;
	char text[64];

	warn(w, "nat: %s: %s is no address of this host: nothing sent there arrives, unless it is "
	     "routed here (ip address add %s/%d dev DEVICE)", r->name, address_text(a, text), text,
	     bits);
}

/* The next address; false behind the last one of the network. */
static bool address_next(const struct network *n, struct address *a)
{
	for (int i = 15; i >= 0 && !++a->bytes[i]; i--)
		;
	return network_contains(n, a);
}

/* A network: a large one is routed here, which is not seen from its addresses. */
static void check_network(const struct nat_rule *r, const struct address *own, uint32_t own_count,
			  struct host_warnings *w)
{
	struct address a = r->outside.address, missing = { { 0 } };
	uint32_t seen = 0, absent = 0;
	char text[64];

	if (r->outside.prefix_bits == 128) {
		if (!is_own(&a, own, own_count))
			check_address(r, &a, w);
		return;
	}
	do {
		if (!is_own(&a, own, own_count) && !absent++)
			missing = a;
	} while (++seen <= ADDRESSES_MOST && address_next(&r->outside, &a));
	if (seen > ADDRESSES_MOST || !absent)
		return;
	warn(w, "nat: %s: %u of the %u addresses of its network are none of this host's, %s the first: "
	     "nothing sent there arrives, unless they are routed here (ip address add %s dev DEVICE)",
	     r->name, absent, seen, address_text(&missing, text), text);
}

void host_check_addresses(const struct policy *p, const struct address *own, uint32_t own_count,
			  struct host_warnings *w)
{
	for (uint32_t i = 0; i < p->nat_count; i++) {
		const struct nat_rule *r = &p->nat[i];

		if (r->kind == NAT_STATIC)
			check_network(r, own, own_count, w);
		for (uint32_t n = 0; n < r->pool_count; n++)
			if (!is_own(&r->pool[n], own, own_count))
				check_address(r, &r->pool[n], w);
	}
}

static bool take_hex(struct slice *rest, uint32_t digits, uint32_t *ret)
{
	uint32_t value = 0;

	for (uint32_t i = 0; i < digits; i++) {
		uint8_t c = i < rest->length ? rest->bytes[i] : ' ', low = c | 0x20;

		if (c >= '0' && c <= '9')
			value = value << 4 | (uint32_t)(c - '0');
		else if (low >= 'a' && low <= 'f')
			value = value << 4 | (uint32_t)(low - 'a' + 10);
		else
			return false;
	}
	*rest = slice_from(*rest, digits);
	*ret = value;
	return true;
}

/* proc(5): "sl: LOCAL:PORT REMOTE:PORT STATE", an address as words in this host's order. */
bool host_socket_read(struct slice line, struct endpoint *ret, uint32_t *ret_state)
{
	struct slice rest = slice_trim(slice_from(line, slice_find(line, ':') + 1));
	size_t local = slice_find(rest, ':'), space;
	uint32_t words[4], port, count = (uint32_t)local / 8;
	struct endpoint e = { .port = 0 };

	if ((local != 8 && local != 32) || local == rest.length)
		return false;
	for (uint32_t i = 0; i < count; i++)
		if (!take_hex(&rest, 8, &words[i]))
			return false;
	rest = slice_from(rest, 1);
	if (!take_hex(&rest, 4, &port))
		return false;
	rest = slice_trim(rest);
	space = slice_find(rest, ' ');
	rest = slice_trim(slice_from(rest, space));
	if (!take_hex(&rest, 2, ret_state))
		return false;
	if (count == 1)
		e.address = address_from_ipv4((const uint8_t *)words);
	else
		memcpy(e.address.bytes, words, sizeof(e.address.bytes));
	e.port = htons((uint16_t)port);
	*ret = e;
	return true;
}

/* "0.0.0.0" takes what comes to any address, as "::" does. */
static bool is_any(const struct address *a)
{
	static const uint8_t zero[4];
	const struct address none = address_from_ipv4(zero);

	return address_is_zero(a) || address_equal(a, &none);
}

void host_check_socket(const struct policy *p, const struct endpoint *bound, const char *transport,
		       struct host_warnings *w)
{
	const uint16_t port = ntohs(bound->port);
	bool is_everywhere = is_any(&bound->address);

	for (uint32_t i = 0; i < p->nat_count; i++) {
		const struct nat_rule *r = &p->nat[i];
		bool meets = is_everywhere;

		for (uint32_t n = 0; n < r->pool_count; n++)
			meets |= address_equal(&r->pool[n], &bound->address);
		if (r->kind != NAT_HIDE || port < r->port_low || port > r->port_high || !meets)
			continue;
		warn(w, "nat: %s: a socket of this host has %s/%u of the ports %u-%u: what it is sent "
		     "may become a call's (bind it elsewhere, or narrow ports:; ss -anp%c 'sport "
		     "= :%u' tells whose)", r->name, transport, port, r->port_low, r->port_high,
		     *transport, port);
		return;
	}
}

static bool has_module(struct slice modules, struct slice name)
{
	while (modules.length) {
		struct slice line = slice_part(modules, 0, slice_find(modules, '\n'));

		if (slice_equal(slice_part(line, 0, slice_find(line, ' ')), name))
			return true;
		modules = slice_from(modules, line.length + 1);
	}
	return false;
}

void host_check_helper(struct slice modules, struct host_warnings *w)
{
	if (has_module(modules, SLICE("nf_nat_sip")))
		warn(w, "nf_nat_sip is loaded: the kernel may edit SIP messages beside ringfence "
		     "(modprobe -r nf_nat_sip nf_conntrack_sip, and no `ct helper` for SIP in the rules)");
	else if (has_module(modules, SLICE("nf_conntrack_sip")))
		warn(w, "nf_conntrack_sip is loaded: the kernel may drop SIP messages that it does not "
		     "understand (modprobe -r nf_conntrack_sip, and no `ct helper` for SIP in the rules)");
}

static void check_sockets(const struct policy *p, const char *path, const char *transport,
			  struct host_warnings *w)
{
	FILE *file = fopen(path, "re");
	char line[LINE_BYTES];

	while (file && fgets(line, sizeof(line), file)) {
		struct endpoint bound;
		uint32_t state;

		/* TCP: of connections the kernel knows both ends. */
		if (host_socket_read(slice_make(line, strlen(line)), &bound, &state) &&
		    (*transport == 'u' || state == STATE_LISTEN))
			host_check_socket(p, &bound, transport, w);
	}
	if (file)
		fclose(file);
}

static void check_modules(struct host_warnings *w)
{
	int fd = open("/proc/modules", O_RDONLY | O_CLOEXEC);
	char *text = malloc(MODULES_BYTES);
	size_t used = 0;
	ssize_t n = 1;

	while (fd >= 0 && text && n > 0 && used < MODULES_BYTES) {
		n = read(fd, text + used, MODULES_BYTES - used);
		used += n > 0 ? (size_t)n : 0;
	}
	if (text)
		host_check_helper(slice_make(text, used), w);
	if (fd >= 0)
		close(fd);
	free(text);
}

static void check_ports(const struct policy *p, struct host_warnings *w)
{
	uint32_t left;

	if (ports_left_to_host(p, &left) || left >= PORTS_LEFT_LEAST)
		return;
	warn(w, "nat: the ports to hide behind leave %u to this host's own connections: they are not "
	     "reserved, and a socket may take one (narrow ports:, or sysctl -w "
	     "net.ipv4.ip_local_port_range)", left);
}

void host_check(const struct policy *p, const struct address *own, uint32_t own_count,
		struct host_warnings *ret)
{
	ret->count = 0;
	check_modules(ret);
	if (!p->nat_count)
		return;
	host_check_addresses(p, own, own_count, ret);
	check_ports(p, ret);
	check_sockets(p, "/proc/net/udp", "udp", ret);
	check_sockets(p, "/proc/net/udp6", "udp", ret);
	check_sockets(p, "/proc/net/tcp", "tcp", ret);
	check_sockets(p, "/proc/net/tcp6", "tcp", ret);
}
