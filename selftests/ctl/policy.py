#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""policy.py PORT IFINDEX SET [OTHER]: send what a tenant could send, and say which of it was taken.

Frames go in by the port's tap descriptor, as a guest's do. SET names what they are tried against;
what OTHER's counters say of them, if it is given, counts.
"""
import array
import errno
import fcntl
import ipaddress
import os
import socket
import struct
import sys

TUNSETIFF, IFF_TAP, IFF_NO_PI = 0x400454ca, 2, 0x1000
SIOCETHTOOL, ETHTOOL_GSTRINGS, ETHTOOL_GSTATS, ETH_SS_STATS = 0x8946, 0x1b, 0x1d, 1

OWN, OTHER, PAIR, GATEWAY = (bytes.fromhex(f"5254005120{n}") for n in ("01", "02", "03", "fe"))
ALL, BRIDGES, SLOW = b"\xff" * 6, bytes.fromhex("0180c2000000"), bytes.fromhex("0180c2000001")


def ip(text):
    return ipaddress.ip_address(text).packed


ME, PEER, ROUTER = ip("10.0.0.1"), ip("10.0.0.2"), ip("10.0.0.254")
ME6, PEER6 = ip("2001:db8::1"), ip("2001:db8::2")
LOCAL, ROUTER_LOCAL = ip("fe80::5054:ff:fe51:2001"), ip("fe80::1")
NOBODY, NOBODY6 = bytes(4), bytes(16)


def eth(kind, body, smac=OWN, dmac=GATEWAY):
    return (dmac + smac + struct.pack("!H", kind) + body).ljust(60, b"\0")


def tag(vid, frame, tpid=0x8100):
    return frame[:12] + struct.pack("!HH", tpid, vid) + frame[12:]


def ipv4(src, proto, body, options=b"", **kw):
    head = struct.pack("!BBHHHBBH", 0x45 + len(options) // 4, 0, 20 + len(options) + len(body), 1, 0, 64, proto, 0)
    return eth(0x800, head + src + PEER + options + body, **kw)


def ipv6(src, proto, body, **kw):
    return eth(0x86dd, struct.pack("!IHBB", 6 << 28, len(body), proto, 255) + src + PEER6 + body, **kw)


def udp(sport, dport, body=bytes(16)):
    return struct.pack("!HHHH", sport, dport, 8 + len(body), 0) + body


def tcp(dport=80):
    return struct.pack("!HHIIBBHHH", 1000, dport, 1, 1, 0x50, 2, 100, 0, 0)


def bootp(op, mac):
    return struct.pack("!BBBB", op, 1, 6, 0) + bytes(24) + mac + bytes(202)


def arp(op, mac, src, dst, kind=0x806):
    return eth(kind, struct.pack("!HHBBH", 1, 0x800, 6, 4, op) + mac + src + bytes(6) + dst, dmac=ALL)


def icmp6(kind, body, src):
    return ipv6(src, 58, struct.pack("!BBHI", kind, 0, 0, 0) + body)


def option(kind, mac):
    return bytes((kind, 1)) + mac


OK = None
# What every set must answer alike: name, frame, what took it.
COMMON = (
    ("own IPv4", ipv4(ME, 6, tcp()), OK),
    ("another's MAC", ipv4(ME, 6, tcp(), smac=OTHER), "guard-mac"),
    ("another's IPv4 address", ipv4(PEER, 6, tcp()), "guard-ip"),
    ("ARP request", arp(1, OWN, ME, ROUTER), OK),
    ("gratuitous ARP", arp(2, OWN, ME, ME), OK),
    ("ARP of the router's address", arp(2, OWN, ROUTER, ROUTER), "guard-arp"),
    ("ARP with another's MAC", arp(1, OTHER, ME, ROUTER), "guard-arp"),
    ("RARP by which a VMM announces the guest", arp(3, OWN, NOBODY, NOBODY, 0x8035), OK),
    ("DHCP request", ipv4(NOBODY, 17, udp(68, 67, bootp(1, OWN))), OK),
    ("DHCP request for another", ipv4(NOBODY, 17, udp(68, 67, bootp(1, OTHER))), "guard-dhcp"),
    ("DHCP offer", ipv4(ME, 17, udp(67, 68, bootp(2, OTHER))), "guard-dhcp"),
    ("DHCP offer from another port", ipv4(ME, 17, udp(999, 68, bootp(2, OTHER))), "guard-dhcp"),
    ("source route", ipv4(ME, 6, tcp(), b"\1\x83\7\4" + PEER), "guard-option"),
    ("VLAN 666", tag(666, ipv4(ME, 6, tcp())), "guard-vlan"),
    ("priority tag", tag(0xe000, ipv4(ME, 6, tcp())), "guard-vlan"),
    ("QinQ", tag(5, tag(6, ipv4(ME, 6, tcp())), 0x88a8), "guard-vlan"),
    ("TPID 0x9100", tag(5, ipv4(ME, 6, tcp()), 0x9100), "guard-type"),
    ("PAUSE", eth(0x8808, b"\0\1\xff\xff", dmac=SLOW), "control"),
    ("BPDU", eth(38, b"\x42\x42\3" + bytes(35), dmac=BRIDGES), "control"),
    ("EAPOL", eth(0x888e, b"\1\1\0\0"), "guard-type"),
    ("PPPoE discovery", eth(0x8863, b"\x11\x09\0\0\0\0", dmac=ALL), "guard-type"),
    ("LLDP", eth(0x88cc, bytes(10)), "guard-type"),
)
V6 = (
    ("own IPv6", ipv6(ME6, 6, tcp()), OK),
    ("another's IPv6 address", ipv6(PEER6, 6, tcp()), "guard-ip"),
    ("router's link-local address", ipv6(ROUTER_LOCAL, 17, udp(9, 9)), "guard-ip"),
    ("NS", icmp6(135, ROUTER_LOCAL + option(1, OWN), LOCAL), OK),
    ("DAD", icmp6(135, LOCAL, NOBODY6), OK),
    ("DAD for the router's address", icmp6(135, ROUTER_LOCAL, NOBODY6), "guard-nd"),
    ("NA", icmp6(136, ME6 + option(2, OWN), ME6), OK),
    ("NA of the router's address", icmp6(136, ROUTER_LOCAL + option(2, OWN), ROUTER_LOCAL), "guard-nd"),
    ("NA with another's MAC", icmp6(136, ME6 + option(2, OTHER), ME6), "guard-nd"),
    ("RS", icmp6(133, b"", NOBODY6), OK),
    ("RA", icmp6(134, bytes(8) + option(1, OWN), LOCAL), "guard-nd"),
    ("MLD report", icmp6(143, b"", NOBODY6), OK),
    ("DHCPv6 request", ipv6(LOCAL, 17, udp(546, 547)), OK),
    ("DHCPv6 reply", ipv6(LOCAL, 17, udp(547, 546)), "guard-dhcp"),
    ("routing header", ipv6(ME6, 43, b"\6\2\0\1" + bytes(20) + tcp()), "guard-option"),
    ("home address", ipv6(ME6, 60, b"\6\2\1\2\0\0\xc9\x10" + bytes(16) + tcp()), "guard-option"),
)
SETS = {
    # libvirt's clean-traffic: addresses of IPv4 only, no other traffic of layer 2.
    "nwfilter": COMMON + (
        ("IPv6", ipv6(ME6, 6, tcp()), "guard-type"),
        ("link-local IPv6", ipv6(LOCAL, 6, tcp()), "guard-type"),
    ),
    # The source check of a cloud's network interface.
    "aws": COMMON + V6,
    # A port of Neutron with an allowed address pair and a security group.
    "neutron": COMMON + V6 + (
        ("address pair", ipv4(ip("10.0.9.7"), 6, tcp(), smac=PAIR), OK),
        ("security group: SMTP", ipv4(ME, 6, tcp(25)), "acl"),
    ),
    # clean-traffic-gateway: the guest speaks with its gateway only.
    "gateway": (
        ("to the gateway", ipv4(ME, 6, tcp()), OK),
        ("ARP", arp(1, OWN, ME, ROUTER), OK),
        ("to a neighbour", ipv4(ME, 6, tcp(), dmac=OTHER), "acl-default"),
    ),
    "trunk": (
        ("VLAN 10", tag(10, ipv4(ME, 6, tcp())), OK),
        ("VLAN 25", tag(25, ipv4(ME, 6, tcp())), OK),
        ("VLAN 666", tag(666, ipv4(ME, 6, tcp())), "guard-vlan"),
        ("untagged", ipv4(ME, 6, tcp()), "guard-vlan"),
        ("another's address in VLAN 10", tag(10, ipv4(PEER, 6, tcp())), "guard-ip"),
    ),
    # What was set before there were strict guards.
    "loose": (
        ("own IPv4", ipv4(ME, 6, tcp()), OK),
        ("VLAN 666", tag(666, ipv4(ME, 6, tcp())), OK),
        ("DHCP offer", ipv4(ME, 17, udp(67, 68, bootp(2, OTHER))), OK),
        ("another's IPv4 address", ipv4(PEER, 6, tcp()), "guard-ip"),
    ),
}


# Frames that are for the other end of a link, and what takes them behind a wire if they may pass: the port
# there, that nobody drives.
PASSED = "rx-down"


def control(*words):
    nearest = bytes.fromhex("0180c200000e")
    frames = {
        "bpdu": eth(38, b"\x42\x42\3" + bytes(35), dmac=BRIDGES),
        "lacp": eth(0x8809, b"\1\1" + bytes(44), dmac=BRIDGES[:5] + b"\2"),
        "eapol": eth(0x888e, b"\1\1\0\0", dmac=BRIDGES[:5] + b"\3"),
        "lldp": eth(0x88cc, bytes(10), dmac=nearest),
        "pause": eth(0x8808, b"\0\1\xff\xff", dmac=SLOW),
        "pause to one": eth(0x8808, b"\0\1\xff\xff"),
        "mvrp": eth(0x88f5, bytes(10), dmac=BRIDGES[:5] + b"\x0d"),
        "a group beside them": eth(0x88b5, bytes(10), dmac=BRIDGES[:5] + b"\x10"),
    }
    return tuple((name, frame, PASSED if name in words else "control") for name, frame in frames.items())


SETS.update({
    "control": control("a group beside them"),
    "control-all": control("bpdu", "lldp", "lacp", "eapol", "mvrp", "a group beside them"),
    "control-guard": control("bpdu", "lldp", "a group beside them"),
    "control-said": control("lldp", "lacp", "eapol", "a group beside them"),
    "up": (("up", ipv4(ME, 6, tcp()), PASSED),),
    "down": (("down", ipv4(ME, 6, tcp()), "down"),),
})


def ethtool(port, cmd, arg, words):
    """The answer to an ethtool command with one argument."""
    data = array.array("I", (cmd, arg, 0)) + array.array("I", bytes(4 * words))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        fcntl.ioctl(sock, SIOCETHTOOL, struct.pack("16sP16x", port.encode(), data.buffer_info()[0]))
    return data.tobytes()


def port_counters(port):
    strings = ethtool(port, ETHTOOL_GSTRINGS, ETH_SS_STATS, 2048)
    names = [strings[12 + 32 * i:44 + 32 * i].rstrip(b"\0").decode() for i in range(struct.unpack_from("I", strings, 8)[0])]
    return dict(zip(names, struct.unpack_from(f"={len(names)}Q", ethtool(port, ETHTOOL_GSTATS, len(names), 512), 8)))


def counters(port, other):
    """Frames that one port's guest sent, and what it and another count as dropped."""
    own, others = port_counters(port), port_counters(other)
    return own["from_guest_packets"], {name[5:]: (n, others[name]) for name, n in own.items() if name.startswith("drop_")}


def taken_by(before, now):
    """Which reason counted the frame that came in between; None if none did."""
    if now[0] != before[0] + 1:
        return "not sent"
    return next((reason for reason, n in now[1].items() if n != before[1].get(reason)), None)


def main():
    port, ifindex, name, *other = sys.argv[1:]
    ports = (port, other[0] if other else port)
    tap = os.open(f"/dev/tap{ifindex}", os.O_RDWR)
    fcntl.ioctl(tap, TUNSETIFF, struct.pack("16sH22x", port.encode(), IFF_TAP | IFF_NO_PI))
    wrong, before = 0, counters(*ports)
    # Twice: what is found out the first time is remembered.
    for _ in range(2):
        for what, frame, want in SETS[name]:
            try:
                os.write(tap, frame)
            except OSError as e:
                # The answer of a port that is down.
                if e.errno != errno.EIO:
                    raise
            now = counters(*ports)
            got, before = taken_by(before, now), now
            if got != want:
                wrong += 1
                print(f"# {what}: {got}, wanted {want}")
    print(f"# {len(SETS[name])} frames")
    sys.exit(wrong != 0)


main()
