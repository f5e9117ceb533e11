"""In the MCP server's place: writes down what reaches it byte for byte, and agrees to everything."""

import base64
import contextlib
import hashlib
import re
import socket
import threading

OK = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nhi"
HEAD = re.compile(rb"\r\n\r\n")
#: Of a body in chunks, with the fields that may come behind it.
LAST_CHUNK = re.compile(rb"(?:^|\r\n)0\r\n(?:[^\r\n]+\r\n)*\r\n")


class BareUpstream:
    """Asked for another protocol it changes to that, whichever it is, and takes one more message."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        #: The requests, each with its body and the lines behind it, and what has come without HTTP.
        self.requests, self.tunnelled = [], []
        threading.Thread(target=self.serve, daemon=True).start()

    def stop(self):
        self.listener.close()

    def forget(self):
        self.requests.clear()
        self.tunnelled.clear()

    def received(self):
        return b"\n".join([*self.requests, *self.tunnelled])

    def targets(self):
        return [request.split(b" ", 2)[1].decode("latin-1") for request in self.requests]

    def serve(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self.listener.accept()
                threading.Thread(target=self.answer, args=(connection,), daemon=True).start()

    def answer(self, connection):
        connection.settimeout(30)
        with contextlib.suppress(OSError), connection:
            rest = b""
            while True:
                head, rest = upto(HEAD, connection, rest)
                body = b""
                if re.search(rb"\r\ntransfer-encoding: *chunked", head, re.IGNORECASE):
                    body, rest = upto(LAST_CHUNK, connection, rest)
                elif length := re.search(rb"\r\ncontent-length: *(\d+)", head, re.IGNORECASE):
                    body, rest = upto(re.compile(rb"^.{%s}" % length[1], re.DOTALL), connection, rest)
                self.requests.append(head + body)
                if protocol := re.search(rb"\r\nupgrade: *([^\r\n]+)", head, re.IGNORECASE):
                    connection.sendall(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n")
                    connection.sendall(b"Upgrade: %s\r\nSec-WebSocket-Accept: %s\r\n\r\n" % (protocol[1], accept(head)))
                    self.tunnelled.append(upto(HEAD, connection, rest)[0])
                    return
                connection.sendall(OK)


def accept(head):
    """RFC 6455 section 4.2.2, which HAProxy checks."""
    key = re.search(rb"\r\nsec-websocket-key: *(\S+)", head, re.IGNORECASE)
    text = (key[1] if key else b"") + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
    return base64.b64encode(hashlib.sha1(text).digest())


def upto(end, connection, data):
    """What comes up to an end, and what has come behind it."""
    while not (found := end.search(data)):
        more = connection.recv(65536)
        if not more:
            raise OSError("closed in the midst")
        data += more
    return data[: found.end()], data[found.end() :]
