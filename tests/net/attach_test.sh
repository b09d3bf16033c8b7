#!/bin/sh
# SPDX-License-Identifier: MIT
# Programs come and go under traffic that is not theirs.
set -eu
cd "$(dirname "$0")/../.."
PATH=$PATH:/usr/sbin
build=${BUILD:-build}
id=$$
pin=/sys/fs/bpf/ringfence-$id
tool=$build/tests/net/attach_tool

mkdir -p "$build/tests/net"
# shellcheck disable=SC2046 # words are wanted
gcc -std=gnu11 -D_GNU_SOURCE -O2 -Iinclude -Iuser -I"$build" -o "$tool" tests/net/attach_tool.c \
	"$build/libacts.a" "$build/libpure.a" $(pkg-config --libs libbpf libmnl) -lelf -lz

# Not ip netns exec: that hides the bpffs.
run() { nsenter --net="/run/netns/gateway-$id" "$tool" "$pin" "$@"; }
finish() {
	run unload || :
	scripts/netns down "$id"
}
trap finish EXIT
scripts/netns up "$id"
# A refusal of TCP from the far host has crossed the gateway both ways.
crosses() {
	for host in 10.77.2.10 fd77:2::10; do
		nsenter --net="/run/netns/phone-$id" python3 -c '
import errno, socket, sys
family = socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET
probe = socket.socket(family, socket.SOCK_STREAM)
probe.settimeout(10)
sys.exit(probe.connect_ex((sys.argv[1], 9)) != errno.ECONNREFUSED)' "$host" || return 1
	done
}
# check SENTENCE COMMAND...: the first failure ends the test.
check() {
	sentence=$1
	shift
	"$@" || { echo "not ok - $sentence"; exit 1; }
	echo "ok - $sentence"
}
attached() { [ "$(run list | grep -c .)" -eq "$1" ]; }
# How many ports take redirected frames: those whose peer has GRO.
ports() { [ "$(bpftool map dump pinned "$pin/maps/tx_ports" | grep -c key)" -eq "$1" ]; }
# Which zone the programs find an interface in without asking the table; 0 is none.
place() {
	[ "$(bpftool -j map dump pinned "$pin/maps/interfaces" | python3 -c '
import json, sys
index = int(sys.argv[1])
print(next((e["formatted"]["value"]["zone"] for e in json.load(sys.stdin)
            if e["formatted"]["value"]["interface"] == index), 0))' "$(ip -n "gateway-$id" -json link \
		show "$1" | python3 -c 'import json, sys; print(json.load(sys.stdin)[0]["ifindex"])')")" -eq "$2" ]
}
gro() { nsenter --net="/run/netns/$1-$id" ethtool -K eth0 gro "$2"; }
no_xdp() { ! ip -n "gateway-$id" link show in0 | grep -q "prog/xdp"; }
native_hangs() { ip -n "gateway-$id" link show in0 | grep -q "prog/xdp"; }

check "the namespaces forward by themselves" crosses
check "loads" run load
check "loads again over its own pins" run load
for mode in tc native auto; do
	check "attaches $mode to the phone's side" run attach in0 1 "$mode"
	check "attaches $mode to the far side" run attach out0 2 "$mode"
	check "both are listed" attached 2
	[ "$mode" != native ] || check "the kernel shows native XDP" native_hangs
	check "unrelated traffic crosses with $mode" crosses
	check "attaching $mode twice is no error" run attach in0 1 "$mode"
	check "programs of $mode are swapped in place" run load
	check "unrelated traffic crosses after the swap" crosses
	check "detaches $mode" run detach in0
	check "detaches the far side" run detach out0
	check "nothing is listed" attached 0
	check "unrelated traffic crosses after $mode" crosses
done
check "a veth with GRO at its peer" gro phone on
check "attaches native there" run attach in0 1 native
check "and where the peer has none" run attach out0 2 native
check "each has its place" place in0 1
check "and its own zone" place out0 2
check "the zone changes" run attach in0 3 native
check "the place with it" place in0 3
check "only the first takes redirected frames" ports 1
check "the mode changes" run attach in0 1 tc
check "no native program is left" no_xdp
check "detaches the first" run detach in0
check "it is no port any more" ports 0
check "and has no place" place in0 0
check "detaches the second" run detach out0
# trusted N: entries of the sources; deny: one that no policy wrote (standing 2, 10.9.9.9 in zone 1).
trusted() { [ "$(bpftool map dump pinned "$pin/maps/sources" | grep -c '"key"\|key:')" -eq "$1" ]; }
deny() {
	bpftool map update pinned "$pin/maps/sources" \
		key hex a0 00 00 00 01 00 00 00 00 00 00 00 00 00 00 00 00 00 ff ff 0a 09 09 09 \
		value hex 02 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00
}
check "a policy's server is trusted" run configure 10.77.2.10
check "in the sources" trusted 1
check "a source is denied by hand" deny
check "another server takes the first one's place" run configure 10.77.2.11
check "the first is trusted no more" trusted 2
# An operator's block of a server's own address: standing 2, origin 2, 10.77.2.11 in zone 1.
block() {
	bpftool map update pinned "$pin/maps/sources" \
		key hex a0 00 00 00 01 00 00 00 00 00 00 00 00 00 00 00 00 00 ff ff 0a 4d 02 0b \
		value hex 02 00 02 00 00 00 00 00 00 00 00 00 00 00 00 00
}
blocked() { bpftool map dump pinned "$pin/maps/sources" | grep -c '"standing": 2' | grep -qx 2; }
check "an operator blocks the server" block
check "the policy that trusts it comes again" run configure 10.77.2.11
check "and the block is not overruled for a moment" blocked
check "a policy without servers" run configure
check "takes no operator's entry away" blocked
check "nor one that is nobody's of ours" trusted 2
if run detach in0 2>/dev/null; then
	echo "not ok - a detach of nothing is refused"
	exit 1
fi
gateway() { nsenter --net="/run/netns/gateway-$id" "$@"; }
gone() { ! gateway ip link show rfgate0 2>/dev/null; }
gateway ip link add rfgate0 type veth peer name rfgate1
# What an older kernel has in place of a link: a filter that no pin holds.
filtered() { gateway tc filter show dev in0 ingress | grep -q gateway_tc; }
unfiltered() { ! filtered; }
check "attaches once more" run attach in0 1 tc
gateway tc qdisc add dev in0 clsact
gateway tc filter add dev in0 ingress pref 1 handle 1 bpf da object-pinned "$pin/progs/gateway_tc"
check "a filter of ours is there, too" filtered
check "unload" run unload
check "the filter goes with it" unfiltered
check "our veth pair goes with it" gone
check "unload leaves nothing" [ ! -e "$pin" ]
