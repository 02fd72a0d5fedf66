import sys
import types

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
