"""One's own pages in Debian's Chromium: what is connected, and how one signs in."""

import base64
import hashlib
import hmac
import re
import struct
import time

import httpx
import pytest
from playwright.sync_api import expect

from support import PASSWORD, USER
from windows import PHONE, SCREENSHOTS


def code(key, steps=0):
    """RFC 6238, so many steps from now: the service takes one before and one after."""
    secret = base64.b32decode(key.replace(" ", ""))
    digest = hmac.digest(secret, struct.pack(">Q", int(time.time()) // 30 + steps), hashlib.sha1)
    offset = digest[-1] & 15
    return f"{(int.from_bytes(digest[offset : offset + 4]) & 0x7FFFFFFF) % 1_000_000:06}"


def open_page(here, path):
    """Signs in on the way, if that is asked for."""
    here.page.goto(here.service.issuer + path)
    if "/sign-in" in here.page.url:
        here.sign_in()
    return here.page


def enrol(here):
    """Turns codes on; the key and the recovery codes."""
    page = open_page(here, "/account/security")
    page.get_by_role("link", name="Set up an authenticator app").click()
    key = page.locator("code.secret").inner_text()
    page.get_by_label("Type the six digits").fill(code(key))
    page.get_by_role("button", name="Turn codes on").click()
    expect(page.get_by_role("heading", name="Your recovery codes")).to_be_visible()
    return key, page.locator("ul.codes code").all_inner_texts()


def test_an_app_that_is_disconnected_is_out_at_once(window, service, app):
    here = window()
    open_page(here, "/account")
    expect(here.page.get_by_text("No app is connected")).to_be_visible()
    here.shot("account-no-apps")
    tokens = here.connect(app)
    assert service.introspect(tokens["access_token"])["active"] is True
    page = open_page(here, "/account")
    entry = page.get_by_role("listitem").filter(has=page.get_by_role("heading", name="Crash"))
    for shown in ["Self-declared", "https://wiki.example.org/mcp", "call its tools", "just now", "127.0.0.1"]:
        expect(entry).to_contain_text(shown)
    exact = entry.locator("time").first.get_attribute("title")
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC", exact), exact
    here.shot("account-apps")
    entry.get_by_role("link", name="Disconnect Crash").click()
    expect(page.get_by_text("it asks you to connect again")).to_be_visible()
    here.shot("account-disconnect")
    page.get_by_role("button", name="Disconnect").click()
    expect(page.get_by_text("No app is connected")).to_be_visible()
    assert service.introspect(tokens["access_token"])["active"] is False
    form = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"], "client_id": app.client.client_id}
    assert httpx.post(f"{service.issuer}/token", data=form).json()["error"] == "invalid_grant"


def test_a_code_of_an_app_lets_in_and_a_recovery_code_in_its_place(window, app):
    here = window()
    page = open_page(here, "/account/security")
    here.shot("account-security")
    page.get_by_role("link", name="Set up an authenticator app").click()
    expect(page.get_by_role("img", name="QR code")).to_be_visible()
    here.shot("account-totp")
    page.get_by_label("Type the six digits").fill("000000")
    page.get_by_role("button", name="Turn codes on").click()
    expect(page.locator("#code-problem")).to_be_visible()
    assert page.evaluate("document.activeElement.id") == "code"
    here.shot("account-totp-wrong")
    here.forgive(422)
    key, recovery = enrol(here)
    assert len(set(recovery)) == 10
    here.shot("account-recovery-codes")
    page.get_by_role("link", name="I have kept them").click()
    expect(page.get_by_text("10 recovery codes are left")).to_be_visible()
    # Another browser, on the way to an app.
    other = window(viewport=PHONE, color_scheme="dark")
    other.page.goto(app.url())
    other.sign_in()
    expect(other.page.get_by_label("Code of your authenticator app")).to_be_focused()
    other.shot("second-factor-phone-dark")
    other.page.get_by_label("Code of your authenticator app").fill("000000")
    other.page.keyboard.press("Enter")
    expect(other.page.locator("#code-problem")).to_be_visible()
    other.page.get_by_label("Code of your authenticator app").fill(code(key, 1))
    other.page.keyboard.press("Enter")
    expect(other.page.get_by_role("button", name="Allow")).to_be_visible()
    other.forgive(422)
    third = window(java_script_enabled=False)
    third.page.goto(here.service.issuer + "/sign-in?to=account")
    third.sign_in()
    third.page.get_by_text("Use a recovery code").click()
    third.page.get_by_label("Recovery code").fill(recovery[0].replace("-", " ").upper())
    third.page.screenshot(path=SCREENSHOTS / "second-factor-recovery.png", full_page=True)
    third.page.get_by_role("button", name="Sign in with the recovery code").click()
    expect(third.page.get_by_role("heading", name="Connected apps")).to_be_visible()
    open_page(here, "/account/totp")
    expect(page.get_by_text("9", exact=True)).to_be_visible()
    here.shot("account-totp-on")
    page.get_by_role("link", name="Turn codes off").click()
    here.shot("account-totp-off")
    page.get_by_role("button", name="Turn codes off").click()
    expect(page.get_by_role("status")).to_contain_text("are off")
    fourth = window()
    open_page(fourth, "/account")
    expect(fourth.page.get_by_role("heading", name="Connected apps")).to_be_visible()


def test_a_cancelled_sign_in_is_over(window):
    here = window()
    enrol(here)
    other = window()
    open_page(other, "/account")
    step = other.page.url
    other.page.get_by_role("button", name="Cancel this sign-in").click()
    expect(other.page.get_by_label("Password")).to_be_visible()
    other.page.goto(step)
    expect(other.page.get_by_text("Start again")).to_be_visible()
    other.forgive(403)


def test_the_password_is_changed_and_the_other_browser_is_out(window):
    here, other = window(), window()
    open_page(other, "/account")
    page = open_page(here, "/account/security")
    page.get_by_role("link", name="Change password").click()
    here.shot("account-password")
    page.get_by_label("Current password").fill("not this one")
    page.get_by_label("New password").fill("another long phrase")
    page.get_by_role("button", name="Change password").click()
    expect(page.locator("#current-problem")).to_be_visible()
    here.shot("account-password-wrong")
    here.forgive(422)
    page.get_by_label("Current password").fill(PASSWORD)
    page.get_by_label("New password").fill("another long phrase")
    page.get_by_role("button", name="Change password").click()
    expect(page.get_by_role("status")).to_contain_text("is changed")
    here.shot("account-password-done")
    other.page.reload()
    expect(other.page.get_by_label("Password")).to_be_visible()
    other.sign_in("another long phrase")
    expect(other.page.get_by_role("heading", name="Connected apps")).to_be_visible()


def test_browsers_are_signed_out(window):
    here, other = window(), window(user_agent="Mozilla/5.0 (Android 15; Mobile; rv:143.0) Gecko/143.0 Firefox/143.0")
    open_page(other, "/account")
    page = open_page(here, "/account/security")
    page.get_by_role("link", name="Show browsers").click()
    phone = page.get_by_role("listitem").filter(has=page.get_by_role("heading", name="Firefox on Android"))
    expect(phone).to_contain_text("with a password")
    here.shot("account-browsers")
    phone.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Firefox on Android")).to_have_count(0)
    other.page.reload()
    expect(other.page.get_by_label("Password")).to_be_visible()
    page.get_by_role("button", name="Sign out everywhere").click()
    expect(page.get_by_role("heading", name="You are signed out")).to_be_visible()


def test_where_a_second_factor_is_demanded_it_is_set_up_on_the_way(window, service, app):
    service.environment["MCP_OAUTH_SECOND_FACTOR"] = "required"
    service.restart("stop")
    here = window()
    here.page.goto(app.url())
    here.sign_in()
    expect(here.page.get_by_role("heading", name="Set up a second factor")).to_be_visible()
    here.shot("new-second-factor")
    key = here.page.locator("code.secret").inner_text()
    here.page.get_by_label("Type the six digits").fill(code(key))
    here.page.get_by_role("button", name="Turn codes on").click()
    expect(here.page.locator("ul.codes code")).to_have_count(10)
    here.page.get_by_role("link", name="I have kept them").click()
    expect(here.page.get_by_role("button", name="Allow")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_pages_fit_a_phone_with_hostile_names_and_in_german(window, service, app, scheme):
    name = "Extraordinarilylongnamewithoutanyspace" * 2 + "\u202e<script>alert(1)</script>"
    metadata = {"redirect_uris": [app.redirect], "client_name": name, "token_endpoint_auth_method": "none"}
    app.client.client_id = httpx.post(f"{service.issuer}/register", json=metadata).json()["client_id"]
    first = window()
    first.connect(app)
    key, _ = enrol(first)
    here = window(viewport=PHONE, color_scheme=scheme, locale="de-DE")
    here.page.goto(service.issuer + "/sign-in?to=security")
    here.page.get_by_label("Benutzername").fill(USER)
    here.page.get_by_label("Passwort").fill(PASSWORD)
    here.page.get_by_role("button", name="Anmelden").click()
    here.shot(f"second-factor-german-{scheme}")
    here.page.get_by_label("Code Ihrer Authenticator-App").fill(code(key, 1))
    here.page.keyboard.press("Enter")
    expect(here.page.get_by_role("heading", name="Sicherheit", level=1)).to_be_visible()
    here.page.goto(service.issuer + "/account")
    heading = here.page.get_by_role("heading", name="Extraordinarily")
    assert "\u202e" not in heading.inner_text()
    for path in ["/account", "/account/disconnect?grant=all", "/account/security", "/account/password",
                 "/account/sessions", "/account/totp", "/account/totp?ask=codes"]:
        here.page.goto(service.issuer + path)
        assert here.page.locator("html").get_attribute("lang") == "de"
        small = here.page.evaluate(
            "[...document.querySelectorAll('main button, main a.button, main input:not([type=hidden],[hidden],[type=checkbox])')]"
            ".filter(e => e.getBoundingClientRect().height < 44).map(e => e.outerHTML)"
        )
        assert not small, small
        here.shot(f"{re.sub('[^a-z]+', '-', path).strip('-')}-german-{scheme}")
