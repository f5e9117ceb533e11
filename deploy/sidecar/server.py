# An MCP server that leaves OAuth to the service beside it: it asks whether a token is good, and keeps
# no state of its own. Change: the tools, and how long an answer may be cached (not at all is safest).
# The values in the environment come from `start`, in this folder.
import os

from fastmcp import FastMCP
from fastmcp.server.auth import RemoteAuthProvider
from fastmcp.server.auth.providers.introspection import IntrospectionTokenVerifier
from fastmcp.server.dependencies import get_access_token

ISSUER = os.environ["MCP_OAUTH_ISSUER"]
RESOURCE = os.environ["MCP_OAUTH_RESOURCE"]
BASE = RESOURCE.removesuffix("/mcp")

with open(os.environ["MCP_OAUTH_INTROSPECTION_SECRET_FILE"]) as file:
    secret = file.read().removesuffix("\n")

auth = RemoteAuthProvider(
    token_verifier=IntrospectionTokenVerifier(
        introspection_url=f"{ISSUER}/introspect",
        client_id=os.environ["MCP_OAUTH_INTROSPECTION_ID"],
        client_secret=secret,
        audience=RESOURCE,
    ),
    # A plain string: a URL type may add a slash, and clients compare exactly.
    authorization_servers=[ISSUER],
    base_url=BASE,
    scopes_supported=["mcp"],
)
mcp = FastMCP("Notes", auth=auth)
notes: list[str] = []


@mcp.tool
def add_note(text: str) -> str:
    """Keeps a note, with the name of whoever brought it."""
    author = get_access_token().claims["username"]
    notes.append(f"{author}: {text}")
    return notes[-1]


@mcp.tool
def list_notes() -> list[str]:
    """All notes since the server was started."""
    return notes


if __name__ == "__main__":
    mcp.run(transport="http", host="127.0.0.1", port=int(os.environ["MCP_SERVER_LISTEN"]), path="/mcp", show_banner=False)
