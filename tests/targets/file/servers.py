"""Servers that take files, on the loopback, children of this process: sshd of Debian's openssh-server, and FTPS."""
import getpass
import os
import random
import socket
import subprocess
import sys
import threading
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from support import free_port, listens, wait_until  # noqa: E402

HERE = Path(__file__).resolve().parent


def run(*command):
    subprocess.run(list(map(str, command)), check=True, capture_output=True)


class Child:
    process = None

    def stop(self):
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(20)


class Sshd(Child):
    """Knows one key, `client`; its own is `host`."""

    def __init__(self, folder):
        self.folder, self.port, self.user = folder, free_port(), getpass.getuser()
        folder.mkdir()
        for name, phrase in (("host", ""), ("other", ""), ("client", "pass phrase")):
            # One round of its key derivation: unlocking it must not take longer than a busy machine's time-out.
            run("ssh-keygen", "-q", "-a", "1", "-t", "ed25519", "-N", phrase, "-f", folder / name)
        (folder / "sshd_config").write_text(f"""ListenAddress 127.0.0.1
Port {self.port}
HostKey {folder}/host
AuthorizedKeysFile {folder}/client.pub
PidFile none
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin yes
PerSourceMaxStartups none
MaxStartups 100
Subsystem sftp internal-sftp
""")
        if os.getuid() == 0:
            Path("/run/sshd").mkdir(exist_ok=True)  # sshd as root will not start without it
        self.log = open(folder / "sshd.log", "w")
        self.process = subprocess.Popen(["/usr/sbin/sshd", "-D", "-e", "-f", folder / "sshd_config"], stderr=self.log)
        wait_until("sshd listens", lambda: self.process.poll() is not None or listens(self.port), 10)
        if self.process.poll() is not None:
            raise AssertionError("sshd ended: " + (folder / "sshd.log").read_text())

    def known_hosts(self, port, name="host"):
        file = self.folder / f"known_{name}_{port}"
        kind, key = (self.folder / f"{name}.pub").read_text().split()[:2]
        file.write_text(f"[127.0.0.1]:{port} {kind} {key}\n")
        return file

    def fingerprint(self, name="host"):
        text = subprocess.run(["ssh-keygen", "-lf", self.folder / f"{name}.pub"], check=True, capture_output=True, text=True).stdout
        return text.split()[1]


class Ftps(Child):
    def __init__(self, folder, certificates, mode, strikes):
        self.port = free_port()
        folder.mkdir(exist_ok=True)
        self.process = subprocess.Popen(["/usr/bin/python3", "-B", HERE / "ftps_server.py", folder, certificates / "server.pem", str(self.port),
                                         mode, str(strikes)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.strikes = []
        self.reader = threading.Thread(target=lambda: self.strikes.extend(line.strip() for line in self.process.stdout), daemon=True)
        self.reader.start()
        wait_until("the FTPS server listens", lambda: self.process.poll() is not None or listens(self.port), 10)
        if self.process.poll() is not None:
            raise AssertionError("the FTPS server ended: is python3-pyftpdlib there?")


def make_certificates(folder):
    """An authority, and a server's certificate for localhost by it."""
    folder.mkdir()
    run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", "/CN=Test CA", "-days", "2",
        "-keyout", folder / "ca.key", "-out", folder / "ca.pem")
    run("openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", "/CN=localhost", "-keyout",
        folder / "server.key", "-out", folder / "server.csr")
    (folder / "names").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
    run("openssl", "x509", "-req", "-in", folder / "server.csr", "-CA", folder / "ca.pem", "-CAkey", folder / "ca.key", "-days", "2", "-extfile",
        folder / "names", "-out", folder / "server.crt")
    (folder / "server.pem").write_text((folder / "server.crt").read_text() + (folder / "server.key").read_text())


class Cutter:
    """Passes a connection on, and cuts the first `cuts` of them after so many bytes from the client."""

    def __init__(self, to_port, cuts, seed):
        self.to_port, self.left, self.random, self.cut = to_port, cuts, random.Random(seed), 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            limit = None
            if self.left > 0:
                self.left -= 1
                limit = self.random.randrange(4_000, 90_000)
            server = socket.create_connection(("127.0.0.1", self.to_port))
            threading.Thread(target=self.pump, args=(server, client, None), daemon=True).start()
            threading.Thread(target=self.pump, args=(client, server, limit), daemon=True).start()

    def pump(self, source, sink, limit):
        passed = 0
        try:
            while data := source.recv(4096):
                passed += len(data)
                sink.sendall(data)
                if limit is not None and passed > limit:
                    self.cut += 1
                    break
        except OSError:
            pass
        for each in (source, sink):
            try:
                each.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def close(self):
        self.listener.close()
