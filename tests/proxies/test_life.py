"""What changes while requests come: tokens end, the service goes away, streams go on."""

import contextlib
import hashlib
import json
import threading
import time

import pytest
from proxies import PROXIES
from support import free_port, wait_for
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect
from world import World

UPLOAD = 100 * 1024 * 1024
EVENTS = 60
#: Longer than any proxy waits for the next byte by default, but for Envoy.
SILENCE = 70


def grant_of(world, token):
    return dict(world.passes(token))["x-auth-grant-id"]


def is_refused(world, token):
    answer = world.ask("POST", "/mcp", token=token, body=b"{}")
    assert answer.status == 401, (answer.status, answer.body)
    assert answer.challenge()["error"] == "invalid_token"


def test_a_revoked_token_opens_nothing_more(world):
    token = world.token()
    world.service.command("grant", "revoke", grant_of(world, token))
    is_refused(world, token)


def test_an_expired_token_opens_nothing_more(world):
    lifetime = "MCP_OAUTH_ACCESS_TOKEN_LIFETIME"
    before = world.service.environment[lifetime]
    world.service.environment[lifetime] = "2s"
    world.service.restart("stop")
    try:
        token = world.token()
        assert world.passes(token)
        wait_for(lambda: world.ask("GET", "/mcp/raw/headers", token=token).status != 200, "the end of the token")
        is_refused(world, token)
    finally:
        world.service.environment[lifetime] = before
        world.service.restart("stop")


def test_when_nobody_can_be_asked_nobody_passes(world, token):
    assert world.passes(token)
    seen = len(world.upstream.seen())
    world.service.kill()
    try:
        for method, path in [("GET", "/mcp/raw/headers"), ("POST", "/mcp"), ("GET", "/mcp/raw/events?count=1")]:
            answer = world.ask(method, path, token=token, body=b"{}" if method == "POST" else None)
            assert answer.status in (403, 500, 502, 503, 504), answer.status
            # A page in a browser can read that, and may try again.
            assert answer.header("access-control-allow-origin") == "*", answer.headers
            assert "retry-after" in answer.header("access-control-expose-headers").lower()
            # Traefik and Envoy have no place for that; what is 5xx is not for caches by itself (RFC 9110 section 15.1).
            if world.make_proxy.kind in ("nginx", "caddy", "haproxy"):
                assert answer.header("retry-after") == "5" and answer.header("cache-control") == "no-store"
        assert world.upstream.seen()[seen:] == []
        preflight = {"Origin": "https://app.example", "Access-Control-Request-Method": "POST"}
        assert world.ask("OPTIONS", "/mcp", headers=preflight).status in (200, 204)
    finally:
        world.service.start()
    wait_for(lambda: world.ask("GET", "/mcp/raw/headers", token=token).status == 200, "the way in")


class Nowhere:
    """In the MCP server's place: nobody listens."""

    def __init__(self):
        self.port = free_port()


@pytest.mark.parametrize("name", PROXIES)
def test_a_browser_is_told_that_the_mcp_server_is_away(tmp_path, name):
    world = World(tmp_path, PROXIES[name], "same host, path", Nowhere()).start()
    try:
        answer = world.ask("GET", "/mcp", token=world.token())
        assert answer.status in (500, 502, 503, 504), answer.status
        assert answer.header("access-control-allow-origin") == "*", answer.headers
    finally:
        world.stop()


