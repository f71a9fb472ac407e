#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Malformed netlink. Prints TAP comments; the exit code is the number of messages that were not refused as they should."""
import errno
import os
import random
import struct
import sys

import nl

spec = nl.Spec()
sock = nl.Socket()
failures = 0


def refused(what, cmd, payload, want=(errno.EINVAL, errno.ERANGE), words=None, **kw):
    global failures
    number = cmd if isinstance(cmd, int) else spec.cmd(cmd)
    try:
        sock.request(number, payload, **kw)
        print(f"# not refused: {what}")
        failures += 1
        return
    except nl.Refusal as refusal:
        got = refusal
    if got.errno not in want or (words and words not in got.words):
        print(f"# refused with {got}, not {[errno.errorcode[e] for e in want]}: {what}")
        failures += 1


def a(group, name):
    return spec.attr(group, name)


PORT = a("port", "name")
name = nl.text(PORT, "vm2")
acl = nl.text(a("acl", "port"), "vm1") + nl.u8(a("acl", "dir"), 0) + nl.u32(a("acl", "prio"), 1) + \
    nl.u8(a("acl", "verdict"), 1)
prefix = (a("prefix", "addr"), a("prefix", "len"))
flow = nl.u32(a("flow", "prio"), 1)
drop = nl.nest(a("flow", "actions"), nl.attr(a("act", "drop")))


def key(*parts):
    return nl.nest(a("flow", "key"), *parts)


def mask(*parts):
    return nl.nest(a("flow", "mask"), *parts)


# Header.
refused("unknown command", 200, b"", (errno.EOPNOTSUPP,))
refused("command 0", 0, b"", (errno.EOPNOTSUPP,))
refused("notification as a command", "notify", b"", (errno.EOPNOTSUPP,))
refused("unknown header flags", "port-add", name, flags=nl.NLM_F_REQUEST | nl.NLM_F_ACK | 0x1000)
refused("reserved bits of the header", "port-add", name, reserved=1)
refused("dump of what does not dump", "port-add", name, (errno.EOPNOTSUPP,), flags=nl.NLM_F_REQUEST | nl.NLM_F_DUMP)
refused("do of what only dumps", "acl-get", b"", (errno.EOPNOTSUPP,))

# Attributes.
refused("no attributes", "port-add", b"", words="missing")
refused("unknown attribute", "port-add", name + nl.u32(99, 1))
refused("attribute of another command", "port-add", name + nl.text(a("port", "dev"), "vf0"))
refused("attributes where none are known", "flow-flush", nl.u32(1, 1), words="no attributes")
refused("attributes of a dump that knows none", "flow-get", nl.u32(1, 1), words="no attributes",
        flags=nl.NLM_F_REQUEST | nl.NLM_F_DUMP)
refused("attributes of another dump", "acl-get", nl.u32(a("acl", "prio"), 1), flags=nl.NLM_F_REQUEST | nl.NLM_F_DUMP)
refused("junk behind the attributes", "port-add", name + b"\1\0\0\0")
refused("attribute longer than the message", "port-add", nl.attr(PORT, b"vm2\0", 64))
refused("attribute shorter than its header", "port-add", nl.attr(PORT, b"vm2\0", 3))
refused("attribute of length 0", "port-add", nl.attr(PORT, b"vm2\0", 0))
refused("attribute of the largest length", "port-add", nl.attr(PORT, b"vm2\0", 65535))
refused("type with the nested bit", "port-add", nl.attr(PORT | nl.NLA_F_NESTED, b"vm2\0"))
refused("type with the byte order bit", "port-add", nl.attr(PORT | 0x4000, b"vm2\0") + nl.u32(a("port", "mtu"), 67))

# Names.
for bad in ("", ".", "..", "a/b", "a b", "a:b", "%d", "a\n"):
    refused(f"name {bad!r}", "port-add", nl.text(PORT, bad))
