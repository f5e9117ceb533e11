"""Passkeys in Debian's Chromium, with its virtual authenticator: how they are used, and how they are not."""

import re

import pytest
from passkeys import OTHER, OTHER_PASSWORD, SIGN_IN, Holder, add_person, passkey_service
from playwright.sync_api import expect
from support import Service
from windows import PHONE, Window


@pytest.fixture
def service(tmp_path):
    service = passkey_service(tmp_path)
    yield service
    service.kill()


@pytest.fixture
def holder(chromium, service):
    opened = []

    def open_window(**options):
        opened.append(Holder(chromium, service, **options))
        return opened[-1]

    yield open_window
    for window in opened:
        window.close()


def test_a_passkey_is_added_and_signs_in_without_a_user_name(holder):
    ada = holder()
    ada.password()
    ada.forgive(404)
    ada.open_passkeys()
    ada.shot("passkeys-none")
    ada.add("blue key")
    expect(ada.page.get_by_text("blue key", exact=True)).to_be_visible()
    expect(ada.page.get_by_text("Not used yet")).to_be_visible()
    ada.shot("passkeys-one")
    (key,) = ada.keys()
    assert key["isResidentCredential"] and key["rpId"] == "localhost"
    ada.leave()
    ada.page.goto(f"{ada.service.issuer}/sign-in?to=security")
    ada.shot("sign-in-passkey")
    ada.by_passkey()
    ada.is_in()
    ada.forgive(404)
    expect(ada.page.get_by_text("Last used")).to_be_visible()


def test_a_passkey_leads_to_the_app_that_waits(holder, service, app):
    ada = holder().signed_up()
    ada.forgive(404)
    ada.leave()
    ada.page.goto(app.url())
    ada.page.get_by_role("button", name=SIGN_IN).click()
    ada.page.get_by_role("button", name="Allow").click()
    ada.page.wait_for_url(re.compile("/callback"))
    assert "code" in app.answer()


def test_several_passkeys_have_names_and_no_device_has_two(holder):
    ada = holder().signed_up(key="phone")
    ada.forgive(404)
    ada.add("once more")
    expect(ada.page.get_by_text("This device has a passkey for your account already")).to_be_visible()
    ada.shot("passkeys-known")
    first = ada.device
    ada.tell("removeVirtualAuthenticator")
    ada.device = ada.add_device()
    ada.open_passkeys()
    ada.add("laptop")
    expect(ada.page.get_by_text("laptop", exact=True)).to_be_visible()
    assert first != ada.device
    # By name: two that were added in one second may stand either way round.
    entry = lambda name: ada.page.get_by_role("listitem").filter(has_text=name)
    entry("phone").get_by_text("Rename or remove").click()
    ada.shot("passkeys-two")
    entry("phone").get_by_label("Name", exact=True).fill("old \u202ephone <b>")
    entry("phone").get_by_role("button", name="Save the name").click()
    expect(ada.page.get_by_text("old phone <b>", exact=True)).to_be_visible()
    entry("old phone").get_by_text("Rename or remove").click()
    entry("old phone").get_by_role("button", name="Remove this passkey").click()
    expect(ada.page.get_by_text("old phone")).to_have_count(0)
    ada.leave().by_passkey()
    ada.is_in()
    ada.forgive(404)


def test_a_removed_passkey_is_not_known_any_more(holder):
    ada = holder().signed_up()
    ada.page.get_by_text("Rename or remove").click()
    ada.page.get_by_role("button", name="Remove this passkey").click()
    expect(ada.page.get_by_text("You have none yet")).to_be_visible()
    ada.leave().by_passkey()
    expect(ada.page.get_by_role("alert").get_by_text("This passkey is not known here")).to_be_visible()
    ada.shot("sign-in-passkey-unknown")
    ada.is_out()
    ada.forgive(401, 404)


def test_a_passkey_is_asked_for_after_the_password(holder):
    ada = holder().signed_up()
    ada.page.get_by_role("button", name="Ask for a passkey after every other sign-in").click()
    expect(ada.page.get_by_text("A passkey is asked for after every sign-in")).to_be_visible()
    ada.leave().password()
    ada.page.wait_for_url(re.compile("/sign-in/second-factor"))
    ada.is_out()
    step = re.search(r"step=(\d+)", ada.page.url).group(1)
    ada.page.goto(f"{ada.service.issuer}/sign-in/second-factor/passkey?step={step}")
    ada.shot("second-factor-passkey")
    ada.page.get_by_role("button", name="Use a passkey").click()
    ada.is_in()
    # The last passkey takes the switch with it.
    ada.page.get_by_text("Rename or remove").click()
    ada.page.get_by_role("button", name="Remove this passkey").click()
    ada.leave().password()
    ada.is_in()
    ada.forgive(404)


def test_whoever_has_no_second_factor_adds_a_passkey_first(tmp_path, chromium):
    service = passkey_service(tmp_path, second_factor="required")
    ada = Holder(chromium, service)
    ada.password()
    ada.page.wait_for_url(re.compile("/sign-in/new-second-factor"))
    step = re.search(r"step=(\d+)", ada.page.url).group(1)
    there = f"{service.issuer}/sign-in/new-second-factor/passkey?step={step}"
    ada.page.goto(there)
    ada.shot("new-second-factor-passkey")
    ada.add("phone")
    ada.is_in()
    assert ada.page.goto(there).status == 403, "the step is over"
    ada.leave().by_passkey()
    ada.is_in()
    ada.forgive(404, 403)
    ada.close()
    service.kill()


