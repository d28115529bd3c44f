#!/usr/bin/env python3
"""Tills that post sales over a Unix socket, one after the other, and never lose one: a sale that is refused, or whose answer does not come,
is posted again until it is answered 201 or 200.

    tills.py --socket PATH --tills N --prefix P --until FILE --answered FILE

Posts until FILE of --until exists; then each till ends with an answered sale. Writes the ids of answered sales to the file of --answered, one
a line, and a summary as JSON to standard output. Exit status 1 where an answer was neither taken nor a refusal that says when to come again.
"""
import argparse
import http.client
import json
import os
import socket
import sys
import threading
import time

PAUSE_S = 0.02
PATIENCE_S = 120
ANSWER_TIMEOUT_S = 30


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=ANSWER_TIMEOUT_S)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(ANSWER_TIMEOUT_S)
        self.sock.connect(self.path)


def sale(name, number):
    return {"id": f"{name}-{number:06d}", "type": "sale", "terminal": name, "occurred_at": "2026-11-23T10:15:00+00:00",
            "lines": [{"sku": "10088", "quantity": "2", "unit_price": "2.55"}], "tenders": [{"type": "cash", "amount": "5.10"}],
            "total": "5.10"}


class Till(threading.Thread):
    def __init__(self, name, path, until):
        super().__init__()
        self.name, self.path, self.until = name, path, until
        self.answered, self.refusals, self.faults = [], {}, []
        self.cut, self.longest_s = 0, 0.0
        self.connection = None

    def refuse(self, what):
        self.refusals[what] = self.refusals.get(what, 0) + 1

    def attempt(self, body):
        """Whether the sale is answered."""
        try:
            if self.connection is None:
                self.connection = UnixConnection(self.path)
                self.connection.connect()
        except OSError as fault:  # nobody there: refused, or the socket's file is gone
            self.connection = None
            self.refuse(type(fault).__name__)
            return False
        try:
            self.connection.request("POST", "/v1/documents", body, {"Content-Type": "application/json"})
            answer = self.connection.getresponse()
            text = answer.read()
        except (OSError, http.client.HTTPException):  # cut off: it may have been taken
            self.connection.close()
            self.connection = None
            self.cut += 1
            return False
        if answer.will_close:
            self.connection.close()
            self.connection = None
        if answer.status in (200, 201):
            return True
        if answer.status in (503, 507) and answer.getheader("Retry-After"):
            self.refuse(f"{answer.status} with Retry-After")
        else:
            self.faults.append(f"{answer.status} {text[:200]!r}")
        return False

    def run(self):
        number = 0
        while not os.path.exists(self.until):
            number += 1
            document = sale(self.name, number)
            body = json.dumps(document)
            begun = time.monotonic()
            while not self.attempt(body):
                if time.monotonic() - begun > PATIENCE_S:
                    self.faults.append(f"{document['id']} was not answered within {PATIENCE_S} s")
                    return
                time.sleep(PAUSE_S)
            self.longest_s = max(self.longest_s, time.monotonic() - begun)
            self.answered.append(document["id"])
            time.sleep(PAUSE_S)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for option in ("--socket", "--prefix", "--until", "--answered"):
        parser.add_argument(option, required=True)
    parser.add_argument("--tills", type=int, required=True)
    given = parser.parse_args()
    tills = [Till(f"{given.prefix}{n}", given.socket, given.until) for n in range(1, given.tills + 1)]
    for till in tills:
        till.start()
    for till in tills:
        till.join()
    with open(given.answered, "w", encoding="utf-8") as out:
        for till in tills:
            out.writelines(identity + "\n" for identity in till.answered)
    refusals = {}
    for till in tills:
        for what, count in till.refusals.items():
            refusals[what] = refusals.get(what, 0) + count
    faults = [fault for till in tills for fault in till.faults]
    print(json.dumps({"answered": sum(len(till.answered) for till in tills), "refused": refusals, "cut": sum(till.cut for till in tills),
                      "longest_wait_s": round(max(till.longest_s for till in tills), 2), "faults": faults[:5]}))
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
