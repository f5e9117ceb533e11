"""Clients known by the address of a document, as an attacker would have them: security of Client ID Metadata
Document draft -01, section 6. The service is the binary itself."""

import concurrent.futures
import gzip
import json
import re
import socket
import sqlite3
import threading
import time
from pathlib import Path

import httpx
import pytest

from document_host import DocumentHost, answer
from support import Service

RESOURCE = "https://wiki.example.org/mcp"
CALLBACK = "http://127.0.0.1:7777/callback"
# No failure of a fetch is told before.
DEADLINE = 5


@pytest.fixture
def host(tmp_path):
    host = DocumentHost(tmp_path)
    yield host
    host.stop()


@pytest.fixture
def start(tmp_path):
    """Starts a service with these settings."""
    services = []

    def start(**settings):
        folder = tmp_path / f"service{len(services)}"
        folder.mkdir()
        services.append(Service(folder, RESOURCE, **settings))
        return services[-1].start()

    yield start
    for service in services:
        service.kill()


# One for all: to make one takes longer than to ask.
BROWSER = httpx.Client(timeout=60, limits=httpx.Limits(max_connections=100))


def authorize(service, client_id, address="192.0.2.1"):
    """An authorization request of this client, from this address: the answer, and how long it took."""
    asked = {
        "response_type": "code",
        "client_id": client_id,
        "redirect_uri": CALLBACK,
        "code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
        "code_challenge_method": "S256",
        "resource": RESOURCE,
        "state": "xyz",
    }
    begun = time.monotonic()
    page = BROWSER.get(f"{service.issuer}/authorize", params=asked, headers={"X-Forwarded-For": address})
    BROWSER.cookies.clear()
    return page, time.monotonic() - begun


def all_at_once(service, client_ids, at_once=16):
    with concurrent.futures.ThreadPoolExecutor(at_once) as pool:
        return list(pool.map(lambda client_id: authorize(service, client_id), client_ids))


def words(page):
    """What a person reads, without what is drawn anew for each page."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>|[0-9a-f-]{36}", " ", page.text))


def document(client_id, **more):
    return json.dumps({
        "client_id": client_id,
        "client_name": "Somebody",
        "redirect_uris": [CALLBACK],
        "token_endpoint_auth_method": "none",
        **more,
    }).encode()


class Counter:
    """A port of this machine that counts who connects."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port, self.connections = self.listener.getsockname()[1], 0
        threading.Thread(target=self.listen, daemon=True).start()

    def listen(self):
        while True:
            try:
                self.listener.accept()[0].close()
            except OSError:
                return
            self.connections += 1


def test_no_spelling_of_an_address_leads_inside(start):
    service, counter = start(), Counter()
    hosts = [
        "127.0.0.1", "127.0.0.2", "localhost", "0.0.0.0", "10.0.0.1", "172.16.0.1", "192.168.0.1", "100.64.0.1",
        "169.254.169.254", "192.0.0.192", "224.0.0.1", "255.255.255.255", "[::1]", "[::]", "[::ffff:7f00:1]",
        "[::7f00:1]", "[64:ff9b::7f00:1]", "[64:ff9b::a00:1]", "[64:ff9b:1::7f00:1]", "[2002:7f00:1::]",
        "[2001:0:7f00:1::]", "[fe80::1]", "[fd00:ec2::254]", "[fec0::1]", "[ff02::1]", "[5f00::1]", "[100::1]",
    ]
    well_formed = [f"https://{name}:{counter.port}/client.json" for name in hosts]
    answers = all_at_once(service, well_formed)
    for client_id, (page, took) in zip(well_formed, answers):
        assert page.status_code == answers[0][0].status_code >= 400, client_id
        assert words(page) == words(answers[0][0]), client_id
        assert "location" not in page.headers, client_id
        assert took > DEADLINE, client_id
    assert counter.connections == 0


