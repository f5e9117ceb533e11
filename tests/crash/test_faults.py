"""A disk that is full, fails or is read-only, a lock that somebody holds, a file that is taken away, and a log that
everybody may read."""

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
import time
from pathlib import Path

import httpx
import pytest
from disks import mount, small_disk  # noqa: F401 (a fixture)
from load import Client
from support import BINARY, INTROSPECTION_SECRET, PASSWORD, Service, wait_for
from test_crash import check_database
from tracer import SYNCS, failing


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


def ready_again(service):
    wait_for(lambda: httpx.get(f"{service.issuer}/readyz").status_code == 200, "the service")


def said_once(service, message):
    lines = [line for line in service.log.read_text().splitlines() if message in line]
    assert len(lines) == 1, lines


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
    ready_again(service)
    said_once(service, "the database cannot be written")
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
    ready_again(service)
    said_once(service, "the database cannot be written")
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
        # What is remembered has the service look at the database again and again: nobody waits for that.
        for _ in range(3):
            reads_go_on(service, client)
            begun = time.monotonic()
            refused_for_now(refresh(service, client))
            assert time.monotonic() - begun < 15
        # Whoever asks whether it is ready does not wait for the lock.
        for _ in range(3):
            answer = httpx.get(f"{service.issuer}/readyz", timeout=2)
            assert (answer.status_code, answer.text) == (503, "the database cannot be written\n")
    ready_again(service)
    assert refresh(service, client).status_code == 200
    said_once(service, "the database cannot be written")
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


@pytest.mark.parametrize(
    ("calls", "error"),
    [("pwrite64", "EIO"), ("pwrite64", "ENOSPC"), ("pwrite64", "EROFS"), (SYNCS, "EIO"), (SYNCS, "ENOSPC")],
)
def test_a_disk_that_fails_refuses_writes_and_they_are_tried_again(tmp_path, calls, error):
    service = Service(tmp_path, "http://127.0.0.1:1/mcp").start()
    client = client_in_use(service)
    token = client.tokens["refresh_token"]
    with failing(service, calls, error, tmp_path / "mcp_oauth.db-wal", tmp_path / "mcp_oauth.db"):
        for _ in range(3):
            refused_for_now(refresh(service, client))
            refused_for_now(register(service))
        answer = client.send("POST", "/revoke", data={"token": token, "client_id": client.client_id})
        refused_for_now(answer)
        assert httpx.get(f"{service.issuer}/readyz").text == "the database cannot be written\n"
        reads_go_on(service, client)
    ready_again(service)
    said_once(service, "the database cannot be written")
    # What was refused has not happened.
    reads_go_on(service, client)
    client.refresh_for_sure()
    service.restart("kill -9")
    reads_go_on(service, client)
    client.refresh_for_sure()
    service.kill()
    check_database(tmp_path / "mcp_oauth.db")


def test_a_disk_that_cannot_be_read_refuses_no_token(tmp_path):
    """SQLite takes it for damage: the service ends, and the next one goes on."""
    service = Service(tmp_path, "http://127.0.0.1:1/mcp").start()
    client = client_in_use(service)
    tokens = dict(client.tokens)
    service.restart("stop")
    files = [tmp_path / name for name in ["mcp_oauth.db", "mcp_oauth.db-wal"]]
    with failing(service, "pread64,read", "EIO", *files):
        with contextlib.suppress(httpx.TransportError):
            for _ in range(20):
                answer = refresh(service, client)
                assert answer.status_code >= 500, answer.text
        assert service.process.wait(30) == 1
    said_once(service, "the database is damaged; nothing more is written")
    service.start()
    assert service.introspect(tokens["access_token"])["active"] is True
    client.refresh_for_sure()
    service.stop()
    check_database(tmp_path / "mcp_oauth.db")


