"""One client's wait, against the disk and the ceiling; and 64 clients' while a backlog drains."""
import time
from statistics import median

from suite import bases, load
from suite.bench import Case
from suite.daemon import Store
from suite.place import BenchError, free_port, fresh_folder
from suite.stats import Figure, micros, ratios

CLIENTS = 64
PERCENTILES = {50: "p50_us", 90: "p90_us", 99: "p99_us", 99.9: "p999_us"}


def p99(results):
    return [r["p99_us"] for r in results]


def curve(results):
    """Of each percentile the median over the rounds."""
    return [(percent, median(r[name] for r in results)) for percent, name in PERCENTILES.items()]


def alone(bench):
    seconds = bench.size(2, 1)
    folder = fresh_folder("alone")
    ceiling = load.Listening("ceiling", folder, free_port())
    store = Store(folder, target_port=bases.dead_port()).start()
    single, limit, disk, group, overwrite, unix = [], [], [], [], [], []
    for _ in bench.each_round():
        disk.append(load.disk(folder, seconds=seconds)["p50_us"])
        limit.append(load.post(ceiling.where, seconds=seconds)["p50_us"])
        single.append(load.post(store.till, seconds=seconds))
        unix.append(load.post(store.unix, seconds=seconds)["p50_us"])
        overwrite.append(load.disk(folder, seconds=seconds / 2, overwrite=True)["p50_us"])
        group.append(load.disk(folder, seconds=seconds / 2, group=64)["p50_us"])
    store.stop()
    ceiling.stop()
    ours = [r["p50_us"] for r in single]
    return [
        Figure("p50 with 1 client, of fdatasync(1 KiB) + ceiling's p50",
               ratios(ours, [a + b for a, b in zip(disk, limit)]), "x", ("<=", 1.5),
               [("daemon", micros(ours)), ("fdatasync", micros(disk)), ("ceiling", micros(limit))],
               {"latency": {"1 client": curve(single)}}),
        Figure("- p50 with 1 client over the Unix socket", unix, "µs"),
        Figure("- append 1 KiB + fdatasync, p50", disk, "µs"),
        Figure("- overwrite 1 KiB + fdatasync, p50", overwrite, "µs"),
        Figure("- append 64 KiB (64 documents) + fdatasync, p50", group, "µs"),
    ]


def beside_a_drain(bench):
    """The same store, with its target away and then there; the load stays the same. The drain has to last longer than it."""
    backlog = bench.size(100_000, 2_000)
    seconds = bench.size(3, 1)
    quiet, draining, drained = [], [], []
    base = bases.owed(backlog)
    for _ in bench.each_round():
        folder = bases.copy(base, "beside")
        port = free_port()
        store = Store(folder, target_port=port, concurrency=32, batch_max=100).start()
        quiet.append(load.post(store.till, connections=CLIENTS, seconds=seconds, warm_up=0.3))
        sink = load.Listening("sink", folder, port)
        store.process.wait_until("the drain", lambda: sink.stats()["documents"] > 0)
        before, begun = sink.stats()["documents"], time.monotonic()
        draining.append(load.post(store.till, connections=CLIENTS, seconds=seconds))
        took, after = time.monotonic() - begun, sink.stats()
        left = store.status()["backlog"]
        drained.append((after["documents"] - before) / took)
        if not bench.quick and left < CLIENTS:
            raise BenchError(f"the backlog was drained before the load ended: {after}")
        if after["documents"] <= before or after["duplicates"] or after["malformed"]:
            raise BenchError(f"the drain did not go on, or not rightly: {after}")
        store.stop()
        sink.stop()
    return [
        Figure("p99 with 64 clients beside a drain, of p99 without", ratios(p99(draining), p99(quiet)), "x", ("<=", 1.5),
               [("beside", micros(p99(draining))), ("without", micros(p99(quiet)))],
               {"latency": {"64 clients": curve(quiet), "64, beside a drain": curve(draining)}}),
        Figure("- documents/s delivered meanwhile", drained, "/s"),
    ]


CASES = [
    Case("alone", "p50 of one client, of what the disk and the HTTP ceiling take", alone),
    Case("beside", "p99 of 64 clients while a backlog of 100,000 drains", beside_a_drain,
         lambda bench: bases.owed(bench.size(100_000, 2_000))),
]
