"""Fixtures of the tests of the proxies, which use what the tests of real clients have."""

import sys
from pathlib import Path

import pytest

sys.path[:0] = [str(Path(__file__).parent.parent / "clients"), str(Path(__file__).parent)]

from proxies import PROXIES
from support import Driver
from world import SecureWorld, Upstream, World, make_certificate

LAYOUTS = ["own host", "same host, path", "same host"]


@pytest.fixture(scope="session")
def upstream(tmp_path_factory):
    upstream = Upstream(tmp_path_factory.mktemp("upstream")).start()
    yield upstream
    upstream.stop()


def pytest_generate_tests(metafunc):
    """Every test runs behind every proxy; those that ask for `any_world` in every layout, too.

    But for those that say themselves behind which.
    """
    said = {mark.args[0] for mark in metafunc.definition.iter_markers("parametrize")}
    if "any_world" in metafunc.fixturenames:
        worlds = [(proxy, layout) for proxy in PROXIES for layout in LAYOUTS]
        ids = [f"{proxy}, {layout}" for proxy, layout in worlds]
        metafunc.parametrize("any_world", worlds, ids=ids, indirect=True, scope="session")
    if "secure_world" in metafunc.fixturenames and "secure_world" not in said:
        worlds = [(proxy, layout) for proxy in PROXIES for layout in LAYOUTS]
        ids = [f"{proxy}, {layout}" for proxy, layout in worlds]
        metafunc.parametrize("secure_world", worlds, ids=ids, indirect=True, scope="session")
    if "world" in metafunc.fixturenames:
        metafunc.parametrize("world", PROXIES, indirect=True, scope="session")


@pytest.fixture(scope="session")
def any_world(request, upstream, tmp_path_factory):
    proxy, layout = request.param
    world = World(tmp_path_factory.mktemp("world"), PROXIES[proxy], layout, upstream).start()
    yield world
    world.stop()


@pytest.fixture(scope="session")
def world(request, upstream, tmp_path_factory):
    """In the layout that has the most to tell apart."""
    world = World(tmp_path_factory.mktemp("world"), PROXIES[request.param], "same host, path", upstream).start()
    yield world
    world.stop()


@pytest.fixture(scope="session")
def certificate(tmp_path_factory):
    return make_certificate(tmp_path_factory.mktemp("certificate"))


@pytest.fixture(scope="session")
def secure_world(request, upstream, certificate, tmp_path_factory):
    proxy, layout = request.param
    folder = tmp_path_factory.mktemp("secure")
    world = SecureWorld(folder, PROXIES[proxy], layout, upstream, certificate).start()
    yield world
    world.stop()


@pytest.fixture(scope="session")
def secure_token(secure_world):
    return secure_world.token()


@pytest.fixture(scope="session")
def any_token(any_world):
    return any_world.token()


@pytest.fixture(scope="session")
def token(world):
    return world.token()


@pytest.fixture
def connect(tmp_path):
    """Starts clients, and ends them."""
    clients = []

    def connect(command, world, person, **environment):
        clients.append(Driver([*command, world.resource], tmp_path, person, **environment))
        return clients[-1]

    yield connect
    for client in clients:
        client.close()
