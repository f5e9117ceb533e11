"""A FastMCP server that knows nothing about tokens: whoever reaches it may call its tools.

Beside the tools it has bare addresses below `…/raw/`, for what no MCP client would send. Every
request is written down as a line of JSON, for the tests to see what has come through.
"""

import asyncio
import hashlib
import json
import os
import time
import urllib.parse

from fastmcp import FastMCP
from fastmcp.server.dependencies import get_http_request
from starlette.middleware import Middleware

JOURNAL = open(os.environ["JOURNAL"], "a", buffering=1)  # noqa: SIM115

mcp = FastMCP("knows-nothing-about-oauth")


@mcp.tool
def whoami() -> dict:
    """Says who is calling, as the proxy says it."""
    headers = get_http_request().headers
    return {name.removeprefix("x-auth-"): value for name, value in headers.items() if name.startswith("x-auth-")}


@mcp.tool
def delete_page(name: str) -> str:
    """What not everybody may do."""
    return f"{name} is gone"


def write_down(**what):
    JOURNAL.write(json.dumps(what) + "\n")


class Raw:
    """Writes requests down, and answers those below `…/raw/` itself."""

    def __init__(self, app):
        self.app = app

    async def __call__(self, scope, receive, send):
        if scope["type"] not in ("http", "websocket"):
            return await self.app(scope, receive, send)
        path = scope["raw_path"].decode()
        headers = [(name.decode(), value.decode("latin-1")) for name, value in scope["headers"]]
        write_down(method=scope.get("method", "WEBSOCKET"), path=path, headers=headers)
        send = without_haste(send)
        name = path.partition("/raw/")[2]
        query = dict(urllib.parse.parse_qsl(scope["query_string"].decode()))
        if scope["type"] == "websocket":
            return await echo(receive, send)
        match name:
            case "headers":
                # An answer before the end of the question ends the connection, at times in the midst of the answer.
                while (await receive()).get("more_body"):
                    pass
                return await answer(send, headers)
            case "upload":
                return await upload(receive, send, query["id"])
            case "events":
                return await events(receive, send, int(query["count"]), int(query.get("pause", "1")))
        return await self.app(scope, receive, send)


def without_haste(send):
    """Answers a little later. Go's proxies (Caddy, Traefik) send a question's body on and then look for its end:
    of an answer that has begun before they do, on a busy machine, they break off the rest."""

    async def later(message):
        if message["type"] == "http.response.start":
            await asyncio.sleep(0.02)
        await send(message)

    return later


async def answer(send, what):
    # An upstream with ideas of its own about browsers: the recipe's count.
    headers = [(b"content-type", b"application/json"), (b"access-control-allow-origin", b"https://other.example")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": json.dumps(what).encode()})


async def upload(receive, send, identity):
    digest, size = hashlib.sha256(), 0
    while True:
        message = await receive()
        if size == 0 and message.get("body"):
            write_down(upload=identity, begun=True)
        digest.update(message.get("body", b""))
        size += len(message.get("body", b""))
        if message["type"] == "http.disconnect":
            return write_down(upload=identity, broken_off=size)
        if not message.get("more_body"):
            break
    await answer(send, {"size": size, "sha256": digest.hexdigest()})


async def events(receive, send, count, pause):
    headers = [(b"content-type", b"text/event-stream"), (b"cache-control", b"no-cache")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    for number in range(count):
        event = f"data: {json.dumps({'number': number, 'sent': time.time()})}\n\n"
        await send({"type": "http.response.body", "body": event.encode(), "more_body": True})
        if number + 1 < count:
            await asyncio.sleep(pause)
    await send({"type": "http.response.body", "body": b""})


async def echo(receive, send):
    await receive()
    await send({"type": "websocket.accept"})
    while (message := await receive())["type"] == "websocket.receive":
        await send({"type": "websocket.send", "text": message["text"]})


mcp.run(
    transport="http",
    host="127.0.0.1",
    port=int(os.environ["PORT"]),
    path="/mcp",
    middleware=[Middleware(Raw)],
    show_banner=False,
)
