"""A backup under load, and what it restores: nobody whose access was ended has it again, and everybody else goes on."""

import json
import os
import random
import signal
import subprocess
import time

import httpx
import pytest
from disks import mount, small_disk  # noqa: F401 (a fixture)
from load import Client, Crowd
from support import BINARY, ROOT, Service
from test_crash import SEED, check_database, opened

RESOURCE = "http://127.0.0.1:1/mcp"
KILLS = 100 if os.environ.get("SOAK") else 15


def connected(service, number):
    """A client that has just been let in."""
    client = Client(service, random.Random(f"{SEED}-{number}"))
    client.register()
    client.authorize()
    return client


def command(service, *arguments, **more):
    environment = {**service.environment, **{f"MCP_OAUTH_{name}": value for name, value in more.items()}}
    return subprocess.run(
        [BINARY, *arguments], env=environment, cwd=service.folder, capture_output=True, text=True, timeout=120
    )


def refused(service, client, refresh_token):
    form = {"grant_type": "refresh_token", "refresh_token": refresh_token, "client_id": client.client_id}
    answer = httpx.post(f"{service.issuer}/token", data=form)
    assert answer.status_code in (400, 401), f"a refresh token that had been used or revoked is good: {answer.text}"
    assert answer.json()["error"] in ("invalid_grant", "invalid_client"), answer.text


def test_what_was_ended_or_used_after_a_backup_stays_so_and_everybody_else_goes_on(tmp_path):
    print(f"SEED={SEED}")
    # The ledger has more refusals in it than a network may have in a minute.
    service = Service(tmp_path, RESOURCE, limit_token_failures_per_address="100000").start()
    quiet = [connected(service, number) for number in range(3)]
    leaving = [connected(service, number) for number in range(10, 13)]
    moving = [connected(service, number) for number in range(20, 22)]
    crowd = Crowd(service, 5, SEED)
    crowd.running.set()
    wait_for_work(crowd, 200)
    before = done(crowd)
    backup = json.loads(service.command("backup", "copy.db", "--json"))
    assert done(crowd) > before, "work goes on while the copy is taken"
    assert not crowd.faults, crowd.faults
    check_database(tmp_path / "copy.db")
    wait_for_work(crowd, 300)
    given_back = [client.tokens["refresh_token"] for client in leaving]
    for client in leaving:
        client.revoke()
    for client in moving:
        client.refresh_for_sure()
    running = command(service, "restore", "copy.db")
    assert (running.returncode, len(running.stderr.splitlines())) == (69, 1), running.stderr
    with crowd.paused():
        # Its last commits are in the log alone.
        service.kill()
        restored = json.loads(service.command("restore", "copy.db", "--json"))
        assert restored["taken_at"] == backup["taken_at"] and restored["not_known_because"] is None
        assert restored["grants_ended_since"] >= 3 and restored["grants_used_since"] >= 2, restored
        service.start()
        for client in quiet:
            client.introspect()
            client.refresh_for_sure()
        for client, refresh_token in zip(leaving, given_back):
            refused(service, client, refresh_token)
        for client in [*leaving, *moving, *crowd.clients]:
            for token in client.ended:
                assert service.introspect(token) == {"active": False}, "an ended grant has come back"
            for exchange in client.redeemed:
                answer = httpx.post(f"{service.issuer}/token", data=exchange)
                assert answer.status_code in (400, 401), f"a code was redeemed again: {answer.text}"
            for refresh_token in client.used:
                refused(service, client, refresh_token)
        assert sum(len(client.used) for client in crowd.clients) > 50
        for client in [*moving, *crowd.clients]:
            # It has rotated since the backup, or is younger: its user is asked once more.
            if client.tokens:
                refused(service, client, client.tokens["refresh_token"])
            client.client_id, client.tokens = None, None
        before = done(crowd)
    wait_for_work(crowd, before + 100)
    crowd.end()
    assert not crowd.faults, crowd.faults
    for client in quiet:
        client.introspect()
        assert client.person.asked == 1, "nobody else was asked again"
    service.stop()
    check_database(tmp_path / "mcp_oauth.db")


def done(crowd):
    return sum(sum(client.counts.values()) for client in crowd.clients)


def wait_for_work(crowd, number):
    deadline = time.monotonic() + 120
    while done(crowd) < number and not crowd.faults:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert not crowd.faults, crowd.faults


