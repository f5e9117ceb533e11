"""Browser windows, and an app that sends people to the pages. Screenshots go to target/screenshots."""

import http.server
import re
import threading
import urllib.parse

import httpx
from load import Client
from support import PASSWORD, ROOT, USER, code_of

SCREENSHOTS = ROOT / "target" / "screenshots"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
PHONE = {"width": 390, "height": 844}


class Window:
    """A browser window that counts whatever must not happen: foreign requests, errors, scripts."""

    def __init__(self, chromium, service, **options):
        self.context = chromium.new_context(**options)
        self.page = self.context.new_page()
        self.service = service
        self.wrong = []
        self.page.on("console", lambda message: self.wrong.append(message.text) if message.type == "error" else None)
        self.page.on("pageerror", lambda error: self.wrong.append(str(error)))
        self.page.on("request", lambda request: self.check(request.url))

    def check(self, url):
        if not url.startswith((self.service.issuer + "/", "http://127.0.0.1", "data:")):
            self.wrong.append(f"a request to {url}")

    def forgive(self, *what):
        """The console says the status of a page that refuses; nothing else may be wrong."""
        self.wrong = [wrong for wrong in self.wrong if not any(str(one) in wrong for one in what)]

    def shot(self, name):
        width = self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert width <= 0, f"{name} is wider than the window"
        self.page.screenshot(path=SCREENSHOTS / f"{name}.png", full_page=True)

    def sign_in(self, password=PASSWORD):
        self.page.get_by_label("User name").fill(USER)
        self.page.get_by_label("Password").fill(password)
        self.page.get_by_role("button", name="Sign in").click()

    def connect(self, app):
        """An app that somebody says yes to; its tokens."""
        self.page.goto(app.url())
        if "/sign-in" in self.page.url:
            self.sign_in()
        self.page.get_by_role("button", name="Allow").click()
        self.page.wait_for_url(re.compile("/callback"))
        form = {
            "grant_type": "authorization_code",
            "code": app.answer()["code"][0],
            "code_verifier": "v" * 43,
            "redirect_uri": app.redirect,
            "client_id": app.client.client_id,
        }
        answer = httpx.post(f"{self.service.issuer}/token", data=form)
        assert answer.status_code == 200, answer.text
        return answer.json()


class App:
    """A client that listens on a loopback port for what the browser brings."""

    def __init__(self, service, random):
        arrived = self.arrived = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                if self.path.startswith("/callback"):
                    arrived.append(self.path)
                self.send_response(200)
                self.end_headers()
                self.wfile.write(b"<title>connected</title>You may close this window.")

            def log_message(self, *_):
                pass

        self.server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.redirect = f"http://127.0.0.1:{self.server.server_port}/callback"
        self.client = Client(service, random)
        self.client.register()

    def url(self):
        url = self.client.authorization_url("v" * 43)
        parts = urllib.parse.urlsplit(url)
        query = dict(urllib.parse.parse_qsl(parts.query)) | {"redirect_uri": self.redirect}
        return parts._replace(query=urllib.parse.urlencode(query)).geturl()

    def answer(self):
        (path,) = self.arrived
        self.arrived.clear()
        return code_of(self.redirect + "?" + path.partition("?")[2])
