#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The operator's commands against a daemon that runs, one that was killed, and after unload."""
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
RINGFENCE = ROOT / os.environ.get("BUILD", "build") / "ringfence"
DEMO = ROOT / "scripts/demo.d"
MEDIA = ROOT / "tests/net/operator_media.py"
REGISTER = ROOT / "tests/net/operator_register.py"
RUN = str(os.getpid())
PINS = f"/sys/fs/bpf/ringfence-{RUN}"
TABLES = ("calls", "pinholes", "flows", "bindings", "sources", "counters")
PHONE, PBX, GUEST = "10.77.1.11", "10.77.2.10", "10.77.3.12"

ZONES = """zones:
  phones: { interfaces: [in0], networks: [10.77.1.0/24, 10.77.3.0/24], media_ports: 10000-65535 }
  pbxes:  { interfaces: [out0], networks: [10.77.2.0/24], media_ports: 10000-65535 }
"""
REST = """servers:
  pbx: { addresses: [10.77.2.10], zone: pbxes, speaks: [sip], part: proxy }
rules:
  - { name: phones call out, from: phones, to: pbxes, allow: [sip] }
  - { name: the pbx calls in, from: pbxes, to: phones, allow: [sip] }
"""
MOVED = """zones:
  guests: { networks: [10.77.4.0/24], media_ports: 10000-65535 }
  pbxes:  { interfaces: [out0], networks: [10.77.2.0/24], media_ports: 10000-65535 }
  phones: { interfaces: [in0], networks: [10.77.1.0/24, 10.77.3.0/24], media_ports: 10000-65535 }
"""
WITHOUT = """zones:
  pbxes:  { interfaces: [out0, in0], networks: [10.77.2.0/24], media_ports: 10000-65535 }
"""
NAMED = """zones:
  phones: { interfaces: [in0], networks: [10.77.1.0/24], media_ports: 10000-65535 }
  pbxes:  { interfaces: [out0, guest0], networks: [10.77.2.0/24], media_ports: 10000-65535 }
"""


class Failed(Exception):
    """The first failure ends the test."""


class Told:
    """What a command said."""

    def __init__(self, done):
        self.status, self.out, self.err = done.returncode, done.stdout, done.stderr

    def refused(self, *words, status=1):
        return self.status == status and all(w in self.out + self.err for w in words)

    def json(self):
        try:
            return json.loads(self.out)
        except ValueError:
            return {}


