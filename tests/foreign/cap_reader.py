"""Reads CAP files with other people's tools and prints a line of JSON for each.

`schema` is the verdict of the OASIS schema (capvalidator). What follows the schema is then read by cap-tools' bindings, and `alert` has the
fields as these see them. Neither knows of Davy.
"""

import json
import sys

import capvalidator
from cap_tools import Alert
from xsdata.formats.dataclass.parsers import XmlParser


def stamp(value):
    """Seconds since 1970, and minutes ahead of UTC."""
    return None if value is None else [int(value.to_datetime().timestamp()), value.offset]


def said(text):
    """An empty optional element says nothing."""
    return text or None


def points(polygon):
    return [[float(number) for number in pair.split(",")] for pair in polygon.split()]


def circle(text):
    centre, radius = text.split()
    return [*points(centre)[0], float(radius)]


def named(values):
    return [[value.value_name.value, value.value.value] for value in values]


def number(value):
    return None if value is None else float(value)


def area(area):
    return {
        "areaDesc": area.area_desc,
        "polygon": [points(it) for it in area.polygons],
        "circle": [circle(it) for it in area.circles],
        "geocode": named(area.geocodes),
        "altitude": number(area.altitude),
        "ceiling": number(area.ceiling),
    }


def resource(it):
    return [it.resource_desc, it.mime_type, it.size, it.uri, it.deref_uri, it.digest]


def info(info):
    return {
        "language": info.language,
        "category": [it.value for it in info.categories],
        "event": info.event,
        "responseType": [it.value for it in info.response_types],
        "grade": [info.urgency.value, info.severity.value, info.certainty.value],
        "audience": said(info.audience),
        "eventCode": named(info.event_codes),
        "times": [stamp(info.effective), stamp(info.onset), stamp(info.expires)],
        "texts": [info.sender_name, info.headline, info.description, info.instruction, info.web, info.contact],
        "parameter": named(info.parameters),
        "resource": [resource(it) for it in info.resources],
        "area": [area(it) for it in info.areas],
    }


def alert(alert):
    references = [[it.sender, it.identifier, stamp(it.sent)] for it in alert.references_to_list()]
    return {
        "identifier": alert.identifier,
        "sender": alert.sender,
        "sent": stamp(alert.sent),
        "kind": [alert.status.value, alert.msg_type.value, alert.scope.value],
        "source": said(alert.source),
        "restriction": said(alert.restriction),
        "addresses": alert.addresses_to_list(),
        "code": alert.codes,
        "note": said(alert.note),
        "references": references,
        "incidents": alert.incidents_to_list(),
        "info": [info(it) for it in alert.infos],
    }


def main():
    parser = XmlParser()
    for path in sys.argv[1:]:
        with open(path, "rb") as file:
            content = file.read()
        schema = capvalidator.check_schema(content).passed
        try:
            fields = alert(parser.from_bytes(content, Alert)) if schema else None
        except ValueError:
            # The schema takes every text for references, circles and polygons; the bindings do not.
            fields = None
        print(json.dumps({"schema": schema, "alert": fields}, ensure_ascii=False))


main()
