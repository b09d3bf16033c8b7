#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Phones (SIPp) at ports that no service names, 5061 and 35060, behind ringfence: they call, and are
called once they registered; requests inside the dialog reach them there, nothing else does."""
import socket
import sys
import threading

import sip_lab

PHONE, PBX = "10.77.1.11", "10.77.2.10"
CONFIG = f"""
zones:
  phones: {{ interfaces: [phones], networks: [10.77.1.0/24], media_ports: 10000-65535 }}
  pbxes:  {{ interfaces: [pbxes], networks: [10.77.2.0/24], media_ports: 10000-65535 }}
servers:
  pbx: {{ addresses: [{PBX}], zone: pbxes, speaks: [sip], part: proxy }}
rules:
  - {{ name: out, from: phones, to: pbxes, allow: [sip] }}
  - {{ name: in, from: pbxes, to: phones, allow: [sip] }}
protections: {{ default: enforce }}
"""

def udp(lab, where, host, port):
    with lab.namespace(where):
        made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        made.bind((host, port))
    made.settimeout(5)
    return made


def answer_register(registrar):
    text, phone = registrar.recvfrom(4096)
    lines = [x for x in text.decode().split("\r\n") if x.lower().startswith(
        ("via:", "from:", "to:", "call-id:", "cseq:", "contact:"))]
    registrar.sendto("\r\n".join(["SIP/2.0 200 OK", *lines, "Expires: 60", "Content-Length: 0", "", ""])
                     .replace(f"To: <sip:x@{PBX}>", f"To: <sip:x@{PBX}>;tag=r").encode(), phone)


def register(lab, port):
    with udp(lab, "pbxes", PBX, 5060) as registrar, udp(lab, "phones", PHONE, port) as phone:
        answering = threading.Thread(target=answer_register, args=[registrar])
        answering.start()
        phone.sendto((f"REGISTER sip:{PBX} SIP/2.0\r\nVia: SIP/2.0/UDP {PHONE}:{port};"
                      f"branch=z9hG4bKr{port}\r\nMax-Forwards: 70\r\nFrom: <sip:x@{PBX}>;tag=1\r\n"
                      f"To: <sip:x@{PBX}>\r\nCall-ID: r{port}\r\nCSeq: 1 REGISTER\r\n"
                      f"Contact: <sip:x@{PHONE}:{port}>\r\nContent-Length: 0\r\n\r\n").encode(),
                     (PBX, 5060))
        granted = phone.recv(4096).startswith(b"SIP/2.0 200")
        answering.join()
    return granted


def call(lab, port, phone_calls):
    what = f"for a phone at {port} that {'calls' if phone_calls else 'is called'}"
    first, second = ("pbx", "phone") if phone_calls else ("phone", "pbx")
    places = {"phone": ("phones", f"{PHONE}:{port}", "26000"), "pbx": ("pbxes", f"{PBX}:5060", "27000")}
    names = {role: f"{role}-{port}-{phone_calls}" for role in places}
    peer = f"y@{places[first][1]}"
    back = f"x@{places[second][1]}"
    where, place, media = places[first]
    answering = lab.sipp(names[first], where, sip_lab.asking_callee(back), place, "-mp", media)
    sip_lab.time.sleep(0.5)
    where, place, media = places[second]
    calling = lab.sipp(names[second], where, sip_lab.asked_caller(peer), place, "-mp", media,
                       places[first][1])
    lab.talks_both_ways(what)
    for role, process in ((second, calling), (first, answering)):
        well, why = lab.ended_well(process, names[role])
        lab.see(f"OPTIONS and BYE inside the dialog reach where they should, says the {role} {what}",
                well, why)
    lab.is_over(what)


def stranger_is_held_off(lab, port):
    """Nobody announced this one; the neighbour's signalling is none of ours, and passes nowhere."""
    with udp(lab, "phones", PHONE, port + 1) as phone, udp(lab, "pbxes", PBX, 5999) as pbx:
        phone.settimeout(1)
        pbx.sendto(b"OPTIONS sip:x@y SIP/2.0\r\n\r\n", (PHONE, port + 1))
        try:
            lab.see(f"nothing arrives at port {port + 1}", False, phone.recv(100))
        except TimeoutError:
            lab.see(f"nothing arrives at port {port + 1}", True)


def play(lab):
    lab.make_zone("phones", 1, PHONE)
    lab.make_zone("pbxes", 2, PBX)
    lab.daemon(CONFIG)
    for port in (5061, 35060):
        call(lab, port, True)
        lab.see(f"a phone registers at port {port}", register(lab, port))
        call(lab, port, False)
    stranger_is_held_off(lab, 35060)
    lab.see("nothing was refused", lab.counter("messages_refused") == 0,
            [c for c in lab.show("counters") if c["value"]])


def main():
    if not sip_lab.ready("net/ports"):
        return 0
    return sip_lab.run(sip_lab.Lab("p"), play)


if __name__ == "__main__":
    sys.exit(main())