class Lab:
    def __init__(self):
        self.work = pathlib.Path(tempfile.mkdtemp(prefix="ringfence-operator-"))
        self.control = self.work / "control.sock"
        self.daemon, self.started, self.last = None, [], ""

    def inside(self, where, *command):
        # Not ip netns exec: that hides the bpffs.
        return ["nsenter", f"--net=/run/netns/{where}-{RUN}", *map(str, command)]

    def command(self, *words):
        return self.inside("gateway", RINGFENCE, *words, "--control", self.control, "--pins", PINS)

    def rf(self, *words):
        told = Told(subprocess.run(self.command(*words), capture_output=True, text=True,
                                   check=False, timeout=60))
        self.last = f"{words}: {told.status}\n{told.out}{told.err}"
        return told

    def show(self, *words):
        return self.rf(*words, "--json").json()

    def begin(self, name, where, *command):
        with open(self.work / name, "ab") as log:
            process = subprocess.Popen(self.inside(where, *command), stdin=subprocess.DEVNULL,
                                       stdout=log, stderr=log, cwd=self.work)
        self.started.append(process)
        return process

    def log(self, name="log"):
        path = self.work / name
        return path.read_text(errors="replace") if path.exists() else ""

    def lines(self, name):
        for line in self.log(name).splitlines():
            try:
                yield json.loads(line)
            except ValueError:
                pass

    def write(self, text):
        (self.work / "gateway.yaml").write_text(
            f"{text}daemon: {{ control: {self.control}, pins: {PINS} }}\n")

    def run(self):
        self.daemon = self.begin("log", "gateway", RINGFENCE, "run", "-c", "gateway.yaml")
        return within(20, lambda: self.show("status").get("daemon") == "running")

    def kill(self):
        self.daemon.kill()
        self.daemon.wait()

    def attached(self, interface, what):
        """The member `what` of each attachment of the interface."""
        return [i[what] for i in self.show("status")["interfaces"] if i["interface"] == interface]

    def standing(self, source):
        """Zone, standing and origin of each row of the source."""
        return [(s["zone"], s["standing"], s.get("by")) for s in self.show("sources")["sources"]
                if s["source"] == source]

    def counter(self, name):
        return next(c["value"] for c in self.show("counters")["counters"] if c["name"] == name)

    def entries(self, standing):
        """How many entries the fast path holds of that standing."""
        out = subprocess.run(["bpftool", "-j", "map", "dump", "pinned", f"{PINS}/maps/sources"],
                             capture_output=True, text=True, check=True).stdout
        return sum(e["formatted"]["value"]["standing"] == standing for e in json.loads(out))

    def calls(self):
        return self.show("calls").get("calls", [])

    def streams(self, kind="rtp"):
        return [s for c in self.calls() for s in c["streams"] if s["kind"] == kind]

    def count(self, table, *filters):
        return len(self.show(table, *filters)[table])

    def media(self, table, *filters):
        """How many doors of media: a registration has one of signalling."""
        return sum(f["kind"] != "signalling" for f in self.show(table, *filters)[table])

    def up(self):
        subprocess.run([ROOT / "scripts/netns", "up", RUN], check=True)
        subprocess.run(["ip", "netns", "add", f"guest-{RUN}"], check=True)
        self.add_guest()

    def add_guest(self):
        for words in (f"-n gateway-{RUN} link add guest0 type veth peer name eth0 netns guest-{RUN}",
                      f"-n gateway-{RUN} address add 10.77.3.1/24 dev guest0",
                      f"-n gateway-{RUN} link set guest0 up",
                      f"-n guest-{RUN} address add {GUEST}/24 dev eth0",
                      f"-n guest-{RUN} link set eth0 up",
                      f"-n guest-{RUN} route add default via 10.77.3.1"):
            subprocess.run(["ip", *words.split()], check=True)

    def down(self):
        for process in reversed(self.started):
            if process.poll() is None:
                process.kill()
                process.wait()
        self.rf("unload")
        subprocess.run(["ip", "netns", "del", f"guest-{RUN}"], check=False)
        subprocess.run([ROOT / "scripts/netns", "down", RUN], check=False)
        subprocess.run(["rm", "-rf", self.work], check=False)


lab = Lab()


def check(sentence, seen):
    if not seen:
        print(f"not ok - {sentence}\n{lab.last[-2000:]}{lab.log()[-2000:]}", flush=True)
        raise Failed(sentence)
    print(f"ok - {sentence}", flush=True)


def within(seconds, question):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if answer := question():
            return answer
        time.sleep(0.1)
    return question()


def nothing_to_show(when):
    for command in ("status", *TABLES):
        check(f"{command} {when} is refused with how to start",
              lab.rf(command).refused("ringfence run -c FILE"))
        told = lab.rf(command, "--json")
        check("in JSON too, with the daemon's absence in a member",
              told.status == 1 and told.json().get("daemon") == "none" and told.json()["error"])


def attaching():
    attach = lambda *words: lab.rf("attach", *words)  # noqa: E731
    check("an unknown zone is refused with the nearest right one",
          attach("guest0", "--zone", "phone").refused("did you mean phones?"))
    check("an unknown interface is, too",
          attach("guest1", "--zone", "phones").refused("did you mean guest0?"))
    check("what the file puts in a zone is not moved by hand",
          attach("in0", "--zone", "pbxes").refused("change the file"))
    check("a mode that is none is wrong use",
          attach("guest0", "--zone", "phones", "--mode", "generic").refused(status=2))
    check("an attach without zone is wrong use", attach("guest0").refused(status=2))
    check("the gate is no interface of a zone", attach("rfgate0", "--zone", "phones").refused())
    told = attach("guest0", "--zone", "phones", "--mode", "native", "--json").json()
    check("attach reports the mode and why", told.get("mode") == "native" and told["why"])
    check("status shows that mode", lab.attached("guest0", "mode") == ["native"])
    told = attach("guest0", "--zone", "phones", "--json").json()
    check("the mode changes by hand", told.get("mode") == "tc" and "offloads" in told["why"])
    check("it is the operator's", lab.attached("guest0", "by") == ["hand"])
    check("what the file names is not", lab.attached("in0", "by") == ["file"])
    check("a reload", lab.rf("reload").status == 0)
    check("leaves it attached", lab.attached("guest0", "by") == ["hand"])
    lab.kill()
    check("a daemon that was killed comes back", lab.run())
    check("and leaves it attached in its mode", lab.attached("guest0", "mode") == ["tc"])


