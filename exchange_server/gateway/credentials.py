"""Which key a logon was made with, whether its proof is right, and whether the key is good now and from there.

The same work is done for a name or key that does not exist: what a peer presents decides what is computed, never what is stored. Who proves to have a
key is told why it is not good (expired, revoked, another address); everybody else gets one and the same answer. Nothing that was proven is kept.
"""

import os
from collections.abc import Callable
from typing import Any, NamedTuple

from protocol import codes, credentials, errors

from ..registry import Registry, keys
from ..registry.tables import Key, Session
from . import verifiers
from .slow import Job, SlowWork

WAIT = -1  # instead of a code: ask again, the proof is being checked
PATIENCE_NS = 60_000_000_000
NOBODYS = {  # what an unknown key's proof is checked against
    "ed25519": "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
    "token": f"{'0' * 32}.{'0' * 64}",
    "scram": f"scram.{'0' * 64}",
}


class Verdict(NamedTuple):
    """On a logon: the session (0: none), a code and a sentence. WAIT: ask again in a later turn."""

    session: int
    code: int
    text: str = ""


class FixProof(NamedTuple):
    """What a FIX Logon brings to prove who sends it: 56 (us), 49 (them), 553, 554; or 96 and what it signs."""

    our_comp_id: str
    peer_comp_id: str
    username: str
    password: str
    signature: bytes | None = None
    signed: bytes = b""


def verdict(code: int, text: str = "") -> Verdict:
    return Verdict(0, code, text or errors.text(code))


class Judge:
    """Checks the proofs of one server's logons."""

    def __init__(self, registry: Registry, slow: SlowWork | None = None) -> None:
        self.registry = registry
        self.slow = slow if slow is not None else SlowWork()
        self.random: Callable[[int], bytes] = os.urandom  # makes secrets and salts; a simulator gives its own
        self.jobs: dict[Any, Job] = {}  # connection → its password is being checked

    # ------------------------------------------------------------------------------------------------- which key
    def key_of(self, holder: str, name: str, id: str) -> Key | None:
        """The key of that id, if it is this holder's."""
        row = self.registry.keys.get(id)
        return row if row is not None and row.holder == (holder, name) else None

    def fix_key(self, session: Session | None, username: str) -> Key | None:
        """The key that 553 names: by its id, or the session's own secret by the session's user name."""
        if session is None:
            return None
        own = session.record.username
        return self.key_of("session", session.name, session.name + keys.kr.OWN_SUFFIX if own and own == username else username)

    def binary_key(self, session: Session | None, id: str) -> Key | None:
        """The key that a binary Logon names; "": the session's own secret."""
        return None if session is None else self.key_of("session", session.name, id or session.name + keys.kr.OWN_SUFFIX)

    # ------------------------------------------------------------------------------------------------- proofs
    def signed(self, key: Key | None, message: bytes, signature: bytes) -> bool:
        """By the owner of this Ed25519 key."""
        stored, real = _stored(key, "ed25519")
        return credentials.signature_right(bytes.fromhex(stored), message, signature) and real

    def knows_token(self, key: Key | None, token: str) -> bool:
        stored, real = _stored(key, "token")
        return verifiers.token_right(stored, token) and real

    def knows_secret(self, key: Key | None, message: bytes, proof: bytes) -> bool:
        """The binary wire's proof of a shared secret."""
        stored, real = _stored(key, "scram")
        return credentials.scram_right(bytes.fromhex(stored.partition(".")[2]), message, proof) and real

    def knows_password(self, connection: Any, address: str, key: Key | None, password: str, now_ns: int) -> bool | None:
        """None: it is being found out; the connection waits until it is given a turn. Raises Crowded. now_ns: of the steady clock."""
        job = self.jobs.get(connection)
        if job is None:
            recipe = verifiers.recipe_of(self.registry.begun)
            stored, real = _stored(key, "password", f"scrypt.{recipe.work}.{'0' * 64}.{'0' * 64}")

            def work() -> bool:
                return verifiers.password_right(stored, password) and real

            if recipe.sandbox:
                return work()  # microseconds
            job = self.wait(connection, address, work)
        if not job.done:
            connection.held_until = now_ns + PATIENCE_NS
            return None
        self.leave(connection)
        return bool(job.result())

    def wait(self, connection: Any, address: str, work: Callable[[], Any]) -> Job:
        """Have slow work done for this connection, one piece at a time. Raises Crowded."""
        job = self.slow.ask(connection, address, work)
        if job is None:
            raise Crowded
        self.jobs[connection] = job
        return job

    def leave(self, connection: Any) -> None:
        """The connection no longer waits for anything."""
        if self.jobs.pop(connection, None) is not None:
            self.slow.cancel(connection)
            connection.held_until = 0

    # ------------------------------------------------------------------------------------------------- principals
    def principal(self, name: str, id: str, proof: bytes | str, challenge: bytes, host: str, now_ns: int) -> tuple[int, str, Key | None]:
        """A principal's logon: (codes.OK or R_*, a sentence, its key). proof: a signature of `credentials.admin_message`, or a token as text.
        host: the peer's address; now_ns: exchange time."""
        key = self.key_of("principal", name, id)
        if isinstance(proof, str):
            right = self.knows_token(key, proof)
        else:
            right = self.signed(key, credentials.admin_message(name, id, challenge), proof)
        if key is None or not right:
            return codes.R_BAD_CREDENTIALS, errors.text(codes.R_BAD_CREDENTIALS), None
        code, text = keys.fault(key, now_ns, host)
        return code, text, key if code == codes.OK else None


class Crowded(Exception):
    """Too many logons of one address wait for their check."""


def _stored(key: Key | None, kind: str, nobodys: str = "") -> tuple[str, bool]:
    """The verifier of a key of this kind, and True; without one that of nobody, and False."""
    if key is not None and key.record.kind == kind:
        return key.record.verifier, True
    return nobodys or NOBODYS[kind], False
