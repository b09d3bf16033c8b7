#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Each place a call agent may stand in, with the example file as it is shipped: the real daemon, real
media gateways (osmo-mgw), calls through with RTP both ways."""
import os
import pathlib
import shutil
import subprocess
import sys

from mgcp_test import (ROOT, RUN, CallAgent, World, both_ways, can_run, drain, end_processes, port_of,
                       run_daemon, run_gateway, udp, value, wait)

# Where packets come from: the device of the examples, the gateway's address there, the hosts.
SIDES = {
    "inside": ("eth1", "10.1.0.1/24", ["10.1.0.10/24", "10.1.0.20/24", "10.1.0.21/24",
                                       "10.1.0.30/24", "10.1.0.40/24"]),
    "outside": ("eth0", "198.51.100.1/24", ["198.51.100.10/24", "198.51.100.20/24",
                                            "198.51.100.21/24", "198.51.100.30/24",
                                            "198.51.100.40/24"]),
    "carrier": ("eth0", "203.0.113.1/24", ["203.0.113.10/24", "203.0.113.11/24",
                                           "203.0.113.50/24", "203.0.113.66/24"]),
    "dmz": ("eth2", "192.0.2.1/24", ["192.0.2.10/24"]),
}


def run(*command):
    subprocess.run([str(c) for c in command], check=True)


def still_offloads(namespace, device):
    """Unfinished checksums and tags in metadata do not survive a redirect."""
    subprocess.run(["ip", "netns", "exec", namespace, "ethtool", "-K", device, "tx", "off", "rx", "off",
                    "tso", "off", "gso", "off", "gro", "off", "txvlan", "off"], check=True,
                   stdout=subprocess.DEVNULL)


def make_side(where):
    device, gateway, hosts = SIDES[where]
    here, there = f"gateway-{RUN}", f"{where}-{RUN}"
    run("ip", "netns", "add", there)
    run("ip", "-n", here, "link", "add", device, "type", "veth", "peer", "name", "eth0",
        "netns", there)
    run("ip", "-n", here, "address", "add", gateway, "dev", device)
    for host in hosts:
        run("ip", "-n", there, "address", "add", host, "dev", "eth0")
    for namespace, name in ((there, "lo"), (there, "eth0"), (here, device)):
        run("ip", "-n", namespace, "link", "set", name, "up")
    run("ip", "-n", there, "route", "add", "default", "via", gateway.split("/")[0])
    still_offloads(there, "eth0")
    still_offloads(here, device)


class Topology(World):
    """The daemon with an example file, between these sides."""
    def __init__(self, example, *sides):
        super().__init__()
        self.sides = sides
        self.pins = pathlib.Path(f"/sys/fs/bpf/ringfence-{RUN}-{example}")
        file = (ROOT / "examples" / f"{example}.yaml").read_text()
        self.config.write_text(f"{file}daemon: {{ control: {self.socket}, pins: {self.pins} }}\n")

    def __enter__(self):
        run("ip", "netns", "add", f"gateway-{RUN}")
        run("ip", "-n", f"gateway-{RUN}", "link", "set", "lo", "up")
        for side in self.sides:
            make_side(side)
        run("ip", "netns", "exec", f"gateway-{RUN}", "sysctl", "-qw", "net.ipv4.ip_forward=1")
        run_daemon(self)
        return self

    def __exit__(self, *error):
        end_processes(self)
        for side in ("gateway", *self.sides):
            subprocess.run(["ip", "netns", "del", f"{side}-{RUN}"], check=False)
        shutil.rmtree(self.pins, ignore_errors=True)
        shutil.rmtree(self.work, ignore_errors=True)

    def is_quiet(self):
        """The examples only watch."""
        seen = self.counter("messages_monitored") + self.counter("messages_refused")
        self.see("nothing of all that would have been refused", not seen, seen)


def answers(agent):
    return wait(lambda: agent.command("AUEP", "rtpbridge/1")[0].startswith("200"))


def create(w, agent, endpoint, to, what):
    """One connection towards an address; its endpoint, where it receives, and its name."""
    answer = agent.command("CRCX", endpoint, "C: AB1", "L: p:20, a:PCMA", f"M: {'sendrecv' if to else 'recvonly'}", sdp=to)
    w.see(f"CRCX {what}", answer[0].startswith("200"), answer)
    name = value(answer, "Z:").split("@")[0] or endpoint
    return name, (agent.gateway, port_of(answer)), value(answer, "I:")


def is_closed(w, what):
    w.see(f"DLCX closes {what}", wait(lambda: not w.open_media()), w.open_media())


def agent_outside(w):
    """The carrier's agent commands our gateway; a phone of ours behind it, the carrier's far end."""
    run_gateway(w, "inside", "10.1.0.20")
    agent = CallAgent("carrier", "203.0.113.10", "10.1.0.20")
    w.see("agent outside: it reaches the gateway inside", answers(agent))
    far, phone = udp("carrier", "203.0.113.50", 20000), udp("inside", "10.1.0.21", 4000)
    name, far_port, _ = create(w, agent, "rtpbridge/*", ("203.0.113.50", 20000), "towards the carrier")
    _, near_port, _ = create(w, agent, name, ("10.1.0.21", 4000), "towards the phone")
    drain(phone)
    drain(far)
    both_ways(w, phone, far, near_port, far_port, "with the agent outside")
    w.is_quiet()
    twin = CallAgent("carrier", "203.0.113.11", "10.1.0.20")
    twin.number = 5000
    w.see("its other address takes over",
          twin.command("DLCX", name, "C: AB1")[0].startswith("2"))
    is_closed(w, "what it opened")
    stranger = CallAgent("carrier", "203.0.113.66", "10.1.0.20")
    stranger.socket.sendto(b"AUEP 7 rtpbridge/1@mgw MGCP 1.0\r\n", ("10.1.0.20", 2427))
    w.see("a stranger outside is noticed", wait(lambda: w.counter("mgcp_not_agent") == 1))


def agent_in_a_dmz(w):
    """It joins a gateway inside and one outside: their media crosses here, twice over a gateway."""
    run_gateway(w, "inside", "10.1.0.20")
    run_gateway(w, "outside", "198.51.100.20")
    agent = CallAgent("dmz", "192.0.2.10", "198.51.100.20")
    w.see("agent in a DMZ: it reaches the gateway outside", answers(agent))
    agent.gateway = "10.1.0.20"
    w.see("and the one inside", answers(agent))
    phone, callee = udp("inside", "10.1.0.21", 4000), udp("outside", "198.51.100.21", 4100)
    inner, phone_port, _ = create(w, agent, "rtpbridge/*", ("10.1.0.21", 4000), "towards the phone")
    _, inner_port, joint = create(w, agent, inner, None, "that is told its far end later")
    agent.gateway = "198.51.100.20"
    outer, callee_port, _ = create(w, agent, "rtpbridge/*", ("198.51.100.21", 4100),
                                   "towards the callee")
    _, outer_port, _ = create(w, agent, outer, inner_port, "towards the gateway inside")
    agent.gateway = "10.1.0.20"
    told = agent.command("MDCX", inner, "C: AB1", f"I: {joint}", "M: sendrecv", sdp=outer_port)
    w.see("MDCX names the gateway outside", told[0].startswith("200"), told)
    drain(phone)
    drain(callee)
    both_ways(w, phone, callee, phone_port, callee_port, "over two gateways, the agent in a DMZ")
    w.is_quiet()
    for gateway, endpoint in (("10.1.0.20", inner), ("198.51.100.20", outer)):
        agent.gateway = gateway
        agent.command("DLCX", endpoint, "C: AB1")
    is_closed(w, "both")
    w.see("EPCF, which the file denies, is noticed",
          agent.command("EPCF", outer, "B: e:A") and w.counter("mgcp_command_denied") > 0)


def agent_to_agent(w):
    """Ours commands the partner's gateway, the partner's ours."""
    run_gateway(w, "outside", "198.51.100.30")
    run_gateway(w, "inside", "10.1.0.30")
    ours, theirs = (CallAgent("inside", "10.1.0.10", "198.51.100.30"),
                    CallAgent("outside", "198.51.100.10", "10.1.0.30"))
    w.see("agent to agent: ours reaches the partner's gateway", answers(ours))
    w.see("and the partner's reaches ours", answers(theirs))
    phone, callee = udp("inside", "10.1.0.40", 20000), udp("outside", "198.51.100.40", 4100)
    name, phone_port, _ = create(w, ours, "rtpbridge/*", ("10.1.0.40", 20000), "towards our phone")
    _, callee_port, _ = create(w, ours, name, ("198.51.100.40", 4100), "towards their phone")
    drain(phone)
    drain(callee)
    both_ways(w, phone, callee, phone_port, callee_port, "from agent to agent")
    # an agent is another one's gateway: it reports to it
    ours.socket.sendto(b"RSIP 9 *@ours MGCP 1.0\r\nRM: restart\r\n", ("198.51.100.10", 2727))
    w.see("our agent reports to the partner's",
          wait(lambda: any(g["gateway"] == "10.1.0.10" for g in w.ringfence("gateways"))))
    w.is_quiet()
    ours.command("DLCX", name, "C: AB1")
    is_closed(w, "the partner's connections")


def hidden(w):
    """Behind the gateway's outside address; the carrier has no route inwards."""
    run("ip", "-n", f"carrier-{RUN}", "route", "del", "default")
    agent = CallAgent("carrier", "203.0.113.10", "203.0.113.1")
    gateway = udp("inside", "10.1.0.20", 2427)
    gateway.sendto(b"RSIP 1 *@[10.1.0.20] MGCP 1.0\r\nRM: restart\r\n", ("203.0.113.10", 2727))
    agent.socket.settimeout(10)
    text, seen = agent.socket.recvfrom(4096)
    agent.socket.settimeout(0.3)
    w.see("hidden: RSIP shows the outside address alone",
          seen[0] == "203.0.113.1" and b"10.1.0" not in text, (seen, text))
    gateway.close()
    run_gateway(w, "inside", "10.1.0.20")
    agent.port = seen[1]
    w.see("the agent reaches it where it saw it", answers(agent))
    far, phone = udp("carrier", "203.0.113.50", 20000), udp("inside", "10.1.0.21", 4000)
    name, far_port, _ = create(w, agent, "rtpbridge/*", ("203.0.113.50", 20000), "towards the carrier")
    _, near_port, _ = create(w, agent, name, ("10.1.0.21", 4000), "towards the phone")
    drain(phone)
    drain(far)
    both_ways(w, phone, far, ("10.1.0.20", near_port[1]), far_port, "of a hidden gateway")
    w.is_quiet()
    w.see("DLCX", agent.command("DLCX", name, "C: AB1")[0].startswith("2"))
    is_closed(w, "what it opened")


TOPOLOGIES = {
    "mgcp-hide": (hidden, "inside", "carrier"),
    "mgcp-agent-outside": (agent_outside, "inside", "carrier"),
    "mgcp-agent-in-dmz": (agent_in_a_dmz, "inside", "outside", "dmz"),
    "mgcp-agent-to-agent": (agent_to_agent, "inside", "outside"),
}


def main():
    if not can_run("net/mgcp_topology"):
        return 0
    passed = failed = 0
    for example, (play, *sides) in TOPOLOGIES.items():
        w = Topology(example, *sides)
        try:
            with w:
                play(w)
        except (OSError, subprocess.SubprocessError, ValueError, IndexError, KeyError,
                StopIteration) as error:
            w.see(f"{example} came to its end", False, repr(error))
        passed, failed = passed + w.passed, failed + w.failed
    shipped = {p.stem for p in (ROOT / "examples").glob("mgcp-*.yaml")}
    passed, failed = passed + (shipped == set(TOPOLOGIES)), failed + (shipped != set(TOPOLOGIES))
    print(f"{passed} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    os.chdir(ROOT)
    sys.exit(main())
