"""Proofs of a logon, with the plain recipe of the documentation beside them; keys as files."""

import base64
import hashlib
import hmac
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519, x25519
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat
from hypothesis import given
from hypothesis import strategies as st

from protocol import credentials as C
from protocol import messages as M
from protocol.binary_session import Prover

SEED = bytes(range(32))
CHALLENGE = bytes(range(32, 64))
HELLO = M.Hello(2, CHALLENGE, "exos", b"salt", 4)


def test_the_proof_of_a_secret_is_the_documented_one() -> None:
    salted = hashlib.scrypt(b"the secret", salt=b"salt" + b"MM1", n=2**4, r=8, p=1, dklen=32)
    client = hmac.digest(salted, b"exos client key", "sha256")
    stored = hashlib.sha256(client).digest()
    mask = hmac.digest(stored, b"exos binary logon\0MM1\0\0" + CHALLENGE, "sha256")
    proof = bytes(a ^ b for a, b in zip(client, mask, strict=True))
    assert Prover("MM1", "the secret").prove(HELLO) == proof
    message = C.binary_message("MM1", "", CHALLENGE)
    assert C.scram_right(stored, message, proof)
    for wrong in (proof[::-1], proof[:-1], proof + b"\0", b"", stored, client):
        assert not C.scram_right(stored, message, wrong), "what lies on the server's disk proves nothing"
    assert not C.scram_right(stored, C.binary_message("MM1", "", bytes(32)), proof), "one challenge, one proof"
    assert not C.scram_right(stored, C.binary_message("MM", "1", CHALLENGE), proof)


PAGE = Path(__file__).resolve().parents[2] / "docs" / "credentials.md"


def blocks(language: str) -> list[str]:
    """The page's examples in this language."""
    return [part.partition("```")[0] for part in PAGE.read_text().split(f"```{language}\n")[1:]]


def test_the_python_of_the_page_proves_the_same() -> None:
    names: dict[str, Any] = {}
    exec(blocks("python")[0], names)
    for key_id in ("", "K1"):
        wanted = Prover("MM1", "the secret", key_id=key_id).prove(HELLO)
        assert names["prove_secret"]("the secret", "MM1", key_id, CHALLENGE, HELLO.salt, HELLO.work) == wanted
        private, _ = C.private_key(SEED)
        assert names["prove_key"](private, "MM1", key_id, CHALLENGE) == Prover("MM1", private_key=SEED, key_id=key_id).prove(HELLO)


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs the openssl command")
def test_the_openssl_of_the_page_signs_the_same(tmp_path: Path) -> None:
    (tmp_path / "client1.key").write_text(C.key_file(C.private_key(SEED)[0], "CLIENT1-A", "session CLIENT1"))
    (command,) = [block for block in blocks("sh") if "openssl pkeyutl" in block]
    done = subprocess.run(["sh", "-e", "-c", command], cwd=tmp_path, capture_output=True, check=True, timeout=20)
    message = C.fix_message(b"20261128-12:00:00.000", b"A", b"1", b"CLIENT1", b"EXOS-OE")
    assert base64.b64decode(done.stdout) == C.private_key(SEED)[0].sign(message) and len(done.stdout) == 88


def test_the_hash_is_made_once_for_a_salt(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[bytes] = []
    real = C.scrypt
    monkeypatch.setattr(C, "scrypt", lambda secret, salt, work: made.append(salt) or real(secret, salt, work))
    prover = Prover("MM1", "the secret", key_id="")
    proofs = [prover.prove(M.Hello(2, os.urandom(32), "", salt, 1)) for salt in (b"a", b"a", b"b")]
    assert made == [b"aMM1", b"bMM1"] and len(set(proofs)) == 3


def test_a_signature() -> None:
    private, _ = C.private_key(SEED)
    prover = Prover("MM1", private_key=SEED, key_id="K1")
    message = b"exos binary logon\0MM1\0K1\0" + CHALLENGE
    signature = prover.prove(HELLO)
    assert len(signature) == C.SIGNATURE_BYTES and C.signature_right(bytes.fromhex(C.public_hex(private)), message, signature)
    for public, text, proof in (
        (bytes(32), message, signature), (bytes.fromhex(C.public_hex(private)), message + b"x", signature),
        (bytes.fromhex(C.public_hex(private)), message, bytes(64)), (b"short", message, signature),
    ):  # fmt: skip
        assert not C.signature_right(public, text, proof)


def test_a_key_file_says_whose_it_is() -> None:
    private, name = C.private_key(SEED)
    assert name == ""
    text = C.key_file(private, "MM1-2026", "session MM1")
    again, name = C.private_key(text)
    assert name == "MM1-2026" and C.public_hex(again) == C.public_hex(private)
    assert Prover("MM1", private_key=text).key_id == "MM1-2026" and Prover("MM1", private_key=text, key_id="K").key_id == "K"
    assert C.private_key(text.encode())[1] == "MM1-2026" and C.private_key(private)[0] is private
    pem = text[text.index("-----BEGIN") :]
    assert C.private_key(pem)[1] == ""


def test_what_is_no_key_is_refused() -> None:
    other = x25519.X25519PrivateKey.from_private_bytes(SEED).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    locked = C.private_key(SEED)[0].private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"x"))
    for wrong, text in (
        (locked, "encrypted with a password"),
        (b"x" * 31, "no private key"),
        ("nonsense", "no private key"),
        (other, "of another kind"),
        ("-----BEGIN PRIVATE KEY-----\nxx", "cannot be read"),
    ):
        with pytest.raises(ValueError, match=text):
            C.private_key(wrong)
    for options in ({}, {"secret": "s", "private_key": SEED}):
        with pytest.raises(ValueError, match="one of them"):
            Prover("MM1", **options)
    assert isinstance(C.private_key(ed25519.Ed25519PrivateKey.generate())[0], ed25519.Ed25519PrivateKey)


@given(st.binary(max_size=200), st.binary(max_size=80), st.binary(min_size=32, max_size=32))
def test_random_proofs_and_files_are_wrong_and_nothing_else(content: bytes, proof: bytes, public: bytes) -> None:
    for file in (content, b"-----BEGIN PRIVATE KEY-----\n" + content, content.decode("latin1")):
        if len(file) != 32:
            with pytest.raises(ValueError, match="private key"):
                C.private_key(file)
    assert not C.scram_right(public, content, proof)
    assert C.signature_right(public, content, proof) in (False, True)
    assert not C.signature_right(bytes.fromhex(C.public_hex(C.private_key(SEED)[0])), content, proof)


def test_made_secrets_tell_what_they_are() -> None:
    for kind, start in (("token", "exos_token_"), ("password", "exos_password_"), ("scram", "exos_secret_")):
        made = C.made_secret(kind, os.urandom(32))
        assert made.startswith(start) and C.MADE.fullmatch(made)
    assert not C.MADE.fullmatch("exos_token_short")
