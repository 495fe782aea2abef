"""An edge node on pysparkplug: one device, its rows as DDATA.

pysparkplug publishes everything at QoS 0 and offers no setting for it; its `EdgeNode` takes a client, so `--qos 1` gives it one
that raises what is published. Like the library by itself, it does not answer a rebirth command: it only says that one came.
"""

import dataclasses
import datetime

from pysparkplug import Client, DataType, Device, EdgeNode, Metric, QoS

from foreign import Acks, arguments, end, paced, read_rows, say, tags, wait

# `--types` declares and sends one metric of every datatype the library knows, at its edges.
EDGES = {
    **{f"INT{bits}": [-(2 ** (bits - 1)), -4, -1, 0, 2 ** (bits - 1) - 1, None] for bits in (8, 16, 32, 64)},
    **{f"UINT{bits}": [0, 2**bits - 1, None] for bits in (8, 16, 32, 64)},
    "FLOAT": [-1.5, 0.1, None],
    "DOUBLE": [0.1, float("inf"), float("nan"), None],
    "BOOLEAN": [True, False, None],
    "STRING": ["open", "阀门", "", None],
    "TEXT": ["text"],
    "UUID": ["0f8fad5b-d9cb-469f-a165-70867728950e"],
    "DATETIME": [datetime.datetime(2026, 11, 23, tzinfo=datetime.timezone.utc)],
    "BYTES": [b"\x00\xff"],
    "FILE": [b"file"],
    "INT32_ARRAY": [(1, -1)],
    "DOUBLE_ARRAY": [(0.5, -0.5)],
    "BOOLEAN_ARRAY": [(True, False, True)],
    "STRING_ARRAY": [("a", "b")],
}


class Raised(Client):
    """The library's client with another QoS, which counts."""

    def __init__(self, qos):
        super().__init__()
        self.qos = QoS(qos)
        self.acks = Acks(self._client)

    def publish(self, message, *, include_dtypes=False):
        self.acks.sent += 1
        super().publish(dataclasses.replace(message, qos=self.qos), include_dtypes=include_dtypes)


def metric(tag, row):
    # No value is said as such: is_null.
    return Metric(timestamp=row["ts"], name=tag, datatype=DataType.DOUBLE, value=row["values"].get(tag))


def typed(ts, round_):
    """Of every datatype its next edge, and historical and transient ones."""
    metrics = [(name, DataType[name], edges[round_ % len(edges)]) for name, edges in EDGES.items()]
    flagged = {"historical": {"is_historical": True}, "transient": {"is_transient": True}}
    return [Metric(ts, f"types/{name}", datatype, value=value) for name, datatype, value in metrics] + [
        Metric(ts, name, DataType.DOUBLE, value=float(round_), **flag) for name, flag in flagged.items()
    ]


def main():
    parser = arguments(__doc__)
    parser.add_argument("--types", action="store_true", help="metrics of every datatype at the node, too")
    options = parser.parse_args()
    rows = read_rows(options.rows)
    client = Raised(options.qos)
    of_node = typed(rows[0]["ts"], 0) if options.types else []
    node = EdgeNode(options.group, options.node, of_node, client, cmd_callback=lambda _node, _message: say("rebirth"))
    node.register(Device(options.device, [metric(tag, rows[0]) for tag in tags(rows)]))
    node.connect(options.host, port=options.port)
    # NBIRTH and DBIRTH are published in the connect callback.
    wait("the births are out", lambda: client.acks.sent >= 2 and client.acks.acked >= 2)
    say("born")
    for _number, row in paced(rows, options):
        client.acks.room()
        node.update_device(options.device, [metric(tag, row) for tag in row["values"]])
    for round_ in range(1, 6 if options.types else 0):
        node.update(typed(rows[-1]["ts"] + round_, round_))
    client.acks.all()
    end(options.end, node.disconnect)


main()
