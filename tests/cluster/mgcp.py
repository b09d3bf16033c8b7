# SPDX-License-Identifier: MIT
"""MGCP connections through a cluster whose active member loses its power: a call agent and a media
gateway of our own, and RTP. What the agent then says goes through the other member."""
import contextlib
import ctypes
import os
import socket
import struct
import threading
import time

from faults import kill_host
from world import Unseen, World, run

AGENT, GATEWAY = "10.77.1.12", "10.77.2.12"
FIRST_PORT, MOVED_PORT, STEP = 20000, 24000, 4
REPEAT_S = 0.5          # RFC 3435 4.3: repeated, with the same number
PACKETS = 5
CLONE_NEWNET = 0x40000000


@contextlib.contextmanager
def namespace(name):
    """The calling thread's; a socket stays where it was made."""
    libc = ctypes.CDLL(None, use_errno=True)
    with open("/proc/self/ns/net", "rb") as home, open(f"/run/netns/{name}", "rb") as there:
        if libc.setns(there.fileno(), CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "setns")
        try:
            yield
        finally:
            if libc.setns(home.fileno(), CLONE_NEWNET):
                os._exit(1)


def udp(world, where, host, port):
    with namespace(f"{where}-{world.id}"):
        made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        made.bind((host, port))
    made.settimeout(0.2)
    return made


def description(host, port):
    return f"\r\nv=0\r\nc=IN IP4 {host}\r\nm=audio {port} RTP/AVP 8\r\n"


class MgcpWorld(World):
    """A cluster that knows a call agent among the phones, and its gateway beside the PBX."""

    def gateway_file(self, member):
        text = super().gateway_file(member)
        text = text.replace("servers:", "servers:\n  agent: { addresses: [%s], zone: phones, "
                            "speaks: [mgcp], part: call_agent, serves: any }\n#" % AGENT, 1)
        return text.replace("allow: [sip]", "allow: [sip, mgcp]")

    def make(self):
        super().make()
        for where, host in (("phones", AGENT), ("pbx", GATEWAY)):
            run("ip", "-n", f"{where}-{self.id}", "address", "add", f"{host}/24", "dev", "eth0")


class Gateway(threading.Thread):
    """Answers each command, and a repeat as it did before (RFC 3435 3.5.1)."""

    def __init__(self, world):
        super().__init__(daemon=True)
        self.socket = udp(world, "pbx", GATEWAY, 2427)
        self.answers, self.done = {}, False

    def answer(self, text):
        verb, number, endpoint = text.split(None, 3)[:3]
        line = int(endpoint.split("@")[0].rsplit("/", 1)[1])
        if verb == "CRCX":
            return (f"200 {number} OK\r\nI: {line:X}\r\n"
                    + description(GATEWAY, FIRST_PORT + STEP * line))
        return f"{250 if verb == 'DLCX' else 200} {number} OK\r\n"

    def run(self):
        while not self.done:
            try:
                bytes_, sender = self.socket.recvfrom(4096)
            except TimeoutError:
                continue
            text = bytes_.decode()
            number = text.split()[1]
            self.answers[number] = self.answers.get(number) or self.answer(text)
            self.socket.sendto(self.answers[number].encode(), sender)


class Agent:
    def __init__(self, world):
        self.socket = udp(world, "phones", AGENT, 2727)
        self.number, self.patience = 1000, world.settings.patience

    def command(self, verb, line, lines, body=""):
        """The code of the answer, 0 where there is none."""
        self.number += 1
        text = f"{verb} {self.number} aaln/{line}@gw MGCP 1.0\r\n{lines}{body}"
        end = time.monotonic() + self.patience
        while time.monotonic() < end:
            self.socket.sendto(text.encode(), (GATEWAY, 2427))
            repeat = time.monotonic() + REPEAT_S
            while time.monotonic() < repeat:
                try:
                    words = self.socket.recv(4096).decode().split(None, 2)
                except TimeoutError:
                    continue
                if words[1] == str(self.number):
                    return int(words[0])
        return 0


class Connections:
    def __init__(self, world, count):
        self.world, self.count = world, count
        self.gateway, self.agent = Gateway(world), Agent(world)
        self.gateway.start()
        self.far = [udp(world, "pbx", GATEWAY, FIRST_PORT + STEP * n) for n in range(count)]
        self.near = self.bind(FIRST_PORT)

    def bind(self, first):
        return [udp(self.world, "phones", AGENT, first + STEP * n) for n in range(self.count)]

    def create(self):
        return sum(self.agent.command("CRCX", n, f"C: {n:X}\r\nM: sendrecv\r\n",
                                      description(AGENT, FIRST_PORT + STEP * n)) == 200
                   for n in range(self.count))

    def modify(self):
        """The phone's end moves, so that doors must be opened anew."""
        self.near = self.bind(MOVED_PORT)
        return sum(self.agent.command("MDCX", n, f"C: {n:X}\r\nI: {n:X}\r\nM: sendrecv\r\n",
                                      description(AGENT, MOVED_PORT + STEP * n)) == 200
                   for n in range(self.count))

    def delete(self):
        return sum(self.agent.command("DLCX", n, f"C: {n:X}\r\nI: {n:X}\r\n") == 250
                   for n in range(self.count))

    @staticmethod
    def passes(sender, receiver):
        receiver.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while True:
                receiver.recv(2048)
        receiver.settimeout(0.2)
        for n in range(PACKETS):
            packet = struct.pack("!BBHII", 0x80, 8, n, n * 160, 7) + b"\xd5" * 160
            sender.sendto(packet, receiver.getsockname())
        try:
            return receiver.recv(2048)[:1] == b"\x80"
        except TimeoutError:
            return False

    def talking(self):
        """Connections whose RTP passes both ways."""
        return sum(self.passes(a, b) and self.passes(b, a)
                   for a, b in zip(self.near, self.far))

    def end(self):
        self.gateway.done = True
        self.gateway.join()


def survive_host(settings, count, check):
    world, connections = MgcpWorld(settings), None
    try:
        world.make()
        world.start_members()
        connections = Connections(world, count)
        made, talking = connections.create(), connections.talking()
        check("mgcp_connections_are_made_through_a_cluster", made == talking == count,
              f"{made} made, {talking} with RTP, of {count}")
        active, other = world.roles()
        kill_host(world, active, other)
        end = time.monotonic() + settings.patience
        while (talking := connections.talking()) < count and time.monotonic() < end:
            time.sleep(0.1)
        check("rtp_of_mgcp_connections_passes_after_a_host_lost_its_power", talking == count,
              f"{talking} of {count}")
        modified = connections.modify()
        check("mdcx_succeeds_through_the_other_member", modified == count,
              f"{modified} of {count}")
        talking = connections.talking()
        check("and_the_moved_rtp_passes", talking == count, f"{talking} of {count}")
        deleted = connections.delete()
        check("dlcx_succeeds_through_the_other_member", deleted == count,
              f"{deleted} of {count}")
        time.sleep(1)
        talking = connections.talking()
        check("and_closes_the_connections", talking == 0, f"{talking} of {count} still pass")
    except (Unseen, OSError) as error:
        check("mgcp_can_be_measured", False, error)
    finally:
        if connections:
            connections.end()
        world.unmake()
