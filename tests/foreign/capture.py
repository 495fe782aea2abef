"""Writes what comes on spBv1.0/# as lines: topic, a space, the payload in hex. Ends after `--idle` seconds without a message.

It is how the files under tests/data/sparkplug/ were made.
"""

import argparse
import time

import paho.mqtt.client as mqtt

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--host", default="127.0.0.1")
parser.add_argument("--port", type=int, required=True)
parser.add_argument("--idle", type=float, default=3.0)
options = parser.parse_args()
last = time.monotonic() + 10


def on_message(_client, _userdata, message):
    global last
    last = time.monotonic()
    print(message.topic, message.payload.hex(), flush=True)


client = mqtt.Client(client_id="capture")
client.on_message = on_message
client.connect(options.host, options.port)
client.subscribe("spBv1.0/#", 1)
while time.monotonic() - last < options.idle:
    client.loop(0.2)
