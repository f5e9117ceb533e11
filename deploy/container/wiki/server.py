# A FastMCP server without a line of OAuth. Whoever gets here has been let through by the proxy.
# Change: the tools. Who is calling stands in the headers x-auth-subject, x-auth-username, x-auth-client-name, ...
# Only the proxy may reach it: compose.yaml gives the two a network of their own, in a pod it listens on loopback (HOST).
import os

from fastmcp import FastMCP
from fastmcp.server.dependencies import get_http_headers

mcp = FastMCP("Wiki")
pages: dict[str, str] = {}


@mcp.tool
def write_page(name: str, text: str) -> str:
    """Writes a page, signed with the name of whoever does it."""
    author = get_http_headers()["x-auth-username"]
    pages[name] = f"{text}\n\n{author}"
    return pages[name]


@mcp.tool
def read_page(name: str) -> str:
    """Reads a page."""
    return pages.get(name, "There is no such page.")


if __name__ == "__main__":
    mcp.run(transport="http", host=os.environ.get("HOST", "0.0.0.0"), port=8000, path="/mcp", show_banner=False)
