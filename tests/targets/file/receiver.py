"""Head office: takes whole batches out of a folder, each name once, and books each document once by its idempotency key."""
import csv
import hashlib
import io
import json
import threading
import time
import xml.etree.ElementTree as ElementTree
from collections import Counter
from decimal import Decimal

ARTS = "{http://www.nrf-arts.org/IXRetail/namespace/}"
OWN = "{urn:tillsync:poslog:1}"


def keys_of_csv(data):
    rows = list(csv.DictReader(io.StringIO(data.decode("utf-8"), newline="")))
    assert all(None not in row and None not in row.values() for row in rows), "a row of another length"
    return {row["idempotency_key"]: row["amount"] for row in rows if row["record"] == "document"}


def keys_of_poslog(data):
    keys = {}
    for each in ElementTree.fromstring(data).findall(f"{ARTS}Transaction"):
        total = each.find(f"{ARTS}RetailTransaction/{ARTS}Total[@TotalType='TransactionGrandAmount']")
        keys[each.get(f"{OWN}IdempotencyKey")] = "" if total is None else total.text
    return keys


class Receiver:
    def __init__(self, folder):
        self.folder = folder
        self.names, self.booked, self.net = set(), Counter(), Counter()
        self.numbers = []
        self.repeats, self.fault = 0, None
        self.ends = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)

    def run(self):
        try:
            while not self.ends.is_set():
                self.collect()
                time.sleep(0.02)
        except Exception as fault:  # told by finish()
            self.fault = fault

    def collect(self):
        for manifest_file in sorted(self.folder.glob("*.manifest.json")):
            if manifest_file.name.startswith("."):
                continue
            self.take(manifest_file)

    def take(self, manifest_file):
        manifest = json.loads(manifest_file.read_bytes())
        data_file = self.folder / manifest["file"]
        data = data_file.read_bytes()
        assert len(data) == manifest["bytes"] and hashlib.sha256(data).hexdigest() == manifest["sha256"], f"{data_file} is not whole"
        data_file.unlink()
        manifest_file.unlink()
        if manifest["batch"] in self.names:
            self.repeats += 1
            return
        self.names.add(manifest["batch"])
        self.numbers.append(manifest["number"])
        in_file = keys_of_csv(data) if manifest["format"] == "csv" else keys_of_poslog(data)
        assert list(in_file) == [each["idempotency_key"] for each in manifest["documents"]], "manifest and data name other documents"
        assert len(in_file) == manifest["count"]
        net = Counter()
        for each in manifest["documents"]:
            self.booked[each["idempotency_key"]] += 1
            assert in_file[each["idempotency_key"]] == (each["total"] or ""), each["reference"]
            if each["total"] is not None:
                net[each["currency"]] += Decimal(each["total"]) * (-1 if each["type"] == "return" else 1)
        assert {currency: Decimal(sums["net"]) for currency, sums in manifest["totals"].items()} == dict(net), "totals"
        self.net.update(net)

    def finish(self):
        self.ends.set()
        self.thread.join()
        if self.fault is not None:
            raise self.fault
        self.collect()
