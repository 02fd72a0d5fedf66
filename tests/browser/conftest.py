"""A real, headless Chromium on a real exchange. Where there is none, the tests here are skipped, and say how to install what they need."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.web.rig import CONFIG, FAST, ServerProcess, Web, principals

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
EVIL = "<script>document.title='taken'</script><img src=x onerror=alert(1)>"
MARKETS = f"""
[[market]]
event = "SNOW"
title = "Does it snow in Oslo on 1 December?"
product = "at_most"
winners = 1
owner_venue = "V"
asset = "USD"
payout = "1.0000"
max_qty = 10_000
max_position = 1_000_000
fees = {{ model = "quadratic", taker_bps = 100 }}
phase = "open"
rules = "Pays 1.0000 if the station measures 1 mm or more."
source = "the weather service"
contract = [{{ symbol = "SNOW", outcome = "Snow" }}]
band = [{{ low = "0.0001", high = "0.9999", step = "0.0001" }}]

[[market]]
event = "RAIN"
title = "Does it rain in Lisbon on 1 December? {EVIL}"
product = "at_most"
winners = 1
owner_venue = "V"
asset = "USD"
payout = "1.0000"
max_qty = 10_000
max_position = 1_000_000
fees = {{ model = "quadratic", taker_bps = 100 }}
phase = "open"
rules = "Pays 1.0000 if the station measures 0.1 mm or more. {EVIL}"
source = "the weather service {EVIL}"
cut_off = "midnight in Lisbon"
void = {{ who = "the arbiter of V", trigger = "the station measures nothing" }}
contract = [{{ symbol = "RAIN", outcome = "Rain {EVIL}" }}]
band = [{{ low = "0.0001", high = "0.9999", step = "0.0001" }}]
"""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    try:
        import playwright  # noqa: F401
    except ModuleNotFoundError:
        reason = "playwright is not installed: .venv/bin/pip install playwright"
    else:
        if CHROMIUM:
            return
        reason = "there is no Chromium: apt-get install chromium"
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """The exchange behind the page; a test may kill it and start it again."""
    config = CONFIG.replace("binary_port = 0", 'binary_port = 0\nsending_time_tolerance = "120s"') + MARKETS
    with ServerProcess(Path(tmp_path_factory.mktemp("shop")), config) as server:
        yield server


@pytest.fixture(scope="module")
def site(shop: ServerProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    pages = tmp_path_factory.mktemp("pages") / "pages.toml"
    pages.write_text('[[page]]\nname = "Harbour"\npath = "/harbour"\nvenues = ["ELSEWHERE"]\n')
    with Web(shop.folder, shop.data, *FAST, "--pages", str(pages)) as running:
        yield running.up()


@pytest.fixture(scope="module")
def tokens(shop: ServerProcess) -> dict[str, str]:
    """Of the principals."""
    return principals(shop)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Of a module: while Playwright is open its event loop runs in this thread, and tests that are coroutines could not."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser: Any, site: Web) -> Iterator[Any]:
    """A page in a profile of its own. Whatever it logs as an error fails the test: a broken module, a refused policy."""
    context = browser.new_context(base_url=f"http://127.0.0.1:{site.port}", viewport={"width": 1440, "height": 900})
    context.set_default_timeout(30_000)
    opened = context.new_page()
    errors: list[str] = []
    opened.on("pageerror", lambda error: errors.append(str(error)))
    opened.on(
        "console",
        lambda message: errors.append(message.text) if message.type == "error" and "Failed to load resource" not in message.text else None,
    )
    opened.errors = errors
    yield opened
    context.close()
    assert [one for one in errors if "WebSocket" not in one] == []
