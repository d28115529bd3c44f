"""Central's view in the store at a million SKUs: the store's own work of a round, memory and bytes."""
import json

from suite.bench import Case
from suite.place import BenchError, fresh_folder, program
from suite.processes import run_text
from suite.stats import Figure


def run(bench):
    rows = bench.size(1_000_000, 5_000)
    first, idle, changed, again, peak, size, look_up = [], [], [], [], [], [], []
    for _ in bench.each_round():
        lines = [json.loads(line) for line in run_text(
            [program("central_view"), "--folder", fresh_folder("central-view"), "--rows", rows]).splitlines()]
        rounds = {line["round"]: line for line in lines if "round" in line}
        if rounds["from the start"]["changed"] != rows or rounds["from the start, all held"]["rows"] != rows + 1000:
            raise BenchError(f"{rows} rows were to be held, but: {lines}")
        first.append(rounds["from the start"]["seconds"])
        idle.append(rounds["nothing new"]["seconds"])
        changed.append(rounds["some changes"]["seconds"])
        again.append(rounds["from the start, all held"]["seconds"])
        peak.append(max(line["peak_memory_mib"] for line in rounds.values()))
        size.append(rounds["from the start"]["file_mib"])
        look_up.append(lines[-1]["look_up_us"])
    return [
        Figure("central's view of 1,000,000 SKUs, first fetched", first, "s"),
        Figure("- a round with nothing new", idle, "s"),
        Figure("- a round with 1,000 changes", changed, "s"),
        Figure("- followed from the start again, all held", again, "s"),
        Figure("- peak resident memory", peak, "MiB"),
        Figure("- facts.db", size, "MiB"),
        Figure("- a look-up", look_up, "us"),
    ]


CASES = [Case("central_view", "1,000,000 SKUs of central in the store", run)]
