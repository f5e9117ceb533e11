"""People who sign in at another service, in Chromium: a real OpenID provider, and GitHub as it is documented."""

import os
import re
import signal
import subprocess
import urllib.parse

import httpx
import pytest
from playwright.sync_api import expect

from github_stand_in import GitHub
from support import PASSWORD, ROOT, USER, Service, answers, free_port, wait_for
from windows import PHONE, Window

CLIENT = ("mcp & co", "a secret: 100%")
NPM = ROOT / "target" / "clients" / "npm"
LABEL = "Example <b>&</b> Söhne"


class OpenId:
    """The npm package oidc-provider, in a process of its own."""

    def __init__(self, folder):
        self.port, self.folder = free_port(), folder
        self.url = f"http://127.0.0.1:{self.port}"
        self.process = None

    def start(self, redirect_uri):
        command = ["node", "openid_provider.mjs", str(self.port), *CLIENT, redirect_uri]
        path = f"{NPM / 'node_modules' / '.bin'}{os.pathsep}{os.environ['PATH']}"
        with (self.folder / "provider.log").open("ab") as log:
            self.process = subprocess.Popen(command, cwd=NPM, stdout=log, stderr=log, env={**os.environ, "PATH": path})
        wait_for(lambda: answers(f"{self.url}/.well-known/openid-configuration"), "the provider")

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(30)


@pytest.fixture
def openid(tmp_path):
    provider = OpenId(tmp_path)
    yield provider
    if provider.process.poll() is None:
        provider.stop()


@pytest.fixture
def github():
    stand_in = GitHub("Iv1.test", "a secret of GitHub's")
    yield stand_in
    stand_in.close()


@pytest.fixture
def with_openid(tmp_path, openid):
    """A service whose people may sign in at the OpenID provider."""
    services = []

    def start(**settings):
        client_id, client_secret = CLIENT
        named = {"issuer": openid.url, "client_id": client_id, "client_secret": client_secret, "label": LABEL}
        named = {f"oidc_{name}": value for name, value in named.items()}
        service = Service(tmp_path, "https://wiki.example.org/mcp", **(named | settings)).start()
        openid.start(f"{service.issuer}/sign-in/provider/oidc/callback")
        services.append(service)
        return service

    yield start
    for service in services:
        service.kill()


@pytest.fixture
def with_github(tmp_path, github):
    services = []

    def start(**settings):
        client_id, client_secret = github.client
        named = {"github_url": github.url, "github_client_id": client_id, "github_client_secret": client_secret}
        services.append(Service(tmp_path, "https://wiki.example.org/mcp", **(named | settings)).start())
        return services[-1]

    yield start
    for service in services:
        service.kill()


@pytest.fixture
def authority(tmp_path):
    """A private authority, and what it has certified for 127.0.0.1."""
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    (tmp_path / "names").write_text("subjectAltName=IP:127.0.0.1\n")
    for command in [
        ["req", "-x509", *key, "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=authority"],
        ["req", *key, "-keyout", "leaf.key", "-out", "leaf.csr", "-subj", "/CN=provider"],
        ["x509", "-req", "-in", "leaf.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-out", "leaf.pem", "-extfile", "names"],
    ]:
        subprocess.run(["openssl", *command], cwd=tmp_path, check=True, capture_output=True, timeout=30)
    return tmp_path


def at_the_provider(page, account):
    """Signs in on the development pages of oidc-provider, and agrees."""
    page.wait_for_url(re.compile("/interaction/"))
    page.locator("input[name=login]").fill(account)
    page.locator("input[name=password]").fill("whatever")
    page.locator("button[type=submit]").click()
    page.wait_for_url(re.compile("/interaction/"))
    page.locator("button[type=submit]").click()


def sign_in_at(page, service, account):
    page.goto(f"{service.issuer}/sign-in?to=account")
    page.get_by_role("button", name="Continue with").click()
    at_the_provider(page, account)


def who(page, service):
    page.goto(service.issuer)
    text = page.locator("body").inner_text()
    return text.partition("Signed in as")[2].split()[:1]


