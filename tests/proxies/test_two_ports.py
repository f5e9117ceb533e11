"""On one machine, an authorization server that clients reach at a port of its own, through the proxy."""

import httpx
import pytest
from proxies import PROXIES
from support import free_port
from world import World


class TwoPorts(World):
    def addresses(self):
        return f"http://127.0.0.1:{self.port}", f"http://127.0.0.1:{free_port()}"

    def prepare(self, proxy):
        proxy.ports.append(httpx.URL(self.issuer).port)


@pytest.mark.parametrize("name", PROXIES)
def test_each_is_at_its_port_and_nowhere_else(upstream, tmp_path, name):
    world = TwoPorts(tmp_path, PROXIES[name], "two ports", upstream).start()
    try:
        answer = world.ask("GET", "/mcp")
        assert answer.status == 401
        assert answer.challenge()["resource_metadata"] == f"{world.origin}/.well-known/oauth-protected-resource/mcp"
        assert dict(world.passes(world.token()))["x-auth-username"] == "ada"
        for place in [f"{world.issuer}/mcp", f"{world.issuer}/gate/wiki", f"{world.origin}/authorize"]:
            assert httpx.get(place).status_code == 404, place
    finally:
        world.stop()
