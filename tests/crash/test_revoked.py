"""Revoked means revoked at the next question, whichever process revoked: nothing that the service
remembers outlives the command, or the request to another instance, that ended it."""

import random
import threading
import time

import httpx
from load import Client
from support import INTROSPECTION_ID, INTROSPECTION_SECRET, Service

ROUNDS = 15
RESOURCE = "http://127.0.0.1:1/mcp"


class Questions:
    """The MCP server asks about one token again and again, from several threads."""

    def __init__(self, service, token):
        self.service, self.token = service, token
        self.over = threading.Event()  # the revocation has returned
        self.asked, self.late = 0, []
        self.threads = [threading.Thread(target=self.ask) for _ in range(3)]
        for thread in self.threads:
            thread.start()

    def ask(self):
        with httpx.Client(base_url=self.service.issuer, auth=(INTROSPECTION_ID, INTROSPECTION_SECRET)) as http:
            while True:
                over = self.over.is_set()
                active = http.post("/introspect", data={"token": self.token}).json()["active"]
                self.asked += 1
                if over:
                    self.late.append(active)
                    return

    def end(self):
        self.over.set()
        for thread in self.threads:
            thread.join()
        assert self.late == [False] * 3, self.late


def connected(service):
    """A client that has just been let in; its access token, and the grant behind it."""
    client = Client(service, random.Random(0))
    client.register()
    client.authorize()
    newest = max(service.grants(), key=lambda grant: grant["id"])
    return client, newest["id"]


def test_a_command_that_revokes_returns_when_nobody_is_told_otherwise(tmp_path):
    service = Service(tmp_path, RESOURCE).start()
    for _ in range(ROUNDS):
        client, grant = connected(service)
        questions = Questions(service, client.tokens["access_token"])
        time.sleep(0.3)
        service.command("grant", "revoke", str(grant))
        questions.end()
        assert questions.asked > 20
    service.stop()


def revoke(asked, through):
    """Asks one instance about a token that ends by way of this one; the token."""
    client, _ = connected(asked)
    access_token = client.tokens["access_token"]
    questions = Questions(asked, access_token)
    time.sleep(0.1)
    form = {"token": client.tokens["refresh_token"], "client_id": client.client_id}
    answer = httpx.post(f"http://127.0.0.1:{through.port}/revoke", data=form)
    assert answer.status_code == 200, answer.text
    questions.end()
    return access_token


def test_what_another_instance_revokes_is_revoked_here(tmp_path):
    (tmp_path / "other").mkdir()
    first = Service(tmp_path, RESOURCE).start()
    second = Service(tmp_path / "other", RESOURCE, issuer=first.issuer, db=str(tmp_path / "mcp_oauth.db"))
    second.health = f"http://127.0.0.1:{second.port}"
    for _ in range(ROUNDS):
        revoke(first, first)
    second.start()
    for _ in range(ROUNDS):
        token = revoke(first, second)
    second.kill()
    # The one that is left takes the other for alive, and reads, until it has missed its beats.
    assert first.introspect(token) == {"active": False}
    first.stop()
