"""Reconciling a day of 100,000 documents against central's own list: CPU and memory of the daemon, read-back and matching."""
import json

from suite import bases, load
from suite.bench import Case
from suite.daemon import Store
from suite.place import BenchError, free_port
from suite.processes import cpu_seconds, memory_mib, reset_peak_memory
from suite.stats import Figure

DAY = "2026-11-23"


def run(bench):
    count = bench.size(100_000, 2_000)
    base = bases.owed(count)
    cpu, peak, before = [], [], []
    for _ in bench.each_round():
        folder = bases.copy(base, "reconcile")
        port = free_port()
        sink = load.Listening("sink", folder, port, "--keep")
        sink.read_back(False)
        store = Store(folder, target_port=port, concurrency=4, batch_max=1000, timeout_s=60).start()
        store.wait_settled()
        if sink.stats()["documents"] != count:
            raise BenchError(f"{count} documents were to be delivered, but: {sink.stats()}")
        sink.read_back(True)
        reset_peak_memory(store.pid)
        before.append(memory_mib(store.pid)["VmRSS"])
        used = cpu_seconds(store.pid)
        report = balanced_report(store)
        cpu.append(cpu_seconds(store.pid) - used)
        peak.append(memory_mib(store.pid)["VmHWM"])
        if report["targets"]["erp"]["matched"] != count:
            raise BenchError(f"{count} documents were to match, but: {json.dumps(report)[:500]}")
        store.stop()
        sink.stop()
    return [
        Figure("reconcile 100,000 documents of a day, CPU", cpu, "s", ("<=", 2.0)),
        Figure("- peak resident memory of it", peak, "MiB", None, [("before", f"{sorted(before)[len(before) // 2]:.1f} MiB")]),
    ]


def balanced_report(store):
    """Asked again while a read-back that takes longer than a report waits goes on; all of it counts."""
    for _ in range(10):
        report = json.loads(store.command("report", "reconciliation", "--day", DAY, "--format", "json", good=(0, 1)))
        if report["balanced"]:
            return report
    raise BenchError(f"the day does not balance: {json.dumps(report)[:500]}")


CASES = [Case("reconcile", "100,000 documents of a day against a read-back", run, lambda b: bases.owed(b.size(100_000, 2_000)))]
