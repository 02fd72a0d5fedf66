"""The rows `web` and `webhooks` at a tiny size: every order answered, every subscriber with the book of the exchange. No times are checked."""

from __future__ import annotations

import json
import zlib

import pytest

from perf import web_rows, webhook_rows
from perf.peers import RunFailed
from perf.web_crowd import masked, rebuild, texts
from perf.web_load import right

from .test_wire_rows import real_disk

__all__ = ["real_disk"]
TINY = 0.002


@pytest.mark.usefixtures("real_disk")
def test_orders_over_http(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web_rows, "CONNECTIONS", 4)
    (trip,) = web_rows.trip(TINY)
    assert trip.more["http"]["p50"] > 0 < trip.more["binary"]["p50"]
    (rate,) = web_rows.rate(TINY)
    assert rate.figure > 0 and rate.more["answered"] == 200


@pytest.mark.usefixtures("real_disk")
def test_subscribers_of_a_busy_exchange() -> None:
    frames, http, server = web_rows.crowd(TINY)
    assert frames.more["frames"] >= frames.more["least"] * 20 > 0 and server.figure > 0 < http.figure
    assert frames.more["busy"]["answered"] == 2_000 * web_rows.BOOKS


def test_what_is_wrong_is_found() -> None:
    right(7, (201, b'{"client_order_id":"7","status":"new"}'))
    for answer in ((200, b'{"client_order_id":"7","status":"new"}'), (201, b'{"client_order_id":"8","status":"new"}')):
        with pytest.raises(RunFailed):
            right(7, answer)
    first = {"type": "book_snapshot", "contract": "B", "sequence": 4, "bids": [["0.40", "1"]], "asks": [], "checksum": 0}
    with pytest.raises(RunFailed, match="checksum of 4"):
        rebuild([first | {"checksum": 1}])
    with pytest.raises(RunFailed, match="between 4 and 6 are missing"):
        rebuild([first | {"checksum": zlib_of("0.40:1")}, first | {"type": "book_update", "sequence": 7, "previous": 6}])
    text = json.dumps(first).encode()
    assert texts(b"\x81\x7e" + len(text).to_bytes(2, "big") + text + b"\x89\x00" + b"\x81\x05{") == [first]
    assert masked(b"x" * 200)[:4] == b"\x81\xfe\x00\xc8"


def zlib_of(text: str) -> int:
    return zlib.crc32(text.encode())


@pytest.mark.usefixtures("real_disk")
def test_webhooks_to_a_local_receiver() -> None:
    (result,) = webhook_rows.rows(TINY)
    assert result.figure > 0 and (result.more["messages"], result.more["keys"]) == (400, 8) and result.more["checked"] >= 8
