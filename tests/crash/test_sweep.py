"""What is past its time goes away in the background, while everybody goes on; what tells a replay stays."""

import contextlib
import os
import sqlite3
import time

import httpx
from support import Service, wait_for
from test_crash import check_database
from test_faults import client_in_use

# Of each kind of token.
ROWS = 1_000_000 if os.environ.get("SOAK") else 60_000
DAY = 86_400


def fill(path, now):
    """Pairs that have expired long ago, used ones that may still be replayed, and codes of both kinds."""
    old, recent = now - 70 * DAY, now - 5 * DAY
    counted = "WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < ?) "
    # Ids grow with time: milliseconds above 21 bits.
    refresh = "INSERT INTO oauth_refresh_tokens (id, hash, grant_id, expires_at, used_at) "
    with contextlib.closing(sqlite3.connect(path)) as database, database:
        pairs = f"{counted} INSERT INTO oauth_tokens (id, hash, grant_id, scope, issued_at, expires_at) "
        database.execute(
            pairs + "SELECT ((? * 1000 + n / 100) << 21) + n, randomblob(32), 1, 'mcp', ?, ? FROM n",
            [ROWS, old, old, old + 3600],
        )
        database.execute(
            f"{counted} {refresh} SELECT ((? * 1000 + n / 100) << 21) + n, randomblob(32), 1, ?, ? FROM n",
            [ROWS, old, old + 30 * DAY, old + 1],
        )
        # Used within their lifetime: whoever shows one of these is a second holder.
        database.execute(
            f"{counted} {refresh} SELECT ((? * 1000 + n / 100) << 21) + n, randomblob(32), 1, ?, ? FROM n",
            [500, recent, recent + 30 * DAY, recent + 1],
        )
        codes = (
            f"{counted} INSERT INTO oauth_codes (id, hash, client_id, user_id, redirect_uri, code_challenge, scope, "
            "resource, expires_at, redeemed_at) SELECT ((? * 1000 + n / 100) << 21) + n, randomblob(32), 'c', 'u', "
            "'http://127.0.0.1/cb', 'x', 'mcp', 'http://127.0.0.1:1/mcp', ?, ? FROM n"
        )
        for used in [old, now - 2 * 3600]:
            database.execute(codes, [1000, used, used + 600, used + 10])


def count(path, table, condition="1"):
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
        return database.execute(f"SELECT count(*) FROM {table} WHERE {condition}").fetchone()[0]


def test_expired_rows_go_while_refreshes_go_on(tmp_path):
    path, now = tmp_path / "mcp_oauth.db", int(time.time())
    service = Service(tmp_path, "http://127.0.0.1:1/mcp").start()
    client = client_in_use(service)
    client.rng.random = lambda: 1.0
    first = dict(client.tokens)
    exchange = client.redeemed[-1]
    client.refresh()
    client.refresh()
    service.stop()
    fill(path, now)
    before = count(path, "oauth_tokens")
    assert before > ROWS
    service.start()
    seen, refreshed = {before}, 0
    while (left := count(path, "oauth_tokens")) > ROWS / 10:
        seen.add(left)
        # Each of them waits for a batch at the most.
        client.refresh()
        client.introspect()
        refreshed += 1
    assert len(seen) > 5 and refreshed > 5, "it was not done in the background"
    wait_for(lambda: count(path, "oauth_tokens") == refreshed + 3, "the sweeper", seconds=600)
    recent = f"id > ({now - 6 * DAY} * 1000) << 21"
    wait_for(lambda: count(path, "oauth_refresh_tokens") == count(path, "oauth_refresh_tokens", recent), "the sweeper")
    assert count(path, "oauth_refresh_tokens") == 500 + refreshed + 3, "what tells a replay has gone"
    assert count(path, "oauth_codes") == 1000 + 1, "used codes of today have gone"
    assert int(metric(service, "swept_rows_total")) >= 2 * ROWS
    # Replays are known as such.
    form = {"grant_type": "refresh_token", "refresh_token": first["refresh_token"], "client_id": client.client_id}
    service.environment["MCP_OAUTH_REFRESH_GRACE"] = "0"
    service.restart("stop")
    client.introspect()
    answer = httpx.post(f"{service.issuer}/token", data=form)
    assert answer.json()["error"] == "invalid_grant"
    assert service.introspect(client.tokens["access_token"]) == {"active": False}
    assert count(path, "events", "kind = 'grant.replayed' OR detail LIKE '%replay%' OR kind LIKE '%replay%'") >= 1
    client.authorize()
    assert client.send("POST", "/token", data=exchange).json()["error"] == "invalid_grant"
    service.stop()
    check_database(path)


def metric(service, name):
    lines = httpx.get(f"{service.issuer}/metrics").text.splitlines()
    return next(line.split()[1] for line in lines if line.startswith(f"mcp_oauthd_{name} "))
