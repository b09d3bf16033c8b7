#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""SIP over TCP through a daemon that runs: what peers see of each other, messages in any pieces, what
is refused, how connections end, and what happens to them when the daemon does."""
import os
import pathlib
import socket
import struct
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from tcp_peers import (Failed, Lab, PBX, PHONE, ROOT, RUN, SILENT, STRANGER, connect, how_it_ends,
                       listen, options, read, within)  # noqa: E402

DEMO = ROOT / "scripts/demo.d"
lab = Lab()


def check(sentence, seen):
    if not seen:
        print(f"not ok - {sentence}\n{lab.log()[-2000:]}", flush=True)
        raise Failed(sentence)
    print(f"ok - {sentence}", flush=True)


def pair(server, family=4, source_port=0, source=None):
    """A phone's connection, and what the PBX has of it."""
    phone = connect("phone", source or PHONE[family], PBX[family], source_port=source_port,
                    family=family)
    pbx, peer = server.accept()
    pbx.settimeout(20)
    return phone, pbx, peer


def carries(sentence, sender, receiver, data):
    sender.sendall(data)
    check(sentence, read(receiver, len(data)) == data)


def closed_all():
    return within(lambda: not lab.connections())


def turned_away(source, to=PBX[4]):
    """The reset may come before connect returns."""
    try:
        s = connect("phone", source, to)
    except ConnectionResetError:
        return True
    with s:
        return how_it_ends(s) == "reset"


def is_held(source):
    """Nobody answers."""
    try:
        connect("phone", source, PBX[4], wait=2).close()
        return False
    except TimeoutError:
        return True


def peers_see_each_other(server, family):
    phone, pbx, peer = pair(server, family, source_port=5060)
    check(f"the PBX sees the phone's own address and port (IPv{family})",
          peer[:2] == (PHONE[family], 5060))
    check("the phone is connected to the PBX's", phone.getpeername()[:2] == (PBX[family], 5060))
    carries("a message goes through", phone, pbx, options(f"a{family}", PHONE[family]))
    row = lab.connections()[0]
    check("the table of connections shows it",
          row["from"].endswith("]:5060" if family == 6 else "11:5060") and row["messages"] == 1 and
          row["zone"] == "phones" and row["transport"] == "tcp" and row["state"] == "open")
    phone.close()
    check("its end is passed on", how_it_ends(pbx) == "end")
    pbx.close()
    check("and then it is gone", closed_all())


def pieces(server):
    phone, pbx, _ = pair(server)
    message = options("bytes", body=b"hello\0world")
    for byte in message:
        phone.send(bytes([byte]))
    check("a message of one byte a segment arrives whole", read(pbx, len(message)) == message)
    many = b"".join(options(f"many{i}") for i in range(50))
    carries("fifty messages in one segment arrive in order", phone, pbx, many)
    large = options("large", padding=60000)
    carries("a message of 60,000 bytes arrives", phone, pbx, large)
    carries("a keep-alive is passed on", phone, pbx, b"\r\n\r\n")
    carries("and its answer", pbx, phone, b"\r\n")
    bad = options("x").replace(b"CSeq: 1 OPTIONS\r\n", b"")
    good = options("good")
    refused = lab.counter("messages_refused")
    phone.sendall(bad + good)
    check("a message that is refused is left out, and the next one arrives",
          read(pbx, len(good)) == good)
    check("and is counted", within(lambda: lab.counter("messages_refused") == refused + 1))
    phone.close()
    pbx.close()


