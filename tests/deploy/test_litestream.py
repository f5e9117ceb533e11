"""deploy/litestream with Litestream itself: it copies while clients refresh, disturbs nobody, and its replica comes
back through `restore`."""

import contextlib
import json
import random
import shutil
import signal
import sqlite3
import subprocess
import time

import pytest
from load import Client, Crowd
from support import BINARY, ROOT, Service, wait_for

FILES = ROOT / "deploy" / "litestream"
LITESTREAM = ROOT / "target" / "deploy" / "venv" / "bin" / "litestream"
RESOURCE = "http://127.0.0.1:1/mcp"


class Replication:
    """Litestream with the settings of deploy/, but for where the files are."""

    def __init__(self, folder):
        self.folder, self.database = folder, folder / "mcp_oauth.db"
        text = (FILES / "litestream.yml").read_text()
        for ours, theirs in [
            ("/var/lib/mcp-oauthd/mcp_oauth.db", self.database),
            ("/var/backups/mcp-oauthd", folder / "replica"),
        ]:
            assert text.count(f"path: {ours}\n") == 1
            text = text.replace(f"path: {ours}\n", f"path: {theirs}\n")
        self.settings = folder / "litestream.yml"
        self.settings.write_text(text)
        self.log = folder / "litestream.log"

    def __enter__(self):
        with self.log.open("ab") as log:
            command = [LITESTREAM, "replicate", "-config", self.settings]
            self.process = subprocess.Popen(command, stdout=log, stderr=log, umask=0o077)
        return self

    def __exit__(self, *_):
        self.end(signal.SIGTERM)

    def end(self, how):
        if self.process.poll() is None:
            self.process.send_signal(how)
            self.process.wait(60)

    def restored(self, name):
        """A new file with what the replica holds, or none yet."""
        path = self.folder / name
        command = [LITESTREAM, "restore", "-config", self.settings, "-o", path, self.database]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        return path if done.returncode == 0 else None


def ask(path, question):
    with contextlib.closing(sqlite3.connect(path)) as database:
        return database.execute(question).fetchone()[0]


def connected(service, number):
    client = Client(service, random.Random(number))
    client.register()
    client.authorize()
    return client


def restore(service, *arguments):
    return subprocess.run(
        [BINARY, "restore", *arguments], env=service.environment, cwd=service.folder, capture_output=True, text=True, timeout=60
    )


@pytest.fixture
def service(tmp_path):
    service = Service(tmp_path, RESOURCE)
    yield service
    if service.process and service.process.poll() is None:
        service.kill()


def test_it_copies_under_load_and_what_was_revoked_since_stays_revoked(tmp_path, service):
    service.start()
    quiet, leaving = connected(service, 1), connected(service, 2)
    with Replication(tmp_path) as replication:
        crowd = Crowd(service, 4, 1)
        crowd.running.set()
        count = 0

        def replicated():
            nonlocal count
            count += 1
            path = replication.restored(f"probe-{count}.db")
            return path and ask(path, "SELECT count(*) FROM oauth_refresh_tokens") > 100

        wait_for(replicated, "the replica", 60)
        assert not crowd.faults, crowd.faults
        with crowd.paused():
            # It is a second behind.
            wanted = ask(tmp_path / "mcp_oauth.db", "SELECT max(id) FROM oauth_refresh_tokens")
            copies = (replication.restored(f"copy-{number}.db") for number in range(100))
            copy = next(copy for copy in copies if copy and ask(copy, "SELECT max(id) FROM oauth_refresh_tokens") == wanted)
        assert ask(copy, "PRAGMA integrity_check") == "ok"
        # The disk fails before the last second has been copied.
        replication.end(signal.SIGKILL)
        refresh_token = leaving.tokens["refresh_token"]
        leaving.revoke()
        crowd.end()
        assert not crowd.faults, crowd.faults
        service.kill()
    said = restore(service, str(copy), "--json")
    assert said.returncode == 0, said.stderr
    restored = json.loads(said.stdout)
    assert restored["taken_at"] is None and restored["not_known_because"] is None
    assert restored["grants_ended_since"] >= 1
    service.start()
    for token in leaving.ended:
        assert service.introspect(token) == {"active": False}, "the revocation was not in the replica"
    leaving.tokens = {"refresh_token": refresh_token}
    with pytest.raises(AssertionError, match="invalid_grant"):
        leaving.refresh_for_sure()
    quiet.introspect()
    quiet.refresh_for_sure()
    assert quiet.person.asked == 1


def test_with_the_disk_gone_the_operator_decides(tmp_path, service):
    service.start()
    client = connected(service, 1)
    with Replication(tmp_path) as replication:
        copies = (replication.restored(f"copy-{number}.db") for number in range(100))
        copy = next(copy for copy in copies if copy and ask(copy, "SELECT count(*) FROM oauth_grants") == 1)
        service.stop()
        # It has the database open, service or not.
        said = restore(service, str(copy))
        assert (said.returncode, len(said.stderr.splitlines())) == (69, 1), said.stderr
    for path in tmp_path.glob("mcp_oauth.db*"):
        path.unlink()
    said = restore(service, str(copy))
    assert said.returncode == 1 and "--trust-backup" in said.stderr, said.stderr
    assert restore(service, str(copy), "--trust-backup").returncode == 0
    service.start()
    client.introspect()
    client.refresh_for_sure()


def test_it_may_start_before_the_service_and_its_files_are_private(tmp_path, service):
    with Replication(tmp_path) as replication:
        wait_for(lambda: "replicating to" in replication.log.read_text(), "Litestream")
        service.start()
        connected(service, 1)
        wait_for(lambda: replication.restored(f"copy-{time.monotonic_ns()}.db"), "a replica")
        assert {path.stat().st_mode & 0o077 for path in (tmp_path / "replica").rglob("*")} == {0}
        service.stop()


def test_the_log_does_not_grow_without_bound_while_it_reads(tmp_path, service):
    service.start()
    client = connected(service, 1)
    with Replication(tmp_path) as replication:
        wait_for(lambda: replication.restored(f"copy-{time.monotonic_ns()}.db"), "a replica")
        log = tmp_path / "mcp_oauth.db-wal"
        sizes = []
        # Each refresh writes some pages: many times what a checkpoint folds away.
        for _ in range(12):
            for _ in range(250):
                client.refresh_for_sure()
            sizes.append(log.stat().st_size)
        print(sizes)
        assert max(sizes) < 40_000_000 and sizes[-1] < 2 * max(sizes[:6]), sizes
        client.introspect()


def test_the_unit_is_verified(tmp_path):
    root = tmp_path / "root"
    (root / "usr/local/bin").mkdir(parents=True)
    shutil.copy(LITESTREAM, root / "usr/local/bin/litestream")
    shutil.copytree("/usr/lib/systemd/system", root / "usr/lib/systemd/system", symlinks=True)
    (root / "lib").symlink_to("usr/lib")
    units = root / "etc/systemd/system"
    units.mkdir(parents=True)

    def verified(text):
        (units / "litestream.service").write_text(text)
        command = ["systemd-analyze", "verify", f"--root={root}", "litestream.service"]
        return subprocess.run(command, capture_output=True, text=True, timeout=60)

    text = (FILES / "litestream.service").read_text()
    said = verified(text)
    assert (said.returncode, said.stdout + said.stderr) == (0, "")
    assert "ProtectSystems" in verified(text.replace("ProtectSystem=", "ProtectSystems=")).stderr
