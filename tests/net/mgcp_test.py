#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A real media gateway (osmo-mgw) behind ringfence, commanded by a call agent of our own, with RTP
both ways; a stranger who commands too; the daemon killed in the middle."""
import contextlib
import ctypes
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

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
RINGFENCE = pathlib.Path(os.environ.get("BUILD", ROOT / "build")) / "ringfence"
RUN = f"m{os.getpid()}"
PINS = pathlib.Path(f"/sys/fs/bpf/ringfence-{RUN}")
AGENT, PHONE, STRANGER = "10.77.1.11", "10.77.1.12", "10.77.1.66"
MGW, FAR = "10.77.2.10", "10.77.2.21"
CONFIG = f"""
zones:
  inside:  {{ interfaces: [in0], networks: [10.77.1.0/24], media_ports: 3000-65535 }}
  outside: {{ interfaces: [out0], networks: [10.77.2.0/24], media_ports: 3000-65535 }}
servers:
  agent: {{ addresses: [{AGENT}], zone: inside, speaks: [mgcp], part: call_agent, serves: any }}
rules:
  - {{ name: commands, from: inside, to: outside, allow: [mgcp] }}
  - {{ name: reports,  from: outside, to: inside, allow: [mgcp] }}
protections: {{ default: enforce, mgcp: {{ anomalies: {{ stray_command: deny }} }} }}
"""
MGW_CONFIG = """
line vty
  bind {0}
ctrl
  bind {0}
mgcp
  bind ip {0}
  bind port 2427
  rtp bind-ip {0}
  rtp port-range 16000 16100
  no rtp ip-probing
  number endpoints 8
"""


class World:
    def __init__(self):
        self.work = pathlib.Path(tempfile.mkdtemp(prefix="ringfence-mgcp-"))
        self.started = []
        self.socket = self.work / "control.sock"
        self.config = self.work / "mgcp.yaml"
        self.passed = self.failed = self.number = 0

    def see(self, sentence, seen, what=""):
        self.passed += bool(seen)
        self.failed += not seen
        print(f"ok - {sentence}" if seen else f"not ok - {sentence}: {what}")
        return seen

    def inside(self, where, *command):
        # Not `ip netns exec`: that hides /sys/fs/bpf behind a fresh /sys.
        return ["nsenter", f"--net=/run/netns/{where}-{RUN}", *map(str, command)]

    def start(self, name, where, *command):
        with open(self.work / f"{name}.log", "w", encoding="utf-8") as log:
            process = subprocess.Popen(self.inside(where, *command), stdin=subprocess.DEVNULL,
                                       stdout=log, stderr=log, cwd=self.work)
        self.started.append(process)
        return process

    def ringfence(self, *arguments):
        done = subprocess.run(
            self.inside("gateway", RINGFENCE, *arguments, "--json", "--control", self.socket),
            capture_output=True, text=True, check=True)
        document = json.loads(done.stdout)
        if isinstance(document, dict):
            document = next(v for v in document.values() if isinstance(v, list))
        return document

    def counter(self, name):
        return next(c["value"] for c in self.ringfence("counters") if c["name"] == name)

    def gateway(self):
        """The only one, and its agent."""
        done = subprocess.run(
            self.inside("gateway", RINGFENCE, "gateways", "--json", "--control", self.socket),
            capture_output=True, text=True, check=True)
        document = json.loads(done.stdout)
        return document["gateways"][0], document["agents"][0]

    def open_media(self):
        return [f for table in ("flows", "pinholes") for f in self.ringfence(table)
                if f["kind"] != "signalling"]


def wait(question, seconds=10):
    end = time.monotonic() + seconds
    while not (answer := question()) and time.monotonic() < end:
        time.sleep(0.1)
    return answer


@contextlib.contextmanager
def namespace(where):
    """The calling thread's; a socket stays where it was made."""
    libc = ctypes.CDLL(None, use_errno=True)
    with open("/proc/self/ns/net", "rb") as home, \
            open(f"/run/netns/{where}-{RUN}", "rb") as there:
        if libc.setns(there.fileno(), 0x40000000):
            raise OSError(ctypes.get_errno(), "setns")
        try:
            yield
        finally:
            if libc.setns(home.fileno(), 0x40000000):
                os._exit(1)


def udp(where, host, port):
    with namespace(where):
        made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        made.bind((host, port))
    made.settimeout(0.3)
    return made


class CallAgent:
    """Asks one gateway at a time."""
    def __init__(self, where="phone", host=AGENT, gateway=MGW):
        self.socket = udp(where, host, 2727)
        self.gateway, self.port = gateway, 2427
        self.number = 1000

    def command(self, verb, endpoint, *lines, sdp=None):
        """The answer's lines; repeated as RFC 3435 3.5.2 wants it."""
        self.number += 1
        text = [f"{verb} {self.number} {endpoint}@mgw MGCP 1.0", *lines]
        if sdp:
            text += ["", "v=0", f"o=- 1 1 IN IP4 {sdp[0]}", "s=-", f"c=IN IP4 {sdp[0]}", "t=0 0",
                     f"m=audio {sdp[1]} RTP/AVP 8", "a=rtpmap:8 PCMA/8000", "a=ptime:20"]
        for _ in range(10):
            self.socket.sendto("\r\n".join(text + [""]).encode(), (self.gateway, self.port))
            try:
                while True:
                    answer = self.socket.recv(4096).decode().splitlines()
                    if answer[0].split()[1] == str(self.number):
                        return answer
            except TimeoutError:
                pass
        return ["none"]


