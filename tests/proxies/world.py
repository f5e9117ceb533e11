"""An installation behind a proxy: the service, the proxy with its recipe, the MCP server."""

import base64
import contextlib
import hashlib
import http.client
import json
import os
import secrets
import ssl
import subprocess
import sys
import urllib.parse
from pathlib import Path

import httpx
from support import HERE as CLIENTS
from support import TOOLS, Person, Service, answers, code_of, free_port, wait_for

HERE = Path(__file__).parent
SCOPES = "mcp wiki:admin wiki:read"
#: What the recipe demands of every request.
DEMANDED = "mcp"
IDENTITY = ["subject", "username", "client-id", "client-name", "scope", "grant-id", "expires"]
BROWSER = "https://app.example"
FASTMCP = [sys.executable, str(CLIENTS / "fastmcp_client.py")]
TYPESCRIPT = ["node", str(TOOLS / "npm" / "typescript_v2.mjs")]


class Upstream:
    """The MCP server of all installations, and what has reached it."""

    def __init__(self, folder):
        self.port = free_port()
        self.folder = Path(folder)
        self.journal = self.folder / "journal.jsonl"
        self.process = None

    def start(self):
        environment = {**os.environ, "PORT": str(self.port), "JOURNAL": str(self.journal)}
        with (self.folder / "upstream.log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, HERE / "upstream.py"], env=environment, stdout=log, stderr=log
            )
        wait_for(lambda: answers(f"http://127.0.0.1:{self.port}/mcp"), "the MCP server")
        return self

    def stop(self):
        self.process.terminate()
        self.process.wait(30)

    def seen(self):
        """All that has come, oldest first."""
        lines = self.journal.read_text().splitlines(keepends=True)
        return [json.loads(line) for line in lines if line.endswith("\n")]


class Answer:
    def __init__(self, response):
        self.status = response.status
        self.headers = [(name.lower(), value) for name, value in response.getheaders()]
        try:
            self.body = response.read()
        except ConnectionResetError:
            # What is no HTTP may be refused, and its connection closed, before all of it is read.
            assert self.status == 400, self.headers
            self.body = b""

    def all(self, name):
        return [value for other, value in self.headers if other == name.lower()]

    def header(self, name):
        """The header, which is there exactly once."""
        (value,) = self.all(name)
        return value

    def challenge(self):
        """The parameters of the one challenge."""
        scheme, _, rest = self.header("www-authenticate").partition(" ")
        assert scheme == "Bearer", self.headers
        return {name: value[1:-1] for name, _, value in (part.partition("=") for part in rest.split(", "))}


