"""kill -9 at each call by which a change reaches the disk or its answer the client: the change has
happened or it has not, what was acknowledged has happened, and whoever tries again succeeds."""

import json
import os
import random
import subprocess

import httpx
import pytest
from load import REDIRECT, Client, Gone
from support import BINARY, Person, Service, code_of
from test_crash import check_database
from tracer import SYNCS, killing, traced

RESOURCE = "http://127.0.0.1:1/mcp"
OTHER = "http://127.0.0.1:2/mcp"
# Calls of one kind at which a change is cut short, before the next kind's turn.
MOST = 100 if os.environ.get("SOAK") else 5


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    service = Service(tmp_path_factory.mktemp("stages"), RESOURCE).start()
    service.command("resource", "add", OTHER)
    subprocess.run(
        [BINARY, "user", "add", "bob", "--password-stdin"],
        input="another long password",
        text=True,
        env=service.environment,
        check=True,
        capture_output=True,
    )
    yield service
    service.stop()
    check_database(service.folder / "mcp_oauth.db")


def client_of(service):
    client = Client(service, random.Random(0))
    client.rng.random = lambda: 1.0  # never hangs up
    return client


def registered(service):
    client = client_of(service)
    client.register()
    return client


def connected(service):
    client = registered(service)
    client.authorize()
    return client


class Registration:
    def __init__(self, service):
        self.client = client_of(service)
        self.change = self.client.register

    def check(self, acknowledged):
        if not acknowledged:
            self.client.register()
        assert self.client.send("GET", self.client.authorization_url("v" * 43)).status_code == 303


class Consent:
    def __init__(self, service):
        self.client = registered(service)
        self.code = None

    def change(self):
        try:
            self.code = code_of(self.client.person.open(self.client.authorization_url("v" * 43)))["code"][0]
        except httpx.TransportError as error:
            raise Gone from error

    def check(self, acknowledged):
        if not acknowledged:
            self.change()
        answer = self.client.send("POST", "/token", data=exchange(self.client, self.code))
        assert answer.status_code == 200, answer.text


def exchange(client, code):
    form = {"grant_type": "authorization_code", "code": code, "code_verifier": "v" * 43}
    return form | {"client_id": client.client_id, "redirect_uri": REDIRECT}


class Exchange(Consent):
    def __init__(self, service):
        super().__init__(service)
        super().change()
        self.answer = None

    def change(self):
        self.answer = self.client.send("POST", "/token", data=exchange(self.client, self.code))
        assert self.answer.status_code == 200, self.answer.text

    def check(self, acknowledged):
        again = self.client.send("POST", "/token", data=exchange(self.client, self.code))
        if again.status_code == 200:
            assert not acknowledged, "a consumed code is good again"
            return
        assert again.json()["error"] == "invalid_grant"
        if acknowledged:
            # It was shown twice, and that has ended what it made.
            token = self.answer.json()["access_token"]
            assert self.client.service.introspect(token) == {"active": False}
        # The person is still signed in: nobody asks for a password.
        assert "code" in code_of(self.client.person.open(self.client.authorization_url("v" * 43)))


class Refresh:
    def __init__(self, service):
        self.client = connected(service)
        self.change = self.client.refresh

    def check(self, acknowledged):
        if acknowledged:
            self.client.introspect()
        self.client.refresh()
        self.client.introspect()


class Revocation:
    def __init__(self, service):
        self.client = connected(service)
        self.tokens = self.client.tokens

    def change(self):
        self.client.tokens = self.tokens
        self.client.revoke()

    def check(self, acknowledged):
        if not acknowledged:
            self.change()
        assert self.client.service.introspect(self.tokens["access_token"]) == {"active": False}
        form = {"grant_type": "refresh_token", "refresh_token": self.tokens["refresh_token"]}
        answer = self.client.send("POST", "/token", data=form | {"client_id": self.client.client_id})
        assert answer.json()["error"] == "invalid_grant"


class Command:
    """A command beside the service. The service is not killed, and goes on."""

    def __init__(self, service):
        self.service = service

    def run(self, *prefix):
        command = [*prefix, BINARY, *self.arguments]
        return subprocess.run(command, env=self.service.environment, capture_output=True, timeout=60).returncode

    def check(self, acknowledged):
        if not acknowledged:
            self.run()
        self.holds()


class ClientRemoval(Command):
    def __init__(self, service):
        super().__init__(service)
        self.client = connected(service)
        self.arguments = ["client", "remove", self.client.client_id]

    def holds(self):
        assert self.service.introspect(self.client.tokens["access_token"]) == {"active": False}
        assert self.client.send("GET", self.client.authorization_url("v" * 43)).status_code == 400


class UserDisabled(Command):
    arguments = ["user", "disable", "bob"]

    def __init__(self, service):
        super().__init__(service)
        if not bob_is_enabled(service):
            service.command("user", "disable", "bob", "--undo")
        self.client = registered(service)
        self.client.person = AnotherPerson()
        self.client.authorize()

    def holds(self):
        assert self.service.introspect(self.client.tokens["access_token"]) == {"active": False}
        assert not bob_is_enabled(self.service)


def bob_is_enabled(service):
    people = json.loads(service.command("user", "list", "--json"))
    return next(person for person in people if person["name"] == "bob")["disabled"] is False


class AnotherPerson(Person):
    user = ("bob", "another long password")


class Pause(Command):
    arguments = ["access", "pause", RESOURCE]

    def __init__(self, service):
        super().__init__(service)
        service.command("access", "resume", RESOURCE)
        self.client = connected(service)

    def holds(self):
        assert self.service.introspect(self.client.tokens["access_token"]) == {"active": False}
        self.service.command("access", "resume", RESOURCE)
        self.client.introspect()


def cut_short(service, change, calls, number):
    """Whether it was acknowledged, and whether it was cut short."""
    if isinstance(change, Command):
        code = change.run("strace", "-f", *killing(calls, number))
        return code == 0, code != 0
    acknowledged = True
    with traced(service, *killing(calls, number)):
        try:
            change.change()
        except Gone:
            acknowledged = False
    if service.process.poll() is None:
        assert acknowledged
        return True, False
    service.process.wait(30)
    check_database(service.folder / "mcp_oauth.db")
    service.start()
    return acknowledged, True


@pytest.mark.parametrize(
    "kind", [Registration, Consent, Exchange, Refresh, Revocation, ClientRemoval, UserDisabled, Pause]
)
def test_a_change_that_is_cut_short_has_happened_or_has_not(service, kind):
    cuts = []
    for calls in ["pwrite64", SYNCS, "sendto"]:
        for number in range(1, MOST + 1):
            change = kind(service)
            acknowledged, cut = cut_short(service, change, calls, number)
            change.check(acknowledged)
            if not cut:
                break
            cuts.append((calls, number, acknowledged))
    print(len(cuts), cuts)
    assert {calls for calls, *_ in cuts} >= {"pwrite64", SYNCS}, "nothing was cut short"
    assert any(not acknowledged for *_, acknowledged in cuts)
