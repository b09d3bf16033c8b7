#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Phones (baresip) hidden behind the gateway's one outside address register at a real registrar
(kamailio, Digest), call and are called. Outside there is no route to them: what leaves untranslated
is never answered."""
import os
import subprocess
import sys

import sip_lab

ALICE, BOB, REGISTRAR, CAROL, GATE = "10.77.1.11", "10.77.1.12", "10.77.2.10", "10.77.2.21", "10.77.2.1"
CONFIG = f"""
zones:
  inside:  {{ interfaces: [inside], networks: [10.77.1.0/24], media_ports: 10000-65535, mode: MODE }}
  outside: {{ interfaces: [outside], networks: [10.77.2.0/24], media_ports: 10000-65535, mode: MODE }}
servers:
  registrar: {{ addresses: [{REGISTRAR}], zone: outside, speaks: [sip], part: proxy }}
rules:
  - {{ name: out, from: inside, to: outside, allow: [sip] }}
  - {{ name: in, from: outside, to: inside, allow: [sip] }}
limits: {{ unknown_rate: 20000 }}
ports: {{ sip: [5060, 5070] }}
nat:
  phones: {{ zone: inside, seen_from: outside, hide: {GATE}, ports: 20000-59999 }}
"""


# A call each, with a port of its own; they hang up when they are told to.
MANY = """<?xml version="1.0" encoding="UTF-8"?>
<scenario name="many">
<send retrans="500"><![CDATA[
INVITE sip:many@[remote_ip]:[remote_port] SIP/2.0
Via: SIP/2.0/UDP [local_ip]:[local_port];branch=[branch]
From: <sip:m@[local_ip]:[local_port]>;tag=[call_number]
To: <sip:many@[remote_ip]:[remote_port]>
Call-ID: [call_id]
CSeq: 1 INVITE
Contact: <sip:m@[local_ip]:[local_port]>
Max-Forwards: 70
Content-Type: application/sdp
Content-Length: [len]

v=0
o=m 1 1 IN IP4 [local_ip]
s=-
c=IN IP4 [media_ip]
t=0 0
m=audio [auto_media_port] RTP/AVP 8
]]></send>
<recv response="100" optional="true"/>
<recv response="180" optional="true"/>
<recv response="200"/>
<send><![CDATA[
ACK sip:many@[remote_ip]:[remote_port] SIP/2.0
Via: SIP/2.0/UDP [local_ip]:[local_port];branch=[branch]
From: <sip:m@[local_ip]:[local_port]>;tag=[call_number]
To: <sip:many@[remote_ip]:[remote_port]>[peer_tag_param]
Call-ID: [call_id]
CSeq: 1 ACK
Max-Forwards: 70
Content-Length: 0
]]></send>
<pause/>
<send retrans="500"><![CDATA[
BYE sip:many@[remote_ip]:[remote_port] SIP/2.0
Via: SIP/2.0/UDP [local_ip]:[local_port];branch=[branch]
From: <sip:m@[local_ip]:[local_port]>;tag=[call_number]
To: <sip:many@[remote_ip]:[remote_port]>[peer_tag_param]
Call-ID: [call_id]
CSeq: 2 BYE
Max-Forwards: 70
Content-Length: 0
]]></send>
<recv response="200"/>
</scenario>
"""


def account(user, *more):
    return ";".join([f"<sip:{user}@{REGISTRAR}>", "auth_pass=secret", "regint=60",
                     "answermode=auto", "audio_codecs=pcma", *more])


def is_hidden(place):
    host, port = place.split(":")
    return host == GATE and 20000 <= int(port) <= 59999


def register(lab):
    alice = lab.baresip("alice", "inside", f"{ALICE}:5060", [account("alice")], 1)
    bob = lab.baresip("bob", "inside", f"{BOB}:5060", [account("bob")], 2)
    lab.see("two phones with one port register from behind one address",
            sip_lab.wait(lambda: len(lab.show("bindings")) == 2), lab.log("alice") + lab.log("gateway"))
    seen = {m["inside"]: m["seen_as"] for m in lab.show("nat")}
    lab.see("each is seen at a port of its own",
            {f"{ALICE}:5060", f"{BOB}:5060"} <= set(seen) and len(set(seen.values())) == len(seen) and
            all(is_hidden(s) for s in seen.values()), seen)
    shown = lab.print("nat")
    lab.see("the table fits 80 columns", f"{ALICE}:5060" in shown and
            max(map(len, shown.splitlines())) <= 80, shown)
    return alice, bob


def call(lab, who, whom, what):
    who.do("dial", f"sip:{whom}@{REGISTRAR}")
    lab.talks_both_ways(what)
    who.do("hangup")
    lab.is_over(what)


def play_mode(lab, mode):
    lab.daemon(CONFIG.replace("MODE", mode))
    registrar = lab.kamailio("registrar", "outside", [f"{REGISTRAR}:5060"], sip_lab.REGISTRAR)
    alice, bob = register(lab)
    carol = lab.baresip("carol", "outside", f"{CAROL}:5060", [account("carol")], 3)
    lab.see("a phone outside is registered, too", carol.is_registered(), lab.log("carol"))
    call(lab, alice, "carol", f"from a hidden phone ({mode})")
    call(lab, carol, "alice", f"to a hidden phone ({mode})")
    lab.see("media was translated in the fast path", lab.counter("media_translated") > 50,
            lab.counter("media_translated"))
    over_tcp(lab)
    calls = int(os.environ.get("CALLS", 200))
    many_at_once(lab, calls, max(100, calls // 20))
    lab.see("nothing of it was refused", not lab.counter("nat_unmapped"), lab.show("counters"))
    del registrar, bob


def many_at_once(lab, calls, rate):
    """All of them behind one address, half of them of each host: SIPp has media ports for 2,500."""
    scenario = lab.work / "many.xml"
    scenario.write_text(MANY)
    held_s = calls // rate + 4
    callee = lab.start("much-called", "outside", "sipp", "-sn", "uas", "-i", CAROL, "-p", "5070", "-nostdin",
                       "-l", calls + 100)
    callers = [lab.start(f"many-{host}", "inside", "sipp", f"{CAROL}:5070", "-sf", scenario, "-i", host,
                         "-p", "5090", "-m", calls // 2, "-r", rate // 2, "-l", calls, "-d",
                         held_s * 1000, "-nostdin") for host in (ALICE, BOB)]
    lab.see(f"{calls} calls are up at once", sip_lab.wait(lambda: len(
        [m for m in lab.show("nat") if not m["inside"].endswith(":5090")]) >= 2 * calls, held_s + 10),
            lab.log(f"many-{BOB}"))
    seen = [m["seen_as"] for m in lab.show("nat")]
    lab.see("and each port outside is one host's port", len(set(seen)) == len(seen), len(seen))
    lab.see("all end in order", sip_lab.wait(lambda: all(c.poll() == 0 for c in callers), held_s + 30),
            lab.log(f"many-{BOB}"))
    lab.end(callee)


def over_tcp(lab):
    """SIPp's own scenarios; its callee answers by the connection that it was called by."""
    callee = lab.start("callee", "outside", "sipp", "-sn", "uas", "-t", "t1", "-i", CAROL, "-p", "5070",
                       "-nostdin", "-trace_msg", "-message_file", lab.work / "seen")
    sip_lab.wait(lambda: ":5070" in subprocess.run(lab.inside("outside", "ss", "-ltn"), check=True,
                                                   capture_output=True, text=True).stdout)
    caller = lab.start("caller", "inside", "sipp", f"{CAROL}:5070", "-sn", "uac", "-t", "t1", "-i", BOB,
                       "-p", "5080", "-m", "3", "-r", "3", "-d", "200", "-nostdin")
    lab.see("a hidden phone calls over TCP, too", sip_lab.wait(lambda: caller.poll() is not None) and
            caller.returncode == 0, lab.log("caller") + lab.log("gateway"))
    lab.end(callee)
    seen = (lab.work / "seen").read_text(errors="replace")
    lab.see("and is seen nowhere in what arrives", "INVITE" in seen and f"c=IN IP4 {GATE}" in seen and
            f"Contact: sip:sipp@{GATE}:" in seen and
            not [l for l in seen.splitlines() if BOB in l and not l.startswith("Call-ID")], seen[:2000])


def play(lab):
    lab.make_zone("inside", 1, ALICE, BOB)
    lab.make_zone("outside", 2, REGISTRAR, CAROL)
    lab.ip(f"-n outside-{lab.run} route del default")
    play_mode(lab, "tc")


if __name__ == "__main__":
    if not sip_lab.ready("nat"):
        sys.exit(0)
    sys.exit(sip_lab.run(sip_lab.Lab("n"), play))
