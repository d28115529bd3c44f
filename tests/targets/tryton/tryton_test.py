"""tillsync against a real Tryton 6.0: a day's sales, returns, stock documents and customer updates, one reply in ten lost, the daemon killed
between its steps, trytond killed twice, its sessions gone. In the end Tryton holds each document once, with the till's total to the penny, each
party is as its last updates have it, and the reconciliation balances against Tryton's own numbers.

    tryton_test.py --tillsync PROGRAM --trading-day PROGRAM --folder FOLDER [--documents N]

Real transactions where the machine has them (TILLSYNC_REAL_DATA, or a folder data/ beside the tree), else a day that is made up."""
import argparse
import json
import lzma
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from decimal import Decimal
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from customers import (check_customers, check_fetches, check_refused_customer, check_writers, customer_documents)  # noqa: E402
from server import Tryton  # noqa: E402  (finds what tests share as well)
from support import expect, free_port, wait_until  # noqa: E402

ROOT = Path(__file__).resolve().parents[3]
CONNECTOR = ROOT / "agent" / "connectors" / "tryton.toml"
STORE, DAY = "0417", "2026-11-23"
LOST = 0.10


class Lossy:
    """Passes requests on, one connection for each as trytond has it, and loses some of the replies: what was asked is done."""

    def __init__(self, to_port, seed):
        self.to_port, self.random, self.lost = to_port, random.Random(seed), 0
        self.lock = threading.Lock()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.losing = True
        # Each gets every request: `before` it is passed on, `after` it was answered; true of the latter loses the answer.
        self.before = self.after = None
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client):
        with client:
            client.settimeout(120)
            try:
                request = whole_message(client)
                if not request:
                    return
                if self.before is not None:
                    self.before(request)
                with socket.create_connection(("127.0.0.1", self.to_port), timeout=120) as server:
                    server.sendall(request)
                    reply = whole_message(server)
            except OSError:
                return  # the other side is down: so is this one
            with self.lock:
                lost = self.losing and self.random.random() < LOST
                self.lost += lost
            if self.after is not None and self.after(request):
                return
            if reply and not lost:
                client.sendall(reply)

    def close(self):
        self.listener.close()


