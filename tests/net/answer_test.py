#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Who asks for what ringfence forbids hears so at once, over UDP and TCP: SIPp's and baresip's calls
end by the gateway's answer, long before a timer of theirs does, and nothing of it reaches the PBX."""
import sys

import sip_lab

PHONE, SECOND, PBX = "10.77.1.11", "10.77.1.12", "10.77.2.10"
CONFIG = f"""
zones:
  inside:  {{ interfaces: [inside], networks: [10.77.1.0/24], media_ports: 10000-65535 }}
  outside: {{ interfaces: [outside], networks: [10.77.2.0/24], media_ports: 10000-65535 }}
servers:
  pbx: {{ addresses: [{PBX}], zone: outside, speaks: [sip], part: proxy }}
rules:
  - {{ name: out, from: inside, to: outside, allow: [sip], registered: caller }}
  - {{ name: in, from: outside, to: inside, allow: [sip] }}
protections: {{ default: enforce, sip: {{ answers: ANSWERS, methods: {{ deny: [MESSAGE] }} }} }}
"""
WITHIN = 1.0


def request(transport, method="MESSAGE", more="", call_id="one"):
    return (f"{method} sip:b@{PBX} SIP/2.0\r\nVia: SIP/2.0/{transport} {PHONE}:5099;rport;"
            f"branch=z9hG4bK{call_id}\r\nMax-Forwards: 70\r\nFrom: <sip:a@{PHONE}>;tag=1\r\n"
            f"To: <sip:b@{PBX}>\r\nCall-ID: {call_id}\r\nCSeq: 1 {method}\r\n"
            f"User-Agent: a phone that has much to say of itself\r\n{more}"
            "Content-Length: 0\r\n\r\n").encode()


def forbidden_caller():
    """An INVITE that is answered 403, which SIPp acknowledges; anything else fails."""
    mine = ";tag=[pid]a[call_number]"
    start, headers = sip_lab._request("INVITE", 1, PBX, "", mine)
    ack, ack_headers = sip_lab._request("ACK", 1, PBX, "[peer_tag_param]", mine)
    return (sip_lab._send(start, headers, sip_lab.SDP) + '<recv response="403" timeout="1000"/>' +
            sip_lab._send(ack, ack_headers.replace("[branch]", "[branch-2]")))


def attached(lab):
    """Are both interfaces? The control socket is there before."""
    done = sip_lab.subprocess.run(lab.inside("gateway", sip_lab.RINGFENCE, "status", "--json",
                                             "--control", lab.control), capture_output=True,
                                  check=True)
    return len(sip_lab.json.loads(done.stdout)["interfaces"]) == 2


def counted(lab, number):
    """Counters come a moment later."""
    return sip_lab.wait(lambda: lab.counter("requests_answered") ==
                        lab.counter("messages_refused") == number, 5)


def sipp_hears_at_once(lab, transport, number):
    """Its call is the one of that number that is refused."""
    scenario = forbidden_caller()
    if transport == "t1":
        scenario = scenario.replace("SIP/2.0/UDP", "SIP/2.0/TCP")
    name = f"sipp-{transport}"
    process = lab.sipp(name, "inside", scenario, f"{SECOND}:507{transport == 't1':d}",
                       f"{PBX}:5060", "-t", transport)
    ok, why = lab.ended_well(process, name)
    lab.see(f"SIPp's call is forbidden within a second ({transport})", ok, why)
    lab.see("by one answer, and its ACK is no refusal", counted(lab, number),
            (lab.counter("requests_answered"), lab.counter("messages_refused")))


def datagram(lab):
    with lab.namespace("inside"):
        phone = sip_lab.socket.socket(sip_lab.socket.AF_INET, sip_lab.socket.SOCK_DGRAM)
        phone.bind((PHONE, 5099))
    phone.settimeout(WITHIN)
    phone.sendto(request("UDP"), (PBX, 5060))
    try:
        text, peer = phone.recvfrom(65535)
    except TimeoutError:
        text, peer = b"", None
    lab.see("a denied MESSAGE is answered 403", text.startswith(b"SIP/2.0 403 "), text)
    lab.see("from the address that it was sent to", peer == (PBX, 5060), peer)
    lab.see("with what RFC 3581 asks for", b";rport=5099;" in text and
            f";received={PHONE}\r\n".encode() in text, text)
    return phone


def stream(lab):
    with lab.namespace("outside"):
        pbx = sip_lab.socket.create_server((PBX, 5060))
    with lab.namespace("inside"):
        phone = sip_lab.socket.create_connection((PBX, 5060), 5)
    met, _ = pbx.accept()
    for s in (phone, met):
        s.settimeout(WITHIN)
    good = request("TCP", "OPTIONS", call_id="good")
    phone.sendall(request("TCP") + good)
    text = phone.recv(65535)
    lab.see("over TCP it is answered on its own connection", text.startswith(b"SIP/2.0 403 ") and
            text.endswith(b"Content-Length: 0\r\n\r\n"), text)
    lab.see("and the PBX gets the next message alone", met.recv(65535) == good)
    sipp_hears_at_once(lab, "t1", 4)
    for s in (phone, met, pbx):
        s.close()


def baresip_hears_at_once(lab):
    phone = lab.baresip("phone", "inside", f"{PHONE}:5060",
                        [f"<sip:a@{PHONE}>;regint=0;audio_codecs=pcma"], 1)
    phone.do("dial", f"sip:b@{PBX}")
    lab.see("baresip tells its user 403, long before timer B",
            sip_lab.wait(lambda: "403" in lab.log("phone"), 10), lab.log("phone"))
    lab.see("and calls no more", not lab.show("calls"), lab.show("calls"))


def silent(lab, phone):
    """The same, where the policy wants no answers."""
    (lab.work / "gateway.yaml").write_text((lab.work / "gateway.yaml").read_text()
                                           .replace("answers: yes", "answers: no"))
    sip_lab.subprocess.run(lab.inside("gateway", sip_lab.RINGFENCE, "reload", "--control",
                                      lab.control), check=True, capture_output=True)
    refused = lab.counter("sip_method_denied")
    phone.sendto(request("UDP", call_id="two"), (PBX, 5060))
    lab.see("a reload with answers: no refuses still",
            sip_lab.wait(lambda: lab.counter("sip_method_denied") == refused + 1))
    try:
        text = phone.recv(65535)
    except TimeoutError:
        text = b""
    lab.see("and says nothing", not text, text)


def play(lab):
    lab.make_zone("inside", 1, PHONE, SECOND)
    lab.make_zone("outside", 2, PBX)
    lab.daemon(CONFIG.replace("ANSWERS", "yes"))
    lab.see("both interfaces are attached", sip_lab.wait(lambda: attached(lab)))
    with lab.namespace("outside"):
        pbx = sip_lab.socket.socket(sip_lab.socket.AF_INET, sip_lab.socket.SOCK_DGRAM)
        pbx.bind((PBX, 5060))
    phone = datagram(lab)
    sipp_hears_at_once(lab, "u1", 2)
    pbx.setblocking(False)
    try:
        text = pbx.recv(65535)
    except BlockingIOError:
        text = b""
    lab.see("nothing of all that reached the PBX, the ACK neither", not text, text)
    pbx.close()
    stream(lab)
    baresip_hears_at_once(lab)
    silent(lab, phone)


def main():
    if not sip_lab.ready("net/answer"):
        return 0
    return sip_lab.run(sip_lab.Lab("a"), play)


if __name__ == "__main__":
    sys.exit(main())
