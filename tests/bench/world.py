# SPDX-License-Identifier: MIT
"""Namespaces, gateway and small programs for the benchmark; each object takes away what it made."""
import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
RINGFENCE = ROOT / "build/ringfence"
PHONE, PBX = "10.77.1.11", "10.77.2.10"

CONFIG = """\
zones:
  phones: {{ interfaces: [in0], networks: [10.77.1.0/24], media_ports: 10000-65535, mode: {mode} }}
  pbxes: {{ interfaces: [out0], networks: [10.77.2.0/24], media_ports: 10000-65535, mode: {mode} }}
servers:
  pbx: {{ addresses: [10.77.2.10], zone: pbxes, speaks: [sip], part: proxy }}
rules:
  - {{ name: out, from: phones, to: pbxes, allow: [sip] }}
limits: {{ unknown_rate: 0 }}
daemon: {{ control: {control}, pins: {pins} }}
"""

# The set-up that a user would pick without ringfence: conntrack and the kernel's SIP helper. The
# chain `opening` stands for the calls that the helper saw begin; once it is emptied, only what
# conntrack holds as established passes.
HELPER = """\
table inet bench {
	ct helper sip { type "sip" protocol udp; l3proto ip; }
	chain incoming { type filter hook prerouting priority 0; udp dport 5060 ct helper set "sip"; }
	chain opening { udp dport 20000-40000 accept; }
	chain forward {
		type filter hook forward priority 0; policy drop;
		ct state established,related accept
		udp dport 5060 accept
		jump opening
	}
}
"""


# All hosts behind the gateway's own address. It keeps the chain `opening`: the PBX answers nobody, and
# so nothing is established.
MASQUERADE = HELPER + """\
table ip bench_nat {
	chain leaving { type nat hook postrouting priority 100; oifname "out0" masquerade; }
}
"""


class Missing(Exception):
    """This part cannot run here; the text says why."""


def build(name):
    out = ROOT / "build" / f"bench_{name}"
    subprocess.run(["gcc", "-std=gnu11", "-D_GNU_SOURCE", "-O2", "-Wall", "-Wextra", "-o", out,
                    ROOT / f"tests/bench/{name}.c"], check=True)
    return out


class World:
    """Phone, gateway and PBX. set_up is drop (no gateway is asked), plain, helper, masquerade, native or
    tc, or the last two with _nat."""

    def __init__(self, set_up):
        self.set_up, self.daemon, self.mode = set_up, None, set_up.split("_", maxsplit=1)[0]
        self.run = f"b{os.getpid()}" + "".join(word[0] for word in set_up.split("_"))
        self.pins = pathlib.Path(f"/sys/fs/bpf/ringfence-{self.run}")
        self.work = pathlib.Path(tempfile.mkdtemp(prefix="ringfence-bench-"))

    def inside(self, where, *command):
        return ["nsenter", f"--net=/run/netns/{where}-{self.run}", *map(str, command)]

    def do(self, where, *command, **more):
        done = subprocess.run(self.inside(where, *command), check=False, capture_output=True,
                              text=True, **more)
        if done.returncode:
            raise Missing(f"{command[0]}: {done.stderr.strip()[-300:]}")
        return done.stdout

    def __enter__(self):
        if not (ROOT / "scripts/netns").exists():
            raise Missing("scripts/netns is not there")
        try:
            subprocess.run([ROOT / "scripts/netns", "up", self.run], check=True,
                           stdout=subprocess.DEVNULL)
            if self.set_up in ("helper", "masquerade"):
                self.start_helper()
            elif self.mode in ("native", "tc"):
                self.start_gateway()
        except BaseException:
            self.__exit__()
            raise
        return self

    def start_helper(self):
        self.do("gateway", "sysctl", "-qw", "net.netfilter.nf_conntrack_checksum=0")
        done = subprocess.run(self.inside("gateway", "nft", "-f", "-"), text=True, capture_output=True,
                              input=MASQUERADE if self.set_up == "masquerade" else HELPER,
                              check=False)
        if done.returncode:
            raise Missing(f"nft with the SIP helper: {done.stderr.splitlines()[0]}")

    def start_gateway(self):
        # A veth hands redirected frames on only where its peer has XDP or GRO.
        for where in ("phone", "pbx"):
            self.do(where, "ethtool", "-K", "eth0", "gro", "on")
        if not RINGFENCE.exists():
            raise Missing("build/ringfence is not built")
        control, config = self.work / "control.sock", self.work / "bench.yaml"
        config.write_text(CONFIG.format(mode=self.mode, control=control, pins=self.pins))
        with open(self.work / "log", "w", encoding="utf-8") as log:
            self.daemon = subprocess.Popen(self.inside("gateway", RINGFENCE, "run", "-c", config),
                                           stdout=log, stderr=log)
        for _ in range(100):
            if control.exists():
                return
            if self.daemon.poll() is not None:
                break
            time.sleep(0.1)
        text = (self.work / "log").read_text().strip()
        raise Missing(f"the gateway did not start: {text[-300:]}")

    def device(self, where, name):
        return json.loads(self.do(where, "ip", "-json", "link", "show", name))[0]

    def __exit__(self, *_):
        if self.daemon and self.daemon.poll() is None:
            self.daemon.terminate()
            try:
                self.daemon.wait(timeout=5)
            except subprocess.TimeoutExpired:
                self.daemon.kill()
                self.daemon.wait()
        if (ROOT / "scripts/netns").exists():
            subprocess.run([ROOT / "scripts/netns", "down", self.run], check=False)
        shutil.rmtree(self.pins, ignore_errors=True)
        shutil.rmtree(self.work, ignore_errors=True)
