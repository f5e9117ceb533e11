"""Those who are told, encrypted by certificates of an authority that only the test knows."""

import http.server
import queue
import threading

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult
from support import free_port

USER, PASSWORD = "mcp@h.example", "the password of the mail server"
PATIENCE = 20


class Mailbox:
    """aiosmtpd: a real mail server. `how` is smtps, starttls or plain."""

    def __init__(self, how, context):
        self.mail = queue.Queue()
        self.attempts = []
        # Whether it says nothing to a wrong password.
        self.is_silent = False
        options = {
            "smtps": {"ssl_context": context},
            "starttls": {"tls_context": context, "require_starttls": True},
            "plain": {},
        }[how]
        if how != "plain":
            options |= {
                "authenticator": self._authenticate,
                "auth_required": True,
                # From the first byte on aiosmtpd does not know that it is encrypted.
                "auth_require_tls": how == "starttls",
            }
        # Its controller connects to the port that it is told, so that 0 does not do.
        self.port = free_port()
        self.controller = Controller(self, hostname="127.0.0.1", port=self.port, **options)
        self.controller.start()

    async def handle_DATA(self, server, session, envelope):
        encrypted = session.ssl is not None or server.transport.get_extra_info("ssl_object") is not None
        self.mail.put((envelope, encrypted))
        return "250 taken"

    def _authenticate(self, server, session, envelope, mechanism, data):
        self.attempts.append(data)
        right = (data.login, data.password) == (USER.encode(), PASSWORD.encode())
        # Not handled: aiosmtpd says 535 itself.
        return AuthResult(success=right, handled=right or self.is_silent)

    def next(self):
        return self.mail.get(timeout=PATIENCE)

    def close(self):
        self.controller.stop()


class Webhook:
    """An HTTPS server that keeps what it is told."""

    def __init__(self, context):
        told = self.told = queue.Queue()

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                told.put(({name.lower(): value for name, value in self.headers.items()}, body))
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.url = f"https://127.0.0.1:{self.server.server_port}/hook"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def next(self):
        return self.told.get(timeout=PATIENCE)

    def close(self):
        self.server.shutdown()
        self.server.server_close()
