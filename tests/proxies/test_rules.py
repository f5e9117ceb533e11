"""Per-tool rules: what a tool needs reaches the gate through the proxy, and its answer the client."""

import base64
import json

import pytest
from support import Person
from world import DEMANDED, FASTMCP, TYPESCRIPT

VERSION = {"MCP-Protocol-Version": "2026-07-28"}


@pytest.fixture
def ruled(world):
    """Whoever deletes needs more."""
    arguments = [world.resource, "--needs", "wiki:admin", "--name", "delete_*"]
    world.service.command("resource", "rule", "add", *arguments)
    yield world
    for rule in json.loads(world.service.command("resource", "rule", "list", world.resource, "--json")):
        world.service.command("resource", "rule", "remove", world.resource, str(rule["id"]))


def call(world, token, *headers):
    before = len(world.upstream.seen())
    answer = world.ask("POST", "/mcp/raw/headers", headers=headers, token=token, body=b"{}")
    assert bool(world.upstream.seen()[before:]) == (answer.status == 200)
    return answer


def named(name):
    return [*VERSION.items(), ("Mcp-Method", "tools/call"), ("Mcp-Name", name)]


def test_a_tool_that_needs_more_is_refused_with_all_that_it_needs(ruled, token):
    assert call(ruled, token, *named("whoami")).status == 200
    answer = call(ruled, token, *named("delete_page"))
    assert answer.status == 403
    challenge = answer.challenge()
    assert challenge["error"] == "insufficient_scope" and challenge["scope"] == f"{DEMANDED} wiki:admin"
    assert challenge["resource_metadata"] == f"{ruled.origin}/.well-known/oauth-protected-resource/mcp"
    assert call(ruled, ruled.token(f"{DEMANDED} wiki:admin"), *named("delete_page")).status == 200


@pytest.mark.parametrize(
    "headers",
    [
        [*named("whoami"), ("Mcp-Name", "delete_page")],
        [*named("whoami"), ("mcp-name", "delete_page")],
        [*named("delete_page"), ("Mcp-Name", "whoami")],
        [*named("whoami"), ("Mcp-Method", "tools/list")],
        [*VERSION.items(), ("Mcp-Method", "tools/call")],
        [*VERSION.items()],
        [("MCP-Protocol-Version", "2025-11-25"), ("Mcp-Method", "tools/call"), ("Mcp-Name", "whoami")],
        [],
    ],
)
def test_what_says_not_exactly_one_thing_is_refused(ruled, token, headers):
    answer = call(ruled, token, *headers)
    assert answer.status == 403 and answer.challenge()["error"] in ("invalid_request", "insufficient_scope")


@pytest.mark.parametrize("hidden", ["Mcp_Name", "Mcp.Name", "mcp_name", "MCP_NAME"])
def test_other_spellings_of_a_header_say_nothing(ruled, token, hidden):
    sent = [*VERSION.items(), ("Mcp-Method", "tools/call"), ("Mcp-Name", "delete_page"), (hidden, "whoami")]
    assert call(ruled, token, *sent).status == 403
    sent = [*VERSION.items(), ("Mcp-Method", "tools/call"), (hidden, "whoami")]
    assert call(ruled, token, *sent).status == 403
    # The MCP server hears of the tool that was allowed, and of no other.
    before = len(ruled.upstream.seen())
    assert call(ruled, token, *named("whoami"), (hidden, "delete_page")).status == 200
    (request,) = ruled.upstream.seen()[before:]
    assert ["mcp-name", "whoami"] in request["headers"] and "delete_page" not in str(request["headers"]), request


def test_other_spellings_of_the_other_headers_do_not_pass(ruled, token):
    hidden = ["Mcp_Method", "Mcp.Method", "MCP_Protocol_Version", "MCP-Protocol_Version", "MCP.Protocol-Version"]
    before = len(ruled.upstream.seen())
    assert call(ruled, token, *named("whoami"), *[(name, "eve") for name in hidden]).status == 200
    (request,) = ruled.upstream.seen()[before:]
    assert "eve" not in str(request["headers"]), request


def encoded(name):
    return f"=?base64?{base64.b64encode(name.encode()).decode()}?="


def test_a_name_that_no_header_can_carry_comes_encoded(ruled, token):
    assert call(ruled, token, *named(encoded("whoami"))).status == 200
    assert call(ruled, token, *named(encoded("überall"))).status == 200
    answer = call(ruled, token, *named(encoded("delete_ä")))
    assert answer.status == 403 and answer.challenge()["error"] == "insufficient_scope"
    for broken in ["=?base64?%%%?=", "=?base64?d2hvYW1p", "=?base64?/w==?="]:
        answer = call(ruled, token, *named(broken))
        assert answer.status == 403 and answer.challenge()["error"] == "invalid_request", broken


def test_nobody_hides_a_tool_from_the_gate_alone(ruled, token):
    """By naming its header as one of this connection only (RFC 9110 section 7.6.1)."""
    hiding = [("Connection", "close, Mcp-Name, Mcp-Method, MCP-Protocol-Version"), *named("delete_page")]
    assert call(ruled, token, *hiding).status in (400, 403)


def test_a_client_asks_its_person_for_what_a_tool_needs(ruled, connect):
    person = Person()
    client = connect(FASTMCP, ruled, person)
    first = client.ask("call")
    assert "error" not in first and person.asked == 1, first
    deleted = client.ask("call", tool="delete_page", arguments={"name": "Home"})
    assert deleted.get("result") == {"result": "Home is gone"}, deleted
    assert person.asked == 2
    assert client.ask("call")["result"]["scope"] == f"{DEMANDED} wiki:admin"
    assert person.asked == 2


def test_a_client_of_an_older_revision_is_told_why(ruled, connect):
    person = Person()
    refused = connect(TYPESCRIPT, ruled, person).ask("call")
    assert "needs MCP-Protocol-Version 2026-07-28" in refused["error"], refused
