"""Real MCP clients through the whole flow, with a FastMCP server that has no auth of its own."""

import sys

import pytest
from support import HERE, TOOLS, Driver, Person
from world import DEMANDED

FASTMCP = [sys.executable, str(HERE / "fastmcp_client.py")]
TYPESCRIPT = ["node", str(TOOLS / "npm" / "typescript_v2.mjs")]


@pytest.fixture
def connect(tmp_path):
    """Starts clients, and ends them."""
    clients = []

    def connect(command, world, person):
        clients.append(Driver([*command, world.resource], tmp_path, person))
        return clients[-1]

    yield connect
    for client in clients:
        client.close()


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
