"""Real clients, as they are: each signs in, calls a tool, refreshes, and lives through restarts."""

import sys
import time

import httpx
import pytest
from support import HERE, TOOLS, USER, Driver, Person

CLIENTS = {
    "FastMCP": lambda url: [sys.executable, str(HERE / "fastmcp_client.py"), url],
    "TypeScript SDK v1": lambda url: ["node", str(TOOLS / "npm" / "typescript_v1.mjs"), url],
    "TypeScript SDK v2": lambda url: ["node", str(TOOLS / "npm" / "typescript_v2.mjs"), url],
    "rmcp": lambda url: [str(TOOLS / "rmcp" / "debug" / "rmcp-client"), url],
}
ACCESS_TOKEN_LIFETIME = 3
# How each client tells its user that the person said no. (rmcp looks for the code first.)
WORDS_FOR_NO = {
    "FastMCP": "Access was denied",
    "TypeScript SDK v1": "access_denied",
    "TypeScript SDK v2": "access_denied",
    "rmcp": "missing code",
}


@pytest.fixture(params=CLIENTS)
def connected(request, world, tmp_path):
    """A client that has signed in and called the tool; with what it got."""
    service, server = world
    person = Person()
    client = Driver(CLIENTS[request.param](server.url), tmp_path, person)
    first = client.ask("call")
    assert "error" not in first, first
    yield service, client, person, first
    client.close()


def let_the_access_token_expire():
    time.sleep(ACCESS_TOKEN_LIFETIME + 1.2)


def test_signs_in_once_and_calls_a_tool(connected):
    service, _, person, first = connected
    assert first["result"]["username"] == USER and first["result"]["scopes"] == ["mcp"]
    assert person.asked == 1
    (grant,) = service.grants()
    assert grant["client_id"] == first["result"]["client_id"] and grant["resource"] == service.resource


def test_refreshes_when_the_token_has_expired_and_asks_nobody(connected):
    _, client, person, first = connected
    for _ in range(2):
        let_the_access_token_expire()
        later = client.ask("call")
        assert later.get("result") == first["result"], later
        assert later["access_token"] != first["access_token"]
    assert person.asked == 1


@pytest.mark.parametrize("how", ["stop", "kill -9"])
def test_goes_on_after_a_restart_and_asks_nobody(connected, how):
    service, client, person, first = connected
    service.restart(how)
    assert client.ask("call").get("result") == first["result"]
    let_the_access_token_expire()
    service.restart(how)
    assert client.ask("call").get("result") == first["result"]
    assert person.asked == 1


def test_goes_on_after_one_crash_upon_another_and_asks_nobody(connected):
    service, client, person, first = connected
    for _ in range(3):
        service.restart("kill -9")
        service.restart("kill -9")
        let_the_access_token_expire()
        service.restart("kill -9")
        assert client.ask("call").get("result") == first["result"]
        service.restart("kill -9")
        assert client.ask("call").get("result") == first["result"]
    assert person.asked == 1


def revoke_as_the_client(service, first):
    for _ in range(2):
        answer = httpx.post(
            f"{service.issuer}/revoke",
            data={"token": first["refresh_token"], "client_id": first["result"]["client_id"]},
        )
        assert answer.status_code == 200, answer.text


def revoke_as_the_operator(service, _):
    (grant,) = service.grants()
    service.command("grant", "revoke", grant["id"])


@pytest.mark.parametrize("revoke", [revoke_as_the_client, revoke_as_the_operator])
def test_revoked_means_revoked_at_the_next_call(connected, revoke):
    service, client, person, first = connected
    person.answer = "deny"
    revoke(service, first)
    assert service.introspect(first["access_token"]) == {"active": False}
    assert service.grants() == []
    refused = client.ask("call")
    assert "error" in refused and "result" not in refused, refused
    refresh = httpx.post(
        f"{service.issuer}/token",
        data={
            "grant_type": "refresh_token",
            "refresh_token": first["refresh_token"],
            "client_id": first["result"]["client_id"],
        },
    )
    assert (refresh.status_code, refresh.json()["error"]) == (400, "invalid_grant")


@pytest.mark.parametrize("name", CLIENTS)
def test_a_no_is_told_to_the_client(world, tmp_path, name):
    service, server = world
    person = Person("deny")
    client = Driver(CLIENTS[name](server.url), tmp_path, person)
    try:
        answer = client.ask("call")
    finally:
        client.close()
    assert "result" not in answer and WORDS_FOR_NO[name] in answer["error"], answer
    assert person.asked == 1 and service.grants() == []
