"""The folders that the last programs of rules versions 7 to 10 left (rules7.zip to rules10.zip): a clean stop, with orders on both wires, positions, a
spot pair, a market that was paid and corrected, one whose result waits, a key with a token, and closed text ids; from version 9 on also with ids of 33 and
36 characters, that of version 10 also with orders whose ids were replaced. Each was made once, by that program: from version 9 on it applied the rows of
the one before, those of version 10 with texts in their keys, then took more orders."""

import json
import zipfile
from pathlib import Path
from typing import Any

RULES = 10  # the version before this program's


def unpacked(folder: Path, rules: int = RULES) -> tuple[Path, dict[str, Any]]:
    """(data folder, its books as that program had them)"""
    data = folder / "data"
    data.mkdir(mode=0o700)
    with zipfile.ZipFile(Path(__file__).with_name(f"rules{rules}.zip")) as kept:
        for name in kept.namelist():
            if name != "books.json":
                kept.extract(name, data)
        books = json.loads(kept.read("books.json"))
    for path in [data, *data.rglob("*")]:
        path.chmod(0o700 if path.is_dir() else 0o600)
    return data, books
