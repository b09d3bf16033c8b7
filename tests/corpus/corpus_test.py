#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Every capture of the corpus through `ringfence replay`, held against its truth file: what was
negotiated passes from its first packet, what was not never does."""
import ipaddress
import json
import os
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
CORPUS = pathlib.Path(os.environ.get("RINGFENCE_CORPUS", ROOT.parent / "shared" / "corpus"))
PROGRAM = pathlib.Path(os.environ.get("BUILD", ROOT / "build")) / "ringfence"

# Who is inside in each configuration, written once more: the test must know on its own which
# packets cross the gateway.
INSIDE = {
    "lab": ["10.77.1.0/24", "fd77:1::/64"],
    "field": ["192.168.1.2/32", "192.168.1.10/32", "192.168.105.110/32", "10.0.2.20/32",
              "10.0.0.1/32", "1.1.1.1/32"],
    "mgcp-lab": ["10.77.1.0/24", "fd77:1::/64"],
    "mgcp-field": ["172.16.1.116/32", "10.10.244.2/32"],
}
FIELD = {"ndpi-sip", "wireshark-sip-dtmf2", "wireshark-sip-rtp-dvi4", "compact-form",
         "header-multi-value", "options", "sdp", "zeek-invalid-content-length",
         "zeek-junk-before-request"}

MGCP_FIELD = {"ndpi-mgcp", "wireshark-mgcp"}

# What a capture needs that is not built yet. A gap excuses what was lost, never what was let in,
# and a capture that passes in spite of its gap is a failure: its line goes.
KNOWN_GAPS = {}

# Where the truth file, which says what was there, is not what a gateway should let through.
# frames: the reason to drop it for; None: it is no signalling to us. flows: why it is dropped.
EXPECTED = {
    # Suricata's messages were typed: From has a backslash where a token or a quoted string must
    # stand (RFC 3261 25.1), and one of them has To twice.
    "compact-form": {"frames": {1: "sip_bad_header"}},
    "header-multi-value": {"frames": {1: "sip_duplicate_header"}},
    # The answer goes to port 5555, which only the INVITE could have made a signalling port.
    "sdp": {"frames": {1: "sip_bad_header", 2: None}},
    # Neither Via nor From, To, Call-ID, CSeq (RFC 3261 8.1.1); before it four NUL bytes.
    "zeek-junk-before-request": {"frames": {2: "sip_missing_header"}},
    # "Content-Length: bad" (RFC 3261 20.14)
    "zeek-invalid-content-length": {"frames": {1: "sip_bad_content_length",
                                               2: "sip_bad_content_length"}},
    # The phone goes on sending after the 480 of frame 93, which ended its call.
    "ndpi-sip": {"flows": {"192.168.1.2:30000>212.242.33.36:40392": "media_no_pinhole",
                           "192.168.1.2:30001>212.242.33.36:40393": "media_no_pinhole"}},
    # Scans of three strangers: no call agents, and their lines end with a CR alone, which ends none
    # (RFC 3435 A: EOL).
    "ndpi-mgcp": {"frames": {27: "mgcp_malformed", 28: "mgcp_malformed", 29: "mgcp_malformed"}},
    # The other phone is behind a NAT: no SDP names the host that sends.
    "wireshark-sip-dtmf2": {"flows": {"192.168.105.172:4376>192.168.105.110:4376":
                                      "media_no_pinhole"}},
}

# Captures without a truth file: no signalling that we read, so nothing may pass. The numbers were
# counted in the captures themselves.
BARE = {
    "sip/http-on-sip-port.pcap": {"messages": {3: "stream_http", 4: "stream_http"},
                                   "media": 0, "flows": []},
    "rtp/g711a.pcap": {"media": 236, "flows": ["10.1.3.143:5000>10.1.6.18:2006"]},
    "rtp/dtmf_2833_1.pcap": {"media": 10, "flows": ["192.168.0.3:49176>192.168.0.1:10000"]},
    # One flow lies in 802.1Q; RTP inside TCP is none of ours.
    "rtp/ndpi-rtp.pcapng": {"media": 75, "flows": [
        "10.140.67.167:55402>148.153.85.97:6008", "192.113.193.227:50003>150.219.118.19:54234",
        "150.219.118.19:54234>192.113.193.227:50003", "10.204.220.71:6000>10.204.220.171:6000"]},
    # Linux cooked capture
    "rtp/rtcp-multiple-in-datagram.pcap": {"media": 5, "flows": [
        "217.12.244.34:25963>217.12.247.98:31601", "217.12.247.98:31601>217.12.244.34:25963"]},
    "rtp/stun-dtls-srtp.pcapng": {"media": 39, "flows": [
        "192.168.12.156:37967>142.250.82.76:19305", "142.250.82.76:19305>192.168.12.156:37967"]},
}


def is_inside(host, config):
    address = ipaddress.ip_address(host)
    return any(address in ipaddress.ip_network(n) for n in INSIDE[config])


def replay(capture, config):
    run = subprocess.run([PROGRAM, "replay", "--json", "-c", HERE / f"{config}.yaml", capture],
                         capture_output=True, text=True, timeout=120)
    lines = [json.loads(line) for line in run.stdout.splitlines()]
    if not lines or lines[-1]["type"] != "summary":
        raise RuntimeError(f"status {run.returncode}, no summary: {run.stderr.strip()}")
    end = lines[-1]
    passed = not (end["dropped"] or end["media_dropped"] or end["packets_dropped"])
    if run.returncode != (0 if passed else 1):
        raise RuntimeError(f"status {run.returncode}: {run.stderr.strip()}")
    return lines


def endpoint(host, port):
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def flow_name(flow):
    return f"{endpoint(flow['src'], flow['sport'])}>{endpoint(flow['dst'], flow['dport'])}"


class Verdicts:
    """What a replay said, by frame and by flow."""

    def __init__(self, lines):
        self.messages = {m["frame"]: m for m in lines if m["type"] == "message"}
        self.flows = {}
        for line in lines:
            if line["type"] == "media":
                self.flows.setdefault(line["flow"], []).append(line)
        self.summary = lines[-1]
        self.lines = lines

    def open_after(self, frame):
        """Receivers that are open once this frame was judged."""
        still = {}
        for line in self.lines:
            if line.get("frame", 0) > frame:
                break
            for e in line.get("effects", ()):
                key = (e["from"], e["to"])
                if e["effect"].endswith("_OPEN"):
                    still[key] = e
                else:
                    still.pop(key, None)
        return {to for _, to in still}


def check_flow(flow, said, byes):
    """What was lost of a flow that was negotiated."""
    name = flow_name(flow)
    lines = said.flows.get(name, [])
    if flow["first"] < flow["negotiated_frame"]:
        return                          # nobody could know yet
    if not lines or lines[0]["frame"] != flow["first"] or lines[0]["verdict"] != "forward":
        yield (f"{name} did not pass from its first packet, frame {flow['first']}: "
               f"{lines[0]['reason'] if lines else 'not seen'}")
    for line in lines[1:]:
        if line["verdict"] == "drop" and not any(b < line["frame"] for b in byes):
            yield f"{name} was cut in frame {line['frame']}: {line['reason']}"


def messages_of(truth):
    """(frame, what) of all signalling."""
    for call in truth.get("sip_calls", ()):
        for m in call["messages"]:
            yield m["frame"], m["what"]
    for m in truth.get("mgcp", ()):
        yield m["frame"], m.get("verb") or m["code"]


def check_flows(truth, said, config, expected):
    """(lost, let in)"""
    lost, let_in = [], []
    byes = [frame for frame, what in messages_of(truth) if what in ("BYE", "DLCX")]
    for flow in truth.get("udp_flows", ()):
        name = flow_name(flow)
        if is_inside(flow["src"], config) == is_inside(flow["dst"], config):
            continue                    # does not cross the gateway
        if name in expected:
            reasons = {line["reason"] for line in said.flows.get(name, ())}
            if name in said.summary["flows_forwarded"] or reasons != {expected[name]}:
                let_in.append(f"{name}: {reasons}, expected to be dropped: {expected[name]}")
        elif flow["negotiated"] and not flow.get("attack"):
            lost += check_flow(flow, said, byes)
        elif name in said.summary["flows_forwarded"]:
            let_in.append(f"{name} was forwarded, no signalling accounts for it")
        elif name not in said.summary["flows_dropped"]:
            let_in.append(f"{name} is neither forwarded nor dropped")
    return lost, let_in


def check_messages(truth, said, expected):
    """(lost, let in)"""
    lost, let_in = [], []
    attacks = set(truth.get("attack_messages", ()))
    # What the phone answered because nothing dropped the attack: behind a gateway it is not there.
    excused = set(truth.get("attack_responses", ()))
    for frame in sorted(attacks):
        if said.messages.get(frame, {}).get("judgement") != "drop":
            let_in.append(f"frame {frame}: the attack was not dropped")
    for frame, what in messages_of(truth):
        got = said.messages.get(frame, {})
        if frame in attacks | excused:
            continue
        if frame in expected:
            if got.get("judgement") == "accept" or got.get("reason") != expected[frame]:
                let_in.append(f"frame {frame}: {what}: {got.get('reason')}, expected "
                              f"{expected[frame]}")
        elif got.get("judgement") != "accept":
            lost.append(f"frame {frame}: {what} was not accepted: {got.get('reason', 'not seen')}")
    lost += check_answered(truth, said)
    for offer in truth.get("refused_offers", ()):
        still = said.open_after(offer["refused_frame"])
        for port in (offer["port"], offer["port"] + 1):
            if endpoint(offer["addr"], port) in still:
                let_in.append(f"frame {offer['refused_frame']}: {offer['addr']}:{port} is still "
                              "open, its offer was refused")
    if "direct_media_packets_not_crossing" in truth:
        let_in += check_direct_media(truth, said)
    return lost, let_in


def check_answered(truth, said):
    """What ended its last connection leaves nothing open: every door of the capture is closed."""
    mgcp = truth.get("mgcp", ())
    if mgcp and mgcp[-1].get("code") in ("200", "250") and mgcp[-2].get("verb") == "DLCX":
        for to in said.open_after(mgcp[-1]["frame"]):
            yield f"{to} is open, all connections are deleted"


def check_direct_media(truth, said):
    """Both phones are inside and agreed: no door from outside leads to them any more."""
    messages = [m for c in truth["sip_calls"] for m in c["messages"]]
    bye = min(m["frame"] for m in messages if m["what"] == "BYE")
    still = said.open_after(bye - 1)
    for m in messages:
        for media in m.get("sdp", ()):
            if endpoint(media["addr"], media["port"]) in still:
                yield f"{media['addr']}:{media['port']} is open, its media never crosses"


def check_truth(capture, truth, config, expected):
    said = Verdicts(replay(capture, config))
    lost, let_in = check_flows(truth, said, config, expected.get("flows", {}))
    more_lost, more_in = check_messages(truth, said, expected.get("frames", {}))
    return lost + more_lost, let_in + more_in


def check_bare(capture, expected):
    said = Verdicts(replay(capture, "field"))
    wrong = []
    messages = {n: m["reason"] for n, m in said.messages.items()}
    if messages != expected.get("messages", {}) or said.summary["accepted"]:
        wrong.append(f"messages: {messages}")
    if said.summary["flows_forwarded"] or said.summary["media_forwarded"]:
        wrong.append(f"forwarded: {said.summary['flows_forwarded']}")
    if sorted(said.summary["flows_dropped"]) != sorted(expected["flows"]):
        wrong.append(f"dropped: {said.summary['flows_dropped']}")
    if said.summary["media_dropped"] != expected["media"]:
        wrong.append(f"{said.summary['media_dropped']} media packets dropped")
    return wrong


class Tally:
    def __init__(self):
        self.passed = self.failed = self.skipped = 0

    def fail(self, name, why):
        self.failed += 1
        print(f"FAIL {name}")
        for line in why:
            print(f"     {line}")

    def skip(self, name, why):
        self.skipped += 1
        print(f"SKIP {name}: {why}")

    def judge(self, name, lost, let_in):
        gap = KNOWN_GAPS.get(name)
        if let_in or (lost and not gap):
            self.fail(name, let_in + lost)
        elif lost:
            self.skip(name, f"known gap: {gap}")
        elif gap:
            self.fail(name, [f"passes, though a gap is written down: {gap}"])
        else:
            self.passed += 1


def run(tally):
    for path in sorted(CORPUS.glob("*/*.truth.json")):
        if path.parent.name not in ("sip", "rtp", "mgcp"):
            continue
        name = path.name.removesuffix(".truth.json")
        captures = [c for c in path.parent.glob(name + ".pcap*")]
        config = "field" if name in FIELD | MGCP_FIELD else "lab"
        if path.parent.name == "mgcp":
            config = "mgcp-" + config
        try:
            tally.judge(name, *check_truth(captures[0], json.loads(path.read_text()), config,
                                           EXPECTED.get(name, {})))
        except (RuntimeError, ValueError, IndexError, subprocess.TimeoutExpired) as error:
            tally.fail(name, [repr(error)])
    for name, expected in BARE.items():
        if not (CORPUS / name).exists():
            tally.skip(name, "not in the corpus")
            continue
        try:
            wrong = check_bare(CORPUS / name, expected)
        except (RuntimeError, ValueError, subprocess.TimeoutExpired) as error:
            wrong = [repr(error)]
        tally.judge(name, [], wrong)


def main():
    tally = Tally()
    if not CORPUS.is_dir():
        tally.skip("corpus", f"no captures at {CORPUS} (RINGFENCE_CORPUS names another place)")
    else:
        run(tally)
    print(f"{tally.passed} passed, {tally.failed} failed, {tally.skipped} skipped")
    return 1 if tally.failed else 0


if __name__ == "__main__":
    sys.exit(main())
