"""NDJSON posts against raw SQLite with the same bytes, 1,000 rows a commit."""
from suite import load
from suite.bases import dead_port
from suite.bench import Case
from suite.daemon import Store
from suite.place import BenchError, fresh_folder
from suite.stats import Figure, per_second, ratios

LINES = 1000


def run(bench):
    seconds = bench.size(3, 1)
    folder = fresh_folder("bulk")
    store = Store(folder, target_port=dead_port()).start()
    ours, raw, posted = [], {1: [], 64: [], 1000: []}, 0
    for _ in bench.each_round():
        result = load.post(store.unix, connections=2, lines=LINES, seconds=seconds)
        ours.append(result["per_second"])
        posted += result["documents"]
        for rows, values in raw.items():
            values.append(load.sqlite(folder, rows, seconds if rows == LINES else 1)["per_second"])
    if store.documents() != posted:
        raise BenchError(f"{posted} documents were answered 201, the journal holds {store.documents()}")
    store.stop()
    return [
        Figure("NDJSON documents/s, of raw SQLite at 1,000 rows a commit", ratios(ours, raw[1000]), "%", (">=", 0.50),
               [("daemon", per_second(ours)), ("SQLite", per_second(raw[1000]))]),
        Figure("- raw SQLite, 1 row a commit", raw[1], "/s"),
        Figure("- raw SQLite, 64 rows a commit", raw[64], "/s"),
    ]


CASES = [Case("bulk", "NDJSON documents/s, of raw SQLite", run)]
