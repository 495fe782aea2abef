"""An OPC UA server to try the gateway with: PI-101 counts up, TI-103 shows the three qualities in turn.

    python demo_server.py [port] [seconds between two changes]
"""

import asyncio
import datetime
import logging
import sys

from asyncua import Server, ua

STATUSES = [ua.StatusCodes.Good, ua.StatusCodes.UncertainLastUsableValue, ua.StatusCodes.BadSensorFailure]


async def main():
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 4840
    period_s = float(sys.argv[2]) if len(sys.argv) > 2 else 1.0
    logging.basicConfig(level=logging.ERROR)
    server = Server()
    await server.init()
    server.set_endpoint(f"opc.tcp://127.0.0.1:{port}/")
    server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
    index = await server.register_namespace("urn:davy:demo")
    unit = await server.nodes.objects.add_object(index, "Unit")
    pressure = await unit.add_variable(ua.NodeId("PI-101", index), "PI-101", 0.0)
    temperature = await unit.add_variable(ua.NodeId("TI-103", index), "TI-103", 120.0)
    async with server:
        print("serves", flush=True)
        count = 0
        while True:
            count += 1
            now = datetime.datetime.now(datetime.timezone.utc)
            status = ua.StatusCode(STATUSES[count % len(STATUSES)])
            await pressure.write_value(ua.DataValue(ua.Variant(float(count)), SourceTimestamp=now))
            await temperature.write_value(ua.DataValue(ua.Variant(120.0 + count % 5), status, now))
            await asyncio.sleep(period_s)


asyncio.run(main())
