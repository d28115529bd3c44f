"""What a post, a delivery, explain and status cost with 1,000 to 1,000,000 documents in the journal."""
import random
import time

from suite import bases, load
from suite.bench import Case
from suite.daemon import Store, UnixConnection, ask
from suite.place import BenchError, free_port
from suite.processes import cpu_seconds_fine
from suite.stats import Figure

SIZES = [1_000, 10_000, 100_000, 1_000_000]
POSTS = 500
ASKS = 20


class Grown:
    """A store with `count` delivered documents, its target there."""

    def __init__(self, count):
        self.count = count
        self.folder = bases.copy(bases.settled(count), f"growth-{count}")
        self.sink = load.Listening("sink", self.folder, free_port())
        self.store = Store(self.folder, target_port=self.sink.port, concurrency=8, batch_max=1).start()
        self.seen = {"post": [], "delivery": [], "explain": [], "status": [], "post p50": []}

    def measure(self, dice):
        """CPU time of the daemon a post and a delivery; the time that an answer to a question takes."""
        store = self.store
        store.ops("POST", "/v1/targets/erp/pause", '{"reason":"bench","by":"bench"}')
        before = self.sink.stats()["documents"]
        self.seen["post p50"].append(0)
        used = cpu_seconds_fine(store.pid)
        result = load.post(store.unix, connections=8, requests=POSTS)
        self.seen["post"].append((cpu_seconds_fine(store.pid) - used) / POSTS * 1e6)
        self.seen["post p50"][-1] = result["p50_us"]
        used = cpu_seconds_fine(store.pid)
        store.ops("POST", "/v1/targets/erp/resume", '{"reason":"bench","by":"bench"}')
        store.process.wait_until("the deliveries", lambda: self.sink.stats()["documents"] == before + POSTS, pause=0.01)
        store.wait_settled()
        self.seen["delivery"].append((cpu_seconds_fine(store.pid) - used) / POSTS * 1e6)
        ids = [f"B{bases.BASE_RUN}-{dice.randrange(self.count):010d}" for _ in range(ASKS)]
        self.seen["explain"].append(middle_ms(lambda i: store.command("explain", i), ids))
        self.seen["status"].append(middle_ms(lambda _: store.command("status"), ids))

    def stop(self):
        self.store.stop()
        self.sink.stop()


def middle_ms(work, inputs):
    times = []
    for one in inputs:
        begun = time.monotonic()
        work(one)
        times.append((time.monotonic() - begun) * 1000)
    return sorted(times)[len(times) // 2]


def sizes(bench):
    return bench.size(SIZES, [1_000, 2_000])


def run(bench):
    dice = random.Random(4)
    stores = [Grown(count) for count in sizes(bench)]
    for store in stores:
        store.measure(dice)  # the first is cold
        for values in store.seen.values():
            values.clear()
    for _ in bench.each_round():
        for store in stores:
            store.measure(dice)
    for store in stores:
        stats = store.sink.stats()
        if stats["duplicates"] or stats["malformed"]:
            raise BenchError(f"deliveries were not right: {stats}")
        store.stop()
    small, large = stores[0], stores[-1]
    units = {"post": "µs of CPU", "delivery": "µs of CPU", "explain": "ms", "status": "ms", "post p50": "µs"}
    figures = []
    for name, unit in units.items():
        curve = [(f"{s.count:,}", f"{sorted(s.seen[name])[len(s.seen[name]) // 2]:.1f} {unit}") for s in stores]
        figures.append(Figure(f"growth: {name}, 1,000,000 of 1,000 documents" if name != "post p50" else "- growth: a post's p50, 8 clients",
                              [b / a for a, b in zip(small.seen[name], large.seen[name])], "x",
                              ("<=", 1.2) if name != "post p50" else None, curve))
    return figures


CASES = [Case("growth", "posts, deliveries, explain and status at 1,000 to 1,000,000 documents", run,
              lambda b: [bases.settled(n) for n in sizes(b)])]
