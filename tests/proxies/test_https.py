"""The recipes for public names, which differ from those for one machine: https, and names."""

import json

from world import DEMANDED


def test_the_whole_flow_over_https(secure_world):
    """Which also shows that the pages know that they are on https: their cookies are `__Host-`."""
    answer = secure_world.ask("GET", "/mcp")
    assert answer.status == 401
    metadata = "https://wiki.example.org/.well-known/oauth-protected-resource/mcp"
    assert answer.challenge() == {"resource_metadata": metadata, "scope": DEMANDED}
    document = secure_world.client().get(metadata).json()
    assert document["resource"] == secure_world.resource
    assert document["authorization_servers"] == [secure_world.issuer]
    headers = dict(secure_world.passes(secure_world.token()))
    assert headers["x-auth-username"] == "ada" and "authorization" not in headers
    assert headers["x-forwarded-proto"] == "https"


def test_other_names_lead_nowhere(secure_world):
    seen = len(secure_world.upstream.seen())
    for headers in [{"Host": "other.example.org"}, {"Host": "127.0.0.1"}, {"Host": ""}]:
        connection = secure_world.connection()
        connection.putrequest("GET", "/mcp/raw/headers", skip_host=True)
        for name, value in headers.items():
            connection.putheader(name, value)
        connection.endheaders()
        answer = connection.getresponse()
        assert answer.status >= 400 or answer.read() == b"", answer.status
    assert secure_world.upstream.seen()[seen:] == []


def test_the_pages_are_there(secure_world):
    client = secure_world.client()
    page = client.get(f"{secure_world.issuer}/")
    assert page.status_code == 200 and "stylesheet" in page.text
    style = page.text.partition('rel="stylesheet" href="')[2].partition('"')[0]
    assert client.get(f"https://{page.url.host}{style}").headers["content-type"].startswith("text/css")
    assert json.loads(client.get(secure_world.metadata_url()).text)["issuer"] == secure_world.issuer
