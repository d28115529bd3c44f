"""The peers, from Debian's packages: each on the loopback with a data folder of its own, each told to answer only once a
document is stored as durably as it can promise (what that is: README.md)."""
import getpass
import os
import pwd
import re
import shutil
import signal
import socket
import time
from pathlib import Path

from suite import load
from suite.place import BenchError, SALE, free_port, fresh_folder
from suite.processes import Process, run_text

POSTGRES_BIN = Path("/usr/lib/postgresql/15/bin")


def accepts(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


class OneProcess:
    """A peer of one process, spoken to by bench_peer: `name`, `protocol`, `port`, `process`."""

    def load(self, connections, seconds):
        return load.peer(self.protocol, self.port, connections, seconds=seconds)

    def pids(self):
        return [self.process.pid]

    def stop(self):
        self.process.stop()


class Redis(OneProcess):
    name, protocol = "Redis", "redis"

    def __init__(self):
        folder = fresh_folder("redis")
        self.port = free_port()
        self.process = Process("redis", [
            "redis-server", "--bind", "127.0.0.1", "--port", self.port, "--dir", folder, "--daemonize", "no",
            "--appendonly", "yes", "--appendfsync", "always", "--save", "", "--auto-aof-rewrite-percentage", "0"], folder)
        self.process.wait_until("its port", lambda: accepts(self.port))


class Nats(OneProcess):
    name, protocol = "NATS JetStream", "nats"

    def __init__(self):
        folder = fresh_folder("nats")
        self.port = free_port()
        (folder / "nats.conf").write_text(f'listen: "127.0.0.1:{self.port}"\nping_interval: "1h"\n'
                                          f'jetstream {{ store_dir: "{folder}/js" }}\n')
        self.process = Process("nats", ["nats-server", "-c", folder / "nats.conf"], folder)
        self.process.wait_until("its port", lambda: accepts(self.port))


class Rabbit:
    """The server of both kinds of queue. It stands still (SIGSTOP) while it has nothing to do: idle, its schedulers turn, and
    would be felt by whoever is measured."""

    def __init__(self):
        folder = fresh_folder("rabbitmq")
        self.port = free_port()
        node = f"bench{self.port}@localhost"
        (folder / "rabbitmq.conf").write_text(f"listeners.tcp.default = 127.0.0.1:{self.port}\nlog.console = true\n"
                                              "log.file = false\nvm_memory_high_watermark.relative = 0.6\n")
        (folder / "plugins").write_text("[].\n")
        env = {"RABBITMQ_NODENAME": node, "RABBITMQ_MNESIA_BASE": f"{folder}/mnesia", "RABBITMQ_LOG_BASE": f"{folder}/log",
               "RABBITMQ_CONFIG_FILE": f"{folder}/rabbitmq", "RABBITMQ_ENABLED_PLUGINS_FILE": f"{folder}/plugins",
               "RABBITMQ_DIST_PORT": str(self.port + 1), "RABBITMQ_CONF_ENV_FILE": f"{folder}/none",
               "ERL_EPMD_PORT": str(self.port + 2), "ERL_EPMD_ADDRESS": "127.0.0.1", "HOME": str(folder),
               "RABBITMQ_PID_FILE": f"{folder}/pid", "RABBITMQ_FEATURE_FLAGS_FILE": f"{folder}/flags"}
        # Debian's wrapper in /usr/sbin changes the user; the server's own script does not. Its name server for Erlang is
        # ours too, so that it ends with us.
        self.names = Process("epmd", [erlang("epmd"), "-port", self.port + 2, "-address", "127.0.0.1"], folder)
        self.process = Process("rabbitmq", ["/usr/lib/rabbitmq/bin/rabbitmq-server"], folder, env=env, cwd=folder)
        self.process.wait_until("startup", lambda: "startup complete" in self.process.tail(), timeout=120, pause=0.2)

    def queues(self):
        return [RabbitQueue(self, "classic"), RabbitQueue(self, "quorum")]

    def pids(self):
        return [self.process.pid] + descendants(self.process.pid)

    def stand_still(self, still):
        for pid in self.pids():
            os.kill(pid, signal.SIGSTOP if still else signal.SIGCONT)
        if not still:
            time.sleep(0.5)

    def stop(self):
        self.stand_still(False)
        self.process.stop()
        self.names.stop()


class RabbitQueue:
    def __init__(self, server, kind):
        self.server, self.kind, self.name = server, kind, f"RabbitMQ ({kind})"

    def load(self, connections, seconds):
        return load.peer("amqp", self.server.port, connections, seconds=seconds, queue=self.kind)

    def pids(self):
        return self.server.pids()


class Postgres:
    name = "PostgreSQL"

    def __init__(self):
        folder = fresh_folder("postgres")
        self.port = free_port()
        self.script = folder / "insert.sql"
        data = folder / "data"
        data.mkdir()
        self.as_user, user = unprivileged(folder, data)
        run_text([*self.as_user, POSTGRES_BIN / "initdb", "-D", data, "-U", "bench", "-A", "trust", "-E", "UTF8", "--locale=C"])
        with open(data / "postgresql.conf", "a") as conf:
            conf.write(f"listen_addresses = '127.0.0.1'\nport = {self.port}\nunix_socket_directories = ''\nfsync = on\n"
                       "synchronous_commit = on\nfull_page_writes = on\nmax_connections = 200\nshared_buffers = 256MB\n"
                       "max_wal_size = 4GB\n")
        self.process = Process("postgres", [*self.as_user, POSTGRES_BIN / "postgres", "-D", data], folder)
        self.process.wait_until("its port", lambda: accepts(self.port))
        self.script.write_text("\\set n :n + 1\n\\set id :run * 10000000000 + :client_id * 100000000 + :n\n"
                               "INSERT INTO sale(id, body) VALUES (:id, :doc);\n")
        self.sql("CREATE TABLE sale(id bigint PRIMARY KEY, body text NOT NULL)")

    def sql(self, statement):
        run_text(["psql", "-h", "127.0.0.1", "-p", self.port, "-U", "bench", "-d", "postgres", "-qc", statement])

    def load(self, connections, seconds):
        """pgbench: prepared statements, the document a parameter."""
        log = self.script.parent / "latency"
        for old in self.script.parent.glob("latency.*"):
            old.unlink()
        text = run_text(["pgbench", "-h", "127.0.0.1", "-p", self.port, "-U", "bench", "-n", "-M", "prepared", "-f", self.script,
                         "-c", connections, "-j", min(2, connections), "-T", seconds, "-l", f"--log-prefix={log}",
                         "-D", "n=0", "-D", f"run={load.next_run()}", "-D", f"doc={SALE.read_text().strip()}", "postgres"])
        tps = re.search(r"^tps = ([\d.]+) \(without initial", text, re.M)
        done = re.search(r"^number of transactions actually processed: (\d+)", text, re.M)
        failed = re.search(r"^number of failed transactions: (\d+)", text, re.M)
        if not tps or int(failed.group(1)) != 0:
            raise BenchError(f"pgbench: {text}")
        waits = sorted(int(line.split()[2]) for part in self.script.parent.glob("latency.*") for line in part.open())
        return {"per_second": float(tps.group(1)), "documents": int(done.group(1)),
                "p50_us": waits[len(waits) // 2], "p99_us": waits[len(waits) * 99 // 100]}

    def pids(self):
        return [self.process.pid] + descendants(self.process.pid)

    def stop(self):
        self.process.stop(how=signal.SIGINT)  # its fast shutdown


def unprivileged(folder, data):
    """PostgreSQL will not be root. It is `nobody` then, who may pass through the folders above its own, and no more."""
    if os.getuid() != 0:
        return [], getpass.getuser()
    nobody = pwd.getpwnam("nobody")
    os.chown(data, nobody.pw_uid, nobody.pw_gid)
    os.chown(folder, nobody.pw_uid, nobody.pw_gid)
    return ["setpriv", f"--reuid={nobody.pw_uid}", f"--regid={nobody.pw_gid}", "--clear-groups",
            "--inh-caps=-all,+dac_read_search", "--ambient-caps=+dac_read_search"], "nobody"


def erlang(name):
    found = shutil.which(name) or next((str(p) for p in Path("/usr/lib/erlang").glob(f"erts-*/bin/{name}")), None)
    if found is None:
        raise BenchError(f"{name} is not there; packaging/install_dependencies.sh bench installs it")
    return found


def descendants(pid):
    out = []
    for task in os.listdir(f"/proc/{pid}/task"):
        for child in open(f"/proc/{pid}/task/{task}/children").read().split():
            out += [int(child)] + descendants(int(child))
    return out