class World:
    """One proxy in one layout."""

    #: Of the MCP server.
    path = "/mcp"

    def __init__(self, folder, proxy, layout, upstream):
        self.folder, self.layout, self.upstream = Path(folder), layout, upstream
        self.port = free_port()
        self.origin, self.issuer = self.addresses()
        self.resource = self.origin + self.path
        # Where the gate is may differ from where the pages are.
        internal = {"internal_listen": f"127.0.0.1:{free_port()}"} if layout == "same host" else {}
        self.service = Service(folder, self.resource, issuer=self.issuer, scopes=SCOPES, **internal)
        self.make_proxy = proxy
        self.proxy = None

    def addresses(self):
        """The origin of the MCP server, and the issuer."""
        origin = f"http://127.0.0.1:{self.port}"
        other = f"http://localhost:{self.port}"
        return origin, {"own host": other, "same host, path": f"{origin}/as", "same host": origin}[self.layout]

    def start(self):
        self.service.start()
        self.proxy = self.make_proxy(self.folder, self.recipe(self.make_proxy.kind), [self.port])
        self.prepare(self.proxy)
        self.proxy.start()
        return self

    def prepare(self, proxy):
        """The recipe is used as it is."""

    def recipe(self, kind):
        upstream = f"127.0.0.1:{self.upstream.port}"
        arguments = ["--proxy", kind, "--upstream", upstream, "--scope", DEMANDED]
        return self.service.command("resource", "snippet", self.resource, *arguments)

    def stop(self):
        self.proxy.stop()
        if self.service.process.poll() is None:
            self.service.kill()

    def client(self):
        """That reaches what the proxy serves by its name."""
        return httpx.Client(timeout=30)

    def connection(self, **options):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=30, **options)

    def ask(self, method, path, headers=(), token=None, body=None, connection=None):
        """One request, byte for byte as it is written here."""
        connection = connection or self.connection()
        connection.putrequest(method, path, skip_accept_encoding=True)
        headers = list(headers.items() if isinstance(headers, dict) else headers)
        if token is not None:
            headers.append(("Authorization", f"Bearer {token}"))
        if body is not None:
            headers.append(("Content-Length", str(len(body))))
        for name, value in headers:
            connection.putheader(name, value)
        # Whoever is refused may hear so before all is sent.
        with contextlib.suppress(BrokenPipeError):
            connection.endheaders(body)
        answer = Answer(connection.getresponse())
        connection.close()
        return answer

    def passes(self, token, **options):
        """Asks for what the upstream gets to see, which is what it says."""
        answer = self.ask("GET", "/mcp/raw/headers", token=token, **options)
        assert answer.status == 200, (answer.status, answer.headers, answer.body)
        return [tuple(pair) for pair in json.loads(answer.body)]

    def token(self, scope=DEMANDED, resource=None, name="Test"):
        """By the whole flow, through the proxy: registration, sign-in, consent, token."""
        client = self.client()
        metadata = client.get(self.metadata_url()).json()
        callback = "http://127.0.0.1:1/callback"
        registration = {"redirect_uris": [callback], "token_endpoint_auth_method": "none"}
        # The same again would be the same client, which keeps what it was granted before.
        registration["software_version"] = secrets.token_hex(8)
        if name is not None:
            registration["client_name"] = name
        registered = client.post(metadata["registration_endpoint"], json=registration)
        assert registered.status_code == 201, registered.text
        verifier = secrets.token_urlsafe(32)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
        request = {
            "response_type": "code",
            "client_id": registered.json()["client_id"],
            "redirect_uri": callback,
            "scope": scope,
            "resource": resource or self.resource,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        person = Person()
        person.browser = client
        answered = code_of(person.open(f"{metadata['authorization_endpoint']}?{urllib.parse.urlencode(request)}"))
        granted = client.post(
            metadata["token_endpoint"],
            data={
                "grant_type": "authorization_code",
                "code": answered["code"][0],
                "client_id": request["client_id"],
                "redirect_uri": callback,
                "code_verifier": verifier,
            },
        )
        assert granted.status_code == 200, granted.text
        assert granted.json()["scope"] == scope, granted.json()
        return granted.json()["access_token"]

    def metadata_url(self):
        parts = urllib.parse.urlsplit(self.issuer)
        return f"{parts.scheme}://{parts.netloc}/.well-known/oauth-authorization-server{parts.path}"

    def metrics(self):
        """How often the gate was asked, by what it said."""
        lines = httpx.get(f"{self.service.health}/metrics").text.splitlines()
        found = [line.split() for line in lines if "gate_" in line and not line.startswith("#")]
        assert len(found) == 4, lines
        return {name: int(value) for name, value in found}


class SecureWorld(World):
    """As it is for the world outside: names, https, and the certificates of `certificate`."""

    def __init__(self, folder, proxy, layout, upstream, certificate):
        self.certificate = certificate
        super().__init__(folder, proxy, layout, upstream)
        # Only an issuer that is on loopback may have none.
        del self.service.environment["MCP_OAUTH_LIMITS"]

    def addresses(self):
        origin, other = "https://wiki.example.org", "https://auth.example.org"
        return origin, {"own host": other, "same host, path": f"{origin}/as", "same host": origin}[self.layout]

    def prepare(self, proxy):
        proxy.serve_here(self.certificate, self.port)

    def client(self):
        return httpx.Client(timeout=30, transport=ToHere(self.port, self.trusting()))

    def trusting(self):
        """The certificates that the proxy has for its names, and no others."""
        return ssl.create_default_context(cafile=self.proxy.authority(self.certificate))

    def connection(self):
        connection = super().connection()
        connection.connect()
        name = urllib.parse.urlsplit(self.origin).netloc
        connection.sock = self.trusting().wrap_socket(connection.sock, server_hostname=name)
        connection.host, connection.port, connection.default_port = name, 443, 443
        return connection


class ToHere(httpx.HTTPTransport):
    """Every name is this machine, every port the proxy's."""

    def __init__(self, port, trusting):
        super().__init__(verify=trusting)
        self.port = port

    def handle_request(self, request):
        extensions = {**request.extensions, "sni_hostname": request.url.host}
        here = request.url.copy_with(host="127.0.0.1", port=self.port)
        sent = httpx.Request(request.method, here, headers=request.headers, stream=request.stream, extensions=extensions)
        return super().handle_request(sent)


def make_certificate(folder):
    """For the names of `SecureWorld`: one file with both parts, and one for each."""
    both, key, certificate = (Path(folder) / f"example.{suffix}" for suffix in ["pem", "key", "crt"])
    names = "subjectAltName=DNS:wiki.example.org,DNS:auth.example.org"
    request = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    request += ["-subj", "/CN=wiki.example.org", "-addext", names, "-keyout", key, "-out", certificate]
    subprocess.run(request, check=True, capture_output=True)
    both.write_text(certificate.read_text() + key.read_text())
    return both
