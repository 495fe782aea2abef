"""Reads OPC UA and pushes to Davy: a small gateway that loses nothing it has read.

    python gateway.py gateway.toml

OPC UA changes -> SQLite file (bounded) -> MQTT at QoS 1 -> Davy -> receipt -> trimmed from the file.

- A row leaves the file only when Davy's receipt says that it is on Davy's disk. The broker's PUBACK is not enough: a broker with
  a full queue acknowledges and drops.
- When the receipt counts a gap, everything still in the file is sent again under new numbers. Davy stores a sample once however
  often it comes, because each carries the time of its source.
- OPC UA reports changes only. Values that stand still are repeated every `repeat_s` while the server answers, so that Davy can tell
  a steady value from a dead gateway. When the server is lost, every tag is said to be bad, once.
"""

import asyncio
import json
import logging
import math
import signal
import sqlite3
import sys
import time
import tomllib
from datetime import timezone

import paho.mqtt.client as mqtt
from asyncua import Client, ua

log = logging.getLogger("gateway")
WINDOW = 100  # messages that may wait for the broker's PUBACK
FLUSH_S = 0.1  # changes are written to the file together, this often
SAY_S = 60  # the log says how far it came, this often
QUEUE = 1000  # changes of one node that the server keeps between two publishings


class Buffer:
    """What is not yet on Davy's disk, in order. Row numbers are the `seq` that Davy sees; they never repeat."""

    def __init__(self, path, rows_max):
        self.rows_max = rows_max
        self.db = sqlite3.connect(path, isolation_level=None)
        self.db.execute("PRAGMA journal_mode = WAL")
        self.db.execute("PRAGMA synchronous = FULL")
        # AUTOINCREMENT: a number is not given again after its row is gone, nor after a restart.
        self.db.execute("CREATE TABLE IF NOT EXISTS outbox (seq INTEGER PRIMARY KEY AUTOINCREMENT, message TEXT NOT NULL)")

    def put(self, messages):
        self.db.execute("BEGIN")
        self.db.executemany("INSERT INTO outbox (message) VALUES (?)", [(json.dumps(message),) for message in messages])
        over = len(self) - self.rows_max
        if over > 0:
            # Full: the oldest go, and Davy is told by the gap in seq.
            self.db.execute("DELETE FROM outbox WHERE seq IN (SELECT seq FROM outbox ORDER BY seq LIMIT ?)", (over,))
            log.error("buffer full: the oldest %d messages are lost", over)
        self.db.execute("COMMIT")

    def after(self, seq, limit):
        return self.db.execute("SELECT seq, message FROM outbox WHERE seq > ? ORDER BY seq LIMIT ?", (seq, limit)).fetchall()

    def trim(self, seq):
        return self.db.execute("DELETE FROM outbox WHERE seq <= ?", (seq,)).rowcount

    def renumber(self):
        """Gives every row a new number, in order: all of it is sent again. Returns the last of the old ones."""
        self.db.execute("BEGIN")
        (last,) = self.db.execute("SELECT coalesce(max(seq), 0) FROM outbox").fetchone()
        self.db.execute("INSERT INTO outbox (message) SELECT message FROM outbox ORDER BY seq")
        self.db.execute("DELETE FROM outbox WHERE seq <= ?", (last,))
        self.db.execute("COMMIT")
        return last

    def __len__(self):
        return self.db.execute("SELECT count(*) FROM outbox").fetchone()[0]


class Publisher:
    """The buffer's way out. Everything but the MQTT callbacks runs on the event loop."""

    def __init__(self, config, buffer):
        self.buffer = buffer
        self.loop = asyncio.get_running_loop()
        self.topic = f"davy/v1/{config['gateway']}"
        # What an earlier run may have sent is sent again: nobody knows how far it came.
        self.sent = buffer.renumber()
        self.waiting = set()
        self.receipt = None
        self.say_again = 0
        self.wake = asyncio.Event()
        versions = getattr(mqtt, "CallbackAPIVersion", None)  # paho-mqtt 2 wants it, 1.6 does not have it
        first = (versions.VERSION2,) if versions else ()
        self.client = mqtt.Client(*first, client_id=config.get("client_id", config["gateway"].replace("/", "-")), clean_session=False)
        self.client.max_inflight_messages_set(WINDOW)
        if "username" in config:
            self.client.username_pw_set(config["username"], open(config["password_file"], encoding="utf-8").read().strip())
        self.client.on_connect = self._connected
        self.client.on_disconnect = lambda *_: log.warning("broker lost")
        self.client.on_publish = lambda _client, _data, mid, *_: self.loop.call_soon_threadsafe(self._acknowledged, mid)
        self.client.on_message = lambda _client, _data, it: self.loop.call_soon_threadsafe(self._receipt, it.payload)
        self.client.reconnect_delay_set(1, 30)
        self.client.connect_async(config["host"], config.get("port", 1883), keepalive=20)
        self.client.loop_start()

    def _connected(self, client, _data, _flags, code, *_):
        log.info("broker says %s", code)
        client.subscribe(f"{self.topic}/receipt", 1)

    def _acknowledged(self, mid):
        self.waiting.discard(mid)
        self.wake.set()

    def _receipt(self, payload):
        receipt, before = json.loads(payload), self.receipt
        self.receipt = receipt
        if receipt["seq"] is None:
            return  # Davy's first after its own restart
        # The first one seen may be of before our time: gaps in it may concern what is kept, and what comes twice is stored once.
        restarted = before is None or receipt["messages"] < before["messages"]
        if receipt["gaps"] > (0 if restarted else before["gaps"]):
            self.sent = self.buffer.renumber()
            log.warning("a gap: %d messages are sent again", len(self.buffer))
        elif before is not None and self.buffer.trim(receipt["seq"]) and time.monotonic() >= self.say_again:
            log.info("on Davy's disk up to seq %d, %d messages kept", receipt["seq"], len(self.buffer))
            self.say_again = time.monotonic() + SAY_S
        self.wake.set()

    async def run(self):
        while True:
            for seq, message in self.buffer.after(self.sent, WINDOW - len(self.waiting)):
                payload = json.dumps({"seq": seq, **json.loads(message)})
                # paho keeps it over reconnects until the broker has acknowledged it.
                self.waiting.add(self.client.publish(f"{self.topic}/telemetry", payload, qos=1).mid)
                self.sent = seq
            self.wake.clear()
            await self.wake.wait()


