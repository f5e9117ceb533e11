"""The files of deploy/ are what the binary prints, and say in three lines what to change."""

from examples import examples


def test_the_examples_are_what_is_printed():
    found = examples()
    assert found
    for path, text in found.items():
        assert path.is_file() and path.read_text() == text, f"{path}: run tests/proxies/examples.py"
        head = text.splitlines()[:4]
        mark = "--" if path.suffix == ".lua" else "#"
        assert [line.startswith(f"{mark} ") for line in head] == [True] * 3 + [False], head
        assert head[1].startswith(f"{mark} Change: "), head


def test_nothing_must_be_made_up():
    for path, text in examples().items():
        for word in ["TODO", "CHANGEME", "YOUR_", "<your", "xxx", "changeit"]:
            assert word.lower() not in text.lower(), (path, word)
