# SPDX-License-Identifier: MIT
"""Sockets in the namespaces of a test, and the messages that go over them."""
import ctypes
import json
import os
import pathlib
import socket
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
RINGFENCE = ROOT / os.environ.get("BUILD", "build") / "ringfence"
RUN = f"t{os.getpid()}"
PINS = f"/sys/fs/bpf/ringfence-{RUN}"
PHONE = {4: "10.77.1.11", 6: "fd77:1::11"}
PBX = {4: "10.77.2.10", 6: "fd77:2::10"}
STRANGER = "10.77.1.66"
SILENT = "10.77.2.20"             # nobody listens there
CLONE_NEWNET = 0x40000000
WAIT = 20

CONFIG = """zones:
  phones: { interfaces: [in0], networks: [10.77.1.0/24, "fd77:1::/64"], media_ports: 10000-65535MODE }
  pbxes:  { interfaces: [out0], networks: [10.77.2.0/24, "fd77:2::/64"], media_ports: 10000-65535MODE }
servers:
  pbx: { addresses: [10.77.2.10, "fd77:2::10"], zone: pbxes, speaks: [sip], part: proxy }
rules:
  - { name: phones call out, from: phones, to: pbxes, allow: [sip] }
  - { name: the pbx calls in, from: pbxes, to: phones, allow: [sip] }
"""


class Failed(Exception):
    """The first failure ends the test."""


def within(question, seconds=WAIT):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if answer := question():
            return answer
        time.sleep(0.05)
    return question()


class Namespace:
    """Sockets that are made in it stay in it."""

    def __init__(self, name):
        self.path, self.home = f"/run/netns/{name}-{RUN}", None

    def __enter__(self):
        self.home = os.open("/proc/self/ns/net", os.O_RDONLY)
        with open(self.path, encoding="ascii") as there:
            self.enter(there.fileno())

    def __exit__(self, *_):
        self.enter(self.home)
        os.close(self.home)

    @staticmethod
    def enter(fd):
        if ctypes.CDLL(None, use_errno=True).setns(fd, CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "setns")


def kind_of(family):
    return socket.AF_INET6 if family == 6 else socket.AF_INET


def listen(where, address, port=5060, family=4):
    with Namespace(where):
        s = socket.socket(kind_of(family), socket.SOCK_STREAM)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind((address, port))
    s.listen(64)
    s.settimeout(WAIT)
    return s


def connect(where, source, to, port=5060, source_port=0, family=4, wait=WAIT):
    with Namespace(where):
        s = socket.socket(kind_of(family), socket.SOCK_STREAM)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    s.settimeout(wait)
    s.bind((source, source_port))
    s.connect((to, port))
    s.settimeout(WAIT)
    return s


def read(s, length):
    """Exactly so many bytes, or what came before the end."""
    got = b""
    while len(got) < length:
        piece = s.recv(length - len(got))
        if not piece:
            break
        got += piece
    return got


def how_it_ends(s, seconds=WAIT):
    """"end", "reset", or "open" where nothing more comes."""
    s.settimeout(seconds)
    try:
        while s.recv(65536):
            pass
        return "end"
    except ConnectionResetError:
        return "reset"
    except TimeoutError:
        return "open"
    finally:
        s.settimeout(WAIT)


def host_of(address):
    return f"[{address}]" if ":" in address else address


def options(number, source=PHONE[4], padding=0, body=b""):
    return (f"OPTIONS sip:pbx@example.org SIP/2.0\r\n"
            f"Via: SIP/2.0/TCP {host_of(source)}:5060;branch=z9hG4bK{number}\r\n"
            f"Max-Forwards: 70\r\nFrom: <sip:alice@example.org>;tag=a{number}\r\n"
            f"To: <sip:pbx@example.org>\r\nCall-ID: tcp-{number}\r\nCSeq: 1 OPTIONS\r\n"
            f"X-Padding: {'x' * padding}\r\nContent-Length: {len(body)}\r\n\r\n").encode() + body


class Lab:
    def __init__(self):
        self.work = pathlib.Path(tempfile.mkdtemp(prefix="ringfence-tcp-"))
        self.control = self.work / "control.sock"
        self.daemon, self.started = None, []

    def inside(self, where, *command):
        # Not ip netns exec: that hides the bpffs.
        return ["nsenter", f"--net=/run/netns/{where}-{RUN}", *map(str, command)]

    def rf(self, *words):
        return subprocess.run(self.inside("gateway", RINGFENCE, *words, "--control", self.control,
                                          "--pins", PINS), capture_output=True, text=True,
                              check=False, timeout=60)

    def show(self, *words):
        try:
            return json.loads(self.rf(*words, "--json").stdout)
        except ValueError:
            return {}

    def counter(self, name):
        return next((c["value"] for c in self.show("counters").get("counters", ())
                     if c["name"] == name), 0)

    def connections(self):
        return self.show("connections").get("connections", [])

    def begin(self, name, where, *command):
        with open(self.work / name, "ab") as log:
            process = subprocess.Popen(self.inside(where, *command), stdin=subprocess.DEVNULL,
                                       stdout=log, stderr=log, cwd=self.work)
        self.started.append(process)
        return process

    def log(self, name="log"):
        path = self.work / name
        return path.read_text(errors="replace") if path.exists() else ""

    def write(self, more="", mode=""):
        daemon = f"control: {self.control}, pins: {PINS}"
        if "daemon:" in more:
            more, words = more.split("daemon:")
            daemon += f", {words.strip()}"
        (self.work / "gateway.yaml").write_text(
            f"{CONFIG.replace('MODE', mode)}{more}\ndaemon: {{ {daemon} }}\n")

    def run(self):
        self.daemon = self.begin("log", "gateway", RINGFENCE, "run", "-c", "gateway.yaml")
        return within(lambda: len(self.show("status").get("interfaces", ())) == 2)

    def kill(self):
        self.daemon.kill()
        self.daemon.wait()

    def up(self):
        subprocess.run([ROOT / "scripts/netns", "up", RUN], check=True)
        for words in (f"-n phone-{RUN} address add {STRANGER}/24 dev eth0",
                      f"-n pbx-{RUN} address add {SILENT}/24 dev eth0"):
            subprocess.run(["ip", *words.split()], check=True)

    def down(self):
        for process in reversed(self.started):
            if process.poll() is None:
                process.kill()
                process.wait()
        self.rf("unload")
        subprocess.run([ROOT / "scripts/netns", "down", RUN], check=False)
        subprocess.run(["rm", "-rf", self.work], check=False)
