#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""commit.py PORT,... UPLINK add|remove acl|flow|both NUMBER: so many rules in one transaction, and what its parts took.

None of them matches what the bench sends. Prints members of a JSON object, times in ns.
"""
import os
import struct
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../ctl"))
import nl  # noqa: E402

# What a list holds: rules go on in the next, of the other direction or of another port.
LIST = 16384
# Of these many messages is one system call.
BATCH = 64
NET = 0xac100000


def rules(spec, ports, number):
    """Lists as they are written: networks of several lengths, both protocols, a port."""
    def a(name):
        return spec.attr("acl", name)
    addr, length = spec.attr("prefix", "addr"), spec.attr("prefix", "len")
    lists = [nl.text(a("port"), port) + nl.u8(a("dir"), way) + nl.u8(a("verdict"), 0)
             for port in ports for way in range(2)]
    for i in range(number):
        bits = 24 + i % 9
        net = NET + i & 0xffffffff << 32 - bits
        yield lists[i // LIST] + nl.u32(a("prio"), i + 1) + nl.u8(a("proto"), 17 if i & 1 else 6) + \
            nl.nest(a("src"), nl.attr(addr, struct.pack("!I", net)), nl.u8(length, bits)) + \
            nl.u16(a("dport-min"), 1000 + i % 5000)


def flows(spec, port, uplink, number):
    """One for each of so many addresses."""
    def a(name):
        return spec.attr("match", name)
    head = nl.u32(spec.attr("flow", "prio"), 10)
    tail = nl.nest(spec.attr("flow", "actions"), nl.text(spec.attr("act", "output"), uplink))
    key = nl.text(a("in-port"), port) + nl.u16(a("eth-type"), 0x800)
    for i in range(number):
        yield head + nl.nest(spec.attr("flow", "key"), key, nl.attr(a("dst"), struct.pack("!I", NET + i))) + tail


def additions(spec, ports, uplink, kind, number):
    if kind != "flow":
        for rule in rules(spec, ports, number):
            yield "acl-add", rule
    if kind != "acl":
        for flow in flows(spec, ports[0], uplink, number):
            yield "flow-add", flow


def removals(spec, ports, kind):
    if kind != "flow":
        for port in ports:
            yield "acl-flush", nl.text(spec.attr("acl", "port"), port)
    if kind != "acl":
        yield "flow-flush", b""


def send(spec, sock, changes):
    batch = []
    for cmd, payload in changes:
        batch.append(sock.message(spec.cmd(cmd), payload, nl.NLM_F_REQUEST))
        if len(batch) == BATCH:
            sock.send(b"".join(batch))
            batch.clear()
    sock.send(b"".join(batch))


def main():
    ports, uplink, what, kind = sys.argv[1].split(","), *sys.argv[2:5]
    number = int(sys.argv[5])
    spec, sock = nl.Spec(), nl.Socket()
    sock.sock.settimeout(None)
    if what == "add":
        changes = list(additions(spec, ports, uplink, kind, number))
    else:
        changes = list(removals(spec, ports, kind))
    sock.request(spec.cmd("txn-begin"))
    begun = time.monotonic_ns()
    send(spec, sock, changes)
    sent = time.monotonic_ns()
    sock.request(spec.cmd("txn-commit"))
    print(f'"send": {sent - begun}, "commit": {time.monotonic_ns() - sent}')


main()
