"""What the messages of the binary wire are made of: bounded integers, and the base of all messages."""

from typing import Annotated, TypeAlias

from msgspec import Meta, Struct

I64_MAX = 2**63 - 1
I64_MIN = -(2**63)

I64: TypeAlias = Annotated[int, Meta(ge=I64_MIN, le=I64_MAX)]
Id: TypeAlias = Annotated[int, Meta(ge=1, le=I64_MAX)]
Count: TypeAlias = Annotated[int, Meta(ge=0, le=I64_MAX)]
U31: TypeAlias = Annotated[int, Meta(ge=0, le=2**31 - 1)]
U16: TypeAlias = Annotated[int, Meta(ge=0, le=65535)]
U7: TypeAlias = Annotated[int, Meta(ge=0, le=127)]
U15: TypeAlias = Annotated[int, Meta(ge=0, le=32767)]
Nibble: TypeAlias = Annotated[int, Meta(ge=0, le=15)]


class Message(Struct, array_like=True, frozen=True, tag_field="kind"):
    """A MessagePack array `[tag, field, ...]`."""


class Report(Message, frozen=True):
    """The fields that all numbered reports begin with."""

    number: Id  # report number of this session: 1, 2, 3 ...
    event: Id  # event number of the server: the execution id
    time: Count
