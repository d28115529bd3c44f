"""A store of the suite: its settings, its daemon, and what can be asked of both."""
import http.client
import json
import socket
import time

from suite.place import TILLSYNC, BenchError, free_port
from suite.processes import Process, run_text

STORE = "0417"
READY_S = 120


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=60)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(60)
        self.sock.connect(str(self.path))


def ask(connection, method, path, body=None):
    """One exchange: (status, body)."""
    try:
        connection.request(method, path, body=body, headers={"Content-Type": "application/json"} if body else {})
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


class Store:
    """`target_port`: where its one target is, or will be; nobody needs to listen there. None: no target."""

    def __init__(self, folder, target_port=None, concurrency=8, batch_max=1, backoff_s=(0.05, 0.1), timeout_s=10):
        self.folder = folder
        self.journal = folder / "journal"
        self.socket = folder / "till.sock"
        self.till_port, self.ops_port = free_port(), 0
        self.ops_port = self.till_port + 1
        self.settings = folder / "tillsync.toml"
        self.target_port = target_port
        self.process = None
        folder.mkdir(parents=True, exist_ok=True)
        self.configure(concurrency=concurrency, batch_max=batch_max, backoff_s=backoff_s, timeout_s=timeout_s)

    def configure(self, concurrency=8, batch_max=1, backoff_s=(0.05, 0.1), timeout_s=10):
        target = "" if self.target_port is None else f"""
[targets.erp]
base_url = "http://127.0.0.1:{self.target_port}"
concurrency = {concurrency}
batch_max = {batch_max}
backoff_min_s = {backoff_s[0]}
backoff_max_s = {backoff_s[1]}
timeout_s = {timeout_s}
"""
        self.settings.write_text(f"""[store]
id = "{STORE}"
time_zone = "Europe/London"
currency = "GBP"

[journal]
path = "journal"
disk_reserve_mib = 0

[till]
unix_socket = "till.sock"
tcp = "127.0.0.1:{self.till_port}"

[ops]
tcp = "127.0.0.1:{self.ops_port}"

[reconcile]
read_back_every_s = 86400

[log]
level = "warning"
{target}""")

    @property
    def till(self):
        return f"127.0.0.1:{self.till_port}"

    @property
    def unix(self):
        return f"unix:{self.socket}"

    @property
    def pid(self):
        return self.process.pid

    def start(self):
        self.process = Process("tillsync", [TILLSYNC, "run", "--config", self.settings], self.folder)
        self.process.wait_until("readiness", self.ready, READY_S)
        return self

    def stop(self):
        self.process.stop()
        self.process = None

    def ready(self):
        try:
            return ask(UnixConnection(self.socket), "GET", "/v1/health")[0] == 200
        except OSError:
            return False

    def ops(self, method, path, body=None):
        status, text = ask(http.client.HTTPConnection("127.0.0.1", self.ops_port, timeout=60), method, path, body)
        if status >= 300:
            raise BenchError(f"{method} {path}: {status} {text[:300]!r}")
        return json.loads(text) if text else None

    def status(self):
        return self.ops("GET", "/v1/status")

    def delivered(self):
        return self.status()["targets"]["erp"]["delivered"]

    def documents(self):
        return sum(self.status()["documents"].values())

    def command(self, *words, good=(0,), timeout=600):
        return run_text([TILLSYNC, *words, "--config", self.settings], good=good, timeout=timeout)

    def wait_settled(self, timeout=300, pause=0.02):
        """Until nothing is owed; the time of the monotonic clock at which that was seen."""
        return self.process.wait_until("the end of its backlog",
                                       lambda: self.status()["backlog"] == 0 and time.monotonic(), timeout, pause)

    def check_quarantine(self):
        status = self.status()
        if status["quarantined"] or status["blocked"]:
            raise BenchError(f"documents are not delivered: {status}")