refused("name of 16", "port-add", nl.text(PORT, "x" * 16))
refused("name of 4000", "port-add", nl.text(PORT, "x" * 4000))
refused("name without an end", "port-add", nl.attr(PORT, b"vm2"))
refused("name of nothing", "port-add", nl.attr(PORT, b""))
refused("no such port", "port-del", nl.text(PORT, "vm9"), (errno.ENODEV,), "vm9")
refused("a netdev that is no port", "port-del", nl.text(PORT, "lo"), (errno.ENODEV,), "lo")

# Numbers.
for field, bad in (("queues", 0), ("queues", 17), ("queues", 0xffffffff), ("mtu", 0), ("mtu", 67), ("mtu", 65536),
                   ("mtu", 0xffffffff)):
    refused(f"{field} {bad}", "port-add", name + nl.u32(a("port", field), bad))
for width in (nl.u8, nl.u16, nl.u64):
    refused(f"queues as {width.__name__}", "port-add", name + width(a("port", "queues"), 1))
refused("queues as nothing", "port-add", name + nl.attr(a("port", "queues")))
refused("MAC of 5", "port-add", name + nl.attr(a("port", "mac"), bytes(5)))
refused("MAC of 7", "port-add", name + nl.attr(a("port", "mac"), bytes(7)))
refused("kind 2", "port-del", nl.text(PORT, "vm1") + nl.u8(a("port", "kind"), 2))
refused("direction 2", "acl-set-default", nl.text(a("acl", "port"), "vm1") + nl.u8(a("acl", "dir"), 2) +
        nl.u8(a("acl", "verdict"), 0))
refused("verdict 2", "acl-set-default", nl.text(a("acl", "port"), "vm1") + nl.u8(a("acl", "dir"), 0) +
        nl.u8(a("acl", "verdict"), 2))
refused("mode 2", "worker-add", nl.u32(a("worker", "cpu"), 0) + nl.u8(a("worker", "mode"), 2))
refused("core 2^32-1", "worker-add", nl.u32(a("worker", "cpu"), 0xffffffff), (errno.ENXIO,))
refused("flow 0", "flow-del", nl.u32(a("flow", "id"), 0))
refused("meter 0", "meter-add", nl.u32(a("meter", "id"), 0) + nl.u32(a("meter", "pps"), 1))
refused("meter without a limit", "meter-add", nl.u32(a("meter", "id"), 1))
refused("rate of 3 bytes", "meter-add", nl.u32(a("meter", "id"), 1) + nl.attr(a("meter", "pps"), bytes(3)))
refused("burst without a rate", "meter-add",
        nl.u32(a("meter", "id"), 1) + nl.u32(a("meter", "pps"), 1) + nl.u32(a("meter", "burst"), 1))

# Access lists.
refused("VLAN 4095", "acl-add", acl + nl.u16(a("acl", "vlan"), 4095))
refused("range without a lower end", "acl-add", acl + nl.u16(a("acl", "sport-max"), 1), words="lower end")
refused("range upside down", "acl-add", acl + nl.u16(a("acl", "sport-min"), 2) + nl.u16(a("acl", "sport-max"), 1))
refused("default flag in a rule", "acl-add", acl + nl.attr(a("acl", "default")))
refused("counters in a rule", "acl-add", acl + nl.u32(a("acl", "packets"), 1))
src = a("acl", "src")
for what, bad in (
        ("empty prefix", nl.nest(src)),
        ("prefix that is not a nest", nl.attr(src, nl.attr(prefix[0], bytes(4)))),
        ("prefix cut short", nl.attr(src | nl.NLA_F_NESTED, nl.attr(prefix[0], bytes(4))[:6])),
        ("prefix with an unknown attribute", nl.nest(src, nl.attr(prefix[0], bytes(4)), nl.u8(9, 1))),
        ("address of 5", nl.nest(src, nl.attr(prefix[0], bytes(5)))),
        ("address of nothing", nl.nest(src, nl.attr(prefix[0]))),
        ("/33", nl.nest(src, nl.attr(prefix[0], bytes(4)), nl.u8(prefix[1], 33))),
        ("/129", nl.nest(src, nl.attr(prefix[0], bytes(16)), nl.u8(prefix[1], 129))),
        ("/255", nl.nest(src, nl.attr(prefix[0], bytes(16)), nl.u8(prefix[1], 255))),
        ("host bits", nl.nest(src, nl.attr(prefix[0], b"\1\2\3\4"), nl.u8(prefix[1], 8)))):
    refused(what, "acl-add", acl + bad)

