"""Every page, and how a browser comes to it: what the tests of the look walk through."""

import random
import re

import httpx

from newcomers import an_app_that_asks_for_more, where_not_every_app_may_connect
from own_places import as_somebody_new, as_the_owner, sign_in, who_has_to_have_a_second_factor
from support import PASSWORD, USER, Service
from windows import App

LOGO = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 40 20" onload="document.title='ran'">
<script>document.title = "ran"</script><image href="https://elsewhere.example/beacon.png"/>
<style>rect { fill: #b3261e }</style><rect width="40" height="20" rx="4"/></svg>"""

# Nothing of this may turn a line around, hide, run, or push anything out of sight.
HOSTILE_NAMES = [
    "\u202ekcilc ot efas\u202c <b onmouseover=alert(1)>Bank</b>",
    "<script>alert(1)</script>\u200b\u200d\u2066",
    "W" * 200,
    "شركة التأمين الوطنية " * 4,
    "Zu vertrauen! Sicher\u0301\u0301\u0301\u0301\u0301\u0301 \U0001f512",
]


class House:
    """A service with an owner, one that is not set up yet, and an app that asks."""

    def __init__(self, folder, names=("Crash",), **settings):
        self.user = settings.pop("owner", USER)
        self.names, self.count = names, 0
        for part in ["lived-in", "new"]:
            (folder / part).mkdir()
        resource = settings.pop("resource", "https://wiki.example.org/mcp")
        # Nobody is there: what is shown are their buttons, and what is said when one does not answer.
        provider = {"github_client_id": "Iv1.test", "github_client_secret": "x"}
        provider |= {"oidc_issuer": "http://127.0.0.1:1", "oidc_client_id": "mcp", "oidc_label": "The Example"}
        scopes = {"scopes": "mcp read write", "scope_includes": "write=read"}
        scopes |= {"scope_words": "read=Read your pages; write=Change <b>all</b> of your pages"}
        self.service = Service(folder / "lived-in", resource, owner=self.user, **(provider | scopes | settings))
        self.new = Service(folder / "new", resource, second_factor="required", **settings)
        # On a name: an address cannot have passkeys.
        for service in [self.service, self.new]:
            service.issuer = service.environment["MCP_OAUTH_ISSUER"] = f"http://localhost:{service.port}"
        self.service.start()
        for name in ["OWNER", "OWNER_PASSWORD_FILE", "RESOURCE", "INTROSPECTION_ID", "INTROSPECTION_SECRET_FILE"]:
            del self.new.environment[f"MCP_OAUTH_{name}"]
        self.new.start()
        self.app = App(self.service, random.Random(1))
        self.listens = self.app.redirect

    def another_name(self):
        """As long as the owner's, and nobody's yet."""
        self.count += 1
        return f"b{self.user[1:-2]}{self.count:02}"

    def close(self):
        self.app.server.shutdown()
        self.service.kill()
        self.new.kill()

    def register(self, name, redirect=None):
        """Another app, of this name; the address at which it asks."""
        self.app.redirect = redirect or self.listens
        metadata = {"redirect_uris": [self.app.redirect], "client_name": name, "token_endpoint_auth_method": "none"}
        answer = httpx.post(f"{self.service.issuer}/register", json=metadata)
        assert answer.status_code == 201, answer.text
        self.app.client.client_id = answer.json()["client_id"]
        return self.app.url()


def walk(house, page):
    """Goes to every page, in an order in which one can come to them, and says where it is."""
    yield from before_there_is_anybody(house.new, page)
    yield from on_the_way_in(house, page)
    yield from where_things_go_wrong(house, page)
    yield from signed_in(house, page)


def before_there_is_anybody(service, page):
    page.goto(service.issuer)
    yield "home-not-set-up"
    link = re.search(rf"^{re.escape(service.issuer)}/setup\?token=\S+$", service.log.read_text(), re.MULTILINE).group()
    page.goto(link)
    yield "setup"
    page.locator("#username").fill("ada lovelace")
    page.locator("#password").fill("password")
    page.locator("#resource").fill("https://wiki.example.org/mcp#team")
    page.locator("button.primary").click()
    yield "setup-wrong"
    page.locator("#username").fill("ada")
    page.locator("#password").fill("password")
    page.locator("#resource").fill("https://wiki.example.org/mcp")
    page.locator("button.primary").click()
    yield "setup-wrong-password"
    page.locator("#password").fill(PASSWORD)
    page.locator("button.primary").click()
    yield "setup-done"
    page.goto(link)
    yield "setup-link-is-dead"
    page.context.clear_cookies()
    yield from who_has_to_have_a_second_factor(service, page, "ada")


def on_the_way_in(house, page):
    service = house.service
    page.goto(service.issuer)
    yield "home"
    for goal in ["account", "security", "owner"]:
        page.goto(f"{service.issuer}/sign-in?to={goal}")
        yield f"sign-in-to-{goal}"
    page.goto(house.app.url())
    yield "sign-in"
    sign_in(page, house.user, "not the password")
    yield "sign-in-wrong"
    page.context.clear_cookies()
    page.goto(house.app.url())
    here = page.url
    page.context.clear_cookies()
    page.goto(here)
    yield "sign-in-of-another-browser"
    page.goto(house.app.url())
    sign_in(page, house.user)
    yield "consent"
    for index, name in enumerate(house.names):
        page.goto(house.register(name))
        yield f"consent-of-{index}"
    page.goto(house.register("Claude", "https://claude.ai/api/mcp/auth_callback"))
    yield "consent-of-a-site"
    page.goto(house.register("C1aude"))
    yield "consent-of-a-look-alike"
    page.goto(house.register("Cursor", "cursor://anysphere.cursor-mcp/oauth/callback"))
    yield "consent-of-an-app"


def where_things_go_wrong(house, page):
    issuer = house.service.issuer
    page.locator("[name=csrf]").first.evaluate("field => { field.value = 'stale' }")
    page.locator("[value=deny]").click()
    yield "stale-form"
    page.goto(f"{issuer}/authorize?client_id=nobody")
    yield "app-is-unknown"
    page.goto(f"{issuer}/authorize")
    yield "app-is-missing"
    page.goto(f"{issuer}/sign-in?to=nowhere")
    yield "no-such-page"
    # Somebody who is signed in would be sent back to the app at once.
    page.context.clear_cookies()
    page.goto(house.register("Claude", "https://claude.ai/api/mcp/auth_callback") + "&response_mode=fragment")
    yield "back-to-the-app"
    page.goto(f"{issuer}/sign-out")
    yield "signed-out"


def signed_in(house, page):
    yield from as_the_owner(house, page)
    yield from an_app_that_asks_for_more(house, page)
    yield from as_somebody_new(house, page)
    yield from where_not_every_app_may_connect(house, page)