class Reader:
    """The OPC UA side: a subscription that is made anew whenever it is lost."""

    def __init__(self, config, tags, buffer, publisher):
        self.config, self.tags, self.buffer, self.publisher = config, tags, buffer, publisher
        self.up = None  # not known yet
        self.changes = []
        self.last = {}  # tag -> (ms, value, quality)

    def datachange_notification(self, node, _value, data):
        value = data.monitored_item.Value
        stamp = value.SourceTimestamp or value.ServerTimestamp
        ms = int(stamp.replace(tzinfo=timezone.utc).timestamp() * 1000) if stamp else now_ms()
        self.note(self.tags[node.nodeid.to_string()], ms, *reading(value))

    def note(self, tag, ms, value, quality):
        self.last[tag] = (ms, value, quality)
        self.changes.append((ms, tag, value, quality))

    async def run(self):
        while True:
            try:
                await self.read()
            except (OSError, asyncio.TimeoutError, ConnectionError, ua.UaError) as error:
                if self.up is not False:
                    log.warning("OPC UA server lost: %r", error)
                self.up = False
            if any(value is not None for _ms, value, _quality in self.last.values()):
                for tag in list(self.last):
                    self.note(tag, now_ms(), None, "bad")
            await asyncio.sleep(self.config.get("reconnect_s", 2))

    async def read(self):
        async with Client(self.config["url"], timeout=4) as client:
            period_ms = self.config.get("sampling_ms", 500)
            subscription = await client.create_subscription(period_ms, self)
            nodes = [client.get_node(node) for node in self.tags]
            handles = await subscription.subscribe_data_change(nodes, queuesize=QUEUE, sampling_interval=period_ms)
            for node, handle in zip(self.tags, handles if isinstance(handles, list) else [handles]):
                if isinstance(handle, ua.StatusCode):
                    log.error("%s: %s", node, handle.name)
            self.up = True
            log.info("subscribed %d nodes", len(nodes))
            while True:
                await asyncio.sleep(1)
                await client.check_connection()
                await client.nodes.server_state.read_value()

    async def flush(self):
        repeat_ms = self.config.get("repeat_s", 20) * 1000
        while True:
            await asyncio.sleep(FLUSH_S)
            for tag, (ms, value, quality) in list(self.last.items()):
                if quality != "bad" and now_ms() - ms >= repeat_ms:
                    self.note(tag, now_ms(), value, quality)
            changes, self.changes = self.changes, []
            if changes:
                self.buffer.put(messages(changes))
                self.publisher.wake.set()


def reading(value):
    """A value as Davy takes it, and its quality by the OPC UA status: good, uncertain or bad are its two highest bits."""
    severity = value.StatusCode.value >> 30
    quality = {0: "good", 1: "uncertain"}.get(severity, "bad")
    it = value.Value.Value if value.Value is not None else None
    if isinstance(it, (bool, int)):
        return int(it), quality
    if isinstance(it, float) and math.isfinite(it):
        return it, quality
    if isinstance(it, str):
        return it, quality  # a state by its name
    return None, "bad"


def messages(changes):
    """One message for each moment; a second value of a tag for the same moment makes another."""
    found = []
    newest = {}
    for ms, tag, value, quality in changes:
        if ms not in newest or tag in newest[ms]["values"]:
            newest[ms] = {"ts": ms, "values": {}, "quality": {}}
            found.append(newest[ms])
        newest[ms]["values"][tag] = value
        newest[ms]["quality"][tag] = quality
    return found


def now_ms():
    return int(time.time() * 1000)


async def main():
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s: %(message)s", stream=sys.stdout)
    logging.getLogger("asyncua").setLevel(logging.CRITICAL)  # a lost server is said once, by this file
    with open(sys.argv[1], "rb") as file:
        config = tomllib.load(file)
    buffer = Buffer(config["buffer"]["path"], config["buffer"].get("messages_max", 1_000_000))
    publisher = Publisher(config["mqtt"], buffer)
    tags = {ua.NodeId.from_string(tag["node"]).to_string(): tag["tag"] for tag in config["tag"]}
    reader = Reader(config["opcua"], tags, buffer, publisher)
    log.info("%d tags, %d messages kept", len(tags), len(buffer))
    tasks = [asyncio.create_task(it) for it in (publisher.run(), reader.run(), reader.flush())]
    for name in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(name, lambda: [task.cancel() for task in tasks])
    # The first fault that nobody expected ends the gateway; its supervisor starts it again, and the file is still there.
    try:
        await asyncio.gather(*tasks)
    except asyncio.CancelledError:
        log.info("stopped, %d messages kept", len(buffer))


asyncio.run(main())
