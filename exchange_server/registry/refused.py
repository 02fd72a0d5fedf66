"""The refusal of an operator's record, as data. The text is made from it where it is shown (cli, start.py, the admin socket)."""

import msgspec

from config.places import Key, shown
from protocol import codes


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """`code` R_*. `key`: the field of the record that is wrong, () for the record as a whole. `sentence`: why, without the key. Limit, used and
    asked: as in the event row of a refusal. `fixed`: the thing exists, and this field can no longer change. `record`: index of the record
    in its configuration, from 0."""

    code: int
    sentence: str
    key: Key = ()
    limit: int = 0
    used: int = 0
    asked: int = 0
    fixed: bool = False
    record: int | None = None

    @property
    def text(self) -> str:
        return f"{shown(self.key)}: {self.sentence}" if self.key else self.sentence


class Refused(Exception):
    """Raised by the rules; `refusal` says what is wrong."""

    def __init__(
        self, code: int, sentence: str, key: Key | str = (), limit: int = 0, asked: int = 0, used: int = 0, fixed: bool = False
    ) -> None:
        super().__init__(sentence)
        path = (key,) if isinstance(key, str) else key
        self.refusal = Refusal(code=code, sentence=sentence, key=path, limit=limit, used=used, asked=asked, fixed=fixed)

    @classmethod
    def of(cls, refusal: Refusal) -> "Refused":
        """To be raised for a refusal that was found before."""
        made = cls(refusal.code, refusal.sentence)
        made.refusal = refusal
        return made


def bad(key: Key | str, sentence: str, limit: int = 0, asked: int = 0) -> Refused:
    """The refusal of a field that breaks a rule: R_BAD_DEFINITION."""
    return Refused(codes.R_BAD_DEFINITION, sentence, key, limit, asked)
