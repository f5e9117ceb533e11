"""deploy/container: the image's files are enough, and the composition leads a client to its tools."""

import importlib.metadata
import json
import re
import shutil
import signal
import stat
import subprocess
import sys
import tomllib

import httpx
import pytest
import yaml
from containers import CADDY, CADDYFILE_COMMENT, FOLDER, Compose, caddyfile, compose, network_of
from support import HERE as CLIENTS
from support import ROOT, Driver, Person

CHECKERS = ROOT / "target" / "deploy" / "venv" / "bin"
ORIGIN = "http://localhost"
URL = f"{ORIGIN}/mcp"


@pytest.fixture
def secrets(tmp_path):
    """As the operator makes them."""
    folder = tmp_path / "secrets"
    subprocess.run([ROOT / "deploy" / "secrets", folder], check=True, timeout=30)
    return folder


@pytest.fixture
def composed(tmp_path, secrets, monkeypatch):
    monkeypatch.setattr("support.USER", "owner")
    monkeypatch.setattr("support.PASSWORD", (secrets / "owner_password").read_text().removesuffix("\n"))
    with Compose(tmp_path, secrets) as composed:
        yield composed


def test_a_client_reaches_the_tools_and_survives_what_happens(composed, tmp_path):
    person = Person()
    client = Driver([sys.executable, str(CLIENTS / "fastmcp_client.py"), URL], tmp_path, person)
    call = {"tool": "write_page", "arguments": {"name": "home", "text": "hello"}}
    try:
        assert client.ask("call", **call)["result"] == {"result": "hello\n\nowner"}
        for how in [signal.SIGTERM, signal.SIGKILL]:
            composed.restart(how)
            assert client.ask("call", **call)["result"] == {"result": "hello\n\nowner"}
    finally:
        client.close()
    assert person.asked == 1, "a new container asks nobody to sign in again"
    # By the proxy's word, which is believed because it is in the network that the settings name.
    address = str(composed.addresses["outside"]["gateway"])
    said = [json.loads(line) for line in composed.log("mcp-oauthd").splitlines() if line.startswith("{")]
    spans = [line["span"] for line in said if line.get("span", {}).get("http.route") == "/token"]
    assert spans and {span["client.ip"] for span in spans} == {address}


def test_what_is_inside_stays_inside(composed):
    refusal = httpx.post(URL, json={})
    assert refusal.status_code == 401
    metadata = f"{ORIGIN}/.well-known/oauth-protected-resource/mcp"
    assert f'resource_metadata="{metadata}"' in refusal.headers["www-authenticate"]
    assert httpx.get(metadata).json()["authorization_servers"] == [ORIGIN]
    for path in ["/gate/wiki", "/introspect", "/readyz", "/metrics"]:
        assert httpx.post(f"{ORIGIN}{path}").status_code == 404, path
    # The MCP server can reach neither side of the service; only the proxy can.
    service = str(composed.addresses["gate"]["mcp-oauthd"])
    with network_of(composed.containers["caddy"]):
        assert httpx.get(f"http://{service}:8081/readyz").status_code == 200
    with network_of(composed.containers["wiki"]):
        for port in [8080, 8081]:
            with pytest.raises(httpx.ConnectError):
                httpx.get(f"http://{service}:{port}/")


def test_the_image_runs_as_nobody_in_a_root_that_it_cannot_write(composed):
    image = composed.image
    files = {path for path in image.root.rglob("*") if not path.is_dir()}
    names = {str(path.relative_to(image.root)) for path in files}
    libraries = {name for name in names if ".so" in name}
    assert names - libraries == {
        "usr/local/bin/mcp-oauthd",
        "etc/passwd",
        "etc/group",
        "etc/ssl/certs/ca-certificates.crt",
        "run/secrets/owner_password",  # where the secret is mounted
    }
    assert len(libraries) <= 6, libraries
    for path in image.root.rglob("*"):
        if path != image.root / "data":
            assert path.stat().st_uid == 0 and not path.stat().st_mode & 0o022, path
    assert stat.S_IMODE((image.root / "data").stat().st_mode) == 0o700

    first = composed.containers["mcp-oauthd"].first()
    status = dict(line.split(":\t", 1) for line in open(f"/proc/{first}/status").read().splitlines())
    assert status["Uid"].split() == [image.user] * 4 and status["Gid"].split() == [image.group] * 4
    assert int(status["CapEff"], 16) == 0

    healthy = composed.inside(*image.healthcheck)
    assert (healthy.returncode, healthy.stdout) == (0, "ready\n")
    binary = image.command[0]
    assert "owner" in composed.inside(binary, "user", "list").stdout
    elsewhere = composed.inside(binary, "--db", "/elsewhere.db", "resource", "add", "https://x.example/mcp")
    assert elsewhere.returncode == 69 and "/elsewhere.db" in elsewhere.stderr
    database = composed.folder / "volume" / "mcp_oauth.db"
    assert stat.S_IMODE(database.stat().st_mode) == 0o600 and str(database.stat().st_uid) == image.user

    composed.containers["mcp-oauthd"].stop(signal.SIGTERM)
    assert '"stopped"' in composed.log("mcp-oauthd"), "as process number 1 it hears signals"


