"""An https host of clients' documents that can be slow, large and untruthful, and its authority."""

import json
import socket
import threading

from authority import Authority

# How long it waits for somebody who says nothing.
PATIENCE = 30


def answer(body, status="200 OK", head="Content-Type: application/json\r\n"):
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{head}\r\n".encode() + body


class DocumentHost:
    """What is sent to whoever asks is said by `pages`: a list of pieces, and seconds between them; or by
    `otherwise`, which is given the path."""

    def __init__(self, folder):
        authority = Authority(folder)
        self.ca, context = authority.file, authority.context("localhost", "127.0.0.1")
        self.pages, self.otherwise = {}, lambda _path: [answer(b"", "404 Not Found", "")]
        self.connections, self.asked, self.lock = 0, [], threading.Lock()
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.port = self.listener.getsockname()[1]
        self.url = f"https://127.0.0.1:{self.port}"
        threading.Thread(target=self.listen, args=(context,), daemon=True).start()

    def listen(self, context):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            with self.lock:
                self.connections += 1
            threading.Thread(target=self.serve, args=(connection, context), daemon=True).start()

    def serve(self, connection, context):
        connection.settimeout(PATIENCE)
        try:
            with context.wrap_socket(connection, server_side=True) as stream:
                head = b""
                while b"\r\n\r\n" not in head:
                    piece = stream.recv(4096)
                    if not piece:
                        return
                    head += piece
                path = head.split()[1].decode()
                with self.lock:
                    self.asked.append(path)
                over = threading.Event()
                for piece in self.pages.get(path) or self.otherwise(path):
                    over.wait(piece) if isinstance(piece, float) else stream.sendall(piece)
                # Whoever asked ends it.
                stream.recv(1)
        except OSError:
            pass

    def publish(self, path, **members):
        """Lays down a document, and returns its address."""
        client_id = f"{self.url}{path}"
        document = {"client_id": client_id, "token_endpoint_auth_method": "none", **members}
        self.pages[path] = [answer(json.dumps(document).encode())]
        return client_id

    def stop(self):
        self.listener.close()
