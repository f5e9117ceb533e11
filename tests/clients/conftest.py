"""Fixtures of the tests of real clients."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from support import McpServer, Service, free_port


@pytest.fixture
def world(tmp_path):
    """The service and an MCP server behind it. Access tokens live for three seconds."""
    port = free_port()
    service = Service(tmp_path, f"http://127.0.0.1:{port}/mcp", access_token_lifetime="3").start()
    server = McpServer(tmp_path, port, service.issuer).start()
    yield service, server
    server.stop()
    service.kill()
