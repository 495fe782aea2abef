"""Edge nodes on mqtt-spb-wrapper: a node and its device are an MQTT connection each, as the library has it.

Its publish calls take a QoS; without one it is 0. The library declares `DATA/<tag>` in births and sends `<tag>` in data.
`--second NODE` runs another node with a device of the same name in this process: the library has one `seq` for all of them.
A rebirth command ends the network thread of the node's connection with a TypeError of the library; the device's goes on.
"""

import os

# The library's generated code is older than the protobuf runtime's C parts on newer Pythons.
os.environ.setdefault("PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION", "python")

from foreign import Acks, arguments, end, paced, read_rows, say
from mqtt_spb_wrapper import MqttSpbEntityDevice, MqttSpbEntityEdgeNode


def connect(entity, options):
    if not entity.connect(options.host, options.port):
        raise SystemExit(f"{entity} did not connect")
    return entity


def born(name, options, row):
    """A node and its device, connected and born with the first row."""
    node = MqttSpbEntityEdgeNode(options.group, name)
    # An entity without any metric does not publish its birth.
    node.attributes.set_value("maker", "davy")
    device = MqttSpbEntityDevice(options.group, name, options.device)
    device.data.set_dictionary(row["values"], row["ts"])
    connect(node, options).on_message = lambda *_: say("rebirth")
    node.publish_birth(qos=options.qos)
    connect(device, options).publish_birth(qos=options.qos)
    return node, device


def main():
    parser = arguments(__doc__)
    parser.add_argument("--second", help="another node in this process")
    options = parser.parse_args()
    rows = read_rows(options.rows)
    names = [options.node] + ([options.second] if options.second else [])
    nodes = [born(name, options, rows[0]) for name in names]
    say("born")
    acks = Acks(*(device._mqtt for _node, device in nodes))
    for _number, row in paced(rows, options):
        for _node, device in nodes:
            acks.room()
            device.data.set_dictionary(row["values"], row["ts"])
            acks.sent += 1
            if not device.publish_data(qos=options.qos):
                raise SystemExit("the library did not publish a row")
    acks.all()

    def disconnect():
        for node, device in nodes:
            device.disconnect()
            node.disconnect()

    end(options.end, disconnect)


main()
