"""tillsync against head offices that take files: a folder (CSV and POSLog at once) with the daemon killed on the way, a real sshd, real FTPS
servers, with their connections cut in mid-transfer and their answers lost. Each document is booked once by the receiver's rule, to the
penny; and the report says that nobody has been asked what central has.

    file_targets_test.py --tillsync PROGRAM"""
import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from decimal import Decimal
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from receiver import Receiver  # noqa: E402
from servers import Cutter, Ftps, Sshd, make_certificates  # noqa: E402  (finds what they share as well)
from support import expect, free_port, wait_until  # noqa: E402

STORE, DAY = "0417", "2026-11-23"
POSLOG_TYPES = ("sale", "return", "till_close")
ALL_TYPES = ("sale", "return", "stock_adjustment", "stock_count", "stock_transfer", "customer_update", "till_close")
SECRETS = {"FTPS_PASSWORD": "s3cret word", "SSH_PASSPHRASE": "pass phrase"}


def documents_of_a_day(count, seed, types=ALL_TYPES):
    """Nine of ten are trade."""
    dice, documents = random.Random(seed), []
    for number in range(count):
        kind = dice.choices(types, [20 if each == "sale" else 3 if each == "return" else 1 for each in types])[0]
        document = {"id": f"D{number}", "type": kind, "terminal": f"T{number % 3}", "occurred_at": f"{DAY}T{9 + number * 8 // count:02}:00:00Z",
                    "business_day": DAY, "currency": "GBP"}
        sku = lambda: f"SKU-{dice.randrange(40)}"
        if kind in ("sale", "return"):
            document["lines"] = [{"sku": sku(), "description": dice.choice(["=CUP", 'PAN 8"', "Tee, grün", "-"]), "quantity": dice.randrange(1, 5),
                                  "unit_price": f"{dice.randrange(1, 5000) / 100:.2f}"} for _ in range(dice.randrange(1, 6))]
            document["tenders"] = [{"type": "card", "amount": f"{total_of(document)}"}]
        elif kind == "stock_adjustment":
            document["lines"] = [{"sku": sku(), "quantity_delta": "-1.5"}]
        elif kind == "stock_count":
            document["lines"] = [{"sku": sku(), "counted": dice.randrange(100)}]
        elif kind == "stock_transfer":
            document |= {"direction": "out", "other_store": "0418", "lines": [{"sku": sku(), "quantity": 2}]}
        elif kind == "customer_update":
            document |= {"customer": f"C{dice.randrange(9)}", "changes": {"email": f"@{number}", "points": number}, "base": {"points": 0}}
        else:
            document |= {"tenders": [{"type": "cash", "amount": "100.00"}], "documents": number}
        documents.append(document)
    return documents


def total_of(document):
    return sum(line["quantity"] * Decimal(line["unit_price"]) for line in document["lines"])


class Store:
    def __init__(self, program, folder, targets, routes=""):
        self.program, self.folder, self.process = program, folder, None
        folder.mkdir()
        self.settings = folder / "tillsync.toml"
        self.settings.write_text(f"""[store]
id = "{STORE}"
time_zone = "Europe/London"
currency = "GBP"
[journal]
path = "journal"
disk_reserve_mib = 1
[till]
unix_socket = "till.sock"
tcp = ""
[ops]
tcp = "127.0.0.1:{free_port()}"
[log]
file = "daemon.log"
{targets}
{routes}
""")

    def start(self):
        self.process = subprocess.Popen([self.program, "run", "--config", self.settings], env={**os.environ, **SECRETS}, stdin=subprocess.DEVNULL)
        wait_until("the daemon serves", lambda: self.command("status", good=None).returncode == 0, 60)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            expect("the daemon's exit", self.process.wait(20), 0)

    def command(self, *arguments, good=(0,), stdin=None):
        done = subprocess.run([self.program, *arguments, "--config", self.settings], input=stdin, capture_output=True, text=True, timeout=180)
        if good is not None and done.returncode not in good:
            raise AssertionError(f"tillsync {' '.join(map(str, arguments))}: {done.returncode}\n{done.stdout[-2000:]}{done.stderr[-2000:]}\n"
                                 + (self.folder / "daemon.log").read_text()[-3000:])
        return done

    def post(self, documents):
        self.command("post", "-", stdin="".join(json.dumps(each) + "\n" for each in documents))

    def target(self, name):
        return json.loads(self.command("status", "--json").stdout)["targets"][name]


def target(name, url, lines="", file="", auth=""):
    text = f'[targets.{name}]\nconnector = "file"\nbase_url = "{url}"\nbackoff_min_s = 0.1\nbackoff_max_s = 0.5\n{lines}\n'
    if file:
        text += f"[targets.{name}.file]\n{file}\n"
    return text + (f"[targets.{name}.auth]\n{auth}\n" if auth else "")


