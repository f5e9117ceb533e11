"""The units of deploy/systemd under systemd itself: its dynamic user, its credentials, its filters."""

import json

from support import wait_for
from systemd import UNITS, Machine, hammered

DATABASE = "/var/lib/mcp-oauthd/mcp_oauth.db"
PUBLIC, INTERNAL = "http://127.0.0.1:8080", "http://127.0.0.1:8081"
METADATA = f"{PUBLIC}/.well-known/oauth-authorization-server"


def active(machine):
    wait_for(lambda: machine.unit("ActiveState") == "active", "mcp-oauthd.service")


def command(machine, *arguments):
    """As the operator types it, as root."""
    return machine.ask("mcp-oauthd", "--config", "/etc/mcp-oauthd/mcp-oauthd.toml", *arguments)


def status(machine, url, *more):
    return machine.ask("curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", *more, url)


def test_the_hardened_service_serves_and_comes_back(tmp_path):
    # Fewer connections: how many files may be open, the machine that runs the tests decides too.
    with Machine(tmp_path, "Environment=MCP_OAUTH_LIMIT_CONNECTIONS=500") as machine:
        active(machine)
        assert machine.unit("StatusText") == "serving"
        # All of the sandbox is in force, and nothing that the service does meets it.
        assert '"WARN"' not in machine.log_of_service() and '"ERROR"' not in machine.log_of_service()
        pid = machine.unit("MainPID")
        process = dict(line.split(":\t", 1) for line in machine.ask("cat", f"/proc/{pid}/status").splitlines())
        assert (process["Seccomp"], process["NoNewPrivs"], process["CapBnd"]) == ("2", "1", "0" * 16)
        assert process["Uid"].split()[0] != "0"
        # The sockets of systemd are all the network it has.
        assert machine.ask("readlink", f"/proc/{pid}/ns/net") != machine.ask("readlink", "/proc/1/ns/net")
        assert (status(machine, f"{INTERNAL}/readyz"), status(machine, METADATA)) == ("200", "200")
        assert status(machine, f"{PUBLIC}/readyz") == "404", "health is internal"
        # The credentials have arrived: the gate knows the server, which may introspect; the owner is there.
        assert status(machine, f"{INTERNAL}/gate/mcp") == "401"
        secret = machine.ask("cat", "/etc/mcp-oauthd/introspection_secret")
        assert status(machine, f"{INTERNAL}/introspect", "-u", f"mcp:{secret}", "-d", "token=x") == "200"
        assert [user["name"] for user in json.loads(command(machine, "user", "list", "--json"))] == ["owner"]
        # The recipe that is printed here is for here.
        recipe = command(machine, "resource", "snippet", "mcp", "--proxy", "nginx")
        assert "server_name mcp.example.org;" in recipe, recipe
        assert "server 127.0.0.1:8081;" in recipe and "proxy_pass http://127.0.0.1:8080;" in recipe
        assert set(machine.ask("stat", "-c", "%a %U", "-L", DATABASE).split()) == {"600", "mcp-oauthd"}

        # Restarted at leisure and by force, it refuses nobody.
        inside_its_network = machine.inside[:3] + ["-n"]
        with hammered(METADATA, *inside_its_network) as more:
            for _ in range(2):
                more()
                machine.ask("systemctl", "restart", "mcp-oauthd.service")
            more()
        before = machine.unit("MainPID")
        machine.ask("systemctl", "kill", "--signal=KILL", "mcp-oauthd.service")
        wait_for(lambda: machine.unit("MainPID") not in ("0", before), "the service after kill -9")
        active(machine)
        assert status(machine, METADATA) == "200"

        # What root changes while it is stopped stays the service's own.
        machine.ask("systemctl", "stop", "mcp-oauthd.service")
        assert machine.unit("Result") == "success", machine.log_of_service()
        command(machine, "resource", "add", "https://other.example/mcp")
        machine.ask("systemctl", "start", "mcp-oauthd.service")
        active(machine)
        assert "https://other.example/mcp" in command(machine, "resource", "list")


def test_with_its_drop_in_the_service_can_ask_others(tmp_path):
    drop_in = (UNITS / "outgoing.conf").read_text().partition("[Service]")[2]
    with Machine(tmp_path, f"{drop_in}\nEnvironment=MCP_OAUTH_LIMIT_CONNECTIONS=500") as machine:
        active(machine)
        pid = machine.unit("MainPID")
        assert machine.ask("readlink", f"/proc/{pid}/ns/net") == machine.ask("readlink", "/proc/1/ns/net")
        assert machine.unit("IPAddressDeny") == "" and machine.unit("DynamicUser") == "yes"
        assert set(machine.unit("RestrictAddressFamilies").split()) == {"AF_UNIX", "AF_INET", "AF_INET6"}
        assert status(machine, METADATA) == "200"
        assert "MCP_OAUTH_CLIENT_DOCUMENTS=on" in machine.unit("Environment")


def test_a_hung_service_is_replaced(tmp_path):
    with Machine(tmp_path, "WatchdogSec=2\nRestartSec=0") as machine:
        active(machine)
        before = machine.unit("MainPID")
        machine.ask("kill", "-STOP", before)
        wait_for(lambda: machine.unit("MainPID") not in ("0", before), "the service after its watchdog")
        assert machine.unit("NRestarts") == "1", machine.log_of_service()
        assert "Watchdog timeout" in machine.log_of_service()


def test_a_wrong_setting_is_said_once(tmp_path):
    with Machine(tmp_path, "Environment=MCP_OAUTH_ISSUER=http://mcp.example.org\nRestartSec=0") as machine:
        wait_for(lambda: machine.unit("ActiveState") == "failed", "the failure")
        assert (machine.unit("ExecMainStatus"), machine.unit("NRestarts")) == ("78", "0")
        assert machine.log_of_service().count("error: MCP_OAUTH_ISSUER ") == 1
