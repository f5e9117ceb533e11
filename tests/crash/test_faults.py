"""A disk that is full, a lock that somebody holds, and a log that everybody may read."""

import contextlib
import json
import os
import random
import re
import resource
import secrets
import socket
import sqlite3
import subprocess

import httpx
from disks import mount, small_disk  # noqa: F401 (a fixture)
from load import Client
from support import BINARY, INTROSPECTION_SECRET, PASSWORD, Service, wait_for


def register(service, name="x"):
    metadata = {"redirect_uris": ["http://127.0.0.1/cb"], "client_name": name, "token_endpoint_auth_method": "none"}
    return httpx.post(f"{service.issuer}/register", json=metadata, timeout=20)


def client_in_use(service):
    client = Client(service, random.Random(1))
    client.register()
    client.authorize()
    return client


def reads_go_on(service, client):
    active = service.introspect(client.tokens["access_token"])
    assert active["active"] is True
    assert httpx.get(f"{service.issuer}/.well-known/oauth-authorization-server").status_code == 200
    assert httpx.get(f"{service.issuer}/livez").status_code == 200


def refused_for_now(answer):
    assert answer.status_code == 503 and int(answer.headers["retry-after"]) > 0, answer.text
    assert answer.json()["error"] == "temporarily_unavailable"


def refresh(service, client):
    form = {"grant_type": "refresh_token", "refresh_token": client.tokens["refresh_token"]}
    return httpx.post(f"{service.issuer}/token", data=form | {"client_id": client.client_id}, timeout=20)


def test_a_full_disk_refuses_writes_and_recovers_by_itself(small_disk):
    service = Service(small_disk, "http://127.0.0.1:1/mcp").start()
    client = client_in_use(service)
    registered = []
    while (answer := register(service, "x" * 2000)).status_code == 201:
        registered.append(answer.json()["client_id"])
    refused_for_now(answer)
    (small_disk / "ballast").write_bytes(b"\0" * available(small_disk))
    for _ in range(2000):
        # The log has room for small writes at first.
        if (answer := refresh(service, client)).status_code != 200:
            break
        client.tokens = answer.json()
    refused_for_now(answer)
    assert httpx.get(f"{service.issuer}/readyz").status_code == 503
    reads_go_on(service, client)
    (small_disk / "ballast").unlink()
    mount("-o", "remount,size=16m", str(small_disk))
    wait_for(lambda: httpx.get(f"{service.issuer}/readyz").status_code == 200, "the service")
    assert refresh(service, client).status_code == 200, "the refused refresh has cost nothing"
    service.restart("kill -9")
    known = [entry["client_id"] for entry in json.loads(service.command("client", "list", "--json"))]
    assert set(registered) <= set(known)
    service.kill()


def test_a_damaged_database_ends_the_service_and_is_left_as_it_is(tmp_path):
    service = Service(tmp_path, "http://127.0.0.1:1/mcp").start()
    service.stop()
    file, kept = tmp_path / "mcp_oauth.db", tmp_path / "kept"
    kept.mkdir()
    with contextlib.closing(sqlite3.connect(file, isolation_level=None)) as database:
        for _ in range(1000):
            database.execute("INSERT INTO events (at, kind, detail) VALUES (1, 'session.signed_in', ?)", ["x" * 100])
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        database.execute("UPDATE users SET last_authorized_at = 1")
        # As a crash leaves it: with something in the log.
        for name in ["mcp_oauth.db", "mcp_oauth.db-wal"]:
            (kept / name).write_bytes((tmp_path / name).read_bytes())
    whole = (kept / "mcp_oauth.db").read_bytes()
    (kept / "mcp_oauth.db").write_bytes(whole[:-4096] + b"\xa5" * 4096)
    before = (kept / "mcp_oauth.db").read_bytes()
    service.environment["MCP_OAUTH_DB"] = str(kept / "mcp_oauth.db")
    said = subprocess.run([BINARY, "serve"], env=service.environment, capture_output=True, text=True, timeout=60)
    assert said.returncode == 1, said.stderr
    assert "the database is damaged" in said.stderr.splitlines()[-1]
    assert (kept / "mcp_oauth.db").read_bytes() == before


def test_more_connections_than_open_files_are_survived(tmp_path):
    service = Service(tmp_path, "http://127.0.0.1:1/mcp")
    # The soft limit is far below what a worker needs; the hard one leaves room for some.
    service.start(preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (40, 200)))
    limits = open(f"/proc/{service.process.pid}/limits").read()
    assert re.search(r"^Max open files +200 +200 ", limits, re.MULTILINE), limits
    with contextlib.ExitStack() as stack:
        for _ in range(220):
            stack.enter_context(socket.create_connection(("127.0.0.1", service.port), 5))
    assert client_in_use(service).tokens
    assert register(service).status_code == 201, "the database found descriptors"
    service.stop()
    log = service.log.read_text()
    assert log.count("MCP_OAUTH_LIMIT_CONNECTIONS is above the limit of open files") == 1
    assert "Too many open files" not in log and "os error 24" not in log


def test_a_read_only_disk_refuses_writes_and_recovers_by_itself(tmp_path):
    service = Service(tmp_path, "http://127.0.0.1:1/mcp").start()
    client = client_in_use(service)
    with read_only(tmp_path):
        refused_for_now(refresh(service, client))
        refused_for_now(register(service))
        assert httpx.get(f"{service.issuer}/readyz").text == "the database cannot be written\n"
        reads_go_on(service, client)
    wait_for(lambda: httpx.get(f"{service.issuer}/readyz").status_code == 200, "the service")
    assert refresh(service, client).status_code == 200, "the refused refresh has cost nothing"
    service.restart("kill -9")
    reads_go_on(service, client)
    service.kill()


