#!/usr/bin/env python3
"""A consumer that misses nothing and stores nothing twice: events and the cursor after them are one transaction in a SQLite file.

Kill it at any moment and start it again: it resumes where its file ends. `--list` prints what is stored, one event a line.
"""
import argparse
import random
import sqlite3
import sys
import time

import grpc

from davy.v1 import exchange_pb2, exchange_pb2_grpc

COMMIT_EVERY_S = 1.0  # how often Davy is told how far the file is; only for people who look at `davy query subscriptions`
BATCH = 100  # events of one transaction at most


class Store:
    """Events in order, and the cursor after the last one."""

    def __init__(self, path):
        self.db = sqlite3.connect(path, isolation_level=None)
        self.db.execute("PRAGMA journal_mode = WAL")
        self.db.execute("PRAGMA synchronous = FULL")
        self.db.execute("CREATE TABLE IF NOT EXISTS event (number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, kind TEXT, subject TEXT, body BLOB)")
        self.db.execute("CREATE TABLE IF NOT EXISTS progress (only INTEGER PRIMARY KEY CHECK (only = 1), cursor TEXT NOT NULL)")

    def cursor(self):
        row = self.db.execute("SELECT cursor FROM progress").fetchone()
        return row[0] if row else ""

    def keep(self, events, cursor):
        self.db.execute("BEGIN IMMEDIATE")
        # A snapshot names what is active again: what is known by its id stays as it is.
        rows = [(event.id, event.kind, event.subject, event.SerializeToString()) for event in events]
        self.db.executemany("INSERT INTO event (id, kind, subject, body) VALUES (?, ?, ?, ?) ON CONFLICT (id) DO NOTHING", rows)
        self.db.execute("INSERT INTO progress VALUES (1, ?) ON CONFLICT (only) DO UPDATE SET cursor = excluded.cursor", (cursor,))
        self.db.execute("COMMIT")

    def all(self):
        return self.db.execute("SELECT id, kind, subject FROM event ORDER BY number")


def request(options, cursor):
    wanted = exchange_pb2.SubscribeRequest(subscription=options.name, heartbeat_seconds=1)
    wanted.filter.kinds.extend(options.kind)
    if cursor:
        wanted.cursor = cursor
    else:
        wanted.position = exchange_pb2.START_POSITION_EARLIEST
    return wanted


def follow(stub, options, store):
    """Takes what comes until the stream ends."""
    batch, told = [], time.monotonic()
    for answer in stub.Subscribe(request(options, store.cursor())):
        if answer.WhichOneof("item") == "event":
            batch.append(answer.event)
            cursor = answer.event.cursor
            # A heartbeat, which comes every second when it is quiet, closes a batch; so does a full one, and one event that is urgent.
            if len(batch) < BATCH and not answer.event.kind.startswith(("alarm.raised", "warning.")):
                continue
        else:
            cursor = answer.heartbeat.cursor
        store.keep(batch, cursor)
        batch = []
        if time.monotonic() - told > COMMIT_EVERY_S:
            told = time.monotonic()
            stub.CommitCursor(exchange_pb2.CommitCursorRequest(subscription=options.name, cursor=cursor))


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--server", default="127.0.0.1:50051")
    arguments.add_argument("--name", default="example")
    arguments.add_argument("--kind", action="append", default=[], help="exact, or a prefix such as alarm.*; may be repeated")
    arguments.add_argument("--database", default="events.sqlite")
    arguments.add_argument("--list", action="store_true")
    options = arguments.parse_args()
    store, backoff = Store(options.database), 0.2
    if options.list:
        for row in store.all():
            print(*row)
        return
    keep_alive = [("grpc.keepalive_time_ms", 15_000), ("grpc.keepalive_timeout_ms", 10_000)]
    while True:
        before = store.cursor()
        with grpc.insecure_channel(options.server, options=keep_alive) as channel:
            try:
                follow(exchange_pb2_grpc.ExchangeServiceStub(channel), options, store)
            except grpc.RpcError as error:
                print(f"feed ended: {error.code().name}: {error.details()}", file=sys.stderr)
                if error.code() == grpc.StatusCode.OUT_OF_RANGE:
                    print("events are gone that were not seen: empty the file, and start with what is active", file=sys.stderr)
                if error.code() in (grpc.StatusCode.OUT_OF_RANGE, grpc.StatusCode.INVALID_ARGUMENT):
                    sys.exit(1)
        backoff = 0.2 if store.cursor() != before else min(backoff * 2, 10)
        time.sleep(backoff * random.uniform(0.5, 1))


if __name__ == "__main__":
    main()
