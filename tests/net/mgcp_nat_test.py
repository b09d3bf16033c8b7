#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Media gateways (osmo-mgw) behind the gateway's outside addresses, the call agent outside: one with an
address of its own (static), two hidden behind one. Outside there is no route to them: what leaves
untranslated is never answered."""
import subprocess
import sys

from mgcp_test import (PINS, ROOT, RUN, CallAgent, World, both_ways, can_run, clean_up, drain, port_of,
                       run_daemon, run_gateway, udp, value, wait)

STATIC, HIDDEN, HIDDEN_TOO, PHONE = "10.77.1.20", "10.77.1.21", "10.77.1.22", "10.77.1.12"
GATE, STATIC_OUTSIDE, AGENT, FAR = "10.77.2.1", "10.77.2.50", "10.77.2.10", "10.77.2.21"
CONFIG = f"""
zones:
  inside:  {{ interfaces: [in0], networks: [10.77.1.0/24], media_ports: 3000-65535, mode: MODE }}
  outside: {{ interfaces: [out0], networks: [10.77.2.0/24], media_ports: 3000-65535, mode: MODE }}
servers:
  agent: {{ addresses: [{AGENT}], zone: outside, speaks: [mgcp], part: call_agent, serves: any }}
rules:
  - {{ name: commands, from: outside, to: inside, allow: [mgcp] }}
  - {{ name: reports,  from: inside, to: outside, allow: [mgcp] }}
nat:
  trunk: {{ zone: inside, seen_from: outside, hosts: [{STATIC}], static: {STATIC_OUTSIDE} }}
  rest:  {{ zone: inside, seen_from: outside, hide: {GATE}, ports: 30000-39999 }}
protections: {{ default: enforce }}
daemon: {{ control: CONTROL, pins: {PINS} }}
"""


class Outside(CallAgent):
    """Knows of each gateway only what it saw."""
    def __init__(self):
        super().__init__("pbx", AGENT)

    def learn(self):
        """The next RSIP tells where its gateway is seen."""
        self.socket.settimeout(10)
        text, seen = self.socket.recvfrom(4096)
        self.socket.settimeout(0.3)
        number = text.split()[1].decode()
        self.socket.sendto(f"200 {number} OK\r\n".encode(), seen)
        return text.decode(), seen


def make_world(w):
    subprocess.run([ROOT / "scripts/netns", "up", RUN], check=True)
    for where, host in (("phone", STATIC), ("phone", HIDDEN), ("phone", HIDDEN_TOO),
                        ("phone", PHONE), ("pbx", FAR)):
        subprocess.run(w.inside(where, "ip", "address", "add", f"{host}/24", "dev", "eth0"), check=True)
    subprocess.run(w.inside("gateway", "ip", "address", "add", f"{STATIC_OUTSIDE}/32", "dev", "out0"),
                   check=True)
    subprocess.run(w.inside("pbx", "ip", "route", "del", "default"), check=True)


def announce(w, agent, host):
    """RSIP as a gateway sends it from its port, before osmo-mgw, which sends none, takes the port."""
    gateway = udp("phone", host, 2427)
    gateway.sendto(f"RSIP 1 *@[{host}] MGCP 1.0\r\nRM: restart\r\n".encode(), (AGENT, 2727))
    text, seen = agent.learn()
    w.see(f"RSIP of {host} shows the outside address alone",
          seen[0] == GATE and f"*@[{GATE}]" in text and host not in text, (text, seen))
    gateway.settimeout(5)
    w.see("and its answer comes back", gateway.recv(2048).startswith(b"200 1"))
    gateway.close()
    return seen


def call(w, agent, where, what):
    """A phone inside and the far end outside, over one endpoint of the gateway inside."""
    phone, far = udp("phone", PHONE, 4000), udp("pbx", FAR, 4100)
    agent.gateway, agent.port = where
    w.see(f"{what}: the agent reaches it",
          wait(lambda: agent.command("AUEP", "rtpbridge/1")[0].startswith("200")))
    one = agent.command("CRCX", "rtpbridge/*", "C: AB1", "L: p:20, a:PCMA", "M: sendrecv",
                        sdp=(FAR, 4100))
    endpoint = value(one, "Z:").split("@")[0]
    seen = (value(one, "c=IN IP4"), port_of(one))
    w.see(f"{what}: CRCX is answered with where it is seen",
          one[0].startswith("200") and endpoint and seen[0] == where[0], one)
    inner = agent.command("CRCX", endpoint, "C: AB1", "L: p:20, a:PCMA", "M: sendrecv",
                          sdp=(PHONE, 4000))
    w.see(f"{what}: the phone's connection", inner[0].startswith("200"), inner)
    # Inside, the phone sends to the port itself: nothing is translated within a zone.
    near = (INSIDE[what], port_of(inner))
    drain(phone)
    drain(far)
    both_ways(w, phone, far, near, seen, what)
    drained = agent.command("DLCX", endpoint, "C: AB1")
    w.see(f"{what}: DLCX closes all", drained[0].startswith("2") and
          wait(lambda: not w.open_media()), (drained, w.open_media()))
    phone.close()
    far.close()


INSIDE = {"static": STATIC, "hidden": HIDDEN, "hidden, too": HIDDEN_TOO}


def play(w, mode):
    make_world(w)
    w.config.write_text(CONFIG.replace("MODE", mode).replace("CONTROL", str(w.socket)))
    run_daemon(w)
    agent = Outside()
    hidden = announce(w, agent, HIDDEN)
    too = announce(w, agent, HIDDEN_TOO)
    w.see("two gateways behind one address are seen at two ports", hidden[1] != too[1], (hidden, too))
    for host in INSIDE.values():
        run_gateway(w, "phone", host)
    call(w, agent, (STATIC_OUTSIDE, 2427), "static")
    call(w, agent, hidden, "hidden")
    call(w, agent, too, "hidden, too")
    w.see("media was translated in the fast path", w.counter("media_translated") >= 100,
          w.counter("media_translated"))
    refused = w.counter("messages_refused")
    w.see("nothing was refused", not refused, refused)


def main():
    if not can_run("net/mgcp_nat"):
        return 0
    w = World()
    try:
        play(w, "tc")
    except (OSError, subprocess.SubprocessError, ValueError, IndexError, StopIteration) as error:
        w.see("the test came to its end", False, repr(error))
        print((w.work / "gateway.log").read_text() if (w.work / "gateway.log").exists() else "")
    finally:
        clean_up(w)
    print(f"{w.passed} passed, {w.failed} failed, 0 skipped")
    return 1 if w.failed else 0


if __name__ == "__main__":
    sys.exit(main())
