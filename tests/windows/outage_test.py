"""A store's day on Windows: tillsync.exe under wine, its tills on loopback TCP, and the stand-in central as a program of this machine. Central
dies, tills trade on, the daemon is killed in the middle of it (twice), central comes back: every document is there once, to the penny, the
chain holds, and the report balances. The journal is then verified by the Linux program as well: it is one format.

    outage_test.py --tillsync TILLSYNC.EXE --linux TILLSYNC --central CENTRAL --trading-day TRADING_DAY --folder FOLDER"""
import argparse
import http.client
import json
import shutil
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path

from wine import Wine, kill_hard, windows_path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "targets"))
from support import expect, free_port, listens, wait_until  # noqa: E402

DAY, DOCUMENTS, TILLS = "2026-11-23", 2000, 4


class Central:
    def __init__(self, program, folder):
        self.program, self.folder, self.port, self.process = program, Path(folder), free_port(), None

    def start(self):
        with open(self.folder / "central.log", "ab") as log:
            self.process = subprocess.Popen([self.program, "--listen", f"127.0.0.1:{self.port}", "--ledger", self.folder / "central.db"],
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        wait_until("central listens", lambda: listens(self.port), 30)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def ledger(self, target):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/control/{target}/ledger", timeout=60) as answer:
            return json.load(answer)


class Daemon:
    def __init__(self, wine, program, central, folder):
        self.wine, self.program, self.folder = wine, windows_path(program), Path(folder)
        self.till_port, self.ops_port = free_port(), free_port()
        self.settings = self.folder / "tillsync.toml"
        targets = "".join(f'[targets.{name}]\nbase_url = "http://127.0.0.1:{central.port}/{name}"\nbackoff_min_s = 0.1\nbackoff_max_s = 1\n'
                          for name in ("erp", "crm"))
        self.settings.write_text(
            f'[store]\nid = "0417"\ntime_zone = "Europe/London"\ncurrency = "GBP"\n[journal]\npath = "journal"\ndisk_reserve_mib = 16\n'
            f'[till]\ntcp = "127.0.0.1:{self.till_port}"\n[ops]\ntcp = "127.0.0.1:{self.ops_port}"\n[log]\nfile = "daemon.log"\n{targets}'
            '[routes]\nsale = ["erp", "crm"]\nreturn = ["erp", "crm"]\nstock_adjustment = ["erp"]\nstock_count = ["erp"]\n'
            'stock_transfer = ["erp"]\ncustomer_update = ["crm"]\ntill_close = ["erp"]\n')

    def start(self):
        with open(self.folder / "daemon.out", "ab") as log:
            self.process = self.wine.start(self.program, "run", "--config", windows_path(self.settings), log=log)
        wait_until("the daemon is ready", self.ready, 60)

    def ready(self):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.ops_port}/readyz", timeout=5) as answer:
                return answer.status == 200
        except OSError:
            if self.process.poll() is not None:
                raise AssertionError("the daemon does not start: " + (self.folder / "daemon.out").read_text(errors="replace"))
            return False

    def kill(self):
        expect("daemons killed", kill_hard(self.wine.prefix, "tillsync.exe"), 1)
        self.process.wait()

    def command(self, *words, timeout=180):
        return self.wine.run(self.program, *words, "--config", windows_path(self.settings), timeout=timeout)


class Till(threading.Thread):
    """Posts its documents one by one, and each again until it is answered: what a till does across a restart."""

    def __init__(self, daemon, documents):
        super().__init__()
        self.daemon_port, self.documents, self.answers, self.posts, self.failure = daemon.till_port, documents, {}, 0, None
        self.start()

    def run(self):
        connection = None
        try:
            for body in self.documents:
                end = time.monotonic() + 120
                while True:
                    try:
                        connection = connection or http.client.HTTPConnection("127.0.0.1", self.daemon_port, timeout=20)
                        self.posts += 1
                        connection.request("POST", "/v1/documents", body, {"Content-Type": "application/json"})
                        answer = connection.getresponse()
                        text = answer.read()
                        if answer.status in (200, 201):
                            self.answers[json.loads(text)["id"]] = json.loads(text)["sequence"]
                            break
                        if answer.status not in (503, 507):
                            raise AssertionError(f"the till was answered {answer.status}: {text}")
                    except (OSError, http.client.HTTPException):
                        connection = None
                    if time.monotonic() > end:
                        raise AssertionError("the daemon stayed away for two minutes")
                    time.sleep(0.02)
        except Exception as failure:  # told by the main thread
            self.failure = failure


