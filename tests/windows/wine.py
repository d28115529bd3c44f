"""tillsync.exe under wine: a prefix of the test's own, programs in it, and their end by process id."""
import os
import signal
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "targets"))
from support import wait_until  # noqa: E402


def windows_path(path):
    """The path of a file of this machine as the programs under wine see it."""
    return "Z:" + str(Path(path).resolve())


class Wine:
    """A Windows of the test's own, with its server for as long as this is entered."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self.prefix = self.folder.resolve() / "prefix"
        self.prefix.mkdir(parents=True, exist_ok=True)  # the server makes none
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith(("WINE", "TILLSYNC", "DISPLAY"))}
        self.environment |= {"WINEPREFIX": str(self.prefix), "WINEDEBUG": "-all", "WINEARCH": "win64", "WINEDLLOVERRIDES": "mscoree,mshtml=",
                             "no_proxy": "127.0.0.1,localhost"}
        self.server = None

    def __enter__(self):
        # Of its own: else the session ends two seconds after its last program, and its services with it.
        self.server = subprocess.Popen(["/usr/lib/wine/wineserver64", "-f", "-p"], env=self.environment, stdin=subprocess.DEVNULL,
                                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        # Never into a pipe: what wine leaves running would hold it open.
        with open(self.folder / "wineboot.log", "wb") as log:
            subprocess.run(["wine", "wineboot", "--init"], env=self.environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, check=True,
                           timeout=300)
        return self

    def __exit__(self, *_):
        subprocess.run(["/usr/lib/wine/wineserver64", "-k"], env=self.environment, timeout=60)
        try:
            self.server.wait(60)
        except subprocess.TimeoutExpired:
            self.server.kill()
            self.server.wait()

    def start(self, *command, log, **environment):
        return subprocess.Popen(["wine", *map(str, command)], env=self.environment | environment, stdin=subprocess.DEVNULL, stdout=log,
                                stderr=log)

    def run(self, *command, timeout=120, stdin=None, **environment):
        """Its exit status and what it said on standard output and error."""
        out, errors = self.folder / "out.txt", self.folder / "errors.txt"
        with open(out, "wb") as out_file, open(errors, "wb") as error_file:
            done = subprocess.run(["wine", *map(str, command)], env=self.environment | environment, stdin=stdin or subprocess.DEVNULL,
                                  stdout=out_file, stderr=error_file, timeout=timeout)
        return Ended(done.returncode, out.read_text(errors="replace"), errors.read_text(errors="replace"))


class Ended:
    def __init__(self, status, output, errors):
        self.status, self.output, self.errors = status, output, errors

    def __repr__(self):
        return f"exit status {self.status}; said: {self.output[-1500:]}; and: {self.errors[-1500:]}"


def processes_of(prefix, name):
    """The process ids of this machine that run the program `name` in the prefix."""
    found = []
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            command = (folder / "cmdline").read_bytes().split(b"\0")[0].decode(errors="replace")
            environment = (folder / "environ").read_bytes()
        except OSError:
            continue
        if command.replace("\\", "/").lower().endswith("/" + name.lower()) and f"WINEPREFIX={prefix}\0".encode() in environment:
            found.append(int(folder.name))
    return found


def kill_hard(prefix, name):
    """What a power cut or the task manager does to a program; returns once it is gone."""
    killed = processes_of(prefix, name)
    for process in killed:
        os.kill(process, signal.SIGKILL)
    wait_until(f"{name} is gone", lambda: not processes_of(prefix, name), 20)
    return len(killed)


