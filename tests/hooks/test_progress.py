import asyncio
import json

import pytest

from exchange_server.hooks.endpoints import EndpointError
from exchange_server.hooks.progress import Book, read
from tests.hooks.test_endpoints import endpoint


async def test_progress_is_kept_and_an_endpoint_of_the_same_name_begins_anew(tmp_path):
    (tmp_path / "webhooks").mkdir()
    book = Book(tmp_path, "abc")
    mine = book.of(endpoint(start=7))
    mine.position, mine.done, mine.failing = 9, [11], {9: 5}
    ended = asyncio.Event()
    task = asyncio.create_task(book.run(ended))
    ended.set()
    await task
    assert read(tmp_path).endpoints["shop"] == mine and read(tmp_path).exchange == "abc"
    again = Book(tmp_path, "abc")
    assert again.of(endpoint(start=7)) == mine
    assert again.of(endpoint(start=30, added_ns=6)).position == 30
    again.keep(set())
    assert not again.content.endpoints
    assert (tmp_path / "webhooks" / "progress.json").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("damage", ["", "{", json.dumps({"format": 1, "endpoints": {"a": {}}})])
def test_a_damaged_file_is_named(tmp_path, damage: str):
    (tmp_path / "webhooks").mkdir()
    (tmp_path / "webhooks" / "progress.json").write_text(damage)
    with pytest.raises(EndpointError, match=r"progress\.json is damaged"):
        read(tmp_path)
