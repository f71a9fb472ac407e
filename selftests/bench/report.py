#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Medians and ratios of what the bench measured, as JSON and as tables.

report.py RESULTS JSON-OUT [UNIT]
"""
import json
import statistics
import sys

SIZES = {64: "64 B", 1514: "1500 B", 65214: "64 KiB GSO"}
ORDER = ["sluice-wire", "sluice-acl", "sluice-flows", "mdev", "ovs-wire", "ovs-acl", "ovs-flows", "bridge", "macvtap"]
RULES = ["wire", "acl", "flows"]
# What drives the VF alone, and with Sluice in between.
VF = ["passthrough", "virtio-vf"]
# Disks: guest-disk.sh says what they are. What is in "flows" of their lines is how many requests are under way.
DISKS = ["raw", "raw-dm", "volume", "volume-crypt", "volume-dm", "scsi", "scsi-dm", "user", "user-dm"]
DISK_OPS = {4096: "4 KiB at random", 131072: "128 KiB in sequence"}
DEPTHS = [1, 64]
LOST_MAX = 0.001


def read(path):
    """Measurements by (path, dir, len, flows), each a dict by round."""
    cells = {}
    with open(path, encoding="ascii") as lines:
        for line in lines:
            m = json.loads(line)
            cells.setdefault((m["path"], m["dir"], m["len"], m["flows"]), {})[m["round"]] = m
    return cells


def spread(values):
    """Half the distance between the quartiles, relative to the median."""
    if len(values) < 3:
        return 0.0
    q = statistics.quantiles(values, n=4)
    return (q[2] - q[0]) / 2 / statistics.median(values)


def good(rounds):
    return {number: m for number, m in rounds.items() if not m.get("failed")}


def generator(cells, key):
    """The measurement whose figure is the generator's share of a cell; None if it has none."""
    path, way, length, flows = key
    if path in VF:
        return good(cells.get(("source", way, length, flows), {}))
    return good(cells.get(("wire", "wire", length, flows), {})) if way == "in" else None


def cost(cells, key):
    """Median ns per frame of a cell, its spread, its losses; None if there is nothing to go by."""
    path, way, length, flows = key
    entry = {"path": path, "dir": way, "len": length, "flows": flows}
    rounds, base = cells[key], generator(cells, key)
    failed = len(rounds) - len(good(rounds))
    values, sent, lost = [], 0, 0
    for number, m in good(rounds).items():
        share = 0.0
        if base is not None:
            if not base:
                continue
            share = base[number]["ns"] if number in base else statistics.median(w["ns"] for w in base.values())
        values.append(m["ns"] - share)
        sent += m["packets"]
        lost += m["lost"]
    if not values:
        return entry | {"failed": failed} if failed else None
    kicks = sum(m["kicks"] for m in good(rounds).values())
    return entry | {"ns": round(statistics.median(values), 1), "spread": round(spread(values), 3),
                    "rounds": len(values), "failed": failed, "packets": sent, "lost": lost,
                    "delivered": lost <= sent * LOST_MAX, "kicks": round(kicks / sent, 4)}


def rows():
    """Loads in the order of the table, with what they are called."""
    for way, arrow in (("out", "guest -> wire"), ("in", "wire -> guest")):
        for length, size in SIZES.items():
            for flows in (1, 10000):
                yield (way, length, flows), f"{arrow}  {size:>10}  {flows:>5} flow{'s' if flows > 1 else ''}"


def disk_rows():
    """Likewise for disks."""
    for op in ("read", "write"):
        for length, name in DISK_OPS.items():
            for depth in DEPTHS:
                yield (op, length, depth), f"{op:5}  {name:>19}  depth {depth:2}"


def text(r):
    if not r:
        return "-"
    if "ns" not in r:
        return "failed"
    return f"{r['ns']:.0f}" + ("" if r["delivered"] else "*")


def print_rows(title, columns, lines):
    """@lines: name and one cell for each of @columns."""
    print(title)
    print(" " * 40 + "".join(f"{c:>13}" for c in columns))
    for name, values in lines:
        print(f"{name:40}" + "".join(f"{v:>13}" for v in values))
    print()


def table(results, loads, paths, title):
    lines = [(name, [text(results.get((p, *load))) for p in paths]) for load, name in loads
             if any((p, *load) in results for p in paths)]
    if lines:
        print_rows(f"{title}. * : some were lost", paths, lines)


def quotient(results, load, ours, theirs):
    a, b = results.get((ours, *load)), results.get((theirs, *load))
    return round(a["ns"] / b["ns"], 3) if a and b and a.get("ns") and b.get("ns") else None