def value(answer, start):
    return next((line[len(start):].strip() for line in answer if line.startswith(start)), "")


def port_of(answer):
    return int(value(answer, "m=audio").split()[0])


def rtp(sequence, source):
    return struct.pack("!BBHII", 0x80, 8, sequence, sequence * 160, source) + b"\xd5" * 160


def talk(sender, to, receiver, packets=25):
    """How many of them arrive at the other end."""
    arrived = 0
    for n in range(packets):
        sender.sendto(rtp(n, 0x1234), to)
        time.sleep(0.01)
    try:
        while True:
            arrived += receiver.recv(2048)[:1] == b"\x80"
    except TimeoutError:
        return arrived


def drain(receiver):
    try:
        while True:
            receiver.recv(2048)
    except TimeoutError:
        pass


def make_world(w):
    subprocess.run([ROOT / "scripts/netns", "up", RUN], check=True)
    for where, host in (("phone", PHONE), ("phone", STRANGER), ("pbx", FAR)):
        subprocess.run(w.inside(where, "ip", "address", "add", f"{host}/24", "dev", "eth0"),
                       check=True)
    w.config.write_text(f"{CONFIG}daemon: {{ control: {w.socket}, pins: {PINS} }}\n")
    return run_gateway(w, "pbx", MGW)


def run_gateway(w, where, host):
    config = w.work / f"mgw-{host}.cfg"
    config.write_text(MGW_CONFIG.format(host))
    return w.start(f"mgw-{host}", where, "osmo-mgw", "-s", "-c", config)


def run_daemon(w):
    daemon = w.start("gateway", "gateway", RINGFENCE, "run", "-c", w.config)
    if not wait(w.socket.exists, 20):
        raise OSError((w.work / "gateway.log").read_text())
    return daemon


def strangers_are_refused(w):
    stranger = udp("phone", STRANGER, 2727)
    stranger.sendto(b"AUEP 7 rtpbridge/1@mgw MGCP 1.0\r\n", (MGW, 2427))
    w.see("a host that is no call agent commands nobody",
          wait(lambda: w.counter("mgcp_not_agent") == 1), "no refusal was counted")
    try:
        w.see("and gets no answer", False, stranger.recv(2048))
    except TimeoutError:
        w.see("and gets no answer", True)


def stranger_is_denied(w):
    """By the file's word; its next message is not read any more, until an operator lets it."""
    def denied():
        return [s for s in w.ringfence("sources")
                if s["standing"] == "denied" and STRANGER in json.dumps(s)]

    w.see("its source is denied, with the reason",
          wait(denied) and denied()[0]["reason"] == "mgcp_not_agent", w.ringfence("sources"))
    w.see("which the log tells", f"{STRANGER}: denied" in (w.work / "gateway.log").read_text())
    stranger = udp("phone", STRANGER, 2728)
    stranger.sendto(b"AUEP 8 rtpbridge/1@mgw MGCP 1.0\r\n", (MGW, 2427))
    w.see("the fast path drops what it sends",
          wait(lambda: w.counter("source_denied") == 1) and w.counter("mgcp_not_agent") == 1)
    subprocess.run(w.inside("gateway", RINGFENCE, "unblock", STRANGER, "--control", w.socket),
                   check=True, stdout=subprocess.DEVNULL)
    w.see("unblock lets it in again", wait(lambda: not denied()), denied())


def make_call(w, agent):
    """Two connections of one endpoint: the gateway carries media from one to the other."""
    first = agent.command("CRCX", "rtpbridge/*", "C: AB1", "L: p:20, a:PCMA", "M: recvonly")
    endpoint = value(first, "Z:").split("@")[0]
    w.see("CRCX is answered with the endpoint that was left open",
          first[0].startswith("200") and endpoint, first)
    second = agent.command("CRCX", endpoint, "C: AB1", "L: p:20, a:PCMA", "M: sendrecv",
                           sdp=(FAR, 4100))
    w.see("a second connection of the endpoint", second[0].startswith("200"), second)
    changed = agent.command("MDCX", endpoint, "C: AB1", f"I: {value(first, 'I:')}", "M: sendrecv",
                            sdp=(PHONE, 4000))
    w.see("MDCX names the phone", changed[0].startswith("200"), changed)
    return endpoint, (MGW, port_of(first)), (MGW, port_of(second)), value(first, "I:")


def both_ways(w, phone, far, near_port, far_port, when):
    """near_port and far_port: where each sends to."""
    out, back = talk(phone, near_port, far), talk(far, far_port, phone)
    w.see(f"RTP of the phone reaches the far end {when}", out >= 20, f"{out} of 25")
    w.see(f"RTP of the far end reaches the phone {when}", back >= 20, f"{back} of 25")


