#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What translation needs of the host: the ports to hide behind are kept from its own sockets and given
back, and what is amiss is told with its remedy."""
import json
import os
import signal
import subprocess
import sys

from mgcp_test import PINS, RINGFENCE, ROOT, RUN, World, clean_up, end_processes, run_daemon, udp, wait

CONFIG = f"""
zones:
  inside:  {{ interfaces: [in0], networks: [10.77.1.0/24] }}
  outside: {{ interfaces: [out0], networks: [10.77.2.0/24] }}
rules:
  - {{ name: both, from: [inside, outside], to: [inside, outside], allow: [sip] }}
nat:
  gate:   {{ zone: inside, seen_from: outside, hosts: [10.77.1.50], static: 10.77.2.50 }}
  phones: {{ zone: inside, seen_from: outside, hide: 10.77.2.1, ports: PORTS }}
daemon: {{ control: CONTROL, pins: {PINS} }}
"""
PLAIN = CONFIG[:CONFIG.index("nat:")] + CONFIG[CONFIG.index("daemon:"):]
# The kernel gives none of them to a socket that asks for any port.
RANGE, BEFORE = "40000 40399", "8080,40005"


def sysctl(w, name, value=None):
    command = ["sysctl", "-n", name] if value is None else ["sysctl", "-qw", f"{name}={value}"]
    return subprocess.run(w.inside("gateway", *command), capture_output=True, text=True,
                          check=True).stdout.strip()


def reserved(w):
    return sysctl(w, "net.ipv4.ip_local_reserved_ports")


def write(w, text, ports=""):
    w.config.write_text(text.replace("PORTS", ports).replace("CONTROL", str(w.socket)))


def reload(w, daemon, text, ports=""):
    write(w, text, ports)
    daemon.send_signal(signal.SIGHUP)


def warnings(w):
    done = subprocess.run(w.inside("gateway", RINGFENCE, "status", "--json", "--control", w.socket),
                          capture_output=True, text=True, check=True)
    return "\n".join(json.loads(done.stdout)["warnings"])


def ports_are_kept(w, daemon):
    w.see("the ports are reserved beside what was", reserved(w) == "8080,40000-40099", reserved(w))
    drawn = [udp("gateway", "10.77.2.1", 0) for _ in range(200)]
    ports = [s.getsockname()[1] for s in drawn]
    w.see("the kernel draws none of them", min(ports) >= 40100, sorted(ports)[:3])
    for s in drawn:
        s.close()
    reload(w, daemon, CONFIG, "40050-40149")
    w.see("a reload moves them", wait(lambda: reserved(w) == "8080,40005,40050-40149"), reserved(w))
    reload(w, daemon, CONFIG, "40000-40399")
    w.see("ports that the host needs itself are not reserved, which is told",
          wait(lambda: "leave 0 to this host's own connections" in warnings(w)) and
          reserved(w) == "8080,40005,40050-40149", (reserved(w), warnings(w)))
    reload(w, daemon, CONFIG, "40000-40099")
    wait(lambda: reserved(w) == "8080,40000-40099")


def host_is_told_of(w):
    log = (w.work / "gateway.log").read_text()
    missing = "10.77.2.50 is no address of this host"
    w.see("an outside address that is missing is told at the start, with its remedy",
          missing in log and "ip address add 10.77.2.50/32 dev DEVICE" in log, log)
    w.see("and in the status", missing in warnings(w), warnings(w))
    subprocess.run(w.inside("gateway", "ip", "address", "add", "10.77.2.50/32", "dev", "out0"), check=True)
    w.see("until it is there", wait(lambda: missing not in warnings(w)), warnings(w))
    bound = udp("gateway", "0.0.0.0", 40042)
    w.see("a socket in the ports is told", "udp/40042" in warnings(w), warnings(w))
    bound.close()
    w.see("until it is gone", "udp/40042" not in warnings(w), warnings(w))
    helper = os.path.exists("/sys/module/nf_conntrack_sip") and \
        os.path.exists("/proc/modules") and \
        "nf_conntrack_sip" in open("/proc/modules", encoding="ascii").read()
    w.see("the kernel's SIP helper is told where it is loaded, and only there",
          ("nf_conntrack_sip" in warnings(w)) == helper, warnings(w))


def all_is_given_back(w, daemon):
    daemon.terminate()
    daemon.wait()
    w.see("a daemon that ends leaves them: calls go on", reserved(w) == "8080,40000-40099", reserved(w))
    subprocess.run(w.inside("gateway", RINGFENCE, "unload", "--pins", PINS), check=True)
    w.see("unload gives them back, and nothing else", reserved(w) == BEFORE, reserved(w))


def play(w):
    subprocess.run([ROOT / "scripts/netns", "up", RUN], check=True)
    sysctl(w, "net.ipv4.ip_local_port_range", RANGE)
    sysctl(w, "net.ipv4.ip_local_reserved_ports", BEFORE)
    write(w, CONFIG, "40000-40099")
    daemon = run_daemon(w)
    ports_are_kept(w, daemon)
    host_is_told_of(w)
    reload(w, daemon, PLAIN)
    w.see("without nat: none is reserved", wait(lambda: reserved(w) == BEFORE), reserved(w))
    reload(w, daemon, CONFIG, "40000-40099")
    wait(lambda: reserved(w) != BEFORE)
    all_is_given_back(w, daemon)


def main():
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    if os.geteuid() != 0:
        print("SKIP net/host: needs root")
        print("0 passed, 0 failed, 1 skipped")
        return 0
    if not os.path.ismount("/sys/fs/bpf"):
        subprocess.run(["mount", "-t", "bpf", "bpf", "/sys/fs/bpf"], check=True)
    w = World()
    try:
        play(w)
    except (OSError, subprocess.SubprocessError, ValueError, KeyError) as error:
        w.see("the test came to its end", False, repr(error))
    finally:
        end_processes(w)
        subprocess.run(w.inside("gateway", RINGFENCE, "unload", "--pins", PINS), check=False)
        clean_up(w)
    print(f"{w.passed} passed, {w.failed} failed, 0 skipped")
    return 1 if w.failed else 0


if __name__ == "__main__":
    sys.exit(main())