def hostile(server):
    for name, data, counter in (
            ("HTTP", b"GET / HTTP/1.1\r\n", "stream_http"),
            ("HTTP with SIP in its body", b"POST / HTTP/1.1\r\nContent-Length: 400\r\n\r\n" +
             options("slip"), "stream_http"),
            ("HTTP that hides its length", b"POST / HTTP/1.1\r\nHost: a\r\n\r\n" +
             options("slip"), "stream_http"),
            ("TLS", b"\x16\x03\x01\x00\xf4\x01\x00", "stream_unframed"),
            ("a message without Content-Length",
             options("none").replace(b"Content-Length: 0\r\n", b""), "stream_unframed")):
        before = lab.counter(counter)
        phone, pbx, _ = pair(server)
        phone.sendall(data)
        check(f"{name}: both ends are reset",
              how_it_ends(phone) == "reset" and how_it_ends(pbx) == "reset")
        check(f"and {counter} counts it", within(lambda: lab.counter(counter) == before + 1))
    check("nothing of it is left", closed_all())


def endings(server):
    phone, pbx, _ = pair(server)
    phone.sendall(options("half"))
    phone.shutdown(socket.SHUT_WR)
    check("what was sent before the end arrives before it",
          read(pbx, 100000) == options("half"))
    carries("the other direction stays open", pbx, phone, options("back", PBX[4]))
    pbx.close()
    check("until it ends, too", how_it_ends(phone) == "end")
    phone.close()
    phone, pbx, _ = pair(server)
    phone.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    phone.sendall(options("rst"))
    check("before a reset, too", read(pbx, len(options("rst"))) == options("rst"))
    phone.close()
    check("a reset is passed on as one", how_it_ends(pbx) == "reset")
    pbx.close()
    cut = lab.counter("stream_cut")
    phone, pbx, _ = pair(server)
    phone.sendall(options("cut")[:-10])
    phone.close()
    check("half a message does not arrive", how_it_ends(pbx) == "end")
    check("and is counted", within(lambda: lab.counter("stream_cut") == cut + 1))
    pbx.close()
    check("who is not there is told as a reset", turned_away(PHONE[4], SILENT))
    check("and counted", within(lambda: lab.counter("stream_unreachable") >= 1))
    check("all are gone", closed_all())


def pressure(server):
    phone, pbx, _ = pair(server)
    message = options("press", padding=20000)
    phone.settimeout(2)
    sent = 0
    try:
        while sent < 400:
            phone.sendall(message)
            sent += 1
    except TimeoutError:
        pass
    check("who sends to one that does not read has to wait", sent < 400)
    check("what waits is bounded",
          lab.show("status")["tcp"]["memory_bytes"] < 2 * 1024 * 1024)
    got = read(pbx, len(message) * sent)
    check("and all of it arrives when that one reads", got == message * sent)
    phone.close()
    pbx.close()
    check("it ends", closed_all())


def slow(server):
    lab.write("timers: { tcp_message: 1s, tcp_idle: 3s }")
    check("a reload with short times", lab.rf("reload").returncode == 0)
    phone, pbx, _ = pair(server)
    message = options("slow")
    phone.sendall(message[:20])
    check("a message that does not come whole in time: both ends are reset",
          how_it_ends(phone) == "reset" and how_it_ends(pbx) == "reset")
    check("and stream_slow counts it", within(lambda: lab.counter("stream_slow") == 1))
    phone, pbx, _ = pair(server)
    check("a connection that is silent is reset, too",
          how_it_ends(phone) == "reset" and how_it_ends(pbx) == "reset")
    check("and stream_idle counts it", within(lambda: lab.counter("stream_idle") == 1))


def flood(server):
    lab.write("limits: { tcp_source_connections: 5, tcp_connections: 8, unknown_rate: 0 }")
    check("a reload with few connections", lab.rf("reload").returncode == 0)
    mine = [pair(server, source=STRANGER) for _ in range(5)]
    check("more connections of one source are reset",
          all(turned_away(STRANGER) for _ in range(3)))
    check("and counted", within(lambda: lab.counter("stream_source_full") == 3))
    others = [pair(server) for _ in range(3)]
    check("so are more of all together", turned_away(PHONE[4]))
    check("and counted, too", within(lambda: lab.counter("stream_full") == 1))
    for phone, pbx, _ in mine + others:
        phone.close()
        pbx.close()
    check("they end", closed_all())
    lab.write("limits: { unknown_rate: 0 }")
    lab.rf("reload")


