"""Real clients, connected to a FastMCP server with the replaced provider in it, go on after the move to the service,
with what they hold: at the same address, behind the same proxy, without a page."""

import json
import os
import subprocess
import sys
import time

import httpx
import pytest
from lying_proxy import LyingProxy
from support import HERE, USER, Driver, McpServer, Person, Service, answers, free_port, wait_for
from test_clients import CLIENTS

LONG, SHORT = 3600, 3


class Proxy(LyingProxy):
    """At first all leads to the old server; after the move, what `import` has named leads to the service."""

    def __init__(self, port, target):
        super().__init__("all", port, target)
        self.service, self.paths = None, []

    def leads_to(self, path):
        moved = any(path == known or path.startswith(f"{known}/") for known in self.paths)
        return self.service if moved else self.target


class OldServer:
    """The FastMCP server with the provider in it."""

    def __init__(self, folder, base, lifetime):
        self.port, self.folder, self.database = free_port(), folder, folder / "old" / "mcp_oauth.db"
        self.database.parent.mkdir()
        self.environment = {
            **os.environ,
            "PORT": str(self.port),
            "BASE": base,
            "DATABASE": str(self.database),
            "ACCESS_TOKEN_LIFETIME": str(lifetime),
        }

    def start(self):
        with (self.folder / "old_server.log").open("ab") as log:
            command = [sys.executable, HERE / "replaced_provider.py"]
            self.process = subprocess.Popen(command, env=self.environment, stdout=log, stderr=log)
        wait_for(lambda: answers(f"http://127.0.0.1:{self.port}/mcp"), "the old server")
        return self

    def kill(self):
        self.process.kill()
        self.process.wait(30)


class World:
    """Before the move."""

    def __init__(self, folder, lifetime):
        self.folder, self.front = folder, free_port()
        self.base = f"http://127.0.0.1:{self.front}"
        self.old = OldServer(folder, self.base, lifetime).start()
        self.proxy = Proxy(self.front, f"http://127.0.0.1:{self.old.port}")
        self.service = self.server = None

    def move(self):
        """As an operator does: asks the old one who it is, looks, takes, and turns the proxy over."""
        # The old database is left as its own provider has left it: killed, with a log beside it.
        published = httpx.get(f"{self.base}/.well-known/oauth-authorization-server").json()["issuer"]
        self.service = Service(self.folder, f"{self.base}/mcp", issuer=published, trusted_proxies="127.0.0.1")
        self.service.start()
        arguments = ("import", "fastmcp-sqlite", str(self.old.database), "--user", USER, "--json")
        told = json.loads(self.service.command(*arguments, "--dry-run"))
        assert (told["old_issuer"], told["known"]) == (published, "published")
        self.old.kill()
        before = self.files()
        told = json.loads(self.service.command(*arguments, "--old-issuer", published))
        assert told["is_ours"] and told["left"] == [], told
        assert self.files() == before, "it was only read"
        self.server = McpServer(self.folder, free_port(), published, self.base)
        self.proxy.paths, self.proxy.service = told["paths"], f"http://127.0.0.1:{self.service.port}"
        self.proxy.target = f"http://127.0.0.1:{self.server.port}"
        wait_for(lambda: answers(f"{self.base}/.well-known/oauth-authorization-server"), "the service")
        self.server.start()
        return told

    def files(self):
        # The index of a log is where readers say what they read.
        files = self.old.database.parent.iterdir()
        return {file.name: file.read_bytes() for file in files if not file.name.endswith("-shm")}

    def stop(self):
        self.old.kill()
        self.proxy.stop()
        for process in (self.server and self.server.stop, self.service and self.service.kill):
            if process:
                process()


@pytest.fixture
def world(tmp_path, request):
    world = World(tmp_path, getattr(request, "param", LONG))
    yield world
    world.stop()


def connect(world, tmp_path, name):
    person = Person()
    client = Driver(CLIENTS[name](f"{world.base}/mcp"), tmp_path, person)
    first = client.ask("call")
    assert "error" not in first and first["access_token"].startswith("access_"), first
    return client, person, first


@pytest.mark.parametrize("name", CLIENTS)
def test_goes_on_with_the_same_access_token(world, tmp_path, name):
    client, person, first = connect(world, tmp_path, name)
    taken = world.move()["taken"]
    assert (taken["clients"], taken["grants"], taken["access_tokens"]) == (1, 1, 1)
    later = client.ask("call")
    assert later["access_token"] == first["access_token"], later
    assert later["result"]["client_id"] == first["result"]["client_id"]
    assert (later["result"]["username"], later["result"]["scopes"]) == (USER, ["mcp"])
    assert world.service.introspect(first["access_token"])["active"]
    assert person.asked == 1, "by the old provider"
    (grant,) = world.service.grants()
    assert grant["imported"] and grant["resource"] == f"{world.base}/mcp"
    client.close()


@pytest.mark.parametrize("name", CLIENTS)
@pytest.mark.parametrize("world", [SHORT], indirect=True)
def test_goes_on_with_the_same_refresh_token(world, tmp_path, name):
    client, person, first = connect(world, tmp_path, name)
    assert world.move()["taken"]["refresh_tokens"] == 1
    time.sleep(SHORT + 1.2)
    later = client.ask("call")
    assert "error" not in later and later["access_token"].startswith("mat_"), later
    assert later["result"]["client_id"] == first["result"]["client_id"]
    assert person.asked == 1
    client.close()


# rmcp leaves it to its program to ask again.
@pytest.mark.parametrize("name", [name for name in CLIENTS if name != "rmcp"])
def test_asks_its_person_again_under_the_same_name_when_its_grant_is_ended(world, tmp_path, name):
    client, person, first = connect(world, tmp_path, name)
    world.move()
    (grant,) = world.service.grants()
    world.service.command("grant", "revoke", grant["id"])
    later = client.ask("call")
    assert "error" not in later and later["access_token"].startswith("mat_"), later
    assert person.asked == 2 and later["result"]["client_id"] == first["result"]["client_id"]
    (grant,) = world.service.grants()
    assert not grant["imported"]
    client.close()
