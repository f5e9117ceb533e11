"""An app that waits for the owner, as whoever wants to connect it sees it in Debian's Chromium."""

import json
import re

import pytest
from playwright.sync_api import expect

from support import Service


@pytest.fixture
def service(tmp_path):
    service = Service(tmp_path, "https://wiki.example.org/mcp", clients="ask").start()
    yield service
    service.kill()


def come(here, app):
    here.page.goto(app.url())
    here.sign_in()
    expect(here.page.get_by_role("heading", level=1)).to_have_text("Waiting for the owner")
    return here.page


def steps(service):
    (attempt,) = json.loads(service.command("connection", "list", "--json"))
    return service.command("connection", "show", str(attempt["id"]))


def test_the_page_goes_on_by_itself_after_the_owners_yes(window, service, app):
    here = window()
    page = come(here, app)
    with page.expect_response(lambda answer: answer.request.method == "HEAD" and answer.status == 202):
        pass
    service.restart("kill -9")
    service.command("client", "approve", app.client.client_id)
    expect(page.get_by_role("button", name="Allow")).to_be_visible(timeout=20_000)
    (waited,) = re.findall(r"The app waits for the owner.*", steps(service))
    assert not re.search(r"\dx", waited), "a look by itself is no step"
    # While nobody is there.
    here.forgive("ERR_CONNECTION")


def test_after_the_owners_no_it_says_so_by_itself(window, service, app):
    here = window()
    page = come(here, app)
    service.command("client", "disable", app.client.client_id)
    expect(page.get_by_text("The owner of this server has not let this app in")).to_be_visible(timeout=20_000)
    page.get_by_role("button", name="Back to the app").click()
    page.wait_for_url(re.compile("/callback.*error=access_denied"))
    here.forgive(403)


def test_without_a_script_a_link_looks_again(window, service, app):
    here = window(java_script_enabled=False)
    page = come(here, app)
    page.get_by_role("link", name="Look again").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Waiting for the owner")
    service.command("client", "approve", app.client.client_id)
    page.get_by_role("link", name="Look again").click()
    expect(page.get_by_role("button", name="Allow")).to_be_visible()
