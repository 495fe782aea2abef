"""Reads an Atom feed from standard input with Python's own XML and prints it as a line of JSON; what RFC 4287 asks for has to be there."""

import json
import sys
import xml.etree.ElementTree as ElementTree
from datetime import datetime

ATOM = "{http://www.w3.org/2005/Atom}"


def only(element, name):
    """Exactly one, with a text."""
    found = element.findall(ATOM + name)
    assert len(found) == 1 and found[0].text, f"{name}: {len(found)} of them"
    return found[0].text


def common(element):
    updated = only(element, "updated")
    assert datetime.fromisoformat(updated).tzinfo is not None, updated
    return {"id": only(element, "id"), "title": only(element, "title"), "updated": updated}


def entry(element):
    links = [it for it in element.findall(ATOM + "link") if it.get("rel") == "alternate"]
    assert len(links) == 1, f"{len(links)} alternates"
    return {**common(element), "href": links[0].get("href"), "type": links[0].get("type")}


def main():
    feed = ElementTree.fromstring(sys.stdin.buffer.read())
    assert feed.tag == ATOM + "feed", feed.tag
    assert only(feed.find(ATOM + "author"), "name")
    entries = [entry(it) for it in feed.findall(ATOM + "entry")]
    assert len({it["id"] for it in entries}) == len(entries), "ids are not unique"
    print(json.dumps({**common(feed), "entries": entries}, ensure_ascii=False))


main()
