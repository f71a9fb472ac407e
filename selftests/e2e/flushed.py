#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""
What a disk acknowledged, and what is left of it after a crash.

  flushed.py write DEVICE [OPTION...]       write until killed (or --flushes N), and say what is safe
  flushed.py verify DEVICE LOG [OPTION...]  is all of it there?  LOG is what "write" said

Each of several threads has a part of the device to itself. It writes pieces of it, at places and in
lengths that follow from the seed, and a flush now and then; once that is acknowledged it says
"flushed SEED THREAD COUNT": its first COUNT writes must be there, or what it wrote over them later.
Each sector names the write that it is from, in every part of it, so one that is torn shows.
"""
import argparse
import mmap
import os
import random
import re
import struct
import sys
import threading

THREADS = 4
BETWEEN = 8             # writes from one flush to the next
LONGEST = 16            # sectors
MARK = struct.Struct("<8sQQQ")
MAGIC = b"flushed\0"


def plan(args, thread, sectors):
    """The writes of a thread: (first sector, how many), without end."""
    rng = random.Random(f"{args.seed}/{thread}")
    while True:
        n = rng.randint(1, LONGEST)
        yield rng.randrange(sectors - n + 1), n


def content(args, thread, write, sector):
    mark = MARK.pack(MAGIC, args.seed, thread << 32 | write, sector)
    return mark * (args.sector // MARK.size)


def part(args, fd):
    """How many sectors each thread has."""
    return os.lseek(fd, 0, os.SEEK_END) // args.sector // THREADS


def write(args):
    fd = os.open(args.device, os.O_RDWR | os.O_DIRECT)
    sectors = part(args, fd)
    lock = threading.Lock()

    def run(thread):
        buf = mmap.mmap(-1, LONGEST * args.sector)
        for i, (first, n) in enumerate(plan(args, thread, sectors)):
            if i and i % BETWEEN == 0:
                os.fsync(fd)
                with lock:
                    os.write(1, f"flushed {args.seed} {thread} {i}\n".encode())
                if args.flushes and i // BETWEEN >= args.flushes:
                    return
            base = thread * sectors + first
            for k in range(n):
                buf[k * args.sector:(k + 1) * args.sector] = content(args, thread, i, base + k)
            view = memoryview(buf)[:n * args.sector]
            if os.pwrite(fd, view, base * args.sector) != n * args.sector:
                raise OSError("a write was cut short")

    def run_or_end(thread):
        try:
            run(thread)
        except OSError as e:
            os.write(2, f"{args.device}: {e}\n".encode())
            os._exit(1)

    threads = [threading.Thread(target=run_or_end, args=(t,)) for t in range(THREADS)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()


def flushed(args):
    """The last count of each thread. A line that was cut off is none."""
    count = [0] * THREADS
    with open(args.log, errors="replace") as f:
        for line in f:
            m = re.search(r"flushed (\d+) (\d+) (\d+)\r?\n", line)
            if m and int(m[1]) == args.seed:
                count[int(m[2])] = max(count[int(m[2])], int(m[3]))
    return count


def check(args, thread, where, data, writes, must):
    """What is wrong with a sector, or None."""
    magic, seed, at, sector = MARK.unpack_from(data)
    if magic != MAGIC or seed != args.seed:
        return None if must is None else f"write {must} is not there"
    i = at & 0xffffffff
    if sector != where or at >> 32 != thread or data != content(args, thread, i, where):
        return "is torn, or somebody else's"
    if i >= len(writes):
        return f"is of write {i}, which nobody made"
    first, n = writes[i]
    if not first <= where - thread * args.part < first + n:
        return f"is of write {i}, which was elsewhere"
    if must is not None and i < must:
        return f"is of write {i}, and write {must} was safe"
    return None


def verify(args):
    fd = os.open(args.device, os.O_RDONLY | os.O_DIRECT)
    args.part = part(args, fd)
    count = flushed(args)
    bad = safe = 0
    for thread, n_safe in enumerate(count):
        todo = plan(args, thread, args.part)
        # Some more were made, and what was said of flushes may have been lost on its way.
        writes = [next(todo) for _ in range(n_safe + 1000)]
        must = {}
        for i, (first, n) in enumerate(writes[:n_safe]):
            for k in range(n):
                must[first + k] = i
        safe += len(must)
        buf = mmap.mmap(-1, 256 * args.sector)
        for base in range(0, args.part, 256):
            n = min(256, args.part - base)
            at = (thread * args.part + base) * args.sector
            if os.preadv(fd, [memoryview(buf)[:n * args.sector]], at) != n * args.sector:
                sys.exit(f"{args.device}: cannot be read at {at}")
            for k in range(n):
                data = buf[k * args.sector:(k + 1) * args.sector]
                where = thread * args.part + base + k
                why = check(args, thread, where, data, writes, must.get(base + k))
                if why:
                    bad += 1
                    if bad <= 10:
                        print(f"sector {where} {why}")
    print(f"{sum(count)} writes were safe, in {safe} sectors; {bad} sectors are wrong")
    if bad or min(count) < args.least:
        sys.exit(1)


def main():
    p = argparse.ArgumentParser()
    p.add_argument("what", choices=["write", "verify"])
    p.add_argument("device")
    p.add_argument("log", nargs="?")
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--sector", type=int, default=512)
    p.add_argument("--flushes", type=int, default=0)
    p.add_argument("--least", type=int, default=1, help="so many writes of each thread, or it proves nothing")
    args = p.parse_args()
    write(args) if args.what == "write" else verify(args)


main()
