"""The authorization server scenarios of the MCP conformance suite."""

import re
import subprocess
import threading

import httpx
from support import NODE, TOOLS, Person, free_port

SUITE = TOOLS / "npm" / "node_modules" / "@modelcontextprotocol" / "conformance" / "dist" / "index.js"


SCENARIOS = ["authorization-server-metadata-endpoint", "authorization-code-grant"]


def run(service, folder, *arguments, seconds=120):
    """Runs all scenarios (the second needs what the first has found); a person opens the URL that
    is printed. Returns the exit code, what was printed, and how often the person was asked."""
    command = [NODE, SUITE, "authorization", "--url", service.issuer, *arguments]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=folder, stdin=subprocess.DEVNULL
    )
    watchdog = threading.Timer(seconds, process.kill)
    watchdog.start()
    printed, person = "", Person()
    for line in process.stdout:
        printed += line
        found = re.search(rf"{re.escape(service.issuer)}/authorize\?\S+", line)
        if found and person.asked == 0:
            threading.Thread(target=person.connect, args=(found.group(),), daemon=True).start()
    process.wait()
    watchdog.cancel()
    return process.returncode, printed, person.asked


def test_both_scenarios_pass(world, tmp_path):
    service, _ = world
    port = free_port()
    metadata = {
        "client_name": "Conformance",
        "redirect_uris": [f"http://127.0.0.1:{port}/callback"],
        "token_endpoint_auth_method": "none",
    }
    client_id = httpx.post(f"{service.issuer}/register", json=metadata).json()["client_id"]
    arguments = ["--client-id", client_id, "-p", str(port), "--resource", service.resource]
    code, printed, asked = run(service, tmp_path, *arguments)
    assert code == 0 and asked == 1, printed
    for scenario in SCENARIOS:
        assert re.search(rf"{scenario}: [1-9]\d* passed, 0 failed$", printed, re.MULTILINE), printed
    (grant,) = service.grants()
    assert grant["client_id"] == client_id
