"""GitHub, as far as its documentation says how a web application signs people in, with accounts to choose from.

Shapes: "Authorizing OAuth apps" (the code flow with PKCE, errors with status 200), "REST API endpoints for users"
(`GET /user`), "for emails" (`GET /user/emails`) and "for organization members" (`GET /user/memberships/orgs/{org}`).
"""

import base64
import hashlib
import http.server
import json
import secrets
import ssl
import threading
import urllib.parse

ACCOUNTS = {
    "octo-ada": {"id": 4711, "emails": [("ada@example.org", True)], "orgs": {"acme": "active"}},
    "mallory": {"id": 666, "emails": [("ada@example.org", False), ("m@evil.example", True)], "orgs": {"acme": "pending"}},
}


class GitHub:
    """Listens on a port of its own; `url` is what MCP_OAUTH_GITHUB_URL is set to. With a certificate, over TLS."""

    def __init__(self, client_id, client_secret, certificate=None):
        self.client = (client_id, client_secret)
        self.codes, self.tokens = {}, {}
        stand_in = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                url = urllib.parse.urlsplit(self.path)
                query = dict(urllib.parse.parse_qsl(url.query))
                if url.path == "/login/oauth/authorize":
                    return self.html(stand_in.page(query))
                if url.path == "/login/oauth/chosen":
                    return self.redirect(stand_in.chosen(query))
                login = stand_in.tokens.get(self.headers.get("Authorization", "").removeprefix("Bearer "))
                if not login:
                    return self.json(401, {"message": "Requires authentication", "status": "401"})
                return self.json(*stand_in.api(login, url.path))

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                assert self.headers["Accept"] == "application/json", "without it GitHub answers a form"
                self.json(200, stand_in.token(dict(urllib.parse.parse_qsl(body))))

            def html(self, text):
                self.answer(200, "text/html; charset=utf-8", text.encode())

            def json(self, status, body):
                self.answer(status, "application/json; charset=utf-8", json.dumps(body).encode())

            def redirect(self, url):
                self.send_response(302)
                self.send_header("Location", url)
                self.end_headers()

            def answer(self, status, kind, body):
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http{'s' if certificate else ''}://127.0.0.1:{self.server.server_port}"

    def page(self, query):
        assert query["client_id"] == self.client[0] and query["code_challenge_method"] == "S256"
        kept = {name: query[name] for name in ("redirect_uri", "state", "code_challenge")}
        links = "".join(
            f'<p><a href="/login/oauth/chosen?{urllib.parse.urlencode(kept | {"login": login})}">{login}</a>'
            for login in [*ACCOUNTS, "cancel"]
        )
        return f"<!doctype html><title>GitHub</title><link rel=icon href=data:,>{links}"

    def chosen(self, query):
        answer = {"state": query["state"]}
        if query["login"] == "cancel":
            answer |= {"error": "access_denied", "error_description": "The user has denied your application access."}
        else:
            answer |= {"code": secrets.token_hex(10), "iss": f"{self.url}/login/oauth"}
            self.codes[answer["code"]] = query
        return f"{query['redirect_uri']}?{urllib.parse.urlencode(answer)}"

    def token(self, form):
        asked = self.codes.pop(form["code"], None)
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        if (form["client_id"], form["client_secret"]) != self.client:
            return {"error": "incorrect_client_credentials", "error_description": "The client_id is not right."}
        if not asked or challenge != asked["code_challenge"] or form["redirect_uri"] != asked["redirect_uri"]:
            return {"error": "bad_verification_code", "error_description": "The code passed is incorrect or expired."}
        token = "gho_" + secrets.token_hex(18)
        self.tokens[token] = asked["login"]
        return {"access_token": token, "scope": "user:email,read:org", "token_type": "bearer"}

    def api(self, login, path):
        account = ACCOUNTS[login]
        if path == "/api/v3/user":
            return 200, {"login": login, "id": account["id"], "node_id": "MDQ6VXNlcjE=", "type": "User", "email": None}
        if path == "/api/v3/user/emails":
            emails = enumerate(account["emails"])
            return 200, [
                {"email": email, "verified": verified, "primary": not at, "visibility": None}
                for at, (email, verified) in emails
            ]
        name = path.removeprefix("/api/v3/user/memberships/orgs/")
        if state := account["orgs"].get(name):
            return 200, {"state": state, "role": "member", "organization": {"login": name.title(), "id": 1}}
        return 404, {"message": "Not Found", "status": "404"}

    def close(self):
        self.server.shutdown()
        self.server.server_close()
