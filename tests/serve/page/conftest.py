"""A server with two small bundles, and a browser that opens its page."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from running_server import RunningServer

from tinylm.bundle.reading import Bundle
from tinylm.bundle.writing import write_bundle

CHROMIUM = "/usr/bin/chromium"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
FLAGS += ["--disable-component-update", "--disable-sync"]
SCREENS = {"phone": (360, 740), "desktop": (1280, 800)}
TEMPLATE = "{% for message in messages %}{{ message.role }}: {{ message.content }}\n{% endfor %}assistant:"


@pytest.fixture(scope="session")
def bundles(make_bundle: Callable[..., Bundle], tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """`teller` continues text, and takes seconds for a long one; `helper` has a template of chats."""
    folder = tmp_path_factory.mktemp("served")
    teller = make_bundle(scheme="int8", byte_fallback=True, context_length=2048, n_layer=6, d_model=192, d_ff=512)
    helper = make_bundle(scheme="int8", byte_fallback=True, context_length=256)
    for bundle, name, template in ((teller, "teller", None), (helper, "helper", TEMPLATE)):
        contents = {file: (bundle.path / file).read_bytes() for file in bundle.manifest.files}
        write_bundle(folder / name, replace(bundle.manifest, name=name, chat_template=template, files={}), contents)
    return folder / "teller", folder / "helper"


@pytest.fixture(scope="session")
def server(bundles: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    log = tmp_path_factory.mktemp("server") / "log"
    with RunningServer(*bundles, log=log, options=["--budget", "pi-zero-2w"]) as found:
        yield found


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Its event loop runs in this thread until it is closed: no test of another module could have one."""
    if not shutil.which(CHROMIUM):
        pytest.skip("no Chromium: apt-get install chromium")
    api = pytest.importorskip("playwright.sync_api", reason='no Playwright: pip install "tinylm[clients]"')
    with api.sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield opened
        opened.close()


@pytest.fixture(params=SCREENS)
def open_page(request: pytest.FixtureRequest, browser: Any) -> Iterator[Callable[..., Any]]:
    """Open a page as a new visitor; what the browser complains about fails the test."""
    complaints: list[str] = []
    contexts = []

    def opened(url: str, *, ready: str = ".empty h2", script: str = "", **options: Any) -> Any:
        width, height = SCREENS[request.param]
        phone = request.param == "phone"
        size = {"viewport": {"width": width, "height": height}, "is_mobile": phone, "has_touch": phone}
        context = browser.new_context(**{"locale": "en-GB", **size, **options})
        contexts.append(context)
        context.set_default_timeout(20_000)
        page = context.new_page()
        page.add_init_script(script)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        page.goto(url)
        page.wait_for_selector(ready)
        return page

    opened.complaints = complaints  # type: ignore[attr-defined]
    yield opened
    for context in contexts:
        context.close()
    assert not [text for text in complaints if "Failed to load resource" not in text]
