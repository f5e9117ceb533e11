"""The pages of somebody who is signed in, and the steps of a sign-in, with all that can stand on them."""

import base64
import hashlib
import hmac
import re
import struct
import time
import urllib.parse

import httpx

from support import PASSWORD

# Pages that are at one address for whoever is signed in: name and path. The owner's come after the member's.
SIGNED_IN = {
    "home-signed-in": "/",
    "sign-out": "/sign-out",
    "account": "/account",
    "account-disconnect-all": "/account/disconnect?grant=all",
    "account-no-such-app": "/account/disconnect?grant=nobody",
    "security": "/account/security",
    "password": "/account/password",
    "browsers": "/account/sessions",
    "totp": "/account/totp",
    "passkeys": "/account/passkeys",
    "identities": "/account/identities",
    "owner": "/owner",
    "owner-people": "/owner/people",
    "owner-people-none": "/owner/people?q=nobody-is-called-so",
    "owner-person-new": "/owner/people/new",
    "owner-no-such-person": "/owner/people/one?id=nobody",
    "owner-resources": "/owner/resources",
    "owner-resource-new": "/owner/resources/new",
    "owner-clients": "/owner/clients",
    "owner-grants": "/owner/grants",
    "owner-emergency": "/owner/emergency",
    "owner-emergency-found": "/owner/emergency?q=a",
    "owner-emergency-pause": "/owner/emergency/pause",
    "owner-emergency-end": "/owner/emergency/end",
}