def reloading():
    lab.write(MOVED)
    check("a reload with the zones in another order", lab.rf("reload").status == 0)
    check("moves no interface that was attached by hand",
          lab.attached("guest0", "zone") == ["phones"])
    check("nor one of the file", lab.attached("in0", "zone") == ["phones"])
    lab.write(WITHOUT)
    check("a reload without the zone of an attached interface is refused",
          lab.rf("reload").refused())
    check("and the log names it", "ringfence detach guest0" in lab.log())
    lab.write(NAMED)
    check("a reload that names it", lab.rf("reload").status == 0)
    check("moves it to where the file says", lab.attached("guest0", "zone") == ["pbxes"])
    check("and it is the file's", lab.attached("guest0", "by") == ["file"])
    lab.write(ZONES + REST)
    check("a reload that names it no more", lab.rf("reload").status == 0)
    check("leaves it, in the operator's charge", lab.attached("guest0", "by") == ["hand"])


def detaching():
    check("detach by the daemon", lab.rf("detach", "guest0").status == 0)
    check("takes it out", lab.attached("guest0", "zone") == [])
    check("once", lab.rf("detach", "guest0").refused("nothing of ours"))
    check("and the daemon knows", "detached interface=guest0" in lab.log())
    check("attached once more", lab.rf("attach", "guest0", "--zone", "phones").status == 0)
    subprocess.run(["ip", "-n", f"gateway-{RUN}", "link", "del", "guest0"], check=True)
    check("an interface that goes is forgotten",
          within(20, lambda: lab.attached("guest0", "zone") == []))
    lab.add_guest()


def scenario(name, media_port):
    """The demo's call without SIPp's own media, and as long as it takes."""
    text = "".join(line for line in (DEMO / name).read_text().splitlines(True)
                   if "play_pcap" not in line)
    text = text.replace("[media_port]", media_port)
    if name == "uas.xml":
        text = text.replace('<pause milliseconds="8500"/>', "")
    (lab.work / name).write_text(text.replace('"8500"', '"600000"'))


def registering():
    registrar = lab.begin("registrar", "pbx", REGISTER, "registrar", PBX)
    phone = lab.begin("register", "phone", REGISTER, "phone", PHONE, PBX)
    check("a phone registers", phone.wait(timeout=30) == 0)
    registrar.kill()
    registrar.wait()
    bindings = lab.show("bindings")["bindings"]
    check("its binding is told", len(bindings) == 1 and
          bindings[0]["contact"] == f"{PHONE}:5070" and bindings[0]["zone"] == "phones" and
          bindings[0]["aor"] == f"sip:carol@{PBX}" and 0 < bindings[0]["expires_s"] <= 600)
    check("by an address of either side", lab.count("bindings", PHONE) == 1 and
          lab.count("bindings", PBX) == 1 and lab.count("bindings", GUEST) == 0)


