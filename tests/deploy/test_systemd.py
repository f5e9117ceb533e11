"""The units of deploy/systemd, and what the service does with what systemd hands over."""

import contextlib
import fcntl
import json
import os
import re
import shutil
import signal
import socket
import subprocess

import httpx
import pytest
from support import BINARY, free_port, wait_for
from systemd import EXECUTABLE, UNITS, Listener, Machine, hammered, handed

NAMES = ["mcp-oauthd.service", "mcp-oauthd.socket", "mcp-oauthd-internal.socket"]
# In systemd-analyze's tenths: 1.5.
THRESHOLD = "15"


@pytest.fixture
def machine_files(tmp_path):
    """A root with the units, the binary where the unit says, and the units that come with systemd."""
    root = tmp_path / "root"
    (root / EXECUTABLE).parent.mkdir(parents=True)
    shutil.copy(BINARY, root / EXECUTABLE)
    shutil.copytree("/usr/lib/systemd/system", root / "usr/lib/systemd/system", symlinks=True)
    (root / "lib").symlink_to("usr/lib")
    shutil.copytree(UNITS, root / "etc/systemd/system")
    return root


def verified(root):
    """What systemd-analyze has to say about the units; nothing is best."""
    return subprocess.run(
        ["systemd-analyze", "verify", f"--root={root}", *NAMES], capture_output=True, text=True, timeout=60
    )


def test_the_units_are_verified(machine_files):
    said = verified(machine_files)
    assert (said.returncode, said.stdout + said.stderr) == (0, "")


@pytest.mark.parametrize(
    ("unit", "right", "wrong"),
    [
        ("mcp-oauthd.service", "ProtectSystem=strict", "ProtectSystems=strict"),
        ("mcp-oauthd.service", "Type=notify", "Type=notfy"),
        ("mcp-oauthd.service", f"/{EXECUTABLE}", "/usr/local/bin/nothing"),
        ("mcp-oauthd.socket", "ListenStream=127.0.0.1:8080", "ListenStream=127.0.0.1:808080"),
    ],
)
def test_the_verification_sees_a_mistake(machine_files, unit, right, wrong):
    path = machine_files / "etc/systemd/system" / unit
    assert path.read_text().count(right) == 1
    path.write_text(path.read_text().replace(right, wrong))
    said = verified(machine_files)
    assert said.returncode != 0 or said.stderr != ""


def exposure(unit):
    """Whether systemd-analyze passes it, and the figure."""
    command = ["systemd-analyze", "security", "--no-pager", "--offline=true", f"--threshold={THRESHOLD}", unit]
    said = subprocess.run(command, capture_output=True, text=True, timeout=60)
    figure = re.search(r"Overall exposure level for .*: ([0-9.]+)", said.stdout)
    assert figure, said.stderr
    return said.returncode == 0, float(figure[1])


def test_the_service_is_hardened_to_at_most_1_5(tmp_path):
    passes, figure = exposure(UNITS / "mcp-oauthd.service")
    assert passes and figure <= 1.5, figure
    # And the check is one: without its sandbox the same unit does not pass.
    text = (UNITS / "mcp-oauthd.service").read_text()
    weaker = tmp_path / "mcp-oauthd.service"
    weaker.write_text(re.sub(r"^(SystemCall|Restrict|Protect|Private).*\n", "", text, flags=re.MULTILINE))
    passes, figure = exposure(weaker)
    assert not passes and figure > 1.5, figure


def test_the_drop_in_for_outgoing_requests_opens_the_network_and_nothing_else(machine_files, tmp_path):
    folder = machine_files / "etc/systemd/system/mcp-oauthd.service.d"
    folder.mkdir()
    drop_in = (UNITS / "outgoing.conf").read_text()
    (folder / "outgoing.conf").write_text(drop_in)
    said = verified(machine_files)
    assert (said.returncode, said.stdout + said.stderr) == (0, "")
    (folder / "outgoing.conf").write_text(drop_in.replace("PrivateNetwork=", "PrivateNetworks="))
    assert "PrivateNetworks" in verified(machine_files).stderr
    # What comes later counts: as one unit, it is measured as both.
    both = tmp_path / "mcp-oauthd.service"
    unit, install = (UNITS / "mcp-oauthd.service").read_text().split("[Install]")
    both.write_text(f"{unit}{drop_in}[Install]{install}")
    closed, opened = exposure(UNITS / "mcp-oauthd.service")[1], exposure(both)[1]
    assert closed < opened <= closed + 1, (closed, opened)


