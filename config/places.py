"""Where something stands: the key of a record's field as data, and how it is shown."""

Key = tuple[str | int, ...]  # names of fields and numbers of elements, from the record inwards


def shown(key: Key) -> str:
    """("contracts", 0, "symbol") as contracts[0].symbol."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in key).removeprefix(".")
