# SPDX-License-Identifier: GPL-2.0-only
"""Generic netlink by hand, for what no library would send."""
import os
import socket
import struct

NETLINK_GENERIC = 16
SOL_NETLINK = 270
NETLINK_CAP_ACK = 10
NETLINK_EXT_ACK = 11
NLM_F_REQUEST, NLM_F_MULTI, NLM_F_ACK, NLM_F_DUMP_INTR = 1, 2, 4, 16
NLM_F_DUMP, NLM_F_CAPPED, NLM_F_ACK_TLVS = 0x300, 0x100, 0x200
NLMSG_ERROR, NLMSG_DONE = 2, 3
GENL_ID_CTRL = 16
NLA_F_NESTED = 0x8000


def pad(data):
    return data + bytes(-len(data) % 4)


def attr(kind, data=b"", length=None):
    """One attribute; a length that is a lie may be given."""
    return pad(struct.pack("=HH", 4 + len(data) if length is None else length, kind) + data)


def u8(kind, n):
    return attr(kind, struct.pack("=B", n))


def u16(kind, n):
    return attr(kind, struct.pack("=H", n))


def u32(kind, n):
    return attr(kind, struct.pack("=I", n))


def u64(kind, n):
    return attr(kind, struct.pack("=Q", n))


def text(kind, s):
    return attr(kind, s.encode() + b"\0")


def nest(kind, *parts):
    return attr(kind | NLA_F_NESTED, b"".join(parts))


def attrs(data):
    """(type, payload) of each attribute."""
    while len(data) >= 4:
        length, kind = struct.unpack_from("=HH", data)
        if length < 4:
            return
        yield kind & 0x3fff, data[4:length]
        data = data[(length + 3) & ~3:]


class Refusal(Exception):
    def __init__(self, errno, words, cookie):
        super().__init__(f"{os.strerror(errno)}: {words}")
        self.errno = errno
        self.words = words
        self.cookie = cookie


class Socket:
    def __init__(self, family="sluice"):
        self.sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_GENERIC)
        self.sock.bind((0, 0))
        self.sock.setsockopt(SOL_NETLINK, NETLINK_CAP_ACK, 1)
        self.sock.setsockopt(SOL_NETLINK, NETLINK_EXT_ACK, 1)
        self.sock.settimeout(20)
        self.seq = 0
        self.family = GENL_ID_CTRL
        for _, body in self.request(3, text(2, family), version=2):
            for kind, data in attrs(body):
                if kind == 1:
                    self.family = struct.unpack("=H", data)[0]

    def message(self, cmd, payload=b"", flags=NLM_F_REQUEST | NLM_F_ACK, version=1, reserved=0):
        self.seq += 1
        body = struct.pack("=BBH", cmd, version, reserved) + payload
        return pad(struct.pack("=IHHII", 16 + len(body), self.family, flags, self.seq, 0) + body)

    def send(self, data):
        self.sock.send(data)

    def receive(self):
        """(type, flags, seq, payload) of each message of one buffer."""
        data = self.sock.recv(1 << 17)
        while len(data) >= 16:
            length, kind, flags, seq, _ = struct.unpack_from("=IHHII", data)
            yield kind, flags, seq, data[16:length]
            data = data[(length + 3) & ~3:]

    @staticmethod
    def refusal(kind, flags, body):
        errno = -struct.unpack_from("=i", body)[0]
        used = 4 if kind == NLMSG_DONE else 20
        words, cookie = "", None
        if kind == NLMSG_ERROR and not flags & NLM_F_CAPPED:
            used += struct.unpack_from("=I", body, 4)[0] - 16
        if flags & NLM_F_ACK_TLVS:
            for what, data in attrs(body[(used + 3) & ~3:]):
                if what == 1:
                    words = data.rstrip(b"\0").decode(errors="replace")
                elif what == 3:
                    cookie = data
        return Refusal(errno, words, cookie) if errno else None

    def collect(self, seq):
        """Answers to one request: (flags, attributes); raises Refusal."""
        answers = []
        while True:
            for kind, flags, got, body in self.receive():
                if got != seq:
                    continue
                if kind in (NLMSG_ERROR, NLMSG_DONE):
                    refusal = self.refusal(kind, flags, body)
                    if refusal:
                        raise refusal
                    return answers
                answers.append((flags, body[4:]))

    def request(self, cmd, payload=b"", flags=NLM_F_REQUEST | NLM_F_ACK, **kw):
        self.send(self.message(cmd, payload, flags, **kw))
        return self.collect(self.seq)

    def dump(self, cmd, payload=b""):
        return self.request(cmd, payload, NLM_F_REQUEST | NLM_F_DUMP)


class Spec:
    """Numbers of kmod/sluice.yaml."""

    def __init__(self):
        import yaml
        path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../kmod/sluice.yaml")
        with open(path, encoding="utf-8") as file:
            self.yaml = yaml.safe_load(file)
        self.ops = {op["name"]: (i + 1, op) for i, op in enumerate(self.yaml["operations"]["list"])}
        self.sets = {s["name"]: {a["name"]: (i + 1, a) for i, a in enumerate(s["attributes"])}
                     for s in self.yaml["attribute-sets"]}

    def cmd(self, name):
        return self.ops[name][0]

    def attr(self, group, name):
        return self.sets[group][name][0]
