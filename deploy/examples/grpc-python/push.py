#!/usr/bin/env python3
"""A small gateway that pushes to Davy over gRPC and loses nothing: what is not acknowledged waits in a SQLite file.

Feed it lines on standard input: `TAG VALUE` or `TAG VALUE MILLISECONDS`; it ends when all of them are acknowledged.
"""
import argparse
import queue
import random
import sqlite3
import sys
import threading
import time

import grpc

from davy.v1 import ingest_pb2, ingest_pb2_grpc

BUFFER_MESSAGES_MAX = 1_000_000  # beyond it the oldest give way: Davy names the gap in `sequence`
IN_FLIGHT = 500


class Buffer:
    """Messages by sequence number, durable before they are sent."""

    def __init__(self, path):
        self.db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self.lock = threading.Lock()
        self.db.execute("PRAGMA journal_mode = WAL")
        self.db.execute("PRAGMA synchronous = FULL")
        # AUTOINCREMENT: a number is never given twice, also when all before it are gone.
        self.db.execute("CREATE TABLE IF NOT EXISTS message (sequence INTEGER PRIMARY KEY AUTOINCREMENT, body BLOB NOT NULL)")

    def add(self, request):
        with self.lock:
            last = self.db.execute("INSERT INTO message (body) VALUES (?)", (request.SerializeToString(),)).lastrowid
            self.db.execute("DELETE FROM message WHERE sequence <= ?", (last - BUFFER_MESSAGES_MAX,))

    def after(self, sequence, limit):
        with self.lock:
            rows = self.db.execute("SELECT sequence, body FROM message WHERE sequence > ? ORDER BY sequence LIMIT ?", (sequence, limit))
            return rows.fetchall()

    def forget_to(self, sequence):
        with self.lock:
            self.db.execute("DELETE FROM message WHERE sequence <= ?", (sequence,))

    def is_empty(self):
        return not self.after(0, 1)


def read_lines(buffer, done):
    for line in sys.stdin:
        words = line.split()
        if len(words) not in (2, 3):
            print(f"skipped: {line.strip()!r}: write TAG VALUE [MILLISECONDS]", file=sys.stderr)
            continue
        request = ingest_pb2.PushSamplesRequest()
        millis = int(words[2]) if len(words) == 3 else time.time_ns() // 1_000_000
        request.time.FromMilliseconds(millis)
        value = request.values.add(tag=words[0])
        try:
            value.number = float(words[1])
        except ValueError:
            value.text = words[1]
        buffer.add(request)
    done.set()


class Stream:
    """One stream: sends what waits, forgets what is acknowledged."""

    def __init__(self, buffer, gateway, done):
        self.buffer, self.gateway, self.done = buffer, gateway, done
        self.acknowledged = 0
        self.told = threading.Condition()
        self.over = False

    def requests(self):
        sent = 0
        while not self.over:
            with self.told:
                # Not more on the way than Davy should have to send acknowledgements for.
                self.told.wait_for(lambda: self.over or sent - self.acknowledged < IN_FLIGHT, timeout=1)
            rows = self.buffer.after(sent, 100)
            for sequence, body in rows:
                request = ingest_pb2.PushSamplesRequest.FromString(body)
                request.gateway, request.sequence = self.gateway, sequence
                self.acknowledged = self.acknowledged or sequence - 1
                sent = sequence
                yield request
            if not rows:
                if self.done.is_set() and self.buffer.is_empty():
                    return
                time.sleep(0.05)

    def run(self, stub):
        try:
            for answer in stub.PushSamples(self.requests()):
                for refusal in answer.refusals:
                    print(f"refused {refusal.sequence} {refusal.tag} {refusal.field}: {refusal.reason}: {refusal.detail}", file=sys.stderr)
                if answer.acknowledged_sequence:
                    self.buffer.forget_to(answer.acknowledged_sequence)
                    with self.told:
                        self.acknowledged = answer.acknowledged_sequence
                        self.told.notify_all()
                    print(f"acknowledged {answer.acknowledged_sequence}", flush=True)
        finally:
            self.over = True


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--server", default="127.0.0.1:50051")
    arguments.add_argument("--gateway", default="rugang/e01/gw1")
    arguments.add_argument("--buffer", default="buffer.sqlite")
    options = arguments.parse_args()
    buffer, done, backoff = Buffer(options.buffer), threading.Event(), 0.5
    threading.Thread(target=read_lines, args=(buffer, done), daemon=True).start()
    keep_alive = [("grpc.keepalive_time_ms", 15_000), ("grpc.keepalive_timeout_ms", 10_000)]
    while not (done.is_set() and buffer.is_empty()):
        with grpc.insecure_channel(options.server, options=keep_alive) as channel:
            stream = Stream(buffer, options.gateway, done)
            try:
                stream.run(ingest_pb2_grpc.IngestServiceStub(channel))
            except grpc.RpcError as error:
                print(f"stream ended: {error.code().name}: {error.details()}", file=sys.stderr)
                if error.code() == grpc.StatusCode.INVALID_ARGUMENT:
                    sys.exit(1)
            backoff = 0.5 if stream.acknowledged else min(backoff * 2, 30)
        if not (done.is_set() and buffer.is_empty()):
            time.sleep(backoff * random.uniform(0.5, 1))


if __name__ == "__main__":
    main()
