"""The owner's pages in Debian's Chromium: MCP servers, people, apps, connections and the emergency."""

import re
import sqlite3

import httpx
import pytest
from playwright.sync_api import expect

from support import INTROSPECTION_ID, PASSWORD, USER, Service, free_port
from windows import PHONE, Window

PAGES = ["", "/people", "/people/new", "/resources", "/resources/new", "/clients", "/grants", "/emergency"]


def open_page(here, path, issuer=None):
    """Signs in on the way, if that is asked for, and goes on."""
    address = (issuer or here.service.issuer) + path
    here.page.goto(address)
    if "/sign-in" in here.page.url:
        here.sign_in()
        here.page.wait_for_url(re.compile("/owner$"))
        here.page.goto(address)
    return here.page


def press(page, name):
    """A button of this page, which leads to the page that asks."""
    page.get_by_role("main").get_by_role("link", name=name, exact=True).first.click()


def agree(page, name):
    """Says yes on the page that asks."""
    page.locator(".confirm").get_by_role("button", name=name).click()


def fill(service, people=130):
    """More people than a page has, some with long names; and apps of hostile ones."""
    with sqlite3.connect(service.folder / "mcp_oauth.db") as database:
        for number in range(people):
            database.execute(
                "INSERT INTO users (id, username, role, created_at, passkey_required) VALUES (?, ?, 'member', ?, FALSE)",
                (f"mcpu{number}", f"person{number:03}" + "-with-a-long-name" * (3 * (number == 7)), 1_700_000_000 + number),
            )
        for number, name in enumerate(["<b onclick=alert(1)>Claude", "\u202eedualC", "A" * 300, "Ünïcödé app"]):
            metadata = '{"redirect_uris":["https://app.example/cb"],"token_endpoint_auth_method":"none",'
            metadata += '"grant_types":["authorization_code"],"response_types":["code"]}'
            database.execute(
                "INSERT INTO oauth_clients (client_id, client_json, created_at, origin, name)"
                " VALUES (?, ?, ?, 'registered', ?)",
                (f"mcpc{number}", metadata, 1_700_000_000 + number, name),
            )
    database.close()


def test_the_emergency_button_is_obeyed_at_the_next_request(window, service, app):
    here = window()
    token = here.connect(app)["access_token"]
    assert service.introspect(token)["active"] is True
    page = open_page(here, "/owner/emergency")
    here.shot("owner-emergency")
    press(page, "Pause all access")
    here.shot("owner-emergency-confirm")
    agree(page, "Pause all access")
    assert service.introspect(token)["active"] is False
    expect(page.get_by_role("status")).to_contain_text("All access is paused.")
    here.shot("owner-emergency-paused")
    press(page, "Resume all access")
    agree(page, "Resume all access")
    assert service.introspect(token)["active"] is True
    press(page, "End every connection")
    agree(page, "End every connection")
    expect(page.get_by_role("status")).to_contain_text("Connections that have ended: 1")
    assert service.introspect(token)["active"] is False


def test_a_resource_is_added_paused_and_given_to_one_person(window, service):
    here = window()
    page = open_page(here, "/owner/resources")
    expect(page.get_by_role("row").filter(has_text="wiki.example.org")).to_contain_text("settings")
    here.shot("owner-resources")
    press(page, "Add an MCP server")
    page.get_by_label("Address of the MCP server").fill("https://wiki.example.org/mcp/")
    page.get_by_role("button", name="Add").click()
    expect(page.locator("#url-problem")).to_be_visible()
    here.shot("owner-resource-new-wrong")
    page.get_by_label("Address of the MCP server").fill("https://calendar.example.org/mcp")
    page.get_by_label("Name (optional)").fill("Calendar")
    page.get_by_role("button", name="Add").click()
    text = page.locator("main").inner_text()
    (identifier,), (secret,) = set(re.findall(r"\bmcpr\w{22}\b", text)), set(re.findall(r"\bmcpk\w{43}\b", text))
    answer = httpx.post(f"{service.issuer}/introspect", data={"token": "x"}, auth=(identifier, secret))
    assert answer.json() == {"active": False}, "the secret that is shown works"
    here.shot("owner-resource-secret")
    press(page, "I have kept it")
    expect(page.get_by_role("heading", level=1)).to_have_text("Calendar")
    assert secret not in page.content()
    here.shot("owner-resource")
    page.get_by_label("What people call it").fill("Team calendar")
    page.get_by_role("button", name="Save the name").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Team calendar")
    press(page, "Pause")
    agree(page, "Pause")
    expect(page.get_by_role("status")).to_contain_text("Paused.")
    press(page, "Who may use it")
    page.get_by_label("Only the people who are named below").check()
    page.get_by_role("button", name="Save").first.click()
    expect(page.get_by_role("status")).to_contain_text("Saved.")
    expect(page.get_by_label("Only the people who are named below")).to_be_checked()
    page.get_by_label("User name").fill(USER)
    page.get_by_role("button", name="Save").last.click()
    expect(page.get_by_role("row").filter(has_text=USER)).to_contain_text("everything")
    here.shot("owner-resource-access")
    here.forgive(422)


