#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""fuzz.py SECONDS SEED: requests by chance, from kmod/sluice.yaml: mostly of the right form, often not quite."""
import random
import sys
import time

import nl

NAMES = ["vm1", "vm2", "vm3", "up0", "up1", "vf0", "vf1", "lo", "nix", ""]
DEVICE = "/dev/nullb0"


class Fuzzer:
    def __init__(self, seed):
        self.rng = random.Random(seed)
        self.spec = nl.Spec()
        self.sockets = [nl.Socket() for _ in range(3)]
        self.done = 0
        self.accepted = {}
        # Parameters of the whole host, in a range in which something is there.
        self.ranges = {"cpu": 1, "id": 5, "prio": 8, "queue": 3, "queues": 3, "meter": 4, "len": 32}

    def number(self, name, width):
        r = self.rng
        if name in self.ranges and r.random() < 0.9:
            return r.randrange(self.ranges[name] + 1)
        top = (1 << 8 * width) - 1
        return r.choice([0, 1, 2, 6, 17, 58, 80, 255, 1500, 0x800, 0x806, 0x86dd, 0x1005, top >> 1, top, r.randrange(top + 1)]) & top

    def scalar(self, kind, name):
        width = {"u8": 1, "u16": 2, "u32": 4, "s32": 4, "u64": 8, "uint": self.rng.choice([4, 8])}[kind]
        return self.number(name, width).to_bytes(width, sys.byteorder)

    def binary(self, meta):
        r = self.rng
        size = meta.get("checks", {}).get("exact-len") or r.choice([4, 4, 4, 16])
        # Prefixes have no bits behind their length: often none at all.
        data = bytes(size) if r.random() < 0.3 else r.randbytes(size)
        return data[:1] + bytes(size - 1) if r.random() < 0.5 else data

    def value(self, meta, depth):
        kind = meta["type"]
        if kind == "nest":
            return self.attributes(meta["nested-attributes"], None, depth + 1)
        if meta["name"] == "path" and self.rng.random() < 0.9:
            return DEVICE.encode() + b"\0"
        if kind == "string":
            return self.rng.choice(NAMES).encode() + b"\0"
        if kind == "flag":
            return b""
        if kind == "binary":
            return self.binary(meta)
        return self.scalar(kind, meta["name"])

    def attribute(self, group, name, depth):
        r = self.rng
        number, meta = self.spec.sets[group][name]
        data = self.value(meta, depth)
        flags = nl.NLA_F_NESTED if meta["type"] == "nest" else 0
        if r.random() < 0.005:
            data = r.randbytes(r.randrange(64))
        if r.random() < 0.002:
            number = r.randrange(200)
        if r.random() < 0.002:
            flags ^= nl.NLA_F_NESTED
        return nl.attr(number | flags, data, r.randrange(70) if r.random() < 0.002 else None)

    def attributes(self, group, names, depth=0):
        r = self.rng
        known = list(self.spec.sets[group])
        if names is None:
            names = r.sample(known, r.randrange(min(len(known), 5) + 1))
            if group == "prefix":
                names = ["addr", "len"]
        out = []
        for name in names:
            if self.rng.random() < (0.95 if name in ("name", "port", "dir", "id", "prio", "cpu", "verdict", "actions",
                                                     "addr", "a", "b", "dev") else 0.25 if depth == 0 else 0.8):
                out.append(self.attribute(group, name, depth))
        if r.random() < 0.01:
            out.append(self.attribute(group, r.choice(known), depth))
        if r.random() < 0.02:
            r.shuffle(out)
        data = b"".join(out)
        return data[:r.randrange(len(data) + 1)] if r.random() < 0.003 else data

    def flow(self):
        """Chance alone hardly finds a flow rule that makes sense."""
        r, a = self.rng, self.spec.attr
        key, tcp = [], r.random() < 0.5
        mask = []
        if r.random() < 0.7:
            key.append(nl.text(a("match", "in-port"), r.choice(NAMES[:5])))
        if tcp or r.random() < 0.5:
            key.append(nl.u16(a("match", "eth-type"), 0x800))
        if tcp:
            key += [nl.u8(a("match", "proto"), 6), nl.u16(a("match", "dport"), r.randrange(4))]
            bits = r.choice([8, 16, 32])
            net = bytes([10, r.randrange(4), 0, 0])
            key.append(nl.attr(a("match", "src"), net))
            mask.append(nl.attr(a("match", "src"), (0xffffffff << 32 - bits & 0xffffffff).to_bytes(4, "big")))
        acts = [nl.text(a("act", "output"), r.choice(NAMES[:5])) for _ in range(r.randrange(1, 3))]
        if r.random() < 0.3:
            acts.insert(0, nl.u32(a("act", "meter"), r.randrange(1, 5)))
        if r.random() < 0.2:
            acts = [nl.attr(a("act", "drop"))]
        out = nl.u32(a("flow", "prio"), r.randrange(8))
        if r.random() < 0.5:
            out += nl.u32(a("flow", "id"), r.randrange(1, 30))
        return out + nl.nest(a("flow", "key"), *key) + nl.nest(a("flow", "mask"), *mask) + \
            nl.nest(a("flow", "actions"), *acts)

    def acl(self):
        r, a = self.rng, self.spec.attr
        out = nl.text(a("acl", "port"), r.choice(NAMES[:4])) + nl.u8(a("acl", "dir"), r.randrange(2)) + \
            nl.u32(a("acl", "prio"), r.randrange(20)) + nl.u8(a("acl", "verdict"), r.randrange(2))
        if r.random() < 0.5:
            out += nl.u8(a("acl", "proto"), r.choice([6, 17])) + nl.u16(a("acl", "dport-min"), r.randrange(9))
        return out

    def volume(self):
        r, a = self.rng, self.spec.attr
        out = nl.text(a("volume", "name"), r.choice(NAMES[:5])) + nl.text(a("volume", "path"), DEVICE) + \
            nl.u32(a("volume", "start"), 8 * r.randrange(9)) + nl.u32(a("volume", "sectors"), 8 * r.randrange(1, 4))
        if r.random() < 0.5:
            out += nl.u32(a("volume", "queues"), r.randrange(1, 17))
        if r.random() < 0.3:
            out += nl.attr(a("volume", "read-only"))
        if r.random() < 0.5:
            out += nl.u64(a("volume", "read-iops"), r.randrange(1 << 64))
        return out

    def step(self):
        r = self.rng
        name = r.choice(list(self.spec.ops))
        if r.random() < 0.25:
            name = r.choice(["flow-add", "flow-add", "acl-add", "volume-add", "txn-commit", "txn-commit"])
        cmd, op = self.spec.ops[name]
        modes = [m for m in ("do", "dump") if m in op]
        mode = r.choice(modes) if modes else "do"
        request = op.get(mode, {}).get("request", {}).get("attributes", [])
        payload = self.attributes(op["attribute-set"], request)
        if name == "flow-add" and r.random() < 0.7:
            payload = self.flow()
        elif name == "acl-add" and r.random() < 0.7:
            payload = self.acl()
        elif name == "volume-add" and r.random() < 0.7:
            payload = self.volume()
        sock = r.choice(self.sockets)
        flags = nl.NLM_F_REQUEST | (nl.NLM_F_DUMP if mode == "dump" else nl.NLM_F_ACK)
        if r.random() < 0.002:
            flags |= 1 << r.randrange(16)
        self.done += 1
        # Without these two bits there need not be an answer.
        if not flags & (nl.NLM_F_ACK | nl.NLM_F_DUMP) or not flags & nl.NLM_F_REQUEST:
            return
        try:
            sock.request(cmd, payload, flags)
            self.accepted[name] = self.accepted.get(name, 0) + 1
        except nl.Refusal:
            pass
        if r.random() < 0.002:
            self.sockets.remove(sock)
            sock.sock.close()
            self.sockets.append(nl.Socket())


def main():
    seconds, seed = float(sys.argv[1]), int(sys.argv[2])
    print(f"seed {seed}", flush=True)
    fuzzer = Fuzzer(seed)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        fuzzer.step()
    print(f"{fuzzer.done} requests, accepted:", ", ".join(f"{k} {v}" for k, v in sorted(fuzzer.accepted.items())))


main()
