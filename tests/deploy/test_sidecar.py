"""The sidecar of deploy/, started by its one file: nothing is clicked, repeated starts change nothing."""

import os
import signal
import subprocess
import sys

import httpx
import pytest
from support import BINARY, HERE, ROOT, Driver, Person, answers, free_port, wait_for


class Sidecar:
    def __init__(self, folder):
        self.data, self.port, self.server_port = folder / "data", free_port(), free_port()
        self.issuer = f"http://127.0.0.1:{self.port}"
        self.url = f"http://127.0.0.1:{self.server_port}/mcp"
        self.log = folder / "sidecar.log"
        self.environment = {
            **os.environ,
            "DATA": str(self.data),
            "OWNER": "ada",
            "PORT": str(self.port),
            "SERVER_PORT": str(self.server_port),
            "MCP_OAUTHD": BINARY,
            "PYTHON": sys.executable,
        }

    def start(self):
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [ROOT / "deploy" / "sidecar" / "start"], env=self.environment, stdout=log, stderr=log
            )
        wait_for(lambda: self.process.poll() is not None or answers(self.url), "the sidecar")
        assert self.process.poll() is None, self.log.read_text()

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(30) == 0, self.log.read_text()
        assert not answers(f"{self.issuer}/livez") and not answers(self.url), "both have ended"

    def text(self, name):
        return (self.data / name).read_text()

    def introspects(self):
        credentials = ("notes", self.text("introspection_secret").removesuffix("\n"))
        return httpx.post(f"{self.issuer}/introspect", data={"token": "x"}, auth=credentials).status_code == 200


@pytest.fixture
def sidecar(tmp_path):
    sidecar = Sidecar(tmp_path)
    sidecar.start()
    yield sidecar
    sidecar.stop()


def test_a_client_connects_and_later_starts_change_nothing(sidecar, tmp_path, monkeypatch):
    for name in ["owner_password", "introspection_secret", "mcp_oauth.db"]:
        assert (sidecar.data / name).stat().st_mode & 0o077 == 0, name
    before = {name: sidecar.text(name) for name in ["owner_password", "introspection_secret"]}
    monkeypatch.setattr("support.PASSWORD", before["owner_password"].removesuffix("\n"))
    person = Person()
    client = Driver([sys.executable, str(HERE / "fastmcp_client.py"), sidecar.url], tmp_path, person)
    call = {"tool": "add_note", "arguments": {"text": "hello"}}
    assert client.ask("call", **call)["result"] == {"result": "ada: hello"}
    sidecar.stop()
    sidecar.start()
    assert {name: sidecar.text(name) for name in before} == before
    assert client.ask("call", **call)["result"] == {"result": "ada: hello"}
    assert person.asked == 1 and sidecar.introspects()
    client.close()


def test_a_changed_secret_replaces_the_old_one_with_overlap(sidecar):
    old = sidecar.text("introspection_secret")
    sidecar.stop()
    (sidecar.data / "introspection_secret").write_text("another-secret-0123456789\n")
    sidecar.start()
    assert sidecar.introspects()
    (sidecar.data / "introspection_secret").write_text(old)
    assert sidecar.introspects(), "the old secret works on for a while"


def test_a_changed_password_file_overwrites_no_password(sidecar, monkeypatch):
    password = sidecar.text("owner_password").removesuffix("\n")
    sidecar.stop()
    (sidecar.data / "owner_password").write_text("quite another password\n")
    sidecar.start()
    metadata = {"redirect_uris": ["http://127.0.0.1:1/cb"], "token_endpoint_auth_method": "none"}
    client_id = httpx.post(f"{sidecar.issuer}/register", json=metadata).json()["client_id"]
    url = (
        f"{sidecar.issuer}/authorize?response_type=code&client_id={client_id}"
        f"&code_challenge={'a' * 42}A&code_challenge_method=S256"
    )
    monkeypatch.setattr("support.PASSWORD", "quite another password")
    with pytest.raises(AssertionError, match="401"):
        Person().open(url)
    monkeypatch.setattr("support.PASSWORD", password)
    assert "code=" in Person().open(url)
