"""Where things are: the tree, the programs of the preset `bench`, and the folder that the suite works in."""
import hashlib
import shutil
import socket
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
BENCH = ROOT / "tests" / "bench"
BUILD = ROOT / "build" / "bench"
WORK = BUILD / "bench-work"
RESULTS = BUILD / "results"
SALE = BENCH / "load" / "sale.json"
TILLSYNC = BUILD / "agent" / "tillsync"
TRADING_DAY = BUILD / "tests" / "demo" / "trading_day"

SALE_BYTES = len(SALE.read_bytes().rstrip(b"\n"))


class BenchError(Exception):
    """A component that does not run, or an answer that is not right: the suite fails."""


def program(name):
    path = BUILD / "tests" / "bench" / f"bench_{name}"
    if not path.is_file():
        raise BenchError(f"{path} is not there; tests/bench/run.sh builds it")
    return path


def fresh_folder(name):
    folder = WORK / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def free_port():
    """A port of the loopback that nobody holds now. Below the range that the system hands out to clients, where it can be."""
    for port in range(20000 + time.monotonic_ns() // 1000 % 10000, 32000):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue
    raise BenchError("no free port between 20000 and 32000")


def fingerprint(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]


def folder_bytes(folder, but=()):
    return sum(f.stat().st_size for f in folder.rglob("*") if f.is_file() and f.name not in but)
