"""An MCP server that has a host name to itself but for the authorization server's path."""

import json

import httpx
import pytest
from proxies import PROXIES
from test_gate import TRICKS
from world import BROWSER, DEMANDED, World


class AtRoot(World):
    path = ""


@pytest.fixture(params=PROXIES)
def at_root(request, upstream, tmp_path):
    world = AtRoot(tmp_path, PROXIES[request.param], "same host, path", upstream).start()
    yield world
    world.stop()


def test_all_that_is_not_the_authorization_servers_needs_a_token(at_root):
    metadata = f"{at_root.origin}/.well-known/oauth-protected-resource"
    before = len(at_root.upstream.seen())
    for path in ["/", "/raw/headers", "/mcp", "/.well-known/security.txt", "/asset", "/gate/wiki", "/metrics"]:
        answer = at_root.ask("GET", path)
        assert answer.status == 401, path
        assert answer.challenge() == {"resource_metadata": metadata, "scope": DEMANDED}
    for path in TRICKS:
        at_root.ask("GET", path)
        at_root.ask("POST", path.replace("/mcp", ""), body=b"")
    assert at_root.upstream.seen()[before:] == []
    assert httpx.get(metadata).json()["resource"] == at_root.resource
    assert httpx.get(f"{at_root.issuer}/authorize").status_code == 400


def test_a_token_opens(at_root):
    token = at_root.token()
    answer = at_root.ask("GET", "/raw/headers", token=token)
    assert answer.status == 200 and ["x-auth-username", "ada"] in json.loads(answer.body)
    preflight = {"Origin": BROWSER, "Access-Control-Request-Method": "POST"}
    assert at_root.ask("OPTIONS", "/", headers=preflight).status in (200, 204)
