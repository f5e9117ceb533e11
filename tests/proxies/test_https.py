"""The recipes for public names, which differ from those for one machine: https, and names."""

import json
import sys

import pytest
from proxies import PROXIES
from support import Person
from world import CLIENTS, DEMANDED, HERE


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


@pytest.mark.parametrize(
    "secure_world", [(proxy, "own host") for proxy in PROXIES], ids=PROXIES, indirect=True, scope="session"
)
def test_a_real_client_signs_in_and_calls_a_tool(secure_world, connect):
    """Which looks at certificates, and asks for https."""
    person = Person()
    person.browser = secure_world.client()
    authority = secure_world.proxy.authority(secure_world.certificate)
    command = [sys.executable, str(HERE / "from_here.py"), str(secure_world.port), str(CLIENTS / "fastmcp_client.py")]
    client = connect(command, secure_world, person, SSL_CERT_FILE=str(authority))
    called = client.ask("call")
    assert "error" not in called, called
    assert called["result"]["username"] == "ada" and called["result"]["client-name"] == "FastMCP client"
    assert person.asked == 1


@pytest.mark.parametrize("host", ["other.example.org", "127.0.0.1", "wiki.example.org.other.example", ""])
def test_other_names_lead_nowhere(secure_world, secure_token, host):
    """Not even with a good token, nor when TLS was set up for a name that is ours."""
    seen = len(secure_world.upstream.seen())
    connection = secure_world.connection()
    connection.putrequest("GET", "/mcp/raw/headers", skip_host=True)
    connection.putheader("Host", host)
    connection.putheader("Authorization", f"Bearer {secure_token}")
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
