"""What somebody with a good token may not do with it: talk to the MCP server past the gate.

The MCP server here writes down every byte, and agrees to whatever it is asked for.
"""

import itertools
import posixpath
import re
import socket
import urllib.parse

import pytest
from bare import HEAD, BareUpstream, upto
from proxies import PROXIES
from world import IDENTITY, World


@pytest.fixture(scope="module", params=PROXIES)
def bare(request, tmp_path_factory):
    upstream = BareUpstream()
    world = World(tmp_path_factory.mktemp("bare"), PROXIES[request.param], "same host, path", upstream).start()
    world.good = world.token()
    yield world
    world.stop()
    upstream.stop()


def send(world, request, *more):
    """Sends a request with a good token, and what is to be sent after its answer; returns all that is said.

    A connection that is refused may be closed before all is sent, or read.
    """
    world.upstream.forget()
    said = b""
    with socket.create_connection(("127.0.0.1", world.port), timeout=10) as connection:
        line, _, rest = request.partition("\r\n")
        known = f"Host: 127.0.0.1:{world.port}\r\nAuthorization: Bearer {world.good}\r\n"
        connection.sendall(f"{line}\r\n{known}{rest}".encode("latin-1"))
        try:
            for message in more:
                said, _ = upto(HEAD, connection, said)
                connection.sendall(message.replace("HOST", f"127.0.0.1:{world.port}").encode())
            while more_said := connection.recv(65536):
                said += more_said
        except (ConnectionResetError, BrokenPipeError):
            pass
        except OSError as error:
            assert "midst" in str(error), (error, said)
    assert said.startswith(b"HTTP/1."), said
    return int(said.split(b" ", 2)[1]), said


SMUGGLED = "GET /mcp/smuggled HTTP/1.1\r\nHost: HOST\r\nX-Auth-Subject: eve\r\nConnection: close\r\n\r\n"


@pytest.mark.parametrize(
    "headers",
    [
        "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA",
        "Connection: upgrade\r\nUpgrade: foo",
        "Upgrade: foo",
        "Upgrade: h2c",
        "Connection: Upgrade\r\nUpgrade: TLS/1.0",
        "Connection: Upgrade\r\nUpgrade: websocket, h2c",
        "Connection: Upgrade\r\nUpgrade: h2c, websocket",
        "Connection: Upgrade\r\nUpgrade: websocket-not",
        "Connection: Upgrade\r\nUpgrade: not-websocket",
        "Connection: Upgrade\r\nUpgrade: h2c\r\nUpgrade: websocket",
        "Connection: Upgrade\r\nUpgrade: websocket\r\nUpgrade: h2c",
    ],
)
def test_a_connection_changes_to_no_protocol_but_websocket(bare, headers):
    """Behind the change the proxy reads nothing more: a second request would pass with a name of its own."""
    status, said = send(bare, f"GET /mcp HTTP/1.1\r\n{headers}\r\n\r\n", SMUGGLED)
    changed = status == 101
    assert b"eve" not in bare.upstream.received() or changed and is_websocket(said), (said, bare.upstream.received())
    for request in bare.upstream.requests:
        asked = re.findall(rb"\r\nupgrade: *([^\r\n]*)", request, re.IGNORECASE)
        assert asked == [] or [value.lower() for value in asked] == [b"websocket"], request
    assert bool(bare.upstream.requests) == (status in (101, 200)), (said, bare.upstream.received())


def is_websocket(said):
    """Of two wishes the proxy has heard the one that it may."""
    return re.search(rb"\r\nupgrade: websocket\r\n", said, re.IGNORECASE)


@pytest.mark.parametrize("value", ["websocket", "WebSocket"])
def test_a_connection_changes_to_websocket(bare, value):
    asked = f"Connection: Upgrade\r\nUpgrade: {value}\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    status, said = send(bare, f"GET /mcp HTTP/1.1\r\n{asked}", "this is no HTTP\r\n\r\n")
    assert status == 101 and is_websocket(said), said
    assert bare.upstream.tunnelled == [b"this is no HTTP\r\n\r\n"]
    assert b"\r\nx-auth-username: ada\r\n" in bare.upstream.requests[0].lower()


@pytest.mark.parametrize("announced", ["", "Trailer: X-Auth-Subject, X_Auth_Username, Authorization\r\nTE: trailers\r\n"])
def test_nobody_says_who_he_is_behind_the_body(bare, announced):
    """RFC 9110 section 6.5: a server may add such fields to the headers."""
    behind = "".join(f"{name}: eve\r\n" for name in ["X-Auth-Subject", "X_Auth_Username", "Authorization", "Mcp-Name"])
    request = f"POST /mcp HTTP/1.1\r\n{announced}Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
    status, said = send(bare, f"{request}3\r\nabc\r\n0\r\n{behind}\r\n")
    assert b": eve" not in bare.upstream.received(), bare.upstream.received()
    assert status == 200 and b"abc" in bare.upstream.received() or status >= 400, said


