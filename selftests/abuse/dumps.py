#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""dumps.py COMMAND N: so many dumps, one after the other."""
import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../ctl"))
import nl  # noqa: E402

spec = nl.Spec()
sock = nl.Socket()
for _ in range(int(sys.argv[2])):
    sock.dump(spec.cmd(sys.argv[1]))