def test_elsewhere_nobody_knows_what_was_revoked_so_that_everything_ends(tmp_path):
    service = Service(tmp_path, RESOURCE).start()
    client = connected(service, 1)
    service.command("backup", "copy.db")
    client.refresh_for_sure()
    service.stop()
    (tmp_path / "elsewhere").mkdir()
    there = Service(tmp_path / "elsewhere", RESOURCE, issuer=service.issuer)
    there.environment["MCP_OAUTH_LISTEN"] = service.environment["MCP_OAUTH_LISTEN"]
    there.health = service.health
    copy = str(tmp_path / "copy.db")
    said = command(there, "restore", copy)
    assert (said.returncode, len(said.stderr.splitlines())) == (1, 1) and "--revoke-all" in said.stderr, said.stderr
    assert not (tmp_path / "elsewhere" / "mcp_oauth.db").exists()
    said = command(there, "restore", copy, "--revoke-all")
    assert said.returncode == 0, said.stderr
    assert "1 grants are ended, as all were to be" in said.stdout
    there.start()
    refused(there, client, client.used[0])
    refused(there, client, client.tokens["refresh_token"])
    assert there.introspect(client.tokens["access_token"]) == {"active": False}
    # The browser is signed out, the person and the client are still known.
    client.authorize()
    client.introspect()
    there.stop()


def test_what_root_restores_belongs_to_the_services_user(tmp_path):
    service = Service(tmp_path, RESOURCE).start()
    service.command("backup", "copy.db")
    service.stop()
    nobody = 65534
    database = tmp_path / "mcp_oauth.db"
    os.chown(database, nobody, nobody)
    service.command("restore", "copy.db")
    assert {path.stat().st_uid for path in tmp_path.glob("mcp_oauth.db*")} == {nobody}
    assert database.stat().st_mode & 0o777 == 0o600
    for path in tmp_path.glob("mcp_oauth.db*"):
        path.unlink()
    os.chown(tmp_path, nobody, nobody)
    service.command("restore", "copy.db", "--revoke-all")
    assert [path.stat().st_uid for path in tmp_path.glob("mcp_oauth.db*")] == [nobody]


def test_a_killed_backup_leaves_no_half_file_in_its_place(tmp_path):
    rng = random.Random(SEED)
    service = Service(tmp_path, RESOURCE).start()
    fill(tmp_path / "mcp_oauth.db")
    whole = 0
    for _ in range(KILLS):
        process = subprocess.Popen([BINARY, "backup", "copy.db"], env=service.environment, cwd=tmp_path, stdout=subprocess.PIPE)
        time.sleep(rng.random() * 0.3)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        if (tmp_path / "copy.db").exists():
            check_database(tmp_path / "copy.db")
            (tmp_path / "copy.db").unlink()
            whole += 1
    print(f"{whole} of {KILLS} were whole")
    service.command("backup", "copy.db")
    check_database(tmp_path / "copy.db")
    assert [path.name for path in tmp_path.glob("copy.db*")] == ["copy.db"], "what was left is written over"
    service.stop()


def test_a_killed_restore_leaves_the_one_database_or_the_other(tmp_path):
    rng = random.Random(SEED)
    service = Service(tmp_path, RESOURCE).start()
    fill(tmp_path / "mcp_oauth.db")
    client = connected(service, 1)
    service.command("backup", "copy.db")
    client.refresh_for_sure()
    service.stop()
    path = tmp_path / "mcp_oauth.db"
    lived, ended, begun = path.read_bytes(), 0, time.monotonic()
    service.command("restore", "copy.db")
    duration = time.monotonic() - begun
    path.write_bytes(lived)
    for _ in range(KILLS):
        process = subprocess.Popen([BINARY, "restore", "copy.db"], env=service.environment, cwd=tmp_path, stdout=subprocess.PIPE)
        time.sleep(rng.random() * duration * 1.2)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        check_database(path)
        with opened(path) as database:
            live = database.execute("SELECT count(*) FROM oauth_grants WHERE revoked_at IS NULL").fetchone()
            used = database.execute("SELECT count(*) FROM oauth_refresh_tokens WHERE used_at IS NOT NULL").fetchone()
        # Before: the grant lives, and its first token is used. After: the grant has ended.
        assert (live, used) in [((1,), (1,)), ((0,), (0,))]
        if live == (0,):
            ended += 1
            path.write_bytes(lived)
        for kept in tmp_path.glob("*.replaced-*"):
            kept.unlink()
    print(f"restored in spite of it: {ended} of {KILLS}")
    service.command("restore", "copy.db")
    service.start()
    refused(service, client, client.used[0])
    service.stop()


