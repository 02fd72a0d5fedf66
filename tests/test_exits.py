"""Exit codes: each has one number for good, none that a shell or Python gives away itself."""

from exchange_server.exits import Exit


def test_numbers_are_fixed_and_free_of_the_shells() -> None:
    assert {e.name: e.value for e in Exit} == {
        "OK": 0, "FAILED": 1, "USAGE": 2, "CONFIG": 3, "LOCKED": 4, "RECOVERY": 5, "PORT": 6, "JOURNAL": 7, "BROKEN": 8, "UNREACHABLE": 9, "SETUP": 10,
        "SPACE": 11, "SNAPSHOT": 12, "DIFFERS": 13, "ARCHIVE": 14, "RULES": 15, "COPY": 16, "FENCED": 17, "HANGS": 18, "BESIDE": 19,
    }  # fmt: skip
    assert max(Exit) < 64, "64 to 113 are sysexits', 126 and above the shell's"
