#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Random states there and back, and damaged ones: see roundtrip.sh.

roundtrip.py SEED EMPTY   EMPTY: a state with nothing in it
"""
import copy
import ctypes
import json
import os
import random
import subprocess
import sys
import tempfile

seed, empty = int(sys.argv[1]), sys.argv[2]
rnd = random.Random(seed)
print(f"# seed {seed}", flush=True)
DISK = "/dev/trip"
ROUNDS, DAMAGES = 2, 4
libc = ctypes.CDLL(None, use_errno=True)
for name, first in (("trip", 0), ("other", 64)):
    payload = bytes(range(first, first + 64))
    libc.syscall(248, b"user", name.encode(), payload, len(payload), libc.syscall(250, 0, -3, 0))


def run(*words, text=""):
    return subprocess.run(words, input=text, capture_output=True, text=True, check=False)


def check(good, what, *more):
    if not good:
        print("not ok", what, *more, flush=True)


def sluice(*words, text="", want=(0,)):
    done = run("sluice", *words, text=text)
    check(done.returncode in want, " ".join(words), done.returncode, done.stderr, text[:2000])
    return done


def dump():
    return sluice("dump").stdout


def some(items, least=0):
    return rnd.sample(items, rnd.randint(least, len(items)))


def maybe(chance=0.5):
    return rnd.random() < chance


def mac():
    return "52:54:00:51:" + ":".join(f"{rnd.randrange(256):02x}" for _ in range(2))


def rule(ports, n):
    flow = {"prio": rnd.randrange(100)}
    if maybe():
        flow["in"] = rnd.choice(ports)
    flow["dst"] = f"10.{n}.{rnd.randrange(4) * 64}.0/{rnd.choice([18, 24, 32])}"
    if maybe():
        flow["id"] = n + 1
    if maybe():
        flow.update(proto="tcp", dport=str(rnd.randrange(1, 65536)))
    flow["actions"] = ["output:" + port for port in some(ports, 1)[:3] if port != flow.get("in")] or ["drop"]
    return flow


def of_ports(ports):
    state = {"guard": [], "acl": [], "acl-default": [], "rate": []}
    for port in ports:
        if maybe():
            state["guard"].append({"port": port, "mac": [mac()], "mode": rnd.choice(["strict", "loose"])})
            if state["guard"][-1]["mode"] == "strict":
                state["guard"][-1]["vlan"] = [str(rnd.randrange(1, 4000))]
        for way in ("from-guest", "to-guest"):
            if maybe(0.3):
                state["acl-default"].append({"port": port, "dir": way, "verdict": "deny"})
            if maybe(0.3):
                state["rate"].append({"port": port, "dir": way, "bps": rnd.randrange(10**6, 10**9)})
            for prio in some(range(1, 5)):
                state["acl"].append({"port": port, "dir": way, "prio": prio, "dst": f"10.0.0.{prio}",
                                     "verdict": rnd.choice(["allow", "deny"])})
    return state


def of_volumes():
    volumes = []
    for n, name in enumerate(some(["v1", "v2", "v3"])):
        volumes.append({"name": name, "dev": DISK, "start": f"{4 * n}m", "size": "2m"})
        if maybe():
            volumes[-1]["key"] = "user:trip"
        if maybe():
            volumes[-1].update({"read-iops": rnd.randrange(1, 10**6), "group": "g1"})
        if maybe(0.3):
            volumes[-1]["ro"] = True
    return {"volume": volumes, "volume-group": [{"name": "g1", "write-bps": rnd.randrange(10**6, 10**9)}],
            "volume-mode": [{"mode": "monitor"}]}


def state_new():
    guests = some([f"vm{n}" for n in range(4)], 1)
    uplinks = some(["up0", "up1"])
    ports = guests + uplinks
    state = {"version": 2, "worker": [{"cpu": 0}], "port": [], "uplink": [], "wire": [], **of_ports(guests), **of_volumes()}
    for name in guests:
        state["port"].append({"name": name, "queues": rnd.randint(1, 3), "mac": mac(), "mtu": rnd.randrange(1280, 9000),
                              "link": rnd.choice(["up", "down"])})
    for name in uplinks:
        state["uplink"].append({"name": name, "dev": "trip" + name[-1], "want-mac": [mac()], "want-vlan": ["5", "7-9"],
                                "no-promisc": maybe(), "link": rnd.choice(["up", "down"])})
    pairs = some(ports)
    state["wire"] = [{"a": a, "b": b} for a, b in zip(pairs[::2], pairs[1::2])]
    state["meter"] = [{"id": n, "pps": 100 * n} for n in some(range(1, 4))]
    state["flow"] = [rule(ports, n) for n in range(rnd.randrange(12))]
    for flow in state["flow"]:
        # What drops stands alone.
        if state["meter"] and flow["actions"] != ["drop"] and maybe():
            flow["actions"].insert(0, f"meter:{rnd.choice(state['meter'])['id']}")
    return state


def happens(state):
    """What becomes of ports, VFs and volumes meanwhile."""
    lines = [f"port del {port['name']}" for port in state["port"] if maybe(0.3)]
    lines += [f"volume hold {volume['name']}" for volume in state["volume"] if maybe(0.3)]
    lines += [f"volume key-wipe {volume['name']}" for volume in state["volume"] if "key" in volume and maybe(0.3)]
    if maybe():
        lines.append(f"volume add r dev {DISK} start 20m size 2m key user:trip record {DISK} record-start 30m record-new "
                     "rekey-pause on")
        lines.append(f"volume rekey r key user:other journal {DISK} journal-start 32m" if maybe() else "volume show r")
    sluice("-b", "-", text="\n".join(lines) + "\n")
    for uplink in state["uplink"]:
        if maybe(0.4):
            run("ip", "link", "del", uplink["dev"])


def damaged(text):
    """A damaged state, and what has to be said of it."""
    state = json.loads(text)
    full = [(name, n) for name, items in state.items() if name != "version" for n in range(len(items))]
    how = rnd.randrange(8) if full else 0
    if how == 0:
        cut = rnd.randrange(1, len(text.rstrip()) - 1)
        return text[:cut], ["line "]
    name, n = rnd.choice(full)
    record = state[name][n]
    said = [name]
    if how == 1:
        record["nonsense"] = 1
    elif how == 2:
        record[rnd.choice(list(record))] = {}
    elif how == 3:
        state[name][n] = rnd.choice([7, "x", [], None])
    elif how == 4:
        state[name].append(copy.deepcopy(record))
    elif how == 5:
        state[name + "s"] = state.pop(name)
        said = [name + "s"]
    elif how == 6:
        state["version"] = rnd.choice([0, 3, "2", None])
        said = ["version"]
    else:
        state["rate"].append({"port": "nobody", "dir": "to-guest", "pps": 5})
        said = ["rate", "nobody"]
    return json.dumps(state), said


def damage(text):
    before = dump()
    for _ in range(DAMAGES):
        bad, said = damaged(text)
        done = sluice("apply", "-f", "-", text=bad, want=(1, 2))
        check(all(word in done.stderr for word in said), "it is not said what is wrong:", done.stderr, bad)
        check(len(done.stderr.split()) > 5, "nor what to do:", done.stderr)
    check(dump() == before, "something changed", before)


def trip():
    # No record of before.
    with open(DISK, "r+b") as file:
        file.seek(30 << 20)
        file.write(bytes(4 << 20))
    for n in range(2):
        run("ip", "link", "add", f"trip{n}", "type", "dummy")
    state = state_new()
    text = json.dumps(state)
    planned = sluice("apply", "-n", "-", text=text, want=(4,)).stdout.splitlines()
    done = sluice("apply", "-", text=text)
    check(planned[-1:] == done.stdout.splitlines(), "not what was planned:", planned[-1:], done.stdout)
    happens(state)
    was = dump()
    gone = any(not os.path.exists("/sys/class/net/" + uplink["dev"]) for uplink in json.loads(was)["uplink"])
    sluice("apply", "-", text=was, want=(3,) if gone else (0,))
    check(dump() == was, "applied to itself it is another one:", was)
    check("logon" not in sluice("diff", "-", text=was, want=(3,) if gone else (0,)).stdout, "a key is shown")
    sluice("apply", "-f", "-", text=empty)
    sluice("apply", "-", text=was, want=(3,) if gone else (0,))
    for n in range(2):
        run("ip", "link", "add", f"trip{n}", "type", "dummy")
    sluice("apply", "-", text=was)
    check(dump() == was, "it did not come back:", was, dump())
    damage(was)
    sluice("apply", "-f", "-", text=empty)
    for n in range(2):
        run("ip", "link", "del", f"trip{n}")


for _ in range(ROUNDS):
    trip()
print("done", flush=True)