def test_the_proxy_configuration_is_the_one_that_the_command_prints():
    assert (FOLDER / "Caddyfile").read_text() == caddyfile()
    assert CADDYFILE_COMMENT.count("\n") == 3


def checked(path):
    command = [CHECKERS / "check-jsonschema", "--builtin-schema", "vendor.compose-spec", path]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


def test_the_composition_follows_the_schema_and_is_hardened():
    done = checked(FOLDER / "compose.yaml")
    assert done.returncode == 0, done.stdout
    said = yaml.safe_load((FOLDER / "compose.yaml").read_text())
    for name, service in said["services"].items():
        assert service["read_only"] is True and service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert ("ports" in service) == (name == "caddy"), name
    assert said["networks"]["gate"]["internal"] and said["networks"]["wiki"]["internal"]
    # A stop is not a kill: longer than the service takes at most to finish what runs.
    assert said["services"]["mcp-oauthd"]["stop_grace_period"] == "45s"


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("read_only: true", "readonly: true"),
        ("cap_drop: [ALL]", "cap_drop: ALL"),
        ("condition: service_healthy", "condition: healthy"),
    ],
)
def test_the_schema_sees_a_mistake(tmp_path, right, wrong):
    text = (FOLDER / "compose.yaml").read_text()
    assert right in text
    broken = tmp_path / "compose.yaml"
    broken.write_text(text.replace(right, wrong, 1))
    assert checked(broken).returncode == 1


def test_the_dockerfiles_are_linted(tmp_path):
    for path in [FOLDER / "Dockerfile", FOLDER / "wiki" / "Dockerfile"]:
        done = subprocess.run([CHECKERS / "hadolint", path], capture_output=True, text=True, timeout=60)
        assert (done.returncode, done.stdout) == (0, ""), path
    broken = tmp_path / "Dockerfile"
    broken.write_text((FOLDER / "Dockerfile").read_text().replace("FROM scratch", "FROM debian"))
    assert subprocess.run([CHECKERS / "hadolint", broken], capture_output=True, timeout=60).returncode == 1


def test_the_build_needs_no_more_than_it_gets(tmp_path):
    """The build of the Dockerfile, as far as files go, with what its ignore file lets through."""
    lines = (FOLDER / "Dockerfile.dockerignore").read_text().splitlines()
    everything, *let_through = [line for line in lines if not line.startswith("#")]
    assert everything == "*"
    for line in let_through:
        source, target = ROOT / line.removeprefix("!"), tmp_path / line.removeprefix("!")
        target.parent.mkdir(parents=True, exist_ok=True)
        (shutil.copytree if source.is_dir() else shutil.copy)(source, target)
    # The library alone: the binary under test stays as it is.
    build = ["cargo", "build", "--locked", "--lib", "--target-dir", ROOT / "target"]
    done = subprocess.run(build, cwd=tmp_path, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stderr


def test_the_versions_are_those_that_the_tests_use():
    cargo = tomllib.loads((ROOT / "Cargo.toml").read_text())
    (rust,) = re.findall(r"^FROM rust:([0-9.]+)-slim-bookworm AS build$", (FOLDER / "Dockerfile").read_text(), re.MULTILINE)
    assert rust == cargo["package"]["rust-version"]
    fastmcp = "fastmcp==" + importlib.metadata.version("fastmcp")
    assert f"pip install --no-cache-dir {fastmcp}\n" in (FOLDER / "wiki" / "Dockerfile").read_text()
    caddy = subprocess.run([CADDY, "version"], capture_output=True, text=True, timeout=30).stdout
    image = compose({})["services"]["caddy"]["image"]
    assert caddy.startswith(f"v{image.removeprefix('caddy:')}."), image


def test_the_secrets_are_made_once(tmp_path, secrets):
    assert stat.S_IMODE(secrets.stat().st_mode) == 0o700
    made = {path.name: path.read_text() for path in secrets.iterdir()}
    assert set(made) == {"owner_password", "introspection_secret"} and len(set(made.values())) == 2
    subprocess.run([ROOT / "deploy" / "secrets", secrets], check=True, timeout=30)
    assert {path.name: path.read_text() for path in secrets.iterdir()} == made
