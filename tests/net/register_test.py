#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Phones (baresip) behind ringfence register at a real registrar (kamailio, Digest) from ports of
their own choice, call and are called there; who is not registered gets nowhere."""
import sys

import sip_lab

ALICE, BOB, REGISTRAR, CAROL = "10.77.1.11", "10.77.1.12", "10.77.2.10", "10.77.2.21"
CONFIG = f"""
zones:
  inside:  {{ interfaces: [inside], networks: [10.77.1.0/24], media_ports: 10000-65535 }}
  outside: {{ interfaces: [outside], networks: [10.77.2.0/24], media_ports: 10000-65535 }}
servers:
  registrar: {{ addresses: [{REGISTRAR}], zone: outside, speaks: [sip], part: proxy }}
rules:
  - {{ name: out, from: inside, to: outside, allow: [sip], registered: caller,
      authenticated: [calls, registrations] }}
  - {{ name: in, from: outside, to: inside, allow: [sip], registered: callee }}
protections: {{ default: enforce }}
"""
INVITE = (f"INVITE CONTACT SIP/2.0\r\n"
          f"Via: SIP/2.0/UDP {CAROL}:5099;branch=z9hG4bKx\r\nMax-Forwards: 70\r\n"
          f"From: <sip:x@{CAROL}>;tag=1\r\nTo: <sip:alice@{ALICE}>\r\n"
          f"Call-ID: stranger\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n")


def account(user, *more):
    return ";".join([f"<sip:{user}@{REGISTRAR}>", "auth_pass=secret", "regint=60",
                     "answermode=auto", "audio_codecs=pcma", *more])


def bound(lab):
    return {b["aor"].split("@")[0].removeprefix("sip:"): b for b in lab.show("bindings")}


def phones_register(lab):
    alice = lab.baresip("alice", "inside", f"{ALICE}:35060", [account("alice")], 1)
    lab.baresip("bob", "inside", f"{BOB}:5061", [account("bob")], 2)
    lab.see("two phones register from ports of their own",
            sip_lab.wait(lambda: len(bound(lab)) == 2), lab.log("alice"))
    a, b = bound(lab)["alice"], bound(lab)["bob"]
    lab.see("each with its contact and its registrar",
            (a["contact"], b["contact"], a["registrar"]) ==
            (f"{ALICE}:35060", f"{BOB}:5061", f"{REGISTRAR}:5060"), (a, b))
    lab.see("the registrar asked for credentials and took them",
            a["authenticated"] and a["algorithm"] == "md5" and b["authenticated"], (a, b))
    lab.see("for as long as it said", 0 < a["expires_s"] <= 60, a)
    shown = lab.print("bindings")
    lab.see("it fits 80 columns", "alice" in shown and max(map(len, shown.splitlines())) <= 80, shown)
    return alice


def strangers(lab):
    """Signalling to a phone's own port, and from a host that never registered."""
    before = lab.counter("sip_not_registered")
    with lab.namespace("outside"):
        out = sip_lab.socket.socket(sip_lab.socket.AF_INET, sip_lab.socket.SOCK_DGRAM)
        out.bind((CAROL, 5099))
    contact = bound(lab)["alice"]["contact_uri"]
    text = INVITE.replace("CONTACT", contact)
    out.sendto(text.encode(), (ALICE, 35060))
    lab.see("a call to a registered contact passes, whoever makes it",
            sip_lab.wait(lambda: any(c["call"] == "stranger" for c in lab.show("calls"))))
    out.sendto(text.replace(contact, f"sip:nobody@{ALICE}:35060").replace("stranger", "other")
               .replace("bKx", "bKy").encode(), (ALICE, 35060))
    lab.see("one to a user who never registered there does not",
            sip_lab.wait(lambda: lab.counter("sip_not_registered") == before + 1))
    with lab.namespace("inside"):
        inner = sip_lab.socket.socket(sip_lab.socket.AF_INET, sip_lab.socket.SOCK_DGRAM)
        inner.bind((BOB, 5090))
    inner.sendto(text.replace(f"<sip:x@{CAROL}>", f"<sip:alice@{REGISTRAR}>").replace("bKx", "bKz")
                 .replace("stranger", "thief").encode(), (REGISTRAR, 5060))
    lab.see("nor one in a registered name from another host",
            sip_lab.wait(lambda: lab.counter("sip_not_registered") == before + 2))


def calls(lab, alice, carol):
    alice.do("dial", f"sip:carol@{REGISTRAR}")
    lab.talks_both_ways("for a phone that calls from port 35060")
    called = [c for c in lab.calls() if "carol" in c["callee"]]
    lab.see("the call is authenticated", called and called[0]["authenticated"], lab.show("calls"))
    alice.do("hangup")
    lab.is_over("for the caller")
    carol.do("dial", f"sip:alice@{REGISTRAR}")
    lab.talks_both_ways("for a phone that is called at port 35060")
    lab.see("requests inside the dialog reach that port", lab.counter("messages_send_failed") == 0)
    carol.do("hangup")
    lab.is_over("for the callee")


def play(lab):
    lab.make_zone("inside", 1, ALICE, BOB)
    lab.make_zone("outside", 2, REGISTRAR, CAROL)
    lab.daemon(CONFIG)
    lab.kamailio("registrar", "outside", [f"{REGISTRAR}:5060"], sip_lab.REGISTRAR)
    carol = lab.baresip("carol", "outside", f"{CAROL}:35061", [account("carol")], 3)
    alice = phones_register(lab)
    lab.see("a phone outside registers, too", carol.is_registered(), lab.log("carol"))
    refused = lab.counter("messages_refused")
    calls(lab, alice, carol)
    lab.see("nothing of that was refused", lab.counter("messages_refused") == refused,
            [c for c in lab.show("counters") if c["value"]])
    strangers(lab)
    lab.end(alice.process)
    lab.see("a phone that leaves takes its binding away",
            sip_lab.wait(lambda: "alice" not in bound(lab)), lab.show("bindings"))


def main():
    if not sip_lab.ready("net/register"):
        return 0
    return sip_lab.run(sip_lab.Lab("r"), play)


if __name__ == "__main__":
    sys.exit(main())
