"""What the Python peers share: their arguments, the rows, and how they end.

A row is a line of JSON as Davy's own format has it: {"ts": <ms since 1970>, "values": {"<tag>": <number>, ...}}.
Every peer prints one word a line, and numbers after it, so that a test can follow: connected, born, sent N, acked N, rebirth, end.
"""

import argparse
import json
import os
import signal
import sys
import threading
import time


def arguments(description):
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--group", required=True)
    parser.add_argument("--node", required=True)
    parser.add_argument("--device", required=True)
    parser.add_argument("--rows", required=True, help="file with a JSON object a line")
    parser.add_argument("--qos", type=int, default=1, choices=(0, 1), help="0 is what the library does by itself")
    parser.add_argument("--pace", type=int, default=0, help="milliseconds between two rows")
    parser.add_argument(
        "--end",
        default="graceful",
        choices=("graceful", "killed", "stays"),
        help="graceful: the library's disconnect; killed: SIGKILL to itself; stays: until SIGTERM, then graceful",
    )
    return parser


def read_rows(path):
    with open(path, encoding="utf-8") as file:
        rows = [json.loads(line) for line in file if line.strip()]
    for row in rows:
        # Every value a Double: 0 and 0.5 of one tag are not of two types.
        row["values"] = {tag: float(value) for tag, value in row["values"].items()}
    if not rows:
        sys.exit(f"{path}: no rows")
    return rows


def tags(rows):
    """Every tag of any row, in the order they come first."""
    return list(dict.fromkeys(tag for row in rows for tag in row["values"]))


def paced(rows, options):
    """The rows with their numbers from 1, no faster than asked."""
    for number, row in enumerate(rows, 1):
        if number > 1 and options.pace:
            time.sleep(options.pace / 1000)
        yield number, row
        if number % 500 == 0 or number == len(rows):
            say("sent", number)


def say(*words):
    print(*words, flush=True)


def wait(what, done, within_s=60):
    deadline = time.monotonic() + within_s
    while not done():
        if time.monotonic() > deadline:
            sys.exit(f"waited {within_s} s in vain: {what}")
        time.sleep(0.002)


class Acks:
    """Counts what was handed to paho and what it has finished with: at QoS 1 the broker's PUBACKs, at QoS 0 packets written."""

    WINDOW = 200

    def __init__(self, *clients):
        self.sent = self.acked = 0
        self.lock = threading.Lock()
        for client in clients:
            client.on_publish = self._published

    def _published(self, _client, _userdata, _mid):
        with self.lock:
            self.acked += 1

    def room(self):
        """Waits while too much is under way: paho's own queue has no end."""
        wait("the broker acknowledges", lambda: self.sent - self.acked < self.WINDOW)

    def all(self):
        wait("the broker has everything", lambda: self.acked >= self.sent)
        say("acked", self.acked)


def end(how, gracefully):
    if how == "killed":
        say("end killed")
        os.kill(os.getpid(), signal.SIGKILL)
    if how == "stays":
        stopped = threading.Event()
        signal.signal(signal.SIGTERM, lambda *_: stopped.set())
        say("stays")
        # A wait without limit would not let Python see the signal on every platform.
        while not stopped.wait(0.1):
            pass
    gracefully()
    say("end graceful")
