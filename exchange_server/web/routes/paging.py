"""Paging by cursor: of names in their order, and of numbers that rise."""

import base64
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from protocol import codes, numbers

from ..problems import Refusal, refusal

T = TypeVar("T")


def after(names: Sequence[str], cursor: str, limit: int) -> tuple[list[str], str | None]:
    """(the names of the page, the next cursor) of sorted names."""
    last = read_name(cursor)
    rest = [name for name in names if name > last] if last else list(names)
    page = rest[:limit]
    return page, write_name(page[-1]) if len(rest) > limit else None


def write_name(name: str) -> str:
    return base64.urlsafe_b64encode(name.encode()).rstrip(b"=").decode()


def read_name(cursor: str) -> str:
    try:
        return base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
    except (ValueError, UnicodeDecodeError):
        raise bad_cursor() from None


def read_number(cursor: str) -> int:
    """The number of a cursor; "": 0. Raises Refusal."""
    if not cursor:
        return 0
    try:
        return numbers.whole(cursor, "cursor", 1, (1 << 63) - 1)
    except numbers.NotANumber:
        raise bad_cursor() from None


def bad_cursor() -> Refusal:
    return refusal(codes.R_WIRE_FIELD, "cursor is not one that this API gave", at="?cursor")


def pages(rows: Sequence[T], key: Callable[[T], Any], since: int, limit: int) -> tuple[list[T], str | None]:
    """(the rows of the page, the next cursor) of rows whose key rises; `since`: the key of the last page's last row."""
    rest = [row for row in rows if key(row) > since]
    page = rest[:limit]
    return page, str(key(page[-1])) if len(rest) > limit else None
