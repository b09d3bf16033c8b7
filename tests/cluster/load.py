# SPDX-License-Identifier: MIT
"""Calls by SIPp, their media by stream.c, new calls meanwhile, and strangers."""
import json
import signal
import socket
import statistics
import subprocess
import time

from world import HERE, PBX, PHONE, START_S, TOOLS, Unseen, run, wait_for

# Each run has ports of its own: a door that an earlier run left open must not help a later one.
FIRST_PORT, PROBE_PORT, PORTS_A_RUN, RUNS_MAX, STEP = 12000, 36000, 2000, 12, 4
CALLS_A_SECOND, PROBES_A_SECOND = 50, 5
MEDIA_S = 600           # the streams end by themselves then; far above any run
LATE_MS = 200           # stream.c leaves packets out that are later: the machine cannot carry the load
SILENT_MS = 1000        # a stream that was silent for so long at the end is lost
SLOW_MS = 400           # a new call that was answered later had to ask twice (T1 is 500 ms)


def build():
    """The tools of this test, made anew only where their source is newer."""
    TOOLS.mkdir(parents=True, exist_ok=True)
    for name, libraries in (("stream", []), ("witness", ["-lcpg"])):
        source, out = HERE / f"{name}.c", TOOLS / name
        if not out.exists() or out.stat().st_mtime < source.stat().st_mtime:
            run("gcc", "-std=gnu11", "-D_GNU_SOURCE", "-O2", "-Wall", "-Wextra", "-Werror", "-o",
                out, source, *libraries)


def order(world, where, host, word, calls):
    """Tells SIPp what to do with its calls. Sent from its own host to itself: no gateway sees it."""
    text = (f"{word} sip:x@{host} SIP/2.0\r\nVia: SIP/2.0/UDP {host}:9;branch=z9hG4bK{word}%s\r\n"
            f"From: <sip:o@{host}>;tag=o\r\nTo: <sip:x@{host}>\r\nCall-ID: %s\r\n"
            f"CSeq: 99 {word}\r\nContent-Length: 0\r\n\r\n")
    program = ("import json, socket, sys, time\n"
               "host, texts = json.load(sys.stdin)\n"
               "s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n"
               "s.bind((host, 0))\n"
               "for t in texts:\n"
               "    s.sendto(t.encode(), (host, 5060))\n"
               "    time.sleep(0.005)\n")
    world.do(where, "python3", "-c", program,
             input=json.dumps([host, [text % (c, c) for c in calls]]))