def test_an_address_that_can_be_read_in_two_ways_is_no_client(start):
    service, counter = start(), Counter()
    port = counter.port
    tricks = [
        f"http://127.0.0.1:{port}/c", f"HTTPS://127.0.0.1:{port}/c", f"https://2130706433:{port}/c",
        f"https://0x7f000001:{port}/c", f"https://0x7f.1:{port}/c", f"https://0177.0.0.1:{port}/c",
        f"https://127.1:{port}/c", f"https://[::ffff:127.0.0.1]:{port}/c", f"https://[0:0:0:0:0:0:0:1]:{port}/c",
        f"https://127.0.0.1.:{port}/c", f"https://①②⑦.⓪.⓪.①:{port}/c", f"https://LOCALHOST:{port}/c",
        f"https://good.example@127.0.0.1:{port}/c", f"https://127.0.0.1:{port}\\@good.example/c",
        f"https://127.0.0.1:{port}#@good.example/c", f"https://127.0.0.1:{port}/c?x=1", f"https://127.0.0.1:{port}",
        f"https://127.0.0.1:{port}/", f"https://127.0.0.1:{port}/a/../c", f"https://127.0.0.1:{port}/%2e%2e/c",
        f"https://127.0.0.1:{port}/.%2E/c", f"https:///127.0.0.1:{port}/c", f"https:/127.0.0.1:{port}/c",
        f"https://127.0.0.1:0{port}/c", f"https://127.0.0.1:{port}/c\n", f" https://127.0.0.1:{port}/c",
        f"https://loc%61lhost:{port}/c", f"https://[fe80::1%25lo]:{port}/c", "file:///etc/passwd",
        f"gopher://127.0.0.1:{port}/c", f"https://127.0.0.1:{port}/" + "c" * 300,
    ]
    for client_id, (page, _) in zip(tricks, all_at_once(service, tricks)):
        assert page.status_code >= 400 and "location" not in page.headers, client_id
    assert counter.connections == 0


def lies(host, elsewhere):
    """What is no document, by the path at which it is published."""
    good = document(f"{host.url}/good")
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 4000\r\n\r\n"
    chunked = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    packed = gzip.compress(b" " * 50_000_000)
    away = f"Content-Type: application/json\r\nLocation: {elsewhere}\r\n"
    of = lambda path, **more: [answer(document(f"{host.url}{path}", **more))]
    return {
        "/missing": [answer(b"", "404 Not Found", "")],
        "/failing": [answer(good, "500 Oh")],
        **{f"/moved/{status}": [answer(b"", f"{status} X", away)] for status in (301, 302, 303, 307, 308)},
        "/html": [answer(document(f"{host.url}/html"), head="Content-Type: text/html\r\n")],
        "/untyped": [answer(document(f"{host.url}/untyped"), head="")],
        "/large": of("/large", client_name="x" * 6000),
        "/endless": [chunked, *[b"400\r\n" + b" " * 1024 + b"\r\n"] * 10_000],
        "/bomb": [answer(packed, head="Content-Type: application/json\r\nContent-Encoding: gzip\r\n")],
        "/silent": [30.0],
        "/slow": [head, *[0.2, b" "] * 100],
        "/cut": [head, good, 0.1],
        "/garbage": [b"\x00\xff garbage"],
        "/heads": [b"HTTP/1.1 200 OK\r\n", *[b"X-Y: " + b"z" * 1000 + b"\r\n"] * 5000],
        "/text": [answer(b"hello")],
        "/list": [answer(b"[]")],
        "/deep": [answer(b"[" * 5000)],
        "/twice": [answer(b'{"client_id":"https://x.example/c",' + document(f"{host.url}/twice")[1:])],
        "/other": [answer(good)],
        "/nowhere": of("/nowhere", redirect_uris=[]),
        "/script": of("/script", redirect_uris=["javascript:alert(1)"]),
        "/secret": of("/secret", client_secret="s"),
        "/symmetric": of("/symmetric", token_endpoint_auth_method="client_secret_basic"),
    }


