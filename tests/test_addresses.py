"""Which hosts only this machine can reach."""

import pytest

from exchange_server.addresses import is_loopback


@pytest.mark.parametrize(("host", "loopback"), [("127.0.0.1", True), ("127.9.9.9", True), ("::1", True), ("localhost", True), ("0.0.0.0", False), ("::", False),
                                                ("", False), ("10.0.0.1", False), ("no.such.host.invalid", False), ("a..b", False), ("x" * 70, False)])  # fmt: skip
def test_loopback(host: str, loopback: bool) -> None:
    assert is_loopback(host) is loopback
