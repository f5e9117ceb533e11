"""What passes and what does not, behind every proxy and in every layout, byte for byte."""

import json

import httpx
import pytest
from world import BROWSER, DEMANDED, IDENTITY

SPELLINGS = ["X-Auth-{}", "x-aUtH-{}", "X_Auth_{}", "X.Auth.{}", "X-Auth_{}", "X_Auth-{}", "X-Auth.{}", "X.Auth-{}"]


def is_challenge(world, answer, error=None):
    challenge = answer.challenge()
    assert challenge["resource_metadata"] == f"{world.origin}/.well-known/oauth-protected-resource/mcp"
    assert challenge.get("error") == error and challenge["scope"] == DEMANDED, challenge
    assert "no-store" in answer.header("cache-control")
    assert not [name for name, _ in answer.headers if name.startswith("x-auth-")]


def reaches_nobody(world, *arguments, **options):
    """The answer to a request of which the upstream must see nothing."""
    before = len(world.upstream.seen())
    answer = world.ask(*arguments, **options)
    assert world.upstream.seen()[before:] == []
    return answer


@pytest.mark.parametrize("method", ["GET", "POST", "HEAD", "DELETE"])
def test_without_a_token_the_challenge(any_world, method):
    body = b'{"jsonrpc": "2.0"}' if method == "POST" else None
    answer = reaches_nobody(any_world, method, "/mcp", body=body)
    assert answer.status == 401
    is_challenge(any_world, answer)


def test_a_token_opens_and_says_who_calls(any_world, any_token):
    headers = any_world.passes(any_token)
    said = {name.removeprefix("x-auth-"): value for name, value in headers if name.startswith("x-auth-")}
    assert sorted(said) == sorted(IDENTITY) and all(said.values()), said
    assert said["username"] == "ada" and said["client-name"] == "Test" and said["scope"] == DEMANDED
    (grant,) = [grant for grant in any_world.service.grants() if str(grant["id"]) == said["grant-id"]]
    assert grant["client_id"] == said["client-id"]


def test_the_token_goes_no_further(any_world, any_token):
    headers = any_world.passes(any_token)
    assert not [pair for pair in headers if pair[0] == "authorization" or any_token in pair[1]]


@pytest.mark.parametrize(
    ("authorization", "error"),
    [
        ("Bearer mat_" + "A" * 54, "invalid_token"),
        ("Bearer x", "invalid_token"),
        ("Bearer", "invalid_token"),
        ("Basic d2lraTpzZWNyZXQ=", None),
        ("mat_" + "A" * 54, None),
        ("", None),
    ],
)
def test_a_wrong_token_opens_nothing(any_world, authorization, error):
    answer = reaches_nobody(any_world, "GET", "/mcp", headers={"Authorization": authorization})
    assert answer.status == 401
    is_challenge(any_world, answer, error)


def test_a_token_in_the_query_or_given_twice_opens_nothing(any_world, any_token):
    assert reaches_nobody(any_world, "GET", f"/mcp?access_token={any_token}").status == 401
    twice = [("Authorization", f"Bearer {any_token}")] * 2
    assert reaches_nobody(any_world, "GET", "/mcp", headers=twice).status in (400, 401)


def test_a_token_of_another_resource_opens_nothing(any_world):
    other = "https://notes.example/mcp"
    if other not in any_world.service.command("resource", "list"):
        any_world.service.command("resource", "add", other)
    token = any_world.token(resource=other)
    answer = reaches_nobody(any_world, "GET", "/mcp", token=token)
    assert answer.status == 401
    is_challenge(any_world, answer, "invalid_token")


def test_a_missing_scope_is_asked_for(any_world):
    token = any_world.token("wiki:read")
    for method in ["GET", "POST", "HEAD"]:
        answer = reaches_nobody(any_world, method, "/mcp", token=token, body=b"{}" if method == "POST" else None)
        assert answer.status == 403
        is_challenge(any_world, answer, "insufficient_scope")


