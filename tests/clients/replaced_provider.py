"""A FastMCP server with an OAuth provider inside, which keeps its state in SQLite: a stand-in for the one that
is replaced. Its tables are as published, and so is what it does: whoever asks is let in without a word."""

import json
import os
import secrets
import sqlite3
import time

from fastmcp import FastMCP
from fastmcp.server.auth.auth import ClientRegistrationOptions, OAuthProvider
from fastmcp.server.dependencies import get_access_token
from mcp.server.auth.provider import AccessToken, AuthorizationCode, RefreshToken, construct_redirect_uri
from mcp.shared.auth import OAuthClientInformationFull, OAuthToken

PORT, BASE = int(os.environ["PORT"]), os.environ["BASE"]
ACCESS_TOKEN_LIFETIME = int(os.environ["ACCESS_TOKEN_LIFETIME"])

database = sqlite3.connect(os.environ["DATABASE"], isolation_level=None)
database.executescript(
    """
    PRAGMA journal_mode = WAL;
    CREATE TABLE IF NOT EXISTS oauth_clients (
        client_id TEXT PRIMARY KEY, client_json TEXT NOT NULL, created_at REAL NOT NULL);
    CREATE TABLE IF NOT EXISTS oauth_codes (
        code TEXT PRIMARY KEY, client_id TEXT NOT NULL, redirect_uri TEXT NOT NULL,
        redirect_uri_provided_explicitly INTEGER NOT NULL DEFAULT 1, code_challenge TEXT NOT NULL,
        scopes TEXT NOT NULL, expires_at REAL NOT NULL, resource TEXT);
    CREATE TABLE IF NOT EXISTS oauth_tokens (
        token TEXT PRIMARY KEY, client_id TEXT NOT NULL, scopes TEXT NOT NULL, expires_at INTEGER,
        token_type TEXT NOT NULL, refresh_token TEXT, resource TEXT);
    """
)


def one(query, *values):
    return database.execute(query, values).fetchone()


class Provider(OAuthProvider):
    async def get_client(self, client_id):
        row = one("SELECT client_json FROM oauth_clients WHERE client_id = ?", client_id)
        return row and OAuthClientInformationFull.model_validate_json(row[0])

    async def register_client(self, client_info):
        row = (client_info.client_id, client_info.model_dump_json(), time.time())
        database.execute("INSERT OR REPLACE INTO oauth_clients VALUES (?, ?, ?)", row)

    async def authorize(self, client, params):
        code, scopes = f"authcode_{secrets.token_hex(20)}", json.dumps(params.scopes or [])
        row = (code, client.client_id, str(params.redirect_uri), 1, params.code_challenge, scopes)
        row += (time.time() + 600, params.resource)
        database.execute("INSERT INTO oauth_codes VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)
        return construct_redirect_uri(str(params.redirect_uri), code=code, state=params.state)

    async def load_authorization_code(self, client, authorization_code):
        row = one(
            "SELECT client_id, redirect_uri, code_challenge, scopes, expires_at, resource FROM oauth_codes"
            " WHERE code = ? AND client_id = ?",
            authorization_code,
            client.client_id,
        )
        names = ("client_id", "redirect_uri", "code_challenge", "scopes", "expires_at", "resource")
        fields = dict(zip(names, row or (), strict=False))
        fields["scopes"] = json.loads(fields.get("scopes", "[]"))
        explicit = {"code": authorization_code, "redirect_uri_provided_explicitly": True}
        return row and AuthorizationCode(**fields, **explicit)

    async def exchange_authorization_code(self, client, authorization_code):
        database.execute("DELETE FROM oauth_codes WHERE code = ?", (authorization_code.code,))
        return self.issue(client, authorization_code.scopes, authorization_code.resource)

    async def load_refresh_token(self, client, refresh_token):
        found = self.load(refresh_token, "refresh", RefreshToken)
        return found if found and found.client_id == client.client_id else None

    async def exchange_refresh_token(self, client, refresh_token, scopes):
        pair = (refresh_token.token, refresh_token.token)
        database.execute("DELETE FROM oauth_tokens WHERE token = ? OR refresh_token = ?", pair)
        return self.issue(client, scopes, None)

    async def load_access_token(self, token):
        return self.load(token, "access", AccessToken)

    async def revoke_token(self, token):
        raise NotImplementedError

    def load(self, token, kind, shape):
        row = one(
            "SELECT client_id, scopes, expires_at FROM oauth_tokens"
            " WHERE token = ? AND token_type = ? AND expires_at > ?",
            token,
            kind,
            time.time(),
        )
        return row and shape(token=token, client_id=row[0], scopes=json.loads(row[1]), expires_at=row[2])

    def issue(self, client, scopes, resource):
        access, refresh = f"access_{secrets.token_hex(32)}", f"refresh_{secrets.token_hex(32)}"
        now, words = int(time.time()), json.dumps(scopes)
        for row in (
            (access, client.client_id, words, now + ACCESS_TOKEN_LIFETIME, "access", refresh, resource),
            (refresh, client.client_id, words, now + 30 * 86400, "refresh", access, resource),
        ):
            database.execute("INSERT INTO oauth_tokens VALUES (?, ?, ?, ?, ?, ?, ?)", row)
        return OAuthToken(
            access_token=access,
            token_type="Bearer",
            expires_in=ACCESS_TOKEN_LIFETIME,
            refresh_token=refresh,
            scope=" ".join(scopes),
        )


options = ClientRegistrationOptions(enabled=True, valid_scopes=["mcp"], default_scopes=["mcp"])
mcp = FastMCP("who-am-i", auth=Provider(base_url=BASE, client_registration_options=options))


@mcp.tool
def whoami() -> dict:
    """Says who is calling."""
    token = get_access_token()
    return {"client_id": token.client_id, "username": None, "sub": None, "scopes": token.scopes}


mcp.run(transport="http", host="127.0.0.1", port=PORT, path="/mcp", show_banner=False)
