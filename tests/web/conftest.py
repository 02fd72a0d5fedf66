"""One server and one web process for the tests that do not stop either."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from .rig import CONFIG, FAST, ServerProcess, Web, principals


@pytest.fixture(scope="session")
def exchange(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with ServerProcess(Path(tmp_path_factory.mktemp("exchange")), CONFIG) as server:
        yield server


@pytest.fixture(scope="session")
def web(exchange: ServerProcess) -> Iterator[Web]:
    with Web(exchange.folder, exchange.data, *FAST) as running:
        yield running.up()


@pytest.fixture(scope="session")
def tokens(exchange: ServerProcess) -> dict[str, str]:
    """Of the principals."""
    return principals(exchange)


@pytest.fixture(scope="session")
def anna(web: Web, tokens: dict[str, str]) -> Iterator[httpx.Client]:
    with web.operator("anna", tokens) as api:
        yield api


@pytest.fixture(scope="session")
def boris(web: Web, tokens: dict[str, str]) -> Iterator[httpx.Client]:
    with web.operator("boris", tokens) as api:
        yield api


@pytest.fixture(scope="session")
def willy(web: Web, tokens: dict[str, str]) -> Iterator[httpx.Client]:
    with web.operator("willy", tokens) as api:
        yield api


@pytest.fixture(scope="session")
def mm1(web: Web) -> Iterator[httpx.Client]:
    with web.logged_on(1) as api:
        yield api


@pytest.fixture(scope="session")
def mm2(web: Web) -> Iterator[httpx.Client]:
    with web.logged_on(2) as api:
        yield api
