#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""pause.py RESULTS JSON: what guest-pause.sh measured, as tables: medians, and the longest of all rounds."""
import json
import math
import statistics
import sys

WHAT = {"add": "added", "remove": "taken away"}
KINDS = {"acl": "list rules", "flow": "flows", "both": "of each"}
# What is promised of each, in ms.
BUDGETS = {"found": 200, "out": 300, "rtnl": 1000, "pause": 1}


def line(*cells):
    print("| " + " | ".join(str(c) for c in cells) + " |")


def head(*cells):
    line(*cells)
    line(*["---"] * len(cells))


def ms(rows, name):
    values = [row[name] / 1e6 for row in rows]
    return f"{statistics.median(values):.3g} / {max(values):.3g}"


def by(rows, *names):
    groups = {}
    for row in rows:
        groups.setdefault(tuple(row[n] for n in names), []).append(row)
    return groups


def commits(rows):
    head("transaction", "longest pause, ms", "commit, ms", "a rule, µs", "a rule, µs / log2 n", "RTNL held, ms")
    for (number, kind, what), group in by(rows, "rules", "kind", "what").items():
        if what == "none":
            line(f"none, before {number} {KINDS[kind]}", ms(group, "pause"), "", "", "", ms(group, "rtnl"))
            continue
        total = number * (2 if kind == "both" else 1)
        each = statistics.median(row["commit"] for row in group) / 1e3 / total
        line(f"{number} {KINDS[kind]} {WHAT[what]}", ms(group, "pause"), ms(group, "commit"), f"{each:.2f}",
             f"{each / math.log2(number):.3f}", ms(group, "rtnl"))


def failures(rows):
    head("what", "found after, ms", "served after, ms", "RTNL held, ms")
    for (what,), group in by(rows, "what").items():
        dead = what == "dead"
        line(f"worker {what}", ms(group, "found") if dead else "", ms(group, "out") if dead else "",
             ms(group, "rtnl"))


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        rows = [json.loads(text) for text in file]
    with open(sys.argv[2], "w", encoding="utf-8") as file:
        json.dump(rows, file, indent=1)
    print("median / longest of all rounds\n")
    commits([row for row in rows if "rules" in row])
    print()
    failures([row for row in rows if "rules" not in row])
    print()
    for name, budget in BUDGETS.items():
        worst = max((row[name] / 1e6 for row in rows if name in row), default=0)
        print(f"{name}: at most {worst:.3g} ms, budget {budget} ms{'' if worst <= budget else ' !'}")


main()
