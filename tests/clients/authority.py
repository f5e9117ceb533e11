"""Certificates, and authorities that only the test knows."""

import datetime
import ipaddress
import ssl

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

NOW = datetime.datetime.now(datetime.timezone.utc)
DAY = datetime.timedelta(days=1)


class Certificate:
    """A certificate and its key, signed by another one or by itself; an authority's own has no hosts."""

    def __init__(self, name, *hosts, by=None, days=(-1, 60.5)):
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        signer = by or self
        builder = x509.CertificateBuilder(
            subject_name=self.name,
            issuer_name=signer.name,
            public_key=self.key.public_key(),
            serial_number=x509.random_serial_number(),
            not_valid_before=NOW + days[0] * DAY,
            not_valid_after=NOW + days[1] * DAY,
        )
        builder = builder.add_extension(x509.BasicConstraints(ca=not hosts, path_length=None), critical=True)
        if hosts:
            names = [x509.IPAddress(ipaddress.ip_address(h)) if h[0].isdigit() else x509.DNSName(h) for h in hosts]
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        self.pem = builder.sign(signer.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    def context(self, folder, *rest):
        """What a server needs that shows this one, and the rest of its chain."""
        key = self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        chain = folder / f"server-{id(self)}.pem"
        chain.write_bytes(key + b"".join(one.pem for one in (self, *rest)))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(chain)
        return context


class Authority:
    """An authority, and its file."""

    def __init__(self, folder):
        self.folder = folder
        self.certificate = Certificate("an authority of the test")
        self.file = folder / "authority.pem"
        self.file.write_bytes(self.certificate.pem)
        self.file.chmod(0o600)

    def context(self, *names):
        """What a server of these names needs."""
        return Certificate("a server of the test", *names, by=self.certificate).context(self.folder)