def test_nobody_says_who_he_is(any_world, any_token):
    forged = [(spelling.format(name), "eve") for spelling in SPELLINGS for name in IDENTITY]
    headers = any_world.passes(any_token, headers=forged)
    assert not [pair for pair in headers if "eve" in pair[1]]
    assert [value for name, value in headers if name == "x-auth-username"] == ["ada"]


def test_a_client_without_a_name_has_none(any_world):
    """An empty header, or none, and not what the client says."""
    token = any_world.token(name=None)
    headers = any_world.passes(token, headers=[("X-Auth-Client-Name", "eve")])
    assert [value for name, value in headers if name == "x-auth-client-name"] in ([], [""]), headers
    assert [value for name, value in headers if name == "x-auth-username"] == ["ada"]


def test_nobody_says_where_he_comes_from(world, token):
    forged = {"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "gopher"}
    headers = dict(world.passes(token, headers=forged))
    assert headers["x-forwarded-for"] == "127.0.0.1"
    assert headers["x-forwarded-host"] == f"127.0.0.1:{world.port}"
    assert headers["x-forwarded-proto"] == "http"


@pytest.mark.parametrize("also", ["", ", Authorization"])
def test_nobody_makes_the_proxy_forget_who_he_is(any_world, any_token, also):
    """By naming our headers as those of this connection only (RFC 9110 section 7.6.1)."""
    # What is named there and is not ours passes or not, but the request does.
    harmless = {"Connection": "close, X-Other", "X-Other": "x"}
    assert any_world.passes(any_token, headers=harmless)
    named = {"Connection": f"close, X-Auth-Subject, x-auth-username{also}"}
    before = len(any_world.upstream.seen())
    answer = any_world.ask("GET", "/mcp/raw/headers", headers=named, token=any_token)
    requests = any_world.upstream.seen()[before:]
    assert bool(requests) == (answer.status == 200)
    for request in requests:
        assert ["x-auth-username", "ada"] in request["headers"], request
        assert [value for name, value in request["headers"] if name == "x-auth-subject"], request


TRICKS = [
    "/mcp/raw/headers",
    "/mcp/raw/headers?/.well-known/oauth-protected-resource",
    "/mcp/raw/headers#/.well-known/oauth-protected-resource",
    "//mcp/raw/headers",
    "/mcp//raw/headers",
    "/./mcp/raw/headers",
    "/mcp/../mcp/raw/headers",
    "/mcp/%2e%2e/mcp/raw/headers",
    "/mcp/..%2fmcp/raw/headers",
    "/%6dcp/raw/headers",
    "/mcp%2fraw%2fheaders",
    "/mcp%00/raw/headers",
    "/mcp;/raw/headers",
    "/mcp;x=y/raw/headers",
    "/;/mcp/raw/headers",
    "/MCP/raw/headers",
    "/mcp\\raw\\headers",
    "/raw/headers",
    "/as/../mcp/raw/headers",
    "/as/%2e%2e/mcp/raw/headers",
    "/as/..%2fmcp/raw/headers",
    "/as/..;/mcp/raw/headers",
    "/as//../mcp/raw/headers",
    "/authorize/../mcp/raw/headers",
    "/assets/..%2f..%2fmcp/raw/headers",
    "/.well-known/oauth-protected-resource/../../mcp/raw/headers",
    "/.well-known/oauth-protected-resource/%2e%2e/%2e%2e/mcp/raw/headers",
    "/.well-known/oauth-protected-resource/..%2f..%2fmcp/raw/headers",
    "/.well-known/oauth-protected-resource;/../../mcp/raw/headers",
    "/.well-known/../mcp/raw/headers",
    "http://127.0.0.1/mcp/raw/headers",
    "http://other.example/mcp/raw/headers",
    "*",
]


@pytest.mark.parametrize("path", TRICKS)
def test_no_path_leads_around_the_gate(any_world, path):
    for method in ["GET", "POST"]:
        # Without a body: who is refused while it is still on its way may see the connection reset.
        answer = reaches_nobody(any_world, method, path, body=b"" if method == "POST" else None)
        # For a host that it does not know Caddy has a 200 without a word.
        assert answer.status >= 400 or answer.body == b"", (answer.status, answer.body)


@pytest.mark.parametrize(
    "headers",
    [
        {"X-HTTP-Method-Override": "OPTIONS", "X-Method-Override": "OPTIONS"},
        {"X-Original-URI": "/.well-known/oauth-protected-resource", "X-Original-URL": "/", "X-Rewrite-URL": "/"},
        {"X-Forwarded-Uri": "/", "X-Forwarded-Method": "OPTIONS", "X-Forwarded-For": "127.0.0.1"},
        {"Origin": BROWSER, "Access-Control-Request-Method": "POST"},
        {"Connection": "Upgrade", "Upgrade": "websocket"},
        {"User-Agent": "kube-probe/1.30", "Purpose": "prefetch"},
        {"Cookie": "session=x", "Proxy-Authorization": "Bearer x"},
    ],
)
def test_no_header_leads_around_the_gate(any_world, headers):
    assert reaches_nobody(any_world, "POST", "/mcp", headers=headers, body=b"{}").status == 401


@pytest.mark.parametrize(
    "path", ["/gate/wiki", "/ext_authz/wiki/-/", "/metrics", "/readyz", "/livez", "/.mcp-gate-wiki"]
)
def test_what_proxies_and_supervisors_ask_is_not_public(any_world, any_token, path):
    assert reaches_nobody(any_world, "GET", path, token=any_token).status == 404
    # Where people sign in neither; below the issuer's path there is something else.
    sign_in = httpx.URL(any_world.issuer).copy_with(raw_path=path.encode())
    assert httpx.get(sign_in, headers={"Authorization": f"Bearer {any_token}"}).status_code == 404


def test_a_browser_asks_before_it_sends_a_token(any_world):
    asked = any_world.metrics()
    wanted = ["authorization", "content-type", "mcp-protocol-version", "mcp-method", "mcp-name", "mcp-param-city"]
    preflight = {
        "Origin": BROWSER,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": ",".join(wanted),
    }
    answer = reaches_nobody(any_world, "OPTIONS", "/mcp", headers=preflight)
    assert answer.status in (200, 204) and answer.body == b""
    assert answer.header("access-control-allow-origin") in ("*", BROWSER)
    assert "POST" in answer.header("access-control-allow-methods")
    allowed = [name.strip().lower() for name in answer.header("access-control-allow-headers").split(",")]
    # A wildcard does not include Authorization: Fetch standard.
    assert "authorization" in allowed and ("*" in allowed or set(wanted) <= set(allowed)), allowed
    assert answer.all("access-control-allow-credentials") == []
    assert any_world.metrics() == asked, "the gate was asked"
    assert any_world.ask("GET", "/mcp").status == 401 and any_world.metrics() != asked


@pytest.mark.parametrize("endpoint", ["registration_endpoint", "token_endpoint"])
def test_a_browser_asks_before_it_registers_and_gets_a_token(any_world, endpoint):
    url = httpx.get(any_world.metadata_url()).json()[endpoint]
    preflight = {"Origin": BROWSER, "Access-Control-Request-Method": "POST"}
    preflight["Access-Control-Request-Headers"] = "content-type, mcp-protocol-version"
    answer = httpx.options(url, headers=preflight)
    assert answer.status_code in (200, 204), answer.status_code
    assert answer.headers.get_list("access-control-allow-origin") == ["*"], answer.headers
    assert "POST" in answer.headers["access-control-allow-methods"]
    allowed = answer.headers["access-control-allow-headers"].lower()
    assert "content-type" in allowed and "mcp-protocol-version" in allowed, allowed
    refused = httpx.post(url, content=b"x", headers={"Origin": BROWSER})
    assert refused.status_code in (400, 401, 415) and refused.headers["access-control-allow-origin"] == "*"


def test_a_browser_reads_answers_and_refusals(any_world, any_token):
    opened = any_world.ask("GET", "/mcp/raw/headers", headers={"Origin": BROWSER}, token=any_token)
    refused = any_world.ask("GET", "/mcp", headers={"Origin": BROWSER})
    lacking = any_world.ask("GET", "/mcp", headers={"Origin": BROWSER}, token=any_world.token("wiki:read"))
    assert (opened.status, refused.status, lacking.status) == (200, 401, 403)
    for answer in [opened, refused, lacking]:
        assert answer.header("access-control-allow-origin") in ("*", BROWSER)
        exposed = answer.header("access-control-expose-headers").lower()
        assert "www-authenticate" in exposed and "mcp-session-id" in exposed
        assert answer.all("access-control-allow-credentials") == []


def test_a_browser_calls_a_tool(any_world, any_token):
    """A real MCP server refuses pages from elsewhere, and hosts that it does not listen as."""
    call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "whoami", "arguments": {}}}
    meta = {"io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {}}
    call["params"]["_meta"] = meta | {"io.modelcontextprotocol/clientInfo": {"name": "browser", "version": "1"}}
    headers = {
        "Origin": BROWSER,
        "Content-Type": "application/json",
        "Accept": "application/json, text/event-stream",
        "MCP-Protocol-Version": "2026-07-28",
        "Mcp-Method": "tools/call",
        "Mcp-Name": "whoami",
    }
    answer = any_world.ask("POST", "/mcp", headers=headers, token=any_token, body=json.dumps(call).encode())
    assert answer.status == 200 and b'"username"' in answer.body, (answer.status, answer.body)


@pytest.mark.parametrize("place", ["/.well-known/oauth-protected-resource/mcp", "/.well-known/oauth-protected-resource"])
def test_the_metadata_of_the_resource_is_on_its_own_host(any_world, place):
    answer = any_world.ask("GET", place, headers={"Origin": BROWSER})
    assert answer.status == 200 and answer.header("access-control-allow-origin") == "*"
    document = json.loads(answer.body)
    assert document["resource"] == any_world.resource
    assert document["authorization_servers"] == [any_world.issuer]
    assert any_world.ask("HEAD", place).status == 200
    preflight = {"Origin": BROWSER, "Access-Control-Request-Method": "GET"}
    preflight["Access-Control-Request-Headers"] = "mcp-protocol-version"
    assert any_world.ask("OPTIONS", place, headers=preflight).status in (200, 204)


def test_the_metadata_of_the_authorization_server_is_on_its_host(any_world):
    answer = httpx.get(any_world.metadata_url(), headers={"Origin": BROWSER})
    assert answer.status_code == 200 and answer.headers["access-control-allow-origin"] == "*"
    assert answer.json()["issuer"] == any_world.issuer
    # Clients that look for what is not there go on when they hear 404 as JSON, or 401.
    missing = any_world.ask("GET", "/.well-known/openid-configuration")
    assert missing.status == 404 and json.loads(missing.body)["error"] == "not_found"


def test_the_service_learns_who_asks_and_nobody_claims_another_address(any_world):
    log = any_world.service.log
    known = len(log.read_text())
    issuer = httpx.URL(any_world.issuer)
    connection = any_world.connection(source_address=("127.0.0.2", 0))
    forged = {"X-Forwarded-For": "203.0.113.9", "Forwarded": "for=203.0.113.9", "X-Real-IP": "203.0.113.9"}
    path = f"{issuer.path.rstrip('/')}/authorize"
    connection.putrequest("GET", path, skip_host=True)
    for name, value in {"Host": issuer.netloc.decode(), **forged}.items():
        connection.putheader(name, value)
    connection.endheaders()
    assert connection.getresponse().status == 400
    lines = [line for line in log.read_text()[known:].splitlines() if "/authorize" in line]
    assert lines and all('"127.0.0.2"' in line and "203.0.113.9" not in line for line in lines), lines