def halves(server):
    """Messages that are never finished."""
    lab.write("limits: { tcp_source_connections: 0, unknown_rate: 0 }")
    lab.rf("reload")
    pairs = [pair(server) for _ in range(300)]
    for phone, _, _ in pairs:
        phone.sendall(options("half", padding=2000)[:1900])
    within(lambda: sum(c["bytes"] for c in lab.connections()) >= 300 * 1900)
    held = lab.show("status")["tcp"]["memory_bytes"]
    check("a message that is not finished costs no more than its bytes, rounded up",
          0 < held <= 300 * 4096)
    for phone, pbx, _ in pairs:
        phone.close()
        pbx.close()
    check("and nothing when it is gone",
          closed_all() and lab.show("status")["tcp"]["memory_bytes"] == 0)


def blocked(server):
    phone, pbx, _ = pair(server, source=STRANGER)
    lab.rf("block", STRANGER)
    check("a block ends the connections of its source", how_it_ends(pbx) == "reset")
    check("a blocked source opens none", is_held(STRANGER))
    lab.rf("unblock", STRANGER)
    phone.close()


def sipp(where, name, *words):
    return lab.begin(name, where, "sipp", *words, "-nostdin", "-trace_err",
                     "-max_socket", "1000")


def calls(family):
    own, to = PHONE[family], PBX[family]
    for mode in ("t1", "tn"):
        before = lab.counter("media_forwarded") + lab.counter("media_pinhole") + \
            lab.counter("media_by_stack")
        uas = sipp("pbx", "uas", "-sf", DEMO / "uas.xml", "-i", to, "-mi", to, "-mp", "20000",
                   "-t", mode, "-p", "5060")
        time.sleep(0.5)
        uac = sipp("phone", "uac", f"[{to}]" if family == 6 else to, "-sf", DEMO / "uac.xml",
                   "-i", own, "-mi", own, "-mp", "18000", "-m", "2", "-l", "2", "-r", "2",
                   "-t", mode, "-p", "5070")
        seen = within(lambda: lab.show("calls").get("calls"), 10)
        check(f"SIPp calls over TCP, {mode}, IPv{family}: the calls are seen, and over what",
              seen and seen[0]["transport"] == "tcp")
        check("they end well", uac.wait(timeout=40) == 0)
        uas.kill()
        uas.wait()
        if family == 4:
            after = lab.counter("media_forwarded") + lab.counter("media_pinhole") + \
                lab.counter("media_by_stack")
            check("and their media passed", after - before > 400)


def a_contact_names_a_port(server):
    """A door: the phone registered a port of its own, and the PBX calls it there."""
    phone, pbx, _ = pair(server)
    listener = listen("phone", PHONE[4], 5099)
    register = (f"REGISTER sip:example.org SIP/2.0\r\n"
                f"Via: SIP/2.0/TCP {PHONE[4]}:5099;branch=z9hG4bKreg\r\nMax-Forwards: 70\r\n"
                f"From: <sip:alice@example.org>;tag=r\r\nTo: <sip:alice@example.org>\r\n"
                f"Call-ID: reg\r\nCSeq: 1 REGISTER\r\n"
                f"Contact: <sip:alice@{PHONE[4]}:5099;transport=tcp>\r\n"
                f"Expires: 600\r\nContent-Length: 0\r\n\r\n").encode()
    carries("a phone announces a port of its own", phone, pbx, register)
    carries("and is registered", pbx, phone,
            b"SIP/2.0 200 OK\r\n" + register.split(b"\r\n", 1)[1].replace(
                b"To: <sip:alice@example.org>", b"To: <sip:alice@example.org>;tag=p"))
    back = connect("pbx", PBX[4], PHONE[4], port=5099)
    inner, peer = listener.accept()
    inner.settimeout(20)
    check("the PBX may call it there, as itself", peer[0] == PBX[4])
    carries("and is judged", back, inner, options("door", PBX[4]))
    check("which the table shows", any(c["by_door"] for c in lab.connections()))
    carries("and back", inner, back, options("door2", PHONE[4]))
    for s in (back, inner, phone, pbx, listener):
        s.close()
    check("it ends", closed_all())


