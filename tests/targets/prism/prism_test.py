"""hubspot.toml against a mock server that knows HubSpot's types: each kind of request that it makes goes through the real engine and must be taken,
and must be refused where it is broken on purpose. The server is Prism; its OpenAPI document is made from HubSpot's own npm client, here and now.

    prism_test.py --tillsync PROGRAM --folder FOLDER

Needs node and npm (bash packaging/install_dependencies.sh test) and, for the first time, the npm registry. It keeps no state: what a mock cannot
show is in ../fixtures/hubspot."""
import argparse
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from support import free_port  # noqa: E402

HERE = Path(__file__).resolve().parent
CONNECTOR = HERE.parents[2] / "agent" / "connectors" / "hubspot.toml"
INSTALL_S, START_S, TRY_S = 300, 60, 60
DAY = "2026-11-23"
LINES = [{"sku": "A1", "quantity": 2, "unit_price": "1.25"}]


def document(kind, number, **more):
    return {"id": f"D-{number}", "type": kind, "terminal": "T1", "occurred_at": f"{DAY}T10:00:00Z", "business_day": DAY, **more}


SALE = document("sale", 1, lines=LINES, total="2.50", customer="990001", tenders=[{"type": "cash", "amount": "2.50"}])
RETURN = document("return", 2, lines=LINES, original={"id": "D-1"})
CUSTOMER = document("customer_update", 3, customer="990001", changes={"first_name": "Ada", "email": "", "phone": 7})
DEALS = {"sale_object": "deals", "total_property": "amount", "currency_property": "deal_currency_code",
         "sale_properties": {"dealname": "reference"}, "sale_constants": {"pipeline": "default", "dealstage": "closedwon"}}


def install(folder):
    """Once for each lock file."""
    for tool in ("node", "npm"):
        if shutil.which(tool) is None:
            raise SystemExit(f"{tool} is not installed: bash packaging/install_dependencies.sh test")
    folder.mkdir(parents=True, exist_ok=True)
    lock = (HERE / "package-lock.json").read_bytes() + (HERE / "package.json").read_bytes()
    stamp = folder / "installed"
    if stamp.is_file() and stamp.read_bytes() == lock:
        return
    stamp.unlink(missing_ok=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copy(HERE / name, folder / name)
    run = subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=folder, capture_output=True, text=True, timeout=INSTALL_S)
    if run.returncode != 0:
        raise SystemExit(f"npm ci failed:\n{run.stdout[-2000:]}{run.stderr[-2000:]}")
    stamp.write_bytes(lock)