@contextlib.contextmanager
def long_reader(path):
    """Another program reads, and does not come to an end: the log cannot be begun anew."""
    database = sqlite3.connect(f"file:{path}?mode=ro", uri=True, isolation_level=None)
    database.execute("BEGIN")
    database.execute("SELECT count(*) FROM events").fetchone()
    yield
    database.close()


def log_of(folder):
    return (folder / "mcp_oauth.db-wal").stat().st_size


def fill_log(path, megabytes):
    """Another program writes that much."""
    database = sqlite3.connect(path, timeout=30)
    for _ in range(megabytes):
        database.execute("INSERT INTO events (at, kind, detail) VALUES (1, 'session.signed_in', ?)", ["x" * 2**20])
    database.commit()
    database.close()


def rewrite(path, pages):
    """Another program writes the same page again and again, of which the log keeps each."""
    with contextlib.closing(sqlite3.connect(path, timeout=30, isolation_level=None)) as database:
        database.execute("PRAGMA synchronous = OFF")
        for _ in range(pages):
            database.execute("UPDATE users SET last_authorized_at = last_authorized_at + 1")


def test_a_log_that_grows_behind_a_reader_is_told_and_shrinks_again(tmp_path):
    service = Service(tmp_path, "http://127.0.0.1:1/mcp").start()
    client = client_in_use(service)
    with long_reader(tmp_path / "mcp_oauth.db"):
        fill_log(tmp_path / "mcp_oauth.db", 70)
        client.refresh_for_sure()
        metrics = httpx.get(f"{service.issuer}/metrics").text
        assert int(re.search(r"^mcp_oauthd_storage_log_bytes (\d+)$", metrics, re.MULTILINE)[1]) == log_of(tmp_path)
        wait_for(lambda: "the write-ahead log grows" in service.log.read_text(), "the service")
        client.refresh_for_sure()
        reads_go_on(service, client)
    wait_for(lambda: client.refresh_for_sure() or log_of(tmp_path) <= 64 * 2**20, "the log")
    said_once(service, "the write-ahead log grows")
    service.stop()


def test_a_disk_that_the_log_has_filled_behind_a_reader_needs_no_hand(small_disk):
    service = Service(small_disk, "http://127.0.0.1:1/mcp").start()
    client = client_in_use(service)
    with long_reader(small_disk / "mcp_oauth.db"):
        rewrite(small_disk / "mcp_oauth.db", 500)
        while (answer := refresh(service, client)).status_code == 200:
            client.tokens = answer.json()
        refused_for_now(answer)
        reads_go_on(service, client)
    # Nothing is deleted, and nobody makes room: the log is written over from its beginning.
    wait_for(lambda: refresh(service, client).status_code == 200, "the service")
    reads_go_on(service, client)
    said_once(service, "the database cannot be written")
    service.restart("kill -9")
    client.refresh_for_sure()
    service.kill()
    check_database(small_disk / "mcp_oauth.db")


def test_a_database_that_is_moved_away_is_missed_before_anything_is_acknowledged(tmp_path):
    service = Service(tmp_path, "http://127.0.0.1:1/mcp").start()
    client = client_in_use(service)
    for _ in range(20):
        # Whoever answers has it open.
        reads_go_on(service, client)
    database, elsewhere = tmp_path / "mcp_oauth.db", tmp_path / "elsewhere.db"
    database.rename(elsewhere)
    refused_for_now(refresh(service, client))
    refused_for_now(register(service))
    answer = httpx.get(f"{service.issuer}/readyz")
    assert (answer.status_code, answer.text) == (503, "the file of the database is not where it was\n")
    with httpx.Client() as http:
        assert http.get(f"{service.issuer}/.well-known/oauth-authorization-server").status_code == 200
    assert not database.exists(), "nobody begins with nothing"
    # What was acknowledged is all in the file, wherever that is.
    kept = sqlite3.connect(f"file:{elsewhere}?mode=ro&immutable=1", uri=True)
    assert kept.execute("SELECT count(*) FROM oauth_grants WHERE revoked_at IS NULL").fetchone() == (1,)
    kept.close()
    elsewhere.rename(database)
    ready_again(service)
    client.refresh_for_sure()
    said_once(service, "was moved or deleted")
    service.restart("kill -9")
    client.refresh_for_sure()
    service.kill()
    check_database(database)


