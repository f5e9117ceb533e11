"""Every file of deploy/ begins by saying in three lines what it is and what to change."""

import pytest
from support import ROOT

#: What the scripts of deploy/ make there.
MADE = {"data", "secrets", ".env", "__pycache__"}
FOLDER = ROOT / "deploy"
FILES = sorted(
    str(path.relative_to(FOLDER))
    for path in FOLDER.rglob("*")
    if path.is_file() and (path == FOLDER / "secrets" or not MADE & set(path.relative_to(FOLDER).parts))
)


@pytest.mark.parametrize("name", FILES)
def test_a_file_says_what_to_change(name):
    lines = [line for line in (FOLDER / name).read_text().splitlines() if not line.startswith("#!")]
    comment = [line.lstrip("#-/ ") for line in lines[:3] if line.startswith(("#", "--", "//"))]
    assert len(comment) == 3 and any("Change:" in line for line in comment), comment
