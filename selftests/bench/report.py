#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Medians and ratios of what the bench measured, as JSON and as a table.

report.py RESULTS JSON-OUT
"""
import json
import statistics
import sys

SIZES = {64: "64 B", 1514: "1500 B", 65214: "64 KiB GSO"}
ORDER = ["sluice-wire", "sluice-acl", "sluice-flows", "ovs-wire", "ovs-acl", "ovs-flows", "bridge", "macvtap"]
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


def cost(cells, key):
    """Median ns per frame of a cell, its spread, its losses; None if there is nothing to go by."""
    path, way, length, flows = key
    rounds = cells.get(key, {})
    wire = cells.get(("wire", "wire", length, flows), {})
    values, sent, lost, failed = [], 0, 0, 0
    for number, m in rounds.items():
        if m.get("failed"):
            failed += 1
            continue
        share = 0.0
        if way == "in":
            base = [w["ns"] for w in wire.values() if not w.get("failed")]
            if number in wire and not wire[number].get("failed"):
                share = wire[number]["ns"]
            elif base:
                share = statistics.median(base)
            else:
                continue
        values.append(m["ns"] - share)
        sent += m["packets"]
        lost += m["lost"]
    if not values:
        return None if not failed else {"path": path, "dir": way, "len": length, "flows": flows, "failed": failed}
    return {"path": path, "dir": way, "len": length, "flows": flows, "ns": round(statistics.median(values), 1),
            "spread": round(spread(values), 3), "rounds": len(values), "failed": failed, "packets": sent,
            "lost": lost, "delivered": lost <= sent * LOST_MAX}


def table(results, paths):
    print("Nanoseconds of device-side CPU per frame (median of interleaved rounds); * not all was delivered")
    print(f"{'':24}" + "".join(f"{p:>14}" for p in paths))
    for way, arrow in (("out", "guest -> wire"), ("in", "wire -> guest")):
        for length, size in SIZES.items():
            for flows in (1, 10000):
                row = f"{arrow} {size:>10}"
                print(f"{row}")if False else None
                cells = []
                for p in paths:
                    r = results.get((p, way, length, flows))
                    cells.append("-" if not r or "ns" not in r else f"{r['ns']:.0f}" + ("" if r["delivered"] else "*"))
                print(f"{arrow} {size:>10} {flows:>6}f"[:32].ljust(32) + "".join(f"{c:>14}" for c in cells)[8:])
    print()


def main():
    cells = read(sys.argv[1])
    keys = sorted(k for k in cells if k[0] != "wire")
    results = {k: r for k in keys if (r := cost(cells, k))}
    paths = [p for p in ORDER if any(k[0] == p for k in results)]
    table(results, paths)
    with open(sys.argv[2], "w", encoding="ascii") as out:
        json.dump({"results": list(results.values())}, out, indent=1)


main()
