#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Make many flows of one in a declared state: expand.py ADDRESS COUNT <STATE >STATE

Each flow rule with ADDRESS in it is repeated with the addresses that follow. What the rest of the state
looks like is of no concern here.
"""
import ipaddress
import json
import sys


def expand(node, first, count):
    if isinstance(node, dict):
        return {k: expand(v, first, count) for k, v in node.items()}
    if not isinstance(node, list):
        return node
    out = []
    for item in node:
        text = json.dumps(item)
        if isinstance(item, dict) and f'"{first}' in text and not any(isinstance(v, list) and f'"{first}' in
                                                                      json.dumps(v) for v in item.values()):
            item.pop("id", None)
            text = json.dumps(item)
            base = ipaddress.ip_address(first)
            out += [json.loads(text.replace(f'"{first}', f'"{base + i}')) for i in range(count)]
        else:
            out.append(expand(item, first, count))
    return out


json.dump(expand(json.load(sys.stdin), sys.argv[1], int(sys.argv[2])), sys.stdout)
