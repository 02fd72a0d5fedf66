"""A real server's whole life with every kind of credential: nothing that it wrote or said lets its reader log on."""

import base64
import hashlib
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from config import admin_records as ar
from protocol import codes, credentials
from protocol import messages as M
from protocol.binary_session import Prover
from tests.server_kit import ROOT, SMALL, BinaryPeer, FixPeer, ServerProcess, secret_of, wait_until

CONFIG = f"""{SMALL}
[[member]]
firm = "BARE"
[[member.session]]
name = "BARE"
wire = "binary"
key = "BARE"
"""


def exos(server: ServerProcess, *words: str) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "exchange_server.cli.main", *words, "--data", str(server.data), "--json"], cwd=ROOT, capture_output=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr.decode()
    return dict(json.loads(done.stdout)["result"])


def binary(server: ServerProcess, login: str, **proof: Any) -> BinaryPeer:
    peer = BinaryPeer(server.ready["binary_port"], log_on=False)
    prover = Prover(login, **proof)
    peer.send(M.Logon(login, prover.prove(peer.hello), key_id=prover.key_id))
    return peer


def fix(server: ServerProcess, username: str, password: str = "", private: Any = None, n: int = 1) -> FixPeer:
    peer = FixPeer(server.ready["fix_port"], n, log_on=False)
    fields: list[tuple[int, Any]] = [(98, 0), (108, 30), (141, "Y"), (553, username)]
    if private is None:
        peer.send("A", *fields, (554, password))
        return peer
    raw = peer.build("A", *fields)  # its time is what is signed
    peer.seq -= 1
    sent = dict(part.partition(b"=")[::2] for part in raw.split(b"\x01"))
    signed = b"\x01".join(sent[tag] for tag in (b"52", b"35", b"34", b"49", b"56"))
    signature = base64.b64encode(private.sign(signed)).decode()
    again = peer.build("A", *fields, (95, len(signature)), (96, signature))
    stamp = dict(part.partition(b"=")[::2] for part in again.split(b"\x01"))[b"52"]
    if stamp != sent[b"52"]:  # a millisecond has passed in between
        peer.socket.close()
        return fix(server, username, password, private, n)
    peer.socket.sendall(again)
    return peer


def forms(secret: bytes, hashes: bool = True) -> set[bytes]:
    """A secret as it could lie there: itself, its plain hashes, and each of them as text."""
    plain = {secret} if not hashes else {secret, *(hashlib.new(name, secret).digest() for name in ("sha256", "sha1", "md5", "sha512"))}
    return {
        form
        for one in plain
        for form in (one, one.hex().encode(), one.hex().upper().encode(), base64.b64encode(one), base64.urlsafe_b64encode(one))
    }


