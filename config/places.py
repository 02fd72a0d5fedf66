"""Where a field is in a record: its key as data, and how it is shown."""

from typing import Any

from .fields import key_in_file

Key = tuple[str | int, ...]  # names of fields and numbers of elements, from the record down


def shown(key: Key) -> str:
    """("contracts", 0, "symbol") as contracts[0].symbol."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in key).removeprefix(".")


def in_file(record: Any, key: Key) -> str:
    """The key of a field of a record (its type), under the names that a configuration file has."""
    return shown((key_in_file(record, str(key[0])), *key[1:]))