def settled(window, *allowed):
    """Nothing went wrong but the statuses of pages that refuse, and what the provider's own pages load."""
    ours = [wrong for wrong in window.wrong if not any(status in wrong for status in allowed)]
    window.wrong = [wrong for wrong in ours if "fonts.googleapis" not in wrong and "font" not in wrong]
    assert not [wrong for wrong in window.wrong if "Content Security Policy" in wrong], window.wrong


def test_a_stranger_who_may_signs_up_and_comes_back(chromium, with_openid):
    service = with_openid(oidc_allow="@example.org", oidc_sign_up="allowed")
    for _ in range(2):
        window = Window(chromium, service)
        window.page.goto(f"{service.issuer}/sign-in?to=account")
        window.shot("sign-in-providers")
        sign_in_at(window.page, service, "bob")
        window.page.wait_for_url(f"{service.issuer}/account")
        assert who(window.page, service) == ["bob"]
        settled(window, "404")
        window.context.close()


def test_an_unverified_mail_address_and_an_equal_name_take_nothing_over(chromium, with_openid):
    service = with_openid(oidc_allow="@example.org", oidc_sign_up="allowed")
    window = Window(chromium, service)
    sign_in_at(window.page, service, f"{USER}.unverified")
    expect(window.page.get_by_role("alert")).to_contain_text("has not verified")
    window.shot("sign-in-unverified")
    assert who(window.page, service) == []
    other = Window(chromium, service)
    sign_in_at(other.page, service, USER)
    other.page.wait_for_url(f"{service.issuer}/account")
    assert who(other.page, service) == [f"{USER}2"], "an account of its own"
    for one in (window, other):
        settled(one, "403", "404")
        one.context.close()


def test_an_account_is_linked_by_its_person_used_and_unlinked(chromium, with_openid):
    service = with_openid()
    window = Window(chromium, service, viewport=PHONE, color_scheme="dark")
    sign_in_at(window.page, service, "bob")
    expect(window.page.get_by_role("alert")).to_contain_text(f"Nobody here has this account at {LABEL}")
    window.sign_in()
    window.page.goto(f"{service.issuer}/account/identities")
    window.shot("identities-none")
    # Signed in there already: straight there and back.
    window.page.get_by_role("button", name="Link an account at").click()
    expect(window.page.get_by_role("button", name="Unlink")).to_be_visible()
    window.shot("identities")
    expect(window.page.get_by_role("heading", level=2).first).to_have_text(f"bob at {LABEL}")
    other = Window(chromium, service)
    sign_in_at(other.page, service, "bob")
    other.page.wait_for_url(f"{service.issuer}/account")
    assert who(other.page, service) == [USER]
    window.page.get_by_role("button", name="Unlink").click()
    expect(window.page.get_by_text("No account is linked yet.")).to_be_visible()
    for one in (window, other):
        settled(one, "403", "404")
        one.context.close()


def test_a_provider_that_is_down_is_said_in_the_persons_language(chromium, openid, with_openid):
    service = with_openid()
    openid.stop()
    window = Window(chromium, service, locale="de-DE")
    window.page.goto(f"{service.issuer}/sign-in?to=account")
    window.page.get_by_role("button", name="Weiter mit").click()
    expect(window.page.get_by_role("alert")).to_contain_text(f"{LABEL} antwortet gerade nicht")
    window.shot("sign-in-provider-down")
    window.page.get_by_label(re.compile("User name|Benutzername")).fill(USER)
    window.page.get_by_label(re.compile("Password|Passwort")).fill(PASSWORD)
    window.page.locator("form[action$='/sign-in'] button").click()
    window.page.wait_for_url(f"{service.issuer}/account")
    settled(window, "503", "404")
    window.context.close()