# Flows.
refused("no actions", "flow-add", flow, words="missing")
refused("empty actions", "flow-add", flow + nl.nest(a("flow", "actions")), words="needs an action")
refused("unknown action", "flow-add", flow + nl.nest(a("flow", "actions"), nl.attr(99)))
refused("action 0", "flow-add", flow + nl.nest(a("flow", "actions"), nl.attr(0)))
refused("17 actions", "flow-add", flow + nl.nest(a("flow", "actions"), *[nl.attr(a("act", "slow"))] * 17),
        (errno.E2BIG,))
refused("output by number", "flow-add", flow + nl.nest(a("flow", "actions"), nl.u32(a("act", "ifindex"), 1)))
refused("output to no port", "flow-add", flow + nl.nest(a("flow", "actions"), nl.text(a("act", "output"), "lo")),
        (errno.ENODEV,))
for what, bad in (("push-vlan", nl.u16(a("act", "push-vlan"), 4095)), ("CFI", nl.u16(a("act", "push-vlan"), 0x1005)),
                  ("ttl 0", nl.u8(a("act", "set-ttl"), 0)), ("dscp 64", nl.u8(a("act", "set-dscp"), 64)),
                  ("address of 3", nl.attr(a("act", "set-src"), bytes(3))),
                  ("meter 0", nl.u32(a("act", "meter"), 0)), ("flag with a value", nl.u32(a("act", "drop"), 1))):
    refused(f"action: {what}", "flow-add", flow + nl.nest(a("flow", "actions"), bad, nl.attr(a("act", "slow"))))
refused("mask without a value", "flow-add", flow + drop + mask(nl.u8(a("match", "ttl"), 255)), words="without a value")
refused("value outside its mask", "flow-add",
        flow + drop + key(nl.u16(a("match", "eth-type"), 0x800), nl.u8(a("match", "ttl"), 255)) +
        mask(nl.u8(a("match", "ttl"), 1)), words="leaves out")
refused("mask of the port", "flow-add", flow + drop + key(nl.text(a("match", "in-port"), "vm1")) +
        mask(nl.text(a("match", "in-port"), "vm1")))
refused("families mixed", "flow-add", flow + drop + key(nl.attr(a("match", "src"), bytes(4))) +
        mask(nl.attr(a("match", "src"), bytes(16))), words="same family")
refused("address of 7", "flow-add", flow + drop + key(nl.attr(a("match", "src"), bytes(7))))
refused("frag 4", "flow-add", flow + drop + key(nl.u8(a("match", "frag"), 4)))
refused("frag 2", "flow-add", flow + drop + key(nl.u16(a("match", "eth-type"), 0x800), nl.u8(a("match", "frag"), 2)),
        words="fragment")
refused("nest in a nest", "flow-add", flow + drop + key(key(nl.u8(a("match", "ttl"), 4))))
refused("key cut short", "flow-add", flow + drop + nl.attr(a("flow", "key") | nl.NLA_F_NESTED, b"\x08\0\3"))
refused("arp-op without ARP", "flow-add", flow + drop + key(nl.u8(a("match", "arp-op"), 1)), words="arp")
refused("ports without a protocol", "flow-add", flow + drop + key(nl.u16(a("match", "sport"), 1)), words="proto")

