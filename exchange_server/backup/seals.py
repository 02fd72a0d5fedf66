"""How one piece of a backup is kept: compressed, and either with a checksum or encrypted.

    offset  bytes
         0      8  magic "EXOSBAK1"
         8      8  1 = encrypted, else 0
        16     32  SHA-256 of (what, body); encrypted: a random salt
        48         body: one zstd frame; encrypted: AES-256-GCM of it, with its tag of 16 bytes

Each encrypted piece has a key of its own, HMAC-SHA-256(secret, salt), used once, so that no nonce is ever used twice with a key. `what` (the name of the
piece, or of the manifest that lists the pieces in order) is authenticated with it: a piece cannot be put in the place of another one.
"""

import hashlib
import hmac
import os
import stat
from pathlib import Path

import zstandard
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ..exits import Exit

MAGIC = b"EXOSBAK1"
PLAIN, ENCRYPTED = bytes(8), (1).to_bytes(8, "little")
HEAD_BYTES = 48
SALT_BYTES = 32
SECRET_BYTES = 32
LEVEL = 3
NONCE = bytes(12)  # of a key that is used once
KEY_WORD = "exos-backup-key-1"


class BackupError(Exception):
    """What was asked cannot be done; `code` is the exit code, the text one sentence that says why and what to do."""

    def __init__(self, code: Exit, text: str) -> None:
        super().__init__(text)
        self.code = code


class Damaged(Exception):
    """A piece is not what it was; the text names the failed check."""


class Key:
    """A secret of 32 bytes, from a key file."""

    def __init__(self, secret: bytes) -> None:
        self._names = hmac.digest(secret, b"exos backup: names", "sha256")
        self._bodies = hmac.digest(secret, b"exos backup: bodies", "sha256")
        self.check = hmac.digest(secret, b"exos backup: which key", "sha256")[:16].hex()

    def name(self, raw: bytes) -> str:
        """What a piece with this content is called: tells nothing to whoever has no key."""
        return hmac.digest(self._names, raw, "sha256").hex()

    def cipher(self, salt: bytes) -> AESGCM:
        return AESGCM(hmac.digest(self._bodies, salt, "sha256"))


def name_of(raw: bytes, key: Key | None) -> str:
    return hashlib.sha256(raw).hexdigest() if key is None else key.name(raw)


def seal(raw: bytes, what: str, key: Key | None) -> bytes:
    """One piece as it is kept."""
    body = zstandard.ZstdCompressor(level=LEVEL).compress(raw)
    if key is None:
        return MAGIC + PLAIN + _checksum(what, body) + body
    salt = os.urandom(SALT_BYTES)
    head = MAGIC + ENCRYPTED
    return head + salt + key.cipher(salt).encrypt(NONCE, body, head + what.encode())


def unseal(data: bytes, what: str, key: Key | None, most: int) -> bytes:
    """What was sealed, at most `most` bytes. Raises Damaged."""
    head, mark, body = data[:16], data[16:HEAD_BYTES], data[HEAD_BYTES:]
    if len(data) <= HEAD_BYTES:
        raise Damaged(f"it was cut short: {len(data)} bytes")
    if head != MAGIC + (PLAIN if key is None else ENCRYPTED):
        raise Damaged("it is no piece of such a backup")
    if key is not None:
        try:
            body = key.cipher(mark).decrypt(NONCE, body, head + what.encode())
        except InvalidTag:
            raise Damaged("its content was changed or cut short, or belongs elsewhere") from None
    elif _checksum(what, body) != mark:
        raise Damaged("its content was changed or cut short, or belongs elsewhere")
    try:
        size = zstandard.frame_content_size(body)
        if not 0 <= size <= most:
            raise Damaged(f"it says it holds {size} bytes, at most {most} are expected")
        return zstandard.ZstdDecompressor().decompress(body, max_output_size=most)
    except zstandard.ZstdError as error:
        raise Damaged(f"it cannot be unpacked: {error}") from None


def _checksum(what: str, body: bytes) -> bytes:
    return hashlib.sha256(what.encode() + b"\0" + body).digest()


# ---- key files ---------------------------------------------------------------------------------------------------------
def make_key_file(path: Path) -> None:
    """A new random key, mode 0600; an existing file is never written over. Raises BackupError."""
    temporary = path.with_name(path.name + ".tmp")
    try:
        if path.exists():
            raise FileExistsError
        temporary.unlink(missing_ok=True)
        fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            os.write(fd, f"{KEY_WORD} {os.urandom(SECRET_BYTES).hex()}\n".encode())
            os.fsync(fd)
        finally:
            os.close(fd)
        os.link(temporary, path)  # fails if somebody was faster
        temporary.unlink()
    except FileExistsError:
        raise BackupError(Exit.FAILED, f"{path} exists: a key is never written over; name another file") from None
    except OSError as error:
        raise BackupError(Exit.FAILED, f"{path}: {error.strerror or error}") from error


def read_key_file(path: Path) -> Key:
    """Raises BackupError: no such file, others can read it, or it holds no key."""
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        content = path.read_bytes()
    except OSError as error:
        raise BackupError(Exit.CONFIG, f"key file {path}: {error.strerror or error}") from error
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise BackupError(Exit.CONFIG, f"key file {path} can be used by others (mode {mode:04o}): chmod 600 {path}")
    word, _, digits = content.decode("ascii", "replace").strip().partition(" ")
    if word != KEY_WORD or len(digits) != 2 * SECRET_BYTES or digits.strip("0123456789abcdef"):
        raise BackupError(Exit.CONFIG, f"{path} is not a key file of exos backup key")
    return Key(bytes.fromhex(digits))