def check_books(receiver, name, documents):
    receiver.finish()
    keys = {f"{STORE}/{each['id']}:{name}" for each in documents}
    expect("documents booked", set(receiver.booked), keys)
    expect("documents booked more than once", {key: times for key, times in receiver.booked.items() if times != 1}, {})
    net = sum((total_of(each) * (-1 if each["type"] == "return" else 1) for each in documents if "lines" in each and each["type"] in ("sale", "return")),
              Decimal(0))
    expect("the net total", receiver.net["GBP"], net)
    expect("gaps in the batches' numbers", set(range(1, len(receiver.numbers) + 1)) - set(receiver.numbers), set())
    left = [each.name for each in receiver.folder.iterdir()]
    expect("files left in the folder", left, [])
    return net


def check_report(store, name):
    """Nobody can be asked: the report says so, and does not balance."""
    done = store.command("report", "reconciliation", "--day", DAY, "--format", "json", good=(1,))
    report = json.loads(done.stdout)
    expect("the report", (report["balanced"], report["targets"][name]["read_back_at"], report["targets"][name]["pending"]), (False, None, []))
    if report["targets"][name]["unconfirmed"] < 1:
        raise AssertionError("the report takes what was delivered for confirmed")
    text = store.command("report", "reconciliation", "--day", DAY, good=(1,)).stdout
    if "NOT BALANCED" not in text or "never read back" not in text:
        raise AssertionError(f"the report does not say that central was not read back:\n{text}")