class Prism:
    def __init__(self, folder):
        self.port, self.log = free_port(), folder / "prism.log"
        api = folder / "openapi.json"
        with open(api, "w") as out:
            subprocess.run(["node", HERE / "hubspot_openapi.js", folder / "node_modules" / "@hubspot" / "api-client"], check=True, stdout=out,
                           timeout=TRY_S)
        with open(self.log, "w") as log:
            self.process = subprocess.Popen(["node", folder / "node_modules" / "@stoplight" / "prism-cli" / "dist" / "index.js", "mock", "--host",
                                             "127.0.0.1", "--port", str(self.port), "--errors", api], stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        end = time.monotonic() + START_S
        while not self.accepts():
            if self.process.poll() is not None or time.monotonic() > end:
                self.stop()
                raise SystemExit(f"Prism did not start:\n{self.log.read_text()[-2000:]}")
            time.sleep(0.05)

    def accepts(self):
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Tries:
    def __init__(self, program, folder, port):
        self.program, self.folder, self.count, self.failed = program, folder, 0, 0
        self.settings = folder / "tillsync.toml"
        target = f'connector = "{CONNECTOR}"\nbase_url = "http://127.0.0.1:{port}"\ntimeout_s = 10\nconcurrency = 4\n'
        self.settings.write_text(f'[store]\nid = "0417"\ntime_zone = "Europe/London"\ncurrency = "GBP"\n[targets.crm]\n{target}token = "env:HUBSPOT_TOKEN"\n'
                                 f'[targets.nobody]\n{target}token = ""\n[routes]\nsale = ["crm", "nobody"]\nreturn = ["crm"]\ncustomer_update = ["crm"]\n')

    def run(self, command, connector, target, parameters):
        arguments = [self.program, "connector", *command[:1], connector, *command[1:], "--config", self.settings, "--target", target, "--json"]
        for name, value in parameters.items():
            arguments += ["--parameter", f"{name}={value if isinstance(value, str) else json.dumps(value)}"]
        run = subprocess.run(arguments, capture_output=True, text=True, timeout=TRY_S, env={**os.environ, "HUBSPOT_TOKEN": "token-of-nobody"})
        if run.returncode not in (0, 1):
            raise AssertionError(f"it ended with {run.returncode}: {run.stderr.strip()}")
        return json.loads(run.stdout)

    def check(self, what, command, status, connector=CONNECTOR, target="crm", outcome=None, parameters={}):
        """Answers are of this status, in the order of `status` where it is a list; of a document that goes alone also its outcome."""
        self.count += 1
        try:
            seen = self.run(command, connector, target, parameters)
            statuses = [each["answer"]["status"] for each in seen["exchanges"]]
            wanted = status if isinstance(status, list) else [status] * max(1, len(statuses))
            if statuses != wanted:
                raise AssertionError(f"Prism answers {statuses}, and not {wanted}: {seen['exchanges'][0]['body'][:600] if statuses else ''}")
            for name, value in (outcome or {}).items():
                if seen["outcomes"][0][name] != value:
                    raise AssertionError(f"{name} is {seen['outcomes'][0][name]}, and not {value}")
        except (AssertionError, KeyError, subprocess.TimeoutExpired) as fault:
            self.failed += 1
            print(f"{what}: {fault}")

    def sends(self, *documents):
        command = ["try", "--live"]
        for each in documents:
            file = self.folder / f"{each['id']}.json"
            file.write_text(json.dumps(each))
            command += ["--document", file]
        return command

    def changed(self, name, *pairs):
        """The connector with each text in the place of another, which must be there."""
        text = CONNECTOR.read_text()
        for old, new in pairs:
            if text.count(old) < 1:
                raise SystemExit(f"{name}: hubspot.toml has no \"{old}\" any more; break something else")
            text = text.replace(old, new)
        file = self.folder / f"{name}.toml"
        file.write_text(text)
        return file


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tillsync", required=True)
    parser.add_argument("--folder", required=True, type=Path)
    options = parser.parse_args()
    folder = options.folder.resolve()
    install(folder)
    prism = Prism(folder)
    try:
        tries = Tries(options.tillsync, folder, prism.port)
        delivered = {"outcome": "delivered"}
        list_of_day = ["fetch", "read_back", "--key", DAY]
        tries.check("a sale", tries.sends(SALE), 200, outcome=delivered)
        tries.check("a return", tries.sends(RETURN), 200, outcome=delivered)
        tries.check("a customer", tries.sends(CUSTOMER), 200, outcome=delivered)
        tries.check("a sale as a deal", tries.sends(SALE), 200, outcome=delivered, parameters=DEALS)
        tries.check("a batch", tries.sends(SALE, RETURN), 200)
        tries.check("the list of a day", list_of_day, 200)
        tries.check("its next page", [*list_of_day, "--cursor", "54805205097"], 200)

        def broken(what, command, *pairs, status=422):
            tries.check(f"{what}, broken", command, status, connector=tries.changed("broken", *pairs))

        broken("a sale without properties", tries.sends(SALE), (", properties: properties}", "}"))
        broken("a number for a text", tries.sends(SALE), ("else tostring end)", "else 7 end)"))
        broken("a member that is misspelt", tries.sends(SALE), ("{id: key, idProperty:", "{id: key, id_property:"))
        broken("a batch that is no list", tries.sends(SALE, RETURN), ("{inputs: [.deliveries[] | . + {parameters: $p} | input]}", "{inputs: 7}"),
               status=[422, 200, 200])  # then each goes alone
        broken("an operator that there is not", list_of_day, ('operator: "EQ"', 'operator: "IS"'))
        broken("a sort as an object", list_of_day, ('sorts: ["hs_object_id"]', 'sorts: [{propertyName: "hs_object_id"}]'))
        tries.check("without a token", tries.sends(SALE), 401, target="nobody", outcome={"outcome": "retryable", "signal": "unauthorized"})
        throttled = tries.changed("throttled", ('/batch/upsert"\n', '/batch/upsert"\nheaders = {Prefer = "code=429"}\n'))
        tries.check("too many requests", tries.sends(SALE), 429, connector=throttled, outcome={"outcome": "retryable", "signal": "throttled"})
        print(f"{tries.count} kinds of request: {tries.failed or 'none'} failed")
        return 1 if tries.failed else 0
    finally:
        prism.stop()


sys.exit(main())
