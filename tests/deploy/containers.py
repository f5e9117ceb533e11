"""Runs what deploy/container describes without a container engine: the same files, users, networks,
names and read-only roots, made of the kernel's own namespaces.

    target/clients/venv/bin/python tests/deploy/containers.py    writes deploy/container/Caddyfile anew
"""

import contextlib
import ctypes
import ipaddress
import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "clients"))

import yaml
from support import BINARY, ROOT, answers, wait_for

FOLDER = ROOT / "deploy" / "container"
CADDY = ROOT / "target" / "proxies" / "venv" / "bin" / "caddy"
CLONE_NEWNET = 0x40000000


def final_stage(dockerfile):
    """The instructions of a Dockerfile's last stage, by name."""
    text = re.sub(r"\\\n\s*", "", dockerfile.read_text())
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    last = max(at for at, line in enumerate(lines) if line.startswith("FROM "))
    stage = {}
    for line in lines[last:]:
        name, rest = line.split(" ", 1)
        stage.setdefault(name, []).append(rest)
    return stage


class Image:
    """The service's image: its files, made by the script that the Dockerfile runs, and its settings."""

    def __init__(self, folder):
        self.root = folder / "image"
        subprocess.run([FOLDER / "root", BINARY, self.root], check=True, timeout=60)
        stage = final_stage(FOLDER / "Dockerfile")
        assert stage["FROM"] == ["scratch"], "the files of the image are these alone"
        (environment,) = stage["ENV"]
        self.environment = dict(word.split("=", 1) for word in shlex.split(environment))
        (user,) = stage["USER"]
        assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", user), "Kubernetes can tell a number that is not root"
        self.user, self.group = user.split(":")
        self.command = [*json.loads(stage["ENTRYPOINT"][0]), *json.loads(stage["CMD"][0])]
        self.healthcheck = json.loads(stage["HEALTHCHECK"][0].partition("CMD ")[2])
        self.volume = stage["VOLUME"][0]


def recipe(settings, upstream, names):
    """What `resource snippet` prints for a service of these settings, without its comment; what it calls
    one way is called another way here."""
    with tempfile.TemporaryDirectory() as folder:
        # A name, so that no address is bound, and names are replaced here.
        ours = {"MCP_OAUTH_DB": f"{folder}/mcp_oauth.db", "MCP_OAUTH_ISSUER": "https://wiki.example.org"}
        listens = {name: value for name, value in settings.items() if name.endswith("LISTEN")}
        name = settings["MCP_OAUTH_INTROSPECTION_ID"]

        def say(*arguments):
            command = [BINARY, "resource", *arguments]
            done = subprocess.run(
                command, env={**ours, **listens}, input="0123456789abcdef\n", capture_output=True, text=True, timeout=60
            )
            assert done.returncode == 0, done.stderr
            return done.stdout

        say("add", "https://wiki.example.org/mcp", "--id", name, "--secret-stdin")
        printed = say("snippet", name, "--proxy", "caddy", "--upstream", upstream, "--scope", "mcp")
    body = printed[re.search("^[^#]", printed, re.MULTILINE).start() :]
    for printed_name, name in names.items():
        assert printed_name in body, body
        body = body.replace(printed_name, name)
    return body


def caddyfile():
    """deploy/container/Caddyfile: the recipe with the names of the composition's networks."""
    names = {"wiki.example.org {": "{$ORIGIN} {", "127.0.0.1:8080": "mcp-oauthd:8080", "127.0.0.1:8081": "mcp-oauthd:8081"}
    settings = compose({})["services"]["mcp-oauthd"]["environment"]
    return CADDYFILE_COMMENT + recipe(settings, "wiki:8000", names)


CADDYFILE_COMMENT = """\
# Caddy in front of the MCP server `wiki`: it asks mcp-oauthd about every request. Printed by mcp-oauthd resource snippet,
# with the names that the containers have for each other in the place of addresses.
# Change: wiki:8000 if your MCP server is called otherwise. ORIGIN stands in compose.yaml.
"""


def compose(environment):
    """compose.yaml, with its variables filled in."""
    text = (FOLDER / "compose.yaml").read_text()
    filled = re.sub(r"\$\{(\w+):-([^}]*)\}", lambda found: environment.get(found[1], found[2]), text)
    return yaml.safe_load(filled)


@contextlib.contextmanager
def network_of(process):
    """This thread, and those that it starts meanwhile, are in the network of a process."""
    libc = ctypes.CDLL(None, use_errno=True)
    with open("/proc/self/ns/net") as ours, open(f"/proc/{process.pid}/ns/net") as theirs:

        def enter(namespace):
            if libc.setns(namespace.fileno(), CLONE_NEWNET) != 0:
                raise OSError(ctypes.get_errno(), "setns")

        enter(theirs)
        try:
            yield
        finally:
            enter(ours)


