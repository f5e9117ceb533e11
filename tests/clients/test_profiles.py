"""`doctor --as`: every client's own requests, up to the sign-in page and through it; and whether each
minds what it says that it minds."""

import json
import os
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from lies import EVERYBODY, LOOKS, THROUGHS
from lying_proxy import Honest, LyingProxy
from support import BINARY, HERE, ROOT, McpServer, Person, Service, free_port

NAMES = sorted(EVERYBODY)
# The long table, and the short one for those who are about to choose.
TABLES = [HERE / "PROFILES.md", ROOT / "README.md"]
# What runs as it is beside its replay, and where: a file of this directory that names it.
FOR_REAL = {
    "fastmcp": ("test_clients.py", "FastMCP"),
    # Whose OAuth is a subclass of the SDK's.
    "python-sdk": ("fastmcp_client.py", "from fastmcp.client.auth import OAuth"),
    "typescript-sdk": ("typescript_v2.mjs", "@modelcontextprotocol/client"),
    "typescript-sdk-v1": ("typescript_v1.mjs", "@modelcontextprotocol/sdk"),
    "rmcp": ("rmcp/src/main.rs", "rmcp::"),
    "mcp-remote": ("test_command_line.py", "mcp-remote"),
    "inspector": ("test_command_line.py", "MCP Inspector"),
}


