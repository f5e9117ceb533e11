"""An update without a gap: the next generation starts on the same socket and the same database, and the one
before ends when the next one is ready, while clients refresh all the while."""

import os
import random
import signal
import socket
import threading

import httpx
from load import Client, Gone
from support import BINARY, Service, wait_for
from systemd import Listener, handed
from test_crash import SEED, check_database

GENERATIONS = 40 if os.environ.get("SOAK") else 8
RESOURCE = "http://127.0.0.1:1/mcp"


class Impatient(Client):
    """One that takes no failure for an answer: each request has a connection of its own, made for it and tried once.

    (A connection that is kept is closed by whoever ends, perhaps just when it is used again: clients that keep
    theirs try once more.)
    """

    def __init__(self, service, rng):
        super().__init__(service, rng)
        self.http = httpx.Client(base_url=service.issuer, timeout=20, headers={"Connection": "close"})
        self.person.browser = httpx.Client(timeout=20, headers={"Connection": "close"})

    def send_and_hang_up(self, form):
        """Not here: every request is answered."""


def done(crowd):
    return sum(sum(client.counts.values()) for client in crowd)


def test_generations_overlap_and_no_request_fails(tmp_path):
    print(f"SEED={SEED}")
    with socket.create_server(("127.0.0.1", 0), backlog=1024) as listener:
        service = Service(tmp_path, RESOURCE, issuer=f"http://127.0.0.1:{listener.getsockname()[1]}")
        service.port = listener.getsockname()[1]
        del service.environment["MCP_OAUTH_LISTEN"]
        notified = Listener(tmp_path)
        environment = service.environment | {"NOTIFY_SOCKET": notified.path}
        with service.log.open("wb") as log:

            def generation():
                process = handed([listener], "public", environment, BINARY, "serve", stdout=log, stderr=log)
                notified.hear_until("READY=1")
                return process

            running = generation()
            crowd = [Impatient(service, random.Random(f"{SEED}-{number}")) for number in range(8)]
            over, faults = threading.Event(), []

            def work(client):
                while not over.is_set() and not faults:
                    try:
                        client.step()
                    except (Gone, Exception) as fault:
                        faults.append((fault, fault.__cause__))

            threads = [threading.Thread(target=work, args=(client,)) for client in crowd]
            for thread in threads:
                thread.start()
            try:
                for number in range(GENERATIONS):
                    enough = done(crowd) + 200
                    wait_for(lambda: done(crowd) > enough or faults, "more work")
                    following = generation()
                    if number % 2:
                        # For a while both serve.
                        enough = done(crowd) + 100
                        wait_for(lambda: done(crowd) > enough or faults, "more work")
                    running.send_signal(signal.SIGTERM)
                    assert running.wait(40) == 0, service.log.read_text()
                    running = following
                    assert not faults, faults
            finally:
                over.set()
                for thread in threads:
                    thread.join(60)
            assert not faults, faults
            for client in crowd:
                client.audit(replay=False)
            running.send_signal(signal.SIGTERM)
            assert running.wait(40) == 0
            notified.close()
    check_database(tmp_path / "mcp_oauth.db")
    counts = {kind: sum(client.counts[kind] for client in crowd) for kind in crowd[0].counts}
    print(counts)
    assert counts["refresh"] > 50 * GENERATIONS and counts["introspect"] and counts["revoke"], counts
    for client in crowd:
        assert client.person.asked == client.counts["authorize"], "nobody was asked for nothing"
    assert '"level":"ERROR"' not in service.log.read_text()
