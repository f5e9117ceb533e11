"""More than there is room for: what is too much is turned away, and what watches over the service is answered.

Connections that do nothing, requests without end, requests that two readers would read in two ways, and more
writes than the disk takes.
"""

import contextlib
import os
import random
import resource
import socket
import threading
import time
from pathlib import Path

import httpx
import pytest
from load import Client, Crowd
from support import INTROSPECTION_ID, INTROSPECTION_SECRET, FormParser, Service, free_port, wait_for
from test_faults import client_in_use, held_lock, refresh, refused_for_now

IDLE = 10_000
# What a supervisor waits for, on a machine that is busy with all the rest of this.
PATIENCE = 1.0 if os.environ.get("SOAK") else 3.0


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    service = Service(tmp_path_factory.mktemp("load"), "http://127.0.0.1:1/mcp").start()
    yield service
    service.stop()


def health_answers(service, ready=200):
    assert httpx.get(f"{service.health}/livez", timeout=PATIENCE).status_code == 200
    answer = httpx.get(f"{service.health}/readyz", timeout=PATIENCE)
    assert ready in (answer.status_code, None), answer.text


def memory(service):
    """Bytes that it has in memory."""
    status = Path(f"/proc/{service.process.pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) * 1024


def descriptors(service):
    return len(list(Path(f"/proc/{service.process.pid}/fd").iterdir()))


def connect(service, first=b""):
    wire = socket.create_connection(("127.0.0.1", service.port), 10)
    wire.sendall(first)
    return wire


def said(wire, seconds=20):
    """All that is said until the connection ends."""
    wire.settimeout(seconds)
    text = b""
    with contextlib.suppress(ConnectionResetError, BrokenPipeError):
        while more := wire.recv(65536):
            text += more
    return text


def statuses(text):
    return [int(line.split()[1]) for line in text.split(b"\r\n") if line.startswith(b"HTTP/1.")]


def test_ten_thousand_connections_that_do_nothing_keep_nobody_out(tmp_path):
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    assert hard > IDLE + 500, f"the limit of open files is {hard}"
    internal = f"127.0.0.1:{free_port()}"
    # As by default, both listeners together have less room than there are open files.
    settings = {"limit_connections": str(IDLE // 2), "internal_listen": internal}
    service = Service(tmp_path, "http://127.0.0.1:1/mcp", **settings).start()
    client = Client(service, random.Random(1))
    client.register()
    before = memory(service)
    with contextlib.ExitStack() as stack:
        for _ in range(IDLE):
            stack.enter_context(connect(service))
        # Whoever watches over it comes in by a door of its own.
        health_answers(service)
        data = {"token": "x"}
        auth = (INTROSPECTION_ID, INTROSPECTION_SECRET)
        assert httpx.post(f"{service.health}/introspect", data=data, auth=auth, timeout=PATIENCE).status_code == 200
        # And everybody else as soon as those who say nothing have been hung up on.
        client.http.timeout = 60
        client.authorize()
    assert memory(service) - before < 200 * 2**20
    wait_for(lambda: descriptors(service) < 100, "room for descriptors")
    service.stop()
    assert "Too many open files" not in service.log.read_text()


def test_whoever_sends_slowly_is_hung_up_on(service):
    head = b"POST /token HTTP/1.1\r\nHost: x\r\n"
    form = b"Content-Type: application/x-www-form-urlencoded\r\n"
    drips = {
        "a head": (head, b"X: 1\r\n"),
        "a header": (head + b"X: ", b"1"),
        "a body": (head + form + b"Content-Length: 6000\r\n\r\n", b"a"),
        "chunks": (head + form + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\na\r\n"),
        "nothing": (b"", b""),
    }
    begun, ended = time.monotonic(), {}
    wires = {name: connect(service, first) for name, (first, _) in drips.items()}
    while len(ended) < len(wires) and time.monotonic() < begun + 30:
        time.sleep(0.5)
        for name, wire in wires.items():
            if name in ended:
                continue
            wire.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                try:
                    wire.send(drips[name][1])
                    if (text := wire.recv(65536)) is not None:
                        ended[name] = statuses(text)
                except (ConnectionResetError, BrokenPipeError):
                    ended[name] = []
        health_answers(service)
    assert ended.keys() == wires.keys()
    assert all(status in ([408], [400], []) for status in ended.values()), ended
    for wire in wires.values():
        wire.close()


FORM = b"Content-Type: application/x-www-form-urlencoded\r\n"
POST = b"POST /token HTTP/1.1\r\nHost: x\r\n" + FORM
GET = b"GET /livez HTTP/1.1\r\nHost: x\r\n"
NEXT = b"GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
# What one reader takes for the end of this request, another takes for the middle of it.
AMBIGUOUS = {
    "length and chunks": POST + b"Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + NEXT,
    "chunks and length": POST + b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n5c\r\n" + NEXT + b"0\r\n\r\n",
    "two lengths": POST + b"Content-Length: 0\r\nContent-Length: 44\r\n\r\n" + NEXT,
    "two lengths in one": POST + b"Content-Length: 0, 44\r\n\r\n" + NEXT,
    "a signed length": POST + b"Content-Length: +0\r\n\r\n" + NEXT,
    "a negative length": POST + b"Content-Length: -1\r\n\r\n" + NEXT,
    "a length in hex": POST + b"Content-Length: 0x0\r\n\r\n" + NEXT,
    "an odd coding": POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" + NEXT,
    "chunked, then not": POST + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n" + NEXT,
    "two codings": POST + b"Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + NEXT,
    "a space before the colon": POST + b"Content-Length : 44\r\n\r\n" + NEXT,
    "a folded header": POST + b"X: 1\r\n Content-Length: 44\r\n\r\n" + NEXT,
    "a folded coding": POST + b"Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n" + NEXT,
    "a null": POST + b"X: \0\r\nContent-Length: 0\r\n\r\n" + NEXT,
    "a bare return": POST + b"X: 1\rContent-Length: 44\r\nContent-Length: 0\r\n\r\n" + NEXT,
    "a wrong chunk": POST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n\r\n" + NEXT,
    "a signed chunk": POST + b"Transfer-Encoding: chunked\r\n\r\n+0\r\n\r\n" + NEXT,
    "a chunk beyond numbers": POST + b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n\r\n" + NEXT,
}


@pytest.mark.parametrize("name", AMBIGUOUS)
def test_a_request_that_can_be_read_in_two_ways_is_refused(service, name):
    with connect(service, AMBIGUOUS[name]) as wire:
        answers = statuses(said(wire))
    assert answers in ([400], [501], []), "nothing behind it is read as a request"
    health_answers(service)


LARGE = {
    "a header": (GET + b"X: " + b"x" * 300_000 + b"\r\n\r\n", {400, 413, 414, 431}),
    "many headers": (GET + b"".join(b"X%d: 1\r\n" % n for n in range(5000)) + b"\r\n", {400, 413, 414, 431}),
    "a target": (b"GET /livez?" + b"x" * 300_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", {400, 413, 414, 431}),
    "a body": (POST + b"Content-Length: 70000\r\n\r\n" + b"a" * 70_000, {413}),
    "a body that is only announced": (POST + b"Content-Length: 99999999999\r\n\r\n", {413}),
    "a body in chunks": (POST + b"Transfer-Encoding: chunked\r\n\r\n" + b"1000\r\n%b\r\n" % (b"a" * 4096) * 20, {413}),
    "a registration": (
        b"POST /register HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 70000\r\n\r\n"
        + b'{"client_name":"' + b"x" * 69_984,
        {413},
    ),
}


@pytest.mark.parametrize("name", LARGE)
def test_what_is_too_large_is_refused_and_not_kept(service, name):
    request, expected = LARGE[name]
    before = memory(service)
    wires = [connect(service) for _ in range(20)]
    answers = []
    for wire in wires:
        with contextlib.suppress(ConnectionResetError, BrokenPipeError):
            wire.sendall(request)
    for wire in wires:
        answers += statuses(wire.recv(65536) if expected == {413} else said(wire))[:1]
        wire.close()
    assert set(answers) <= expected, answers
    assert answers or expected != {413}
    assert memory(service) - before < 30 * 2**20
    health_answers(service)


def test_chunks_without_end_take_no_room_and_keep_nobody_out(service):
    before, deadline = memory(service), time.monotonic() + 3
    with connect(service, POST + b"Transfer-Encoding: chunked\r\n\r\n") as wire:
        with contextlib.suppress(ConnectionResetError, BrokenPipeError):
            while time.monotonic() < deadline:
                wire.sendall(b"4000\r\n" + b"a" * 0x4000 + b"\r\n")
                assert memory(service) - before < 30 * 2**20
            assert statuses(wire.recv(65536)) == [413], "it was answered long ago"
            health_answers(service)
    health_answers(service)


def test_writes_beyond_the_queue_are_shed_and_none_that_was_acknowledged_is_lost(tmp_path):
    limits = {"limit_queue": "8", "limit_write_wait": "1s"}
    service = Service(tmp_path, "http://127.0.0.1:1/mcp", **limits).start()
    client = client_in_use(service)
    answers, lock = [], threading.Lock()

    def register():
        metadata = {"redirect_uris": ["http://127.0.0.1/cb"], "token_endpoint_auth_method": "none"}
        answer = httpx.post(f"{service.issuer}/register", json=metadata, timeout=60)
        with lock:
            answers.append(answer)

    with held_lock(tmp_path / "mcp_oauth.db"):
        threads = [threading.Thread(target=register) for _ in range(60)]
        for thread in threads:
            thread.start()
        for _ in range(4):
            health_answers(service, ready=None)
            assert service.introspect(client.tokens["access_token"])["active"] is True
        refused_for_now(refresh(service, client))
    for thread in threads:
        thread.join()
    shed = [answer for answer in answers if answer.status_code != 201]
    assert len(answers) == 60 and len(shed) > 40
    for answer in shed:
        refused_for_now(answer)
    known = service.command("client", "list", "--json")
    assert all(answer.json()["client_id"] in known for answer in answers if answer.status_code == 201)
    wait_for(lambda: refresh(service, client).status_code == 200, "the service")
    health_answers(service)
    service.stop()


@contextlib.contextmanager
def memory_limit(megabytes):
    """A control group for one process: of the first or the second kind, whichever the kernel has."""
    mounts = [line.split() for line in Path("/proc/mounts").read_text().splitlines()]
    first = [at for _, at, kind, options, *_ in mounts if kind == "cgroup" and "memory" in options.split(",")]
    second = [at for _, at, kind, *_ in mounts if kind == "cgroup2"]
    group = Path((first or second)[0]) / f"mcp-oauthd-test-{os.getpid()}"
    group.mkdir()
    try:
        if not first:
            (group.parent / "cgroup.subtree_control").write_text("+memory")
        name = "memory.limit_in_bytes" if first else "memory.max"
        (group / name).write_text(str(megabytes * 2**20))
        yield group
    finally:
        wait_for(lambda: not (group / "cgroup.procs").read_text(), "the end of the group")
        group.rmdir()


def killed_for_memory(group):
    for name in ["memory.oom_control", "memory.events"]:
        if (group / name).exists():
            return int((group / name).read_text().split("oom_kill ")[1].split()[0])
    raise AssertionError("nobody counts")


def test_little_memory_is_enough_for_many(tmp_path):
    service = Service(tmp_path, "http://127.0.0.1:1/mcp", limit_sign_in_per_address="1000")
    with memory_limit(160) as group:
        service.start(preexec_fn=lambda: (group / "cgroup.procs").write_text(str(os.getpid())))
        try:
            crowd = Crowd(service, 8, "memory")
            crowd.running.set()
            wait_for(lambda: crowd.faults or all(client.redeemed for client in crowd.clients), "the crowd")
            strangers = [threading.Thread(target=sign_in_wrongly, args=(service, n)) for n in range(60)]
            for thread in strangers:
                thread.start()
            with contextlib.ExitStack() as stack:
                for _ in range(500):
                    stack.enter_context(connect(service, POST + b"Content-Length: 60000\r\n\r\n" + b"a" * 30_000))
                for thread in strangers:
                    thread.join()
                health_answers(service)
            with crowd.paused():
                for client in crowd.clients:
                    client.audit(replay=False)
            crowd.end()
            assert not crowd.faults, crowd.faults
            assert killed_for_memory(group) == 0
            service.stop()
        finally:
            service.kill()


def sign_in_wrongly(service, number):
    """Each costs the service the memory that a password's hash takes."""
    with httpx.Client(base_url=service.issuer, timeout=60, follow_redirects=True) as browser:
        page = browser.get("/account")
        form = next(form for form in FormParser(page.text).forms if "password" in form["fields"])
        fields = form["fields"] | {"username": f"stranger-{number}", "password": "wrong password"}
        answer = browser.post(form["action"], data=fields, headers={"Origin": service.issuer})
        assert answer.status_code != 500, answer.text