class Container:
    """A process with a process table and mounts of its own, and a network unless it shares another's.

    It starts with `run`.
    """

    def __init__(self, name, log, prepare, command, environment, shares=None):
        self.name, self.log = name, log
        network = ["--net"] if shares is None else []
        joined = [] if shares is None else ["nsenter", "-t", str(shares.pid), "-n"]
        # `exec`, so that the command is the first process there, as in a container.
        script = f"set -e; mount --make-rprivate /; read -r _; {prepare} exec {shlex.join(command)}"
        isolated = ["unshare", *network, "--mount", "--pid", "--fork", "--kill-child=KILL", "bash", "-c", script]
        with log.open("ab") as written:
            self.process = subprocess.Popen(
                [*joined, *isolated], stdin=subprocess.PIPE, stdout=written, stderr=written, env=environment, cwd="/"
            )
        self.pid = self.process.pid
        wait_for(self.first, f"the namespaces of {name}")

    def first(self):
        """The process that is number 1 inside."""
        return Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().strip()

    def run(self):
        self.process.stdin.write(b"\n")
        self.process.stdin.close()

    def ask(self, command, *inside, environment=None):
        """Runs a command inside; `inside` says how much of it."""
        entered = ["nsenter", "-t", self.first(), *inside, "--", *command]
        return subprocess.run(entered, env=environment, capture_output=True, text=True, timeout=60, cwd="/")

    def stop(self, how):
        os.kill(int(self.first()), how)
        self.process.wait(60)

    def kill(self):
        # The first process, with which all in there end: it has changed its user, and so does not
        # hear any more that its parent has ended.
        first = self.first() if self.process.poll() is None else ""
        if first:
            os.kill(int(first), signal.SIGKILL)
        self.process.kill()
        self.process.wait()


def service_container(image, folder, environment, mounts, shares=None):
    """The service in its image: a root that cannot be written, a volume, and what else is mounted."""
    root, volume = image.root, folder / "volume"
    if not volume.exists():
        # As a new volume gets it: with the owner and the mode of the folder in the image.
        shutil.copytree(image.root / "data", volume)
        shutil.chown(volume, int(image.user), int(image.group))
    prepare = f"mount --bind {root} {root}; "
    for target, source in mounts.items():
        place = Path(f"{root}{target}")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.mkdir(exist_ok=True) if source.is_dir() else place.touch()
        prepare += f"mount --bind -o ro {source} {place}; "
    prepare += f"mount -o remount,ro,bind {root}; mount --bind {volume} {root}{image.volume}; ip link set lo up;"
    command = ["chroot", f"--userspec={image.user}:{image.group}", str(root), *image.command]
    environment = {"PATH": os.environ["PATH"], **image.environment, **environment}
    return Container("mcp-oauthd", folder / "mcp-oauthd.log", prepare, command, environment, shares)


