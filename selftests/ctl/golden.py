#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""What the tool of a version sends, kept and sent again.

golden.py record TOOL LIST      write what TOOL sends for the commands of LIST
golden.py replay FILE           send what FILE has, and look what became of it; TAP

A line of LIST, and of what is recorded:
  $ COMMAND             what the tool is told; what it sends follows
  > CMD FLAGS PAYLOAD   a message to the family: its command, netlink's flags and the attributes, in hexadecimal;
                        {NAME} is the serial number of that key
  = SHOW :: REGEX       then the tool of today shows that
  ! SHOW :: REGEX       and not that
"""
import ctypes
import os
import re
import shlex
import struct
import subprocess
import sys
import tempfile
import time

import nl

KEYS = {"logon:golden:one": "11111111222222223333333344444444", "logon:golden:two": "55555555666666667777777788888888"}
# The debug kernel on a busy machine is slow.
PATIENCE = 60


def add_keys():
    """In the session's keyring, so those who are started have them too. {name: serial, as in a message}"""
    libc = ctypes.CDLL(None, use_errno=True)
    serials = {}
    for name, payload in KEYS.items():
        kind, description = name.split(":", 1)
        data = payload.encode()
        serial = libc.syscall(248, kind.encode(), description.encode(), data, len(data), -3)
        if serial < 0:
            sys.exit(f"no key: {os.strerror(ctypes.get_errno())}")
        serials[name] = struct.pack("=i", serial)
    return serials


def lines(path):
    with open(path, encoding="ascii") as file:
        for line in file:
            yield line.rstrip("\n")


# --- recording


def sent(trace):
    """Buffers that strace saw written to a socket."""
    data, take = None, False
    for line in trace:
        dump = re.match(r" \| ([0-9a-f]{5}) ((?: {1,2}[0-9a-f]{2}){1,16})", line)
        if dump and take:
            data += bytes.fromhex(dump.group(2))
            continue
        if data:
            yield data
        take = bool(re.match(r" \* \d+ bytes in buffer|.*\b(sendto|sendmsg)\(", line))
        data = b""
    if data:
        yield data


def messages(data):
    while len(data) >= 20:
        length, kind, flags = struct.unpack_from("=IHH", data)
        yield kind, flags, data[16], data[20:length]
        data = data[(length + 3) & ~3:]


def hide_keys(payload, serials):
    text = payload.hex()
    for name, serial in serials.items():
        # As an attribute of 8 bytes.
        text = re.sub(f"(0800[0-9a-f]{{4}}){serial.hex()}", rf"\g<1>{{{name}}}", text)
    return text


def record_command(tool, words, serials):
    with tempfile.NamedTemporaryFile("r", encoding="latin-1") as trace:
        done = subprocess.run(["strace", "-qq", "-o", trace.name, "-e", "trace=sendto,sendmsg", "-e", "write=all",
                               "--", tool, *words], check=False, stdout=subprocess.DEVNULL)
        for data in sent(trace):
            for kind, flags, cmd, payload in messages(data):
                if kind != nl.GENL_ID_CTRL:
                    print(f"> {cmd} {flags:x} {hide_keys(payload, serials)}".rstrip(), flush=True)
    return done.returncode


def record(tool, path):
    serials = add_keys()
    failed = []
    for line in lines(path):
        print(line, flush=True)
        if line.startswith("$ ") and record_command(tool, shlex.split(line[2:]), serials):
            failed.append(line)
    return "".join(f"not done: {line}\n" for line in failed)


# --- sending again


class Replay:
    def __init__(self):
        self.sock = nl.Socket()
        self.serials = add_keys()
        self.count = self.failures = 0
        self.command = ""

    def result(self, true, what):
        self.count += 1
        self.failures += not true
        print(f"{'ok' if true else 'not ok'} {self.count} - {what}", flush=True)

    def send(self, line):
        cmd, flags, *payload = line.split(" ", 2)
        text = "".join(payload)
        for name, serial in self.serials.items():
            text = text.replace(f"{{{name}}}", serial.hex())
        # Who waits for no answer hears of no refusal.
        try:
            answers = self.sock.request(int(cmd), bytes.fromhex(text), int(flags, 16) | nl.NLM_F_ACK)
            self.result(True, f"{self.command}: message {cmd}, {len(answers)} answers")
        except nl.Refusal as refusal:
            self.result(False, f"{self.command}: message {cmd}: {refusal}")

    def look(self, line, wanted):
        show, _, regex = line.partition(" :: ")
        until = time.monotonic() + PATIENCE
        while True:
            out = subprocess.run(["sluice", *shlex.split(show)], check=False, stdout=subprocess.PIPE,
                                 encoding="ascii").stdout
            found = bool(re.search(regex, out, re.MULTILINE))
            if found == wanted or time.monotonic() > until:
                break
            time.sleep(0.1)
        self.result(found == wanted, f"'{show}' {'shows' if wanted else 'does not show'} {regex}")
        if found != wanted:
            print("".join(f"# {shown}\n" for shown in out.splitlines()), end="")

    def run(self, path):
        for line in lines(path):
            what, rest = line[:2], line[2:]
            if what == "$ ":
                self.command = rest
            elif what == "> ":
                self.send(rest)
            elif what in ("= ", "! "):
                self.look(rest, what == "= ")
        print(f"1..{self.count}")
        return 1 if self.failures else 0


sys.exit((record(*sys.argv[2:]) or 0) if sys.argv[1] == "record" else Replay().run(sys.argv[2]))