def trade(options, wine, folder):
    central = Central(options.central, folder)
    central.start()
    try:
        daemon = Daemon(wine, options.tillsync, central, folder)
        checked = daemon.command("check")
        expect(f"check ({checked})", checked.status, 0)
        daemon.start()
        subprocess.run([options.trading_day, "--documents", str(DOCUMENTS), "--tills", str(TILLS), "--seed", "7", "--day", DAY, "--out",
                        folder / "day"], check=True)
        days = [(folder / "day" / f"T{till}.ndjson").read_text().splitlines() for till in range(1, TILLS + 1)]
        morning = [Till(daemon, day[:50]) for day in days]
        for till in morning:
            till.join()
        central.kill()
        started = time.monotonic()
        tills = [Till(daemon, day) for day in days]
        for share in (0.3, 0.6):
            wait_until("the tills trade", lambda: sum(len(till.answers) for till in tills) > share * DOCUMENTS
                       or any(till.failure for till in tills), 300)
            daemon.kill()
            daemon.start()
        for till in tills:
            till.join()
            if till.failure:
                raise till.failure
        posts = sum(till.posts for till in tills)
        print(f"  {DOCUMENTS} documents of {TILLS} tills in {time.monotonic() - started:.1f} s without central, {posts} posts, two kills")
        answered = {}
        for till in morning + tills:
            for document, sequence in till.answers.items():
                expect(f"the sequence of {document}", answered.setdefault(document, sequence), sequence)
        expect("documents answered", len(answered), DOCUMENTS)
        central.start()
        began = time.monotonic()
        wait_until("half of it is delivered", lambda: central.ledger("erp")["documents"] > DOCUMENTS // 2, 240)
        daemon.kill()  # and once more in the middle of the replay
        daemon.start()
        drained = daemon.command("drain", "--timeout", "240", timeout=300)
        expect(f"drain ({drained})", drained.status, 0)
        print(f"  drained {time.monotonic() - began:.1f} s after central came back, with a kill in between")
        report = daemon.command("report", "reconciliation", "--day", DAY, "--format", "json")
        expect(f"the report balances ({report})", (report.status, json.loads(report.output)["balanced"]), (0, True))
        for target in ("erp", "crm"):
            ledger = central.ledger(target)
            expect(f"doubles at {target}", ledger["doubles"], [])
            expect(f"effects at {target}", ledger["effects"], ledger["documents"])
        verified = daemon.command("journal", "verify")
        expect(f"journal verify ({verified})", verified.status, 0)
        second = daemon.command("run")
        expect(f"a second daemon on the journal ({second})", (second.status, "is held by process" in second.errors), (3, True))
        daemon.kill()
        on_linux = subprocess.run([options.linux, "journal", "verify", "--config", daemon.settings], capture_output=True, text=True)
        expect(f"the Linux program verifies the journal ({on_linux.stdout} {on_linux.stderr})", on_linux.returncode, 0)
    finally:
        central.kill()


def main():
    parser = argparse.ArgumentParser()
    for name in ("--tillsync", "--linux", "--central", "--trading-day", "--folder"):
        parser.add_argument(name, required=True, type=Path)
    options = parser.parse_args()
    shutil.rmtree(options.folder, ignore_errors=True)
    with Wine(options.folder) as wine:
        trade(options, wine, options.folder)
    print("outage_test: every document once, to the penny")


if __name__ == "__main__":
    main()
