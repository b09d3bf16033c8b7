# SPDX-License-Identifier: MIT
"""What the tests with real SIP programs share: namespaces for zones, the daemon, kamailio, baresip
and SIPp, all of one run. A zone is one namespace with as many addresses as it has hosts."""
import contextlib
import ctypes
import json
import os
import pathlib
import shutil
import socket
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
RINGFENCE = ROOT / os.environ.get("BUILD", "build") / "ringfence"
PROGRAMS = ("kamailio", "baresip", "sipp")
MODULES = "/usr/lib/x86_64-linux-gnu/kamailio/modules/"
BARESIP = """poll_method epoll
sip_listen {host}:{port}
audio_source aufile,{work}/tone.wav
audio_player aufile,{work}/heard-{name}.wav
audio_alert aufile,/dev/null
ring_aufile none
callwaiting_aufile none
ringback_aufile none
module_path /usr/lib/baresip/modules
module g711.so
module aufile.so
module uuid.so
module_tmp account.so
module_app contact.so
module_app menu.so
module_app ctrl_tcp.so
ctrl_tcp_listen {host}:{control}
rtp_ports {rtp}-{rtp_end}
net_interface eth0
"""
KAMAILIO = """#!KAMAILIO
debug=1
log_stderror=yes
children=2
auto_aliases=no
disable_tcp=yes
{listen}
mpath="{modules}"
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "maxfwd.so"
loadmodule "usrloc.so"
loadmodule "registrar.so"
loadmodule "textops.so"
loadmodule "siputils.so"
loadmodule "auth.so"
loadmodule "corex.so"
request_route {{
    if (!mf_process_maxfwd_header("10")) exit;
    if (has_totag()) {{
        if (loose_route()) {{ t_relay(); exit; }}
        if (is_method("ACK")) {{ if (t_check_trans()) t_relay(); exit; }}
        sl_send_reply("404", "Not Here");
        exit;
    }}
    if (is_method("CANCEL")) {{ if (t_check_trans()) t_relay(); exit; }}
    t_check_trans();
{route}
}}
"""
REGISTRAR = """    if (is_method("REGISTER")) {
        if (!pv_www_authenticate("$fd", "secret", "0")) { www_challenge("$fd", "1"); exit; }
        save("location");
        exit;
    }
    if (is_method("INVITE") && !pv_proxy_authenticate("$fd", "secret", "0")) {
        proxy_challenge("$fd", "1");
        exit;
    }
    record_route();
    if (!lookup("location")) { sl_send_reply("404", "Not Found"); exit; }
    t_relay();
"""


def relay(**users):
    """A proxy's way for each user: "host:port"."""
    lines = [f'\trecord_route();\n'] + [
        f'\tif ($rU == "{user}") {{ $du = "sip:{place}"; t_relay(); exit; }}\n'
        for user, place in users.items()]
    return "".join(lines) + '\tsl_send_reply("404", "Not Found");\n'


def wait(question, seconds=15):
    end = time.monotonic() + seconds
    while not (answer := question()) and time.monotonic() < end:
        time.sleep(0.1)
    return answer


