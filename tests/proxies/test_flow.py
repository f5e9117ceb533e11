"""Real MCP clients through the whole flow, with a FastMCP server that has no auth of its own."""

from support import Person
from world import DEMANDED, FASTMCP, TYPESCRIPT


def signs_in_and_calls(world, client, person, name):
    called = client.ask("call")
    assert "error" not in called, called
    assert called["result"]["username"] == "ada" and called["result"]["client-name"] == name
    assert called["result"]["scope"] == DEMANDED
    assert client.ask("call")["result"]["grant-id"] == called["result"]["grant-id"]
    assert person.asked == 1
    assert called["result"]["grant-id"] in [str(grant["id"]) for grant in world.service.grants()]


def test_fastmcp_signs_in_and_calls_a_tool(any_world, connect):
    person = Person()
    signs_in_and_calls(any_world, connect(FASTMCP, any_world, person), person, "FastMCP client")


def test_typescript_signs_in_and_calls_a_tool(any_world, connect):
    person = Person()
    signs_in_and_calls(any_world, connect(TYPESCRIPT, any_world, person), person, "TypeScript SDK v2")
