#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""guard.py PORT MAC ADDR: set a guard in the words that there were before it could be strict."""
import socket
import sys

import nl

port, mac, addr = sys.argv[1:]
spec, sock = nl.Spec(), nl.Socket()
prefix = nl.nest(3, nl.attr(1, socket.inet_aton(addr)), nl.u8(2, 32))
message = nl.text(1, port) + nl.attr(2, bytes.fromhex(mac)) + prefix
try:
    sock.request(spec.cmd("guard-set"), message)
except nl.Refusal as refusal:
    sys.exit(str(refusal))
