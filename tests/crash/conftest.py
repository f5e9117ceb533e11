"""The tests here use what the tests of real clients have, and how those of deploy/ hand sockets over."""

import sys
from pathlib import Path

for folder in ["clients", "deploy"]:
    sys.path.insert(0, str(Path(__file__).parent.parent / folder))
