#!/bin/sh
# SPDX-License-Identifier: MIT
# The operator's commands against a daemon that runs, one that was killed, and after unload.
set -eu
cd "$(dirname "$0")/../.."
PATH=$PATH:/usr/sbin
ringfence=$PWD/${BUILD:-build}/ringfence
id=$$
pins=/sys/fs/bpf/ringfence-$id
work=$(mktemp -d)
daemon=
started=

# Not ip netns exec: that hides the bpffs.
inside() { ns=$1; shift; nsenter --net="/run/netns/$ns-$id" "$@"; }
rf() { inside gateway "$ringfence" "$@" --control "$work/control.sock" --pins "$pins"; }
end() {
	if kill "-$1" "$2" 2>/dev/null; then
		wait "$2" 2>/dev/null || :
	fi
}
finish() {
	for pid in $started $daemon; do
		end KILL "$pid"
	done
	rf unload 2>/dev/null || :
	ip netns del "guest-$id" 2>/dev/null || :
	scripts/netns down "$id"
	rm -rf "$work"
}
trap finish EXIT
# check SENTENCE COMMAND...: the first failure ends the test.
check() {
	sentence=$1
	shift
	"$@" || { echo "not ok - $sentence"; cat "$work/told" "$work/log" 2>/dev/null; exit 1; }
	echo "ok - $sentence"
}
# fails STATUS COMMAND...: it does, and what it says is kept.
fails() {
	expected=$1
	shift
	status=0
	"$@" >"$work/told" 2>&1 || status=$?
	[ "$status" -eq "$expected" ]
}
says() { grep -qF -- "$1" "$work/told"; }
# true EXPRESSION COMMAND...: python's, over `d`, the document that the command prints.
true_of() {
	expression=$1
	shift
	"$@" --json >"$work/told" 2>&1
	python3 -c 'import json, sys; d = json.load(open(sys.argv[1])); sys.exit(not eval(sys.argv[2]))' \
		"$work/told" "$expression" 2>/dev/null
}
# within SECONDS COMMAND...
within() {
	tries=$(($1 * 5))
	shift
	until "$@"; do
		tries=$((tries - 1))
		[ "$tries" -gt 0 ] || return 1
		sleep 0.2
	done
}
mode_of() { true_of "[i['mode'] for i in d['interfaces'] if i['interface'] == '$1'] == $2" rf status; }
by_of() { true_of "[i['by'] for i in d['interfaces'] if i['interface'] == '$1'] == $2" rf status; }
zone_of() { true_of "[i['zone'] for i in d['interfaces'] if i['interface'] == '$1'] == $2" rf status; }
serving() { true_of "d['daemon'] == 'running'" rf status; }
run() {
	inside gateway "$ringfence" run -c "$work/gateway.yaml" >>"$work/log" 2>&1 &
	daemon=$!
	within 15 serving
}
write() {
	cat >"$work/gateway.yaml"
	echo "daemon: { control: $work/control.sock, pins: $pins }" >>"$work/gateway.yaml"
}

scripts/netns up "$id"
ip netns add "guest-$id"
ip -n "gateway-$id" link add guest0 type veth peer name eth0 netns "guest-$id"
ip -n "gateway-$id" address add 10.77.3.1/24 dev guest0
ip -n "gateway-$id" link set guest0 up
ip -n "guest-$id" address add 10.77.3.12/24 dev eth0
ip -n "guest-$id" link set eth0 up

# no pins, no daemon
check "an attach without anything is refused" fails 1 rf attach guest0 --zone phones
check "and says how to start" says "ringfence run -c FILE"

write <<'END'
zones:
  phones: { interfaces: [in0], networks: [10.77.1.0/24, 10.77.3.0/24], media_ports: 10000-65535 }
  pbxes:  { interfaces: [out0], networks: [10.77.2.0/24], media_ports: 10000-65535 }
servers:
  pbx: { addresses: [10.77.2.10], zone: pbxes, speaks: [sip], part: proxy }