@contextlib.contextmanager
def read_only(folder):
    """The database and its log cannot be written, by nobody who has them open either.

    The index of the log stays: it is memory, and the kernel kills whoever writes to memory of a file that it
    refuses to keep, which no program can refuse politely.
    """
    files = [str(folder / name) for name in ["mcp_oauth.db", "mcp_oauth.db-wal"]]
    subprocess.run(["chattr", "+i", *files], check=True)
    try:
        yield
    finally:
        subprocess.run(["chattr", "-i", *files], check=True)


def test_on_a_read_only_disk_it_does_not_start_and_says_why(small_disk):
    service = Service(small_disk, "http://127.0.0.1:1/mcp").start()
    client = client_in_use(service)
    service.stop()
    mount("-o", "remount,ro", str(small_disk))
    said = subprocess.run([BINARY, "serve"], env=service.environment, capture_output=True, text=True, timeout=60)
    assert (said.returncode, len(said.stderr.splitlines())) == (69, 1), said.stderr
    assert str(small_disk / "mcp_oauth.db") in said.stderr
    mount("-o", "remount,rw", str(small_disk))
    service.start()
    assert refresh(service, client).status_code == 200
    service.kill()


def available(folder):
    stat = os.statvfs(folder)
    return stat.f_bavail * stat.f_frsize


def test_a_lock_that_another_program_holds_is_waited_for_and_survived(tmp_path):
    service = Service(tmp_path, "http://127.0.0.1:1/mcp").start()
    client = client_in_use(service)
    with held_lock(tmp_path / "mcp_oauth.db"):
        refused_for_now(refresh(service, client))
        reads_go_on(service, client)
        assert httpx.get(f"{service.issuer}/readyz", timeout=20).status_code == 503
    assert httpx.get(f"{service.issuer}/readyz", timeout=20).status_code == 200
    assert refresh(service, client).status_code == 200
    service.kill()


@contextlib.contextmanager
def held_lock(path):
    """Another program writes to the database, and does not come to an end."""
    database = sqlite3.connect(path, isolation_level=None)
    database.execute("BEGIN IMMEDIATE")
    yield
    database.execute("ROLLBACK")
    database.close()


def test_no_secret_is_ever_logged(tmp_path):
    service = Service(tmp_path, "http://127.0.0.1:1/mcp")
    service.environment["RUST_LOG"] = "trace"
    service.start()
    client = client_in_use(service)
    seen = dict(client.tokens)
    assert refresh(service, client).status_code == 200
    service.introspect(client.tokens["access_token"])
    confidential = httpx.post(
        f"{service.issuer}/register",
        json={"redirect_uris": ["http://127.0.0.1/cb"], "token_endpoint_auth_method": "client_secret_basic"},
    ).json()
    wrong = secrets.token_urlsafe(24)
    credentials = (confidential["client_id"], confidential["client_secret"])
    httpx.post(f"{service.issuer}/token", data={"grant_type": "refresh_token", "refresh_token": wrong}, auth=credentials)
    httpx.post(f"{service.issuer}/introspect", data={"token": wrong}, auth=("wiki", wrong))
    httpx.get(f"{service.issuer}/authorize", params={"client_id": client.client_id, "state": wrong})
    client.revoke()
    cookies = [cookie.value for cookie in client.person.browser.cookies.jar]
    (exchange,) = client.redeemed
    service.stop()
    log = service.log.read_text()
    assert "http.route" in log and "TRACE" in log
    private = [
        *(value for key, value in seen.items() if key.endswith("_token")),
        exchange["code"],
        exchange["code_verifier"],
        confidential["client_secret"],
        INTROSPECTION_SECRET,
        PASSWORD,
        wrong,
        *cookies,
    ]
    assert len(cookies) >= 2
    for secret in private:
        assert secret not in log, f"a secret stands in the log: {secret[:8]}…"


def test_wrong_introspection_credentials_leave_a_trace_that_cannot_fill_the_log(tmp_path):
    service = Service(tmp_path, "http://127.0.0.1:1/mcp").start()
    for number in range(40):
        for credentials in [("wiki", f"wrong-{number}"), (f"nobody-{number}", "x")]:
            httpx.post(f"{service.issuer}/introspect", data={"token": "x"}, auth=credentials)
    httpx.post(f"{service.issuer}/introspect", data={"token": "x"})
    service.stop()
    log = service.log.read_text()
    traces = [json.loads(line) for line in log.splitlines() if "introspection was refused" in line]
    causes = {trace.get("resource.id"): trace["cause"] for trace in traces}
    assert causes == {"wiki": "the secret is not the resource's", None: "the id is of no resource"}
    assert all(trace["client.ip"] == "127.0.0.1" and trace["level"] == "WARN" for trace in traces)
    # Six at once, and one each ten seconds, of each kind.
    assert 12 <= len(traces) <= 16
    assert "wrong-" not in log and "nobody-" not in log


def test_the_set_up_link_is_printed_once_and_never_logged(tmp_path):
    service = Service(tmp_path, "http://127.0.0.1:1/mcp")
    for name in ["OWNER", "OWNER_PASSWORD_FILE"]:
        del service.environment[f"MCP_OAUTH_{name}"]
    service.environment["RUST_LOG"] = "trace"
    service.start()
    (link,) = re.findall(rf"^{re.escape(service.issuer)}/setup\?token=(\S+)$", service.log.read_text(), re.MULTILINE)
    assert httpx.get(f"{service.issuer}/setup", params={"token": link}).status_code == 200
    service.stop()
    assert service.log.read_text().count(link) == 1
