"""What the owner decides about access, as people see it in Debian's Chromium."""

import re

from playwright.sync_api import expect
from support import PASSWORD, USER
from windows import PHONE

RESOURCE = "https://wiki.example.org/mcp"


def test_an_invited_person_sets_a_password_and_the_link_does_not_leak(window, service):
    link = service.command("user", "add", "bob", "--invite").strip()
    here = window(viewport=PHONE)
    sent = []
    here.page.on("request", lambda request: sent.append((request.url, request.headers.get("referer", ""))))
    here.page.goto(link)
    here.shot("welcome")
    here.page.get_by_label("Password").fill("password")
    here.page.get_by_role("button", name="Set the password").click()
    expect(here.page.locator("#password-problem")).to_be_visible()
    here.shot("welcome-wrong")
    here.page.get_by_label("Password").fill("correct horse battery staple")
    here.page.get_by_role("button", name="Set the password").click()
    here.page.wait_for_url(re.compile("/account"))
    token = link.split("token=")[1]
    assert any(referer for _, referer in sent), "referers were sent at all"
    assert not any(token in referer for _, referer in sent), "the token went nowhere"
    here.page.goto(link)
    expect(here.page.get_by_role("heading", level=1)).to_be_visible()
    assert "does not work any more" in here.page.locator("main").inner_text()
    here.shot("welcome-over")
    # /account belongs to another part; all that counts here is that the browser was sent there.
    here.forgive("422", "403", "404")


def test_the_form_works_without_scripts(window, service):
    link = service.command("user", "reset", USER).strip()
    here = window(java_script_enabled=False)
    here.page.goto(link)
    assert USER in here.page.locator("h1").inner_text()
    here.page.get_by_label("Password").fill("correct horse battery staple")
    here.page.get_by_role("button", name="Set the password").click()
    here.page.wait_for_url(re.compile("/account"))
    here.forgive("404")


def test_a_person_for_whom_it_is_not_goes_back_without_a_code(window, service, app):
    service.command("resource", "audience", RESOURCE, "named")
    here = window()
    here.page.goto(app.url())
    here.sign_in(PASSWORD)
    here.shot("not-admitted")
    main = here.page.locator("main").inner_text()
    assert "not for your account" in main and USER in main
    assert here.page.get_by_role("button", name="Allow").count() == 0
    here.page.get_by_role("button", name="Back to the app").click()
    here.page.wait_for_url(re.compile("/callback"))
    assert "error=access_denied" in here.page.url and "code=" not in here.page.url
    here.forgive("403")


def test_while_it_is_paused_nobody_is_asked(window, service, app):
    service.command("access", "pause")
    here = window(locale="de-DE")
    here.page.goto(app.url())
    here.page.get_by_label(re.compile("User name|Benutzername")).fill(USER)
    here.page.get_by_label(re.compile("Password|Passwort")).fill(PASSWORD)
    here.page.get_by_role("button", name=re.compile("Sign in|Anmelden")).click()
    expect(here.page.get_by_role("heading", level=1)).to_contain_text("kann sich nicht verbinden")
    here.shot("paused-de")
    service.command("access", "resume")
    here.page.reload()
    expect(here.page.get_by_role("button", name=re.compile("Allow|Erlauben"))).to_be_visible()
    here.forgive("403")