def test_somebody_is_invited_comes_in_and_is_disabled(window, service):
    here, there = window(), window()
    page = open_page(here, "/owner/people")
    press(page, "Invite somebody")
    page.get_by_label("User name").fill("bob")
    here.shot("owner-invite")
    page.get_by_role("button", name="Make the link").click()
    link = page.locator("code.secret").inner_text()
    assert link.startswith(f"{service.issuer}/welcome?token=mln_"), link
    assert link.partition("token=")[2] not in service.log.read_text(), "it is nowhere in the log"
    here.shot("owner-invite-link")
    there.page.goto(link)
    there.page.get_by_label("Password").first.fill("a phrase of bob's own")
    there.page.get_by_role("main").get_by_role("button").first.click()
    there.page.wait_for_url(re.compile("/account"))
    assert there.page.goto(f"{service.issuer}/owner").status == 403
    there.forgive(403)
    press(page, "I have kept it")
    expect(page.get_by_role("heading", level=1)).to_have_text("bob")
    here.shot("owner-person")
    press(page, "Disable")
    agree(page, "Disable")
    expect(page.get_by_role("status")).to_contain_text("Disabled.")
    there.page.goto(f"{service.issuer}/account")
    expect(there.page.get_by_role("button", name="Sign in", exact=True)).to_be_visible()
    press(page, "Enable")
    agree(page, "Enable")
    press(page, "Remove")
    agree(page, "Remove")
    expect(page.get_by_role("status")).to_contain_text("Removed.")


def test_the_last_owner_cannot_remove_himself(window):
    here = window()
    page = open_page(here, "/owner/people")
    press(page, USER)
    press(page, "Remove")
    expect(page.get_by_text("It is your own account.")).to_be_visible()
    agree(page, "Remove")
    expect(page.get_by_text("Make somebody else an owner first")).to_be_visible()
    here.shot("owner-last-owner")
    here.forgive(403)


def test_an_app_and_its_connection_are_ended(window, service, app):
    here = window()
    token = here.connect(app)["access_token"]
    page = open_page(here, "/owner/clients")
    press(page, "Crash")
    expect(page.get_by_text("a program on the person's own computer")).to_be_visible()
    here.shot("owner-client")
    press(page, "Its connections")
    here.shot("owner-connections")
    press(page, "Disconnect")
    agree(page, "Disconnect")
    expect(page.get_by_role("status")).to_contain_text("The connection has ended.")
    assert service.introspect(token)["active"] is False
    page.get_by_label("Show").select_option("Ended")
    page.get_by_role("button", name="Search").click()
    expect(page.get_by_text("an owner ended it")).to_be_visible()


