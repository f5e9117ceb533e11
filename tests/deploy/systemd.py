"""What the tests of systemd's files share: who asks without a pause, and a machine that boots them."""

import contextlib
import shutil
import socket
import subprocess
import sys
import threading
from pathlib import Path

from support import BINARY, ROOT, wait_for

HERE = Path(__file__).parent
UNITS = ROOT / "deploy" / "systemd"
EXECUTABLE = "usr/local/bin/mcp-oauthd"


@contextlib.contextmanager
def hammered(url, *prefix):
    """Asks for `url` while the block runs; every answer must be there, without a second try.

    Yields what waits for more answers.
    """
    command = [*prefix, sys.executable, str(HERE / "hammer.py"), url]
    asking = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    answers = []
    reader = threading.Thread(target=lambda: answers.extend(line.strip() for line in asking.stdout))

    def more(count=50):
        enough = len(answers) + count
        wait_for(lambda: len(answers) >= enough, f"{count} more answers")

    reader.start()
    try:
        yield more
        asking.stdin.close()
        asking.wait(60)
    finally:
        asking.kill()
        asking.wait()
        reader.join()
    assert answers and not any(answers), [answer for answer in answers if answer]


class Listener:
    """Hears what a service says to its NOTIFY_SOCKET, until it is closed."""

    def __init__(self, folder):
        self.path = str(folder / "notify")
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)

    def hear(self, seconds=30):
        """The next message, or none in that time."""
        self.socket.settimeout(seconds)
        try:
            return self.socket.recv(4096).decode().split()
        except TimeoutError:
            return None

    def hear_until(self, word):
        """The messages up to the one with this word, which must come."""
        heard = []
        while not heard or word not in heard[-1]:
            message = self.hear()
            assert message is not None, f"no {word} after {heard}"
            heard.append(message)
        return heard

    def close(self):
        self.socket.close()


def handed(sockets, names, environment, *command, **options):
    """Starts a command with these sockets as systemd does: from descriptor 3 on, and named."""
    numbers = [listener.fileno() for listener in sockets]
    # By way of numbers that are out of the way: one may stand where another has to go.
    moves = [f"{100 + at}<&{number}" for at, number in enumerate(numbers)]
    moves += [f"{3 + at}<&{100 + at} {100 + at}<&-" for at in range(len(numbers))]
    script = f'export LISTEN_PID=$$ LISTEN_FDS={len(numbers)}; exec "$@" {" ".join(moves)}'
    named = {} if names is None else {"LISTEN_FDNAMES": names}
    return subprocess.Popen(
        ["bash", "-c", script, "bash", *command], env={**environment, **named}, pass_fds=numbers, **options
    )


class Machine:
    """systemd itself, as the first process of namespaces of its own, with the units of deploy/."""

    def __init__(self, folder, drop_in=""):
        self.folder, self.drop_in = folder, drop_in

    def __enter__(self):
        (self.folder / "bin").mkdir()
        shutil.copy(BINARY, self.folder / "bin" / "mcp-oauthd")
        (self.folder / "drop-in.conf").write_text(f"[Service]\n{self.drop_in}\n")
        namespaces = ["--pid", "--fork", "--kill-child=KILL", "--mount", "--net", "--ipc", "--uts", "--cgroup"]
        self.log = self.folder / "boot.log"
        with self.log.open("wb") as log:
            self.unshare = subprocess.Popen(
                ["unshare", *namespaces, "bash", HERE / "boot", self.folder], stdout=log, stderr=log
            )
        wait_for(lambda: self.unshare.poll() is not None or self.is_up(), "systemd")
        assert self.unshare.poll() is None, self.log.read_text()
        return self

    def __exit__(self, *_):
        self.unshare.kill()
        self.unshare.wait()

    def is_up(self):
        children = Path(f"/proc/{self.unshare.pid}/task/{self.unshare.pid}/children").read_text().split()
        self.inside = ["nsenter", "-t", children[0], "-a", "-r"] if children else []
        return bool(children) and (self.ask("systemctl", "is-system-running") not in ("", "offline"))

    def ask(self, *command):
        """What a command says on that machine, whatever it thinks of it."""
        done = subprocess.run([*self.inside, *command], capture_output=True, text=True, timeout=60, cwd="/")
        return (done.stdout or done.stderr).strip()

    def unit(self, name):
        """A property of the service."""
        return self.ask("systemctl", "show", "-P", name, "mcp-oauthd.service")

    def log_of_service(self):
        return self.ask("journalctl", "--no-pager", "-u", "mcp-oauthd.service")