def test_whatever_is_wrong_with_a_document_looks_the_same(start, host, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    elsewhere = DocumentHost(tmp_path / "elsewhere")
    elsewhere.otherwise = lambda path: [answer(document(f"{elsewhere.url}{path}"))]
    host.pages = lies(host, f"{elsewhere.url}/c")
    host.pages["/good"] = [answer(document(
        f"{host.url}/good",
        logo_uri=f"{elsewhere.url}/logo", client_uri=f"{elsewhere.url}/", policy_uri=f"{elsewhere.url}/policy",
    ))]
    service = start(client_documents="development", outgoing_ca_file=str(host.ca))
    paths = [path for path in host.pages if path != "/good"]
    answers = all_at_once(service, [f"{host.url}{path}" for path in paths])
    for path, (page, took) in zip(paths, answers):
        assert page.status_code == answers[0][0].status_code >= 400, path
        assert words(page) == words(answers[0][0]), path
        assert took > DEADLINE, path
    assert sorted(host.asked) == sorted(paths)
    page, _ = authorize(service, f"{host.url}/good")
    assert page.status_code == 303, page.text
    assert elsewhere.connections == 0, "what stands in a document is not fetched"
    assert kept(service) == ["good"]
    elsewhere.stop()


def kept(service):
    """The last part of each address of which something is kept."""
    database = sqlite3.connect(f"file:{service.folder / 'mcp_oauth.db'}?mode=ro", uri=True)
    rows = database.execute("SELECT client_id FROM oauth_clients WHERE client_id LIKE 'https:%'").fetchall()
    database.close()
    return sorted(client_id.rsplit("/", 1)[1] for (client_id,) in rows)


def memory(service):
    """Of the service, in MiB."""
    status = Path(f"/proc/{service.process.pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) / 1024


def test_a_flood_of_addresses_is_bounded(start, host):
    host.otherwise = lambda path: [answer(document(f"{host.url}{path}"))]
    service = start(
        client_documents="development", outgoing_ca_file=str(host.ca), limits="on", limit_unused_clients="50"
    )
    authorize(service, f"{host.url}/first")
    before = memory(service)
    networks = [f"192.0.{index // 250}.{index % 250 + 1}" for index in range(1000)]
    with concurrent.futures.ThreadPoolExecutor(64) as pool:
        flood = pool.map(lambda index: authorize(service, f"{host.url}/{index}", networks[index])[0], range(1000))
        answers = list(flood)
    held_up = [page for page in answers if page.status_code in (429, 503)]
    assert all(int(page.headers["retry-after"]) > 0 for page in held_up)
    # Of an hour's share, which grows by one each six seconds.
    assert host.connections <= 600 + 20 and len(held_up) >= 1000 - 620
    assert len(kept(service)) <= 50
    assert memory(service) - before < 64, "what is fetched is not held"
    assert httpx.get(f"{service.issuer}/readyz").status_code == 200


def test_a_flood_for_one_address_is_one_fetch_and_one_network_has_its_share(start, host):
    host.pages["/slow"] = [3.0, answer(document(f"{host.url}/slow"))]
    host.otherwise = lambda path: [answer(document(f"{host.url}{path}"))]
    service = start(client_documents="development", outgoing_ca_file=str(host.ca), limits="on")
    with concurrent.futures.ThreadPoolExecutor(40) as pool:
        ask = lambda index: authorize(service, f"{host.url}/slow", f"192.0.2.{index + 1}")[0]
        assert {page.status_code for page in pool.map(ask, range(40))} == {303}
    assert host.asked == ["/slow"]
    answers = [authorize(service, f"{host.url}/{index}", "198.51.100.1")[0] for index in range(31)]
    assert [page.status_code for page in answers[:30]] == [303] * 30
    assert answers[30].status_code in (429, 503) and int(answers[30].headers["retry-after"]) > 0
    assert authorize(service, f"{host.url}/other", "198.51.100.2")[0].status_code == 303
