"""FastMCP's InMemoryOAuthProvider in one process, served as its package installs it. It has no introspection: a token is checked in the
process that serves MCP. So an empty handler behind its check of bearer tokens stands for that.

With the argument `sdk` the routes and the check are those of the MCP SDK itself, which FastMCP's
build upon; the store behind them is the same."""

import asyncio
import json
import socket
import sys

import uvicorn
from fastmcp.server.auth.providers.in_memory import InMemoryOAuthProvider
from mcp.server.auth.middleware.auth_context import AuthContextMiddleware
from mcp.server.auth.middleware.bearer_auth import BearerAuthBackend, RequireAuthMiddleware
from mcp.server.auth.provider import AuthorizationCode
from mcp.server.auth.routes import create_auth_routes
from mcp.server.auth.settings import ClientRegistrationOptions
from mcp.shared.auth import OAuthClientInformationFull
from pydantic import AnyHttpUrl
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.authentication import AuthenticationMiddleware
from starlette.responses import Response
from starlette.routing import Route

TOKENS = 10_000
LOGINS = 1_000
REDIRECT_URI = "http://127.0.0.1/callback"


async def empty(scope, receive, send):
    await Response()(scope, receive, send)


async def login(provider, client):
    code = AuthorizationCode(
        code="a code", scopes=[], expires_at=2**40, client_id=client.client_id, code_challenge="",
        redirect_uri=REDIRECT_URI, redirect_uri_provided_explicitly=True,
    )
    provider.auth_codes[code.code] = code
    return await provider.exchange_authorization_code(client, code)


async def main():
    listener = socket.create_server(("127.0.0.1", 0), backlog=512)
    # As on a socket that the server opens itself: else each answer in two pieces waits for 40 ms.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    address = "127.0.0.1:%d" % listener.getsockname()[1]
    options = ClientRegistrationOptions(enabled=True)
    provider = InMemoryOAuthProvider(base_url=f"http://{address}", client_registration_options=options)
    if sys.argv[1:] == ["sdk"]:
        routes = create_auth_routes(
            provider, AnyHttpUrl(f"http://{address}"), client_registration_options=options)
        middleware = [
            Middleware(AuthenticationMiddleware, backend=BearerAuthBackend(provider)),
            Middleware(AuthContextMiddleware),
        ]
    else:
        routes, middleware = provider.get_routes(mcp_path="/mcp"), provider.get_middleware()
    routes.append(Route("/checked", RequireAuthMiddleware(empty, [])))
    app = Starlette(routes=routes, middleware=middleware)

    client = OAuthClientInformationFull(
        client_id="app", redirect_uris=[REDIRECT_URI], token_endpoint_auth_method="none",
        grant_types=["authorization_code", "refresh_token"],
    )
    await provider.register_client(client)
    tokens = [(await login(provider, client)).access_token for _ in range(TOKENS)]
    logins = [("app", (await login(provider, client)).refresh_token) for _ in range(LOGINS)]
    form = "grant_type=refresh_token&client_id={client_id}&refresh_token={token}"
    said = {
        "check": {"line": "GET /checked", "headers": ["Authorization: Bearer {token}"]},
        "tokens": tokens,
        "refresh": {"line": "POST /token", "form": form},
        "logins": logins,
        "register": "/register",
    }
    print(address, json.dumps(said), flush=True)
    await uvicorn.Server(uvicorn.Config(app, access_log=False, log_level="warning")).serve([listener])


asyncio.run(main())
