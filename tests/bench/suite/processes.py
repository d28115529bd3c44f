"""Child processes of the suite: started with their own log, watched, and stopped by process id."""
import atexit
import json
import os
import re
import signal
import subprocess
import time

from suite.place import BenchError

_running = []


class Process:
    def __init__(self, name, command, folder, env=None, cwd=None, stdout=None):
        self.name = name
        self.log = folder / f"{name}.log"
        self._log_file = open(self.log, "ab")
        self.child = subprocess.Popen([str(c) for c in command], stdin=subprocess.DEVNULL,
                                      stdout=stdout or self._log_file, stderr=self._log_file,
                                      env={**os.environ, **(env or {})}, cwd=cwd)
        _running.append(self)

    @property
    def pid(self):
        return self.child.pid

    def wait_until(self, what, ready, timeout=60, pause=0.02):
        """Polls `ready` until it gives something true, which is returned."""
        end = time.monotonic() + timeout
        while True:
            if self.child.poll() is not None:
                raise BenchError(f"{self.name} has ended with {self.child.returncode}; the end of {self.log}:\n{self.tail()}")
            result = ready()
            if result:
                return result
            if time.monotonic() > end:
                raise BenchError(f"{self.name}: {what} did not come in {timeout} s; the end of {self.log}:\n{self.tail()}")
            time.sleep(pause)

    def tail(self):
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-15:])

    def stop(self, how=signal.SIGTERM, timeout=60):
        if self in _running:
            _running.remove(self)
        if self.child.poll() is None:
            self.child.send_signal(how)
            try:
                self.child.wait(timeout)
            except subprocess.TimeoutExpired:
                self.child.kill()
                self.child.wait()
                raise BenchError(f"{self.name} did not stop in {timeout} s") from None
        self._log_file.close()


def stop_all():
    """Whatever a case that broke off has left. Last started, first stopped."""
    for process in reversed(list(_running)):
        try:
            process.stop(timeout=20)
        except BenchError:
            pass


atexit.register(stop_all)


def run_json(command, env=None, timeout=600):
    """Runs a program that prints one line of JSON last; any failure of it is an error."""
    done = subprocess.run([str(c) for c in command], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          env={**os.environ, **(env or {})}, timeout=timeout)
    lines = done.stdout.strip().splitlines()
    if done.returncode != 0 or not lines:
        raise BenchError(f"{' '.join(map(str, command))} ended with {done.returncode}: {done.stderr.strip()} "
                         f"{done.stdout.strip()[-500:]}")
    return json.loads(lines[-1])


def run_text(command, env=None, timeout=600, good=(0,)):
    done = subprocess.run([str(c) for c in command], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          env={**os.environ, **(env or {})}, timeout=timeout)
    if done.returncode not in good:
        raise BenchError(f"{' '.join(map(str, command))} ended with {done.returncode}: {done.stderr.strip()[-1000:]}")
    return done.stdout


def cpu_seconds(pid, but=()):
    """CPU time of all threads that live, but those of these names; user and system, by the scheduler's own count of nanoseconds."""
    total = 0
    for task in os.listdir(f"/proc/{pid}/task"):
        if open(f"/proc/{pid}/task/{task}/comm").read().strip() in but:
            continue
        total += int(open(f"/proc/{pid}/task/{task}/schedstat").read().split()[0])
    return total / 1e9


def memory_mib(pid):
    """VmRSS, VmHWM, RssAnon, RssFile in MiB (proc(5))."""
    text = open(f"/proc/{pid}/status").read()
    return {name: int(value) / 1024 for name, value in re.findall(r"^(VmRSS|VmHWM|RssAnon|RssFile):\s+(\d+) kB", text, re.M)}


def reset_peak_memory(pid):
    """VmHWM begins anew (proc(5), clear_refs)."""
    with open(f"/proc/{pid}/clear_refs", "w") as file:
        file.write("5")


def system_calls(pid, seconds, only=None):
    """{call: count} of a process and its threads while `seconds` pass, by strace -c -f."""
    command = ["strace", "-c", "-f", "-p", str(pid)] + (["-e", f"trace={only}"] if only else [])
    tracer = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    try:
        time.sleep(seconds)
    finally:
        tracer.send_signal(signal.SIGINT)
        _, text = tracer.communicate(timeout=60)
    if "attached" not in text:
        raise BenchError(f"strace cannot follow process {pid}: {text.strip()[:300]}")
    rows = re.findall(r"^\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)\s+(?:\d+\s+)?(\w+)$", text, re.M)
    return {name: int(count) for count, name in rows if name != "total"}
