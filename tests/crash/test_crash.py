"""kill -9 and restart under load: whatever was acknowledged is there, and nobody is asked again."""

import contextlib
import os
import random
import sqlite3
import time

import httpx
from load import Crowd
from support import Service

ROUNDS = 2000 if os.environ.get("SOAK") else 200
SEED = os.environ.get("SEED", str(random.randrange(10**9)))


def test_nothing_acknowledged_is_lost(tmp_path):
    print(f"SEED={SEED}")
    rng = random.Random(SEED)
    service = Service(tmp_path, "http://127.0.0.1:1/mcp").start()
    crowd = Crowd(service, 6, SEED)
    crowd.running.set()
    for number in range(ROUNDS):
        time.sleep(rng.random() * 0.2)
        if rng.random() < 0.1:
            service.stop()
            assert log_size(tmp_path) == 0, "an orderly stop folds the log into the database"
        else:
            service.kill()
        service.start()
        assert not crowd.faults, crowd.faults
        with crowd.paused():
            for client in crowd.clients:
                client.audit(replay=rng.random() < 0.1)
    crowd.end()
    assert not crowd.faults, crowd.faults
    service.stop()
    check_database(tmp_path / "mcp_oauth.db")
    assert '"level":"ERROR"' not in service.log.read_text()
    done = {kind: sum(client.counts[kind] for client in crowd.clients) for kind in crowd.clients[0].counts}
    print(done)
    assert all(done.values()), done
    for client in crowd.clients:
        # Once at the first sign-in of each person, never again: sessions live through it all.
        assert client.counts["authorize"] <= client.person.asked


def test_a_started_sign_in_can_be_finished_after_a_crash(tmp_path):
    service = Service(tmp_path, "http://127.0.0.1:1/mcp").start()
    crowd = Crowd(service, 1, SEED)
    (client,) = crowd.clients
    client.register()
    browser = client.person.browser
    first = browser.get(client.authorization_url("v" * 43))
    assert first.status_code == 303
    service.restart("kill -9")
    sign_in = service.issuer + first.headers["location"]
    assert "password" in browser.get(sign_in).text
    callback = client.person.open(sign_in)
    service.restart("kill -9")
    assert "code=" in callback
    # Signed in before the crash: the next request goes straight to the question.
    second = browser.get(client.authorization_url("v" * 43))
    assert second.headers["location"].startswith("/consent?")
    service.kill()
    crowd.end()


def log_size(folder):
    log = folder / "mcp_oauth.db-wal"
    return log.stat().st_size if log.exists() else 0


@contextlib.contextmanager
def opened(path):
    """The database itself, and closed again: whoever has it open is in the way of others."""
    with contextlib.closing(sqlite3.connect(path, timeout=20)) as database, database:
        yield database


def check_database(path):
    with opened(path) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        # No grant without an owner, no token of a grant that was never made.
        orphans = "SELECT count(*) FROM oauth_tokens WHERE grant_id NOT IN (SELECT id FROM oauth_grants)"
        assert database.execute(orphans).fetchone() == (0,)


def test_the_service_is_reachable_again_within_its_patience(tmp_path):
    """A restart refuses connections for a moment; a client that tries again gets through."""
    service = Service(tmp_path, "http://127.0.0.1:1/mcp").start()
    for how in ["stop", "kill -9"]:
        service.restart(how)
        assert httpx.get(f"{service.issuer}/readyz").status_code == 200
    service.kill()
