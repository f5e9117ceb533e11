"""Authlib's authorization server for Flask in one process, with everything in memory."""

import base64
import json
import logging
import secrets
import socket
import time

import waitress
from authlib.integrations.flask_oauth2 import AuthorizationServer
from authlib.oauth2.rfc6749 import ClientMixin, TokenMixin, grants
from authlib.oauth2.rfc7591 import ClientRegistrationEndpoint
from authlib.oauth2.rfc7662 import IntrospectionEndpoint
from flask import Flask

TOKENS = 10_000
LOGINS = 1_000


class Client(ClientMixin):
    def __init__(self, client_id, secret, metadata):
        self.client_id, self.client_secret, self.client_metadata = client_id, secret, metadata
        self.client_info = {"client_id": client_id, "client_secret": secret}

    def get_client_id(self):
        return self.client_id

    def get_default_redirect_uri(self):
        return self.client_metadata["redirect_uris"][0]

    def get_allowed_scope(self, scope):
        return scope or ""

    def check_redirect_uri(self, redirect_uri):
        return redirect_uri in self.client_metadata["redirect_uris"]

    def check_client_secret(self, client_secret):
        return secrets.compare_digest(self.client_secret, client_secret)

    def check_endpoint_auth_method(self, method, endpoint):
        return method == ("client_secret_basic" if self.client_secret else "none")

    def check_response_type(self, response_type):
        return response_type == "code"

    def check_grant_type(self, grant_type):
        return grant_type in ("authorization_code", "refresh_token")


class Token(TokenMixin):
    def __init__(self, client, user):
        self.client, self.user, self.revoked = client, user, False
        self.access, self.refresh = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
        self.issued_at, self.expires_at = int(time.time()), int(time.time()) + 86400
        access_tokens[self.access], refresh_tokens[self.refresh] = self, self

    def check_client(self, client):
        return self.client is client

    def get_scope(self):
        return "mcp"

    def get_expires_in(self):
        return 86400

    def is_expired(self):
        return time.time() > self.expires_at

    def is_revoked(self):
        return self.revoked

    def get_user(self):
        return self.user

    def get_client(self):
        return self.client


clients, access_tokens, refresh_tokens = {}, {}, {}


class Refresh(grants.RefreshTokenGrant):
    INCLUDE_NEW_REFRESH_TOKEN = True
    TOKEN_ENDPOINT_AUTH_METHODS = ["none"]

    def authenticate_refresh_token(self, refresh_token):
        token = refresh_tokens.get(refresh_token)
        return token if token and not token.revoked and not token.is_expired() else None

    def authenticate_user(self, refresh_token):
        return refresh_token.user

    def revoke_old_credential(self, refresh_token):
        refresh_token.revoked = True


class Introspection(IntrospectionEndpoint):
    def query_token(self, token_string, token_type_hint):
        return access_tokens.get(token_string)

    def check_permission(self, token, client, request):
        return True

    def introspect_token(self, token):
        return {
            "active": True, "client_id": token.client.client_id, "sub": token.user, "scope": "mcp",
            "token_type": "Bearer", "exp": token.expires_at, "iat": token.issued_at,
        }


class Registration(ClientRegistrationEndpoint):
    def authenticate_token(self, request):
        return True

    def get_server_metadata(self):
        return {}

    def save_client(self, client_info, client_metadata, request):
        client = Client(client_info["client_id"], "", client_metadata)
        client.client_info = client_info
        clients[client.client_id] = client
        return client


def save_token(token, request):
    kept = Token(request.client, request.user)
    del access_tokens[kept.access], refresh_tokens[kept.refresh]
    kept.access, kept.refresh = token["access_token"], token["refresh_token"]
    access_tokens[kept.access], refresh_tokens[kept.refresh] = kept, kept


app = Flask(__name__)
app.config["OAUTH2_REFRESH_TOKEN_GENERATOR"] = True
server = AuthorizationServer(app, query_client=clients.get, save_token=save_token)
server.register_grant(Refresh)
server.register_endpoint(Introspection)
server.register_endpoint(Registration)


@app.post("/token")
def token():
    return server.create_token_response()


@app.post("/introspect")
def introspect():
    return server.create_endpoint_response(Introspection.ENDPOINT_NAME)


@app.post("/register")
def register():
    return server.create_endpoint_response(Registration.ENDPOINT_NAME)


metadata = {"redirect_uris": ["http://127.0.0.1/callback"]}
clients["app"] = Client("app", "", metadata)
clients["wiki"] = Client("wiki", "a-secret-of-the-wiki", metadata)
listener = socket.create_server(("127.0.0.1", 0), backlog=512)
# As on a socket that the server opens itself: else each answer in two pieces waits for 40 ms.
listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
credentials = base64.b64encode(b"wiki:a-secret-of-the-wiki").decode()
said = {
    "check": {
        "line": "POST /introspect",
        "headers": [f"Authorization: Basic {credentials}"],
        "form": "token={token}&token_type_hint=access_token",
        "expect": '"active": true',
    },
    "tokens": [Token(clients["app"], "ada").access for _ in range(TOKENS)],
    "refresh": {
        "line": "POST /token",
        "form": "grant_type=refresh_token&client_id={client_id}&refresh_token={token}",
    },
    "logins": [("app", Token(clients["app"], "ada").refresh) for _ in range(LOGINS)],
    "register": "/register",
}
print("127.0.0.1:%d" % listener.getsockname()[1], json.dumps(said), flush=True)
# 32 connections are many for four threads, and it says so each time.
logging.getLogger("waitress.queue").setLevel(logging.ERROR)
waitress.serve(app, sockets=[listener], threads=4, _quiet=True)
