"""A backlog of 1,000,000 and a dead network: memory, start, and what it costs to wait."""
import json
import time

from suite import bases, load
from suite.bench import Case
from suite.daemon import Store, UnixConnection, ask
from suite.place import SALE, TILLSYNC, BenchError, fresh_folder
from suite.processes import Process, cpu_seconds, memory_mib, system_calls
from suite.stats import Figure


def backlog(bench):
    return bench.size(1_000_000, 2_000)


def memory(bench):
    """Idle: an empty journal. Both some seconds after the start, with the network dead."""
    rest = bench.size(5, 1)
    sizes = {"idle": None, "small": bench.size(10_000, 1_000), "large": backlog(bench)}
    seen = {name: [] for name in sizes}
    for _ in bench.each_round():
        for name, count in sizes.items():
            folder = bases.copy(bases.owed(count), "memory") if count else fresh_folder("memory")
            store = Store(folder, target_port=bases.dead_port(), backoff_s=(1, 300)).start()
            time.sleep(rest)
            seen[name].append(memory_mib(store.pid))
            store.stop()
    rss = {name: [m["VmRSS"] for m in values] for name, values in seen.items()}
    anon = lambda name: ("of it private", f"{sorted(m['RssAnon'] for m in seen[name])[len(seen[name]) // 2]:.1f} MiB")
    return [
        Figure("resident memory, idle", rss["idle"], "MiB", ("<=", 12), [anon("idle")]),
        Figure("resident memory, backlog of 1,000,000", rss["large"], "MiB", ("<=", 32), [anon("large")]),
        Figure("- resident memory, 1,000,000 of 10,000", [a / b for a, b in zip(rss["large"], rss["small"])], "x"),
    ]


def start(bench):
    """From exec to the first 201, by a till that tries every millisecond. After an orderly end, and after kill -9 in the
    middle of posts."""
    folder = bases.copy(bases.owed(backlog(bench)), "start")
    store = Store(folder, target_port=bases.dead_port(), backoff_s=(1, 300))
    orderly, killed, number = [], [], 0
    for _ in bench.each_round():
        for times in (orderly, killed):
            times.append(first_answer_ms(store, number))
            number += 1
            if times is killed:
                store.stop()
            else:
                load.post(store.unix, connections=8, requests=2000)
                store.process.stop(how=9)
    return [
        Figure("start to the first 201, backlog of 1,000,000", orderly, "ms", ("<=", 150)),
        Figure("- the same after kill -9", killed, "ms"),
    ]


def first_answer_ms(store, number):
    sale = json.loads(SALE.read_text())
    sale["id"] = f"FIRST-{number}"
    store.socket.unlink(missing_ok=True)
    begun = time.monotonic()
    store.process = Process("tillsync", [TILLSYNC, "run", "--config", store.settings], store.folder)
    while True:
        try:
            status, body = ask(UnixConnection(store.socket), "POST", "/v1/documents", json.dumps(sale))
        except OSError:
            status = None
        took = time.monotonic() - begun
        if status == 201:
            return took * 1000
        if status is not None or took > 60 or store.process.child.poll() is not None:
            raise BenchError(f"no first 201: {status} after {took:.1f} s; {store.process.tail()}")
        time.sleep(0.001)


def idle(bench):
    """CPU while nothing can be done, and the system calls of it: a scan would show as thousands of reads."""
    window = bench.size(30, 2)
    folder = bases.copy(bases.owed(backlog(bench)), "idle")
    store = Store(folder, target_port=bases.dead_port(), backoff_s=(1, 300)).start()
    time.sleep(bench.size(5, 1))
    before, begun = cpu_seconds(store.pid), time.monotonic()
    time.sleep(window)
    took = time.monotonic() - begun
    used = cpu_seconds(store.pid) - before
    calls = system_calls(store.pid, bench.size(30, 2))
    store.stop()
    reads = sum(calls.get(name, 0) for name in ("pread64", "read", "preadv", "readv"))
    most = ", ".join(f"{name} {count}" for name, count in sorted(calls.items(), key=lambda c: -c[1])[:4])
    return [
        Figure("CPU idle, 1,000,000 owed to a dead network, of a core", [used / took], "%", ("<=", 0.001),
               [("used", f"{used * 1000:.1f} ms in {took:.0f} s")]),
        Figure("reads meanwhile (a full scan takes more than 100,000)", [reads], "reads", ("<=", 1000),
               [("calls", most or "none")]),
    ]


CASES = [
    Case("memory", "resident memory, idle and with a backlog of 1,000,000", memory,
         lambda b: (bases.owed(backlog(b)), bases.owed(b.size(10_000, 1_000)))),
    Case("start", "start to the first 201 with that backlog", start, lambda b: bases.owed(backlog(b))),
    Case("idle", "CPU while that backlog waits for a dead network", idle, lambda b: bases.owed(backlog(b))),
]
