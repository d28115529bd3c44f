"""A real Tryton 6.0 of Debian's packages on PostgreSQL, on the loopback, all of it children of this process.

The database of a shop is built once (a minute and a half) and kept in the folder; each start begins with a copy of it."""
import base64
import json
import os
import pwd
import shutil
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from support import free_port, listens, wait_until  # noqa: E402

HERE = Path(__file__).resolve().parent
PYTHON = "/usr/bin/python3"  # Debian's: trytond and proteus are its packages
BUILD_S, START_S = 600, 60
FORMAT = 2  # of the database that company.py makes: another one is built anew


def unprivileged(folder):
    """PostgreSQL will not be root: it is `nobody` then, who owns its folder and may pass through those above it."""
    if os.getuid() != 0:
        return []
    nobody = pwd.getpwnam("nobody")
    for path in [folder, *folder.rglob("*")]:
        os.chown(path, nobody.pw_uid, nobody.pw_gid)
    return ["setpriv", f"--reuid={nobody.pw_uid}", f"--regid={nobody.pw_gid}", "--clear-groups",
            "--inh-caps=-all,+dac_read_search", "--ambient-caps=+dac_read_search"]


def postgres_bin():
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    if not found:
        raise RuntimeError("PostgreSQL is not installed: bash packaging/install_dependencies.sh test")
    return found[-1].parent