OUTSIDE = [
    "/mcp/../admin",
    "/mcp/%2e%2e/admin",
    "/mcp/.%2E/admin",
    "/mcp/..%2fadmin",
    "/mcp/%2e%2e%2fadmin",
    "/mcp/..\\admin",
    "/mcp/..%5cadmin",
    "/mcp/%2e%2e%5Cadmin",
    "/mcp\\..\\admin",
    "/mcp%5c..%5cadmin",
    "/mcp/..;/admin",
    "/mcp/..;x=y/admin",
    "/mcp/%2e%2e;/admin",
    "/mcp/..%3b/admin",
    "/mcp/x/../../admin",
    "/mcp//../../admin",
    "/mcp/./../admin",
    "/mcp/..",
    "/mcp/..?x",
    "/mcp/%2e%2e",
    "/mcp%2f..%2fadmin",
    "/admin/../mcp",
    "/admin/..%2fmcp",
    "/admin/..;/mcp",
    "/admin/%2e%2e/mcp",
    "/admin\\..\\mcp",
    "//admin/../mcp",
    "//mcp",
    "/./mcp",
    "/%6dcp",
    "/mcpx",
    "/mcp;/../admin",
    "/mcp;/admin",
    "/mcp%3f/../admin",
    "/mcp/..%00/admin",
    "/mcp/.\t./admin",
    "http://127.0.0.1/mcp/../admin",
    "/mcp?/../admin",
    "/mcp/x?y=%2e%2e%2f\\..;/z",
]


@pytest.mark.parametrize("target", OUTSIDE)
def test_a_token_opens_no_other_path(bare, target):
    """However an MCP server reads a path: some take `\\` or `%2f` as `/`, and some drop what follows a `;`."""
    status, said = send(bare, f"GET {target} HTTP/1.1\r\nConnection: close\r\n\r\n")
    for seen in bare.upstream.targets():
        literal = seen.partition("?")[0]
        # Of a server that drops parameters, decodes, knows Windows, and strips what it cannot read.
        lax = re.sub(";[^/]*", "", literal)
        lax = re.sub("[\0\t]", "", urllib.parse.unquote(lax)).replace("\\", "/")
        segments = lax.split("/")
        for path in [literal, posixpath.normpath(literal), posixpath.normpath(lax)]:
            assert path == "/mcp" or path.startswith("/mcp/"), (target, seen)
        assert ".." not in segments, (target, seen)
    assert bool(bare.upstream.requests) == (status == 200), said


def test_a_query_is_not_looked_at(bare):
    status, said = send(bare, "GET /mcp?back=/x/../y%2f%5c&a=..\\ HTTP/1.1\r\nConnection: close\r\n\r\n")
    assert status == 200, said
    assert bare.upstream.targets() == ["/mcp?back=/x/../y%2f%5c&a=..\\"]


def spellings():
    """Every identity header with dashes, underscores and dots in every mixture."""
    for name in IDENTITY:
        words = ["X", "Auth", *name.title().split("-")]
        for marks in itertools.product("-_.", repeat=len(words) - 1):
            yield "".join(word + mark for word, mark in zip(words, [*marks, ""], strict=True))


def test_nobody_says_who_he_is_in_any_mixture_of_marks(bare):
    forged = list(spellings())
    assert len(forged) == 4 * 9 + 3 * 27
    # Some proxies take no more than about a hundred headers.
    for at in range(0, len(forged), 40):
        headers = "".join(f"{name}: eve\r\n" for name in forged[at : at + 40])
        status, said = send(bare, f"GET /mcp HTTP/1.1\r\n{headers}Connection: close\r\n\r\n")
        assert status == 200, said
        assert b"eve" not in bare.upstream.received(), bare.upstream.received()
        assert bare.upstream.received().lower().count(b"\r\nx-auth-username: ada\r\n") == 1


#: What some frameworks and load balancers read a caller, an address or a path from.
CLAIMS = ["Forwarded", "X-Real-IP", "Remote-User", "X-Forwarded-User", "X-Forwarded-Port", "X-Forwarded-Prefix"]
CLAIMS += ["X-Forwarded-Server", "X-Forwarded-Uri", "X-Original-URL", "X-Rewrite-URL", "True-Client-IP"]


def test_nobody_claims_to_be_somebody_or_somewhere_else(bare):
    claims = "".join(f"{name}: 203.0.113.9\r\n" for name in CLAIMS)
    status, said = send(bare, f"GET /mcp HTTP/1.1\r\n{claims}Connection: close\r\n\r\n")
    assert status == 200, said
    assert b"203.0.113.9" not in bare.upstream.received(), bare.upstream.received()