class World:
    """The service and an MCP server, each behind a proxy that can be told to lie."""

    def __init__(self, folder):
        self.folder = folder
        auth, mcp, behind = free_port(), free_port(), free_port()
        base = f"http://127.0.0.1:{mcp}"
        self.service = Service(folder, f"{base}/mcp", issuer=f"http://127.0.0.1:{auth}").start()
        self.proxies = [
            LyingProxy("auth", auth, f"http://127.0.0.1:{self.service.port}"),
            LyingProxy("mcp", mcp, f"http://127.0.0.1:{behind}"),
        ]
        self.server = McpServer(folder, behind, self.service.issuer, base).start()

    def tell(self, lie):
        for proxy in self.proxies:
            proxy.lie = lie

    def stop(self):
        self.server.stop()
        for proxy in self.proxies:
            proxy.stop()
        self.service.kill()

    def start(self, *arguments):
        return subprocess.Popen(
            [BINARY, "doctor", self.service.resource, *arguments],
            env=self.service.environment,
            cwd=self.folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def look(self, *arguments):
        """Up to the sign-in page: exit code and answer."""
        process = self.start(*arguments, "--json")
        out, errors = process.communicate(timeout=120)
        assert out, errors
        return process.returncode, json.loads(out)

    def through(self, name, person=None):
        """Through the sign-in page, where somebody says yes and pastes the address."""
        process = self.start("--as", name, "--through", "--json")
        watchdog = threading.Timer(120, process.kill)
        watchdog.start()
        try:
            for line in process.stderr:
                if line.startswith("  http"):
                    address = (person or Person()).open(line.strip())
                    process.stdin.write(address + "\n")
                    process.stdin.flush()
                    break
            out, errors = process.communicate(timeout=120)
        finally:
            watchdog.cancel()
        assert out, errors
        return process.returncode, json.loads(out)


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    world = World(tmp_path_factory.mktemp("profiles"))
    yield world
    world.stop()


@pytest.fixture
def world(shared):
    shared.tell(Honest())
    yield shared
    shared.tell(Honest())


def minding(said, verdict):
    return {name for name, findings in said.items() if any(one["verdict"] == verdict for one in findings)}


def words(said):
    return json.dumps(said, indent=1)


@pytest.mark.parametrize("name", NAMES)
def test_a_client_comes_to_the_sign_in_page(world, name):
    code, findings = world.look("--as", name)
    assert code == 0 and {one["verdict"] for one in findings} == {"fine"}, words(findings)
    checks = {one["check"] for one in findings}
    assert checks >= {"challenge", "resource metadata", "server metadata", "registration", "authorize"}


@pytest.mark.parametrize("name", NAMES)
def test_a_client_comes_through_the_sign_in_page_and_leaves_no_grant(world, name):
    code, findings = world.through(name)
    assert code == 0 and {one["verdict"] for one in findings} == {"fine"}, words(findings)
    assert {one["check"] for one in findings} >= {"callback", "token", "call", "refresh", "clean-up"}
    assert [grant for grant in world.service.grants() if not grant.get("revoked_at")] == []


@pytest.mark.parametrize("lie", LOOKS)
def test_a_lie_before_the_sign_in_page_is_wrong_to_those_who_mind_it(world, lie):
    told = LOOKS[lie]()
    world.tell(told)
    code, said = world.look("--as", "all")
    assert set(said) == EVERYBODY
    assert minding(said, "wrong") == set(told.wrong), words(said)
    assert minding(said, "doubtful") - set(told.wrong) == set(told.doubtful), words(said)
    assert code == (1 if told.wrong else 0)


@pytest.mark.parametrize("lie", THROUGHS)
def test_a_lie_behind_the_sign_in_page_is_wrong_to_those_who_mind_it(world, lie):
    told = THROUGHS[lie]()
    world.tell(told)
    with ThreadPoolExecutor(4) as threads:
        ended = dict(zip(NAMES, threads.map(world.through, NAMES), strict=True))
    said = {name: findings for name, (_, findings) in ended.items()}
    assert minding(said, "wrong") == set(told.wrong), words(said)
    assert minding(said, "doubtful") - set(told.wrong) == set(told.doubtful), words(said)
    assert {name for name, (code, _) in ended.items() if code} == set(told.wrong)


def test_claude_registers_where_public_clients_are_not_offered(world):
    told = LOOKS["no `none`"]()
    world.tell(told)
    _, findings = world.look("--as", "claude-web")
    (registered,) = [one["says"] for one in findings if "with the method" in one["says"]]
    assert registered.endswith("client_secret_post")


def test_a_person_who_says_no_is_told_so(world):
    code, findings = world.through("claude-web", Person(answer="deny"))
    assert code == 1
    assert findings[-1]["check"] in ("callback", "clean-up")
    assert any("access_denied" in one["says"] for one in findings), words(findings)


@pytest.mark.parametrize(
    "pasted, verdict", [("", "unknown"), ("nothing\n", "wrong"), ("http://127.0.0.1:1/?code=a&state=b\n", "wrong")]
)
def test_what_is_pasted_and_is_no_answer_is_refused(world, pasted, verdict):
    process = world.start("--as", "rmcp", "--through", "--json")
    out, errors = process.communicate(pasted, timeout=60)
    (callback,) = [one for one in json.loads(out) if one["check"] == "callback"]
    assert callback["verdict"] == verdict and "code=" not in out
    assert process.returncode == (1 if verdict == "wrong" else 0), errors


def test_no_secret_is_said(world):
    process = world.start("--as", "python-sdk", "--through", "--json")
    for line in process.stderr:
        if line.startswith("  http"):
            address = Person().open(line.strip())
            break
    out, errors = process.communicate(address + "\n", timeout=60)
    code = address.partition("code=")[2].partition("&")[0]
    assert code and code not in out + errors
    for prefix in ("mat_", "mrt_", "mcs_"):
        assert prefix not in out + errors


@pytest.mark.parametrize(
    "arguments, code",
    [(("--as", "netscape"), 2), (("--through",), 2), (("--as", "all", "--through"), 2), (("--as", "list"), 0)],
)
def test_arguments_that_make_no_sense_are_refused(world, arguments, code):
    process = world.start(*arguments)
    process.communicate(timeout=60)
    assert process.returncode == code


def test_for_people_every_client_has_a_heading(world):
    process = world.start("--as", "all")
    out, _ = process.communicate(timeout=120)
    for client in json.loads(world.service.command("doctor", "--as", "list", "--json")):
        assert f"{client['client']} ({client['name']})" in out.splitlines()


def table(clients):
    """What is replayed, what runs for real, and where it is known from."""
    rows = ["| client | `--as` | what is replayed | runs for real | source |", "|---|---|---|---|---|"]
    for client in clients:
        real = FOR_REAL.get(client["name"])
        where = f"yes (`tests/clients/{real[0]}`)" if real else ""
        rows.append(
            f"| {client['client']} | `{client['name']}` | {client['habits']} | {where} | {client['source']} |"
        )
    return "\n".join(rows)


def short_table(clients):
    """Their names alone."""
    named = lambda real: ", ".join(one["client"] for one in clients if (one["name"] in FOR_REAL) == real)
    return f"| | clients |\n|---|---|\n| run for real, and replayed | {named(True)} |\n| replayed | {named(False)} |"


def test_the_tables_are_what_is_replayed_and_what_runs_for_real(shared):
    for file, naming in FOR_REAL.values():
        assert naming in (HERE / file).read_text(), f"{file} does not run {naming}"
    clients = json.loads(shared.service.command("doctor", "--as", "list", "--json"))
    assert {client["name"] for client in clients} == EVERYBODY
    begin, end = "<!-- profiles: begin -->", "<!-- profiles: end -->"
    for file, rows in zip(TABLES, [table(clients), short_table(clients)]):
        head, _, rest = file.read_text().partition(begin)
        current = f"{head}{begin}\n{rows}\n{end}{rest.partition(end)[2]}"
        if os.environ.get("MCP_OAUTHD_WRITE_TABLE"):
            file.write_text(current)
        assert file.read_text() == current, (
            f"run this test with MCP_OAUTHD_WRITE_TABLE=1 to write {file.relative_to(ROOT)} anew"
        )
