"""TLS certificates as files: making one for development, and reading what a server is given.

`make_dev_certificate` makes an authority and a server certificate signed by it. The authority's key is thrown away, so nobody can sign
another certificate with it. Clients are given the authority's certificate (`--ca`).
"""

import datetime
import ipaddress
import os
import ssl
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

DEV_DAYS = 365
SECOND_NS = 10**9
DAY_NS = 86_400 * SECOND_NS
WARN_NS = 14 * DAY_NS  # a certificate that ends sooner is warned of


class CertificateError(Exception):
    """A certificate or its key cannot be used; the text is one sentence that names the file."""


class DevFiles(NamedTuple):
    """What `make_dev_certificate` wrote."""

    cert: Path  # `tls_cert` of the server
    key: Path  # `tls_key`, mode 0600
    ca: Path  # for the clients


class Certificate(NamedTuple):
    """What a server certificate says of itself."""

    file: Path
    names: tuple[str, ...]  # host names and addresses it is for
    from_ns: int  # ns since the epoch
    until_ns: int

    def ends_soon(self, now_ns: int) -> bool:
        return self.until_ns - now_ns < WARN_NS


def make_dev_certificate(folder: Path, hosts: Sequence[str], now_ns: int) -> DevFiles:
    """Write `tls-cert.pem`, `tls-key.pem` (mode 0600) and `tls-ca.pem` to `folder` for these host names and addresses, valid for a year from
    `now_ns` (ns since the epoch). Raises FileExistsError when one of them is there, ValueError without a host, OSError."""
    if not hosts:
        raise ValueError("a certificate needs at least one host name")
    files = DevFiles(folder / "tls-cert.pem", folder / "tls-key.pem", folder / "tls-ca.pem")
    for file in files:
        if file.exists():
            raise FileExistsError(f"{file} exists already")
    begin = datetime.datetime.fromtimestamp(now_ns // SECOND_NS, datetime.UTC) - datetime.timedelta(hours=1)
    end = begin + datetime.timedelta(days=DEV_DAYS)
    ca_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    ca_name = _name("exos development authority")

    def start(subject: x509.Name, public: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(ca_name)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(begin)
            .not_valid_after(end)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key()), False)
        )

    ca = (
        start(ca_name, ca_key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), True)
        .add_extension(_usage(signs_certificates=True), True)
        .sign(ca_key, hashes.SHA256())
    )
    cert = (
        start(_name(hosts[0][:64]), key.public_key())
        .add_extension(x509.SubjectAlternativeName([_host(host) for host in hosts]), False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), True)
        .add_extension(_usage(signs_certificates=False), True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False)
        .sign(ca_key, hashes.SHA256())
    )
    plain = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    _write(files.key, plain)
    _write(files.cert, cert.public_bytes(serialization.Encoding.PEM))
    _write(files.ca, ca.public_bytes(serialization.Encoding.PEM))
    return files


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _host(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _usage(signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates, content_commitment=False, key_encipherment=False, data_encipherment=False,
        key_agreement=False, key_cert_sign=signs_certificates, crl_sign=signs_certificates, encipher_only=False, decipher_only=False,
    )  # fmt: skip


def _write(file: Path, data: bytes) -> None:
    with open(file, "xb", opener=lambda name, flags: os.open(name, flags | os.O_NOFOLLOW, 0o600)) as out:
        out.write(data)


def read_certificate(file: Path) -> Certificate:
    """The first certificate of a PEM file. Raises CertificateError."""
    try:
        cert = x509.load_pem_x509_certificates(file.read_bytes())[0]
    except OSError as error:
        raise CertificateError(f"{file} cannot be read: {error.strerror or error}") from error
    except (ValueError, UnsupportedAlgorithm, InvalidSignature) as error:
        raise CertificateError(f"{file} holds no certificate in PEM form") from error
    try:
        names = cert.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        hosts = tuple(str(name.value) for name in names if isinstance(name, x509.DNSName | x509.IPAddress))
    except x509.ExtensionNotFound:
        hosts = ()
    first, last = cert.not_valid_before_utc, cert.not_valid_after_utc
    return Certificate(file, hosts, int(first.timestamp()) * SECOND_NS, int(last.timestamp()) * SECOND_NS)


def server_context(cert: Path, key: Path, now_ns: int) -> tuple[ssl.SSLContext, Certificate]:
    """A context for the server's side of a port, TLS 1.2 and later, and what its certificate says. Raises CertificateError when a file
    cannot be read, the two do not belong together, others may read the key, or the certificate is not valid at `now_ns`."""
    found = read_certificate(cert)
    try:
        mode = key.stat().st_mode
        key.read_bytes()
    except OSError as error:
        raise CertificateError(f"{key} cannot be read: {error.strerror or error}") from error
    if mode & 0o077:
        raise CertificateError(f"{key} can be read by other users of this machine (mode {mode & 0o777:04o}): chmod 600 {key}")
    if now_ns < found.from_ns:
        raise CertificateError(f"the certificate {cert} is not valid yet")
    if now_ns >= found.until_ns:
        raise CertificateError(f"the certificate {cert} has expired")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(cert, key, password=lambda: b"")
    except (ssl.SSLError, OSError, ValueError) as error:
        raise CertificateError(f"{cert} and {key} do not belong together, or the key is not a plain PEM key") from error
    return context, found
