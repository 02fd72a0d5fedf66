"""How a logon is proven, for both ends: signatures, keyed proofs of a shared secret, and how secrets that the exchange makes look.

Binary wire. The server's Hello has a fresh challenge. What is proven is `binary_message`: the name of the login, the key and the challenge. With an
Ed25519 key the proof is its signature (64 bytes). With a shared secret it is that of SCRAM (32 bytes): the server keeps only
stored = SHA-256(client key), so that whoever reads its disk cannot log on.
    client key = HMAC-SHA256(scrypt(secret, Hello.salt + name), "exos client key")
    proof      = client key XOR HMAC-SHA256(stored, message)
FIX wire. RawData (96) of the Logon is the base64 text of the signature of `fix_message`; 553 names the key.
"""

import base64
import hashlib
import hmac
import re
from typing import Any

TOKEN_PREFIX = "exos_token_"  # FIX 554, remote administration: the secret itself is sent
PASSWORD_PREFIX = "exos_password_"  # FIX 554
SECRET_PREFIX = "exos_secret_"  # binary: never sent
PREFIXES = {"token": TOKEN_PREFIX, "password": PASSWORD_PREFIX, "scram": SECRET_PREFIX}
MADE = re.compile(r"exos_(?:token|password|secret)_[A-Za-z0-9_-]{43}")  # 32 random bytes
SIGNATURE_BYTES = 64
PROOF_BYTES = 32
SALT_BYTES = 16
SCRYPT_R = 8

_KEY_NAME = re.compile(r"exos key (\S+)")


def binary_message(login: str, key: str, challenge: bytes) -> bytes:
    """What a binary logon proves. login: Logon.key; key: Logon.key_id ("": the session's own secret)."""
    return b"\0".join((b"exos binary logon", login.encode(), key.encode(), challenge))


def admin_message(principal: str, key: str, challenge: bytes) -> bytes:
    """What a logon at the port for remote administration signs."""
    return b"\0".join((b"exos admin logon", principal.encode(), key.encode(), challenge))


def fix_message(sending_time: bytes, msg_type: bytes, number: bytes, sender: bytes, target: bytes) -> bytes:
    """What a FIX logon signs: 52, 35, 34, 49 and 56 as they are sent, with SOH between them."""
    return b"\x01".join((sending_time, msg_type, number, sender, target))


def scrypt(secret: str, salt: bytes, work: int) -> bytes:
    """32 bytes of a secret by scrypt; work: log2 of N."""
    encoded = secret.encode("utf-8", "surrogateescape")
    return hashlib.scrypt(encoded, salt=salt, n=1 << work, r=SCRYPT_R, p=1, maxmem=((256 << work) * SCRYPT_R) + (1 << 20), dklen=32)


def client_key(secret: str, salt: bytes, work: int, name: str) -> bytes:
    """The client's half of a shared secret. salt, work: of the server's Hello; name: Logon.key_id, or Logon.key when that is empty. Takes
    about a tenth of a second: keep it for the next logon."""
    return hmac.digest(scrypt(secret, salt + name.encode(), work), b"exos client key", "sha256")


def stored_key(client: bytes) -> bytes:
    """The server's half."""
    return hashlib.sha256(client).digest()


def scram_proof(client: bytes, message: bytes) -> bytes:
    """The proof of a client key for this message."""
    return _xor(client, hmac.digest(stored_key(client), message, "sha256"))


def scram_right(stored: bytes, message: bytes, proof: bytes) -> bool:
    """Does the proof come from the client key that belongs to `stored`? The same work whatever is wrong."""
    client = _xor(proof[:PROOF_BYTES].ljust(PROOF_BYTES, b"\0"), hmac.digest(stored, message, "sha256"))
    return hmac.compare_digest(stored_key(client), stored) and len(proof) == PROOF_BYTES


def _xor(a: bytes, b: bytes) -> bytes:
    return (int.from_bytes(a, "big") ^ int.from_bytes(b, "big")).to_bytes(PROOF_BYTES, "big")


def made_secret(kind: str, random: bytes) -> str:
    """A secret of 256 bits as text; its beginning tells what it is for. random: 32 bytes."""
    return PREFIXES[kind] + base64.urlsafe_b64encode(random).rstrip(b"=").decode()


def private_key(key: Any) -> tuple[Any, str]:
    """(private key, key id) of an Ed25519 key: an object of the library `cryptography`, 32 bytes, or the PEM text of a key file. The id is that
    which `exos key create` wrote into the file's first line; "" if there is none. Raises ValueError."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    if isinstance(key, Ed25519PrivateKey):
        return key, ""
    if isinstance(key, bytes) and len(key) == 32:
        return Ed25519PrivateKey.from_private_bytes(key), ""
    data = key if isinstance(key, bytes) else str(key).encode()
    begin = data.find(b"-----BEGIN")
    if begin < 0:
        raise ValueError("no private key: neither 32 bytes nor a PEM file")
    try:
        found = load_pem_private_key(data[begin:], None)
    except TypeError:
        raise ValueError("the private key is encrypted with a password: decrypt it first (openssl pkey)") from None
    except (ValueError, UnsupportedAlgorithm):
        raise ValueError("the PEM file cannot be read as a private key") from None
    if not isinstance(found, Ed25519PrivateKey):
        raise ValueError("the private key is of another kind: Ed25519 is needed")
    name = _KEY_NAME.search(data[:begin].decode("utf-8", "replace"))
    return found, name[1] if name else ""


def key_file(private: Any, key: str, holder: str) -> str:
    """The text of a key file: a line that says whose key it is, and the private key as PEM (PKCS 8), which openssl reads too."""
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return f"exos key {key} of {holder}: the private half, keep it to yourself\n{pem.decode()}"


def public_hex(private: Any) -> str:
    """The public half as 64 hexadecimal digits."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    return str(private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw).hex())


def signature_right(public: bytes, message: bytes, signature: bytes) -> bool:
    """Is it the Ed25519 signature of the message by the owner of this public key?"""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True
