"""What `doctor` says of the recipes, and of a recipe that somebody has changed."""

import json
import subprocess

from support import BINARY


def findings(world):
    """By what was looked at; and how the command ended."""
    command = [BINARY, "doctor", world.resource, "--json"]
    done = subprocess.run(command, env=world.service.environment, capture_output=True, text=True, timeout=120)
    found = {}
    for finding in json.loads(done.stdout):
        found.setdefault(finding["check"], []).append(finding)
    return found, done.returncode


def test_every_recipe_is_in_order(any_world):
    found, code = findings(any_world)
    odd = [finding for all_of_it in found.values() for finding in all_of_it if finding["verdict"] != "fine"]
    # Whether streams are held back is not to be seen without a token.
    assert [finding["check"] for finding in odd] == ["buffering"], odd
    assert odd[0]["verdict"] == "unknown" and odd[0]["mend"]
    assert code == 0
    expected = {"settings", "names", "port", "reach", "metadata", "variants", "resource", "challenge", "token header"}
    expected |= {"preflight", "endpoints", "user agents", "buffering", "clock", "ready", "introspection"}
    assert set(found) == expected | {"database", "registered", "network"}