def whole_message(connection):
    """Header and body, by Content-Length; b"" where the connection ends before."""
    data = b""
    while True:
        head, ended, body = data.partition(b"\r\n\r\n")
        if ended:
            length = next((int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0)
            if len(body) >= length:
                return data
        part = connection.recv(65536)
        if not part:
            return b""
        data += part


def real_data():
    named = os.environ.get("TILLSYNC_REAL_DATA")
    places = [Path(named)] if named else [ROOT / "data", ROOT.parent / "data", *(folder / "data" for folder in ROOT.parent.iterdir())]
    for place in places:
        for name in ("online-retail/transactions.ndjson.xz", "transactions.ndjson.xz"):
            if (place / name).is_file():
                return place / name
    return None


def real_documents(file, count):
    """The first sales and the first returns, nine to one, as of one business day."""
    sales, returns = [], []
    with lzma.open(file, "rt") as lines:
        for line in lines:
            source = json.loads(line)
            kind = {"sale": sales, "return": returns}.get(source["type"])
            wanted = count - count // 10 if kind is sales else count // 10
            if kind is None or len(kind) == wanted:
                continue
            kind.append({"id": source["receipt"], "type": source["type"], "terminal": "T1", "occurred_at": source["at"],
                         "business_day": DAY, "currency": "GBP", "customer": source["customer"],
                         "lines": [{k: v for k, v in each.items() if v is not None} for each in source["lines"]]})
            if len(sales) + len(returns) == count:
                break
    return sales + returns


def made_up_documents(program, count):
    text = subprocess.run([program, "--documents", str(count * 2), "--tills", "2", "--day", DAY, "--out", "-"], check=True,
                          capture_output=True, text=True).stdout
    documents = [json.loads(line) for line in text.splitlines()]
    return [each for each in documents if each["type"] in ("sale", "return")][:count]


STOCK = {"STOCK-1": Decimal("7"), "STOCK-2": Decimal("3.5"), "STOCK-3": Decimal("-4")}  # what the documents below come to


def stock_documents():
    """In this order alone they come to STOCK: a count is absolute, and what follows it counts from there."""
    def document(number, kind, lines, **more):
        return {"id": f"STOCK-{number}", "type": kind, "terminal": "T2", "occurred_at": f"{DAY}T12:00:0{number}Z", "business_day": DAY,
                "lines": lines, **more}
    return [
        document(1, "stock_adjustment", [{"sku": "STOCK-1", "quantity_delta": 10}, {"sku": "STOCK-2", "quantity_delta": "-1.5"}]),
        document(2, "stock_count", [{"sku": "STOCK-1", "counted": 5}, {"sku": "STOCK-2", "counted": 6}]),
        document(3, "stock_adjustment", [{"sku": "STOCK-1", "quantity_delta": 2}], reason="found"),
        document(4, "stock_transfer", [{"sku": "STOCK-2", "quantity": "2.5"}], direction="out", other_store="0418"),
        document(5, "stock_transfer", [{"sku": "STOCK-3", "quantity": 3}], direction="in", other_store="0418"),
        document(6, "stock_adjustment", [{"sku": "STOCK-3", "quantity_delta": -7}]),
    ]


def total_of(document):
    """Positive; as CONTRACT section 8 has it, rounded half up to the penny."""
    if "total" in document:
        return Decimal(str(document["total"]))
    total = Decimal(0)
    for line in document["lines"]:
        amount = line.get("amount") or Decimal(str(line["quantity"])) * Decimal(str(line["unit_price"]))
        total += Decimal(str(amount)) - sum(Decimal(str(each["amount"])) for each in line.get("discounts", []))
    return total.quantize(Decimal("0.01"), "ROUND_HALF_UP")


class Store:
    def __init__(self, program, folder, target_port, ids, do_not_contact):
        self.program, self.folder, self.ids = program, folder, ids
        self.ops_port = free_port()
        self.settings = folder / "tillsync.toml"
        self.process = None
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
tcp = "127.0.0.1:{self.ops_port}"
[log]
file = "daemon.log"
[targets.erp]
connector = "{CONNECTOR}"
base_url = "http://127.0.0.1:{target_port}"
timeout_s = 60
concurrency = 4
backoff_min_s = 0.1
backoff_max_s = 2
[targets.erp.auth]
kind = "session"
user = "{ids["user"]}"
password = "env:TRYTON_PASSWORD"
[targets.erp.parameters]
database = "erp"
company = {ids["company"]}
warehouse = {ids["warehouse"]}
currencies = {{GBP = {ids["currency"]}}}
walk_in = "WALK-IN"
payment_term = {ids["payment_term"]}
adjustment = "ADJUSTMENT"
storage = {ids["storage"]}
lost_found = {ids["lost_found"]}
stores = {{"0418" = {ids["other_store"]}}}
[targets.erp.parameters.customer_fields]
name = "name"
email = "email"
phone = "phone"
city = "city"
street = "street"
do_not_contact = "category:{do_not_contact}"
[routes]
sale = ["erp"]
return = ["erp"]
stock_adjustment = ["erp"]
stock_count = ["erp"]
stock_transfer = ["erp"]
customer_update = ["erp"]
""")

    def start(self):
        self.process = subprocess.Popen([self.program, "run", "--config", self.settings],
                                        env={**os.environ, "TRYTON_PASSWORD": self.ids["password"]}, stdin=subprocess.DEVNULL)
        wait_until("the daemon's start", lambda: self.command("status", good=None).returncode == 0, 20)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(20)

    def command(self, *arguments, good=(0,), stdin=None):
        run = subprocess.run([self.program, *arguments, "--config", self.settings], input=stdin, capture_output=True, text=True, timeout=900,
                             env={**os.environ, "TRYTON_PASSWORD": self.ids["password"]})
        if good is not None and run.returncode not in good:
            raise AssertionError(f"tillsync {' '.join(map(str, arguments))}: {run.returncode}\n{run.stdout[-2000:]}{run.stderr[-2000:]}")
        return run

    def backlog(self):
        return json.loads(self.command("status", "--json").stdout)["backlog"]

    def quarantine(self):
        return json.loads(self.command("quarantine", "list", "--json").stdout)["quarantine"]

    def amend(self, entry, document, reason):
        (self.folder / "amended.json").write_text(json.dumps(document))
        self.command("quarantine", "amend", entry["delivery"], "--document", str(self.folder / "amended.json"), "--reason", reason)
        self.command("drain", "--timeout", "60")

    def fetch(self, what, *options, good=(0,)):
        """The one page."""
        shown = self.command("connector", "fetch", CONNECTOR, what, *options, "--target", "erp", "--json", good=good).stdout
        return json.loads(shown)["pages"][0]


def sales_in(tryton):
    return tryton.call("model.sale.sale.search_read", [["state", "!=", "cancelled"]], 0, None, [["id", "ASC"]],
                       ["reference", "state", "total_amount"])


def check_stock(tryton, documents):
    ids = tryton.ids
    for model, key in (("stock.shipment.internal", "reference"), ("stock.inventory", "number")):
        for record in tryton.call(f"model.{model}.search_read", [[key, "like", f"{STORE}/%"], ["state", "!=", "cancelled"]], 0, None, None,
                                  [key, "state"]):
            expect(f"state of {record[key]}", record["state"], "done")
    made = [s["reference"].removesuffix("+") for s in tryton.call("model.stock.shipment.internal.search_read", [["state", "=", "done"]], 0,
                                                                  None, None, ["reference"])]
    made += [s["number"] for s in tryton.call("model.stock.inventory.search_read", [["state", "=", "done"]], 0, None, None, ["number"])]
    # STOCK-1 brings one thing and takes another: two shipments.
    expect("shipments and inventories", sorted(made), sorted([f"{STORE}/{d['id']}:erp" for d in documents] + [f"{STORE}/STOCK-1:erp"]))
    context = {"company": ids["company"], "locations": [ids["storage"]], "stock_date_end": {"__class__": "date", "year": 2026, "month": 11, "day": 23}}
    seen = {p["code"]: Decimal(str(p["quantity"])) for p in
            tryton.call("model.product.product.search_read", [["code", "in", list(STOCK)]], 0, None, None, ["code", "quantity"], context=context)}
    expect("stock in Tryton", seen, STOCK)


def run_outage(tryton, network, store, documents):
    """Posts all, and strikes at each quarter of the way."""
    count = len(documents)
    store.start()
    store.command("post", "-", stdin="".join(json.dumps(each) + "\n" for each in documents))
    strikes = [("the daemon is killed", lambda: (store.kill(), store.start())),
               ("trytond is killed", lambda: (tryton.kill(), time.sleep(1), tryton.start())),
               ("all sessions end", lambda: tryton.end_sessions()),
               ("both are killed", lambda: (store.kill(), tryton.kill(), tryton.start(), store.start()))]
    for number, (what, strike) in enumerate(strikes):
        left = count * (len(strikes) - number) // (len(strikes) + 1)
        wait_until(f"{left} of {count} left", lambda: store.backlog() <= left, 600)
        print(f"{store.backlog()} left: {what}", flush=True)
        strike()
    store.command("drain", "--timeout", "600")
    network.losing = False


def check_books(tryton, store, documents):
    """Tryton's own numbers."""
    sales = sales_in(tryton)
    by_reference = {}
    for sale in sales:
        by_reference.setdefault(sale["reference"], []).append(sale)
    for document in documents:
        if document["type"] not in ("sale", "return"):
            continue
        reference = f"{STORE}/{document['id']}:erp"
        found = by_reference.pop(reference, [])
        expect(f"sales of {reference} in Tryton", len(found), 1)
        expect(f"state of {reference}", found[0]["state"], "processing")
        sign = -1 if document["type"] == "return" else 1
        expect(f"total of {reference}", Decimal(found[0]["total_amount"]["decimal"]), sign * total_of(document))
    expect("sales that no document stands for", by_reference, {})
    report = json.loads(store.command("report", "reconciliation", "--day", DAY, "--format", "json", good=(0, 1)).stdout)
    target = report["targets"]["erp"]
    customers = sum(each["type"] == "customer_update" for each in documents)
    expect("the report", (report["balanced"], target["matched"], target["missing"], target["unexpected"], target["different"], target["not_listed"]),
           (True, len(documents) - customers, [], [], [], {"customer_update": {"count": customers, "total": {}}}))
    own = sum(Decimal(each["total_amount"]["decimal"]) for each in sales)
    expect("central's total in the report", Decimal(target["central"]["total"]["GBP"]), own)
    return own


def check_refusal(tryton, store, sku):
    """A product that Tryton does not know: quarantined with a word that tells which; amended, it goes."""
    sale = {"id": "POISON-1", "type": "sale", "terminal": "T1", "occurred_at": f"{DAY}T18:00:00Z", "business_day": DAY,
            "lines": [{"sku": "NO-SUCH", "quantity": 1, "unit_price": "1.00"}]}
    store.command("post", "-", stdin=json.dumps(sale) + "\n")
    wait_until("the quarantine", store.quarantine, 60)
    entry = store.quarantine()[0]
    expect("the reason", entry["reason"], "Tryton has no product with the code NO-SUCH")
    sale["lines"][0]["sku"] = sku
    store.amend(entry, sale, "wrong SKU")
    expect("sales of the amended document", len([s for s in sales_in(tryton) if s["reference"] == f"{STORE}/POISON-1:erp"]), 1)


def check_half_made(tryton, store, sku):
    """A sale of which Tryton makes another total is refused when its draft stands already: amended, it is made anew, and the draft is cancelled."""
    sale = {"id": "HALF-1", "type": "sale", "terminal": "T1", "occurred_at": f"{DAY}T18:10:00Z", "business_day": DAY,
            "lines": [{"sku": sku, "quantity": "0.5", "unit_price": "0.01"}] * 30, "total": "0.15"}
    store.command("post", "-", stdin=json.dumps(sale) + "\n")
    wait_until("the quarantine", store.quarantine, 60)
    entry = store.quarantine()[0]
    expect("the reason", entry["reason"], "Tryton makes 0.0000 of it, and the till 0.1500")
    store.amend(entry, {**sale, "lines": [{"sku": sku, "quantity": 1, "unit_price": "2.00"}], "total": "2.00"}, "weighed again")
    made = tryton.call("model.sale.sale.search_read", [["reference", "=", f"{STORE}/HALF-1:erp"]], 0, None, [["id", "ASC"]], ["state", "total_amount"])
    expect("what Tryton has of it", [(each["state"], Decimal(each["total_amount"]["decimal"])) for each in made],
           [("cancelled", Decimal(0)), ("processing", Decimal(2))])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tillsync", required=True)
    parser.add_argument("--trading-day", required=True)
    parser.add_argument("--folder", required=True, type=Path)
    parser.add_argument("--documents", type=int, default=int(os.environ.get("TILLSYNC_TRYTON_DOCUMENTS", 150)))
    options = parser.parse_args()
    file = real_data()
    stock = stock_documents()
    documents = real_documents(file, options.documents) if file else made_up_documents(options.trading_day, options.documents)
    # Spread over the day, in their order.
    for others in (stock, customer_documents(DAY)):
        for number, document in enumerate(others, 1):
            documents.insert(number * len(documents) // (len(others) + 1), document)
    kinds = {kind: sum(each["type"] == kind for each in documents)
             for kind in ("sale", "return", "stock_adjustment", "stock_count", "stock_transfer", "customer_update")}
    print(f"{len(documents)} {'real' if file else 'made-up'} documents: {kinds}", flush=True)

    tryton = Tryton(options.folder / "tryton")
    store = network = None
    try:
        skus = sorted({line["sku"] for each in documents for line in each.get("lines", [])})
        tryton.add_products(skus)
        tryton.add_customers(sorted({each["customer"] for each in documents if each.get("customer")}))
        do_not_contact = tryton.call("model.party.category.create", [{"name": "Do not contact"}])[0]
        network = Lossy(tryton.port, seed=417)
        folder = options.folder / "store"
        subprocess.run(["rm", "-rf", folder], check=True)
        folder.mkdir(parents=True)
        store = Store(options.tillsync, folder, network.port, tryton.ids, do_not_contact)
        began = time.monotonic()
        run_outage(tryton, network, store, documents)
        took = time.monotonic() - began
        own = check_books(tryton, store, documents)
        check_stock(tryton, stock)
        check_customers(tryton, expect, STORE, documents)
        check_fetches(tryton, store, expect, STOCK)
        check_refusal(tryton, store, skus[0])
        check_half_made(tryton, store, skus[0])
        check_writers(tryton, network, store, expect, DAY)
        check_refused_customer(tryton, store, expect, wait_until, DAY)
        if network.lost < len(documents) // 10:
            raise AssertionError(f"only {network.lost} replies were lost")
        print(f"each of {len(documents)} documents once in Tryton, {own} GBP in all, to the penny; {network.lost} replies lost; {took:.0f} s")
    finally:
        if store is not None:
            store.stop()
        if network is not None:
            network.close()
        tryton.stop()


main()