def test_a_database_that_is_deleted_is_refused_and_told(tmp_path):
    service = Service(tmp_path, "http://127.0.0.1:1/mcp").start()
    client = client_in_use(service)
    for file in tmp_path.glob("mcp_oauth.db*"):
        file.unlink()
    for _ in range(3):
        refused_for_now(refresh(service, client))
    assert httpx.get(f"{service.issuer}/readyz").status_code == 503
    assert httpx.get(f"{service.issuer}/livez").status_code == 200
    said_once(service, "was moved or deleted")
    # Whoever still has the file can be asked for it.
    (held,) = {link.readlink() for link in files_of(service) if "mcp_oauth.db (" in str(link.readlink())}
    assert str(held).endswith(" (deleted)")
    service.stop()


def files_of(service):
    return Path(f"/proc/{service.process.pid}/fd").iterdir()


def fold(path):
    """All that is in the log gets into the file."""
    with contextlib.closing(sqlite3.connect(path, timeout=30, isolation_level=None)) as database:
        assert database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] == 0


@pytest.mark.parametrize("end", ["by itself", "when it is told to"])
def test_what_others_have_done_since_the_log_was_deleted_is_not_undone(tmp_path, end):
    service = Service(tmp_path, "http://127.0.0.1:1/mcp").start()
    client, database = client_in_use(service), tmp_path / "mcp_oauth.db"
    fold(database)
    # The page of the clients is in the log as it is now.
    assert register(service).status_code == 201
    for suffix in ["-wal", "-shm"]:
        (tmp_path / f"mcp_oauth.db{suffix}").unlink()
    service.command("client", "disable", client.client_id)
    if end == "when it is told to":
        service.process.terminate()
    assert service.process.wait(30) == 1
    said_once(service, "its log, was replaced; nothing more is written")
    service.start()
    with contextlib.closing(sqlite3.connect(database)) as rows:
        found = rows.execute("SELECT disabled_at IS NOT NULL FROM oauth_clients WHERE client_id = ?", [client.client_id])
        assert found.fetchone() == (1,), "an acknowledged revocation was undone"
    assert refresh(service, client).status_code in (400, 401)
    service.stop()
    check_database(database)


@pytest.mark.parametrize("which", ["mcp_oauth.db", "mcp_oauth.db-wal"])
def test_another_file_in_the_place_of_the_database_or_its_log_ends_the_service(tmp_path, which):
    service = Service(tmp_path, "http://127.0.0.1:1/mcp").start()
    client = client_in_use(service)
    old, database = tmp_path / "old.db", tmp_path / "mcp_oauth.db"
    if which == "mcp_oauth.db-wal":
        # What is in the log alone goes with it.
        fold(database)
    subprocess.run(["cp", "--reflink=never", database, tmp_path / "copy.db"], check=True)
    database.rename(old) if which == "mcp_oauth.db" else (tmp_path / which).unlink()
    if which == "mcp_oauth.db":
        (tmp_path / "copy.db").rename(database)
    with contextlib.suppress(httpx.TransportError):
        answer = refresh(service, client)
        refused_for_now(answer)
    assert service.process.wait(30) == 1
    said_once(service, '"level":"ERROR","message":"the file of the database, or its log, was replaced"')
    # The next one finds a file that is whole, and no log of another beside it.
    service.start()
    if which == "mcp_oauth.db-wal":
        client.refresh_for_sure()
    service.stop()
    check_database(database)
    if which == "mcp_oauth.db":
        check_database(old)
        kept = sqlite3.connect(old)
        assert kept.execute("SELECT count(*) FROM oauth_grants WHERE revoked_at IS NULL").fetchone() == (1,)
        kept.close()