def calling():
    lab.begin("events", "gateway", *lab.command("events", "--follow", "--json")[2:])
    scenario("uac.xml", "16000")
    scenario("uas.xml", "17000")
    common = ["-m", "1", "-nostdin", "-p", "5060", "-mp", "26000"]
    lab.begin("sipp", "pbx", "sipp", "-sf", "uas.xml", "-i", PBX, *common)
    time.sleep(0.5)
    lab.begin("sipp", "phone", "sipp", PBX, "-sf", "uac.xml", "-i", PHONE, *common)
    check("a call is there",
          within(20, lambda: [c["state"] for c in lab.calls()] == ["confirmed"]))
    lab.begin("media", "phone", MEDIA, f"{PHONE}:16000", f"{PBX}:17000")
    lab.begin("media", "pbx", MEDIA, f"{PBX}:17000", f"{PHONE}:16000")
    check("two streams carry its media",
          within(20, lambda: sum(s["packets"] > 40 for s in lab.streams()) == 2))
    # One in ten is lost; how many of a piece that ends anywhere, the piece decides.
    check("each with loss, jitter and an estimated score",
          all(5 < s["loss_percent"] < 15 and s["lost"] >= 4 and s["jitter_ms"] >= 0 and
              1 < s["mos_estimated"] < 4.2 and s["mos_as"] == "G.711" for s in lab.streams()))
    check("and what has no RTP has none",
          all("mos_estimated" not in s for s in lab.streams("rtcp")))
    return lab.calls()[0]["call"]


def one_call(call):
    told = lab.show("calls", call)["calls"]
    check("a call by its name is told in full",
          len(told) == 1 and told[0]["dialogs"][0]["state"] == "confirmed" and
          told[0]["media"][0]["caller"]["at"] == f"{PHONE}:16000" and
          told[0]["rule"] == "phones call out")
    check("as by how its name begins", lab.show("calls", call[:6])["calls"][0]["call"] == call)
    check("in words, too", "line 1, audio, agreed" in lab.rf("calls", call).out)
    check("a call that is not there is refused",
          lab.rf("calls", "nobody@nowhere").refused("ringfence calls lists them"))


def filtering(call):
    check("four flows: media and RTCP, both ways", lab.media("flows") == 4)
    check("all of them of the phone", lab.media("flows", PHONE) == 4)
    check("and of its network", lab.media("flows", "10.77.1.0/24") == 4)
    check("none of a stranger", lab.media("flows", "10.77.1.12") == 0)
    check("all of them of a zone", lab.media("flows", "--zone", "pbxes") == 4)
    check("and of the call", lab.media("flows", "--call", call) == 4)
    check("none of another call", lab.media("flows", "--call", call + "x") == 0)
    check("pinholes likewise", lab.media("pinholes", PHONE, "--call", call) == 4)
    check("the call by an address", lab.count("calls", "10.77.1.0/24") == 1)
    check("and none by another one", lab.count("calls", "10.77.9.0/24") == 0)
    check("what is no address is refused with what to write",
          lab.rf("flows", "10.77.1.300").refused("10.1.0.0/16"))
    check("a zone that is none is refused with the nearest one",
          lab.rf("flows", "--zone", "pbx").refused("did you mean pbxes?"))
    check("a filter that a table has no use for is wrong use",
          lab.rf("bindings", "--call", call).refused(status=2))


def event(**members):
    """An event with these members, waited for; a member may be a question."""
    def fits(e):
        return all(value(e.get(name)) if callable(value) else e.get(name) == value
                   for name, value in members.items())
    return within(20, lambda: any(fits(e) for e in lab.lines("events")))


def following(call):
    lab.begin("changes", "gateway", *lab.command("counters", "--follow", "--json")[2:])
    counters = lab.show("counters")["counters"]
    check("each counter has a meaning",
          len(counters) > 60 and all(c["name"] and c["meaning"] for c in counters))
    check("a follower sees counters change",
          within(20, lambda: any(c["name"] == "media_forwarded" and c["change"] > 0 and
                                c["daemon"] == "running" for c in lab.lines("changes"))))
    check("the call was told when it was answered",
          event(type="record", event="call_answered", call=call, caller=lambda c: "alice" in c))
    check("its INVITE with who, whom and which rule",
          event(type="message", judgement="accept", summary=lambda s: s.startswith("INVITE"),
                from_zone="phones", to_zone="pbxes", rule="phones call out", call=call,
                **{"from": f"{PHONE}:5060", "to": f"{PBX}:5060"}))
    subprocess.run(lab.inside("phone", DEMO / "attack", "invite", PHONE, PBX), check=True)
    check("a refused message with reason, meaning and byte",
          event(type="message", judgement="refuse", reason="sip_missing_header",
                meaning=lambda m: "mandatory" in m, at=lambda n: n >= 0, line=lambda n: n >= 1,
                summary=lambda s: s.startswith("INVITE"), **{"from": f"{PHONE}:5062"}))
    subprocess.run(lab.inside("pbx", DEMO / "attack", "rtp", PBX, PHONE, "23456"), check=True)
    check("a refused media packet with who, whom and why",
          event(type="media", event="dropped", reason="media_no_pinhole", to=f"{PHONE}:23456",
                **{"from": lambda f: f.startswith(f"{PBX}:")}))
    check("an operator's deed", lab.rf("reload").status == 0 and
          event(type="operator", event="reloaded"))


