# SPDX-License-Identifier: MIT
"""Two gateway members between phones and a PBX, each with its own network, mount and process
namespaces, corosync, keepalived and ringfence. All that it makes bears the run's id and goes with it.

    phones -+                +- in0  first  out0 -+                +- pbx
            +- bridge "left" -                    - bridge "right" -+
  stranger -+                +- in0 second  out0 -+                +- stranger
                                core0 -- bridge "core" -- core0
"""
import ctypes
import datetime
import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
HERE = ROOT / "tests/cluster"
TOOLS = ROOT / "build/tests/cluster"
EXAMPLES = ROOT / "scripts/demo.d"
RINGFENCE = ROOT / "build/ringfence"
PHONE, PBX = "10.77.1.11", "10.77.2.10"
VIRTUAL = {"in0": "10.77.1.1", "out0": "10.77.2.1"}
# Strangers: the first knows nothing but addresses and ports, the second has seen the signalling.
BLIND, KNOWING = 66, 67
BRIDGES = {"in0": "left", "out0": "right", "core0": "core"}
PR_SET_PDEATHSIG = 1
START_S = 30            # what a program may take to start on a busy machine; no figure hangs on it
libc = ctypes.CDLL(None, use_errno=True)

# What strangers sent and the gateway let through is counted, and harms nobody.
COUNT_STRANGERS = """\
table ip strangers {
	counter media {}
	counter blind {}
	counter knowing {}
	chain incoming {
		type filter hook prerouting priority -300;
		ip saddr { 10.77.1.66, 10.77.1.67, 10.77.2.66, 10.77.2.67 } udp dport != 5060 counter name media drop
		ip saddr { 10.77.1.66, 10.77.2.66 } udp dport 5060 counter name blind drop
		ip saddr { 10.77.1.67, 10.77.2.67 } udp dport 5060 counter name knowing drop
	}
}
"""


class Unseen(Exception):
    """What should have been seen was not."""


def die_with_parent():
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def wait_for(what, seconds, question, pause=0.05):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if answer := question():
            return answer
        time.sleep(pause)
    raise Unseen(f"{what} within {seconds} s")


def run(*command, **more):
    done = subprocess.run([str(c) for c in command], check=False, capture_output=True, text=True,
                          timeout=30, **more)
    if done.returncode:
        raise Unseen(f"{' '.join(map(str, command))}: {done.stderr.strip()[-300:]}")
    return done.stdout


