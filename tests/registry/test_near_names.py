"""What a mistyped name is answered with, among few names and among very many."""

import time

import pytest

from exchange_server.registry import checks

MANY = dict.fromkeys(f"V{n}.ACCOUNT-{n}" for n in range(100_000))


@pytest.mark.parametrize(
    "wrong", ["V77.ACOUNT-77", "V77.ACCOUNTT-77", "V77.ACOCUNT-77", "V77.ACCxUNT-77", "77.ACCOUNT-77", "V77ACCOUNT-77"]
)
def test_one_edit_is_found_among_many(wrong: str) -> None:
    assert checks.nearest(wrong, MANY.keys(), lambda name: True) == "V77.ACCOUNT-77"
    assert checks.nearest(wrong, MANY.keys(), lambda name: name != "V77.ACCOUNT-77") == "", "what the asker may not know is not offered"


def test_it_takes_no_time_that_grows_with_the_names() -> None:
    used = []
    for _ in range(5):
        began = time.thread_time()
        assert checks.nearest("Z" * 64, MANY.keys(), lambda name: True) == ""
        used.append(time.thread_time() - began)
    assert min(used) < 0.02


def test_among_few_the_similar_ones_are_found() -> None:
    names = {"WC26": 1, "WORLD": 2}
    assert checks.nearest("WCC27", names.keys(), lambda name: True) == "WC26"
    assert checks.nearest("WCC27", names.keys(), lambda name: name != "WC26") == ""
