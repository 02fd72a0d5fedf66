import sys
import tomllib
import types
from pathlib import Path

import pytest

from exchange_server import distribution


def test_ours_pass():
    distribution.check()


def test_a_foreign_package_of_our_name_is_named_in_one_sentence(monkeypatch):
    foreign = types.ModuleType("config")
    foreign.__file__ = "/usr/lib/python3/config/__init__.py"
    monkeypatch.setitem(sys.modules, "config", foreign)
    with pytest.raises(distribution.ForeignPackage, match=r"'config' was imported from /usr/lib/python3/config/__init__\.py") as caught:
        distribution.check()
    assert "\n" not in str(caught.value)


def test_a_missing_package_is_named_in_one_sentence():
    with pytest.raises(distribution.ForeignPackage, match="'no_such_package' of exos cannot be imported"):
        distribution.check(("no_such_package",))


def test_what_is_installed_has_every_package_and_every_file_of_the_page():
    """As setuptools reads pyproject.toml."""
    root = Path(distribution.__file__).resolve().parents[1]
    setuptools = tomllib.loads((root / "pyproject.toml").read_text())["tool"]["setuptools"]
    found = {
        ".".join(path.parent.relative_to(root).parts)
        for name in ("config", "exchange_server", "protocol")
        for path in (root / name).rglob("__init__.py")
    }
    assert found == set(setuptools["packages"])
    package = root / "exchange_server"
    taken = {path for pattern in setuptools["package-data"]["exchange_server"] for path in package.glob(pattern) if path.is_file()}
    assert {path for path in (package / "web" / "static").rglob("*") if path.is_file()} <= taken
