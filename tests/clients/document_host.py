"""An https host of clients' documents that can be slow, large and untruthful, and its authority."""

import datetime
import ipaddress
import socket
import ssl
import threading

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

# How long it waits for somebody who says nothing.
PATIENCE = 30


def answer(body, status="200 OK", head="Content-Type: application/json\r\n"):
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{head}\r\n".encode() + body


class DocumentHost:
    """What is sent to whoever asks is said by `pages`: a list of pieces, and seconds between them; or by
    `otherwise`, which is given the path."""

    def __init__(self, folder):
        self.ca, context = certificate(folder)
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

    def stop(self):
        self.listener.close()


def certificate(folder):
    """The authority in PEM, and TLS for this machine."""
    now = datetime.datetime.now(datetime.UTC)
    day = datetime.timedelta(days=1)

    def signed(name, key, by, with_key):
        named = lambda name: x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        builder = x509.CertificateBuilder(named(by), named(name), key.public_key(), x509.random_serial_number())
        builder = builder.not_valid_before(now - day).not_valid_after(now + day)
        if by == name:
            builder = builder.add_extension(x509.BasicConstraints(True, None), critical=True)
        else:
            here = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
            builder = builder.add_extension(x509.SubjectAlternativeName(here), critical=False)
        return builder.sign(with_key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    authority, own = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    ca = signed("Authority of a test", authority, "Authority of a test", authority)
    chain, key = folder / "host.pem", folder / "host.key"
    chain.write_bytes(signed("localhost", own, "Authority of a test", authority))
    unlocked = serialization.NoEncryption()
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, unlocked)
    key.write_bytes(own.private_bytes(*form))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain, key)
    path = folder / "authority.pem"
    path.write_bytes(ca)
    path.chmod(0o600)
    return path, context
