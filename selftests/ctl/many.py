#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""many.py COUNT: read a dump of so many flows page by page while they change."""
import struct
import sys

import nl

spec = nl.Spec()
sock, other = nl.Socket(), nl.Socket()
count = int(sys.argv[1])
flow_id = spec.attr("flow", "id")


def pages():
    """Lists of (id, flags), one for each buffer."""
    sock.send(sock.message(spec.cmd("flow-get"), b"", nl.NLM_F_REQUEST | nl.NLM_F_DUMP))
    end = False
    while not end:
        page = []
        for kind, flags, seq, body in sock.receive():
            if seq != sock.seq:
                continue
            if kind == nl.NLMSG_DONE:
                page.append((0, flags))
                end = True
            elif kind == nl.NLMSG_ERROR:
                sys.exit(f"# refused: {nl.Socket.refusal(kind, flags, body)}")
            else:
                values = dict(nl.attrs(body[4:]))
                page.append((struct.unpack("=I", values[flow_id])[0], flags))
        yield page


def check(what, true):
    print(f"# {what}: {'yes' if true else 'NO'}")
    return 0 if true else 1


failed = 0
seen, number, interrupted = set(), 0, False
for page in pages():
    number += 1
    interrupted |= any(flags & nl.NLM_F_DUMP_INTR for _, flags in page)
    seen.update(i for i, _ in page if i)
failed += check(f"{number} pages", number > 10)
failed += check("each flow once", len(seen) == count)
failed += check("undisturbed", not interrupted)

# Removing what was shown and what was not: nothing else is left out, and it is flagged.
seen, number, interrupted, gone = [], 0, False, set()
for page in pages():
    number += 1
    interrupted |= any(flags & nl.NLM_F_DUMP_INTR for _, flags in page)
    seen += [i for i, _ in page if i]
    if number < 10 and seen:
        for victim in (seen[-1], seen[0], seen[-1] + 500):
            try:
                other.request(spec.cmd("flow-del"), nl.u32(flow_id, victim))
                gone.add(victim)
            except nl.Refusal:
                pass
failed += check("flagged as of several moments", interrupted)
failed += check("no flow twice", len(seen) == len(set(seen)))
failed += check("no other flow missing", len(set(seen) | gone) == count)

# A reader that never comes back for the rest.
for _ in range(50):
    lazy = nl.Socket()
    lazy.send(lazy.message(spec.cmd("flow-get"), b"", nl.NLM_F_REQUEST | nl.NLM_F_DUMP))
    lazy.sock.close()
sys.exit(failed)