class Load:
    """The calls of one run, from their INVITE to their BYE."""

    def __init__(self, world, name, calls):
        self.world, self.calls = world, calls
        label = f"{world.runs}-{name}"
        self.first_port = FIRST_PORT + world.runs % RUNS_MAX * PORTS_A_RUN
        self.probe_port = PROBE_PORT + world.runs % RUNS_MAX * PORTS_A_RUN
        world.runs += 1
        self.work = world.work / label
        self.work.mkdir()
        self.label, self.format = label, f"call%u.{label}.{world.id}"
        self.ids = [self.format.replace("%u", str(n + 1)) for n in range(calls)]
        self.callee = self.caller = self.probe = self.stranger = None
        self.streams = {}

    def sipp(self, where, name, scenario, *more):
        log = self.work / name
        command = ["sipp", *more, "-sf", HERE / f"{scenario}.xml", "-nostdin", "-trace_logs",
                   "-log_file", f"{log}.told", "-trace_err", "-error_file", f"{log}.errors"]
        return self.world.start(where, f"{self.label}/{name}", command, cwd=self.work)

    def told(self, name):
        """What SIPp logged, {"answered": [call, ...], ...}: its lines are a word and a call."""
        return {word: [c[0] for c in rows] for word, rows in self.log(name).items()}

    def log(self, name):
        path = self.work / f"{name}.told"
        said = {}
        for line in path.read_text(errors="replace").splitlines() if path.exists() else ():
            word, *rest = line.split() or [""]
            if rest:
                said.setdefault(word, []).append(rest)
        return said

    def ports(self, name, first, count):
        path = self.work / name
        path.write_text("SEQUENTIAL\n" + "".join(f"{first + STEP * n};\n" for n in range(count)))
        return path

    def start_calls(self):
        self.callee = self.sipp("pbx", "callee", "callee", "-i", PBX, "-p", "5060", "-l", "5000")
        # SIPp has no word for being ready.
        time.sleep(0.3)
        inf = self.ports("ports.csv", self.first_port, self.calls)
        self.caller = self.sipp("phones", "caller", "caller", PBX, "-i", PHONE, "-p", "5060", "-m",
                                str(self.calls), "-l", str(self.calls), "-r", str(CALLS_A_SECOND),
                                "-inf", inf, "-cid_str", self.format)

        def answered():
            if not self.caller.lives():
                raise Unseen(f"the caller ended: {(self.work / 'caller.log').read_text()[-800:]}")
            return len(self.told("caller").get("answered", ())) == self.calls
        wait_for(f"{self.calls} calls answered", START_S + self.calls / CALLS_A_SECOND * 2, answered)

    def start_media(self):
        for where, local, peer in (("phones", PHONE, PBX), ("pbx", PBX, self.world.phone_seen())):
            out = open(self.work / f"stream.{where}", "w+", encoding="utf-8")
            process = self.world.start(where, f"{self.label}/stream-{where}.err",
                                       [TOOLS / "stream", local, peer, self.first_port, STEP, self.calls,
                                        MEDIA_S], stdin=subprocess.PIPE, stdout=out)
            self.streams[where] = (process, out)
        for where, (process, _) in self.streams.items():
            path = self.work / f"stream.{where}"
            wait_for(f"streams of {where}: {process.text()}", START_S, lambda p=path: p.read_text())
        self.tell_media("go")

    def tell_media(self, word):
        for process, _ in self.streams.values():
            process.outer.stdin.write(f"{word}\n".encode())
            process.outer.stdin.flush()

    def start_probe(self):
        inf = self.ports("probe.csv", self.probe_port, PORTS_A_RUN // STEP)
        self.probe = self.sipp("phones", "probe", "probe", PBX, "-i", PHONE, "-p", "5070", "-m",
                               str(PORTS_A_RUN // STEP), "-r", str(PROBES_A_SECOND), "-inf", inf, "-cid_str",
                               f"probe%u.{self.label}.{self.world.id}")

    def start_stranger(self):
        self.stranger = self.world.start("stranger", f"{self.label}/stranger",
                                         [HERE / "stranger", self.first_port, STEP, self.calls,
                                          self.format, "200"])
        wait_for("the stranger is not ready", START_S,
                 lambda: "ready" in self.stranger.text())

    def renew(self):
        """Re-INVITE in every call, from either side in turn; how many failed."""
        return self.tell_all("INFO", "renewed", 0)

    def end(self):
        """BYE in every call, from the side that did not send the re-INVITE; how many failed."""
        return self.tell_all("OPTIONS", "ended", 1)

    def tell_all(self, word, deed, first):
        done = set()
        order(self.world, "phones", PHONE, word, self.ids[first::2])
        order(self.world, "pbx", PBX, word, self.ids[1 - first::2])

        def all_did():
            done.update(self.told("caller").get(deed, ()), self.told("callee").get(deed, ()))
            return done.issuperset(self.ids)
        try:
            wait_for(deed, self.world.settings.patience, all_did)
        except Unseen:
            pass
        return len(set(self.ids) - done)

    def stop_media(self):
        """A list for each direction's stream: lost, longest gap, when last lost, silent at the end."""
        self.tell_media(f"stop {time.time() + 0.5:.3f}")
        told = {}
        for where, (process, out) in self.streams.items():
            process.outer.wait(timeout=20)
            out.close()
            text = (self.work / f"stream.{where}").read_text()
            told[where] = json.loads(text.removeprefix("ready\n"))
        return [self.judge(got, sent) for one, other in (("phones", "pbx"), ("pbx", "phones"))
                for got, sent in zip(told[one]["streams"], told[other]["streams"])], \
            max(t["late_ms"] for t in told.values())

    @staticmethod
    def judge(got, sent):
        tail = sent["sent"] - got["next"]
        silent = got["silent_ms"] > SILENT_MS
        return {"lost": got["after"]["lost"] + tail, "lost_before": got["before"]["lost"],
                "gap_ms": max(got["after"]["gap_ms"], got["silent_ms"]),
                "lost_at": got["after"]["lost_at"],
                "silent": silent, "repeated": got["after"]["repeated"]}

    def stop_probe(self):
        """(asked, refused, times of late answers). No new call is made; those under way may end."""
        # SIPp: the first SIGUSR1 is "no new calls, end when those at work have ended".
        self.probe.send(signal.SIGUSR1)
        try:
            self.probe.outer.wait(timeout=self.world.settings.patience)
        except subprocess.TimeoutExpired:
            pass
        self.probe.end()
        log = self.log("probe")
        asked, answered = ({call: float(when) for call, *_, when in log.get(word, ())}
                           for word in ("asked", "answered"))
        ended = {call for call, *_ in log.get("ended", ())}
        slow = [t for call, t in answered.items() if (t - asked[call]) * 1000 > SLOW_MS]
        refused = asked.keys() - ended
        return len(asked), len(refused), slow + [asked[call] for call in refused]

    def stop_stranger(self):
        self.stranger.end()
        return json.loads(self.stranger.text().splitlines()[-1])

    def stop(self):
        for process in (self.caller, self.callee, self.probe, self.stranger,
                        *(p for p, _ in self.streams.values())):
            if process:
                process.end(seconds=1)


def summary(streams):
    losses = [s["lost"] for s in streams]
    return {"lost_max": max(losses), "lost_median": statistics.median(losses),
            "gap_ms": round(max(s["gap_ms"] for s in streams), 1),
            "before_max": max(s["lost_before"] for s in streams)}
