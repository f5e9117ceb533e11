"""Real clients, connected before the service moves to another URL, go on at the former one; and come to the new one
when the MCP server names it."""

import json
import time

import httpx
import pytest
from conftest import McpServer
from support import Driver, Person, code_of
from test_clients import ACCESS_TOKEN_LIFETIME, CLIENTS

METADATA = "/.well-known/oauth-authorization-server"


class Witness(Person):
    """Remembers at which issuer it was asked, and as which the answer came."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def open(self, url):
        callback = super().open(url)
        self.seen.append((url.split("/authorize")[0], code_of(callback)["iss"][0]))
        return callback


@pytest.fixture(params=CLIENTS)
def connected(request, world, tmp_path):
    service, server = world
    person = Witness()
    client = Driver(CLIENTS[request.param](server.url), tmp_path, person)
    first = client.ask("call")
    assert "error" not in first, first
    yield request.param, service, server, client, person, first
    client.close()


def move(service):
    """As an operator does: looks, does it, changes the setting, restarts."""
    old, new = service.issuer, service.issuer.replace("127.0.0.1", "localhost")
    published = httpx.get(f"{old}{METADATA}").content
    told = json.loads(service.command("issuer", "move", new, "--json"))
    assert [client["live_logins"] for client in told["concerned"]["clients"]] == [1], told
    service.command("issuer", "move", new, "--yes")
    service.environment["MCP_OAUTH_ISSUER"] = new
    service.restart("stop")
    assert httpx.get(f"{old}{METADATA}").content == published
    assert httpx.get(f"{new}{METADATA}").json()["issuer"] == new
    return old, new


def test_goes_on_at_the_former_url_and_is_led_to_the_new_one(connected):
    name, service, server, client, person, first = connected
    old, new = move(service)
    time.sleep(ACCESS_TOKEN_LIFETIME + 1.2)
    later = client.ask("call")
    assert later.get("result") == first["result"], later
    assert later["access_token"] != first["access_token"], "it has refreshed"
    assert person.seen == [(old, old)]

    # rmcp leaves it to its program to ask again.
    if name == "rmcp":
        return
    (grant,) = service.grants()
    service.command("grant", "revoke", grant["id"])
    again = client.ask("call")
    assert again["result"]["username"] == first["result"]["username"], again
    assert person.seen == [(old, old)] * 2, "nobody has named another one"

    server.stop()
    server = McpServer(service.folder, server.port, new).start()
    try:
        (grant,) = service.grants()
        service.command("grant", "revoke", grant["id"])
        led = client.ask("call")
        assert led["result"]["username"] == first["result"]["username"], led
        # The TypeScript SDK keeps what it has discovered, for as long as that is answered.
        where = old if name.startswith("TypeScript") else new
        assert person.seen[2:] == [(where, where)]
    finally:
        server.stop()


@pytest.mark.parametrize("name", CLIENTS)
def test_a_client_that_comes_after_the_move_knows_the_new_url_only(world, tmp_path, name):
    service, server = world
    new = service.issuer.replace("127.0.0.1", "localhost")
    service.command("issuer", "move", new, "--yes")
    service.environment["MCP_OAUTH_ISSUER"] = new
    service.restart("stop")
    server.stop()
    server = McpServer(service.folder, server.port, new).start()
    person = Witness()
    client = Driver(CLIENTS[name](server.url), tmp_path, person)
    try:
        first = client.ask("call")
        assert "error" not in first, first
        assert person.seen == [(new, new)]
        time.sleep(ACCESS_TOKEN_LIFETIME + 1.2)
        later = client.ask("call")
        assert later.get("result") == first["result"], later
        assert len(person.seen) == 1
    finally:
        client.close()
        server.stop()
