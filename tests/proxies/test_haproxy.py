"""What only HAProxy's recipe has: an action of our own, and a file that it is appended to."""

import subprocess
from pathlib import Path

import pytest
from examples import ISSUERS
from proxies import HaProxy, program
from support import ROOT, free_port
from world import World

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
