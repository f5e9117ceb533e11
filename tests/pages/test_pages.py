"""The pages in Debian's Chromium, as people use them."""

import random
import re

import httpx
import pytest
from playwright.sync_api import expect

from support import PASSWORD, USER, Service
from windows import PHONE, SCREENSHOTS, App, Window


def test_the_first_start_leads_from_the_link_to_the_secret(tmp_path, chromium):
    service = Service(tmp_path, "https://wiki.example.org/mcp")
    for name in ["OWNER", "OWNER_PASSWORD_FILE", "RESOURCE", "INTROSPECTION_ID", "INTROSPECTION_SECRET_FILE"]:
        del service.environment[f"MCP_OAUTH_{name}"]
    service.start()
    link = re.search(rf"^{re.escape(service.issuer)}/setup\?token=\S+$", service.log.read_text(), re.MULTILINE).group()
    window = Window(chromium, service)
    page = window.page
    page.goto(service.issuer)
    window.shot("home-not-set-up")
    page.goto(link)
    window.shot("setup")
    page.get_by_label("User name").fill("Ada")
    page.get_by_label("Password").fill("password")
    page.get_by_label("Address of the MCP server").fill("https://wiki.example.org/mcp")
    page.get_by_role("button", name="Finish").click()
    expect(page.locator("#password-problem")).to_be_visible()
    window.shot("setup-wrong")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Finish").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("ada")
    window.shot("setup-done")
    text = page.locator("main").inner_text()
    (identifier,), (secret,) = set(re.findall(r"\bmcpr\w{22}\b", text)), set(re.findall(r"\bmcpk\w{43}\b", text))
    answer = httpx.post(f"{service.issuer}/introspect", data={"token": "x"}, auth=(identifier, secret))
    assert answer.json() == {"active": False}, "the secret that is shown works"
    # The 422 of the wrong password is the only thing that the console may have to say.
    window.wrong = [wrong for wrong in window.wrong if "422" not in wrong]
    page.goto(link)
    assert secret not in page.content() and page.get_by_role("heading", level=1).is_visible()
    window.shot("setup-link-is-dead")
    assert all("403" in wrong for wrong in window.wrong), window.wrong
    service.kill()


def test_a_person_signs_in_says_yes_and_the_answer_arrives(window, app):
    here = window()
    here.page.goto(app.url())
    here.shot("sign-in")
    here.sign_in()
    here.shot("consent")
    main = here.page.locator("main").inner_text()
    for expected in ["Crash", "127.0.0.1", "https://wiki.example.org/mcp", USER]:
        assert expected in main, expected
    here.page.get_by_role("button", name="Allow").click()
    here.page.wait_for_url(re.compile("/callback"))
    answer = app.answer()
    assert answer["iss"] == [app.client.service.issuer] and answer["code"][0].startswith("mac_")
    # Signed in now: the next app is asked about at once, and always asked about.
    here.page.goto(app.url())
    here.page.get_by_role("button", name="Deny").click()
    here.page.wait_for_url(re.compile("/callback"))
    assert app.answer()["error"] == ["access_denied"]


def test_a_wrong_password_is_said_and_can_be_corrected(window, app):
    here = window()
    here.page.goto(app.url())
    here.sign_in("not the password")
    expect(here.page.get_by_text("is not right")).to_be_visible()
    here.shot("sign-in-wrong")
    assert here.page.get_by_label("User name").input_value() == USER
    here.sign_in()
    expect(here.page.get_by_role("button", name="Allow")).to_be_visible()
    here.wrong = [wrong for wrong in here.wrong if "401" not in wrong]


def test_another_account_can_be_used(window, app):
    here = window()
    here.page.goto(app.url())
    here.sign_in()
    here.page.get_by_role("button", name="Use another account").click()
    expect(here.page.get_by_label("Password")).to_be_visible()
    here.sign_in()
    here.page.get_by_role("button", name="Allow").click()
    here.page.wait_for_url(re.compile("/callback"))
    assert "code" in app.answer()


def test_two_tabs_are_two_requests(window, app):
    here = window()
    other = here.context.new_page()
    here.page.goto(app.url())
    other.goto(app.url())
    here.sign_in()
    here.page.get_by_role("button", name="Allow").click()
    here.page.wait_for_url(re.compile("/callback"))
    first = app.answer()["code"]
    other.reload()
    other.get_by_label("User name").fill(USER)
    other.get_by_label("Password").fill(PASSWORD)
    other.get_by_role("button", name="Sign in").click()
    other.get_by_role("button", name="Allow").click()
    other.wait_for_url(re.compile("/callback"))
    assert app.answer()["code"] != first


def test_the_keyboard_is_enough(window, app):
    here = window()
    here.page.goto(app.url())
    press, focused = here.page.keyboard.press, "document.activeElement.name || document.activeElement.innerText"

    def tab_to(name):
        for _ in range(20):
            press("Tab")
            if here.page.evaluate(focused) == name:
                return
        raise AssertionError(f"{name} cannot be reached with Tab")

    tab_to("username")
    here.page.keyboard.type(USER)
    tab_to("password")
    here.page.keyboard.type(PASSWORD)
    press("Enter")
    here.page.wait_for_url(re.compile("/consent"))
    for _ in range(20):
        press("Tab")
        if here.page.evaluate("document.activeElement.value") == "allow":
            break
    here.shot("consent-focus")
    press("Enter")
    here.page.wait_for_url(re.compile("/callback"))
    assert "code" in app.answer()


def test_no_script_is_needed_on_a_phone_in_the_dark(window, app):
    here = window(java_script_enabled=False, viewport=PHONE, color_scheme="dark")
    here.page.goto(app.url())
    here.page.screenshot(path=SCREENSHOTS / "sign-in-phone-dark.png", full_page=True)
    here.sign_in()
    here.page.screenshot(path=SCREENSHOTS / "consent-phone-dark.png", full_page=True)
    here.page.get_by_role("button", name="Allow").click()
    here.page.wait_for_url(re.compile("/callback"))
    assert "code" in app.answer()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_fits_a_phone(window, service, app, scheme):
    here = window(viewport=PHONE, color_scheme=scheme)
    here.page.goto(service.issuer)
    here.shot(f"home-phone-{scheme}")
    here.page.goto(app.url())
    here.shot(f"sign-in-phone-{scheme}")
    here.sign_in()
    here.shot(f"consent-phone-{scheme}")
    here.page.goto(f"{service.issuer}/authorize?client_id=nobody")
    here.shot(f"error-phone-{scheme}")
    here.wrong = [wrong for wrong in here.wrong if "400" not in wrong]


def test_an_app_with_its_own_scheme_is_warned_about(window, service, app):
    redirect = "cursor://anysphere.cursor-mcp/oauth/callback"
    metadata = {"redirect_uris": [redirect], "client_name": "Cursor", "token_endpoint_auth_method": "none"}
    app.client.client_id = httpx.post(f"{service.issuer}/register", json=metadata).json()["client_id"]
    app.redirect = redirect
    here = window()
    here.page.goto(app.url())
    here.sign_in()
    expect(here.page.get_by_text("cursor://").first).to_be_visible()
    here.shot("consent-app")
    with here.page.expect_response(lambda response: response.status == 303) as answered:
        here.page.get_by_role("button", name="Allow").click()
    location = answered.value.headers["location"]
    assert location.startswith(redirect + "?code=mac_"), location
    # Chromium has no such app here, and says so; the policy of the page did not hold it back.
    assert not [wrong for wrong in here.wrong if "Content Security Policy" in wrong], here.wrong
    here.wrong.clear()