@pytest.mark.parametrize("script", [True, False])
def test_a_list_is_searched_narrowed_sorted_and_paged_by_its_form(window, service, script):
    fill(service)
    here = window(java_script_enabled=script)
    page = open_page(here, "/owner/people")
    names = lambda: page.locator("tbody th").all_inner_texts()
    assert len(names()) == 50 and names()[0] == USER
    press(page, "Next page")
    press(page, "Next page")
    assert len(names()) == 31 and names()[-1] == "person129"
    press(page, "First page")
    page.get_by_role("columnheader").get_by_role("link", name="Since").click()
    expect(page.get_by_role("columnheader", name="Since")).to_have_attribute("aria-sort", "descending")
    assert names()[1] == "person129"
    page.get_by_label("Search").fill("person12")
    page.get_by_role("button", name="Search").click()
    assert names() == [f"person{number}" for number in range(129, 119, -1)], "the order is kept"
    page.get_by_label("Show").select_option("Owners")
    page.get_by_role("button", name="Search").click()
    expect(page.get_by_text("Nobody is like that.")).to_be_visible()
    press(page, "Show the whole list")
    assert len(names()) == 50


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_fits_a_phone_with_long_and_hostile_names(window, service, app, scheme):
    fill(service)
    here = window(viewport=PHONE, color_scheme=scheme)
    here.connect(app)
    open_page(here, "/owner")
    of_one = [f"/resources/one?id={INTROSPECTION_ID}", f"/resources/access?id={INTROSPECTION_ID}"]
    of_one += ["/people/one?id=mcpu7", "/people/remove?id=mcpu7", "/clients/one?id=mcpc0", "/clients/one?id=mcpc2"]
    for path in PAGES + of_one:
        page = open_page(here, f"/owner{path}")
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        assert page.locator("b[onclick]").count() == 0
        here.shot("owner" + re.sub(r"\W+", "-", path) + f"-phone-{scheme}")


def test_everything_works_without_a_script_on_a_phone(window, service, app):
    here = window(java_script_enabled=False, viewport=PHONE)
    token = here.connect(app)["access_token"]
    page = open_page(here, "/owner")
    page.get_by_role("link", name="Emergency").click()
    page.get_by_label("Name of the person or the app").fill("ada")
    page.get_by_role("button", name="Search").click()
    page.get_by_role("row").filter(has_text=USER).get_by_role("link", name="End everything").click()
    agree(page, "End everything")
    expect(page.get_by_role("button", name="Sign in", exact=True)).to_be_visible()
    assert service.introspect(token)["active"] is False


def test_kept_inside_they_are_used_at_the_internal_listener_only(tmp_path, chromium):
    internal = f"127.0.0.1:{free_port()}"
    settings = {"internal_listen": internal, "owner_pages": "internal"}
    service = Service(tmp_path, "https://wiki.example.org/mcp", **settings).start()
    here = Window(chromium, service)
    assert here.page.goto(f"{service.issuer}/owner").status == 404
    here.forgive(404)
    page = open_page(here, "/owner/emergency", f"http://{internal}")
    here.shot("owner-inside")
    press(page, "Pause all access")
    agree(page, "Pause all access")
    expect(page.get_by_role("status")).to_contain_text("All access is paused.")
    assert page.url.startswith(f"http://{internal}/owner/emergency")
    page.get_by_role("button", name="Sign out").click()
    assert page.url.startswith(f"http://{internal}/sign-out")
    assert not here.wrong, here.wrong
    service.kill()


def test_switched_off_nothing_leads_to_them(tmp_path, chromium):
    service = Service(tmp_path, "https://wiki.example.org/mcp", owner_pages="off").start()
    here = Window(chromium, service)
    here.page.goto(f"{service.issuer}/sign-in?to=account")
    here.sign_in()
    for path in ["/", "/account", "/account/security"]:
        here.page.goto(service.issuer + path)
        assert here.page.locator("a[href*='/owner']").count() == 0, path
        expect(here.page.get_by_role("navigation").get_by_role("link", name="Connected apps")).to_be_visible()
    assert here.page.goto(f"{service.issuer}/owner").status == 404
    assert here.page.goto(f"{service.issuer}/sign-in?to=owner").status == 400
    here.forgive(404, 400)
    assert not here.wrong, here.wrong
    service.kill()


def test_the_pages_speak_german(window, service):
    here = window(locale="de-DE")
    page = here.page
    page.goto(f"{service.issuer}/owner")
    page.get_by_label("Benutzername").fill(USER)
    page.get_by_label("Passwort").fill(PASSWORD)
    page.get_by_role("button", name="Anmelden").click()
    expect(page.get_by_role("heading", name="Übersicht")).to_be_visible()
    here.shot("owner-german")
    for path, heading in [("emergency", "Notfall"), ("people", "Personen"), ("grants", "Verbindungen")]:
        page.goto(f"{service.issuer}/owner/{path}")
        expect(page.get_by_role("heading", level=1)).to_have_text(heading)