rules:
  - { name: phones call out, from: phones, to: pbxes, allow: [sip] }
  - { name: the pbx calls in, from: pbxes, to: phones, allow: [sip] }
END
check "the daemon serves" run

# attach, detach
check "an unknown zone is refused" fails 1 rf attach guest0 --zone phone
check "with the nearest right one" says "did you mean phones?"
check "an unknown interface is refused" fails 1 rf attach guest1 --zone phones
check "with the nearest right one, too" says "did you mean guest0?"
check "what the file puts in a zone is not moved by hand" fails 1 rf attach in0 --zone pbxes
check "and the remedy is the file" says "change the file"
check "a mode that is none is wrong use" fails 2 rf attach guest0 --zone phones --mode generic
check "an attach without zone is wrong use" fails 2 rf attach guest0
check "the gate is no interface of a zone" fails 1 rf attach rfgate0 --zone phones
check "attach reports the mode and why" true_of "d['mode'] == 'native' and d['why']" \
	rf attach guest0 --zone phones --mode native
check "status shows that mode" mode_of guest0 "['native']"
check "the mode changes by hand" true_of "d['mode'] == 'tc'" rf attach guest0 --zone phones
check "it is the operator's" by_of guest0 "['hand']"
check "what the file names is not" by_of in0 "['file']"
check "a reload" rf reload
check "leaves it attached" by_of guest0 "['hand']"
kill -KILL "$daemon"
check "so does a daemon that was killed and comes back" run
check "in the same mode" mode_of guest0 "['tc']"

# zones keep their numbers, and an interface its zone
write <<'END'
zones:
  guests: { networks: [10.77.4.0/24], media_ports: 10000-65535 }
  pbxes:  { interfaces: [out0], networks: [10.77.2.0/24], media_ports: 10000-65535 }
  phones: { interfaces: [in0], networks: [10.77.1.0/24, 10.77.3.0/24], media_ports: 10000-65535 }
END
check "a reload with the zones in another order" rf reload
check "moves no interface that was attached by hand" zone_of guest0 "['phones']"
check "nor one of the file" zone_of in0 "['phones']"
write <<'END'
zones:
  pbxes:  { interfaces: [out0, in0], networks: [10.77.2.0/24], media_ports: 10000-65535 }
END
check "a reload without the zone of an attached interface is refused" fails 1 rf reload
check "and the log names it" grep -q "ringfence detach guest0" "$work/log"
write <<'END'
zones:
  phones: { interfaces: [in0], networks: [10.77.1.0/24], media_ports: 10000-65535 }
  pbxes:  { interfaces: [out0, guest0], networks: [10.77.2.0/24], media_ports: 10000-65535 }
END
check "a reload that names it" rf reload
check "moves it to where the file says" zone_of guest0 "['pbxes']"
check "and it is the file's" by_of guest0 "['file']"
write <<'END'
zones:
  phones: { interfaces: [in0], networks: [10.77.1.0/24, 10.77.3.0/24], media_ports: 10000-65535 }
  pbxes:  { interfaces: [out0], networks: [10.77.2.0/24], media_ports: 10000-65535 }
servers:
  pbx: { addresses: [10.77.2.10], zone: pbxes, speaks: [sip], part: proxy }
rules:
  - { name: phones call out, from: phones, to: pbxes, allow: [sip] }
  - { name: the pbx calls in, from: pbxes, to: phones, allow: [sip] }
END
check "a reload that names it no more" rf reload
check "leaves it, in the operator's charge" by_of guest0 "['hand']"
check "detach by the daemon" rf detach guest0
check "takes it out" zone_of guest0 "[]"
check "once" fails 1 rf detach guest0
check "the daemon's log knows" grep -q "detached interface=guest0" "$work/log"
check "attached once more" rf attach guest0 --zone phones
ip -n "gateway-$id" link del guest0
check "an interface that goes is forgotten" within 5 zone_of guest0 "[]"