def daemon_dies(server):
    phone, pbx, _ = pair(server)
    carries("a connection before the daemon is killed", phone, pbx, options("kill"))
    lab.kill()
    check("both ends are told", how_it_ends(phone) in ("end", "reset") and
          how_it_ends(pbx) in ("end", "reset"))
    phone.close()
    pbx.close()
    down = lab.counter("daemon_down")
    check("without a daemon no connection passes it by", is_held(PHONE[4]))
    check("and daemon_down counts", lab.counter("daemon_down") > down)


def before_the_gateway(server):
    lab.rf("unload")
    phone, pbx, _ = pair(server)
    lab.write()
    check("a gateway that starts beside a connection", lab.run())
    phone.sendall(options("stray"))
    check("resets it, so that its ends know", how_it_ends(phone) == "reset")
    check("tells of it", within(lambda: lab.counter("stream_stray") >= 1))
    pbx.sendall(options("stray2", PBX[4]))
    check("and the far end as soon as it speaks", how_it_ends(pbx) == "reset")
    phone.close()
    pbx.close()
    lab.kill()
    lab.rf("unload")
    phone, pbx, _ = pair(server)
    lab.write("daemon: tcp_strays: pass")
    check("or, where policy says so", lab.run())
    carries("it passes unread", phone, pbx, options("stray3"))
    check("and is counted", within(lambda: lab.counter("signalling_unread") >= 1))
    phone.close()
    pbx.close()
    lab.kill()
    lab.rf("unload")


def watched(server):
    lab.write("protections: { sip: monitor }")
    check("a gateway that only watches", lab.run())
    phone, pbx, _ = pair(server)
    carries("lets HTTP by", phone, pbx, b"GET / HTTP/1.1\r\n\r\n")
    check("and counts it", within(lambda: lab.counter("stream_http") == 1))
    phone.close()
    pbx.close()
    lab.kill()
    lab.rf("unload")


def native(server):
    for where in ("phone", "pbx"):
        subprocess.run(["ip", "netns", "exec", f"{where}-{RUN}", "ethtool", "-K", "eth0", "gro",
                        "on"], check=True)
    lab.write(mode=", mode: native")
    check("over native XDP", lab.run())
    phone, pbx, peer = pair(server, source_port=5060)
    check("the PBX sees the phone's own address and port", peer == (PHONE[4], 5060))
    carries("a message goes through", phone, pbx, options("native"))
    check("and is judged", within(lambda: lab.counter("messages_accepted") == 1))
    phone.close()
    pbx.close()
    lab.kill()
    check("unload leaves nothing behind", lab.rf("unload").returncode == 0 and
          "21063" not in subprocess.run(["ip", "-n", f"gateway-{RUN}", "rule"], check=True,
                                        capture_output=True, text=True).stdout)


def main():
    if not pathlib.Path("/sys/fs/bpf").is_mount():
        subprocess.run(["mount", "-t", "bpf", "bpf", "/sys/fs/bpf"], check=True)
    try:
        lab.up()
        lab.write("limits: { unknown_rate: 0 }")
        check("the gateway runs", lab.run())
        calls(4)
        calls(6)
        server, server6 = listen("pbx", PBX[4]), listen("pbx", PBX[6], family=6)
        peers_see_each_other(server, 4)
        peers_see_each_other(server6, 6)
        for part in (pieces, hostile, endings, pressure, slow, flood, halves, blocked,
                     a_contact_names_a_port, daemon_dies, before_the_gateway,
                     watched, native):
            part(server)
    except (Failed, OSError, subprocess.SubprocessError) as error:
        print(f"not ok - {error!r}")
        return 1
    finally:
        lab.down()
    return 0


if __name__ == "__main__":
    sys.exit(main())