def test_an_answer_is_of_no_use_in_another_browser_nor_twice(chromium, with_openid):
    service = with_openid(oidc_allow="*", oidc_sign_up="allowed")
    window = Window(chromium, service)
    back = []
    callback = f"{service.issuer}/sign-in/provider/oidc/callback"
    window.page.on("request", lambda request: back.append(request.url) if request.url.startswith(callback) else None)
    sign_in_at(window.page, service, "bob")
    window.page.wait_for_url(f"{service.issuer}/account")
    (url,) = back
    assert "iss=" in url, "this provider says who it is"
    window.page.goto(url)
    expect(window.page.get_by_role("heading", level=1)).to_have_text("That did not work")
    window.shot("sign-in-replayed")
    assert httpx.get(url).status_code == 403, "without the cookie"
    log = service.log.read_text()
    code = urllib.parse.parse_qs(urllib.parse.urlsplit(url).query)["code"][0]
    assert code not in log and CLIENT[1] not in log
    settled(window, "403", "404")
    window.context.close()


def test_github_lets_in_members_and_nobody_who_is_only_invited(chromium, with_github):
    service = with_github(github_allow="org:acme", github_sign_up="allowed")
    for login, expected in [("mallory", []), ("octo-ada", ["octo-ada"])]:
        window = Window(chromium, service)
        window.page.goto(f"{service.issuer}/sign-in?to=account")
        window.page.get_by_role("button", name="Continue with GitHub").click()
        window.page.get_by_role("link", name=login).click()
        window.page.wait_for_url(f"{service.issuer}/**")
        if not expected:
            expect(window.page.get_by_role("alert")).to_contain_text("may not come in here")
        assert who(window.page, service) == expected
        settled(window, "403", "404")
        window.context.close()


def test_github_counts_a_mail_address_that_it_has_verified(chromium, with_github):
    service = with_github(github_allow="@example.org", github_sign_up="allowed")
    for login, expected in [("mallory", []), ("octo-ada", ["octo-ada"])]:
        window = Window(chromium, service)
        window.page.goto(f"{service.issuer}/sign-in?to=account")
        window.page.get_by_role("button", name="Continue with GitHub").click()
        window.page.get_by_role("link", name=login).click()
        window.page.wait_for_url(f"{service.issuer}/**")
        assert who(window.page, service) == expected
        settled(window, "403", "404")
        window.context.close()


def test_whoever_says_no_at_github_may_choose_another_way(chromium, with_github):
    service = with_github(github_allow="*", github_sign_up="allowed")
    window = Window(chromium, service, java_script_enabled=False)
    window.page.goto(f"{service.issuer}/sign-in?to=account")
    window.page.get_by_role("button", name="Continue with GitHub").click()
    window.page.get_by_role("link", name="cancel").click()
    expect(window.page.get_by_role("alert")).to_have_text("You did not finish at GitHub.")
    assert "denied your application" not in window.page.content()
    window.sign_in()
    window.page.wait_for_url(f"{service.issuer}/account")
    settled(window, "403", "404")
    window.context.close()


def test_a_private_authority_is_believed_when_the_operator_says_so(chromium, tmp_path, authority):
    stand_in = GitHub("Iv1.test", "a secret of GitHub's", (authority / "leaf.pem", authority / "leaf.key"))
    settings = {"github_url": stand_in.url, "github_client_id": "Iv1.test", "github_client_secret": "a secret of GitHub's"}
    settings |= {"github_allow": "*", "github_sign_up": "allowed"}
    service = Service(tmp_path, "https://wiki.example.org/mcp", **settings)
    for believed, expected in [(False, []), (True, ["octo-ada"])]:
        if believed:
            service.environment["MCP_OAUTH_OUTGOING_CA_FILE"] = str(authority / "ca.pem")
        service.start()
        window = Window(chromium, service, ignore_https_errors=True)
        window.check = lambda url: None  # to https://127.0.0.1, too
        window.page.goto(f"{service.issuer}/sign-in?to=account")
        window.page.get_by_role("button", name="Continue with GitHub").click()
        window.page.get_by_role("link", name="octo-ada").click()
        window.page.wait_for_url(f"{service.issuer}/**")
        if not believed:
            expect(window.page.get_by_role("alert")).to_contain_text("GitHub does not answer")
            assert "certificate" in service.log.read_text(), "the operator reads why"
        assert who(window.page, service) == expected
        settled(window, "503", "404")
        window.context.close()
        service.stop()
    stand_in.close()