class Compose:
    """compose.yaml, up and running; the test is on the host, where the ports are published."""

    def __init__(self, folder, secrets, environment=None):
        self.folder, self.secrets = folder, secrets
        self.said = compose(environment or {})
        self.image = Image(folder)
        self.containers, self.addresses = {}, {}
        self.stack = contextlib.ExitStack()

    def __enter__(self):
        with self.stack:
            self.host = Container("host", self.folder / "host.log", "", ["sleep", "infinity"], {**os.environ})
            self.stack.callback(self.host.kill)
            self.host.run()
            self.stack.enter_context(network_of(self.host))
            ip("link set lo up")
            self.make_networks()
            for name in self.said["services"]:
                self.create(name)
            self.publish()
            for name in self.in_order():
                self.start(name)
            wait_for(lambda: answers(f"{self.origin()}/mcp"), "the composition")
            self.stack = self.stack.pop_all()
        return self

    def __exit__(self, *_):
        self.stack.close()

    def origin(self):
        return self.said["services"]["caddy"]["environment"]["ORIGIN"]

    def make_networks(self):
        for at, (name, network) in enumerate(self.said["networks"].items()):
            subnet = ((network or {}).get("ipam") or {"config": [{"subnet": f"172.30.{at}.0/24"}]})["config"][0]["subnet"]
            hosts = ipaddress.ip_network(subnet).hosts()
            gateway = next(hosts)
            self.addresses[name] = {"gateway": gateway, "free": hosts}
            ip(f"link add br-{name} type bridge")
            ip(f"addr add {gateway}/24 dev br-{name}")
            ip(f"link set br-{name} up")

    def create(self, name):
        service = self.said["services"][name]
        environment = service.get("environment", {})
        assert service["read_only"] and service["cap_drop"] == ["ALL"]
        log = self.folder / f"{name}.log"
        if name == "mcp-oauthd":
            container = service_container(self.image, self.folder, environment, self.mounted())
        else:
            hosts = self.folder / f"{name}.hosts"
            hosts.touch()
            prepare = f"mount --bind {hosts} /etc/hosts; ip link set lo up;"
            command = {
                "wiki": [sys.executable, str(FOLDER / "wiki" / "server.py")],
                "caddy": [str(CADDY), "run", "--adapter", "caddyfile", "--config", str(FOLDER / "Caddyfile")],
            }[name]
            home = {"HOME": str(self.folder), "XDG_DATA_HOME": str(self.folder), "XDG_CONFIG_HOME": str(self.folder)}
            container = Container(name, log, prepare, command, {"PATH": os.environ["PATH"], **home, **environment})
        self.containers[name] = container
        self.stack.callback(lambda: self.containers[name].kill())
        self.connect(name, container)

    def mounted(self):
        """The secrets, where an engine mounts them."""
        names = self.said["services"]["mcp-oauthd"]["secrets"]
        return {f"/run/secrets/{name}": self.secrets / name for name in names}

    def connect(self, name, container):
        for at, network in enumerate(self.said["services"][name]["networks"]):
            known = self.addresses[network]
            address = known.setdefault(name, None) or next(known["free"])
            known[name] = address
            outer = f"v{container.pid}-{at}"
            # From the address, as engines do: neighbours remember it beyond a restart.
            hardware = "02:42:" + ":".join(f"{byte:02x}" for byte in address.packed)
            ip(f"link add {outer} type veth peer name eth{at} address {hardware} netns {container.pid}")
            ip(f"link set {outer} master br-{network} up")
            for words in [f"addr add {address}/24 dev eth{at}", f"link set eth{at} up"]:
                done = container.ask(["ip", *words.split()], "-n")
                assert done.returncode == 0, done.stderr

    def publish(self):
        """Ports of the host lead to the container, and every container knows the names in its networks."""
        for name, service in self.said["services"].items():
            known = [
                f"{address} {other}\n"
                for network in service["networks"]
                for other, address in self.addresses[network].items()
                if other in self.said["services"]
            ]
            if (self.folder / f"{name}.hosts").exists():
                (self.folder / f"{name}.hosts").write_text("127.0.0.1 localhost\n" + "".join(known))
            for port in service.get("ports", []):
                outside, inside = map(int, port.split(":"))
                address = str(self.addresses[service["networks"][0]][name])
                listener = socket.create_server(("127.0.0.1", outside))
                self.stack.callback(listener.close)
                threading.Thread(target=forward, args=(listener, (address, inside)), daemon=True).start()

    def in_order(self):
        def key(name):
            return len(self.said["services"][name].get("depends_on", {}))

        return sorted(self.said["services"], key=key)

    def start(self, name):
        self.containers[name].run()
        if name == "mcp-oauthd":
            self.wait_until_healthy()

    def wait_until_healthy(self):
        wait_for(lambda: self.inside(*self.image.healthcheck).returncode == 0, "the health check")

    def inside(self, *command):
        """A command in the service's container, as its user and with its settings."""
        service = self.said["services"]["mcp-oauthd"]
        environment = {**self.image.environment, **service["environment"]}
        identity = ["-S", self.image.user, "-G", self.image.group]
        return self.containers["mcp-oauthd"].ask(command, "-a", "-r", *identity, environment=environment)

    def restart(self, how):
        """Ends the service by a signal, and starts a new container on the same volume."""
        self.containers["mcp-oauthd"].stop(how)
        service = self.said["services"]["mcp-oauthd"]
        new = service_container(self.image, self.folder, service["environment"], self.mounted())
        self.containers["mcp-oauthd"] = new
        self.connect("mcp-oauthd", new)
        self.start("mcp-oauthd")

    def log(self, name):
        return (self.folder / f"{name}.log").read_text()


def ip(words):
    subprocess.run(["ip", *words.split()], check=True, timeout=30)


def forward(listener, target):
    """As the engine's proxy: each connection is passed on."""

    def pump(source, sink):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)
        with contextlib.suppress(OSError):
            sink.shutdown(socket.SHUT_WR)

    while True:
        try:
            incoming, _ = listener.accept()
        except OSError:
            return
        try:
            outgoing = socket.create_connection(target, timeout=30)
        except OSError:
            incoming.close()
            continue
        for ends in [(incoming, outgoing), (outgoing, incoming)]:
            threading.Thread(target=pump, args=ends, daemon=True).start()


if __name__ == "__main__":
    (FOLDER / "Caddyfile").write_text(caddyfile())
