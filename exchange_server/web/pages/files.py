"""The files of the page, read once when the process starts. They are served under a name that contains their hash, so browsers keep them for ever."""

import gzip
import hashlib
import re
from pathlib import Path
from typing import NamedTuple

STATIC = Path(__file__).resolve().parent.parent / "static"
KINDS = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
}
PACKED_FROM = 1024  # bytes; shorter ones are sent as they are
_IMPORT = re.compile(r'^(?:import|export)\b[^;"]*?from\s+"(\.{1,2}/[^"]+)";|^import\s+"(\.{1,2}/[^"]+)";', re.M)


class File(NamedTuple):
    body: bytes
    packed: bytes | None  # gzip
    kind: str


class Files:
    """`all`: by path below static/; `version`: changes when any of them does."""

    def __init__(self, folder: Path = STATIC) -> None:
        self.all: dict[str, File] = {}
        digest = hashlib.sha256()
        for path in sorted(folder.rglob("*")):
            if path.suffix not in KINDS or not path.is_file():
                continue
            name, body = path.relative_to(folder).as_posix(), path.read_bytes()
            digest.update(f"{name}\0{len(body)}\0".encode() + body)
            self.all[name] = File(body, packed(body), KINDS[path.suffix])
        self.version = digest.hexdigest()[:12]

    def text(self, name: str) -> str:
        return self.all[name].body.decode()

    def imports(self, name: str) -> list[str]:
        """The modules that a module needs before it runs, in the order in which they are met; those that it loads later are not among them."""
        found: dict[str, None] = {}
        waiting = [name]
        while waiting:
            one = waiting.pop(0)
            for match in _IMPORT.finditer(self.text(one)):
                other = resolved(one, match[1] or match[2])
                if other not in found and other != name:
                    found[other] = None
                    waiting.append(other)
        return list(found)


def resolved(base: str, relative: str) -> str:
    """The path below static/ of an import in the file `base`."""
    parts = base.split("/")[:-1]
    for part in relative.split("/"):
        if part == "..":
            parts.pop()
        elif part != ".":
            parts.append(part)
    return "/".join(parts)


def packed(body: bytes) -> bytes | None:
    """With gzip, where that pays."""
    if len(body) < PACKED_FROM:
        return None
    small = gzip.compress(body, 6, mtime=0)
    return small if len(small) < len(body) else None
