"""Keys: wrong, missing, needless; key files."""

from pathlib import Path

import pytest

from exchange_server.backup.restore import opened
from exchange_server.backup.seals import BackupError, Key, make_key_file, read_key_file
from exchange_server.exits import Exit

from .kit import KEY, Source, backup


def test_wrong_missing_and_needless_keys(tmp_path: Path, source: Source) -> None:
    backup(source, tmp_path / "secret", KEY)
    backup(source, tmp_path / "open")
    for dest, key, text in (
        ("secret", None, "are encrypted: give their key file"),
        ("secret", Key(bytes(32)), "are encrypted with another key"),
        ("open", KEY, "are not encrypted: leave out --key"),
    ):
        with pytest.raises(BackupError, match=text) as refused:
            backup(source, tmp_path / dest, key)
        assert refused.value.code == Exit.CONFIG
        with pytest.raises(BackupError, match=text), opened(tmp_path / dest, key):
            pass
    everything = b"".join(path.read_bytes() for path in (tmp_path / "secret").rglob("*") if path.is_file())
    assert b"server.key" not in everything and b"a key" not in everything
    source.end()


def test_key_files(tmp_path: Path) -> None:
    path = tmp_path / "k"
    make_key_file(path)
    assert path.stat().st_mode & 0o777 == 0o600 and read_key_file(path).check == read_key_file(path).check
    with pytest.raises(BackupError, match="a key is never written over"):
        make_key_file(path)
    make_key_file(tmp_path / "k2")
    assert read_key_file(tmp_path / "k2").check != read_key_file(path).check
    path.chmod(0o640)
    with pytest.raises(BackupError, match=f"chmod 600 {path}"):
        read_key_file(path)
    for content in ("", "exos-backup-key-1 00", "exos-backup-key-1 " + "g" * 64):
        (tmp_path / "k2").write_text(content)
        with pytest.raises(BackupError, match="is not a key file"):
            read_key_file(tmp_path / "k2")
    with pytest.raises(BackupError, match="No such file"):
        read_key_file(tmp_path / "k3")
