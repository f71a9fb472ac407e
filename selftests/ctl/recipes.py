#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""The recipes of a page, each a script: see recipes.sh.

recipes.py PAGE DIR   writes DIR/NN.title, DIR/NN.sh (its commands), DIR/NN.then (what is true afterwards, a line each)
"""
import re
import sys

page, out = sys.argv[1:]
parts = re.split(r"^## (.*)$", open(page, encoding="utf-8").read(), flags=re.M)
for n, (title, text) in enumerate(zip(parts[1::2], parts[2::2])):
    name = f"{out}/{n:02}"
    for end, lines in (("title", [title]), ("sh", re.findall(r"^    (.*)$", text, flags=re.M)),
                       ("then", re.findall(r"^<!-- then: (.*) -->$", text, flags=re.M))):
        with open(f"{name}.{end}", "w", encoding="utf-8") as file:
            file.writelines(line + "\n" for line in lines)