def settings(folder, **more):
    """An environment for a service whose own addresses are never to be used."""
    ours = {
        "DB": str(folder / "mcp_oauth.db"),
        "ISSUER": "http://127.0.0.1:8080",
        "LISTEN": "192.0.2.1:1",
        "INTERNAL_LISTEN": "192.0.2.1:2",
        "RESOURCE": "https://wiki.example/mcp",
        **more,
    }
    outside = {name: value for name, value in os.environ.items() if not name.startswith(("MCP_OAUTH_", "LISTEN_"))}
    return {**outside, **{f"MCP_OAUTH_{name}": value for name, value in ours.items()}}


@pytest.fixture
def notified(tmp_path):
    listener = Listener(tmp_path)
    yield listener
    listener.close()


@pytest.fixture
def ended():
    """Processes that must not outlive the test."""
    processes = []
    yield processes
    for process in processes:
        process.kill()
        process.wait()


def activated(environment, ports, names, *more):
    """The service behind systemd-socket-activate, which starts it at the first connection."""
    listens = [part for port in ports for part in ("-l", f"127.0.0.1:{port}")]
    passed = [part for name in [*environment, "WATCHDOG_USEC"] for part in ("-E", name)]
    command = ["systemd-socket-activate", *listens, *passed, *more, f"--fdname={names}", BINARY, "serve"]
    process = subprocess.Popen(
        command, env={"WATCHDOG_USEC": "900000", **environment}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )

    def listening():
        with contextlib.closing(socket.socket()) as probe:
            # Not by connecting, which would start the service: the address is taken.
            try:
                probe.bind(("127.0.0.1", ports[-1]))
            except OSError:
                return True
            return False

    wait_for(listening, "systemd-socket-activate")
    return process


def test_a_socket_activated_service_says_how_it_is(tmp_path, notified, ended):
    public, internal = free_port(), free_port()
    environment = settings(tmp_path, ISSUER=f"http://127.0.0.1:{public}") | {"NOTIFY_SOCKET": notified.path}
    process = activated(environment, [public, internal], "public:internal")
    ended.append(process)
    metadata = f"http://127.0.0.1:{public}/.well-known/oauth-authorization-server"
    assert notified.hear(1) is None, "nothing runs before the first connection"
    assert httpx.get(metadata, timeout=30).status_code == 200
    assert "READY=1" in notified.hear_until("READY=1")[-1]
    # Each side has its own socket.
    assert httpx.get(f"http://127.0.0.1:{internal}/readyz").text == "ready\n"
    assert httpx.get(f"http://127.0.0.1:{public}/readyz").status_code == 404
    assert httpx.get(f"http://127.0.0.1:{internal}/.well-known/oauth-authorization-server").status_code == 404
    for _ in range(3):
        assert notified.hear_until("WATCHDOG=1")

    # A request that runs when it is told to stop is finished, and the supervisor knows why it takes time.
    with socket.create_connection(("127.0.0.1", public)) as running:
        body = json.dumps({"redirect_uris": ["http://127.0.0.1:1/cb"], "token_endpoint_auth_method": "none"})
        head = f"POST /register HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        running.sendall(head.encode() + body[:10].encode())
        wait_for(lambda: httpx.get(metadata).status_code == 200, "the service")
        process.send_signal(signal.SIGTERM)
        notified.hear_until("STOPPING=1")
        assert process.poll() is None
        running.sendall(body[10:].encode())
        assert running.makefile().readline().startswith("HTTP/1.1 201 ")
    _, log = process.communicate(timeout=40)
    assert process.returncode == 0, log


def test_the_watchdog_hears_nothing_when_the_database_does_not_answer(tmp_path, notified, ended):
    public = free_port()
    environment = settings(tmp_path, ISSUER=f"http://127.0.0.1:{public}") | {"NOTIFY_SOCKET": notified.path}
    environment.pop("MCP_OAUTH_INTERNAL_LISTEN")
    process = activated(environment, [public], "public")
    ended.append(process)
    url = f"http://127.0.0.1:{public}/livez"
    assert httpx.get(url, timeout=30).status_code == 200
    notified.hear_until("WATCHDOG=1")
    # SQLite's own locks (its WAL format, section 2.3): whoever has all of them lets nobody read.
    with (tmp_path / "mcp_oauth.db-shm").open("r+b") as shared_memory:
        fcntl.lockf(shared_memory, fcntl.LOCK_EX, 8, 120)
        while notified.hear(2) is not None:
            pass
        assert httpx.get(url).status_code == 200, "it runs, but it is not well"
    notified.hear_until("WATCHDOG=1")