def run_folder(program, folder):
    """Two formats at once; kill -9 at each quarter of the way."""
    boxes = {"legacy": folder / "csv", "poslog": folder / "xml"}
    for box in boxes.values():
        box.mkdir()
    documents = documents_of_a_day(400, seed=1)
    trade = [each for each in documents if each["type"] in POSLOG_TYPES]
    routes = "[routes]\n" + "".join(f'{kind} = {json.dumps(["legacy", "poslog"] if kind in POSLOG_TYPES else ["legacy"])}\n' for kind in ALL_TYPES)
    store = Store(program, folder / "store", "".join(
        target(name, f"file://{box}", "batch_max = 5\nrate_per_s = 60", f'format = "{"csv" if name == "legacy" else "poslog"}"')
        for name, box in boxes.items()), routes)
    receivers = {name: Receiver(box) for name, box in boxes.items()}
    try:
        store.start()
        for each in receivers.values():
            each.thread.start()
        store.post(documents)
        kills = 0
        for quarter in (1, 2, 3):
            wait_until(f"quarter {quarter} is booked", lambda: len(receivers["legacy"].booked) >= len(documents) * quarter // 4, 90)
            kills += len(receivers["legacy"].booked) < len(documents)
            store.kill()
            store.start()
        store.command("drain", "--timeout", "90")
        nets = [check_books(receivers["legacy"], "legacy", documents), check_books(receivers["poslog"], "poslog", trade)]
        check_report(store, "legacy")
        expect("kills on the way", kills, 3)
        story = store.command("explain", "D0").stdout
        if "0417-legacy-00000" not in story:
            raise AssertionError(f"the story does not name the batch:\n{story}")
        return (f"folder: {len(documents)} documents as CSV in {len(receivers['legacy'].numbers)} batches, {len(trade)} as POSLog in "
                f"{len(receivers['poslog'].numbers)}, {nets[0]} and {nets[1]} GBP; {kills} kills, "
                f"{sum(each.repeats for each in receivers.values())} batches published twice")
    finally:
        store.stop()


def run_sftp(program, folder):
    """A day through a line that is cut in mid-transfer, and one kill."""
    sshd = cutter = store = None
    try:
        sshd = Sshd(folder / "sshd")
        cutter = Cutter(sshd.port, cuts=3, seed=2)
        box = folder / "in"
        box.mkdir()
        documents = documents_of_a_day(300, seed=2)
        auth = f'kind = "ssh_key"\nuser = "{sshd.user}"\nkey_file = "{sshd.folder}/client"\npassphrase = "env:SSH_PASSPHRASE"'
        store = Store(program, folder / "store", target(
            "legacy", f"sftp://127.0.0.1:{cutter.port}{box}", "batch_max = 40\nconcurrency = 2\ntimeout_s = 4",
            f'known_hosts = "{sshd.known_hosts(cutter.port)}"', auth))
        receiver = Receiver(box)
        receiver.thread.start()
        store.start()
        store.post(documents)
        wait_until("a third is booked", lambda: len(receiver.booked) >= 100, 90)
        store.kill()
        store.start()
        store.command("drain", "--timeout", "90")
        net = check_books(receiver, "legacy", documents)
        if cutter.cut < 2:
            raise AssertionError(f"only {cutter.cut} connections were cut in mid-transfer")
        store.stop()
        check_host_keys(program, folder, sshd, auth)
        return (f"sftp: {len(documents)} documents in {len(receiver.numbers)} batches, {net} GBP; {cutter.cut} connections cut, 1 kill, "
                f"{receiver.repeats} batches published twice; a foreign host key is refused")
    finally:
        if store is not None:
            store.stop()
        if cutter is not None:
            cutter.close()
        if sshd is not None:
            sshd.stop()


def check_host_keys(program, folder, sshd, auth):
    """A server with another key gets nothing, not even a name; with the right one it goes, by fingerprint too."""
    box = folder / "proven"
    box.mkdir()
    sale = documents_of_a_day(1, seed=3, types=("sale",))
    cases = {"known_hosts": f'known_hosts = "{sshd.known_hosts(sshd.port, "other")}"', "digest": f'host_key_sha256 = "{sshd.fingerprint("other")}"',
             "empty": f'known_hosts = "{folder}/none"', "right": f'host_key_sha256 = "{sshd.fingerprint()}"'}
    (folder / "none").touch()
    store = Store(program, folder / "proof", "".join(target(name, f"sftp://127.0.0.1:{sshd.port}{box}", "timeout_s = 5", file, auth)
                                                     for name, file in cases.items()))
    try:
        store.start()
        store.post(sale)
        wait_until("the right one is delivered", lambda: store.target("right")["last_success"], 60)
        for name in ("known_hosts", "digest", "empty"):
            wait_until(f"{name} has failed", lambda: store.target(name)["last_error"], 60)
            reason = json.dumps(store.target(name)["last_error"])
            if "compare its key" not in reason:
                raise AssertionError(f"{name}: {reason}")
            expect(f"successes of {name}", store.target(name)["last_success"], None)
        expect("files of the one that is proven", len(list(box.iterdir())), 2)
    finally:
        store.stop()


def run_ftps(program, folder):
    """Explicit TLS with uploads cut and answers lost; implicit TLS; a certificate of nobody's."""
    servers, store = [], None
    try:
        make_certificates(folder / "certificates")
        auth = 'kind = "basic"\nuser = "store"\npassword = "env:FTPS_PASSWORD"'
        ca = f'ca_file = "{folder}/certificates/ca.pem"'
        boxes = {"explicit": folder / "explicit", "implicit": folder / "implicit"}
        servers = {mode: Ftps(box, folder / "certificates", mode, 4 if mode == "explicit" else 0) for mode, box in boxes.items()}
        targets = "".join(target(mode, f"ftps://localhost:{servers[mode].port}/", f"batch_max = 40\nconcurrency = 2\ntimeout_s = 5\n{ca}",
                                 f'tls = "{mode}"', auth) for mode in boxes)
        targets += target("stranger", f"ftps://localhost:{servers['explicit'].port}/", "timeout_s = 5", "", auth)
        store = Store(program, folder / "store", targets, "[routes]\n" + "".join(
            f'{kind} = {json.dumps([*boxes, "stranger"] if kind == "till_close" else [*boxes])}\n' for kind in ALL_TYPES))
        documents = documents_of_a_day(300, seed=4)
        receivers = {mode: Receiver(box) for mode, box in boxes.items()}
        for each in receivers.values():
            each.thread.start()
        store.start()
        store.post(documents)
        for mode, receiver in receivers.items():
            wait_until(f"{mode}: all is booked", lambda: receiver.fault or len(receiver.booked) >= len(documents), 90)
            wait_until(f"{mode}: nothing is owed", lambda: settled(store, documents, mode), 60)
        nets = [check_books(receiver, mode, documents) for mode, receiver in receivers.items()]
        strikes = Counter(servers["explicit"].strikes)
        expect("strikes", (strikes["cut"], strikes["lost"]), (4, 4))
        wait_until("the stranger has failed", lambda: store.target("stranger")["last_error"], 60)
        error = json.dumps(store.target("stranger")["last_error"])
        if "certificate" not in error:
            raise AssertionError(f"a certificate that nobody vouches for: {error}")
        for secret in SECRETS.values():
            if secret in (store.folder / "daemon.log").read_text() + error:
                raise AssertionError("a secret was told")
        return (f"ftps: {len(documents)} documents twice, explicit and implicit TLS, {nets[0]} GBP each; {strikes['cut']} uploads cut, "
                f"{strikes['lost']} answers lost, {receivers['explicit'].repeats} batches published twice")
    finally:
        if store is not None:
            store.stop()
        for server in servers.values() if servers else ():
            server.stop()


def settled(store, documents, name):
    """The last document's delivery to that target, as the till is told it."""
    view = store.command("explain", documents[-1]["id"], "--json", good=(0,)).stdout
    return any(each["target"] == name and each["state"] == "delivered" for each in json.loads(view)["deliveries"])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tillsync", required=True)
    parser.add_argument("--only", choices=["folder", "sftp", "ftps"])
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="tillsync-files-") as root:
        for name, scenario in (("folder", run_folder), ("sftp", run_sftp), ("ftps", run_ftps)):
            if options.only not in (None, name):
                continue
            folder = Path(root) / name
            folder.mkdir()
            began = time.monotonic()
            print(f"{scenario(options.tillsync, folder)}; {time.monotonic() - began:.1f} s", flush=True)


main()