def fill(path):
    """Some megabytes, so that a copy takes a while."""
    with opened(path) as database:
        rows = ((-number, os.urandom(32), "x" * 900) for number in range(1, 12000))
        database.executemany(
            "INSERT INTO oauth_codes (id, hash, client_id, user_id, redirect_uri, code_challenge, scope, resource,"
            " expires_at, redeemed_at) VALUES (?, ?, ?, 'u', 'https://c.example/', 'x', 'mcp', 'https://w.example/', 4000000000, 1)",
            rows,
        )


def test_a_disk_that_fills_up_half_way_has_no_half_file(tmp_path, small_disk):  # noqa: F811
    service = Service(tmp_path, RESOURCE).start()
    fill(tmp_path / "mcp_oauth.db")
    said = command(service, "backup", str(small_disk / "copy.db"))
    assert (said.returncode, len(said.stderr.splitlines())) == (1, 1), said.stderr
    assert "full" in said.stderr and str(small_disk / "copy.db") in said.stderr
    assert list(small_disk.iterdir()) == []
    connected(service, 1)
    service.stop()


def test_without_room_for_a_copy_the_schema_is_not_updated(small_disk):  # noqa: F811
    service = Service(small_disk, RESOURCE)
    path = small_disk / "mcp_oauth.db"
    of_an_older_version(path)
    free = os.statvfs(small_disk)
    # For the log and its index, and not for a copy.
    (small_disk / "ballast").write_bytes(b"\0" * (free.f_bavail * free.f_frsize - 100_000))
    assert path.stat().st_size > 100_000
    said = command(service, "serve")
    assert (said.returncode, len(said.stderr.splitlines())) == (69, 1), said.stderr
    assert "MCP_OAUTH_LIMIT_UPDATE_COPIES=0" in said.stderr and "full" in said.stderr
    assert schema(path) == 9
    assert list(small_disk.glob("*.p*")) == []
    mount("-o", "remount,size=16m", str(small_disk))
    service.start()
    connected(service, 1)
    service.stop()
    (copy,) = small_disk.glob("*.pre-*")
    assert schema(copy) == 9 and copy.name == f"mcp_oauth.db.pre-{schema(path)}"


def schema(path):
    with opened(path) as database:
        return database.execute("SELECT version FROM schema_version").fetchone()[0]


def of_an_older_version(path):
    """A database as the ninth version made it."""
    migrations = sorted((ROOT / "migrations" / "sqlite").iterdir())[:9]
    with opened(path) as database:
        database.execute("PRAGMA application_id = 0x6d63706f")
        database.execute(
            "CREATE TABLE __diesel_schema_migrations"
            " (version VARCHAR(50) PRIMARY KEY NOT NULL, run_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP)"
        )
        for migration in migrations:
            database.executescript((migration / "up.sql").read_text())
            version = migration.name.partition("_")[0]
            database.execute("INSERT INTO __diesel_schema_migrations (version) VALUES (?)", (version,))
    assert schema(path) == 9


@pytest.mark.parametrize("oldest", ["ours", "newer"])
def test_a_database_of_the_next_version_is_used_if_it_says_that_it_may_be(tmp_path, oldest):
    service = Service(tmp_path, RESOURCE).start()
    client = connected(service, 1)
    service.stop()
    path = tmp_path / "mcp_oauth.db"
    with opened(path) as database:
        database.execute("ALTER TABLE oauth_grants ADD COLUMN of_the_next_version TEXT")
        database.execute("ALTER TABLE users ADD COLUMN too BOOLEAN NOT NULL DEFAULT TRUE")
        database.execute("CREATE TABLE of_the_next_version (id BIGINT PRIMARY KEY NOT NULL)")
        database.execute("UPDATE schema_version SET version = version + 1")
        if oldest == "newer":
            database.execute("UPDATE schema_version SET oldest_allowed = version")
        database.execute("INSERT INTO __diesel_schema_migrations (version) VALUES ('9999')")
    version = schema(path)
    if oldest == "newer":
        said = command(service, "serve")
        assert (said.returncode, len(said.stderr.splitlines())) == (69, 1), said.stderr
        assert f"needs schema {version}" in said.stderr
        return
    service.start()
    client.refresh_for_sure()
    client.introspect()
    connected(service, 2).revoke()
    # And so do the commands, a backup and its restoration among them.
    service.command("backup", "copy.db")
    client.refresh_for_sure()
    service.stop()
    restored = json.loads(service.command("restore", "copy.db", "--json"))
    assert (restored["schema"], restored["grants_used_since"]) == (version, 1)
    assert schema(path) == version
    assert list(tmp_path.glob("*.pre-*")) == []
    service.start()
    refused(service, client, client.used[-1])
    client.authorize()
    service.stop()