def obey_signals():
    """An interrupted run takes away what it made, and is not interrupted in that."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    def interrupted(number, _frame):
        for n in numbers:
            signal.signal(n, lambda *_: None)
        raise Unseen(f"interrupted by {signal.Signals(number).name}")
    for number in numbers:
        signal.signal(number, interrupted)


class Process:
    """One program inside a namespace; nsenter stays outside, the program is its child."""

    def __init__(self, command, log, through=True, **more):
        self.through, self.log = through, log
        with open(log, "a", encoding="utf-8") as out:
            self.outer = subprocess.Popen([str(c) for c in command], stdout=more.pop("stdout", out),
                                          stdin=more.pop("stdin", subprocess.DEVNULL), stderr=out,
                                          preexec_fn=die_with_parent, **more)

    def pid(self):
        if not self.through:
            return self.outer.pid
        path = pathlib.Path(f"/proc/{self.outer.pid}/task/{self.outer.pid}/children")
        return int(wait_for(f"a child of {self.outer.args}", START_S, lambda: path.read_text().split())[0])

    def lives(self):
        return self.outer.poll() is None

    def send(self, number):
        if self.lives():
            os.kill(self.pid(), number)

    def end(self, number=signal.SIGTERM, seconds=5):
        try:
            self.send(number)
            self.outer.wait(timeout=seconds)
        except (subprocess.TimeoutExpired, ProcessLookupError, OSError, Unseen):
            self.outer.kill()
            self.outer.wait()

    def text(self):
        return pathlib.Path(self.log).read_text(errors="replace")


class Member:
    """One gateway. /run, /etc/corosync and /var/lib/corosync are directories of its own in the
    world's work directory: they outlive a kill of everything, as they would on a host."""

    def __init__(self, world, name, number):
        self.world, self.name, self.number = world, name, number
        self.namespace = f"{name}-{world.id}"
        self.work = world.work / name
        self.pins = pathlib.Path(f"/sys/fs/bpf/ringfence-{world.id}-{name}")
        self.control = self.work / "run/ringfence/control.sock"
        self.holder = self.monitor = None
        self.parts = {}
        self.powerless = False

    def make(self):
        for folder in ("run/ringfence", "run/netns", "etc", "lib"):
            (self.work / folder).mkdir(parents=True, exist_ok=True)
        shutil.copy(self.world.work / "authkey", self.work / "etc/authkey")
        for name, text in self.world.files(self).items():
            (self.work / "etc" / name).write_text(text)
        # Under /run all is root's: keepalived runs no script that others could have changed.
        shutil.copy(RINGFENCE, self.work / "run/ringfence/ringfence")
        self.hold()
        if not self.monitor:
            log = self.work / "addresses"
            self.monitor = Process(["ip", "-n", self.namespace, "-ts", "monitor", "address"], log,
                                   through=False)

    def hold(self):
        script = (f"mount --bind {self.work}/run /run && mount -t tmpfs shm /dev/shm && "
                  f"mount --bind {self.work}/etc /etc/corosync && "
                  f"mount --bind {self.work}/lib /var/lib/corosync && "
                  f"echo held && exec sleep infinity")
        log = self.work / "holder.log"
        log.write_text("")
        self.holder = Process(["nsenter", f"--net=/run/netns/{self.namespace}", "unshare", "--fork",
                               "--pid", "--mount", "--propagation=private", "--mount-proc",
                               "--kill-child=KILL", "sh", "-c", script], log)
        wait_for(f"{self.name}: no namespaces: {self.holder.text()}", START_S,
                 lambda: "held" in self.holder.text())

    def inside(self, *command):
        return ["nsenter", f"--target={self.holder.pid()}", "--net", "--mount", "--pid",
                *map(str, command)]

    def start(self, part):
        command = {
            "corosync": ["corosync", "-f"],
            "witness": [TOOLS / "witness", "witness"],
            "daemon": [RINGFENCE, "run", "-c", self.work / "etc/gateway.yaml"],
            "keepalived": ["keepalived", "-n", "-l", "-D", "-P", "-f",
                           self.work / "etc/keepalived.conf", "-p", "/run/keepalived.pid",
                           "-r", "/run/vrrp.pid"],
        }[part]
        if part == "daemon":
            self.control.unlink(missing_ok=True)
        # In a process namespace made anew a number of yesterday soon is somebody else's.
        for file in ("keepalived.pid", "vrrp.pid") if part == "keepalived" else ():
            (self.work / "run" / file).unlink(missing_ok=True)
        out = self.work / f"{part}.log"
        self.parts[part] = Process(self.inside(*command), out)
        if part == "corosync":
            wait_for(f"{self.name}: corosync does not answer: {self.parts[part].text()[-500:]}", START_S,
                     lambda: self.answers("corosync-cpgtool", "-n"))
        if part == "daemon":
            self.wait_daemon()
        if part == "keepalived":
            wait_for(f"{self.name}: keepalived is not up: {self.parts[part].text()[-500:]}", START_S,
                     (self.work / "run/vrrp.pid").exists)

    def answers(self, *command):
        return subprocess.run(self.inside(*command), check=False, stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL, timeout=10).returncode == 0

    def wait_daemon(self):
        def ready():
            if not self.parts["daemon"].lives():
                raise Unseen(f"{self.name}: the daemon ended: "
                             f"{self.parts['daemon'].text().strip()[-500:]}")
            return self.control.exists()
        wait_for(f"{self.name}: no control socket", START_S, ready)

    def start_all(self):
        for part in self.world.parts:
            self.start(part)

    def lives(self, part):
        return part in self.parts and self.parts[part].lives()

    def ringfence(self, *arguments):
        return run(*self.inside(RINGFENCE, *arguments))

    def holds(self):
        """The virtual addresses that it holds, as one that lives."""
        if not self.lives("keepalived"):
            return []
        links = json.loads(run("ip", "-n", self.namespace, "-j", "-4", "address"))
        held = [a["local"] for link in links for a in link["addr_info"]]
        return [address for address in VIRTUAL.values() if address in held]

    def moves(self):
        """Times at which a virtual address came or went: "[TIME] Deleted 2: in0 inet ADDRESS/32"."""
        for line in (self.work / "addresses").read_text().splitlines():
            if line.startswith("[") and any(f"inet {a}/" in line for a in VIRTUAL.values()):
                yield datetime.datetime.fromisoformat(line[1:line.index("]")]).timestamp()

    def changes(self):
        """Times and sizes of the group, as the witness saw it."""
        path = self.work / "witness.log"
        for line in path.read_text().splitlines() if path.exists() else ():
            words = line.split()
            if words[0].replace(".", "").isdigit():
                yield float(words[0]), len(words) - 1

    def group(self, name="witness"):
        """How many members the group has, as corosync of this member lists them: a name, then its
        processes and nodes."""
        if not self.lives("corosync"):
            return 0
        done = subprocess.run(self.inside("corosync-cpgtool"), check=False, text=True,
                              capture_output=True, timeout=10)
        rows, here = 0, False
        for line in done.stdout.splitlines():
            words = line.split()
            here = words[0] == name if words and not line[0].isspace() else here
            rows += here and len(words) >= 2 and words[-2].isdigit()
        return rows

    def is_whole(self):
        """Does its daemon see two members that hold every row? Of daemons that are no cluster nothing
        is asked. The one place that reads `ringfence cluster`."""
        if self.world.settings.gateways != "cluster":
            return True
        try:
            told = json.loads(self.ringfence("cluster", "--json"))
        except Unseen:          # status 1: it is being filled
            return False
        return [m["state"] for m in told["cluster"]] == ["full", "full"]

    def kill_all(self):
        """Every process of the member dies in one instant: the first of its process namespace."""
        self.holder.send(signal.SIGKILL)
        self.holder.outer.wait()
        for part in self.parts.values():
            part.end(signal.SIGKILL)

    def forget_host(self):
        """What a host that lost its power does not remember."""
        shutil.rmtree(self.pins, ignore_errors=True)
        shutil.rmtree(self.work / "run", ignore_errors=True)
        for device, address in VIRTUAL.items():
            subprocess.run(["ip", "-n", self.namespace, "address", "del", f"{address}/32", "dev",
                            device], check=False, stderr=subprocess.DEVNULL)

    def unmake(self):
        for name in ("keepalived", "daemon", "witness", "corosync"):
            if name in self.parts:
                self.parts[name].end(seconds=3)
        for process in (self.holder, self.monitor):
            if process:
                process.end(signal.SIGKILL)
        shutil.rmtree(self.pins, ignore_errors=True)


