#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""What profile.sh sampled, by stage of a packet's way, or of a request's.

  stages.py DIR/DIRECTION-LEN.perf DIR/PATH-OPERATION-LEN-DEPTH.perf ...

Beside each .perf lies the .load of the same run, with the number of frames. Shares are of what ran on
the device side: everything but the load generator, perf and the idle loop. perf's own interrupts make
every frame dearer than icount.sh finds it: shares are what this is for.
"""
import json
import os
import re
import sys

# The first that matches decides.
STAGES = [
    ("ring and translation", r"^(vring_|split_|packed_|sluice_vring|sluice_chain|sluice_gmem|chain_)"),
    ("copy from and to the guest", r"copy|rep_movs|check_object|check_heap|check_stack|virt_addr_valid|"
     r"is_vmalloc"),
    ("packet memory", r"pool_|page_frag|pkt_read|pkt_free|alloc_page|free_page|get_page|clear_page"),
    ("parse", r"sluice_parse|^parse|ipv4_mapped|dp_parse"),
    ("cache and rules", r"sluice_cache|sluice_meter"),
    ("actions and output", r"^(dp_|out_|sluice_output|sluice_datapath|burst|sluice_port)"),
    ("the stack: transmit, receive", r"xmit|dev_|netdev|netif|dummy|veth|napi_poll|gro|eth_type|"
     r"net_rx_action|ptr_ring|uplink|csum_hwoffload"),
    ("socket buffers", r"skb|kmem_cache|slab|memset|kfree|kmalloc|sock_|pkt_describe|pkt_to"),
    ("wake-ups, scheduling, time", r""),
]
DISK_STAGES = [
    ("ring and translation", r"^(vring_|split_|packed_|sluice_vring|sluice_chain|sluice_gmem|sluice_iotlb|chain_)"),
    ("cipher", r"aes|xts|skcipher|fpu|sluice_crypt"),
    ("volume: requests, pieces, counters", r"sluice_(blk|pieces|pages|part|request|command|charge|limit|map|send|volume|"
     r"poll|queue|reserve|worker)|^(pieces|piece|request|send|map)_|^blk_(begin|fetch|read|write_id|map|admit|take|"
     r"submit|prepare|place|returned|reap|resume|complete|free|count|status|end_bio|transform|crypt|may_poll|fits|op|opf|has_data|get_limits)$"),
    # It copies with interrupts off: those that count come when they are on again.
    ("the device in memory", r"null_|memcpy_orig|radix|__rmqueue|_raw_spin_unlock_irq$"),
    ("block layer", r"bio|blk|rq_|wbt|sbitmap|submit|iov_iter|part_|update_io|plug|elv_|dd_|kblockd|nvme|request"),
    ("target: SCSI, LIO, vhost", r"target|vhost|iblock|scsi|sbc_|se_|transport|core_|tcm|percpu_ida|sg_|memdup"),
    ("wake-ups, scheduling, time, the rest", r""),
]
NOT_DEVICE = re.compile(r"^(load|disk|perf|perf-exec|swapper.*)$")


def stage_of(stages, symbol):
    return next(name for name, pattern in stages if re.search(pattern, symbol))


def read(path):
    """(thread, symbol) -> sampled instructions."""
    samples = {}
    with open(path, encoding="utf-8") as file:
        for line in file:
            fields = [f.strip() for f in line.split("|")]
            if len(fields) == 3 and fields[0].isdigit():
                key = (fields[1], fields[2].split("] ", 1)[-1])
                samples[key] = samples.get(key, 0) + int(fields[0])
    return samples


def table(path):
    samples = {k: v for k, v in read(path).items() if not NOT_DEVICE.match(k[0])}
    with open(os.path.splitext(path)[0] + ".load", encoding="utf-8") as file:
        frames = json.load(file)["packets"]
    total = sum(samples.values()) or 1
    title = os.path.splitext(os.path.basename(path))[0]
    stages = DISK_STAGES if re.search("-(read|write)-", title) else STAGES
    print(f"\n{title}: {frames} of them")
    for name, _ in stages:
        mine = {}
        for (_, symbol), n in samples.items():
            if stage_of(stages, symbol) == name:
                mine[symbol] = mine.get(symbol, 0) + n
        top = sorted(mine, key=mine.get, reverse=True)[:4]
        share = sum(mine.values())
        print(f"  {100 * share / total:5.1f} % {share / frames:7.0f}  {name:35} {', '.join(top)}")


def main():
    if len(sys.argv) < 2:
        sys.exit("usage: stages.py FILE.perf ...")
    for path in sys.argv[1:]:
        table(path)


main()
