"""A proxy in front of a server that passes on what it is asked, and lies about the answer."""

import http.server
import json
import threading
import urllib.parse

import httpx

# Headers of one connection, and what the proxy measures anew.
HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length", "date", "server"}


class Exchange:
    """One request and its answer; both may be changed."""

    def __init__(self, side, method, target, headers, body):
        self.side, self.method, self.headers, self.body = side, method, headers, body
        self.path, _, self.query = target.partition("?")
        self.status, self.answer_headers, self.answer = None, [], b""

    @property
    def form(self):
        return dict(urllib.parse.parse_qsl(self.body.decode(), keep_blank_values=True))

    @form.setter
    def form(self, fields):
        self.body = urllib.parse.urlencode(fields).encode()

    def header(self, name):
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)

    def remove(self, *names):
        """Takes headers out of the answer."""
        names = {name.lower() for name in names}
        self.answer_headers = [pair for pair in self.answer_headers if pair[0].lower() not in names]

    def say(self, status, document=None):
        """Another answer, with the permission to read it."""
        self.status = status
        self.answer_headers = [("content-type", "application/json"), ("access-control-allow-origin", "*")]
        self.answer = json.dumps(document if document is not None else {}).encode()

    def change(self, **members):
        """Other members in an object; `...` takes one out."""
        document = json.loads(self.answer)
        for name, value in members.items():
            document.pop(name, None)
            if value is not ...:
                document[name] = value
        self.answer = json.dumps(document).encode()

    def relocate(self, change):
        """Another address in a redirect."""
        self.answer_headers = [
            (name, change(value) if name.lower() == "location" else value) for name, value in self.answer_headers
        ]


class Honest:
    """Changes nothing."""

    def asked(self, exchange):
        """Before the request is passed on; what has a status then is not."""

    def answered(self, exchange):
        """Before the answer is passed on."""


class LyingProxy:
    """Listens on `port`, passes on to `target`; `lie` can be replaced at any time."""

    def __init__(self, side, port, target):
        self.side, self.target, self.lie = side, target, Honest()
        self.client = httpx.Client(timeout=30, limits=httpx.Limits(max_connections=64))
        proxy = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def pass_on(self):
                length = int(self.headers.get("content-length") or 0)
                headers = [pair for pair in self.headers.items() if pair[0].lower() not in HOP_BY_HOP]
                exchange = Exchange(proxy.side, self.command, self.path, headers, self.rfile.read(length))
                proxy.serve(exchange)
                self.send_response(exchange.status)
                for name, value in exchange.answer_headers:
                    self.send_header(name, value)
                self.send_header("content-length", str(len(exchange.answer)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(exchange.answer)

            do_GET = do_POST = do_HEAD = do_OPTIONS = do_DELETE = do_PUT = pass_on

            def log_message(self, *arguments):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def serve(self, exchange):
        lie = self.lie
        lie.asked(exchange)
        if exchange.status is None:
            url = self.leads_to(exchange.path) + exchange.path + (f"?{exchange.query}" if exchange.query else "")
            answer = self.client.request(exchange.method, url, headers=exchange.headers, content=exchange.body)
            exchange.status, exchange.answer = answer.status_code, answer.content
            headers = answer.headers.multi_items()
            exchange.answer_headers = [
                pair for pair in headers if pair[0].lower() not in HOP_BY_HOP | {"content-encoding"}
            ]
        lie.answered(exchange)

    def leads_to(self, path):
        """Where this path is answered."""
        return self.target

    def stop(self):
        self.server.shutdown()
        self.server.server_close()
        self.client.close()
