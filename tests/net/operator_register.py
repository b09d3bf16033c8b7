#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""operator_register.py registrar ADDRESS: answers REGISTER with 200 (RFC 3261 10.3) until it is ended.
operator_register.py phone FROM TO: registers, repeats (timer E), and waits for the answer."""
import socket
import sys

REGISTER = ("REGISTER sip:{to} SIP/2.0\r\n"
            "Via: SIP/2.0/UDP {source}:5070;branch=z9hG4bKoperator\r\n"
            "Max-Forwards: 70\r\n"
            "From: <sip:carol@{to}>;tag=1\r\n"
            "To: <sip:carol@{to}>\r\n"
            "Call-ID: register@{source}\r\n"
            "CSeq: 1 REGISTER\r\n"
            "Contact: <sip:carol@{source}:5070>\r\n"
            "Expires: 600\r\n"
            "Content-Length: 0\r\n\r\n")
COPIED = ("via:", "from:", "to:", "call-id:", "cseq:", "contact:")


def bound(address, port):
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind((address, port))
    return sock


def registrar(address):
    sock = bound(address, 5060)
    while True:
        text, sender = sock.recvfrom(4096)
        lines = [line for line in text.decode().split("\r\n") if line.lower().startswith(COPIED)]
        lines = [line + ";tag=2" if line.startswith("To:") else line for line in lines]
        lines = [line + ";expires=600" if line.startswith("Contact:") else line for line in lines]
        sock.sendto("\r\n".join(["SIP/2.0 200 OK", *lines, "Content-Length: 0", "", ""]).encode(),
                    sender)


def phone(source, to):
    sock = bound(source, 5070)
    sock.settimeout(0.5)
    for _ in range(20):
        sock.sendto(REGISTER.format(source=source, to=to).encode(), (to, 5060))
        try:
            sys.exit(0 if sock.recv(4096).startswith(b"SIP/2.0 200") else "no 200")
        except TimeoutError:
            pass
    sys.exit("no answer")


{"registrar": registrar, "phone": phone}[sys.argv[1]](*sys.argv[2:])
