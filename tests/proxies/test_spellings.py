"""Names of headers that only a rule for all of them removes, behind the proxies whose recipes have one."""

import pytest
from proxies import PROXIES
from world import World

#: What RFC 9110 section 5.6.2 has for names beside letters, digits, dash, underscore and dot; CGI and
#: its heirs make the same of each of them as of a dash.
MARKS = "!#$%&'*+^`|~"


# Caddy can only remove headers whose names begin or end in a given way.
@pytest.mark.parametrize("name", ["nginx", "Traefik", "Envoy", "HAProxy"])
def test_nobody_says_who_he_is_in_odd_spellings(upstream, tmp_path, name):
    world = World(tmp_path, PROXIES[name], "same host, path", upstream).start()
    try:
        token = world.token()
        for mark in MARKS:
            for spelling in [f"X{mark}Auth{mark}Username", f"X-Auth{mark}Username", f"X{mark}Auth-Username"]:
                before = len(upstream.seen())
                answer = world.ask("GET", "/mcp/raw/headers", token=token, headers=[(spelling, "eve")])
                seen = upstream.seen()[before:]
                assert answer.status == 400 or answer.status == 200 and len(seen) == 1, (spelling, answer.status)
                assert not [request for request in seen if [spelling.lower(), "eve"] in request["headers"]], spelling
                assert all(["x-auth-username", "ada"] in request["headers"] for request in seen), spelling
    finally:
        world.stop()
