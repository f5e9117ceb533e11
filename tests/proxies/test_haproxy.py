"""What only HAProxy's recipe has: an action of our own, and a file that it is appended to."""

import re
import subprocess
from pathlib import Path

import httpx
import pytest
from bare import BareUpstream
from examples import ISSUERS
from proxies import HaProxy, program
from support import ROOT, free_port
from test_smuggling import send
from world import DEMANDED, World

BROKEN = {
    "admit": ("local function admit(txn, answer)\n", 'local function admit(txn, answer)\n  error("broken")\n'),
    "said": ("local function said(answer, name)\n", 'local function said(answer, name)\n  error("broken")\n'),
    "ask": ("local function ask(address, received)\n", 'local function ask(address, received)\n  error("broken")\n'),
    "the action": ("txn.http:req_get_headers()", "txn.http:no_such_function()"),
    "the yes": ('  txn:set_var("txn.mcp_admitted", true)\n', ""),
}
# What is broken there has no part in a refusal.
PASSED_ON = [("admit", "x"), ("the yes", "x")]


@pytest.mark.parametrize("place", BROKEN)
def test_when_haproxys_action_fails_nobody_passes(upstream, tmp_path, place):
    """HAProxy itself goes on with a request whose action has failed."""

    class Broken(HaProxy):
        def write(self, name, text):
            whole, broken = BROKEN[place]
            if name.endswith(".lua"):
                assert whole in text
                text = text.replace(whole, broken)
            return super().write(name, text)

    world = World(tmp_path, Broken, "same host, path", upstream).start()
    try:
        token, before = world.token(), len(upstream.seen())
        for bearer in [token, "x"]:
            answer = world.ask("GET", "/mcp/raw/headers", token=bearer)
            assert answer.status == (401 if (place, bearer) in PASSED_ON else 503)
        assert upstream.seen()[before:] == []
    finally:
        world.stop()


@pytest.mark.parametrize("layout", ISSUERS)
def test_the_recipe_goes_behind_what_debian_configures(tmp_path, certificate, layout):
    recipe = HaProxy(tmp_path, (ROOT / "deploy" / "haproxy" / f"{layout}.cfg").read_text(), [])
    recipe.serve_here(certificate, free_port())
    recipe.write("haproxy.cfg", Path("/etc/haproxy/haproxy.cfg").read_text() + recipe.recipe)
    recipe.write("mcp_gate.lua", (ROOT / "deploy" / "haproxy" / "mcp_gate.lua").read_text())
    # Not from there: the action is found beside the file that names it. A warning is an error.
    command = [program("haproxy"), "-c", "-dW", "-f", tmp_path / "haproxy.cfg"]
    checked = subprocess.run(command, cwd="/", capture_output=True, text=True, timeout=60)
    assert checked.returncode == 0, checked.stderr


@pytest.mark.parametrize("size", [0, 1, 15_000, 16_384, 300_000])
def test_a_body_passes_and_what_is_behind_it_does_not(tmp_path, size):
    """HAProxy has a buffer of 16 KiB, in the midst of which a body may end."""
    upstream = BareUpstream()
    world = World(tmp_path, HaProxy, "same host, path", upstream).start()
    try:
        world.good = world.token()
        chunk = f"{size:x}\r\n{'~' * size}\r\n" if size else ""
        for trailers in ["", "X-Auth-Subject: eve\r\n", "a:\r\n"]:
            head = "POST /mcp HTTP/1.1\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
            status, said = send(world, f"{head}{chunk}0\r\n{trailers}\r\n")
            assert status == (400 if trailers else 200), said
            # Of what has not come to its end the MCP server makes nothing.
            assert [request.count(b"~") for request in upstream.requests] == ([] if trailers else [size])
    finally:
        world.stop()
        upstream.stop()


class TwoServers(World):
    """Another MCP server at the same address, added as the recipe says."""

    def prepare(self, proxy):
        self.other = f"http://localhost:{self.port}/mcp"
        self.service.command("resource", "add", self.other)
        arguments = ["--proxy", "haproxy", "--upstream", f"127.0.0.1:{self.upstream.port}", "--scope", DEMANDED]
        recipe = self.service.command("resource", "snippet", self.other, *arguments)
        ((backend, name),) = re.findall(r"^(backend (mcp_(?!oauthd)\w+)\n(?:    .*\n)+)", recipe, re.MULTILINE)
        # The first of two hosts is the one that is there.
        proxy.replace("host_only -i 127.0.0.1 }", "host_only -i 127.0.0.1 localhost }")
        (template,) = re.findall(r"    # (use_backend .*\n)", proxy.recipe)
        line = template.replace("mcp_…", name).replace("its.host", "localhost")
        proxy.replace("    default_backend mcp_wiki\n", f"    {line}    default_backend mcp_wiki\n")
        proxy.replace("\n# ---- /etc/haproxy/mcp_gate.lua", f"\n{backend}\n# ---- /etc/haproxy/mcp_gate.lua")


def test_another_mcp_server_is_added_as_the_recipe_says(upstream, tmp_path):
    world = TwoServers(tmp_path, HaProxy, "same host, path", upstream).start()
    try:
        tokens = [world.token(), world.token(resource=world.other)]
        for at, host in enumerate(["127.0.0.1", "localhost"]):
            origin = f"http://{host}:{world.port}"
            challenge = httpx.get(f"{origin}/mcp").headers["www-authenticate"]
            assert f'resource_metadata="{origin}/.well-known/oauth-protected-resource/mcp"' in challenge
            for token in tokens:
                headers = {"Authorization": f"Bearer {token}"}
                answer = httpx.get(f"{origin}/mcp/raw/headers", headers=headers)
                assert answer.status_code == (200 if token == tokens[at] else 401), (host, answer.text)
    finally:
        world.stop()
