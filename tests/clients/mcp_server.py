"""A FastMCP server with one tool that says who is calling. It keeps no OAuth state."""

import os

from fastmcp import FastMCP
from fastmcp.server.auth import RemoteAuthProvider
from fastmcp.server.auth.providers.introspection import IntrospectionTokenVerifier
from fastmcp.server.dependencies import get_access_token
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware

PORT = int(os.environ["PORT"])
ISSUER = os.environ["ISSUER"]
# As people type it: where a proxy stands in front, that is not where it listens.
BASE = os.environ.get("BASE", f"http://127.0.0.1:{PORT}")

verifier = IntrospectionTokenVerifier(
    introspection_url=f"{ISSUER.rstrip('/')}/introspect",
    client_id=os.environ["INTROSPECTION_ID"],
    client_secret=os.environ["INTROSPECTION_SECRET"],
    audience=f"{BASE}/mcp",
)
# The issuer as a plain string: a URL type would add a slash, and clients compare.
auth = RemoteAuthProvider(
    token_verifier=verifier,
    authorization_servers=[ISSUER],
    base_url=BASE,
    scopes_supported=["mcp"],
)
mcp = FastMCP("who-am-i", auth=auth)


@mcp.tool
def whoami() -> dict:
    """Says who is calling."""
    token = get_access_token()
    return {
        "client_id": token.client_id,
        "username": token.claims.get("username"),
        "sub": token.claims.get("sub"),
        "scopes": token.scopes,
    }


# Clients that run in a browser, as Inspector does.
pages = Middleware(
    CORSMiddleware,
    allow_origins=["*"],
    allow_methods=["*"],
    allow_headers=["authorization", "content-type", "mcp-protocol-version", "mcp-session-id", "last-event-id"],
    expose_headers=["WWW-Authenticate", "Mcp-Session-Id"],
)
mcp.run(transport="http", host="127.0.0.1", port=PORT, path="/mcp", show_banner=False, middleware=[pages])