def ratios(results):
    """Sluice beside Open vSwitch with the same rules, its rules beside none, and the card beside vhost."""
    columns = {f"{r}/ovs": (f"sluice-{r}", f"ovs-{r}") for r in RULES}
    columns |= {f"{r}/wire": (f"sluice-{r}", "sluice-wire") for r in RULES[1:]}
    columns |= {"mdev/vhost": ("mdev", "sluice-wire"), "virtio/vf": ("virtio-vf", "passthrough")}
    out, lines = [], []
    for load, name in rows():
        found = {c: q for c, (a, b) in columns.items() if (q := quotient(results, load, a, b)) is not None}
        if found:
            out.append({"dir": load[0], "len": load[1], "flows": load[2]} | found)
            lines.append((name, [found.get(c, "-") for c in columns]))
    if out:
        print_rows("Ratios: Sluice over Open vSwitch with the same rules, and over itself without rules; the mediated\n"
                   "device over the vhost node; virtio through Sluice to a VF over the VF's own driver", columns, lines)
    return out


def disk_ratios(results):
    """Volumes beside vhost-scsi, and how much of what encryption adds is the cipher itself."""
    columns = {"volume/scsi": ("volume", "scsi"), "crypt/dm": ("volume-crypt", "scsi-dm"),
               "volume/raw": ("volume", "raw"), "volume/user": ("volume", "user"),
               "crypt/user": ("volume-crypt", "user-dm")}
    out, lines = [], []
    for load, name in disk_rows():
        found = {c: q for c, (a, b) in columns.items() if (q := quotient(results, load, a, b)) is not None}
        cipher = results.get(("cipher", *load[:2], 0), {}).get("ns")
        plain, crypt = (results.get((p, *load), {}).get("ns") for p in ("volume", "volume-crypt"))
        if cipher and plain and crypt:
            found |= {"added": round(crypt - plain), "cipher": round(cipher),
                      "share": round(cipher / (crypt - plain), 3)}
        if found:
            out.append({"op": load[0], "len": load[1], "depth": load[2]} | found)
            lines.append((name, [found.get(c, "-") for c in (*columns, "added", "cipher", "share")]))
    if out:
        print_rows("Disks: a volume over vhost-scsi, each encrypted over each encrypted, a volume over the bare disk; what a\n"
                   "volume's encryption adds, what the kernel's cipher takes by itself, and how much of the former that is",
                   [*columns, "added", "cipher", "share"], lines)
    return out


def kicks(results):
    """How often the driver had to notify, per frame."""
    paths = ["sluice-wire", "mdev"]
    lines = [(name, [r.get("kicks", "-") if (r := results.get((p, *load))) else "-" for p in paths])
             for load, name in rows() if ("mdev", *load) in results]
    if lines:
        print_rows("Notifications per frame", paths, lines)


def trips(cells):
    """Round trips of single frames, and what an idle queue costs."""
    out, lines = [], []
    for path in ORDER:
        entry = {"path": path}
        ping = good(cells.get((path, "ping", 64, 1), {})).values()
        idle = good(cells.get((path, "idle", 0, 0), {})).values()
        for name, measured in (("median", ping), ("p99", ping), ("ns", idle)):
            if measured:
                entry["idle" if name == "ns" else name] = statistics.median(m[name] for m in measured)
        if len(entry) > 1:
            out.append(entry)
            lines.append((path, [f"{entry[k]:.0f}" if k in entry else "-" for k in ("median", "p99", "idle")]))
    if out:
        print_rows("One frame of 64 B from the wire to the guest and back, ns; ns of processor time per second while idle",
                   ["median", "p99", "idle"], lines)
    return out


def main():
    cells = read(sys.argv[1])
    unit = sys.argv[3] if len(sys.argv) > 3 else "nanoseconds of CPU"
    keys = sorted(k for k in cells if k[0] in ORDER + VF and k[1] in ("in", "out") or k[1] in ("read", "write"))
    results = {k: r for k in keys if (r := cost(cells, k))}
    table(results, rows(), [p for p in ORDER if any(k[0] == p for k in results)],
          f"Device-side {unit} per frame, median of interleaved rounds")
    table(results, rows(), [p for p in VF if any(k[0] == p for k in results)],
          f"A VF: {unit} per frame, of driver and host together, without the source's")
    table(results, disk_rows(), [p for p in DISKS if any(k[0] == p for k in results)],
          f"Disks: device-side {unit} per request, median of interleaved rounds")
    relative = ratios(results)
    disk_relative = disk_ratios(results)
    kicks(results)
    with open(sys.argv[2], "w", encoding="ascii") as out:
        json.dump({"results": list(results.values()), "ratios": relative, "disks": disk_relative, "trips": trips(cells)}, out, indent=1)


main()
