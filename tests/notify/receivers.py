"""Those who are told, encrypted by certificates of an authority that only the test knows."""

import datetime
import http.server
import ipaddress
import queue
import ssl
import threading

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from support import free_port

USER, PASSWORD = "mcp@h.example", "the password of the mail server"
PATIENCE = 20


class Authority:
    """A certificate authority, and its file."""

    def __init__(self, folder):
        self.folder = folder
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "an authority of the test")])
        certificate = self._sign(self.name, self.key, x509.BasicConstraints(ca=True, path_length=0), [])
        self.file = folder / "authority.pem"
        self.file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        self.file.chmod(0o600)

    def context(self, *names):
        """What a server of these names needs."""
        key = ec.generate_private_key(ec.SECP256R1())
        names = [x509.IPAddress(ipaddress.ip_address(n)) if n[0].isdigit() else x509.DNSName(n) for n in names]
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "a server of the test")])
        certificate = self._sign(subject, key, x509.BasicConstraints(ca=False, path_length=None), names)
        chain = self.folder / f"server-{id(key)}.pem"
        chain.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
            + certificate.public_bytes(serialization.Encoding.PEM)
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(chain)
        return context

    def _sign(self, subject, key, constraints, names):
        now = datetime.datetime.now(datetime.timezone.utc)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(hours=1))
            .not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(constraints, critical=True)
        )
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        return builder.sign(self.key, hashes.SHA256())


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