class World:
    """settings: pace (subsecond, calm), gateways (cluster, alone, none), split (each member leads one
    virtual router), token (corosync's, ms; None as in the example), nat (the PBX sees phones as the
    gateways' address)."""

    def __init__(self, settings):
        self.settings = settings
        self.id = f"c{os.getpid()}"
        self.work = pathlib.Path(tempfile.mkdtemp(prefix=f"ringfence-cluster-{self.id}-"))
        self.members = [Member(self, "first", 1), Member(self, "second", 2)]
        self.started = []
        self.divided, self.runs = False, 0
        self.namespaces = [f"{n}-{self.id}" for n in ("wire", "phones", "pbx", "stranger", "first",
                                                      "second")]
        self.parts = ["corosync", "witness", "daemon", "keepalived"]
        if settings.gateways == "none":
            self.parts.remove("daemon")

    # The members' files: the shipped examples, with what differs in a test.
    def files(self, member):
        corosync = (EXAMPLES / "cluster/corosync.conf").read_text()
        corosync = corosync.replace("to_stderr: no", "to_stderr: yes")
        corosync = corosync.replace("to_syslog: yes", "to_syslog: no")
        if self.settings.token:
            corosync = corosync.replace("token: 300", f"token: {self.settings.token}")
        keepalived = (EXAMPLES / f"cluster/keepalived-{self.settings.pace}.conf").read_text()
        script = "/run/ringfence/ringfence cluster" if "daemon" in self.parts else "/bin/true"
        keepalived = keepalived.replace("/usr/sbin/ringfence cluster", script)
        if self.settings.split:
            keepalived = split_routers(keepalived, member.number)
        return {"corosync.conf": corosync, "keepalived.conf": keepalived,
                "gateway.yaml": self.gateway_file(member)}

    def phone_seen(self):
        """Where the PBX's media goes."""
        return VIRTUAL["out0"] if self.settings.nat else PHONE

    def gateway_file(self, member):
        """The one place that knows how a gateway is told of its cluster."""
        text = (EXAMPLES / "office.yaml").read_text()
        text += "\nlimits: { unknown_rate: 5000 }\n"
        text += f"daemon: {{ pins: {member.pins} }}\n"
        if self.settings.gateways == "cluster":
            text += "cluster: { group: office }\n"
        if self.settings.nat:
            text += (f"nat: {{ phones: {{ zone: phones, seen_from: pbxes, hosts: [{PHONE}], "
                     f"static: {VIRTUAL['out0']} }} }}\n")
        return text

    def start(self, where, name, command, **more):
        inside = ["nsenter", f"--net=/run/netns/{where}-{self.id}", *map(str, command)]
        process = Process(inside, self.work / f"{name}.log", through=False, **more)
        self.started.append(process)
        return process

    def do(self, where, *command, **more):
        return run("nsenter", f"--net=/run/netns/{where}-{self.id}", *command, **more)

    def make(self):
        if not os.path.ismount("/sys/fs/bpf"):
            run("mount", "-t", "bpf", "bpf", "/sys/fs/bpf")
        for namespace in self.namespaces:
            run("ip", "netns", "add", namespace)
            run("ip", "-n", namespace, "link", "set", "lo", "up")
        for bridge in BRIDGES.values():
            run("ip", "-n", f"wire-{self.id}", "link", "add", bridge, "type", "bridge",
                "mcast_snooping", "0")
            run("ip", "-n", f"wire-{self.id}", "link", "set", bridge, "up")
        self.side("phones", "eth0", "left", f"{PHONE}/24", VIRTUAL["in0"])
        self.side("pbx", "eth0", "right", f"{PBX}/24", VIRTUAL["out0"])
        for device, bridge, net in (("eth1", "left", 1), ("eth2", "right", 2)):
            self.side("stranger", device, bridge, f"10.77.{net}.{BLIND}/24", None)
            run("ip", "-n", f"stranger-{self.id}", "address", "add",
                f"10.77.{net}.{KNOWING}/24", "dev", device)
        # Towards the other side by the virtual address of the side that it speaks from.
        for net, other in ((1, 2), (2, 1)):
            table = str(100 + net)
            run("ip", "-n", f"stranger-{self.id}", "route", "add", f"10.77.{other}.0/24", "via",
                f"10.77.{net}.1", "dev", f"eth{net}", "table", table)
            for host in (BLIND, KNOWING):
                run("ip", "-n", f"stranger-{self.id}", "rule", "add", "from",
                    f"10.77.{net}.{host}", "lookup", table)
        for member in self.members:
            for device, address in (("in0", f"10.77.1.{1 + member.number}"),
                                    ("out0", f"10.77.2.{1 + member.number}"),
                                    ("core0", f"10.77.9.{member.number}")):
                self.side(member.name, device, BRIDGES[device], f"{address}/24", None)
            run("ip", "netns", "exec", member.namespace, "sysctl", "-qw", "net.ipv4.ip_forward=1")
        for where in ("phones", "pbx"):
            self.do(where, "nft", "-f", "-", input=COUNT_STRANGERS)
        run("corosync-keygen", "-k", self.work / "authkey")
        for member in self.members:
            member.make()

    def side(self, where, device, bridge, address, router):
        """A cable from a namespace to a bridge; the port bears the namespace's name."""
        namespace, port = f"{where}-{self.id}", f"{where[:8]}.{device}"
        run("ip", "-n", namespace, "link", "add", device, "type", "veth", "peer", "name", port,
            "netns", f"wire-{self.id}")
        run("ip", "-n", f"wire-{self.id}", "link", "set", port, "master", bridge, "up")
        # A frame for a host that is gone goes nowhere. Flooded, it would reach the other member, whose
        # fast path forwards what it knows, and the figures would not be those of the address's move.
        run("bridge", "-n", f"wire-{self.id}", "link", "set", "dev", port, "flood", "off")
        run("ip", "-n", namespace, "address", "add", address, "dev", device)
        run("ip", "-n", namespace, "link", "set", device, "up")
        if router:
            run("ip", "-n", namespace, "route", "add", "default", "via", router)
        # Unfinished checksums and tags in metadata do not survive a redirect.
        run("ip", "netns", "exec", namespace, "ethtool", "-K", device, "tx", "off", "rx", "off",
            "tso", "off", "gso", "off", "gro", "off", "txvlan", "off")

    def cable(self, member, devices, state):
        """Pulls or plugs a member's cables, all at once, at the far end."""
        batch = "".join(f"link set {member.name[:8]}.{d} {state}\n" for d in devices)
        run("ip", "-n", f"wire-{self.id}", "-batch", "-", input=batch)

    def divide(self, divided):
        """The core bridge passes nothing; no member sees a link go down."""
        if divided == self.divided:
            return
        self.divided = divided
        for member in self.members:
            run("bridge", "-n", f"wire-{self.id}", "link", "set", "dev",
                f"{member.name[:8]}.core0", "state", "0" if divided else "3")

    def start_members(self):
        """The first is to hold the addresses: its keepalived starts first."""
        for member in self.members:
            for part in self.parts[:-1]:
                member.start(part)
        for member in self.members:
            member.start("keepalived")
            if member is self.members[0]:
                wait_for("the first member does not hold both addresses", START_S,
                         lambda m=member: len(m.holds()) == len(VIRTUAL))
        self.wait_steady()

    def wait_steady(self, seconds=30):
        wait_for("no group of two", seconds, lambda: all(m.group() == 2 for m in self.members), 0.2)
        wait_for("not each gateway sees two whole members", seconds,
                 lambda: all(m.is_whole() for m in self.members), 0.2)
        wait_for("not each address is held by one member", seconds,
                 lambda: sorted(a for m in self.members for a in m.holds()) ==
                 sorted(VIRTUAL.values()), 0.2)

    def roles(self):
        """(who holds the phones' address, the other)"""
        active = wait_for("nobody holds the phones' address", 10, lambda: next(
            (m for m in self.members if VIRTUAL["in0"] in m.holds()), None))
        return active, next(m for m in self.members if m is not active)

    def strangers_forget(self):
        for where in ("phones", "pbx"):
            self.do(where, "nft", "reset", "counters")

    def strangers_passed(self):
        seen = {}
        for where in ("phones", "pbx"):
            listed = json.loads(self.do(where, "nft", "-j", "list", "counters"))
            for item in listed["nftables"]:
                if counter := item.get("counter"):
                    seen[counter["name"]] = seen.get(counter["name"], 0) + counter["packets"]
        return seen

    def unmake(self):
        for process in reversed(self.started):
            process.end(seconds=2)
        for member in self.members:
            member.unmake()
        for namespace in self.namespaces:
            subprocess.run(["ip", "netns", "del", namespace], check=False,
                           stderr=subprocess.DEVNULL)
        if not os.environ.get("RINGFENCE_KEEP"):
            shutil.rmtree(self.work, ignore_errors=True)


def split_routers(text, number):
    """Each member leads one router: other priorities, and no group that ties the two together."""
    head, rest = text.split("vrrp_sync_group office {", 1)
    instances = rest[rest.index("vrrp_instance"):]
    tracked = "\ttrack_interface {\n\t\tin0\n\t\tout0\n\t}\n\ttrack_script {\n\t\tgateway\n\t}\n"
    parts = instances.split("vrrp_instance ")[1:]
    for index, part in enumerate(parts):
        own = "priority 120" if index + 1 == number else "priority 100"
        part = part.replace("priority 100", own)
        parts[index] = "vrrp_instance " + part.rstrip()[:-1] + tracked + "}\n"
    return head + "\n".join(parts)