class Lab:
    def __init__(self, prefix):
        self.run = f"{prefix}{os.getpid()}"
        self.pins = pathlib.Path(f"/sys/fs/bpf/ringfence-{self.run}")
        self.work = pathlib.Path(tempfile.mkdtemp(prefix=f"ringfence-{prefix}-"))
        self.control = self.work / "control.sock"
        self.started, self.zones = [], []
        self.passed = self.failed = 0

    def see(self, sentence, seen, what=""):
        self.passed += bool(seen)
        self.failed += not seen
        print(f"ok - {sentence}" if seen else f"not ok - {sentence}: {what}", flush=True)
        return seen

    def inside(self, where, *command):
        # Not `ip netns exec`: that hides /sys/fs/bpf behind a fresh /sys.
        return ["nsenter", f"--net=/run/netns/{where}-{self.run}", *map(str, command)]

    @contextlib.contextmanager
    def namespace(self, where):
        """The calling thread's; a socket stays where it was made."""
        libc = ctypes.CDLL(None, use_errno=True)
        with open("/proc/self/ns/net", "rb") as home, \
                open(f"/run/netns/{where}-{self.run}", "rb") as there:
            if libc.setns(there.fileno(), 0x40000000):
                raise OSError(ctypes.get_errno(), "setns")
            try:
                yield
            finally:
                if libc.setns(home.fileno(), 0x40000000):
                    os._exit(1)

    def ip(self, *words):
        subprocess.run(["ip", *" ".join(words).split()], check=True)

    def make_zone(self, zone, number, *hosts):
        """10.77.NUMBER.0/24 behind the gateway's device named as the zone."""
        self.make_link(zone, zone, f"10.77.{number}.1/24", *hosts)

    def make_link(self, where, device, address, *hosts):
        """A namespace with these hosts behind a device of the gateway that has this address."""
        name, gateway = f"{where}-{self.run}", f"gateway-{self.run}"
        first, bits = address.split("/")
        if not self.zones:
            self.ip(f"netns add {gateway}")
            self.zones.append("gateway")
            self.ip(f"-n {gateway} link set lo up")
        self.ip(f"netns add {name}")
        self.zones.append(where)
        self.ip(f"-n {name} link set lo up")
        self.ip(f"-n {gateway} link add {device} type veth peer name eth0 netns {name}")
        self.ip(f"-n {gateway} address add {address} dev {device}")
        self.ip(f"-n {gateway} link set {device} up")
        for host in hosts:
            self.ip(f"-n {name} address add {host}/{bits} dev eth0")
        self.ip(f"-n {name} link set eth0 up")
        self.ip(f"-n {name} route add default via {first}")
        for place, link in ((where, "eth0"), ("gateway", device)):
            subprocess.run(self.inside(place, "ethtool", "-K", link, *"tx off rx off tso off gso off "
                                       "gro off txvlan off".split()), check=True,
                           stdout=subprocess.DEVNULL)
        subprocess.run(self.inside("gateway", "sysctl", "-qw", "net.ipv4.ip_forward=1"), check=True)

    def arrived(self, where):
        """Packets that came in there."""
        told = subprocess.run(["ip", "-j", "-s", "-n", f"{where}-{self.run}", "link", "show", "eth0"],
                              capture_output=True, text=True, check=True).stdout
        return json.loads(told)[0]["stats64"]["rx"]["packets"]

    def start(self, name, where, *command, log=None):
        with open(log or self.work / f"{name}.log", "ab") as out:
            process = subprocess.Popen(self.inside(where, *command), stdin=subprocess.DEVNULL,
                           stdout=out, stderr=out, cwd=self.work)
        self.started.append(process)
        return process

    def log(self, name):
        path = self.work / f"{name}.log"
        return path.read_text(errors="replace")[-1500:] if path.exists() else ""

    def daemon(self, text):
        config = self.work / "gateway.yaml"
        config.write_text(f"{text}\ndaemon: {{ control: {self.control}, pins: {self.pins} }}\n")
        self.gateway = self.start("gateway", "gateway", RINGFENCE, "run", "-c", config)
        if not wait(self.control.exists, 20):
            raise OSError(self.log("gateway"))

    def show(self, *words):
        done = subprocess.run(self.inside("gateway", RINGFENCE, *words, "--json", "--control",
                          self.control), capture_output=True, text=True, check=True)
        document = json.loads(done.stdout)
        return next(v for v in document.values() if isinstance(v, list))

    def print(self, *words):
        """As it is on a terminal of 80 columns."""
        command = " ".join(self.inside("gateway", RINGFENCE, *words, "--control", self.control))
        return subprocess.run(["script", "-qec", f"stty cols 80; exec {command}", "/dev/null"],
                      stdin=subprocess.DEVNULL, capture_output=True, text=True,
                      check=True).stdout

    def counter(self, name):
        return next(c["value"] for c in self.show("counters") if c["name"] == name)

    def calls(self, state="confirmed"):
        return [c for c in self.show("calls") if c["state"] == state]

    def carried(self, packets=25):
        """Directions of RTP that the gateway carried so many packets of, in calls that are up."""
        return sum(s["packets"] >= packets and s["kind"] == "rtp"
               for c in self.calls() for s in c["streams"])

    def talks_both_ways(self, what, seconds=20):
        self.see(f"RTP passes both ways {what}", wait(lambda: self.carried() >= 2, seconds),
             [c["streams"] for c in self.show("calls")])

    def is_over(self, what):
        """Only what is registered keeps a door open."""
        self.see(f"nothing is open when it is over {what}", wait(lambda: not [
            f for table in ("flows", "pinholes") for f in self.show(table)
            if f["kind"] != "signalling"]), self.show("calls"))

    def kamailio(self, name, where, places, route):
        config = self.work / f"{name}.cfg"
        config.write_text(KAMAILIO.format(listen="\n".join(f"listen=udp:{p}" for p in places),
                          modules=MODULES, route=route))
        here = self.work / name
        here.mkdir()
        process = self.start(name, where, "kamailio", "-DD", "-E", "-m", "32", "-M", "4", "-f",
                     config, "-w", here, "-Y", here, "-P", here / "pid")
        if process.poll() is not None:
            raise OSError(self.log(name))
        return process

    def baresip(self, name, where, place, accounts, number):
        return Baresip(self, name, where, place, accounts, number)

    def sipp(self, name, where, scenario, place, *words):
        """`place` is its own; without a peer among the words it waits for a call."""
        host, port = place.split(":")
        text = self.work / f"{name}.xml"
        text.write_text(f'<?xml version="1.0" encoding="UTF-8"?>\n<scenario name="{name}">'
                        f'\n{scenario}</scenario>\n')
        return self.start(name, where, "sipp", *words, "-sf", text, "-i", host, "-p", port,
                  "-m", "1", "-nostdin", "-trace_err", "-error_file", self.work / f"{name}.err")

    def ended_well(self, process, name):
        """Did SIPp see its scenario through? And what it complained of."""
        try:
            status = process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            status = "still there"
        path = self.work / f"{name}.err"
        return status == 0, (status, path.read_text()[-600:] if path.exists() else "")

    def end(self, process):
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(timeout=5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def clean_up(self):
        for process in reversed(self.started):
            self.end(process)
        for zone in self.zones:
            subprocess.run(["ip", "netns", "del", f"{zone}-{self.run}"], check=False)
        shutil.rmtree(self.pins, ignore_errors=True)
        if not os.environ.get("KEEP_WORK"):
            shutil.rmtree(self.work, ignore_errors=True)


class Baresip:
    """Driven by its control socket: JSON in netstrings."""

    def __init__(self, lab, name, where, place, accounts, number):
        host, port = place.split(":")
        here = lab.work / name
        here.mkdir()
        self.lab, self.name = lab, name
        self.make_tone(lab.work / "tone.wav")
        (here / "accounts").write_text("".join(line + "\n" for line in accounts))
        (here / "contacts").write_text("")
        (here / "config").write_text(BARESIP.format(
            host=host, port=port, work=lab.work, name=name, control=4440 + number,
            rtp=20000 + 100 * number, rtp_end=20098 + 100 * number))
        self.process = lab.start(name, where, "baresip", "-f", here)
        self.socket = wait(lambda: self.connect(where, host, 4440 + number))
        if not self.socket:
            raise OSError(lab.log(name))

    @staticmethod
    def make_tone(path):
        """G.711's 8,000 Hz, 16 bits: 60 s of a square wave."""
        if path.exists():
            return
        data = (b"\x00\x10" * 8 + b"\x00\xf0" * 8) * (8000 * 60 // 16)
        path.write_bytes(b"RIFF" + (36 + len(data)).to_bytes(4, "little") + b"WAVEfmt " +
                 b"\x10\0\0\0\x01\0\x01\0\x40\x1f\0\0\x80\x3e\0\0\x02\0\x10\0data" +
                 len(data).to_bytes(4, "little") + data)

    def connect(self, where, host, port):
        with self.lab.namespace(where):
            made = socket.socket()
        try:
            made.connect((host, port))
            return made
        except OSError:
            made.close()
            return None

    def is_registered(self):
        return wait(lambda: "200 OK" in self.lab.log(self.name))

    def do(self, command, params=""):
        text = json.dumps({"command": command, "params": params, "token": "t"})
        self.socket.sendall(f"{len(text)}:{text},".encode())


def ready(name):
    """False, and the line that says why, where this machine cannot run it."""
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    missing = [p for p in PROGRAMS if not shutil.which(p)]
    if os.geteuid() != 0 or missing:
        print(f"SKIP {name}: needs root and {', '.join(PROGRAMS)} (scripts/deps installs them)")
        print("0 passed, 0 failed, 1 skipped")
        return False
    if not os.path.ismount("/sys/fs/bpf"):
        subprocess.run(["mount", "-t", "bpf", "bpf", "/sys/fs/bpf"], check=True)
    return True


def run(lab, play):
    try:
        play(lab)
    except (OSError, subprocess.SubprocessError, LookupError, ValueError, StopIteration) as error:
        lab.see("the test came to its end", False, repr(error))
    finally:
        lab.clean_up()
    print(f"{lab.passed} passed, {lab.failed} failed, 0 skipped")
    return 1 if lab.failed else 0


MEDIA = '<nop><action><exec play_pcap_audio="/usr/share/sip-tester/g711a.pcap"/></action></nop>'
SDP = """v=0
o=x 1 1 IN IP4 [local_ip]
s=-
c=IN IP4 [media_ip]
t=0 0
m=audio [media_port] RTP/AVP 8
a=rtpmap:8 PCMA/8000
"""
COPIED = "[last_Via:]\n[last_From:]\n[last_To:]{tag}\n[last_Call-ID:]\n[last_CSeq:]\n"
CONTACT = "Contact: <sip:x@[local_ip]:[local_port]>\n"


def _send(start, headers, body="", more=""):
    kind = "Content-Type: application/sdp\n" if body else ""
    return (f"<send {more}>\n<![CDATA[\n{start}\n{headers}{kind}Content-Length: [len]\n\n{body}\n"
            "]]></send>\n")


def _request(method, number, peer, to_tag, from_tag):
    return (f"{method} sip:{peer} SIP/2.0",
            "Via: SIP/2.0/UDP [local_ip]:[local_port];branch=[branch]\nMax-Forwards: 70\n"
            f"From: <sip:x@[local_ip]>{from_tag}\nTo: <sip:{peer}>{to_tag}\n"
            f"Call-ID: [call_id]\nCSeq: {number} {method}\n{CONTACT}")


def _answer(method, body="", tag="", more=""):
    return (f'<recv request="{method}"/>\n' if method else "") + \
        _send("SIP/2.0 200 OK", COPIED.format(tag=tag) + CONTACT, body, more)


def asked_caller(peer):
    """Calls; is asked and hung up on inside the dialog."""
    mine = ";tag=[pid]a[call_number]"
    return (_send(*_request("INVITE", 1, peer, "", mine), SDP, 'retrans="500"') +
            '<recv response="100" optional="true"/><recv response="180" optional="true"/>'
            '<recv response="200"/>' + _send(*_request("ACK", 1, peer, "[peer_tag_param]", mine)) +
            MEDIA + _answer("OPTIONS") + _answer("BYE") + '<timewait milliseconds="500"/>')


def asking_callee(peer):
    """Answers; asks and hangs up inside the dialog."""
    mine, theirs = ";tag=[pid]b[call_number]", ";tag=[$tag]"
    return ('<recv request="INVITE"><action><ereg regexp=".*tag=([^;]*)" search_in="hdr" '
            'header="From:" assign_to="all,tag"/></action></recv><Reference variables="all"/>' +
            _answer("", SDP, mine, 'retrans="500"') + '<recv request="ACK"/>' + MEDIA +
            '<pause milliseconds="3000"/>' +
            _send(*_request("OPTIONS", 1, peer, theirs, mine), more='retrans="500"') +
            '<recv response="200"/>' +
            _send(*_request("BYE", 2, peer, theirs, mine), more='retrans="500"') +
            '<recv response="200"/><timewait milliseconds="500"/>')


def caller(peer):
    """Calls, hangs up; by a proxy too."""
    mine = ";tag=[pid]a[call_number]"
    invite, ack, bye = ((f"{method} {{uri}} SIP/2.0", _request(method, number, peer, tag, mine)[1])
                        for method, number, tag in (("INVITE", 1, ""), ("ACK", 1, "[peer_tag_param]"),
                                                    ("BYE", 2, "[peer_tag_param]")))
    return (_send(invite[0].format(uri=f"sip:{peer}"), invite[1], SDP, 'retrans="500"') +
            '<recv response="100" optional="true"/><recv response="180" optional="true"/>'
            '<recv response="200" rrs="true"/>' +
            _send(ack[0].format(uri="[next_url]"), ack[1] + "[routes]\n") + MEDIA +
            '<pause milliseconds="3000"/>' +
            _send(bye[0].format(uri="[next_url]"), bye[1] + "[routes]\n", more='retrans="500"') +
            '<recv response="200"/><timewait milliseconds="500"/>')


def callee():
    """Answers, also by a proxy."""
    mine = ";tag=[pid]b[call_number]"
    return ('<recv request="INVITE" rrs="true"/>' +
            _send("SIP/2.0 200 OK", "[last_Record-Route:]\n" + COPIED.format(tag=mine) + CONTACT, SDP,
                  'retrans="500"') +
            '<recv request="ACK"/>' + MEDIA + _answer("BYE") + '<timewait milliseconds="500"/>')
