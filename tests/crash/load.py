"""Load on the service, by clients that keep a ledger: what was acknowledged must never be lost."""

import base64
import collections
import contextlib
import hashlib
import random
import secrets
import socket
import threading
import urllib.parse

import httpx
from support import Person, code_of

REDIRECT = "http://127.0.0.1:1/callback"


class Gone(Exception):
    """The service went away before it answered: nobody knows what it did."""


class Client:
    """One registered client and one person's yes to it, with a ledger of what was acknowledged."""

    def __init__(self, service, rng):
        self.service, self.rng = service, rng
        self.person = Person()
        self.http = httpx.Client(base_url=service.issuer, timeout=20)
        self.lock = threading.Lock()
        self.client_id = None
        self.tokens = None  # the last pair that arrived here
        self.unanswered = False  # the last refresh may have happened
        self.ended = []  # access tokens of grants whose end was acknowledged
        self.redeemed = []  # codes whose redemption was acknowledged
        self.used = collections.deque(maxlen=50)  # refresh tokens whose use was acknowledged, the last ones
        self.counts = dict.fromkeys(["refresh", "lost", "introspect", "authorize", "revoke", "replay"], 0)

    def send(self, method, path, **arguments):
        try:
            return self.http.request(method, path, **arguments)
        except httpx.TransportError as error:
            raise Gone from error

    def register(self):
        metadata = {"redirect_uris": [REDIRECT], "token_endpoint_auth_method": "none", "client_name": "Crash"}
        answer = self.send("POST", "/register", json=metadata)
        assert answer.status_code == 201, answer.text
        self.client_id = answer.json()["client_id"]

    def authorization_url(self, verifier):
        digest = hashlib.sha256(verifier.encode()).digest()
        query = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": REDIRECT,
            "state": secrets.token_urlsafe(8),
            "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
        }
        return f"{self.service.issuer}/authorize?{urllib.parse.urlencode(query)}"

    def authorize(self):
        """A person says yes, and the code is redeemed."""
        verifier = secrets.token_urlsafe(48)
        try:
            code = code_of(self.person.open(self.authorization_url(verifier)))["code"][0]
        except httpx.TransportError as error:
            raise Gone from error
        exchange = {
            "grant_type": "authorization_code",
            "code": code,
            "code_verifier": verifier,
            "client_id": self.client_id,
        }
        answer = self.send("POST", "/token", data=exchange)
        assert answer.status_code == 200, answer.text
        self.tokens, self.unanswered = answer.json(), False
        self.redeemed.append(exchange)
        self.counts["authorize"] += 1

    def refresh(self):
        """Whatever became of the last attempt, the token that is held here is good for a pair."""
        form = {
            "grant_type": "refresh_token",
            "refresh_token": self.tokens["refresh_token"],
            "client_id": self.client_id,
        }
        if self.rng.random() < 0.05:
            return self.send_and_hang_up(form)
        self.unanswered = True
        answer = self.send("POST", "/token", data=form)
        assert answer.status_code == 200, f"{answer.text} {answer.headers}"
        self.used.append(self.tokens["refresh_token"])
        self.tokens, self.unanswered = answer.json(), False
        self.counts["refresh"] += 1

    def send_and_hang_up(self, form):
        """The request arrives, the answer is lost."""
        body = urllib.parse.urlencode(form).encode()
        head = (
            f"POST /token HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n"
            "Content-Type: application/x-www-form-urlencoded\r\n\r\n"
        ).encode()
        self.unanswered = True
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.service.port), 5) as wire:
            wire.sendall(head + body)
            if self.rng.random() < 0.5:
                wire.settimeout(0.02)
                wire.recv(1)
        self.counts["lost"] += 1

    def introspect(self):
        if self.unanswered:
            return
        answer = self.send("POST", "/introspect", **self.as_resource(self.tokens["access_token"]))
        assert answer.status_code == 200 and answer.json()["active"] is True, answer.text
        assert answer.json()["client_id"] == self.client_id
        self.counts["introspect"] += 1

    def revoke(self):
        tokens, self.tokens = self.tokens, None
        form = {"token": tokens["refresh_token"], "client_id": self.client_id}
        answer = self.send("POST", "/revoke", data=form)
        assert answer.status_code == 200, answer.text
        self.ended.append(tokens["access_token"])
        self.counts["revoke"] += 1

    def as_resource(self, token):
        from support import INTROSPECTION_ID, INTROSPECTION_SECRET

        return {"data": {"token": token}, "auth": (INTROSPECTION_ID, INTROSPECTION_SECRET)}

    def step(self):
        """One thing that a client does, chosen at random."""
        if self.client_id is None:
            return self.register()
        if self.tokens is None:
            return self.authorize()
        kind = self.rng.random()
        if kind < 0.65:
            return self.refresh()
        if kind < 0.95:
            return self.introspect()
        return self.revoke()

    def audit(self, replay):
        """After a restart, on a service that answers: everything in the ledger is still so."""
        if self.client_id is None:
            return
        answer = self.send("GET", self.authorization_url("v" * 43))
        assert answer.status_code == 303, f"an acknowledged registration is gone: {answer.text}"
        for token in self.ended[-5:]:
            answer = self.send("POST", "/introspect", **self.as_resource(token))
            assert answer.json() == {"active": False}, "an ended grant has come back"
        if self.tokens and not self.unanswered:
            self.introspect()
        if self.tokens:
            self.refresh_for_sure()
        if replay and self.redeemed:
            self.replay(self.redeemed.pop())

    def refresh_for_sure(self):
        self.refresh()
        if self.unanswered:
            self.audit_refresh()

    def audit_refresh(self):
        while self.unanswered:
            self.refresh()

    def replay(self, exchange):
        """A consumed code stays consumed, and using it again ends the grant that it made."""
        answer = self.send("POST", "/token", data=exchange)
        assert answer.status_code == 400 and answer.json()["error"] == "invalid_grant", answer.text
        if not self.redeemed_since(exchange):
            self.tokens = None
        self.counts["replay"] += 1

    def redeemed_since(self, exchange):
        """Whether the pair that is held here comes from another code."""
        answer = self.send("POST", "/introspect", **self.as_resource(self.tokens["access_token"])) if self.tokens else None
        return bool(answer and answer.json()["active"])


class Crowd:
    """Clients that work until they are told to pause; a fault of one is told at the end."""

    def __init__(self, service, size, seed):
        self.clients = [Client(service, random.Random(f"{seed}-{n}")) for n in range(size)]
        self.running = threading.Event()
        self.over = False
        self.faults = []
        self.threads = [threading.Thread(target=self.work, args=(client,), daemon=True) for client in self.clients]
        for thread in self.threads:
            thread.start()

    def work(self, client):
        while not self.over:
            self.running.wait()
            with client.lock:
                if not self.running.is_set():
                    continue
                try:
                    client.step()
                except Gone:
                    self.running.wait(0.02)
                except Exception as fault:
                    self.faults.append(fault)
                    return

    @contextlib.contextmanager
    def paused(self):
        """Nobody is in the middle of anything."""
        self.running.clear()
        with contextlib.ExitStack() as stack:
            for client in self.clients:
                stack.enter_context(client.lock)
            yield
        self.running.set()

    def end(self):
        self.over = True
        self.running.set()
        for thread in self.threads:
            thread.join(30)