class Tryton:
    def __init__(self, folder):
        self.folder = Path(folder).resolve()
        self.folder.mkdir(parents=True, exist_ok=True)
        self.bin = postgres_bin()
        self.pg_port, self.port = free_port(), free_port()
        self.postgres = self.trytond = None
        self.session = None
        try:
            self.start_postgres()
            self.build()
            self.sql('DROP DATABASE IF EXISTS erp WITH (FORCE)')
            self.sql("CREATE DATABASE erp TEMPLATE shop")
            self.start()
        except BaseException:
            self.stop()
            raise

    url = property(lambda self: f"http://127.0.0.1:{self.port}")
    conf = property(lambda self: self.folder / "trytond.conf")
    ids = property(lambda self: json.loads((self.folder / "ids.json").read_text()))

    def start_postgres(self):
        data = self.folder / "pg"
        fresh = not (data / "PG_VERSION").is_file()
        if fresh:
            shutil.rmtree(data, ignore_errors=True)
            data.mkdir()
        as_user = unprivileged(data)
        if fresh:
            subprocess.run([*as_user, self.bin / "initdb", "-D", data, "-U", "tryton", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8",
                            "--no-sync"], check=True, stdout=subprocess.DEVNULL)
        (data / "postmaster.pid").unlink(missing_ok=True)  # of one that was killed with its test
        # Frequent statistics: without them Tryton's queries on its own catalogue make the build take minutes.
        options = {"port": self.pg_port, "listen_addresses": "127.0.0.1", "unix_socket_directories": "", "fsync": "off",
                   "synchronous_commit": "off", "jit": "off", "autovacuum_naptime": "1s", "autovacuum_analyze_threshold": "20",
                   "autovacuum_analyze_scale_factor": "0.02"}
        command = [*as_user, self.bin / "postgres", "-D", data]
        for name, value in options.items():
            command += ["-c", f"{name}={value}"]
        with open(self.folder / "postgres.log", "ab") as log:
            self.postgres = subprocess.Popen(command, stdout=log, stderr=log)
        wait_until("PostgreSQL's start", lambda: self.alive(self.postgres, "postgres") and listens(self.pg_port), START_S)
        wait_until("PostgreSQL's readiness", lambda: self.sql("SELECT 1", check=False), START_S)

    def alive(self, process, name):
        if process.poll() is not None:
            raise RuntimeError(f"{name} has ended; see {self.folder}/{name}.log")
        return True

    def sql(self, statement, check=True, database="postgres"):
        run = subprocess.run([self.bin / "psql", "-h", "127.0.0.1", "-p", str(self.pg_port), "-U", "tryton", "-d", database, "-qtAc",
                              statement], capture_output=True, text=True)
        if check and run.returncode != 0:
            raise RuntimeError(f"{statement}: {run.stderr}")
        return run.returncode == 0

    def build(self):
        self.conf.write_text(f"[database]\nuri = postgresql://tryton@127.0.0.1:{self.pg_port}/\npath = {self.folder}/attach\n"
                             f"[web]\nlisten = 127.0.0.1:{self.port}\n[session]\ntimeout = 300\n")
        stamp = self.folder / f"shop-{FORMAT}"
        if stamp.is_file():
            return
        print("tryton: building the shop's database, once", file=sys.stderr, flush=True)
        self.sql("DROP DATABASE IF EXISTS shop WITH (FORCE)")
        self.sql("CREATE DATABASE shop")
        password = self.folder / "admin.password"
        password.write_text("admin")
        self.run(["trytond-admin", "-c", self.conf, "-d", "shop", "-u", "sale", "--activate-dependencies", "--email", "it@example.com"],
                 env={"TRYTONPASSFILE": str(password)})
        (self.folder / "ids.json").write_text(self.run([PYTHON, "-W", "ignore", HERE / "company.py", self.conf, "shop"]))
        stamp.touch()

    def run(self, command, env=None):
        with open(self.folder / "build.log", "ab") as log:
            done = subprocess.run(command, stdout=subprocess.PIPE, stderr=log, text=True, timeout=BUILD_S, env={**os.environ, **(env or {})})
        if done.returncode != 0:
            raise RuntimeError(f"{command[0]} failed; see {self.folder}/build.log")
        return done.stdout

    def start(self):
        with open(self.folder / "trytond.log", "ab") as log:
            self.trytond = subprocess.Popen(["trytond", "-c", str(self.conf), "-d", "erp"], stdout=log, stderr=log)
        wait_until("trytond's start", lambda: self.alive(self.trytond, "trytond") and self.answers(), START_S)

    def answers(self):
        try:
            return self.post("/", "common.server.version", [])["result"].startswith("6.0")
        except OSError:
            return False

    def end_sessions(self):
        self.sql("DELETE FROM ir_session", database="erp")
        self.session = None

    def kill(self):
        """As a power cut: whatever it was at is not answered."""
        self.trytond.kill()
        self.trytond.wait()

    def stop(self):
        for process, how in ((self.trytond, signal.SIGTERM), (self.postgres, signal.SIGINT)):
            if process is None or process.poll() is not None:
                continue
            process.send_signal(how)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def post(self, path, method, params, headers=None):
        request = urllib.request.Request(self.url + path, json.dumps({"id": 1, "method": method, "params": params}).encode(),
                                         {"Content-Type": "application/json", **(headers or {})})
        with urllib.request.urlopen(request, timeout=120) as answer:
            return json.load(answer)

    def call(self, method, *params, context=None):
        """As the user of the shop."""
        ids = self.ids
        if self.session is None:
            uid, key = self.post("/erp/", "common.db.login", [ids["user"], {"password": ids["password"]}, "en"])["result"]
            self.session = base64.b64encode(f"{ids['user']}:{uid}:{key}".encode()).decode()
        answer = self.post("/erp/", method, [*params, context or {"company": ids["company"], "language": "en"}],
                           {"Authorization": "Session " + self.session})
        if "error" in answer:
            raise RuntimeError(f"{method}: {answer['error']}")
        return answer["result"]

    def add_products(self, codes):
        ids = self.ids
        self.call("model.product.template.create", [
            {"name": code, "code": code, "type": "goods", "salable": True, "default_uom": ids["unit"], "sale_uom": ids["unit"],
             "list_price": {"__class__": "Decimal", "decimal": "1"}, "account_category": ids["category"],
             "products": [["create", [{}]]]} for code in codes])

    def add_customers(self, codes):
        if codes:
            self.call("model.party.party.create", [{"name": f"Customer {code}", "code": code,
                                                    "addresses": [["create", [{"street": "2 High Street"}]]]} for code in codes])
