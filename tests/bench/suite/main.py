"""The suite: runs cases, prints the one table. tests/bench/run.sh builds and calls it."""
import argparse
import fcntl
import json
import platform
import subprocess
import sys
import time

from cases import backlog, binary, bulk, central_view, durable, growth, journal_bytes, latency, matching, promises, reconcile, replay
from suite import plots, processes, table
from suite.bench import Bench
from suite.place import BENCH, RESULTS, ROOT, WORK, BenchError
from suite.stats import from_plain

MODULES = [durable, latency, bulk, replay, backlog, journal_bytes, reconcile, matching, central_view, growth, binary, promises]
CASES = {case.name: case for module in MODULES for case in module.CASES}
BEGIN, END = "<!-- table: written by tests/bench/run.sh --write -->", "<!-- end of the table -->"
README = BENCH / "README.md"


def arguments():
    parser = argparse.ArgumentParser(prog="tests/bench/run.sh", description="The bench suite: one table.",
                                     epilog="cases: " + "; ".join(f"{c.name} ({c.about})" for c in CASES.values()))
    parser.add_argument("cases", nargs="*", metavar="CASE", help="only these; else all")
    parser.add_argument("--quick", action="store_true", help="everything once and small, not judged: shows that all of it runs")
    parser.add_argument("--rounds", type=int, help="interleaved rounds (5)")
    parser.add_argument("--prepare", action="store_true", help="only make the journals that the cases start from")
    parser.add_argument("--table", action="store_true", help="run nothing: the table of all results that are kept")
    parser.add_argument("--write", action="store_true", help="write the table and the plots of all results into tests/bench")
    chosen = parser.parse_args()
    for name in chosen.cases:
        if name not in CASES:
            parser.error(f'there is no case "{name}"; there are: {", ".join(CASES)}')
    if chosen.rounds is not None and chosen.rounds < 1:
        parser.error("--rounds is at least 1")
    return chosen


def keep(case, figures):
    """One file a case, so that cases run on their own add up to one table."""
    RESULTS.mkdir(parents=True, exist_ok=True)
    commit = subprocess.run(["git", "-C", ROOT, "describe", "--always", "--dirty"], capture_output=True, text=True).stdout.strip()
    row = {"case": case.name, "commit": commit, "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
           "figures": [f.plain() for f in figures]}
    (RESULTS / f"{case.name}.json").write_text(json.dumps(row, indent=1, ensure_ascii=False) + "\n")


def all_results():
    found = [(RESULTS / f"{name}.json") for name in CASES]
    rows = [json.loads(path.read_text()) for path in found if path.is_file()]
    (RESULTS.parent / "results.json").write_text(
        json.dumps({"machine": platform.processor() or platform.machine(), "cases": rows}, indent=1, ensure_ascii=False) + "\n")
    return {row["case"]: [from_plain(f) for f in row["figures"]] for row in rows}, measured_on(rows)


def measured_on(rows):
    """A table may be made of several runs; it says which states of the tree they saw, and when."""
    states = {}
    for row in rows:
        states.setdefault(f"{row['commit']} ({row['at'][:10]})", []).append(row["case"])
    return "Measured on " + "; ".join(f"{state}: {', '.join(cases)}" for state, cases in states.items()) + "."


def write(results, states):
    figures = [f for rows in results.values() for f in rows]
    text = README.read_text()
    if BEGIN not in text or END not in text:
        raise BenchError(f"{README} has no place for the table: {BEGIN} ... {END}")
    head, rest = text.split(BEGIN)
    README.write_text(head + BEGIN + "\n" + table.markdown(figures) + "\n\n" + states + "\n" + END + rest.split(END)[1])
    plots.write(results, BENCH)


def run(chosen):
    bench = Bench(chosen.quick, chosen.rounds or (1 if chosen.quick else 5))
    seen, failed = [], []
    for name in chosen.cases or CASES:
        case = CASES[name]
        begun = time.monotonic()
        print(f"tests/bench: {name}: {case.about} ...", file=sys.stderr, flush=True)
        try:
            case.prepare(bench)
            if not chosen.prepare:
                figures = case.run(bench)
                seen += figures
                if not bench.quick:
                    keep(case, figures)
        except (BenchError, OSError, subprocess.TimeoutExpired) as error:
            failed.append(name)
            print(f"tests/bench: {name} FAILED: {type(error).__name__}: {error}", file=sys.stderr, flush=True)
        processes.stop_all()
        print(f"tests/bench: {name}: {time.monotonic() - begun:.0f} s", file=sys.stderr, flush=True)
    if seen:
        print(table.plain(seen, judged=not bench.quick))
    if failed:
        print(f"tests/bench: failed: {', '.join(failed)}", file=sys.stderr)
        return 1
    return 0


def main():
    chosen = arguments()
    WORK.mkdir(parents=True, exist_ok=True)
    alone = open(WORK.parent / "bench-work.lock", "w")  # held until the end
    try:
        fcntl.flock(alone, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        print("tests/bench: another run of the suite is under way in this tree", file=sys.stderr)
        return 2
    result = 0 if chosen.table else run(chosen)
    if result == 0 and not chosen.quick and not chosen.prepare:
        results, states = all_results()
        if chosen.table:
            print(table.plain([f for rows in results.values() for f in rows]))
            print(states)
        if chosen.write:
            write(results, states)
    return result


if __name__ == "__main__":
    sys.exit(main())
