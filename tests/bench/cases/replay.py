"""Replay at full speed against a central that only answers; and over a network of 80 ms."""
import time

from suite import bases, load
from suite.bench import Case
from suite.daemon import Store
from suite.place import BenchError, free_port, fresh_folder
from suite.stats import Figure, per_second, ratios

CONCURRENCY = 32
ROUND_TRIP_S = 0.080
# (concurrency, batch)
SETTINGS = [(8, 1), (32, 1), (256, 1), (8, 10), (8, 100), (32, 32)]


def drained_per_second(base, count, concurrency, batch_max):
    """From the first post that central sees until the daemon says that nothing is owed: every outcome is recorded then."""
    folder = bases.copy(base, "replay")
    port = free_port()
    sink = load.Listening("sink", folder, port)
    store = Store(folder, target_port=port, concurrency=concurrency, batch_max=batch_max).start()
    sink_has_all = lambda: sink.stats()["documents"] >= count
    store.process.wait_until("the end of its backlog", sink_has_all, timeout=300, pause=0.05)
    ended = store.wait_settled(pause=0.002)
    stats = sink.stats()
    if stats["documents"] != count or stats["duplicates"] or stats["malformed"] or store.delivered() != count:
        raise BenchError(f"{count} documents were to be delivered once each, but: {stats}, {store.status()}")
    store.stop()
    sink.stop()
    return count / (ended - stats["first_at"])


def ceiling_per_second(count):
    sink = load.Listening("sink", fresh_folder("ceiling-of-replay"), free_port())
    result = load.multi(sink.port, CONCURRENCY, count)
    if sink.stats()["documents"] != count:
        raise BenchError(f"{count} documents were to arrive, but: {sink.stats()}")
    sink.stop()
    return result["per_second"]


def loopback(bench):
    count = bench.size(100_000, 2_000)
    base = bases.owed(count)
    single, batches, limit = [], [], []
    for _ in bench.each_round():
        limit.append(ceiling_per_second(count))
        single.append(drained_per_second(base, count, CONCURRENCY, 1))
        batches.append(drained_per_second(base, count, 8, 100))
    ceiling = ("libcurl-multi", per_second(limit))
    return [
        Figure("replay, batch 1, concurrency 32, of libcurl-multi", ratios(single, limit), "%", (">=", 0.70),
               [("daemon", per_second(single)), ceiling]),
        Figure("replay, batch 100, concurrency 8, of libcurl-multi's single posts", ratios(batches, limit), "x", (">=", 1.2),
               [("daemon", per_second(batches)), ceiling]),
    ]


def round_trip(bench):
    """The rate while the backlog lasts, in a window that begins once the lane is open. Each time with a journal that has not been
    delivered from: what was under way when a store stopped is looked up first, and that is another figure."""
    base = bases.owed(bench.size(100_000, 2_000))
    seen = {setting: [] for setting in bench.size(SETTINGS, [(8, 1), (8, 10)])}
    for _ in bench.each_round():
        for (concurrency, batch), values in seen.items():
            rate = rate_over_distance(bench, base, concurrency, batch)
            values.append(rate / (concurrency * batch / ROUND_TRIP_S))
    return [Figure(f"80 ms round trip, concurrency {c} x batch {b}, of arithmetic", values, "%", (">=", 0.85),
                   [("arithmetic", f"{c * b / ROUND_TRIP_S:,.0f}/s")]) for (c, b), values in seen.items()]


def only_sends(sink):
    """What may have been under way when the store that took the documents stopped is looked up first, one by one."""
    before = sink.stats()
    time.sleep(0.5)
    after = sink.stats()
    return after["documents"] > before["documents"] and after["look_ups"] == before["look_ups"]


def rate_over_distance(bench, base, concurrency, batch):
    folder = bases.copy(base, "round-trip")
    sink = load.Listening("sink", folder, free_port(), "--delay-ms", round(ROUND_TRIP_S * 1000))
    store = Store(folder, target_port=sink.port, concurrency=concurrency, batch_max=batch).start()
    store.process.wait_until("the drain", lambda: only_sends(sink))
    begun, before = time.monotonic(), sink.stats()["documents"]
    time.sleep(bench.size(2.0, 0.5))
    stats = sink.stats()
    took = time.monotonic() - begun
    if stats["malformed"] or stats["duplicates"] or not bench.quick and store.status()["backlog"] == 0:
        raise BenchError(f"no drain to measure: {stats}")
    store.stop()
    sink.stop()
    return (stats["documents"] - before) / took


CASES = [
    Case("replay", "replay on the loopback, batch 1 and batch 100, of a plain libcurl-multi client", loopback,
         lambda bench: bases.owed(bench.size(100_000, 2_000))),
    Case("round-trip", "replay over a network of 80 ms", round_trip,
         lambda bench: bases.owed(bench.size(100_000, 2_000))),
]
