"""A platform that receives webhooks with other people's libraries, and fails once.

Prints its port, then a line of JSON for each event that it took: id, type, subject. What is not genuine ends it. With `--fail N` the
Nth request is answered with 500, and nothing is printed of it.
"""

import argparse
import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock

from cloudevents.core.bindings.http import HTTPMessage, from_http_event
from standardwebhooks.webhooks import Webhook

parser = argparse.ArgumentParser()
parser.add_argument("--secret", required=True)
parser.add_argument("--port", type=int, default=0)
parser.add_argument("--fail", type=int, default=0)
arguments = parser.parse_args()
webhook, lock, seen = Webhook(arguments.secret), Lock(), [0]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"])).decode()
        headers = {name.lower(): value for name, value in self.headers.items()}
        webhook.verify(body, headers)
        attributes = from_http_event(HTTPMessage(headers=headers, body=body.encode())).get_attributes()
        with lock:
            seen[0] += 1
            fails = seen[0] == arguments.fail
            if not fails:
                print(json.dumps({key: attributes[key] for key in ("id", "type", "subject")}), flush=True)
        self.send_response(500 if fails else 204)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", arguments.port), Handler)
print(server.server_address[1], flush=True)
server.serve_forever()
