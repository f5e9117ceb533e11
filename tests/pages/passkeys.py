"""People with passkeys: Chromium's virtual authenticator, and forms that are held back to be tampered with."""

import base64
import contextlib
import hashlib
import json
import subprocess
import urllib.parse

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from playwright.sync_api import expect
from support import BINARY, PASSWORD, USER, Service
from windows import Window

OTHER, OTHER_PASSWORD = "bob", "another horse battery"
ADDED, SIGN_IN = "Add a passkey", "Sign in with a passkey"


def passkey_service(folder, **settings):
    """The service on a name: an address cannot have passkeys."""
    service = Service(folder, "https://wiki.example.org/mcp", **settings)
    service.issuer = service.environment["MCP_OAUTH_ISSUER"] = f"http://localhost:{service.port}"
    return service.start()


def add_person(service):
    command = [BINARY, "user", "add", OTHER, "--password-stdin"]
    subprocess.run(command, input=OTHER_PASSWORD, text=True, env=service.environment, cwd=service.folder, check=True)


class Holder(Window):
    """A window whose device makes and keeps passkeys."""

    def __init__(self, chromium, service, **options):
        super().__init__(chromium, service, **options)
        self.page.set_default_timeout(10_000)
        self.devtools = self.context.new_cdp_session(self.page)
        self.devtools.send("WebAuthn.enable")
        self.device = self.add_device()

    def add_device(self, **options):
        options = {
            "protocol": "ctap2",
            "transport": "internal",
            "hasResidentKey": True,
            "hasUserVerification": True,
            "isUserVerified": True,
            "automaticPresenceSimulation": True,
        } | options
        added = self.devtools.send("WebAuthn.addVirtualAuthenticator", {"options": options})
        return added["authenticatorId"]

    def tell(self, command, **parameters):
        return self.devtools.send(f"WebAuthn.{command}", {"authenticatorId": self.device, **parameters})

    def keys(self):
        return self.tell("getCredentials")["credentials"]

    def lend_to(self, other):
        """The other device has all the keys of this one too."""
        for key in self.keys():
            other.tell("addCredential", credential=key)

    def password(self, name=USER, password=PASSWORD, to="security"):
        self.page.goto(f"{self.service.issuer}/sign-in?to={to}")
        self.page.get_by_label("User name").fill(name)
        self.page.get_by_label("Password").fill(password)
        self.page.get_by_role("button", name="Sign in", exact=True).click()
        self.page.wait_for_url(lambda url: "/sign-in?" not in url)

    def open_passkeys(self):
        self.page.goto(f"{self.service.issuer}/account/passkeys")

    def add(self, name="phone"):
        self.page.get_by_label("Name of the new passkey").fill(name)
        self.page.get_by_role("button", name=ADDED).click()

    def signed_up(self, name=USER, password=PASSWORD, key="phone"):
        """Signs in with the password, and adds a passkey."""
        self.password(name, password)
        self.open_passkeys()
        self.add(key)
        expect(self.page.get_by_text(key, exact=True)).to_be_visible()
        return self

    def leave(self):
        """Another day, another browser: the keys stay on the device."""
        self.context.clear_cookies()
        return self

    def by_passkey(self, to="security"):
        self.page.goto(f"{self.service.issuer}/sign-in?to={to}")
        self.page.get_by_role("button", name=SIGN_IN).click()

    def is_in(self, name=USER):
        self.page.wait_for_url(lambda url: "/sign-in" not in url)
        self.open_passkeys()
        expect(self.page.get_by_text(f"Signed in as {name}")).to_be_visible()

    def is_out(self):
        assert not [cookie for cookie in self.context.cookies() if cookie["name"].endswith("session")]

    def step_cookies(self):
        return [cookie for cookie in self.context.cookies() if "sign-in-" in cookie["name"]]

    def close(self):
        assert not self.wrong, self.wrong
        self.context.close()

    @contextlib.contextmanager
    def held(self, path):
        """Holds the form back that the script sends, as its fields."""
        sent = {}

        def hold(route):
            if route.request.method != "POST":
                return route.continue_()
            sent.update(urllib.parse.parse_qsl(route.request.post_data, keep_blank_values=True))
            return route.abort()

        address = f"{self.service.issuer}{path}"
        self.page.route(address, hold)
        yield sent
        self.page.wait_for_timeout(0)
        wait = 0
        while not sent and wait < 200:
            self.page.wait_for_timeout(50)
            wait += 1
        self.page.unroute(address)
        assert sent, "nothing was sent"
        self.wrong = [wrong for wrong in self.wrong if "ERR_FAILED" not in wrong]

    def send(self, path, form, context=None, origin=None):
        """As the browser would, from the same page."""
        headers = {"Origin": origin or self.service.issuer}
        request = (context or self.context).request
        return request.post(f"{self.service.issuer}{path}", form=form, headers=headers, max_redirects=0)


def tampered(form, change):
    """The form with another answer: `change` gets the credential."""
    credential = json.loads(form["credential"])
    change(credential)
    return form | {"credential": json.dumps(credential)}


def decode(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def encode(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def client_data(**members):
    """Changes what the browser says about itself."""

    def change(credential):
        said = json.loads(decode(credential["response"]["clientDataJSON"])) | members
        credential["response"]["clientDataJSON"] = encode(json.dumps(said).encode())

    return change


def plain(text):
    """base64 as base64url without padding."""
    return encode(base64.b64decode(text))


def handle(window):
    (key,) = window.keys()
    return plain(key["userHandle"])


class Forger:
    """Signs whatever it is told to with a window's own key."""

    def __init__(self, window):
        (self.key,) = window.keys()

    def sign(self, said=None, rp_id="localhost", flags=0x05, counter=None, key=None):
        def change(credential):
            response = credential["response"]
            client = json.loads(decode(response["clientDataJSON"])) | (said or {})
            # What the device has counted for the answer that was held back.
            count = self.key["signCount"] if counter is None else counter
            data = hashlib.sha256(rp_id.encode()).digest() + bytes([flags]) + count.to_bytes(4, "big")
            client_bytes = json.dumps(client).encode()
            private = serialization.load_der_private_key(base64.b64decode(self.key["privateKey"]), None)
            if key:
                private = ec.generate_private_key(ec.SECP256R1())
            signature = private.sign(data + hashlib.sha256(client_bytes).digest(), ec.ECDSA(hashes.SHA256()))
            credential["id"] = credential["rawId"] = plain(self.key["credentialId"])
            response["clientDataJSON"] = encode(client_bytes)
            response["authenticatorData"] = encode(data)
            response["signature"] = encode(signature)
            response["userHandle"] = plain(self.key["userHandle"])

        return change