def code_of(key, steps=0):
    """RFC 6238, so many steps from now: the service takes one before and one after."""
    secret = base64.b32decode(key.replace(" ", ""))
    digest = hmac.digest(secret, struct.pack(">Q", int(time.time()) // 30 + steps), hashlib.sha1)
    offset = digest[-1] & 15
    return f"{(int.from_bytes(digest[offset : offset + 4]) & 0x7FFFFFFF) % 1_000_000:06}"


def sign_in(page, user, password=PASSWORD):
    page.locator("#username").fill(user)
    page.locator("#password").fill(password)
    page.locator("button.primary").click()


def connect(house, page, name=None, more=""):
    """Says yes to an app, which fetches its tokens; by whoever is signed in."""
    page.goto(house.register(name or house.names[0]) + more)
    page.locator("[value=allow]").click()
    page.wait_for_url(re.compile("/callback"))
    form = {
        "grant_type": "authorization_code",
        "code": house.app.answer()["code"][0],
        "code_verifier": "v" * 43,
        "redirect_uri": house.app.redirect,
        "client_id": house.app.client.client_id,
    }
    answer = httpx.post(f"{house.service.issuer}/token", data=form)
    assert answer.status_code == 200, answer.text


def as_the_owner(house, page):
    """Every page that he has at one address, and those of one thing."""
    issuer = house.service.issuer
    page.context.clear_cookies()
    page.goto(house.app.url())
    sign_in(page, house.user)
    connect(house, page)
    for name, path in SIGNED_IN.items():
        page.goto(issuer + path)
        yield name
    page.goto(f"{issuer}/account")
    page.locator("main .row-actions a").first.click()
    yield "account-disconnect"
    yield from one_resource(issuer, page)
    yield from one_app_and_its_connections(issuer, page)
    yield from an_emergency(issuer, page)


def of_one(page, kind, part):
    """Another page of the thing that is shown."""
    query = urllib.parse.urlsplit(page.url).query.partition("&")[0]
    address, _, _ = page.url.partition(f"/owner/{kind}/")
    return f"{address}/owner/{kind}/{part}?{query}"


def one_resource(issuer, page):
    page.goto(f"{issuer}/owner/resources/new")
    page.locator("#url").fill("https://wiki.example.org/mcp#team")
    page.locator("main button.primary").click()
    yield "owner-resource-new-wrong"
    page.locator("#url").fill("https://calendar.example.org/mcp")
    page.locator("main button.primary").click()
    yield "owner-resource-secret"
    page.locator("main a.button").last.click()
    yield "owner-resource"
    pages = {part: of_one(page, "resources", part) for part in ["access", "scopes", "secret", "pause", "resume", "remove"]}
    page.goto(pages["scopes"])
    yield "owner-resource-scopes"
    page.goto(pages["access"])
    yield "owner-resource-access"
    page.locator("[name=person]").fill("nobody")
    page.locator("main button.primary").last.click()
    yield "owner-resource-access-wrong"
    page.locator("[name=person]").fill(page.locator(".masthead form bdi").inner_text())
    page.locator("main button.primary").last.click()
    yield "owner-resource-access-named"
    page.locator("main table a").last.click()
    yield "owner-resource-access-take-off"
    for part in ["secret", "pause", "resume", "remove"]:
        page.goto(pages[part])
        yield f"owner-resource-{part}-asked"
    page.locator(".confirm button").first.click()
    yield "owner-resource-removed"


def one_app_and_its_connections(issuer, page):
    # By name: those of one second are in no other order.
    page.goto(f"{issuer}/owner/clients?sort=name")
    page.locator("main tbody th a").first.click()
    yield "owner-client"
    parts = ["approve", "limit", "disable", "enable", "end", "remove"]
    pages = {part: of_one(page, "clients", part) for part in parts}
    for part, address in pages.items():
        page.goto(address)
        yield f"owner-client-{part}"
    page.goto(f"{issuer}/owner/attempts")
    yield "owner-attempts"
    page.locator("main tbody th a").first.click()
    yield "owner-attempt"
    page.goto(f"{issuer}/owner/grants")
    page.locator("main tbody .row-actions a").first.click()
    yield "owner-grant-end"
    page.locator(".confirm button").first.click()
    yield "owner-grant-ended"


def an_emergency(issuer, page):
    page.goto(f"{issuer}/owner/emergency/pause")
    page.locator(".confirm button").first.click()
    yield "owner-emergency-paused"
    page.goto(f"{issuer}/owner")
    yield "owner-paused"
    page.goto(f"{issuer}/owner/emergency/resume")
    yield "owner-emergency-resume"
    page.locator(".confirm button").first.click()


def as_somebody_new(house, page):
    """The owner invites somebody, who comes in, gets a second factor and comes back with it."""
    issuer, name = house.service.issuer, house.another_name()
    yield from an_invitation(issuer, page, name)
    link = page.locator("code.secret").inner_text()
    page.locator("main a.button").last.click()
    yield "owner-person"
    person = page.url
    for part in ["make-owner", "disable", "link", "end", "remove"]:
        page.goto(of_one(page, "people", part))
        yield f"owner-person-{part}"
        page.goto(person)
    page.context.clear_cookies()
    page.goto(link)
    yield "welcome"
    page.locator("#password").fill("password")
    page.locator("main button.primary").click()
    yield "welcome-wrong"
    page.locator("#password").fill(PASSWORD)
    page.locator("main button.primary").click()
    yield "account-no-apps"
    page.goto(link)
    yield "welcome-over"
    page.goto(f"{issuer}/owner")
    yield "owner-only"
    yield from own_password(issuer, page)
    key = yield from own_codes(issuer, page)
    yield from with_a_second_factor(house, page, (name, key))
    yield from what_is_not_for_him(house, page)


def an_invitation(issuer, page, name):
    page.goto(f"{issuer}/owner/people/new")
    page.locator("#username").fill("two words")
    page.locator("main button.primary").click()
    yield "owner-person-new-wrong"
    page.locator("#username").fill(name)
    page.locator("main button.primary").click()
    yield "owner-person-invited"


def own_password(issuer, page):
    page.goto(f"{issuer}/account/password")
    page.locator("#current").fill("something else")
    page.locator("main input#password").fill("password")
    page.locator("main button.primary").click()
    yield "password-wrong"
    page.locator("#current").fill(PASSWORD)
    page.locator("main input#password").fill(PASSWORD)
    page.locator("main button.primary").click()
    yield "password-changed"


def own_codes(issuer, page):
    page.goto(f"{issuer}/account/totp")
    page.locator("#code").fill("000000")
    page.locator("main button.primary").click()
    yield "totp-wrong"
    key = page.locator("code.secret").inner_text()
    page.locator("#code").fill(code_of(key))
    page.locator("main button.primary").click()
    yield "recovery-codes"
    for part in ["", "?ask=codes", "?ask=off"]:
        page.goto(f"{issuer}/account/totp{part}")
        yield "totp-on" + part.replace("?ask=", "-")
    page.goto(f"{issuer}/account/security")
    yield "security-with-codes"
    return key


def with_a_second_factor(house, page, who):
    name, key = who
    page.context.clear_cookies()
    page.goto(house.app.url())
    sign_in(page, name)
    yield "second-factor"
    page.locator("#code").fill("000000")
    page.locator("main button.primary").click()
    yield "second-factor-wrong"
    page.locator("summary").click()
    page.locator("#recovery").fill("not-one")
    page.locator("details button").click()
    yield "second-factor-recovery-wrong"
    page.locator("#code").fill(code_of(key, 1))
    page.locator("main button.primary").click()
    yield "consent-of-a-member"


def what_is_not_for_him(house, page):
    resource = house.service.resource
    house.service.command("resource", "audience", resource, "named")
    page.reload()
    yield "not-for-this-person"
    house.service.command("resource", "audience", resource, "everybody")
    house.service.command("access", "pause")
    page.reload()
    yield "paused"
    house.service.command("access", "resume")
    page.goto(f"{house.service.issuer}/sign-in?to=account")
    page.locator("button[value=oidc]").click()
    yield "sign-in-provider-is-down"


def who_has_to_have_a_second_factor(service, page, user):
    page.goto(f"{service.issuer}/sign-in?to=account")
    sign_in(page, user)
    yield "new-second-factor"
    page.locator("#code").fill("000000")
    page.locator("main button.primary").first.click()
    yield "new-second-factor-wrong"
    page.locator("a[href*='/new-second-factor/passkey']").click()
    yield "new-second-factor-passkey"
    page.locator("a[href*='new-second-factor?step']").click()
    key = page.locator("code.secret").inner_text()
    page.locator("#code").fill(code_of(key))
    page.locator("main button.primary").first.click()
    yield "new-second-factor-recovery-codes"
    page.context.clear_cookies()