@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunked"])
def test_an_upload_passes_as_it_comes(world, token, chunked):
    piece = bytes(range(256)) * 4096
    identity = f"{id(world)}-{chunked}"
    connection = world.connection()
    connection.putrequest("POST", f"/mcp/raw/upload?id={identity}")
    connection.putheader("Authorization", f"Bearer {token}")
    connection.putheader("Content-Type", "application/octet-stream")
    length = ("Transfer-Encoding", "chunked") if chunked else ("Content-Length", str(UPLOAD))
    connection.putheader(*length)
    connection.endheaders()
    digest = hashlib.sha256()
    for number in range(UPLOAD // len(piece)):
        connection.send(b"%x\r\n%s\r\n" % (len(piece), piece) if chunked else piece)
        digest.update(piece)
        if number == 1:
            begun = {"upload": identity, "begun": True}
            wait_for(lambda: begun in world.upstream.seen(), "the first piece at the MCP server")
    if chunked:
        connection.send(b"0\r\n\r\n")
    answer = connection.getresponse()
    said = json.loads(answer.read())
    connection.close()
    assert said == {"size": UPLOAD, "sha256": digest.hexdigest()}


def test_a_refused_upload_reaches_nobody(world):
    seen = len(world.upstream.seen())
    # A proxy that has answered and closed may be heard as one that has broken off (RFC 9112 section 9.6).
    with contextlib.suppress(ConnectionResetError):
        answer = world.ask("POST", "/mcp/raw/upload?id=refused", body=b"x" * 1_000_000)
        assert answer.status == 401
    assert world.upstream.seen()[seen:] == []
    assert world.ask("POST", "/mcp/raw/upload?id=refused", body=b"x").status == 401


def test_a_websocket_is_let_in_once(world):
    token = world.token()
    url = f"ws://127.0.0.1:{world.port}/mcp/raw/socket"
    is_no_socket(url)
    with connect(url, additional_headers={"Authorization": f"Bearer {token}"}) as socket:
        asked = world.metrics()
        for number in range(3):
            socket.send(f"hello {number}")
            assert socket.recv(timeout=10) == f"hello {number}"
        assert world.metrics() == asked
        world.service.command("grant", "revoke", grant_of(world, token))
        socket.send("still here")
        assert socket.recv(timeout=10) == "still here"
    is_no_socket(url, additional_headers={"Authorization": f"Bearer {token}"})


def is_no_socket(url, **options):
    with pytest.raises(InvalidStatus) as refused:
        connect(url, **options)
    assert refused.value.response.status_code == 401
    assert refused.value.response.headers["WWW-Authenticate"].startswith("Bearer resource_metadata=")


class Stream(threading.Thread):
    """Reads a stream of events, each of which must be here before the next is sent."""

    def __init__(self, world):
        super().__init__(daemon=True)
        self.world, self.token = world, world.token()
        self.numbers, self.late, self.failure = [], [], None
        self.fifth = threading.Event()

    def run(self):
        try:
            connection = self.world.connection()
            headers = {"Authorization": f"Bearer {self.token}", "Accept": "text/event-stream"}
            connection.request("GET", f"/mcp/raw/events?count={EVENTS}", headers=headers)
            answer = connection.getresponse()
            assert answer.status == 200, answer.status
            while line := answer.readline():
                if not line.startswith(b"data:"):
                    continue
                event, now = json.loads(line[5:]), time.time()
                self.numbers.append(event["number"])
                if now - event["sent"] >= 1:
                    self.late.append((event["number"], now - event["sent"]))
                if event["number"] == 5:
                    self.fifth.set()
        except Exception as error:  # noqa: BLE001
            self.failure = repr(error)


class SilentStream(threading.Thread):
    """The answer to a POST: one event, nothing for more than a minute, and another event."""

    def __init__(self, world, token):
        super().__init__(daemon=True)
        self.world, self.token = world, token
        self.numbers, self.late, self.failure = [], None, None

    def run(self):
        try:
            connection = self.world.connection()
            connection.timeout = SILENCE + 30
            headers = {"Authorization": f"Bearer {self.token}", "Accept": "text/event-stream"}
            connection.request("POST", f"/mcp/raw/events?count=2&pause={SILENCE}", b"{}", headers)
            answer = connection.getresponse()
            assert answer.status == 200, answer.status
            while line := answer.readline():
                if line.startswith(b"data:"):
                    event = json.loads(line[5:])
                    self.numbers.append(event["number"])
                    self.late = time.time() - event["sent"]
        except Exception as error:  # noqa: BLE001
            self.failure = repr(error)


class SlowUpload(threading.Thread):
    """Sends a piece each second, for longer than any proxy waits for a request by default."""

    def __init__(self, world, token):
        super().__init__(daemon=True)
        self.world, self.token = world, token
        self.said, self.failure = None, None

    def run(self):
        try:
            connection = self.world.connection()
            path = f"/mcp/raw/upload?id={id(self)}"
            connection.request("POST", path, self.pieces(), {"Authorization": f"Bearer {self.token}"})
            self.said = json.loads(connection.getresponse().read())["size"]
        except Exception as error:  # noqa: BLE001
            self.failure = repr(error)

    def pieces(self):
        for _ in range(EVENTS + 5):
            yield b"x"
            time.sleep(1)


def test_streams_of_a_minute_outlive_their_token(upstream, tmp_path_factory):
    """All proxies at once, up and down, and silent ones. What is revoked is refused at the next request."""
    streams, uploads, silent = {}, {}, {}
    try:
        for name, proxy in PROXIES.items():
            world = World(tmp_path_factory.mktemp("stream"), proxy, "same host, path", upstream).start()
            streams[name] = Stream(world)
            uploads[name] = SlowUpload(world, streams[name].token)
            silent[name] = SilentStream(world, streams[name].token)
        threads = [*silent.values(), *streams.values(), *uploads.values()]
        for thread in threads:
            thread.start()
        for name, stream in streams.items():
            assert stream.fifth.wait(30), (name, stream.numbers, stream.failure)
            stream.world.service.command("grant", "revoke", grant_of(stream.world, stream.token))
            is_refused(stream.world, stream.token)
        for thread in threads:
            thread.join(EVENTS + 30)
        for name, stream in streams.items():
            assert (stream.failure, stream.late) == (None, []), (name, stream.failure, stream.late)
            assert stream.numbers == list(range(EVENTS)), (name, stream.numbers)
        for name, upload in uploads.items():
            assert (upload.failure, upload.said) == (None, EVENTS + 5), (name, upload.failure, upload.said)
        for name, stream in silent.items():
            assert (stream.failure, stream.numbers) == (None, [0, 1]), (name, stream.failure, stream.numbers)
            assert stream.late < 1, (name, stream.late)
    finally:
        for stream in streams.values():
            stream.world.stop()
