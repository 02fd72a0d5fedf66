"""Records about money: transfers, holds, withdrawals in two steps; and the end of an account, a firm or a session.

Each act about money carries an idempotency key: the same key with the same content is carried out once and answered as the first time; with other content it is
refused. Amounts are minor units of the asset, times ns since the epoch.
"""

import hashlib
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from .kinds import AssetName, Count, Line, Name, OptionalName, Positive, Record

IdempotencyKey = Annotated[str, Meta(min_length=1, max_length=128, pattern=r"^[^\x00-\x1f]*$")]


class Transfer(Record, tag="transfer", frozen=True, kw_only=True):
    """A deposit (no source), a withdrawal (no target), or a move between two accounts of one firm."""

    key: IdempotencyKey
    asset: AssetName
    amount: Positive
    source: OptionalName = ""
    target: OptionalName = ""
    note: Line = ""


class Hold(Record, tag="hold", frozen=True, kw_only=True):
    """Sets money of an account aside: it is still the account's, but it can be neither traded with nor withdrawn until it is released.
    `until_ns`: released by itself at this time, 0: never. The answer has the number of the hold."""

    key: IdempotencyKey
    account: Name
    asset: AssetName
    amount: Positive
    until_ns: Count = 0
    note: Line = ""


class Release(Record, tag="release", frozen=True, kw_only=True):
    """Ends a hold: the money is free again."""

    key: IdempotencyKey
    hold: Positive
    note: Line = ""


class RequestWithdrawal(Record, tag="withdraw_request", frozen=True, kw_only=True):
    """First step of a withdrawal: the amount is set aside, like a hold. The answer has the number of the withdrawal."""

    key: IdempotencyKey
    account: Name
    asset: AssetName
    amount: Positive
    note: Line = ""


class SettleWithdrawal(Record, tag="withdraw_settle", frozen=True, kw_only=True):
    """Second step: the money has been paid out. `note`: for example the bank's reference."""

    key: IdempotencyKey
    withdrawal: Positive
    note: Line = ""


class CancelWithdrawal(Record, tag="withdraw_cancel", frozen=True, kw_only=True):
    """Instead of the second step: nothing was paid out, the money is free again."""

    key: IdempotencyKey
    withdrawal: Positive
    note: Line = ""


class ExpireHold(Record, tag="hold_expire", frozen=True, kw_only=True):
    """Ends a hold whose time has come. The server journals it by itself."""

    hold: Positive


class Close(Record, tag="close", frozen=True, kw_only=True):
    """Ends an account, a firm, a session, a market or a listing for good. It stays in the history, and its name is not used again, but a market may be
    listed again. `name`: of a listing the market's; `venue`: of a listing."""

    kind: Literal["account", "firm", "session", "market", "listing"]
    name: Name
    venue: OptionalName = ""
    reason: Annotated[str, Meta(min_length=1, max_length=256, pattern=r"^[^\x00-\x1f]*$")]

    @property
    def identity(self) -> tuple[str, str]:
        """(kind, name) of what it ends, as that names itself."""
        return self.kind, f"{self.name} at {self.venue}" if self.kind == "listing" else self.name


def content_digest(record: Record) -> bytes:
    """The content compared under an idempotency key: the kind of record and every field."""
    return hashlib.sha256(msgspec.msgpack.encode(record)).digest()
