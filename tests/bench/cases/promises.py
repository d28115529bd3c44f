"""What the peers' answers promise: fsync and fdatasync calls for each answer to one client, counted by strace."""
import re
import time

from suite import load, peers
from suite.bases import dead_port
from suite.bench import Case
from suite.daemon import Store
from suite.place import BenchError, fresh_folder
from suite.processes import Process
from suite.stats import Figure

SYNCS = "fsync,fdatasync,sync_file_range,msync"


def counted(pids, folder, name, work):
    """How many syncs all of `pids` did while `work` ran."""
    out = folder / f"{name}.strace"
    words = [w for pid in pids for w in ("-p", str(pid))]
    tracer = Process(f"strace-{name}", ["strace", "-f", "-c", "-e", f"trace={SYNCS}", "-o", out, *words], folder)
    tracer.wait_until("attached", lambda: "attached" in tracer.log.read_text())
    time.sleep(0.2)
    result = work()
    tracer.stop(how=2)
    rows = re.findall(r"^\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)\s+(?:\d+\s+)?(?:fsync|fdatasync|sync_file_range|msync)$",
                      out.read_text(), re.M)
    return sum(map(int, rows)) / result["documents"]


def run(bench):
    folder = fresh_folder("promises")
    seconds = bench.size(2, 1)
    store = Store(folder, target_port=dead_port()).start()
    figures = [Figure("- syncs an answer, one client: daemon", [counted(
        [store.pid], folder, "daemon", lambda: load.post(store.till, connections=1, seconds=seconds))], "syncs")]
    store.stop()
    if figures[0].seen < 1:
        raise BenchError("the daemon has answered 201 without a sync (I1)")
    for peer in (peers.Postgres(), peers.Redis(), peers.Nats()):
        figures.append(of_peer(peer, folder, seconds))
        peer.stop()
    rabbit = peers.Rabbit()
    figures += [of_peer(queue, folder, seconds) for queue in rabbit.queues()]
    rabbit.stop()
    return figures


def of_peer(peer, folder, seconds):
    peer.load(1, 1)  # its first answers make files
    seen = counted(peer.pids(), folder, "peer", lambda: peer.load(1, seconds))
    return Figure(f"- syncs an answer, one client: {peer.name}", [seen], "syncs")


CASES = [Case("promises", "whether each answer was synced before: strace counts", run)]
