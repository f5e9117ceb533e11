"""The tests here use what the tests of real clients have."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "clients"))
