"""Customer updates for the Tryton test: some of a day's, and what the parties must be in the end; and what two writers, a lost answer and a refusal
come to."""
import json
import socket

CUSTOMERS = [f"CARD-{number}" for number in range(1, 9)]
FIELDS = {"name": "name", "email": "email", "phone": "phone", "city": "city", "street": "street"}


def update(store_day, number, customer, changes):
    return {"id": f"CUST-{number}", "type": "customer_update", "terminal": "T3", "occurred_at": f"{store_day}T13:{number % 60:02d}:00Z",
            "business_day": store_day, "customer": customer, "changes": changes}


def customer_documents(day):
    """Twenty of eight customers: each has two or three, of which a later one changes what an earlier one set."""
    documents = []
    for number in range(20):
        round_, customer = divmod(number, len(CUSTOMERS))
        changes = [{"email": f"first-{customer}@example.com", "phone": f"+44 20 7946 09{number:02d}", "city": "Leeds"},
                   {"name": f"Name {number}", "email": f"second-{customer}@example.com", "do_not_contact": customer % 2 == 0},
                   {"email": None, "street": f"{number} New Road", "do_not_contact": customer % 2 == 1}][round_]
        documents.append(update(day, number, CUSTOMERS[customer], changes))
    return documents


def parties(tryton, codes):
    """By code: the fields as tills call them, and what there is in all."""
    found = tryton.call("model.party.party.search_read", [["code", "in", codes]], 0, None, None,
                        ["code", "name", "categories", "contact_mechanisms.type", "contact_mechanisms.value", "addresses.street", "addresses.city",
                         "identifiers.code"])
    out = {}
    for party in found:
        contacts = [(each["type"], each["value"]) for each in party["contact_mechanisms."]]
        address = party["addresses."][0]
        out[party["code"]] = {"id": party["id"], "name": party["name"], "email": dict(contacts).get("email"), "phone": dict(contacts).get("phone"),
                              "street": address["street"], "city": address["city"], "do_not_contact": bool(party["categories"]),
                              "contacts": sorted(kind for kind, _ in contacts), "addresses": len(party["addresses."]),
                              "marks": [each["code"] for each in party["identifiers."]]}
    return out


def check_customers(tryton, expect, store, documents):
    seen = parties(tryton, CUSTOMERS)
    for code in CUSTOMERS:
        own = [each for each in documents if each["type"] == "customer_update" and each["customer"] == code]
        wanted = {"name": f"Customer {code}", "street": "2 High Street", "city": None, "email": None, "phone": None, "do_not_contact": False}
        for each in own:
            wanted.update(each["changes"])
        party = seen[code]
        expect(f"the party {code}", {name: party[name] for name in wanted}, wanted)
        expect(f"contacts of {code}", party["contacts"], sorted(kind for kind in ("email", "phone") if wanted[kind] is not None))
        expect(f"addresses of {code}", party["addresses"], 1)
        expect(f"marks of {code}", party["marks"], [f"{store}/{own[-1]['id']}:erp"])


class OnWrite:
    """Does something at the first write of a party that it sees; true then."""

    def __init__(self, act):
        self.act, self.seen = act, []

    def __call__(self, request):
        if b'"model.party.party.write"' not in request:
            return False
        self.seen.append(request)
        if len(self.seen) == 1:
            self.act()
        return len(self.seen) == 1


def send_raw(port, request):
    with socket.create_connection(("127.0.0.1", port), timeout=60) as server:
        server.sendall(request)
        reply = b""
        while part := server.recv(65536):
            reply += part
    return reply


def check_writers(tryton, network, store, expect, day):
    """Between tillsync's look at a party and its write the head office writes it too: both are kept, and a copy of the refused write that arrives
    hours later does nothing. Then an answer is lost, and the head office corrects the value before it is looked up: the correction stays."""
    def deliver(number, changes):
        store.command("post", "-", stdin=json.dumps(update(day, number, "CARD-1", changes)) + "\n")
        store.command("drain", "--timeout", "60")

    party = parties(tryton, ["CARD-1"])["CARD-1"]["id"]
    network.before = both = OnWrite(lambda: tryton.call("model.party.party.write", [party], {"name": "Head Office"}))
    deliver(30, {"city": "Hull"})
    network.before = None
    expect("writes of one party by two", len(both.seen), 2)
    deliver(31, {"city": "York", "email": "till@example.com"})
    late = send_raw(tryton.port, both.seen[1])
    if b"ConcurrencyException" not in late:
        raise AssertionError(f"a copy of a write that came late was answered {late[-300:]}")

    def correct():
        email = tryton.call("model.party.contact_mechanism.search", [["party", "=", party], ["type", "=", "email"]], 0, None, None)
        tryton.call("model.party.contact_mechanism.write", email, {"value": "head-office@example.com"})
    network.after = lost = OnWrite(correct)
    deliver(32, {"email": "lost@example.com"})
    network.after = None
    expect("writes of an update whose answer was lost", len(lost.seen), 1)
    seen = parties(tryton, ["CARD-1"])["CARD-1"]
    expect("CARD-1 after all", {name: seen[name] for name in ("name", "city", "email", "marks")},
           {"name": "Head Office", "city": "York", "email": "head-office@example.com", "marks": ["0417/CUST-32:erp"]})


def check_refused_customer(tryton, store, expect, wait_until, day):
    """What Tryton refuses is quarantined in its own words; amended, it goes."""
    poison = update(day, 40, "CARD-2", {"phone": "12"})
    store.command("post", "-", stdin=json.dumps(poison) + "\n")
    wait_until("the quarantine", store.quarantine, 60)
    entry = store.quarantine()[0]
    expect("Tryton's words", "The phone number \"12\" for party" in entry["reason"] and entry["reason"].endswith("is not valid."), True)
    store.amend(entry, {**poison, "changes": {"phone": "+44 20 7946 0777"}}, "the number was cut off")
    expect("the amended number", parties(tryton, ["CARD-2"])["CARD-2"]["phone"], "+44 20 7946 0777")


def check_fetches(tryton, store, expect, stock):
    """What `connector fetch` shows, against Tryton's own numbers."""
    for sku, quantity in stock.items():
        rows = store.fetch("stock", "--key", sku)["rows"]
        expect(f"stock of {sku}", [(row["sku"], row["store"], type(quantity)(row["quantity"])) for row in rows], [(sku, "0417", quantity)])
    price = type(next(iter(stock.values())))("13.3700")
    product = tryton.call("model.product.template.search", [["code", "=", "STOCK-1"]], 0, None, None)
    tryton.call("model.product.template.write", product, {"list_price": {"__class__": "Decimal", "decimal": str(price)}})
    rows = store.fetch("price", "--key", "STOCK-1")["rows"]
    expect("the price", [(row["sku"], type(price)(row["price"]), row["currency"]) for row in rows], [("STOCK-1", price, "GBP")])
    page = store.fetch("customer", "--key", "CARD-3")
    party = parties(tryton, ["CARD-3"])["CARD-3"]
    expect("the customer", page["rows"], [{"id": "CARD-3", **{name: party[name] for name in (*FIELDS, "do_not_contact")}}])
    again = store.fetch("customer", "--key", "CARD-3", "--etag", page["etag"])
    expect("the customer again", (again["not_modified"], again["rows"]), (True, []))
    expect("a customer whom nobody knows", store.fetch("customer", "--key", "NOBODY", good=(1,))["rows"], [])
