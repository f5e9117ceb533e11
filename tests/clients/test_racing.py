"""Eight processes of one client share one login, and refresh it whenever they like."""

import base64
import hashlib
import json
import secrets
import subprocess
import sys
import urllib.parse

import httpx
from support import HERE, Person, Service, code_of

PROCESSES, REFRESHES = 8, 2000
REDIRECT = "http://127.0.0.1:1/callback"


def connect(service):
    """A client and its first tokens."""
    metadata = {"redirect_uris": [REDIRECT], "token_endpoint_auth_method": "none", "client_name": "Agent"}
    client_id = httpx.post(f"{service.issuer}/register", json=metadata).json()["client_id"]
    verifier = secrets.token_urlsafe(48)
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    query = {
        "response_type": "code",
        "client_id": client_id,
        "redirect_uri": REDIRECT,
        "code_challenge": challenge,
        "code_challenge_method": "S256",
    }
    callback = Person().open(f"{service.issuer}/authorize?{urllib.parse.urlencode(query)}")
    form = {
        "grant_type": "authorization_code",
        "code": code_of(callback)["code"][0],
        "code_verifier": verifier,
        "redirect_uri": REDIRECT,
        "client_id": client_id,
    }
    return client_id, httpx.post(f"{service.issuer}/token", data=form).json()


def test_two_thousand_refreshes_of_eight_racing_processes_force_no_login(tmp_path):
    service = Service(tmp_path, "http://127.0.0.1:1/mcp").start()
    try:
        client_id, tokens = connect(service)
        shared = tmp_path / "tokens.json"
        shared.write_text(json.dumps(tokens))
        each = str(REFRESHES // PROCESSES)
        command = [sys.executable, HERE / "racing_client.py", f"{service.issuer}/token", client_id, shared, each]
        started = [
            subprocess.Popen([*command, str(n)], stdout=subprocess.PIPE, text=True) for n in range(PROCESSES)
        ]
        said = [json.loads(process.communicate(timeout=300)[0]) for process in started]
        assert [process["refused"] for process in said] == [[]] * PROCESSES
        assert sum(process["done"] for process in said) == REFRESHES
        assert all(process["lost"] for process in said)
        (grant,) = service.grants()
        last = json.loads(shared.read_text())
        assert service.introspect(last["access_token"])["active"]
        form = {"grant_type": "refresh_token", "refresh_token": last["refresh_token"], "client_id": client_id}
        again = httpx.post(f"{service.issuer}/token", data=form)
        assert again.status_code == 200, again.text
        assert service.introspect(again.json()["access_token"])["active"]
        assert service.grants()[0]["id"] == grant["id"]
    finally:
        service.kill()
