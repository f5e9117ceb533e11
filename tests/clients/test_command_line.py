"""mcp-remote and the command line of MCP Inspector, as npm installs them: each in its own process, with files of its
own, and with a person who follows the link that it prints. Both register themselves, and both are known by a document
that a web site publishes."""

import json
import os
import re
import subprocess
import threading
import time

import pytest
from document_host import DocumentHost
from support import NODE, TOOLS, USER, McpServer, Person, Service, free_port

MODULES = TOOLS / "npm" / "node_modules"
INSPECTOR = MODULES / "@modelcontextprotocol" / "inspector" / "clients" / "launcher" / "build" / "index.js"
REMOTE = MODULES / "mcp-remote" / "dist" / "proxy.js"
CLIENTS = ["mcp-remote", "MCP Inspector"]
WAYS = ["registers itself", "has a document"]
ACCESS_TOKEN_LIFETIME = 3


class Client:
    """One of them, which keeps its tokens in its folder from run to run."""

    def __init__(self, name, way, folder, server, host):
        self.name, self.folder, self.server, self.person = name, folder, server, Person()
        self.port = free_port()
        self.client_id = None
        if way == "has a document":
            self.client_id = host.publish("/client.json", client_name=name, redirect_uris=self.redirect_uris())

    def redirect_uris(self):
        """Without a port: they are on this computer, and any port is the same client."""
        host = {"mcp-remote": "localhost", "MCP Inspector": "127.0.0.1"}[self.name]
        return [f"http://{host}/oauth/callback"]

    def command(self):
        document = ["--client-metadata-url", self.client_id] if self.client_id else []
        if self.name == "mcp-remote":
            return [NODE, REMOTE, self.server.url, str(self.port), *document]
        callback = f"http://127.0.0.1:{self.port}/oauth/callback"
        call = ["--method", "tools/call", "--tool-name", "whoami", "--callback-url", callback]
        return [NODE, INSPECTOR, "--cli", self.server.url, "--transport", "http", *call, *document]

    def environment(self):
        opener = self.folder / "opener"
        opener.write_text("#!/bin/sh\n")
        opener.chmod(0o755)
        here = str(self.folder)
        return {
            **os.environ,
            "HOME": here,
            "MCP_REMOTE_CONFIG_DIR": f"{here}/mcp-remote",
            "MCP_INSPECTOR_SECRET_STORE": "file",
            "MCP_AUTO_OPEN_ENABLED": "true",
            "BROWSER": str(opener),
        }

    def call(self, seconds=60):
        """One run, up to the answer of the tool; None when it came to none, and what was printed."""
        process = subprocess.Popen(
            self.command(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=self.environment(),
            cwd=self.folder,
        )
        watchdog = threading.Timer(seconds, process.kill)
        watchdog.start()
        printed = []
        reader = threading.Thread(target=self._watch, args=(process.stderr, printed), daemon=True)
        reader.start()
        try:
            text = self._talk(process) if self.name == "mcp-remote" else process.stdout.read()
        finally:
            process.stdin.close()
            process.terminate()
            process.wait(20)
            watchdog.cancel()
            reader.join(5)
        found = re.search(r'"structuredContent":\s*(\{[^}]*\})', text)
        return json.loads(found.group(1)) if found else None, text + "".join(printed)

    def _watch(self, stream, printed):
        """Opens the link that is printed, as a person would."""
        for line in stream:
            printed.append(line)
            found = re.search(r"http://\S+/authorize\?\S+", line)
            if found:
                threading.Thread(target=self.person.connect, args=(found.group(),), daemon=True).start()

    @staticmethod
    def _talk(process):
        """Model Context Protocol over stdin and stdout, as a desktop app talks to mcp-remote."""
        about = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}
        for message in [
            {"id": 1, "method": "initialize", "params": about},
            {"method": "notifications/initialized"},
            {"id": 2, "method": "tools/call", "params": {"name": "whoami", "arguments": {}}},
        ]:
            process.stdin.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
            process.stdin.flush()
            if "id" not in message:
                continue
            for line in process.stdout:
                if json.loads(line).get("id") == message["id"]:
                    break
            else:
                return ""
        return line


@pytest.fixture
def world(tmp_path):
    host = DocumentHost(tmp_path)
    port = free_port()
    service = Service(
        tmp_path,
        f"http://127.0.0.1:{port}/mcp",
        access_token_lifetime=str(ACCESS_TOKEN_LIFETIME),
        client_documents="development",
        outgoing_ca_file=str(host.ca),
    ).start()
    server = McpServer(tmp_path, port, service.issuer).start()
    yield service, server, host
    server.stop()
    service.kill()
    host.stop()


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", CLIENTS)
def test_signs_in_once_and_goes_on_after_a_crash_and_without_its_document(world, tmp_path, name, way):
    service, server, host = world
    client = Client(name, way, tmp_path, server, host)
    said, printed = client.call()
    assert said, printed
    assert said["username"] == USER and client.person.asked == 1, printed
    (grant,) = service.grants()
    assert grant["client_id"] == said["client_id"]
    assert said["client_id"] == (client.client_id or said["client_id"]), printed
    assert (host.asked == ["/client.json"]) == (way == "has a document"), host.asked
    service.restart("kill -9")
    host.pages.clear()
    time.sleep(ACCESS_TOKEN_LIFETIME + 1.2)
    again, printed = client.call()
    assert again == said and client.person.asked == 1, printed


@pytest.mark.parametrize("name", CLIENTS)
def test_a_client_whose_registration_is_gone_registers_again(world, tmp_path, name):
    service, server, host = world
    client = Client(name, "registers itself", tmp_path, server, host)
    first, printed = client.call()
    assert first, printed
    service.command("client", "remove", first["client_id"])
    time.sleep(ACCESS_TOKEN_LIFETIME + 1.2)
    again, printed = client.call()
    if again is None:
        # Some tell their user, and come back with the next start.
        again, printed = client.call()
    assert again and again["client_id"] != first["client_id"], printed
