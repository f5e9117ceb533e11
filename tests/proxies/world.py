"""An installation behind a proxy: the service, the proxy with its recipe, the MCP server."""

import base64
import hashlib
import http.client
import json
import os
import secrets
import subprocess
import sys
import urllib.parse
from pathlib import Path

import httpx
from support import Person, Service, answers, code_of, free_port, wait_for

HERE = Path(__file__).parent
SCOPES = "mcp wiki:admin wiki:read"
#: What the recipe demands of every request.
DEMANDED = "mcp"
IDENTITY = ["subject", "username", "client-id", "client-name", "scope", "grant-id", "expires"]
BROWSER = "https://app.example"


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
        self.body = response.read()

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

    def __init__(self, folder, proxy, layout, upstream):
        self.folder, self.layout, self.upstream = Path(folder), layout, upstream
        self.port = free_port()
        self.origin = f"http://127.0.0.1:{self.port}"
        self.resource = f"{self.origin}/mcp"
        issuer = {
            "own host": f"http://localhost:{self.port}",
            "same host, path": f"{self.origin}/as",
            "same host": self.origin,
        }[layout]
        # Where the gate is may differ from where the pages are.
        internal = {"internal_listen": f"127.0.0.1:{free_port()}"} if layout == "same host" else {}
        self.service = Service(folder, self.resource, issuer=issuer, scopes=SCOPES, **internal)
        self.issuer = issuer
        self.make_proxy = proxy
        self.proxy = None

    def start(self):
        self.service.start()
        self.proxy = self.make_proxy(self.folder, self.recipe(self.make_proxy.kind), [self.port]).start()
        return self

    def recipe(self, kind):
        upstream = f"127.0.0.1:{self.upstream.port}"
        arguments = ["--proxy", kind, "--upstream", upstream, "--scope", DEMANDED]
        return self.service.command("resource", "snippet", self.resource, *arguments)

    def stop(self):
        self.proxy.stop()
        if self.service.process.poll() is None:
            self.service.kill()

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
        connection.endheaders(body)
        answer = Answer(connection.getresponse())
        connection.close()
        return answer

    def passes(self, token, **options):
        """Asks for what the upstream gets to see, which is what it says."""
        answer = self.ask("GET", "/mcp/raw/headers", token=token, **options)
        assert answer.status == 200, (answer.status, answer.headers, answer.body)
        return [tuple(pair) for pair in json.loads(answer.body)]

    def token(self, scope=DEMANDED, resource=None):
        """By the whole flow, through the proxy: registration, sign-in, consent, token."""
        metadata = httpx.get(self.metadata_url()).json()
        callback = "http://127.0.0.1:1/callback"
        registration = {"redirect_uris": [callback], "token_endpoint_auth_method": "none", "client_name": "Test"}
        registered = httpx.post(metadata["registration_endpoint"], json=registration)
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
        answered = code_of(person.open(f"{metadata['authorization_endpoint']}?{urllib.parse.urlencode(request)}"))
        granted = httpx.post(
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
        assert len(found) == 3, lines
        return {name: int(value) for name, value in found}
