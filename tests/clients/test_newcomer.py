"""A newcomer's first five minutes: one command, the printed link, the shown code, a real client."""

import html
import os
import re
import subprocess
import sys

import httpx
import pytest
from support import HERE, NODE, PASSWORD, TOOLS, USER, Driver, FormParser, Person, Service, answers, free_port, wait_for

PYTHON_TOOL = '''
from fastmcp.server.dependencies import get_access_token

@mcp.tool
def whoami() -> dict:
    """Says who is calling."""
    return {"username": get_access_token().claims["username"]}
'''

TYPESCRIPT_TOOL = '''
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { StreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/streamableHttp.js";

app.post("/mcp", express.json(), async (req: any, res: any) => {
  const server = new McpServer({ name: "snippet", version: "1.0.0" });
  server.registerTool("whoami", { description: "Says who is calling" }, ({ authInfo }: any) => {
    return { content: [], structuredContent: { username: authInfo.extra.username } };
  });
  const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: undefined });
  res.on("close", () => server.close());
  await server.connect(transport);
  await transport.handleRequest(req, res, req.body);
});
app.listen(Number(process.argv[2]), "127.0.0.1");
'''


def set_up(tmp_path, resource):
    """Starts the service with no settings but where to listen, and follows the printed link."""
    service = Service(tmp_path, "unused")
    for name in [name for name in service.environment if name.startswith("MCP_OAUTH_")]:
        if name not in ("MCP_OAUTH_ISSUER", "MCP_OAUTH_LISTEN"):
            del service.environment[name]
    service.start()
    (link,) = re.findall(rf"^{re.escape(service.issuer)}/setup\?token=\S+$", service.log.read_text(), re.MULTILINE)
    with httpx.Client() as browser:
        form = FormParser(browser.get(link).text).forms[0]
        fields = form["fields"] | {"username": USER, "password": PASSWORD, "resource": resource}
        done = browser.post(f"{service.issuer}{form['action']}", data=fields)
    assert done.status_code == 200, done.text
    return service, done.text


def shown(page, label):
    """The code of the page that has this label."""
    return html.unescape(re.search(rf"{label}\"><code>(.*?)</code>", page, re.DOTALL).group(1))


def python_server(page, folder, port):
    code = shown(page, "Code: FastMCP")
    assert "# ... your tools ..." in code
    file = folder / "server.py"
    file.write_text(code.replace("# ... your tools ...", PYTHON_TOOL))
    return [sys.executable, file]


def typescript_server(page, folder, port):
    code, places = re.subn(r"// \.\.\. your routes .*", TYPESCRIPT_TOOL, shown(page, "Code: TypeScript"))
    assert places == 1
    # Beside the packages that it imports; node takes the types away.
    file = TOOLS / "npm" / f"server-{port}.ts"
    file.write_text(code)
    return [NODE, file, str(port)]


def rust_server(page, folder, port):
    code = folder / "protect.rs"
    code.write_text(shown(page, "Code: rmcp"))
    project = HERE / "rmcp" / "Cargo.toml"
    build = ["cargo", "build", "--locked", "--features", "server", "--bin", "protected-server"]
    build += ["--manifest-path", project, "--target-dir", TOOLS / "rmcp"]
    built = subprocess.run(build, env=os.environ | {"PROTECT": str(code)}, capture_output=True, text=True, timeout=600)
    assert built.returncode == 0, built.stderr
    return [TOOLS / "rmcp" / "debug" / "protected-server", str(port)]


@pytest.mark.parametrize("server_of", [python_server, typescript_server, rust_server])
def test_the_shown_code_protects_a_server_that_a_client_then_uses(tmp_path, server_of):
    port = free_port()
    url = f"http://127.0.0.1:{port}/mcp"
    service, page = set_up(tmp_path, url)
    command = server_of(page, tmp_path, port)
    log = tmp_path / "server.log"
    with log.open("wb") as output:
        server = subprocess.Popen(command, stdout=output, stderr=output)
    try:
        wait_for(lambda: server.poll() is not None or answers(url), "the server of the shown code")
        assert server.poll() is None, log.read_text()
        assert httpx.post(url, json={}).status_code == 401
        person = Person()
        client = Driver([sys.executable, str(HERE / "fastmcp_client.py"), url], tmp_path, person)
        first = client.ask("call")
        assert first.get("result") == {"username": USER}, f"{first} {log.read_text()}"
        for how in ["stop", "kill -9"]:
            service.restart(how)
            assert client.ask("call")["result"] == {"username": USER}
        assert person.asked == 1
        client.close()
        service.command("grant", "revoke", service.grants()[0]["id"])
        authorization = {"Authorization": f"Bearer {first['access_token']}"}
        assert httpx.post(url, json={}, headers=authorization).status_code == 401, "revoked means revoked"
    finally:
        server.terminate()
        server.wait(30)
        service.kill()
        (TOOLS / "npm" / f"server-{port}.ts").unlink(missing_ok=True)


def test_the_shown_curl_commands_work_as_they_stand(tmp_path):
    service, page = set_up(tmp_path, "https://wiki.example/mcp")
    script = tmp_path / "try.sh"
    script.write_text(shown(page, "Commands: curl"))
    said = subprocess.run(["bash", script], capture_output=True, text=True, timeout=30, cwd=tmp_path)
    assert '"active":false' in said.stdout, said
    service.kill()


@pytest.mark.parametrize("resource", ["https://wiki.example/mcp", "http://127.0.0.1:9999/mcp"])
def test_the_shown_recipes_are_those_that_the_command_prints(tmp_path, resource):
    service, page = set_up(tmp_path, resource)
    for name in ["nginx", "Caddy", "Traefik", "Envoy", "HAProxy"]:
        printed = service.command("resource", "snippet", resource, "--proxy", name.lower())
        assert shown(page, f"Configuration: {name}").strip() == printed.strip(), name
    service.kill()
