#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Datagrams larger than the path's MTU through a daemon that runs: signalling arrives whole and is
judged, what is none of ours arrives too, media in pieces does not. Over IPv4 and IPv6, in order and
backwards."""
import json
import os
import pathlib
import socket
import struct
import subprocess
import sys
import tempfile
import time

from namespace import in_namespace

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
RINGFENCE = ROOT / os.environ.get("BUILD", "build") / "ringfence"
RUN = f"f{os.getpid()}"
PINS = f"/sys/fs/bpf/ringfence-{RUN}"
CONFIG = """zones:
  phones: { interfaces: [in0], networks: [10.77.1.0/24, "fd77:1::/64"], media_ports: 10000-65535 }
  pbxes:  { interfaces: [out0], networks: [10.77.2.0/24, "fd77:2::/64"], media_ports: 10000-65535 }
rules:
  - { name: out, from: phones, to: pbxes, allow: [sip] }
"""
FAMILIES = {4: ("10.77.1.11", "10.77.2.10"), 6: ("fd77:1::11", "fd77:2::10")}


def invite(source, family, padding):
    host = f"[{source}]" if family == 6 else source
    return (f"INVITE sip:bob@example.org SIP/2.0\r\nVia: SIP/2.0/UDP {host}:5060;branch=z9hG4bK{family}"
            f"{padding}\r\nMax-Forwards: 70\r\nFrom: <sip:alice@example.org>;tag=a\r\n"
            f"To: <sip:bob@example.org>\r\nCall-ID: big-{family}-{padding}\r\nCSeq: 1 INVITE\r\n"
            f"X-Padding: {'x' * padding}\r\nContent-Length: 0\r\n\r\n").encode()


def receives(family, port, payload, seconds):
    def work():
        kind = socket.AF_INET6 if family == 6 else socket.AF_INET
        with socket.socket(kind, socket.SOCK_DGRAM) as s:
            s.bind((FAMILIES[family][1], port))
            s.settimeout(seconds)
            try:
                return s.recv(65535) == payload
            except socket.timeout:
                return False
    return in_namespace(f"pbx-{RUN}", work)


def send_whole(family, port, payload):
    def work():
        kind = socket.AF_INET6 if family == 6 else socket.AF_INET
        with socket.socket(kind, socket.SOCK_DGRAM) as s:
            s.bind((FAMILIES[family][0], 5060 if port == 5060 else 40000))
            s.sendto(payload, (FAMILIES[family][1], port))
        return True
    return in_namespace(f"phone-{RUN}", work)


def send_backwards(port, payload, overlap=0):
    """Pieces of an IPv4 datagram, the last one first."""
    def work():
        source, to = FAMILIES[4]
        udp = struct.pack("!HHHH", 5060, port, 8 + len(payload), 0) + payload
        with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW) as s:
            for at in reversed(range(0, len(udp), 1024)):
                begin = max(at - overlap, 0)
                piece, more = udp[begin:at + 1024], at + 1024 < len(udp)
                head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(piece), 4242 + overlap,
                                   begin // 8 | (0x2000 if more else 0), 64, 17, 0,
                                   socket.inet_aton(source), socket.inet_aton(to))
                s.sendto(head + piece, (to, 0))
        return True
    return in_namespace(f"phone-{RUN}", work)


class Lab:
    def __init__(self):
        self.work = pathlib.Path(tempfile.mkdtemp(prefix="ringfence-fragments-"))
        self.daemon = None
        self.failed = 0

    def inside(self, *command):
        return ["nsenter", f"--net=/run/netns/gateway-{RUN}", *map(str, command)]

    def show(self, *words):
        done = subprocess.run(self.inside(RINGFENCE, *words, "--json", "--control",
                                          self.work / "control.sock", "--pins", PINS),
                              capture_output=True, text=True, check=False, timeout=60)
        return json.loads(done.stdout) if done.stdout else {}

    def counter(self, name):
        return next(c["value"] for c in self.show("counters")["counters"] if c["name"] == name)

    def up(self):
        subprocess.run([ROOT / "scripts/netns", "up", RUN], check=True)
        (self.work / "gateway.yaml").write_text(
            f"{CONFIG}daemon: {{ control: {self.work / 'control.sock'}, pins: {PINS} }}\n")
        with open(self.work / "log", "wb") as log:
            self.daemon = subprocess.Popen(self.inside(RINGFENCE, "run", "-c",
                                                       self.work / "gateway.yaml"),
                                           stdout=log, stderr=log)
        for _ in range(100):
            if self.show("status").get("daemon") == "running":
                return True
            time.sleep(0.1)
        return False

    def down(self):
        if self.daemon:
            self.daemon.kill()
            self.daemon.wait()
        subprocess.run(self.inside(RINGFENCE, "unload", "--control", self.work / "control.sock",
                                   "--pins", PINS), check=False, capture_output=True)
        subprocess.run([ROOT / "scripts/netns", "down", RUN], check=False)
        subprocess.run(["rm", "-rf", self.work], check=False)

    def check(self, sentence, seen):
        print(f"{'ok' if seen else 'not ok'} - {sentence}", flush=True)
        self.failed += not seen


def arrives(family, port, payload, send, seconds=10.0):
    """Neighbours may not be resolved yet: tried until the time is over."""
    waiting = receives(family, port, payload, seconds)
    while True:
        time.sleep(0.3)
        os.waitpid(send(), 0)
        time.sleep(0.3)
        pid, status = os.waitpid(waiting, os.WNOHANG)
        if pid:
            return status == 0


def main():
    lab = Lab()
    try:
        lab.check("the daemon serves", lab.up())
        for family in FAMILIES:
            for padding in (2000, 20000):
                message = invite(FAMILIES[family][0], family, padding)
                lab.check(f"an INVITE of {len(message)} bytes arrives whole over IPv{family}",
                          arrives(family, 5060, message,
                                  lambda m=message, f=family: send_whole(f, 5060, m)))
            other = os.urandom(4000)
            lab.check(f"4,000 bytes that are none of ours arrive over IPv{family}",
                      arrives(family, 2049, other,
                              lambda o=other, f=family: send_whole(f, 2049, o)))
            before = lab.counter("packet_fragment")
            lab.check(f"media in pieces does not, over IPv{family}",
                      not arrives(family, 20000, other,
                                  lambda o=other, f=family: send_whole(f, 20000, o), 2.0)
                      and lab.counter("packet_fragment") > before)
        lab.check("the calls are known", len(lab.show("calls").get("calls", ())) == 4)
        message = invite("10.77.1.11", 4, 3000)
        lab.check("pieces that come backwards make the INVITE",
                  arrives(4, 5060, message, lambda: send_backwards(5060, message)))
        message = invite("10.77.1.11", 4, 3001)
        lab.check("pieces that overlap make none",
                  not arrives(4, 5060, message, lambda: send_backwards(5060, message, 8), 2.0)
                  and lab.counter("fragment_overlap") > 0)
        junk = b"no SIP at all " * 200
        before = lab.counter("messages_refused")
        lab.check("what is whole and no SIP is refused",
                  not arrives(4, 5060, junk, lambda: send_whole(4, 5060, junk), 2.0)
                  and lab.counter("messages_refused") > before)
        if lab.failed:
            print((lab.work / "log").read_text()[-2000:])
    finally:
        lab.down()
    return 1 if lab.failed else 0


if __name__ == "__main__":
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    sys.exit(main())
