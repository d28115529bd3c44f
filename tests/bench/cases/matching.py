"""A day of 1,000,000 documents against a central that differs in 0, 10 and 1,000 of them: requests, bytes, time and memory of a
read-back by digests, beside the whole list."""
from statistics import median

from suite.bench import Case
from suite.place import BUILD, SALE, WORK, program
from suite.processes import run_json, run_text
from suite.stats import Figure, ratios

CENTRAL = BUILD / "tests" / "central" / "central"
DIFFERENCES = [0, 10, 1_000]


def documents(bench):
    return bench.size(1_000_000, 5_000)


def folder(bench):
    return WORK / f"matching-{documents(bench)}"


def prepare(bench):
    run_text([program("matching"), "make", "--folder", folder(bench), "--sale", SALE, "--documents", documents(bench)])


def read(bench, differences, *more):
    return run_json([program("matching"), "run", "--folder", folder(bench), "--central", CENTRAL, "--documents", documents(bench),
                     "--differences", differences, *more])


def run(bench):
    whole, by_digests = [], {count: [] for count in DIFFERENCES}
    for _ in bench.each_round():
        for count, seen in by_digests.items():
            seen.append(read(bench, count))
        whole.append(read(bench, 10, "--whole"))
    ten = by_digests[10]
    moved = ratios([sum_bytes(r) for r in ten], [sum_bytes(r) for r in whole])
    figures = [Figure("bytes of a read-back, 10 differences in 1,000,000, of the whole list's", moved, "x", ("<=", 0.001))]
    figures += [told(f"{count:,} differences, by digests", seen) for count, seen in by_digests.items()]
    return figures + [told("10 differences, the whole list", whole)]


def sum_bytes(result):
    return result["bytes_to_central"] + result["bytes_from_central"]


def told(name, seen):
    middle = {key: median(r[key] for r in seen) for key in seen[0]}
    return Figure(f"- 1,000,000 documents, {name}: seconds", [r["seconds"] for r in seen], "s", None,
                  [("requests", f"{middle['requests']:,.0f}"), ("bytes to central", f"{middle['bytes_to_central']:,.0f}"),
                   ("from central", f"{middle['bytes_from_central']:,.0f}"), ("CPU", f"{middle['cpu_s']:.1f} s"),
                   ("report", f"{middle['report_s']:.1f} s"), ("peak memory", f"{middle['peak_mib']:.0f} MiB")])


CASES = [Case("matching", "1,000,000 documents of a day read back by digests, and whole", run, prepare)]
