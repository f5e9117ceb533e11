"""An MCP server whose URL names an IPv6 address, which each proxy writes in its own way."""

import http.client

import pytest
from proxies import PROXIES
from world import World


class SixthWorld(World):
    def addresses(self):
        origin = f"http://[::1]:{self.port}"
        return origin, f"{origin}/as"

    def prepare(self, proxy):
        proxy.address = "::1"

    def connection(self):
        return http.client.HTTPConnection("::1", self.port, timeout=30)


@pytest.mark.parametrize("name", PROXIES)
def test_an_address_of_ipv6_is_served(upstream, tmp_path, name):
    world = SixthWorld(tmp_path, PROXIES[name], "ipv6", upstream).start()
    try:
        answer = world.ask("GET", "/mcp")
        assert answer.status == 401
        assert answer.challenge()["resource_metadata"] == f"{world.origin}/.well-known/oauth-protected-resource/mcp"
        assert dict(world.passes(world.token()))["x-forwarded-host"] == f"[::1]:{world.port}"
    finally:
        world.stop()
