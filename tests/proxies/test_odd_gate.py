"""A gate that does not answer as ours does: nothing passes."""

import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from proxies import PROXIES
from world import IDENTITY, World


class OddGate(ThreadingHTTPServer):
    """Answers every question with the same bytes, and then closes; with none it answers nothing."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Odd)
        self.address = f"127.0.0.1:{self.server_address[1]}"
        self.answer = None
        self.over = threading.Event()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def stop(self):
        self.over.set()
        self.shutdown()
        self.server_close()


class Odd(BaseHTTPRequestHandler):
    def handle_one_request(self):
        self.close_connection = True
        while self.rfile.readline().strip():
            pass
        if self.server.answer is None:
            self.server.over.wait(60)
        else:
            self.wfile.write(self.server.answer)


class OddWorld(World):
    """Its recipe asks another gate."""

    def __init__(self, folder, proxy, upstream, gate):
        # In this layout the gate has an address of its own.
        super().__init__(folder, proxy, "same host", upstream)
        self.gate = gate

    def recipe(self, kind):
        ours = self.service.environment["MCP_OAUTH_INTERNAL_LISTEN"]
        recipe = super().recipe(kind)
        assert ours in recipe
        # Envoy has the port apart.
        before, after = (f"port_value: {address.rpartition(':')[2]} " for address in (ours, self.gate.address))
        return recipe.replace(ours, self.gate.address).replace(before, after)


@pytest.fixture(scope="module", params=PROXIES)
def odd(request, upstream, tmp_path_factory):
    gate = OddGate()
    world = OddWorld(tmp_path_factory.mktemp("odd"), PROXIES[request.param], upstream, gate).start()
    yield world
    world.stop()
    gate.stop()


FORGED = [(f"X-Auth-{name}", "eve") for name in IDENTITY]


def is_denied(world):
    before = len(world.upstream.seen())
    for method, path in [("GET", "/mcp/raw/headers"), ("POST", "/mcp")]:
        answer = world.ask(method, path, token="x", headers=FORGED, body=b"{}" if method == "POST" else None)
        assert not 200 <= answer.status < 300, answer.status
    assert world.upstream.seen()[before:] == []


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1/\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 429 Too Many Requests\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n",
        b"this is no HTTP\r\n\r\n",
        b"HTTP/1.1 200",
        b"",
    ],
    ids=lambda answer: answer.split(b"\r\n")[0].decode() or "nothing",
)
def test_only_a_yes_lets_in(odd, answer):
    odd.gate.answer = answer
    is_denied(odd)


def test_a_yes_that_names_nobody_lets_nobody_choose_a_name(odd):
    odd.gate.answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
    before = len(odd.upstream.seen())
    answer = odd.ask("GET", "/mcp/raw/headers", token="x", headers=FORGED)
    assert answer.status in (200, 503)
    for request in odd.upstream.seen()[before:]:
        # Debian's Caddy sends what it would have put in, as a placeholder.
        assert not [pair for pair in request["headers"] if pair[1] == "eve"], request


#: In seconds. Traefik has no setting for it.
PATIENCE = dict.fromkeys(PROXIES, 15) | {"Traefik": 35}


class Asking(threading.Thread):
    """Asks once, and notes how long that takes."""

    def __init__(self, world):
        super().__init__(daemon=True)
        self.world, self.answer, self.seconds = world, None, None

    def run(self):
        connection, begun = self.world.connection(), time.monotonic()
        connection.timeout = 2 * max(PATIENCE.values())
        self.answer = self.world.ask("GET", "/mcp/raw/headers", token="x", connection=connection)
        self.seconds = time.monotonic() - begun


def test_a_gate_that_does_not_answer_is_not_waited_for_for_long(upstream, tmp_path_factory):
    """All at once."""
    gate, asking = OddGate(), {}
    try:
        for name, proxy in PROXIES.items():
            asking[name] = Asking(OddWorld(tmp_path_factory.mktemp("silent"), proxy, upstream, gate).start())
        before = len(upstream.seen())
        for thread in asking.values():
            thread.start()
        for name, thread in asking.items():
            thread.join(2 * max(PATIENCE.values()))
            assert thread.answer, name
            status, seconds = thread.answer.status, thread.seconds
            assert status in (500, 503, 504) and seconds < PATIENCE[name], (name, status, seconds)
            assert thread.answer.header("access-control-allow-origin") == "*", name
        assert upstream.seen()[before:] == []
    finally:
        for thread in asking.values():
            thread.world.stop()
        gate.stop()
