"""The size of the program."""
from suite.bench import Case
from suite.place import TILLSYNC, fresh_folder
from suite.processes import run_text
from suite.stats import Figure


def run(_):
    stripped = fresh_folder("binary") / "tillsync"
    run_text(["strip", "-o", stripped, TILLSYNC])
    return [Figure("binary, stripped, apart from shared libraries", [stripped.stat().st_size / 2**20], "MiB", ("<=", 8))]


CASES = [Case("binary", "size of the stripped program", run)]
