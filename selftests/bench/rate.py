#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""rate.py RESULTS JSON: what guest-rate.sh measured, as a table of shares of the limit."""
import json
import sys

# A full segment with timestamps: what TCP hands over of it, and what it is on the wire, as limits count.
PAYLOAD, FRAME = 1448, 1514
UNITS = {"k": 1e3, "m": 1e6}
TOLERANCE = 0.05


def number(text):
    return float(text[:-1]) * UNITS[text[-1]] if text[-1] in UNITS else float(text)


def limit_of(name):
    """(name for the table, bits or packets a second, payload bits that one of them is)"""
    kind, *rest = name.split(":")
    if kind == "none":
        return "none", None, None
    rate, burst = rest[1:] if kind == "sluice" else rest
    unit = "pps" if rate.startswith("pps") else "bps"
    rate = rate.removeprefix(unit)
    part = PAYLOAD / FRAME if unit == "bps" else PAYLOAD * 8
    return f"{kind}, {unit} {rate}, burst {burst}", number(rate), part


def measured(row):
    """The share of the limit; bits per second where there is none; None: no measurement."""
    if "bps" not in row:
        return None
    _, rate, part = limit_of(row["limit"])
    return row["bps"] / part / rate if rate else row["bps"]


def show(row):
    share = measured(row)
    if share is None:
        return "failed"
    if row["limit"] == "none":
        return f"{share / 1e6:.0f} Mbit/s"
    return f"{share:.3f}{'' if abs(share - 1) <= TOLERANCE else ' !'}"


def table(rows):
    conns = sorted({row["conns"] for row in rows})
    columns = [(gso, n) for gso in ("on", "off") for n in conns]
    head = ["limit", "direction"] + [f"{n}, GSO {gso}" for gso, n in columns]
    print("| " + " | ".join(head) + " |")
    print("|" + " --- |" * len(head))
    cells = {}
    for row in rows:
        cells.setdefault((row["limit"], row["dir"]), {})[row["gso"], row["conns"]] = show(row)
    for (limit, direction), got in cells.items():
        print("| " + " | ".join([limit_of(limit)[0], direction] + [got.get(c, "") for c in columns]) + " |")


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    for row in rows:
        row["share"] = measured(row)
    with open(sys.argv[2], "w", encoding="utf-8") as file:
        json.dump(rows, file, indent=1)
    table(rows)
    ours = [row for row in rows if row["limit"].startswith("sluice:")]
    off = [row for row in ours if row["share"] is None or abs(row["share"] - 1) > TOLERANCE]
    print(f"\nSluice: {len(ours)} measurements, {len(off)} of them more than {TOLERANCE:.0%} from the limit (!)")


main()
