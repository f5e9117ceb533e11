"""The FastMCP client, driven by lines of JSON. Only where the URL goes is ours: to a person."""

import asyncio
import json
import sys

from fastmcp import Client
from fastmcp.client.auth import OAuth


def say(**what):
    print(json.dumps(what), flush=True)


class PersonsBrowser(OAuth):
    """Hands the authorization URL out, after FastMCP's own check of it."""

    async def redirect_handler(self, authorization_url):
        import webbrowser

        original = webbrowser.open
        webbrowser.open = lambda url, *_: say(open=url) or True
        try:
            await super().redirect_handler(authorization_url)
        finally:
            webbrowser.open = original


async def main(url):
    auth = PersonsBrowser(mcp_url=url, client_name="FastMCP client")
    while line := await asyncio.to_thread(sys.stdin.readline):
        command = json.loads(line)
        try:
            async with Client(url, auth=auth) as client:
                if command["command"] == "call":
                    answer = await client.call_tool(command.get("tool", "whoami"), command.get("arguments", {}))
                    tokens = await auth.context.storage.get_tokens()
                    say(
                        result=answer.structured_content or answer.data,
                        access_token=tokens.access_token,
                        refresh_token=tokens.refresh_token,
                    )
        except Exception as error:
            say(error=f"{type(error).__name__}: {error}")


asyncio.run(main(sys.argv[1]))
