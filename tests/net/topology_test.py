#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Each shipped example of SIP, started as it is (but that it enforces), and called through by
kamailio, baresip and SIPp: media passes both ways, the topology is told, and nothing stays open."""
import socket
import sys

import sip_lab

EXAMPLES = sip_lab.ROOT / "examples"
OPTIONS = ("OPTIONS sip:{to} SIP/2.0\r\nVia: SIP/2.0/UDP {host}:{port};branch=z9hG4bK{branch}\r\n"
           "Max-Forwards: 70\r\nFrom: <sip:{host}>;tag=1\r\nTo: <sip:{to}>\r\nCall-ID: {branch}\r\n"
           "CSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n")


def start(lab, name):
    text = (EXAMPLES / f"sip-{name}.yaml").read_text()
    lab.daemon(text.replace("default: monitor", "default: enforce"))


def topology_is(lab, *words):
    told = sorted({c["topology"] for c in lab.calls()})
    lab.see(f"its topology is told: {', '.join(words)}", told == sorted(words), told)
    shown = lab.print("calls")
    lab.see("and shown, in 80 columns", "TOPOLOGY" in shown and
            max(map(len, shown.splitlines())) <= 80, shown)


def nothing_was_refused(lab):
    refused = {c["name"]: c["value"] for c in lab.show("counters") if c["value"]}
    lab.see("no message was refused", not refused.get("messages_refused"), refused)


def hears(lab, where, what):
    """Packets of a stream (50 a second) come in there."""
    before = lab.arrived(where)
    sip_lab.time.sleep(1)
    lab.see(f"RTP arrives {what}", lab.arrived(where) - before >= 30, lab.arrived(where) - before)


def sipp_call(lab, caller_at, caller_place, callee_at, callee_place, peer, by=None):
    """A call between two SIPps, by a proxy or directly; the RTP that the gateway carries, and ends."""
    answering = lab.sipp("callee", callee_at, sip_lab.callee(), callee_place, "-mp", "27000")
    sip_lab.time.sleep(0.5)
    calling = lab.sipp("caller", caller_at, sip_lab.caller(peer), caller_place, "-mp", "26000",
                       by or callee_place)
    lab.talks_both_ways(f"for {peer}")
    return calling, answering


def sipp_ends(lab, calling, answering, what):
    for role, process in (("caller", calling), ("callee", answering)):
        well, why = lab.ended_well(process, role)
        lab.see(f"the {role} saw it through {what}", well, why)
    lab.is_over(what)


def account(user, registrar):
    return [f"<sip:{user}@{registrar}>;auth_pass=secret;regint=60;answermode=auto"]


def registered(lab, *users):
    def all_there():
        there = {b["aor"].split("@")[0] for b in lab.show("bindings")}
        return there >= {f"sip:{u}" for u in users}
    lab.see(f"{' and '.join(users)} registered", sip_lab.wait(all_there), lab.show("bindings"))


def endpoint_to_endpoint(lab):
    lab.make_link("here", "eth1", "10.1.0.1/16", "10.1.0.11")
    lab.make_link("there", "eth0", "10.2.0.1/16", "10.2.0.11")
    start(lab, "endpoint-to-endpoint")
    call = sipp_call(lab, "here", "10.1.0.11:5060", "there", "10.2.0.11:5060", "y@10.2.0.11")
    topology_is(lab, "endpoint to endpoint")
    sipp_ends(lab, *call, "from here to there")
    call = sipp_call(lab, "there", "10.2.0.11:5060", "here", "10.1.0.11:5060", "y@10.1.0.11")
    sipp_ends(lab, *call, "from there to here")
    nothing_was_refused(lab)


def call_both_ways(lab, alice, carol, proxy, topology):
    alice.do("dial", f"sip:carol@{proxy}")
    lab.talks_both_ways("from inside to outside")
    topology_is(lab, topology)
    alice.do("hangup")
    lab.is_over("from inside to outside")
    carol.do("dial", f"sip:alice@{proxy}")
    lab.talks_both_ways("from outside to inside")
    carol.do("hangup")
    lab.is_over("from outside to inside")
    nothing_was_refused(lab)


def proxy_outside(lab):
    proxy, alice_at, carol_at = "203.0.113.10", "10.1.0.11", "203.0.113.21"
    lab.make_link("phones", "eth1", "10.1.0.1/16", alice_at)
    lab.make_link("provider", "eth0", "203.0.113.1/24", proxy, carol_at)
    start(lab, "proxy-outside")
    lab.kamailio("proxy", "provider", [f"{proxy}:5060"], sip_lab.REGISTRAR)
    alice = lab.baresip("alice", "phones", f"{alice_at}:5060", account("alice", proxy), 1)
    carol = lab.baresip("carol", "provider", f"{carol_at}:5060", account("carol", proxy), 2)
    registered(lab, "alice")
    sip_lab.time.sleep(1)
    call_both_ways(lab, alice, carol, proxy, "proxy outside")


def proxy_in_dmz(lab):
    proxy, alice_at, carol_at = "192.0.2.10", "10.1.0.11", "203.0.113.21"
    lab.make_link("inside", "eth1", "10.1.0.1/16", alice_at)
    lab.make_link("dmz", "eth2", "192.0.2.1/24", proxy)
    lab.make_link("outside", "eth0", "203.0.113.1/24", carol_at)
    start(lab, "proxy-in-dmz")
    lab.kamailio("proxy", "dmz", [f"{proxy}:5060"], sip_lab.REGISTRAR)
    alice = lab.baresip("alice", "inside", f"{alice_at}:5060", account("alice", proxy), 1)
    carol = lab.baresip("carol", "outside", f"{carol_at}:35060", account("carol", proxy), 2)
    registered(lab, "alice", "carol")
    call_both_ways(lab, alice, carol, proxy, "proxy in a DMZ")


def proxy_to_proxy(lab):
    ours, theirs = "10.1.0.10", "198.51.100.10"
    lab.make_link("ours", "eth1", "10.1.0.1/16", ours, "10.1.0.11")
    lab.make_link("partner", "eth0", "198.51.100.1/24", theirs, "198.51.100.21")
    start(lab, "proxy-to-proxy")
    lab.kamailio("our-proxy", "ours", [f"{ours}:5060"],
                 sip_lab.relay(ann="10.1.0.11:5061", bob=f"{theirs}:5060"))
    lab.kamailio("their-proxy", "partner", [f"{theirs}:5060"],
                 sip_lab.relay(bob="198.51.100.21:5061", ann=f"{ours}:5060"))
    sip_lab.time.sleep(1)
    call = sipp_call(lab, "ours", "10.1.0.11:5061", "partner", "198.51.100.21:5061",
                     f"bob@{ours}", by=f"{ours}:5060")
    topology_is(lab, "proxy to proxy")
    sipp_ends(lab, *call, "by both proxies")
    call = sipp_call(lab, "partner", "198.51.100.21:5061", "ours", "10.1.0.11:5061",
                     f"ann@{theirs}", by=f"{theirs}:5060")
    sipp_ends(lab, *call, "the other way")
    nothing_was_refused(lab)


def two_phones_outside_proxy(lab):
    proxy, alice_at, bob_at = "203.0.113.10", "10.1.1.11", "10.1.2.12"
    lab.make_link("desk", "eth1", "10.1.1.1/24", alice_at)
    lab.make_link("hall", "eth2", "10.1.2.1/24", bob_at)
    lab.make_link("hosted", "eth0", "203.0.113.1/24", proxy)
    start(lab, "two-phones-outside-proxy")
    lab.kamailio("proxy", "hosted", [f"{proxy}:5060"], sip_lab.REGISTRAR)
    alice = lab.baresip("alice", "desk", f"{alice_at}:5060", account("alice", proxy), 1)
    lab.baresip("bob", "hall", f"{bob_at}:35060", account("bob", proxy), 2)
    registered(lab, "alice", "bob")
    alice.do("dial", f"sip:bob@{proxy}")
    lab.see("the call is up on both its passages",
            sip_lab.wait(lambda: len(lab.calls()) == 2), lab.show("calls"))
    topology_is(lab, "two phones by an outside proxy")
    hears(lab, "desk", "at the caller")
    hears(lab, "hall", "at the callee")
    alice.do("hangup")
    lab.is_over("for both phones")
    nothing_was_refused(lab)


def ask(lab, sock, host, to, branch):
    sock.sendto(OPTIONS.format(to=to, host=host, port=5099, branch=branch).encode(), (to, 5060))


def reply(sock, status):
    text, sender = sock.recvfrom(4096)
    lines = [x for x in text.decode().split("\r\n") if x.lower().startswith(
        ("via:", "from:", "to:", "call-id:", "cseq:"))]
    sock.sendto("\r\n".join([f"SIP/2.0 {status}", *lines, "Content-Length: 0", "", ""]).encode(), sender)


def udp(lab, where, host, port):
    with lab.namespace(where):
        made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        made.bind((host, port))
    made.settimeout(5)
    return made


def trunk_health(lab):
    """RFC 3261 17.1.2.2: timer F, 32 s, and what is kept for a late answer."""
    state = lambda: {s["address"]: s for s in lab.show("servers")}  # noqa: E731
    lab.see("the trunks that carried calls answer", state()["203.0.113.10"]["state"] == "answers" and
            state()["198.51.100.10"]["state"] == "answers" and
            0 < state()["198.51.100.10"]["answer_ms"] < 5000, state())
    lab.see("the one that nobody asked is not said to", state()["203.0.113.11"]["state"] == "not asked")
    with udp(lab, "office", "10.1.0.11", 5099) as pbx, \
            udp(lab, "south", "198.51.100.10", 5060) as south:
        ask(lab, pbx, "10.1.0.11", "198.51.100.10", "south")
        reply(south, "503 Service Unavailable")
        lab.see("a trunk that refuses is counted", sip_lab.wait(
            lambda: state()["198.51.100.10"]["refused"] == 1), state())
        ask(lab, pbx, "10.1.0.11", "203.0.113.11", "dead")
        lab.see("a trunk that does not answer is lost", sip_lab.wait(
            lambda: state()["203.0.113.11"]["state"] == "lost", 45), state())
        lab.see("and the log says so", "203.0.113.11 does not answer" in lab.log("gateway"))
        with udp(lab, "north", "203.0.113.11", 5060) as north:
            ask(lab, pbx, "10.1.0.11", "203.0.113.11", "alive")
            reply(north, "200 OK")
        lab.see("until it answers again", sip_lab.wait(
            lambda: state()["203.0.113.11"]["state"] == "answers"), state())
    shown = lab.print("servers")
    lab.see("all in 80 columns", "north trunk" in shown and
            max(map(len, shown.splitlines())) <= 80, shown)


def trunks(lab):
    pbx, north, south = "10.1.0.10", "203.0.113.10", "198.51.100.10"
    lab.make_link("office", "eth1", "10.1.0.1/16", pbx, "10.1.0.11", "10.1.0.21")
    lab.make_link("north", "eth0", "203.0.113.1/24", north, "203.0.113.11")
    lab.make_link("south", "eth2", "198.51.100.1/24", south)
    start(lab, "trunks")
    lab.kamailio("pbx", "office", [f"{pbx}:5060"],
                 sip_lab.relay(nora=f"{north}:5060", susan=f"{south}:5060"))
    sip_lab.time.sleep(1)
    for user, zone, place in (("nora", "north", f"{north}:5060"), ("susan", "south", f"{south}:5060")):
        call = sipp_call(lab, "office", "10.1.0.21:5060", zone, place, f"{user}@{pbx}",
                         by=f"{pbx}:5060")
        topology_is(lab, "proxy to proxy")
        sipp_ends(lab, *call, f"by the {zone} trunk")
    nothing_was_refused(lab)
    trunk_health(lab)


PLAYS = (endpoint_to_endpoint, proxy_outside, proxy_in_dmz, proxy_to_proxy, two_phones_outside_proxy,
         trunks)


def main():
    if not sip_lab.ready("net/topology"):
        return 0
    passed = failed = 0
    for play in PLAYS:
        if sys.argv[1:] and play.__name__ not in sys.argv[1:]:
            continue
        print(f"# {play.__name__}", flush=True)
        lab = sip_lab.Lab(f"t{PLAYS.index(play)}-")
        sip_lab.run(lab, play)
        passed += lab.passed
        failed += lab.failed
    print(f"{passed} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
