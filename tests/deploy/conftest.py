"""The tests here use what the tests of real clients have, and the load of those of crashes."""

import sys
from pathlib import Path

for folder in ["clients", "crash"]:
    sys.path.insert(0, str(Path(__file__).parent.parent / folder))
