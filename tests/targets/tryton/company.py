"""Fills a fresh Tryton database with what a shop needs to sell: a company, its accounts, a walk-in customer, a product for adjustments,
and the user that tillsync signs in as. Run with Debian's own Python, whose proteus it is:

    /usr/bin/python3 company.py TRYTOND.CONF DATABASE > ids.json
"""
import json
import sys
from decimal import Decimal

CONF, DATABASE = sys.argv[1:3]
USER, PASSWORD = "tillsync", "open-sesame-0417"

from trytond.config import config as server_config  # noqa: E402  (before proteus looks for a configuration)

server_config.update_etc(CONF)
from proteus import Model, Wizard, config  # noqa: E402

uri = server_config.get("database", "uri").rstrip("/") + "/" + DATABASE
session = config.set_trytond(database=uri, user="admin", config_file=CONF)


def model(name):
    return Model.get(name)


def one(name, *clauses):
    return model(name).find(list(clauses))[0]


def make(kind, /, **values):
    record = model(kind)(**values)
    record.save()
    return record


def company(currency):
    wizard = Wizard("company.company.config")
    wizard.execute("company")
    wizard.form.party = make("party.party", name="Store 0417", code="0417")
    wizard.form.currency = currency
    wizard.execute("add")
    session._context = model("res.user").get_preferences(True, {})
    return model("company.company").find()[0]


def accounts(owner):
    template = one("ir.model.data", ("module", "=", "account"), ("fs_id", "=", "account_template_root_en")).db_id
    wizard = Wizard("account.create_chart")
    wizard.execute("account")
    wizard.form.account_template = model("account.account.template")(template)
    wizard.form.company = owner
    wizard.execute("create_account")
    kind = {name: one("account.account", (f"type.{name}", "=", True)) for name in ("receivable", "payable", "revenue", "expense")}
    wizard.form.account_receivable, wizard.form.account_payable = kind["receivable"], kind["payable"]
    wizard.execute("create_properties")
    return kind


def term():
    record = model("account.invoice.payment_term")(name="At once")
    record.lines.new(type="remainder")
    record.save()
    return record


def walk_in(payment_term):
    party = model("party.party")(name="Walk-in customer", code="WALK-IN")
    party.addresses[0].street = "1 High Street"
    party.customer_payment_term = payment_term
    party.save()
    return party


def user(owner):
    record = model("res.user")(name="tillsync", login=USER, password=PASSWORD)
    record.companies.append(owner)
    record.company = owner
    for group in model("res.group").find([("name", "!=", "Administration")]):
        record.groups.append(group)
    record.save()


pounds = make("currency.currency", name="Pound Sterling", symbol="£", code="GBP", rounding=Decimal("0.01"))
make("currency.currency.rate", date=__import__("datetime").date(2000, 1, 1), rate=Decimal(1), currency=pounds)
owner = company(pounds)
account = accounts(owner)
category = make("product.category", name="Goods", accounting=True, account_revenue=account["revenue"], account_expense=account["expense"])
# Shops sell by weight as well: three decimals, as tillsync's quantities have.
piece = make("product.uom", name="Piece or kilogram", symbol="pc", category=one("product.uom", ("name", "=", "Unit")).category, factor=1.0,
             rate=1.0, rounding=0.001, digits=3)
adjustment = model("product.template")(name="Till adjustment", type="service", salable=True, default_uom=piece, sale_uom=piece,
                                       list_price=Decimal(0), account_category=category)
adjustment.code = "ADJUSTMENT"
adjustment.save()
payment_term = term()
walk_in(payment_term)
user(owner)
for item in model("ir.module.config_wizard.item").find([("state", "=", "open")]):
    item.state = "done"
    item.save()
storage = one("stock.location", ("code", "=", "STO"))
other_store = make("stock.location", name="Store 0418", code="0418", type="storage")
print(json.dumps({"storage": storage.id, "lost_found": one("stock.location", ("type", "=", "lost_found")).id, "other_store": other_store.id,
                  "company": owner.id, "warehouse": one("stock.location", ("code", "=", "WH")).id, "currency": pounds.id,
                  "payment_term": payment_term.id, "category": category.id, "unit": piece.id, "user": USER, "password": PASSWORD}))
