"""The programs that load and measure, each one call: what it returns is their line of JSON."""
import http.client
import itertools
import json

from suite.daemon import ask
from suite.place import SALE, BenchError, program
from suite.processes import Process, run_json

WRK_THREADS = 1  # two make less load on two cores
# What makes the ids of a run its own, since a store takes none twice. wrk writes its thread's number behind its run, so that
# it fills B0000 to B4999; the other programs have B5000 to B8999, the journals that are made beforehand B9000.
_runs = itertools.count(1)
_FIRST_OF_PROGRAMS = 5000


def next_run():
    run = next(_runs)
    if run >= 500:
        raise BenchError("the suite has run out of ids")
    return run


def wrk(where, connections, seconds):
    """POST /v1/documents by wrk over TCP. Adds `per_second` and fails on any answer but 2xx."""
    threads = min(WRK_THREADS, connections)
    result = run_json(["wrk", f"-t{threads}", f"-c{connections}", f"-d{seconds}s", "-s", SALE.parent / "post.lua",
                       f"http://{where}/v1/documents"], env={"BENCH_RUN": str(next_run()), "BENCH_SALE": str(SALE)})
    if result["bad_status"] or result["errors"]:
        raise BenchError(f"wrk at {where}: {result}")
    result["per_second"] = result["requests"] / result["seconds"]
    return result


def post(where, connections=1, **options):
    """bench_post; options as its own, e.g. seconds=2, lines=1000, requests=10."""
    options.setdefault("run", next_run() + _FIRST_OF_PROGRAMS)
    return run_json([program("post"), "--to", where, "--connections", connections, "--sale", SALE, *words(options)])


def peer(speak, port, connections, **options):
    options.setdefault("run", next_run() + _FIRST_OF_PROGRAMS)
    return run_json([program("peer"), "--speak", speak, "--to", f"127.0.0.1:{port}", "--connections", connections,
                     "--sale", SALE, *words(options)])


def multi(port, concurrency, documents):
    return run_json([program("multi"), "--to", f"http://127.0.0.1:{port}", "--concurrency", concurrency,
                     "--documents", documents, "--run", next_run(), "--sale", SALE])


def disk(folder, **options):
    return run_json([program("disk"), "--file", folder / "disk.probe", *words(options)])


def sqlite(folder, rows, seconds):
    return run_json([program("sqlite"), "--file", folder / "raw.db", "--rows", rows, "--seconds", seconds, "--sale", SALE])


def words(options):
    out = []
    for name, value in options.items():
        out += [f"--{name.replace('_', '-')}"] + ([] if value is True else [value])
    return out


class Listening:
    """bench_sink or bench_ceiling as a child; bench_ceiling is told its port."""

    def __init__(self, name, folder, port, *options):
        if name == "sink":
            command = [program("sink"), "--listen", f"127.0.0.1:{port}", *options]
        else:
            command = [program(name), f"127.0.0.1:{port}", *options]
        self.port = port
        self.process = Process(name, command, folder)
        self.process.wait_until("its port", self.answers)

    def answers(self):
        try:
            return ask(self.connection(), "GET", "/stats")[0] in (200, 400, 404)
        except OSError:
            return False

    def connection(self):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)

    @property
    def where(self):
        return f"127.0.0.1:{self.port}"

    def stats(self):
        return json.loads(ask(self.connection(), "GET", "/stats")[1])

    def read_back(self, on):
        ask(self.connection(), "GET", f"/read-back/{'on' if on else 'off'}")

    def stop(self):
        self.process.stop()