def flows():
    return sorted((f["from"], f["to"], f["zone"], f["call"]) for f in lab.show("flows")["flows"] if f["call"])


def killed(call):
    before = flows()
    lab.kill()
    check("the flows are the same without a daemon", flows() == before and len(before) == 4)
    for command in ("status", *TABLES):
        told = lab.show(command)
        check(f"{command} works from the pins and says so",
              told.get("daemon") == "none" and told["heartbeat_s"] < 60)
    packets = sum(s["packets"] for s in lab.streams())
    check("media goes on", within(20, lambda: sum(s["packets"] for s in lab.streams()) > packets))
    check("a follower of counters goes on",
          within(20, lambda: any(c["name"] == "media_forwarded" and c["daemon"] == "none"
                                for c in lab.lines("changes"))))
    check("one of events is told of the end",
          within(20, lambda: "the daemon ended" in lab.log("events")))
    told = lab.show("calls", call)["calls"][0]
    check("the call is told in full", told["dialogs"] and told["from"] == "phones")
    check("status says in words that no daemon runs",
          "none, last heard of" in lab.rf("status").out)
    check("a table says so beside", "no daemon runs" in lab.rf("flows").err)
    for words in (["reload"], ["events", "--follow"], ["attach", "guest0", "--zone", "phones"],
                  ["block", GUEST]):
        check(f"{words[0]} needs a daemon and says how to start one",
              lab.rf(*words).refused("ringfence run -c FILE"))
    check("detach works from the pins", lab.rf("detach", "guest0").status == 0)
    check("and takes it out", lab.attached("guest0", "zone") == [])
    check("the daemon comes back", lab.run())
    check("and knows the call", [c["call"] for c in lab.calls()] == [call])


TRUSTED = ("pbxes", "trusted", "configuration")
DENIED = ("any", "denied", "operator")


def rises(name, deed):
    before = lab.counter(name)
    deed()
    return within(20, lambda: lab.counter(name) > before)


def invite(source=PHONE):
    where = "phone" if source == PHONE else "pbx"
    to = PBX if source == PHONE else PHONE
    subprocess.run(lab.inside(where, DEMO / "attack", "invite", source, to), check=True)


def blocking():
    lab.begin("events", "gateway", *lab.command("events", "--follow", "--json")[2:])
    check("a policy's server is trusted", lab.standing(PBX) == [TRUSTED])
    invite()
    check("who is neither is heard of", lab.standing(PHONE) == [("phones", "unknown", None)])
    check("its media passes", rises("media_forwarded", lambda: None))
    told = lab.rf("block", PHONE, "--json").json()
    check("a block tells what it ended", told.get("flows_ended") == 2 and not told["warning"])
    check("it is the operator's, in every zone", lab.standing(PHONE) == [DENIED])
    check("the flows that it sends are gone",
          [f["from"] for f in lab.show("flows")["flows"] if f["from"].startswith(PHONE)] == [])
    check("its media is refused", rises("source_denied", lambda: None))
    check("and its messages", event(type="media", reason="source_denied") and
          (invite() or event(type="signalling", event="refused", reason="source_denied",
                             from_zone="phones", **{"from": f"{PHONE}:5062"})))
    check("an operator's deed is told", event(type="operator", event="blocked", what=PHONE))
    check("a reload", lab.rf("reload").status == 0)
    check("leaves the block", lab.standing(PHONE) == [DENIED])
    lab.kill()
    check("as does the daemon's death", lab.standing(PHONE) == [DENIED])
    check("the daemon comes back", lab.run())
    check("with the block", lab.standing(PHONE) == [DENIED] and lab.entries(2) == 2)