# Volumes.
VOLUME = a("volume", "name")
volume = nl.text(VOLUME, "v1") + nl.text(a("volume", "path"), "/dev/nullb0")
refused("no device", "volume-add", nl.text(VOLUME, "v1"), words="missing")
refused("no name", "volume-add", nl.text(a("volume", "path"), "/dev/nullb0"), words="missing")
refused("device by half a path", "volume-add", nl.text(VOLUME, "v1") + nl.text(a("volume", "path"), "nullb0"),
        words="full path")
refused("device of 5000", "volume-add", nl.text(VOLUME, "v1") + nl.text(a("volume", "path"), "/" * 5000))
for what, bad in (("queues", 0), ("queues", 17), ("block-size", 1), ("block-size", 0xffffffff)):
    refused(f"{what} {bad}", "volume-add", volume + nl.u32(a("volume", what), bad))
for bad in (0, 0x80000000, 0xffffffff):
    refused(f"key {bad}", "volume-add", volume + nl.u32(a("volume", "key"), bad))
refused("key that is not there", "volume-add", volume + nl.u32(a("volume", "key"), 0x7fffffff), (errno.ENOKEY,),
        "keyring")
for what in ("start", "sectors"):
    refused(f"{what} 2^64-1", "volume-add", volume + nl.u64(a("volume", what), (1 << 64) - 1))
refused("an extent that wraps", "volume-add", volume + nl.u64(a("volume", "start"), 8) +
        nl.u64(a("volume", "sectors"), (1 << 64) - 8))
refused("burst without a rate", "volume-add", volume + nl.u32(a("volume", "read-bps-burst"), 1), words="burst")
refused("what is fixed", "volume-set", nl.text(VOLUME, "v1") + nl.u32(a("volume", "queues"), 1))
refused("what is shown", "volume-add", volume + nl.text(a("volume", "key-name"), "user:x"))
for cmd in ("volume-add", "volume-del"):
    refused(f"{cmd}, a wipe of no kind", cmd, volume + nl.u8(a("volume", "wipe"), 5))
refused("mode 2 of volumes", "volume-mode-set", nl.u8(a("volume", "mode"), 2))

# Transactions.
refused("commit without one", "txn-commit", b"", words="no transaction")
refused("abort without one", "txn-abort", b"", words="no transaction")
sock.request(spec.cmd("txn-begin"))
refused("two of them", "txn-begin", b"", (errno.EBUSY,), "commit or abort")
refused("policy is looked at when a change is kept", "port-add", name + nl.u32(a("port", "queues"), 0))
sock.request(spec.cmd("port-add"), name)
first = sock.seq
sock.request(spec.cmd("port-add"), nl.text(PORT, "vm1"))
second = sock.seq
try:
    sock.request(spec.cmd("txn-commit"))
    print("# a transaction that cannot be was committed")
    failures += 1
except nl.Refusal as refusal:
    if refusal.cookie != struct.pack("=I", second) or "exists" not in refusal.words:
        print(f"# the commit was refused with {refusal}, cookie {refusal.cookie}, not {first} and {second}")
        failures += 1
refused("it is over then", "txn-commit", b"", words="no transaction")

# Sockets that go with a transaction open, and with a dump under way.
for _ in range(100):
    other = nl.Socket()
    other.request(spec.cmd("txn-begin"))
    other.request(spec.cmd("port-add"), nl.text(PORT, "x"))
    other.sock.close()
    other = nl.Socket()
    other.send(other.message(spec.cmd("port-get"), b"", nl.NLM_F_REQUEST | nl.NLM_F_DUMP))
    other.sock.close()

# Any bytes at all.
rng = random.Random(1)
for _ in range(2000):
    try:
        sock.request(rng.randrange(50), rng.randbytes(rng.randrange(200)))
    except nl.Refusal:
        pass
    except TimeoutError:
        pass
try:
    sock.request(spec.cmd("txn-abort"))
except nl.Refusal:
    pass
sys.exit(min(failures, 100))