def test_no_connection_is_refused_while_the_service_is_restarted(tmp_path, ended):
    with socket.create_server(("127.0.0.1", 0), backlog=256) as listener:
        issuer = f"http://127.0.0.1:{listener.getsockname()[1]}"
        environment = settings(tmp_path, ISSUER=issuer)
        environment.pop("MCP_OAUTH_INTERNAL_LISTEN")

        def start():
            process = handed([listener], None, environment, BINARY, "serve", stdout=subprocess.DEVNULL)
            ended.append(process)
            return process

        process = start()
        with hammered(f"{issuer}/.well-known/oauth-authorization-server") as more:
            for how in [signal.SIGTERM, signal.SIGINT] * 5:
                more()
                process.send_signal(how)
                assert process.wait(40) == 0
                process = start()
            more()


def tcp_listener():
    return socket.create_server(("127.0.0.1", 0))


def udp_socket():
    return socket.socket(socket.AF_INET, socket.SOCK_DGRAM)


def unix_listener():
    listener = socket.socket(socket.AF_UNIX)
    listener.bind("")
    listener.listen()
    return listener


def idle_socket():
    """Bound, and nobody has said listen: as good as a connection that `Accept=yes` would hand over."""
    idle = socket.socket()
    idle.bind(("127.0.0.1", 0))
    return idle


@pytest.mark.parametrize(
    ("names", "kinds", "said"),
    [
        ("mcp-oauthd.socket", [tcp_listener], "'mcp-oauthd.socket'"),
        ("public:metrics", [tcp_listener, tcp_listener], "'metrics'"),
        ("public", [tcp_listener, tcp_listener], "''"),
        (None, [tcp_listener, tcp_listener], "''"),
        ("public:public", [tcp_listener, tcp_listener], "two sockets called public"),
        ("public:internal:internal", [tcp_listener, tcp_listener, tcp_listener], "two sockets called internal"),
        ("public", [udp_socket], "does not listen for TCP"),
        ("public", [unix_listener], "does not listen for TCP"),
        ("public:internal", [tcp_listener, idle_socket], "'internal' does not listen for TCP"),
    ],
)
def test_sockets_that_nobody_knows_are_a_wrong_configuration(tmp_path, names, kinds, said):
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(kind()) for kind in kinds]
        process = handed(sockets, names, settings(tmp_path), BINARY, "serve", stderr=subprocess.PIPE, text=True)
        _, log = process.communicate(timeout=30)
    assert (process.returncode, log.count("\n")) == (78, 1), log
    assert log.startswith("error: socket activation: ") and said in log
    assert not (tmp_path / "mcp_oauth.db").exists()


def test_what_is_not_handed_over_is_opened_as_the_settings_say(tmp_path, ended):
    port = free_port()
    with tcp_listener() as listener:
        environment = settings(tmp_path, LISTEN=f"127.0.0.1:{port}")
        ended.append(handed([listener], "internal", environment, BINARY, "serve", stdout=subprocess.DEVNULL))
        internal = f"http://127.0.0.1:{listener.getsockname()[1]}"
        assert httpx.get(f"{internal}/readyz", timeout=30).status_code == 200
    assert httpx.get(f"http://127.0.0.1:{port}/.well-known/oauth-authorization-server").status_code == 200


def test_sockets_for_another_process_are_left_alone(tmp_path, ended):
    port = free_port()
    environment = settings(tmp_path, LISTEN=f"127.0.0.1:{port}") | {"LISTEN_FDS": "2", "LISTEN_PID": "1"}
    environment.pop("MCP_OAUTH_INTERNAL_LISTEN")
    process = subprocess.Popen([BINARY, "serve"], env=environment, stdout=subprocess.DEVNULL)
    ended.append(process)
    wait_for(lambda: process.poll() is not None or _answers(port), "the service")
    assert process.poll() is None


def _answers(port):
    with contextlib.suppress(httpx.HTTPError):
        return httpx.get(f"http://127.0.0.1:{port}/readyz").status_code == 200
    return False