def gateway_is_shown(w, connections):
    gateway, agent = w.gateway()
    w.see("the gateway is in service, with its agent and its connections",
          (gateway["gateway"], gateway["agent"], gateway["state"], gateway["connections"],
           gateway["endpoints"]) == (MGW, AGENT, "in service", connections, 1), gateway)
    w.see("it answers within a second, and nothing waits",
          0 < gateway["answer_ms"] < 1000 and not gateway["waiting"], gateway)
    w.see("its agent serves it", agent["agent"] == AGENT and agent["gateways"] == 1, agent)
    shown = subprocess.run(
        ["script", "-qec", "stty cols 80; exec " +
         " ".join(w.inside("gateway", RINGFENCE, "gateways", "--control", w.socket)), "/dev/null"],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True).stdout
    w.see("it fits 80 columns", MGW in shown and max(map(len, shown.splitlines())) <= 80, shown)


def dead_gateway_is_lost(w, agent, mgw):
    """RFC 3435 4.3: T-MAX is 20 s."""
    mgw.kill()
    mgw.wait()
    agent.command("AUEP", "rtpbridge/1")
    gateway, _ = w.gateway()
    w.see("a command waits for a dead gateway, which is not lost yet",
          gateway["waiting"] == 1 and gateway["state"] == "in service", gateway)
    w.see("a gateway that does not answer is lost",
          wait(lambda: w.gateway()[0]["state"] == "lost", 25), w.gateway()[0])
    w.see("its command runs out, and that is told",
          wait(lambda: w.gateway()[0]["unanswered"] == 1, 25) and
          f"{MGW} does not answer" in (w.work / "gateway.log").read_text(), w.gateway()[0])


def play(w, mgw):
    daemon = run_daemon(w)
    agent = CallAgent()
    w.see("AUEP reaches the media gateway", wait(
        lambda: agent.command("AUEP", "rtpbridge/1")[0].startswith("200")), "no 200")
    strangers_are_refused(w)
    stranger_is_denied(w)
    phone, far = udp("phone", PHONE, 4000), udp("pbx", FAR, 4100)
    unpromised = udp("pbx", MGW, 16090)
    w.see("media that nobody promised does not arrive",
          talk(phone, (MGW, 16090), unpromised, 5) == 0)
    endpoint, near_port, far_port, connection = make_call(w, agent)
    drain(phone)
    both_ways(w, phone, far, near_port, far_port, "through both gateways")
    calls = [c for c in w.ringfence("calls") if c["protocol"] == "mgcp"]
    w.see("the connections are calls with their streams",
          len(calls) == 2 and any(s["packets"] >= 20 for c in calls for s in c["streams"]), calls)
    gateway_is_shown(w, 2)
    daemon.kill()
    daemon.wait()
    w.socket.unlink()
    both_ways(w, phone, far, near_port, far_port, "while the daemon is dead")
    run_daemon(w)
    one = agent.command("DLCX", endpoint, "C: AB1", f"I: {connection}")
    w.see("a daemon that came back knows the connection: DLCX closes it",
          one[0].startswith("250") and wait(lambda: not w.open_media()), (one, w.open_media()))
    before = w.counter("media_no_pinhole")
    phone.sendto(rtp(99, 0x1234), near_port)
    w.see("and its media is dropped",
          wait(lambda: w.counter("media_no_pinhole") + w.counter("media_expired") > before))
    rest = agent.command("DLCX", endpoint, "C: AB1")
    w.see("DLCX of the whole call", rest[0].startswith("2"), rest)
    w.see("the stranger's is the only message that was refused",
          w.counter("messages_refused") == 1, w.counter("messages_refused"))
    dead_gateway_is_lost(w, agent, mgw)


def end_processes(w):
    for process in reversed(w.started):
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(timeout=5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def clean_up(w):
    end_processes(w)
    subprocess.run([ROOT / "scripts/netns", "down", RUN], check=False)
    shutil.rmtree(PINS, ignore_errors=True)
    shutil.rmtree(w.work, ignore_errors=True)


def can_run(name):
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    if os.geteuid() != 0 or not shutil.which("osmo-mgw"):
        print(f"SKIP {name}: needs root and osmo-mgw (scripts/deps installs it)")
        print("0 passed, 0 failed, 1 skipped")
        return False
    if not os.path.ismount("/sys/fs/bpf"):
        subprocess.run(["mount", "-t", "bpf", "bpf", "/sys/fs/bpf"], check=True)
    return True


def main():
    if not can_run("net/mgcp"):
        return 0
    w = World()
    try:
        play(w, make_world(w))
    except (OSError, subprocess.SubprocessError, ValueError, StopIteration) as error:
        w.see("the test came to its end", False, repr(error))
    finally:
        clean_up(w)
    print(f"{w.passed} passed, {w.failed} failed, 0 skipped")
    return 1 if w.failed else 0


if __name__ == "__main__":
    sys.exit(main())
