#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Translated media on real interfaces, over the TC twin and over native XDP, IPv4 and IPv6: it arrives
from our address with a sum that the receiver's kernel accepts, whoever finishes it, also when nobody
knows the neighbour yet. Flows are written into the pinned maps, as the daemon would."""
import json
import os
import pathlib
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import time

from namespace import in_namespace

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
RINGFENCE = ROOT / os.environ.get("BUILD", "build") / "ringfence"
RUN = f"x{os.getpid()}"
PINS = f"/sys/fs/bpf/ringfence-{RUN}"
CONFIG = """zones:
  phones: {{ interfaces: [in0], networks: [10.77.1.0/24, "fd77:1::/64"], media_ports: 10000-65535,
            mode: {mode} }}
  pbxes:  {{ interfaces: [out0], networks: [10.77.2.0/24, "fd77:2::/64"], media_ports: 10000-65535,
            mode: {mode} }}
rules:
  - {{ name: out, from: phones, to: pbxes, allow: [sip] }}
daemon: {{ control: {control}, pins: {pins} }}
"""
# Phone, our address towards it, our address towards the PBX, PBX.
HOSTS = {4: ("10.77.1.11", "10.77.1.1", "10.77.2.1", "10.77.2.10"),
         6: ("fd77:1::11", "fd77:1::1", "fd77:2::1", "fd77:2::10")}
PORTS = 40000, 20002, 30004, 16000
RTP = struct.pack("!BBHII", 0x80, 0, 1, 160, 7) + bytes(160)
PERMIT_RTP, PERMIT_TRANSLATED = 1, 512
SLOT = 100_000                  # one that the daemon does not use


def mapped(text):
    return socket.inet_pton(socket.AF_INET6, text if ":" in text else "::ffff:" + text)


def udp(family):
    return socket.socket(socket.AF_INET6 if family == 6 else socket.AF_INET, socket.SOCK_DGRAM)


def receives(family, count):
    def work():
        with udp(family) as s:
            s.bind((HOSTS[family][3], PORTS[3]))
            s.settimeout(10)
            for _ in range(count):
                try:
                    payload, peer = s.recvfrom(2048)
                except socket.timeout:
                    return False
                if payload != RTP or peer[:2] != (HOSTS[family][2], PORTS[2]):
                    print(f"# {len(payload)} bytes from {peer}")
                    return False
        return True
    return in_namespace(f"pbx-{RUN}", work)


def sends(family, count):
    def work():
        with udp(family) as s:
            s.bind((HOSTS[family][0], PORTS[0]))
            for _ in range(count):
                s.sendto(RTP, (HOSTS[family][1], PORTS[1]))
                time.sleep(0.02)
        return True
    return in_namespace(f"phone-{RUN}", work)


class Lab:
    def __init__(self):
        self.work = pathlib.Path(tempfile.mkdtemp(prefix="ringfence-translate-"))
        self.daemon, self.failed, self.passed = None, 0, 0

    def do(self, where, *command):
        return subprocess.run(["nsenter", f"--net=/run/netns/{where}-{RUN}", *map(str, command)],
                              capture_output=True, text=True, check=True)

    def start(self, mode):
        config, control = self.work / "config.yaml", self.work / "control.sock"
        config.write_text(CONFIG.format(mode=mode, control=control, pins=PINS))
        with open(self.work / "log", "w", encoding="utf-8") as log:
            self.daemon = subprocess.Popen(["nsenter", f"--net=/run/netns/gateway-{RUN}", RINGFENCE,
                                            "run", "-c", config], stdout=log, stderr=log)
        for _ in range(150):
            if control.exists():
                return
            if self.daemon.poll() is not None:
                break
            time.sleep(0.1)
        raise RuntimeError((self.work / "log").read_text()[-500:])

    def stop(self):
        self.daemon.terminate()
        self.daemon.wait(timeout=20)
        subprocess.run(["nsenter", f"--net=/run/netns/gateway-{RUN}", RINGFENCE, "unload", "--pins",
                        PINS], check=False, capture_output=True)

    def put(self, name, key, value):
        subprocess.run(["bpftool", "map", "update", "pinned", f"{PINS}/maps/{name}", "key", "hex",
                        *key.hex(" ").split(), "value", "hex", *value.hex(" ").split()],
                       check=True, env={**os.environ, "PATH": os.environ["PATH"] + ":/usr/sbin"})

    def relay(self, family):
        """As include/ringfence/flow.h and nat.h say."""
        hosts, slot = [mapped(a) for a in HOSTS[family]], SLOT + family
        key = hosts[0] + hosts[1] + struct.pack("!HH", PORTS[0], PORTS[1]) + \
            struct.pack("=HBB", 1, socket.IPPROTO_UDP, family)
        self.put("translations", struct.pack("=I", slot), hosts[2] + hosts[3] +
                 struct.pack("!HH", PORTS[2], PORTS[3]) + bytes(4))
        self.put("flows", key, struct.pack("=IIQQQIIHB5x", slot, PERMIT_RTP | PERMIT_TRANSLATED, 1,
                                           0, 0, 0, 8000, 2, 0))

    def counter(self, name):
        done = self.do("gateway", RINGFENCE, "counters", "--json", "--control",
                       self.work / "control.sock", "--pins", PINS)
        return next(c["value"] for c in json.loads(done.stdout)["counters"] if c["name"] == name)

    def check(self, what, good):
        print(f"{'ok' if good else 'not ok'} - {what}", flush=True)
        self.passed += bool(good)
        self.failed += not good

    def stream(self, what, family, count=5):
        before = self.counter("media_translated")
        listener = receives(family, count)
        time.sleep(0.3)
        os.waitpid(sends(family, count), 0)
        good = os.waitstatus_to_exitcode(os.waitpid(listener, 0)[1]) == 0
        carried = self.counter("media_translated") - before
        self.check(f"{what}, IPv{family}", good and carried == count)

    def run_mode(self, mode):
        # A veth hands redirected frames on only where its peer has XDP or GRO.
        self.do("pbx", "ethtool", "-K", "eth0", "gro", "on")
        self.start(mode)
        for family in HOSTS:
            self.relay(family)
            self.do("gateway", "ip", "neigh", "flush", "dev", "out0")
            self.stream(f"{mode}: media leaves from our address, its neighbour unknown", family)
        if mode == "tc":
            # The sender leaves its sums to a card, and the one behind us does none.
            self.do("phone", "ethtool", "-K", "eth0", "tx", "on")
            for family in HOSTS:
                self.stream("tc: a sum that its sender left unfinished is finished", family)
            self.do("phone", "ethtool", "-K", "eth0", "tx", "off")
        self.stop()


def main():
    if os.geteuid():
        print("SKIP: needs root")
        print("0 passed, 0 failed, 1 skipped")
        return 0
    lab = Lab()
    try:
        subprocess.run([ROOT / "scripts/netns", "up", RUN], check=True, stdout=subprocess.DEVNULL)
        for mode in ("tc", "native"):
            lab.run_mode(mode)
    except (RuntimeError, OSError, subprocess.SubprocessError) as error:
        lab.check(f"{error} {getattr(error, 'stderr', '') or ''}", False)
    finally:
        if lab.daemon and lab.daemon.poll() is None:
            lab.stop()
        subprocess.run([ROOT / "scripts/netns", "down", RUN], check=False)
        shutil.rmtree(PINS, ignore_errors=True)
        shutil.rmtree(lab.work, ignore_errors=True)
    print(f"{lab.passed} passed, {lab.failed} failed, 0 skipped")
    return 1 if lab.failed else 0


sys.exit(main())
