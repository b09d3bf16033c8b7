#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""operator_media.py FROM:PORT TO:PORT: PCMA, 50 packets a second until it is ended; of ten packets
the tenth is lost before the gateway."""
import socket
import struct
import sys
import time

here, there = ((a, int(p)) for a, p in (word.split(":") for word in sys.argv[1:3]))
sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sock.bind(here)
begin = time.monotonic()
for n in range(1 << 16):
    if n % 10 != 9:
        # RFC 3550 5.1: version 2, payload type 8
        sock.sendto(struct.pack("!BBHII", 0x80, 8, n, 160 * n, 0x5eed) + bytes([0xd5]) * 160, there)
    time.sleep(max(0.0, begin + (n + 1) * 0.02 - time.monotonic()))
