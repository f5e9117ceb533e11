"""The examples of deploy/: what `resource snippet` prints for one installation that is made up.

    target/clients/venv/bin/python tests/proxies/examples.py    writes them anew
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "clients"))

from proxies import PROXIES
from support import BINARY, ROOT

RESOURCE = "https://wiki.example.org/mcp"
#: By the name of the file: where the authorization server is.
ISSUERS = {
    "own-host": "https://auth.example.org",
    "same-host-with-path": "https://wiki.example.org/as",
    "same-host": "https://wiki.example.org",
}


def examples():
    """The path of each file, and its text."""
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        run = Installation(Path(folder))
        run("resource", "add", RESOURCE, "--id", "wiki", "--secret-stdin")
        for proxy in PROXIES.values():
            for layout, issuer in ISSUERS.items():
                text = run("resource", "snippet", "wiki", "--proxy", proxy.kind, "--scope", "mcp", "--issuer", issuer)
                for name, part in proxy.files(text, proxy.example.format(layout)).items():
                    path = ROOT / "deploy" / proxy.kind / name
                    assert found.setdefault(path, part) == part, path
    return found


class Installation:
    def __init__(self, folder):
        self.folder = folder

    def __call__(self, *arguments):
        environment = {name: value for name, value in os.environ.items() if not name.startswith("MCP_OAUTH_")}
        done = subprocess.run(
            [BINARY, *arguments],
            input="a-secret-that-nobody-uses\n",
            env=environment,
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


if __name__ == "__main__":
    for path, text in examples().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        print(path.relative_to(ROOT))
