#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""commit.py [--held PORT]: a transaction of the changes on standard input, one a line: port-set name=vm1 mtu=4000.

--held: while the mock VF holds on to one of them, frames of PORT's guest pass; then it lets go.
"""
import fcntl
import os
import struct
import sys
import threading
import time

import nl

PARAMS = "/sys/module/sluice_mockvf/parameters/"


def value(kind, number, text):
    if kind == "flag":
        return nl.attr(number)
    if kind == "binary":
        return nl.attr(number, bytes.fromhex(text.replace(":", "")))
    if kind == "string":
        return nl.text(number, text)
    return {"u8": nl.u8, "u32": nl.u32, "uint": nl.u64}[kind](number, int(text, 0))


def change(spec, line):
    cmd, *words = line.split()
    attrs = spec.sets[spec.ops[cmd][1]["attribute-set"]]
    parts = []
    for word in words:
        name, _, text = word.partition("=")
        number, what = attrs[name]
        parts.append(value(what["type"], number, text))
    return spec.cmd(cmd), b"".join(parts)


class Commit(threading.Thread):
    def __init__(self, lines):
        super().__init__()
        self.refusal = None
        self.spec = nl.Spec()
        self.sock = nl.Socket()
        self.sock.request(self.spec.cmd("txn-begin"))
        for line in lines:
            self.sock.request(*change(self.spec, line))

    def run(self):
        try:
            self.sock.request(self.spec.cmd("txn-commit"))
        except nl.Refusal as refusal:
            self.refusal = refusal


def parameter(name):
    with open(PARAMS + name, encoding="ascii") as file:
        return file.read().strip()


def let_go():
    with open(PARAMS + "hold", "w", encoding="ascii") as file:
        file.write("0")


class Guest:
    """A port's guest behind its tap node; what it opens is asked for before RTNL is held."""

    def __init__(self, port):
        self.counter = open(f"/sys/class/net/{port}/statistics/rx_packets", encoding="ascii")
        with open(f"/sys/class/net/{port}/ifindex", encoding="ascii") as file:
            self.tap = os.open(f"/dev/tap{int(file.read())}", os.O_RDWR)
        fcntl.ioctl(self.tap, 0x400454ca, struct.pack("16sH22x", port.encode(), 0x1002))

    def count(self):
        self.counter.seek(0)
        return int(self.counter.read())

    def send(self, number):
        for _ in range(number):
            os.write(self.tap, bytes.fromhex("02000000000602000000000588b5") + bytes(46))


def check(what, true):
    print(f"# {what}: {'yes' if true else 'NO'}")
    return 0 if true else 1


def held(commit, guest):
    """The VF holds on for as long as it is told to, but not for ever: frames that wait come too late."""
    before = guest.count()
    commit.start()
    while commit.is_alive() and parameter("holding") == "0":
        time.sleep(0.01)
    guest.send(5)
    passed = guest.count() - before
    failed = check("the VF held on meanwhile", parameter("holding") == "1")
    failed += check(f"{passed} of 5 frames passed", passed == 5)
    let_go()
    return failed


def main():
    commit = Commit(line for line in sys.stdin if line.strip())
    failed = 0
    if sys.argv[1:2] == ["--held"]:
        failed = held(commit, Guest(sys.argv[2]))
    else:
        commit.start()
    commit.join()
    if commit.refusal:
        print(commit.refusal, file=sys.stderr)
    sys.exit(1 if failed or commit.refusal else 0)


main()
