"""Certificates: made for development, read, and refused by name."""

import socket
import ssl
import stat
import threading
import time
from pathlib import Path

import pytest

from exchange_server import certificates as c

NOW = time.time_ns()


def talk(server: ssl.SSLContext, client: ssl.SSLContext, name: str) -> bytes:
    """One handshake and one message over it."""
    near, far = socket.socketpair()

    def serve() -> None:
        try:
            with server.wrap_socket(far, server_side=True) as link:
                link.sendall(b"hello")
        except OSError:
            far.close()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        with client.wrap_socket(near, server_hostname=name) as link:
            return link.recv(5)
    finally:
        near.close()
        thread.join(10)


def test_a_development_certificate_is_trusted_for_its_hosts_only(tmp_path: Path) -> None:
    files = c.make_dev_certificate(tmp_path, ("exchange.test", "127.0.0.1"), NOW)
    assert stat.S_IMODE(files.key.stat().st_mode) == 0o600
    server, found = c.server_context(files.cert, files.key, NOW)
    assert found.names == ("exchange.test", "127.0.0.1") and not found.ends_soon(NOW)
    assert 360 * c.DAY_NS < found.until_ns - NOW < 366 * c.DAY_NS
    client = ssl.create_default_context(cafile=str(files.ca))
    assert talk(server, client, "exchange.test") == talk(server, client, "127.0.0.1") == b"hello"
    with pytest.raises(ssl.SSLCertVerificationError):
        talk(server, client, "other.test")
    with pytest.raises(ssl.SSLCertVerificationError):
        talk(server, ssl.create_default_context(), "exchange.test")


def test_old_versions_of_tls_are_refused(tmp_path: Path) -> None:
    files = c.make_dev_certificate(tmp_path, ("localhost",), NOW)
    server, _ = c.server_context(files.cert, files.key, NOW)
    assert server.minimum_version == ssl.TLSVersion.TLSv1_2


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    files = c.make_dev_certificate(tmp_path, ("localhost",), NOW)
    before = files.key.read_bytes()
    with pytest.raises(FileExistsError, match="exists already"):
        c.make_dev_certificate(tmp_path, ("localhost",), NOW)
    assert files.key.read_bytes() == before
    with pytest.raises(ValueError, match="at least one"):
        c.make_dev_certificate(tmp_path / "x", (), NOW)


def test_what_cannot_be_used_is_refused_by_name(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    one.mkdir()
    two.mkdir()
    a, b = c.make_dev_certificate(one, ("localhost",), NOW), c.make_dev_certificate(two, ("localhost",), NOW)

    def refused(cert: Path, key: Path, now_ns: int = NOW) -> str:
        with pytest.raises(c.CertificateError) as error:
            c.server_context(cert, key, now_ns)
        return str(error.value)

    assert refused(a.cert, b.key) == f"{a.cert} and {b.key} do not belong together, or the key is not a plain PEM key"
    assert refused(tmp_path / "no", a.key) == f"{tmp_path / 'no'} cannot be read: No such file or directory"
    assert refused(a.cert, tmp_path / "no") == f"{tmp_path / 'no'} cannot be read: No such file or directory"
    assert refused(a.key, a.key) == f"{a.key} holds no certificate in PEM form"
    assert refused(a.cert, a.key, NOW - c.DAY_NS) == f"the certificate {a.cert} is not valid yet"
    assert refused(a.cert, a.key, NOW + 400 * c.DAY_NS) == f"the certificate {a.cert} has expired"
    b.key.chmod(0o640)
    assert refused(b.cert, b.key) == f"{b.key} can be read by other users of this machine (mode 0640): chmod 600 {b.key}"


def test_a_certificate_that_ends_soon_is_told_apart(tmp_path: Path) -> None:
    files = c.make_dev_certificate(tmp_path, ("localhost",), NOW)
    found = c.read_certificate(files.cert)
    assert not found.ends_soon(found.until_ns - c.WARN_NS) and found.ends_soon(found.until_ns - c.WARN_NS + 1)