def unblocking():
    check("what lies within a block is told with which",
          lab.rf("block", "10.77.3.0/24").status == 0 and
          lab.rf("unblock", GUEST).refused("ringfence unblock 10.77.3.0/24"))
    check("and goes with that", lab.rf("unblock", "10.77.3.0/24").status == 0 and
          lab.standing("10.77.3.0/24") == [])
    check("once", lab.rf("unblock", "10.77.3.0/24").refused("it is not blocked"))
    check("unblock", lab.rf("unblock", PHONE).status == 0)
    check("takes the operator's entries away",
          DENIED not in lab.standing(PHONE) and lab.entries(2) == 0)
    check("a block of everybody is refused", lab.rf("block", "0.0.0.0/0").refused("everybody"))
    check("and of no address", lab.rf("block", "10.77.1.300").refused("no address"))
    check("a time that is none is wrong use",
          lab.rf("block", GUEST, "--for", "soon").refused("no duration", status=2))
    check("a block for a second", lab.rf("block", GUEST, "--for", "1s").status == 0)
    check("ends by itself", within(20, lambda: lab.standing(GUEST) == []) and lab.entries(2) == 0)


def whose_entries():
    check("a server is blocked like others", lab.rf("block", PBX).status == 0 and
          lab.standing(PBX) == [DENIED])
    check("over a reload of the file that trusts it", lab.rf("reload").status == 0 and
          lab.standing(PBX) == [DENIED] and lab.entries(1) == 0)
    check("unblocked it is trusted again", lab.rf("unblock", PBX).status == 0 and
          lab.standing(PBX) == [TRUSTED])
    told = lab.rf("block", "10.77.2.0/24", "--json").json()
    check("a wider block tells what it does not reach", "server pbx" in told["warning"])
    # By hand, for good, without a limit: as a server's entry, but nobody's of ours.
    subprocess.run(["bpftool", "map", "update", "pinned", f"{PINS}/maps/sources", "key", "hex",
                    *"a0 00 00 00 01 00 00 00 00 00 00 00 00 00 00 00 00 00 ff ff 0a 09 09 09".split(),
                    "value", "hex", "01", *["00"] * 15], check=True)
    check("what was written by hand is told", lab.standing("10.9.9.9") ==
          [("phones", "trusted", "others")])
    lab.write(ZONES + "  guests: { networks: [10.77.4.0/24] }\n" +
              "protections: { sources: monitor }\n")
    check("a file without servers, with a zone more", lab.rf("reload").status == 0)
    check("trusts them no more", lab.standing(PBX) == [])
    check("leaves what was written by hand",
          lab.standing("10.9.9.9") == [("phones", "trusted", "others")])
    check("and what is blocked, in the new zone too",
          lab.standing("10.77.2.0/24") == [DENIED] and lab.entries(2) == 3)
    check("a block that is only watched says so",
          "not enforced" in lab.rf("block", GUEST, "--json").json()["warning"])
    check("sources by address", lab.count("sources", "10.77.2.10") == 1)
    check("and by zone", {s["source"] for s in lab.show("sources", "--zone", "guests")["sources"]}
          == {"10.77.2.0/24", GUEST})


def main():
    lab.up()
    lab.write(ZONES + REST)
    nothing_to_show("before the first start")
    check("so is an attach", lab.rf("attach", "guest0", "--zone", "phones")
          .refused("ringfence run -c FILE"))
    check("the daemon serves", lab.run())
    attaching()
    reloading()
    detaching()
    check("the guest is attached", lab.rf("attach", "guest0", "--zone", "phones").status == 0)
    registering()
    call = calling()
    one_call(call)
    filtering(call)
    following(call)
    killed(call)
    blocking()
    unblocking()
    whose_entries()
    lab.daemon.terminate()
    lab.daemon.wait()
    check("unload", lab.rf("unload").status == 0)
    nothing_to_show("after unload")


if __name__ == "__main__":
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    try:
        main()
    except Failed:
        sys.exit(1)
    finally:
        lab.down()
