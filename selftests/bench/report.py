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
RULES = ["wire", "acl", "flows"]
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


def rows():
    """Loads in the order of the table, with what they are called."""
    for way, arrow in (("out", "guest -> wire"), ("in", "wire -> guest")):
        for length, size in SIZES.items():
            for flows in (1, 10000):
                yield (way, length, flows), f"{arrow}  {size:>10}  {flows:>5} flow{'s' if flows > 1 else ''}"


def text(r):
    if not r:
        return "-"
    if "ns" not in r:
        return "failed"
    return f"{r['ns']:.0f}" + ("" if r["delivered"] else "*")


def table(results, paths, unit):
    print(f"Device-side {unit} per frame, median of interleaved rounds. * : frames were lost")
    print(" " * 40 + "".join(f"{p:>13}" for p in paths))
    for load, name in rows():
        print(f"{name:40}" + "".join(f"{text(results.get((p, *load))):>13}" for p in paths))
    print()


def ratios(results):
    """Sluice beside Open vSwitch with the same rules, and its rules beside none."""
    out = []
    for load, name in rows():
        entry = {"dir": load[0], "len": load[1], "flows": load[2]}
        for rules in RULES:
            ours, theirs = results.get((f"sluice-{rules}", *load)), results.get((f"ovs-{rules}", *load))
            none = results.get(("sluice-wire", *load))
            if ours and "ns" in ours and theirs and "ns" in theirs:
                entry[f"{rules}/ovs"] = round(ours["ns"] / theirs["ns"], 3)
            if rules != "wire" and ours and "ns" in ours and none and "ns" in none:
                entry[f"{rules}/wire"] = round(ours["ns"] / none["ns"], 3)
        if len(entry) > 3:
            out.append((name, entry))
    if out:
        columns = [f"{r}/ovs" for r in RULES] + [f"{r}/wire" for r in RULES[1:]]
        print("Sluice's cost over Open vSwitch's with the same rules, and over its own without rules")
        print(" " * 40 + "".join(f"{c:>13}" for c in columns))
        for name, entry in out:
            print(f"{name:40}" + "".join(f"{entry.get(c, '-'):>13}" for c in columns))
        print()
    return [entry for _, entry in out]


def main():
    cells = read(sys.argv[1])
    keys = sorted(k for k in cells if k[0] != "wire")
    results = {k: r for k in keys if (r := cost(cells, k))}
    paths = [p for p in ORDER if any(k[0] == p for k in results)]
    table(results, paths, sys.argv[3] if len(sys.argv) > 3 else "nanoseconds of CPU")
    relative = ratios(results)
    with open(sys.argv[2], "w", encoding="ascii") as out:
        json.dump({"results": list(results.values()), "ratios": relative}, out, indent=1)


main()
