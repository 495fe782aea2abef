"""Receives webhooks with other people's libraries: a line of JSON in for each message, a line out.

In: secret, headers, body. Out: `genuine` by Standard Webhooks' library, and `event` by the SDK of CloudEvents, both as they are published.
"""

import json
import sys

from cloudevents.core.bindings.http import HTTPMessage, from_http_event
from standardwebhooks.webhooks import Webhook, WebhookVerificationError


def genuine(message):
    try:
        Webhook(message["secret"]).verify(message["body"], message["headers"])
    except WebhookVerificationError:
        return False
    return True


def event(message):
    read = from_http_event(HTTPMessage(headers=message["headers"], body=message["body"].encode()))
    attributes = read.get_attributes()
    attributes["time"] = attributes["time"].isoformat()
    return {"attributes": attributes, "data": read.get_data()}


def main():
    for line in sys.stdin:
        message = json.loads(line)
        print(json.dumps({"genuine": genuine(message), "event": event(message)}, ensure_ascii=False))


main()
