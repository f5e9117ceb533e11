"""What the tests of real clients share: the service, an MCP server behind it, and a person."""

import contextlib
import html.parser
import json
import os
import platform
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.parse
from pathlib import Path

import httpx

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
TOOLS = ROOT / "target" / "clients"
# The one that npm brings: Debian's may be older than what needs it.
MACHINE = {"x86_64": "x64", "aarch64": "arm64"}[platform.machine()]
NODE = TOOLS / "npm" / "node_modules" / f"node-linux-{MACHINE}" / "bin" / "node"
BINARY = os.environ.get("MCP_OAUTHD_BIN", str(ROOT / "target" / "debug" / "mcp-oauthd"))
USER, PASSWORD = "ada", "correct horse battery"
INTROSPECTION_ID, INTROSPECTION_SECRET = "wiki", "a-secret-of-the-wiki-0123456789"


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def wait_for(ready, what, seconds=30.0):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if ready():
            return
        time.sleep(0.05)
    raise AssertionError(f"{what} did not become ready in {seconds} s")


def answers(url):
    try:
        return httpx.get(url, timeout=2).status_code < 500
    except httpx.HTTPError:
        return False


class Service:
    """The binary itself, on a file of its own, declared by its settings."""

    def __init__(self, folder, resource, access_token_lifetime="1h", issuer=None, **settings):
        self.folder = Path(folder)
        self.port = free_port()
        self.issuer = issuer or f"http://127.0.0.1:{self.port}"
        self.health = f"http://{settings.get('internal_listen', f'127.0.0.1:{self.port}')}"
        self.resource = resource
        self.log = self.folder / "service.log"
        secrets = {"owner_password": PASSWORD, "introspection_secret": INTROSPECTION_SECRET}
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("MCP_OAUTH_")},
            "MCP_OAUTH_ISSUER": self.issuer,
            "MCP_OAUTH_LISTEN": f"127.0.0.1:{self.port}",
            "MCP_OAUTH_DB": str(self.folder / "mcp_oauth.db"),
            "MCP_OAUTH_OWNER": USER,
            "MCP_OAUTH_RESOURCE": resource,
            "MCP_OAUTH_INTROSPECTION_ID": INTROSPECTION_ID,
            "MCP_OAUTH_ACCESS_TOKEN_LIFETIME": access_token_lifetime,
            "MCP_OAUTH_LIMITS": "off",
        }
        for name, text in secrets.items():
            path = self.folder / name
            path.touch(mode=0o600)
            path.write_text(text + "\n")
            self.environment[f"MCP_OAUTH_{name.upper()}_FILE"] = str(path)
        for name, value in settings.items():
            self.environment[f"MCP_OAUTH_{name.upper()}"] = value
        self.process = None

    def start(self, until="readyz", **options):
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [BINARY, "serve"], env=self.environment, stdout=log, stderr=log, cwd=self.folder, **options
            )
        wait_for(lambda: self.process.poll() is not None or answers(f"{self.health}/{until}"), "the service")
        assert self.process.poll() is None, self.log.read_text()
        return self

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(30) == 0, self.log.read_text()

    def kill(self):
        self.process.kill()
        self.process.wait(30)

    def restart(self, how):
        {"stop": self.stop, "kill -9": self.kill}[how]()
        self.start()

    def command(self, *arguments):
        done = subprocess.run(
            [BINARY, *arguments], env=self.environment, cwd=self.folder, capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def grants(self):
        return json.loads(self.command("grant", "list", "--json"))

    def introspect(self, token):
        answer = httpx.post(
            f"{self.issuer.rstrip('/')}/introspect", data={"token": token}, auth=(INTROSPECTION_ID, INTROSPECTION_SECRET)
        )
        assert answer.status_code == 200, answer.text
        return answer.json()


class McpServer:
    """A FastMCP server that knows tokens by introspection only; `base` is where people find it."""

    def __init__(self, folder, port, issuer, base=None):
        self.port, self.folder = port, Path(folder)
        self.url = f"{base or f'http://127.0.0.1:{port}'}/mcp"
        self.environment = {
            **os.environ,
            **({"BASE": base} if base else {}),
            "PORT": str(port),
            "ISSUER": issuer,
            "INTROSPECTION_ID": INTROSPECTION_ID,
            "INTROSPECTION_SECRET": INTROSPECTION_SECRET,
        }
        self.process = None

    def start(self):
        with (self.folder / "mcp_server.log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, HERE / "mcp_server.py"], env=self.environment, stdout=log, stderr=log
            )
        wait_for(lambda: answers(self.url), "the MCP server")
        return self

    def stop(self):
        self.process.terminate()
        self.process.wait(30)


class FormParser(html.parser.HTMLParser):
    """The forms of a page: their action, their fields, their buttons."""

    def __init__(self, text):
        super().__init__()
        self.forms = []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if tag == "form":
            self.forms.append({"action": attributes["action"], "fields": {}, "buttons": []})
        elif tag == "input" and self.forms and "name" in attributes:
            self.forms[-1]["fields"][attributes["name"]] = attributes.get("value") or ""
        elif tag == "button" and self.forms and "name" in attributes:
            self.forms[-1]["buttons"].append((attributes["name"], attributes["value"]))


class Person:
    """Somebody with a browser, who signs in where a password is asked for and then answers."""

    # None: whom the service was started with.
    user = None

    def __init__(self, answer="allow"):
        self.browser = httpx.Client(timeout=30)
        self.answer = answer
        self.asked = 0

    def open(self, url):
        """Follows an authorization URL up to the redirect to the client, and returns that URL."""
        self.asked += 1
        here = url
        page = self.browser.get(url)
        for _ in range(10):
            if page.is_redirect:
                there = urllib.parse.urljoin(here, page.headers["location"])
                if urllib.parse.urlsplit(there).netloc != urllib.parse.urlsplit(url).netloc:
                    return there
                here, page = there, self.browser.get(there)
                continue
            assert page.status_code == 200, f"{page.status_code}: {page.text}"
            asked = lambda form: "password" in form["fields"] or ("decision", self.answer) in form["buttons"]
            form = next(filter(asked, FormParser(page.text).forms), None)
            assert form, page.text
            fields = dict(form["fields"])
            if "password" in fields:
                fields |= dict(zip(["username", "password"], self.user or (USER, PASSWORD)))
            else:
                fields["decision"] = self.answer
            here = urllib.parse.urljoin(here, form["action"])
            page = self.browser.post(here, data=fields, headers={"Origin": origin(url)})
        raise AssertionError("the pages lead nowhere")

    def connect(self, url):
        """As `open`, and delivers the answer to the client that listens for it. Some open the browser before they
        listen: a person is never that fast."""
        callback = self.open(url)

        def deliver():
            try:
                answer = httpx.get(callback, timeout=30)
            except httpx.ConnectError:
                return False
            assert answer.status_code < 500, answer.text
            return True

        wait_for(deliver, "the client that waits for the answer", seconds=10)


def origin(url):
    parts = urllib.parse.urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


class Driver:
    """A client in a process of its own: a command is a line of JSON, and so is its answer.

    When it wants a browser it says `{"open": URL}`, and the person goes there.
    """

    def __init__(self, command, folder, person, **environment):
        self.person = person
        self.errors = Path(folder) / f"{Path(str(command[-1])).stem}.log"
        with self.errors.open("ab") as log:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env={**os.environ, **environment},
            )

    def ask(self, command, seconds=60, **arguments):
        """Sends a command, serves its wishes, and returns its answer."""
        self.process.stdin.write(json.dumps({"command": command, **arguments}) + "\n")
        self.process.stdin.flush()
        watchdog = threading.Timer(seconds, self.process.kill)
        watchdog.start()
        try:
            for line in self.process.stdout:
                if not line.startswith("{"):
                    continue
                said = json.loads(line)
                if "open" not in said:
                    return said
                threading.Thread(target=self.person.connect, args=(said["open"],), daemon=True).start()
        finally:
            watchdog.cancel()
        raise AssertionError(f"the client ended: {self.errors.read_text()[-3000:]}")

    def close(self):
        with contextlib.suppress(OSError):
            self.process.stdin.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(10)


def code_of(callback):
    return urllib.parse.parse_qs(urllib.parse.urlsplit(callback).query)


def token_texts(text):
    return re.findall(r"m(?:at|rt|ac|se|rq|ln)_[A-Za-z0-9_-]{54}", text)