def test_a_cancelled_ceremony_is_said_and_leaves_nothing_behind(holder):
    ada = holder()
    ada.by_passkey()
    expect(ada.page.get_by_text("Nothing was done")).to_be_visible()
    ada.shot("sign-in-passkey-cancelled")
    ada.page.wait_for_function("document.querySelector('[name=ceremony]').value === ''")
    assert ada.step_cookies() == []
    german = holder(locale="de-DE")
    german.page.goto(f"{german.service.issuer}/sign-in?to=account")
    german.page.get_by_role("button", name="Mit einem Passkey anmelden").click()
    expect(german.page.get_by_text("Es ist nichts passiert")).to_be_visible()


def test_without_a_script_the_button_is_not_there_and_the_page_says_why(chromium, service):
    here = Window(chromium, service, java_script_enabled=False, viewport=PHONE)
    here.page.goto(f"{service.issuer}/sign-in?to=account")
    expect(here.page.get_by_role("button", name=SIGN_IN)).to_have_count(0)
    expect(here.page.get_by_text("Passkeys need JavaScript")).to_be_visible()
    here.context.close()
    assert not here.wrong, here.wrong


def test_an_address_offers_no_passkeys(tmp_path, chromium):
    service = passkey_service(tmp_path)
    service.kill()
    service.issuer = service.environment["MCP_OAUTH_ISSUER"] = f"http://127.0.0.1:{service.port}"
    service.start()
    here = Window(chromium, service)
    here.page.goto(f"{service.issuer}/sign-in?to=account")
    assert "passkey" not in here.page.content().lower()
    for path in ["/sign-in/passkey", "/account/passkeys", "/sign-in/second-factor/passkey?step=1"]:
        assert here.page.goto(f"{service.issuer}{path}").status == 404, path
    for path in ["/sign-in/passkey", "/sign-in/passkey/options", "/account/passkeys", "/account/passkeys/options"]:
        answer = here.context.request.post(f"{service.issuer}{path}", form={"to": "account"})
        assert answer.status == 404, path
    here.context.close()
    service.kill()


def test_two_people_have_passkeys_on_one_device(holder, service):
    add_person(service)
    ada, bob = holder().signed_up(), holder().signed_up(OTHER, OTHER_PASSWORD, "tablet")
    ada.open_passkeys()
    expect(ada.page.get_by_text("tablet")).to_have_count(0)
    bob.leave().by_passkey()
    bob.is_in(OTHER)
    for window in (ada, bob):
        window.forgive(404)


def test_where_nobody_has_a_password_an_invitation_leads_to_a_passkey(tmp_path, chromium):
    service = passkey_service(tmp_path, password="off")
    link = service.command("user", "add", OTHER, "--invite").strip()
    bob = Holder(chromium, service)
    bob.page.goto(link)
    expect(bob.page.locator("input[type=password]")).to_have_count(0)
    bob.shot("welcome-without-password")
    bob.page.get_by_role("button", name="Go on").click()
    bob.page.wait_for_url(re.compile("/account/security$"))
    expect(bob.page.get_by_role("note")).to_contain_text("Nothing lets you in again yet")
    expect(bob.page.get_by_role("heading", name="Password")).to_have_count(0)
    expect(bob.page.get_by_role("heading", name="Linked accounts")).to_have_count(0)
    bob.shot("security-stuck")
    bob.page.get_by_role("link", name="Manage passkeys").click()
    bob.add("phone")
    expect(bob.page.get_by_text("phone", exact=True)).to_be_visible()
    bob.page.get_by_role("link", name="Back to security").click()
    expect(bob.page.get_by_role("note")).to_have_count(0)
    bob.leave().by_passkey()
    bob.is_in(OTHER)
    bob.page.goto(link)
    expect(bob.page.locator("main")).to_contain_text("does not work any more")
    bob.forgive(403)
    bob.close()
    service.kill()


def test_where_nobody_has_a_password_the_set_up_asks_for_none(tmp_path, chromium):
    service = Service(tmp_path, "https://wiki.example.org/mcp", password="off")
    for name in ["OWNER", "OWNER_PASSWORD_FILE", "RESOURCE", "INTROSPECTION_ID", "INTROSPECTION_SECRET_FILE"]:
        del service.environment[f"MCP_OAUTH_{name}"]
    service.issuer = service.environment["MCP_OAUTH_ISSUER"] = f"http://localhost:{service.port}"
    service.start()
    ada = Holder(chromium, service)
    ada.page.goto(re.search(r"http://localhost:\d+/setup\?token=\S+", service.log.read_text()).group())
    expect(ada.page.locator("input[type=password]")).to_have_count(0)
    ada.page.get_by_label("User name").fill("ada")
    ada.page.get_by_label("Address of the MCP server").fill("https://wiki.example.org/mcp")
    ada.page.get_by_role("button", name="Finish").click()
    expect(ada.page.get_by_text("Nothing lets you in again yet")).to_be_visible()
    ada.page.get_by_role("link", name="How you sign in").click()
    ada.page.get_by_role("link", name="Manage passkeys").click()
    ada.add("phone")
    expect(ada.page.get_by_text("phone", exact=True)).to_be_visible()
    ada.leave().by_passkey("owner")
    expect(ada.page.get_by_role("heading", name="Overview")).to_be_visible()
    ada.close()
    service.kill()
