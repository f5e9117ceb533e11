"""A newcomer's first five minutes: one command, the printed link, the shown code, a real client."""

import html
import re
import subprocess
import sys

import httpx
from support import HERE, PASSWORD, USER, Driver, FormParser, Person, Service, answers, free_port, wait_for

TOOL = '''
from fastmcp.server.dependencies import get_access_token

@mcp.tool
def whoami() -> dict:
    """Says who is calling."""
    return {"username": get_access_token().claims["username"]}
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


def test_the_shown_code_protects_a_server_that_a_client_then_uses(tmp_path):
    url = f"http://127.0.0.1:{free_port()}/mcp"
    service, page = set_up(tmp_path, url)
    code = shown(page, "Code for FastMCP")
    assert "# ... your tools ..." in code
    server_file = tmp_path / "server.py"
    server_file.write_text(code.replace("# ... your tools ...", TOOL))
    with (tmp_path / "server.log").open("wb") as log:
        server = subprocess.Popen([sys.executable, server_file], stdout=log, stderr=log)
    try:
        wait_for(lambda: answers(url), "the server of the shown code")
        person = Person()
        client = Driver([sys.executable, str(HERE / "fastmcp_client.py"), url], tmp_path, person)
        assert client.ask("call")["result"] == {"username": USER}
        for how in ["stop", "kill -9"]:
            service.restart(how)
            assert client.ask("call")["result"] == {"username": USER}
        assert person.asked == 1
        client.close()
    finally:
        server.terminate()
        server.wait(30)
        service.kill()


def test_the_shown_curl_commands_work_as_they_stand(tmp_path):
    service, page = set_up(tmp_path, "https://wiki.example/mcp")
    script = tmp_path / "try.sh"
    script.write_text(shown(page, "Commands for curl"))
    said = subprocess.run(["bash", script], capture_output=True, text=True, timeout=30, cwd=tmp_path)
    assert '"active":false' in said.stdout, said
    service.kill()
