"""Journals with a backlog, made once and copied for each case that needs one. They stay in the work folder, for the build of
tillsync that made them."""
import os
import shutil

from suite import load
from suite.daemon import Store
from suite.place import TILLSYNC, WORK, BenchError, fingerprint, free_port, fresh_folder

BASE_RUN = 9000
LINES = 1000


def dead_port():
    """A port where nobody listens: the network is down."""
    return free_port()


def owed(count):
    """The folder of a stopped store whose journal holds `count` sales, all owed to its one target."""
    return _made(f"base-owed-{count}", lambda folder: _post(folder, count))


def settled(count):
    """The same, all delivered."""
    return _made(f"base-settled-{count}", lambda folder: _deliver(folder, count))


def copy(base, name):
    """A store's folder with a journal of its own. On disk when this returns: else the first sync of the store would write what
    was copied."""
    folder = fresh_folder(name)
    copy_synced(base / "journal", folder / "journal")
    return folder


def copy_synced(source, target):
    shutil.copytree(source, target)
    for path in target.iterdir():
        with open(path, "rb") as file:
            os.fsync(file.fileno())


def _made(name, make):
    folder = WORK / name
    stamp = folder / "made-by"
    if not (stamp.is_file() and stamp.read_text() == fingerprint(TILLSYNC)):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        make(folder)
        stamp.write_text(fingerprint(TILLSYNC))
    return folder


def _post(folder, count):
    store = Store(folder, target_port=dead_port()).start()
    lines = min(LINES, count)
    result = load.post(store.unix, connections=2, lines=lines, requests=count // lines, run=BASE_RUN)
    if result["documents"] != count or store.status()["backlog"] != count:
        raise BenchError(f"{count} documents were to be owed, but: {result}, {store.status()}")
    store.stop()


def _deliver(folder, count):
    copy_synced(owed(count) / "journal", folder / "journal")
    sink = load.Listening("sink", folder, free_port())
    store = Store(folder, target_port=sink.port, concurrency=4, batch_max=1000).start()
    store.wait_settled(timeout=900, pause=0.1)
    stats = sink.stats()
    if stats["documents"] != count or stats["duplicates"] or store.delivered() != count:
        raise BenchError(f"{count} documents were to be delivered once, but: {stats}, {store.status()}")
    store.stop()
    sink.stop()
