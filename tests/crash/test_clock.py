"""The machine's clock is set: forwards and backwards by a day, while the service runs and while it is stopped."""

import contextlib
import random
import sqlite3
import time
from pathlib import Path

import httpx
import pytest
from load import Client
from support import Service, wait_for
from test_crash import check_database

DAY = 86_400


@pytest.fixture
def world(tmp_path):
    world = World(tmp_path)
    yield world
    world.service.stop()
    check_database(tmp_path / "mcp_oauth.db")


class World:
    """A service whose clock goes wrong when it is told to."""

    def __init__(self, folder):
        self.service = Service(folder, "http://127.0.0.1:1/mcp", access_token_lifetime="65s")
        self.offset = folder / "offset"
        (library,) = Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1")
        self.service.environment |= {
            "LD_PRELOAD": str(library),
            "FAKETIME_TIMESTAMP_FILE": str(self.offset),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "NO_FAKE_STAT": "1",
        }
        self.set(0)
        self.service.start()
        self.client = Client(self.service, random.Random(1))
        self.client.rng.random = lambda: 1.0
        self.client.register()
        self.client.authorize()

    def set(self, seconds):
        """So much is the clock ahead."""
        fresh = self.offset.with_suffix(".new")
        fresh.write_text(f"{seconds:+d}\n")
        fresh.rename(self.offset)

    def ready(self):
        answer = httpx.get(f"{self.service.issuer}/readyz")
        return answer.status_code == 200 or answer.text

    def is_active(self, tokens=None):
        return self.service.introspect((tokens or self.client.tokens)["access_token"])["active"]

    def says(self, words):
        return self.service.log.read_text().count(words)

    def rows(self, query):
        with contextlib.closing(sqlite3.connect(self.service.folder / "mcp_oauth.db")) as database:
            return database.execute(query).fetchone()[0]

    def seen(self):
        """That it is so late stands in the database."""
        return self.rows("SELECT seen_at FROM clock") - time.time()


BEHIND = "the clock of this machine went backwards\n"


def test_a_clock_that_is_set_back_brings_nothing_back_to_life(world):
    old = dict(world.client.tokens)
    assert world.is_active()
    world.set(90)
    assert not world.is_active(), "it lives for a minute"
    world.client.refresh()
    # It is believed that it is so late after a tenth of the time that has not passed.
    wait_for(lambda: world.seen() > 80, "the mark", seconds=60)
    assert world.ready() is True
    world.set(-DAY)
    assert world.ready() == BEHIND
    assert not world.is_active(old), "it has expired"
    # Time goes slowly, and everything goes on.
    assert world.is_active()
    world.client.refresh()
    world.client.revoke()
    world.client.authorize()
    assert world.is_active()
    wait_for(lambda: world.says("the clock went backwards"), "the log")
    for end in [world.service.stop, world.service.kill]:
        end()
        world.service.start(until="livez")
        assert world.ready() == BEHIND
        assert not world.is_active(old)
        world.client.refresh()
    # Nobody had to do anything about it but to mend the clock.
    world.set(100)
    assert world.ready() is True
    assert world.says('"ERROR"') == world.says("the clock went backwards") == 3, "once for each process"


def test_a_jump_that_is_taken_back_leaves_no_trace(world):
    """As a machine whose clock is right only some time after it has started."""
    tokens = dict(world.client.tokens)
    clients = world.rows("SELECT count(*) FROM oauth_clients")
    world.set(400 * DAY)
    assert not world.is_active()
    wait_for(lambda: world.says("the clock jumped forwards"), "the log")
    # Neither at a start: everything there is has expired.
    world.service.restart("stop")
    world.service.restart("kill -9")
    assert world.says("the clock jumped forwards") == 3
    time.sleep(1)
    assert world.rows("SELECT count(*) FROM oauth_clients") == clients
    tokens_left = [world.rows(f"SELECT count(*) FROM {table}") for table in ["oauth_refresh_tokens", "oauth_tokens"]]
    assert tokens_left == [1, 1]
    assert world.seen() < 60
    world.set(0)
    assert world.ready() is True
    assert world.is_active(tokens)
    world.client.refresh()
    assert world.says('"ERROR"') == 0


def test_a_day_that_has_passed_is_believed_in_the_end(world):
    """The machine was off, or asleep: what is past its time is deleted after a tenth of it."""
    world.set(30)
    assert world.ready() is True and world.is_active()
    world.service.stop()
    # Two minutes ahead: believed after twelve seconds.
    world.set(150)
    world.service.start()
    assert world.says("the clock jumped forwards") == 1
    wait_for(lambda: world.says("the clock goes as time does") == 1 and world.seen() > 140, "the mark", seconds=60)
    assert world.ready() is True
    world.client.refresh()
    world.set(0)
    assert world.ready() == BEHIND
    world.set(150)
    assert world.ready() is True


def test_nobody_waits_a_day_because_the_clock_was_set(world):
    """Limits on how often count the time that passes."""
    world.service.environment |= {"MCP_OAUTH_LIMITS": "on", "MCP_OAUTH_LIMIT_TOKEN_FAILURES_PER_ADDRESS": "60"}
    world.service.restart("stop")
    form = {"grant_type": "refresh_token", "refresh_token": "x", "client_id": world.client.client_id}
    fail = lambda: httpx.post(f"{world.service.issuer}/token", data=form)
    world.set(DAY)
    while (answer := fail()).status_code != 429:
        assert answer.status_code == 400, answer.text
    world.set(-DAY)
    assert int(fail().headers["retry-after"]) <= 2
    wait_for(lambda: fail().status_code == 400, "the next try", seconds=5)
    world.set(0)
