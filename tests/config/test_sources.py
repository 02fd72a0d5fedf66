"""Files that were sent: nothing else is read, whatever they name."""

from pathlib import Path

import pytest

from config import load, sources
from config.amounts import ConfigError

ASSET = '[[asset]]\nname = "USD"\ndecimals = 4\n'


def test_texts_are_read_in_the_place_of_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "on-disk.toml").write_text(ASSET)
    with sources.given({"a.toml": 'include = ["sub/b.toml"]\n', "sub/b.toml": 'include = ["c.toml"]\n', "sub/c.toml": ASSET}):
        content = load.load("a.toml")
        assert content.files == ["sub/c.toml", "sub/b.toml", "a.toml"] and content.decimals == {"USD": 4}
    for name in ("on-disk.toml", str(tmp_path / "on-disk.toml"), "../" + tmp_path.name + "/on-disk.toml", "sandbox", "sandbox.toml"):
        with sources.given({"a.toml": f'include = ["{name}"]\n'}), pytest.raises(ConfigError, match="among those that were sent: a.toml"):
            load.load("a.toml")
        with sources.given({}), pytest.raises(ConfigError, match="among those that were sent"):
            load.load(name)
    assert load.load("on-disk.toml").decimals == {"USD": 4}, "afterwards the disk is read again"


def test_lines_are_those_of_the_text_and_not_of_a_file_of_that_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.toml").write_text("\n\n\n\nx = 1\n")
    with sources.given({"a.toml": "\nx = 1\n"}), pytest.raises(ConfigError) as found:
        load.load("a.toml")
    assert (found.value.file, found.value.line, found.value.path) == ("a.toml", 2, "x")


def test_a_secret_in_a_text_needs_no_mode() -> None:
    login = '[[member]]\nfirm = "F"\n[[member.session]]\nname = "S"\nwire = "binary"\nkey = "S"\nsecret = "a phrase of nobody"\n'
    with sources.given({"a.toml": login}):
        assert len(load.load("a.toml").items) == 2
    assert not sources.sent() and sources.known() == []
