"""What a post, a delivery, explain and status cost with 1,000 to 1,000,000 documents in the journal."""
import random
import time
from statistics import median

from suite import bases, load
from suite.bench import Case
from suite.daemon import Store, UnixConnection, ask
from suite.place import BenchError, free_port
from suite.processes import cpu_seconds
from suite.stats import Figure, ratios

SIZES = [1_000, 10_000, 100_000, 1_000_000]
POSTS = 500
ASKS = 200
EXPLAINS = 20
UNITS = {"post": "µs of CPU", "delivery": "µs of CPU", "explain": "ms", "look-up": "ms", "status": "ms", "post's p50": "µs"}
NOT_JUDGED = ("post's p50",)
# It reads the whole day back after each drain, at a lower priority: that is the case `reconcile`, not what a post costs.
APART = ("reconcile",)


class Grown:
    """A store with `count` delivered documents, its target there."""

    def __init__(self, count):
        self.count = count
        self.folder = bases.copy(bases.settled(count), f"growth-{count}")
        self.sink = load.Listening("sink", self.folder, free_port())
        self.store = Store(self.folder, target_port=self.sink.port, concurrency=8, batch_max=1).start()
        self.seen = {name: [] for name in UNITS}

    def measure(self, dice):
        """CPU time of the daemon a post and a delivery, of all threads but the read-back's; the time that an answer to a question takes. `explain` is the command,
        which reads the journal itself; most of it is the start of a process, so that the look-up is told beside."""
        store = self.store
        store.ops("POST", "/v1/targets/erp/pause", '{"reason":"bench","by":"bench"}')
        before = self.sink.stats()["documents"]
        used = cpu_seconds(store.pid, APART)
        result = load.post(store.unix, connections=8, requests=POSTS)
        self.seen["post"].append((cpu_seconds(store.pid, APART) - used) / POSTS * 1e6)
        self.seen["post's p50"].append(result["p50_us"])
        used = cpu_seconds(store.pid, APART)
        store.ops("POST", "/v1/targets/erp/resume", '{"reason":"bench","by":"bench"}')
        store.process.wait_until("the deliveries", lambda: self.sink.stats()["documents"] == before + POSTS, pause=0.01)
        store.wait_settled()
        self.seen["delivery"].append((cpu_seconds(store.pid, APART) - used) / POSTS * 1e6)
        ids = [f"B{bases.BASE_RUN}-{dice.randrange(self.count):010d}" for _ in range(ASKS)]
        self.seen["explain"].append(middle_ms(lambda i: store.command("explain", i), ids[:EXPLAINS]))
        self.seen["look-up"].append(middle_ms(self.look_up, ids))
        self.seen["status"].append(middle_ms(lambda _: store.status(), ids))

    def look_up(self, document):
        status, _ = ask(UnixConnection(self.store.socket), "GET", f"/v1/documents/{document}")
        if status != 200:
            raise BenchError(f"GET /v1/documents/{document}: {status}")

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
    return [growth(name, stores) for name in UNITS]


def growth(name, stores):
    curve = [(f"{s.count:,}", f"{median(s.seen[name]):.2f} {UNITS[name]}") for s in stores]
    title = f"growth: {name}, 1,000,000 documents of 1,000"
    judged = name not in NOT_JUDGED
    return Figure(title if judged else f"- {title}", ratios(stores[-1].seen[name], stores[0].seen[name]), "x",
                  ("<=", 1.2) if judged else None, curve,
                  {"growth": {name: [(s.count, median(s.seen[name])) for s in stores]}})


CASES = [Case("growth", "posts, deliveries, explain and status at 1,000 to 1,000,000 documents", run,
              lambda b: [bases.settled(n) for n in sizes(b)])]