def test_nothing_that_a_server_writes_lets_its_reader_log_on(tmp_path: Path) -> None:
    server = ServerProcess(tmp_path, CONFIG, "--log-level", "debug")
    secrets: dict[str, bytes] = {f"secret of the file {n}": secret_of(n).encode() for n in (1, 2, 3)}
    with server:
        for number, (id, holder, kind) in enumerate((("BARE-1", "BARE", "ed25519"), ("BARE-2", "BARE", "scram"), ("C1-SIG", "CLIENT1", "ed25519"),
                                                     ("C1-TOK", "CLIENT1", "token"), ("C2-PWD", "CLIENT2", "password"))):  # fmt: skip
            out = tmp_path / f"{number}.key"
            exos(server, "key", "create", id, "--session", holder, "--kind", kind, "--out", str(out))
            secrets[id] = out.read_bytes().strip()
        privates = {id: credentials.private_key(secrets[id].decode())[0] for id in ("BARE-1", "C1-SIG")}
        for id, private in privates.items():
            secrets[f"{id}, raw"] = private.private_bytes_raw()
            secrets[f"{id}, PEM body"] = secrets[id].split(b"\n")[2]
        plain = "a phrase that a request brings"
        changed = {"type": "session", "name": "MM3", "wire": "binary", "firm": "MM3", "key": "MM3", "account": "MM3-A", "secret": plain,
                   "throttle_limit": 10000, "throttle_window_ns": 10**9}  # fmt: skip
        assert server.ask("admin", ar.from_builtins(changed)).ok  # type: ignore[arg-type]
        secrets["of a request"] = plain.encode()
        secrets["client key"] = credentials.client_key(plain, BinaryPeer(server.ready["binary_port"], log_on=False).hello.salt, 14, "MM3")
        peers: list[Any] = [
            binary(server, "BARE", private_key=secrets["BARE-1"].decode()), binary(server, "MM1", secret=secret_of(1)), binary(server, "MM3", secret=plain),
        ]  # fmt: skip
        for peer in peers:
            peer.logged_on()
            peer.close()
        peers = [binary(server, "BARE", secret=secrets["BARE-2"].decode(), key_id="BARE-2")]
        peers[0].logged_on()
        for options in ({"private": privates["C1-SIG"], "username": "C1-SIG"}, {"username": "C1-TOK", "password": secrets["C1-TOK"].decode()},
                        {"username": "C2-PWD", "password": secrets["C2-PWD"].decode(), "n": 2}, {"username": "client2", "password": secret_of(2), "n": 2}):  # fmt: skip
            found = fix(server, **options)  # type: ignore[arg-type]
            assert found.read("A")[141] == "Y", options
            found.send("5")
            assert found.next() is not None and found.next() is None
            wait_until(lambda: server.ask("status").result["logged_on"] == ["BARE"])
        wrong = fix(server, "client1", "a wrong guess of mine")
        assert wrong.read("5")[58] == "unknown CompIDs or wrong credentials"
        secrets["a wrong guess"] = b"a wrong guess of mine"
        exos(server, "key", "revoke", "BARE-2", "--reason", "the laptop is lost")
        told = peers[0].read(M.Logout)
        assert (told.reason, told.text) == (codes.R_KEY_REVOKED, "key BARE-2 was revoked: the laptop is lost")
        assert server.stop() == 0
        server.start()
        binary(server, "BARE", private_key=secrets["BARE-1"].decode()).logged_on()
        assert binary(server, "BARE", secret=secrets["BARE-2"].decode(), key_id="BARE-2").read(M.Logout).reason == codes.R_KEY_REVOKED
        server.kill()
        server.start()
        assert binary(server, "MM1", secret=secret_of(1)).logged_on().session
        shown = json.dumps([server.ask(verb).result for verb in ("status", "keys", "accounts")]).encode()
        assert server.stop() == 0
    written = {path: path.read_bytes() for path in [*server.data.rglob("*"), tmp_path / "log.txt"] if path.is_file()}
    assert len(written) > 6 and any(path.suffix == ".snap" for path in written)
    assert b"the laptop is lost" in shown and b'"key": "C1-TOK"' in written[tmp_path / "log.txt"], "ids of keys are told"
    written[Path("shown")] = shown + json.dumps(server.ready).encode()
    for name, secret in secrets.items():
        for form in forms(secret, hashes=name != "client key"):  # the hash of the client key is the stored key of SCRAM
            for path, content in written.items():
                assert form not in content, f"{name} is in {path}"
    (journal,) = [content for path, content in written.items() if path.suffix == ".seg"][:1]
    assert credentials.public_hex(privates["BARE-1"]).encode() in journal, "the search finds what is there"


def test_a_key_that_expires_ends_its_live_session(tmp_path: Path) -> None:
    with ServerProcess(tmp_path, CONFIG) as server:
        key = exos(server, "key", "create", "BARE-1", "--session", "BARE", "--until", "4s")
        peer = binary(server, "BARE", private_key=key["secret"])
        peer.logged_on()
        began = time.monotonic()
        told = peer.read(M.Logout)
        assert told.reason == codes.R_KEY_EXPIRED and time.monotonic() - began < 60
        assert binary(server, "BARE", private_key=key["secret"]).read(M.Logout).reason == codes.R_KEY_EXPIRED


def test_a_flood_of_passwords_does_not_hold_up_who_trades_or_comes_from_elsewhere(tmp_path: Path) -> None:
    """Forty wrong passwords at once, each a fifth of a second of work: a session that trades is answered meanwhile, and a logon with a key too."""
    with ServerProcess(tmp_path, CONFIG) as server:
        trader = BinaryPeer(server.ready["binary_port"], 1)
        trader.logged_on()
        crowd = [fix(server, "client1", f"a wrong guess of mine, number {n}") for n in range(40)]
        slowest = 0.0
        for _ in range(200):
            began = time.monotonic()
            trader.send(M.OrderStatusRequest(77))
            trader.read(M.OrderStatus)
            slowest = max(slowest, time.monotonic() - began)
        checks = server.ask("status").result["logons"]["checks"]
        assert checks["running"] <= 2 and checks["waiting"] > 0, "they are still being checked"
        assert slowest < 0.5, "none of them in the loop, which would be eight seconds"
        for peer in crowd:
            peer.close()
        wait_until(lambda: server.ask("status").result["logons"]["checks"]["waiting"] == 0)
        assert FixPeer(server.ready["fix_port"], 2).read("A")[35] == "A"


@pytest.mark.parametrize(
    ("secret", "why"),
    [("mm1-secret", "has 10 characters, at least 16 are needed"), ("aaaaaaaaaaaaaaaaaaaaab", "has 2 different characters"), ("abcdefghijklmnopqrst", "is a sequence"),
     ("the one of MM1 it is", "holds a name of the login"), ("my-own-password-here", "is like those that are published")],
)  # fmt: skip
def test_a_weak_secret_is_refused_by_a_start_and_nothing_is_there(tmp_path: Path, secret: str, why: str) -> None:
    server = ServerProcess(tmp_path, SMALL.replace(secret_of(0).replace("0", "{n}"), secret, 1))
    code, log = server.refused()
    assert code == 3 and f"member[0].session[0].secret: {why}" in log and not server.data.exists()
    assert os.listdir(tmp_path).count("data") == 0
