"""Journal bytes a document against canonical JSON bytes: a trading day, and real transactions where the machine has them."""
import subprocess

from suite import load
from suite.bench import Case
from suite.daemon import Store
from suite.place import TRADING_DAY, BenchError, folder_bytes, free_port, fresh_folder, program
from suite.processes import run_text
from suite.stats import Figure

NOT_JOURNAL = ("reserve", "facts.db", "facts.db-wal", "facts.db-shm")


def run(bench):
    figures = []
    documents = fresh_folder("bytes") / "documents.ndjson"
    documents.write_text(run_text([TRADING_DAY, "--documents", bench.size(50_000, 500), "--tills", 8, "--seed", 1,
                                   "--day", "2026-11-23", "--out", "-"]))
    figures += measured(documents, "a trading day")
    real = subprocess.run([program("real_data")], capture_output=True)
    if real.returncode not in (0, 3):
        raise BenchError(f"bench_real_data: {real.stderr.decode()[:300]}")
    if real.returncode == 0:
        lines = real.stdout.splitlines(keepends=True)
        documents.write_bytes(b"".join(lines if not bench.quick else lines[:500]))
        figures += measured(documents, "real transactions")
    return figures


def measured(documents, what):
    """Of a stopped store, so that its log is settled: posted and owed; then delivered, each outcome recorded."""
    folder = fresh_folder("bytes-store")
    port = free_port()
    count = sum(1 for _ in documents.open())
    store = Store(folder, target_port=port, concurrency=4, batch_max=1000).start()
    store.command("post", str(documents))
    if store.documents() != count:
        raise BenchError(f"{count} documents were posted, the journal holds {store.documents()}")
    store.stop()
    posted = folder_bytes(store.journal, NOT_JOURNAL)
    sink = load.Listening("sink", folder, port, "--keep")
    store.start()
    store.wait_settled()
    stats = sink.stats()
    if stats["documents"] != count or stats["duplicates"] or store.delivered() != count:
        raise BenchError(f"{count} documents were to be delivered once, but: {stats}, {store.status()}")
    store.stop()
    sink.stop()
    delivered = folder_bytes(store.journal, NOT_JOURNAL)
    canonical = stats["document_bytes"]
    part = ("canonical", f"{canonical / count:,.0f} bytes a document")
    return [
        Figure(f"journal bytes of canonical JSON, {what}, posted", [posted / canonical], "x", ("<=", 1.15),
               [("journal", f"{posted / count:,.0f} bytes a document"), part]),
        Figure(f"journal bytes of canonical JSON, {what}, delivered", [delivered / canonical], "x", ("<=", 1.15),
               [("journal", f"{delivered / count:,.0f} bytes a document"), part]),
    ]


CASES = [Case("bytes", "journal bytes a document, of canonical JSON", run)]
