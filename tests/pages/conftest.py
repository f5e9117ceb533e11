"""What the tests of the pages share: a browser, the service, and windows that watch what must not happen."""

import random
import sys
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

sys.path.insert(0, str(Path(__file__).parent.parent / "clients"))
sys.path.insert(0, str(Path(__file__).parent.parent / "crash"))

from support import Service
from windows import FLAGS, SCREENSHOTS, App, Window


@pytest.fixture(scope="session")
def chromium():
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def service(tmp_path):
    service = Service(tmp_path, "https://wiki.example.org/mcp").start()
    yield service
    service.kill()


@pytest.fixture
def app(service):
    app = App(service, random.Random(1))
    yield app
    app.server.shutdown()


@pytest.fixture
def window(chromium, service):
    windows = []

    def open_window(**options):
        windows.append(Window(chromium, service, **options))
        return windows[-1]

    yield open_window
    for opened in windows:
        assert not opened.wrong, opened.wrong
        opened.context.close()
