#!/bin/sh
# SPDX-License-Identifier: MIT
# Next hops are resolved before a packet needs them; a burst of changes is told a few times.
set -eu
cd "$(dirname "$0")/../.."
build=${BUILD:-build}
id=$$
tool=$build/tests/net/netlink_tool

mkdir -p "$build/tests/net"
# shellcheck disable=SC2046 # words are wanted
gcc -std=gnu11 -D_GNU_SOURCE -O2 -Iinclude -Iuser -o "$tool" tests/net/netlink_tool.c \
	"$build/libacts.a" "$build/libpure.a" $(pkg-config --libs libmnl libsystemd)

trap 'rm -f "$tool.$id"; scripts/netns down "$id"' EXIT
scripts/netns up "$id"
gateway() { nsenter --net="/run/netns/gateway-$id" "$@"; }
# check SENTENCE COMMAND...: the first failure ends the test.
check() {
	sentence=$1
	shift
	"$@" || { echo "not ok - $sentence"; exit 1; }
	echo "ok - $sentence"
}
resolves() { gateway "$tool" resolve "$1" >/dev/null; }
knows() { gateway ip neigh show to "$1" | grep -q lladdr; }
unknown() { [ -z "$(gateway ip neigh show to "$1")" ]; }
# Forty routes while the tool listens.
burst() {
	mkfifo "$tool.$id"
	gateway "$tool" count >"$tool.$id" &
	{
		read -r _
		from=$(date +%s%N)
		for n in $(seq 40); do
			gateway ip route add "10.99.$n.0/24" via 10.77.1.11
		done
		read -r told
	} <"$tool.$id"
	wait
	# One at once, one a tenth of a second that went by, one for the rest.
	most=$((2 + ($(date +%s%N) - from) / 100000000))
	[ "$told" -ge 1 ] && [ "$told" -le "$most" ] && [ "$told" -lt 40 ]
}

gateway ip route add 172.20.0.0/16 via 10.77.2.10
gateway ip route add 172.21.0.0/16 via inet6 fd77:1::11
gateway ip route add blackhole 172.22.0.0/16
check "a neighbour nobody asked for is unknown" unknown 10.77.1.11
resolves 10.77.1.11
check "a host of the link itself is resolved" knows 10.77.1.11
resolves 172.20.3.4
check "the gateway of a route is resolved" knows 10.77.2.10
check "and not what lies behind it" unknown 172.20.3.4
resolves fd77:2::10
check "a host of the link itself is resolved by IPv6" knows fd77:2::10
resolves 172.21.3.4
check "an IPv6 gateway of an IPv4 route is resolved" knows fd77:1::11
resolves 172.22.3.4
check "a route that ends here asks nobody" unknown 172.22.3.4
check "a burst of changes is told at most ten times a second" burst
