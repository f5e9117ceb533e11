"""What only nginx's and Caddy's recipes have to show."""

import re
import subprocess

import pytest
from examples import Installation
from proxies import PROXIES, WHEELS, Nginx, program
from support import BINARY
from test_smuggling import spellings
from world import World

FOREIGN = """\
server {
    listen 127.0.0.1:PORT default_server;
    server_name other.example;
    underscores_in_headers on;
    return 404;
}
"""


class BehindAnother(Nginx):
    """Not alone at its address, where another server decides about headers before `Host`."""

    def command(self):
        self.recipe = FOREIGN.replace("PORT", str(self.ports[0])) + self.recipe
        return super().command()


def test_whatever_else_nginx_serves_nobody_says_who_he_is(upstream, tmp_path):
    world = World(tmp_path, BehindAnother, "same host, path", upstream).start()
    try:
        token, before = world.token(), len(upstream.seen())
        connection = world.connection()
        connection.putrequest("GET", "/mcp/raw/headers", skip_host=True)
        forged = [*spellings(), "Mcp_Name", "mcp_method", "MCP_Protocol_Version", "MCP-Protocol_Version"]
        for name in forged:
            connection.putheader(name, "eve")
        connection.putheader("Some_Header", "passes")
        connection.putheader("Host", f"127.0.0.1:{world.port}")
        connection.putheader("Authorization", f"Bearer {token}")
        connection.endheaders()
        assert connection.getresponse().status == 200
        (request,) = upstream.seen()[before:]
        assert not [pair for pair in request["headers"] if pair[1] == "eve"], request
        assert ["some_header", "passes"] in request["headers"], "the other server decides"
        assert ["x-auth-username", "ada"] in request["headers"]
    finally:
        world.stop()


class Encoded(World):
    """Whose names mean something in an address."""

    def __init__(self, folder, proxy, upstream):
        super().__init__(folder, proxy, "same host, path", upstream)
        self.service.environment |= {"MCP_OAUTH_INTROSPECTION_ID": "wiki/1", "MCP_OAUTH_SCOPES": "mcp a+b"}

    def recipe(self, kind):
        upstream = f"127.0.0.1:{self.upstream.port}"
        return self.service.command(
            "resource", "snippet", self.resource, "--proxy", kind, "--upstream", upstream, "--scope", "a+b mcp"
        )


@pytest.mark.parametrize("name", [name for name, proxy in PROXIES.items() if proxy.kind != "caddy"])
def test_the_address_of_the_gate_arrives_as_it_was_printed(upstream, tmp_path, name):
    world = Encoded(tmp_path, PROXIES[name], upstream).start()
    try:
        answer = world.ask("GET", "/mcp")
        assert answer.status == 401 and answer.challenge()["scope"] == "a+b mcp", answer.headers
        assert dict(world.passes(world.token("a+b mcp")))["x-auth-username"] == "ada"
    finally:
        world.stop()


def test_caddy_gets_no_address_that_it_would_change(upstream, tmp_path):
    world = Encoded(tmp_path, PROXIES["Caddy"], upstream)
    world.service.start()
    try:
        arguments = ["resource", "snippet", world.resource, "--proxy", "caddy", "--scope"]
        for scope in ["mcp", "a+b mcp"]:
            done = subprocess.run(
                [BINARY, *arguments, scope], env=world.service.environment, capture_output=True, text=True, timeout=60
            )
            assert done.returncode != 0 and done.stdout == "", done
            assert "Caddy cannot ask at an address with encoded characters, /gate/wiki%2F1/" in done.stderr
    finally:
        world.service.kill()


def printed(folder, kind, host, resources, issuer):
    run = Installation(folder)
    for name in resources:
        run("resource", "add", f"https://{host.format(name)}/{name}", "--id", name, "--secret-stdin")
    arguments = ["--proxy", kind, "--issuer", issuer, "--upstream"]
    return [
        run("resource", "snippet", name, *arguments, f"127.0.0.1:{8000 + at}") for at, name in enumerate(resources)
    ]


def cut(text, begin, end):
    """The lines from one to before another, and the text without them."""
    assert begin in text, (begin, text)
    before, rest = text.split(begin, 1)
    assert end in rest, (end, rest)
    middle, after = rest.split(end, 1)
    return begin + middle, before + end + after


AUTHORIZATION_SERVER = "\n# The authorization server. In front of several MCP servers this is there once."


def is_accepted(kind, folder, certificate, text):
    """Without a warning, by the program itself."""
    if kind == "nginx":
        for suffix, name in [("crt", "fullchain"), ("key", "privkey")]:
            path = certificate.with_suffix(f".{suffix}")
            text = re.sub(rf"/etc/letsencrypt/live/[a-z.]+/{name}\.pem", str(path), text)
        (folder / "nginx.conf").write_text(f"pid {folder}/nginx.pid;\nevents {{}}\nhttp {{\n{text}}}\n")
        commands = [[program("nginx"), "-t", "-p", folder, "-e", folder / "error.log", "-c", folder / "nginx.conf"]]
    else:
        (folder / "Caddyfile").write_text(text)
        adapt = ["adapt", "--adapter", "caddyfile", "--config", folder / "Caddyfile"]
        commands = [["/usr/bin/caddy", *adapt], [WHEELS / "caddy", *adapt]]
    for command in commands:
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        said = [line for line in done.stderr.splitlines() if "not formatted" not in line]
        assert done.returncode == 0 and not [line for line in said if "warn" in line.lower()], (text, said)


@pytest.mark.parametrize("kind", ["nginx", "caddy"])
def test_a_second_mcp_server_has_its_own_name(tmp_path, certificate, kind):
    first, second = printed(tmp_path, kind, "{}.example.org", ["wiki", "notes"], "https://auth.example.org")
    second, mark, _ = second.partition(AUTHORIZATION_SERVER)
    assert mark
    is_accepted(kind, tmp_path, certificate, first + second)


@pytest.mark.parametrize("kind", ["nginx", "caddy"])
def test_a_second_mcp_server_has_the_same_name(tmp_path, certificate, kind):
    """As the comment in the recipe says."""
    first, second = printed(tmp_path, kind, "mcp.example.org", ["wiki", "notes"], "https://mcp.example.org/as")
    if kind == "nginx":
        mark = "# Another MCP server under this name: its upstream and its maps go above, its four locations into this block.\n"
        above, mark, _ = second.partition(mark)
        assert mark
        locations, _ = cut(second, "    # The MCP server. Nothing else in this file leads there.\n", "    location / {")
        whole = above + first.replace("    location / {", locations + "    location / {", 1)
    else:
        assert "Another MCP server under this name: its matcher @mcp\n" in first
        block, _ = cut(second, "\t\t@mcp path_regexp", "\t\thandle {\n\t\t\trespond 404")
        block = block.replace("@mcp", "@notes")
        whole = first.replace("\t\thandle {\n\t\t\trespond 404", block + "\t\thandle {\n\t\t\trespond 404", 1)
    is_accepted(kind, tmp_path, certificate, whole)
