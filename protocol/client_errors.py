"""What a request of the SDK can end in, and building a message with its bounds checked."""

from typing import Any

from . import errors
from . import messages as M
from .order_tracker import Answer


class ClientError(Exception):
    """A request cannot be made or the client has failed; the text is a sentence."""


class Refused(ClientError):
    """The exchange refused a request, which had no effect. `reason`: codes.R_*; `report`: the whole answer."""

    def __init__(self, reason: int, text: str, report: Answer) -> None:
        super().__init__(f"{text} [{errors.short_name(reason)}]")
        self.reason, self.text, self.report = reason, text, report


class Disconnected(ClientError):
    """There is no session, and the client will not reconnect (wrong credentials, retries exhausted, closed). `reason`: codes.R_*."""

    def __init__(self, reason: int, text: str) -> None:
        super().__init__(text)
        self.reason, self.text = reason, text


def checked(message: Any) -> None:
    """Check the bounds of a message before it is sent. Raises ClientError naming the field."""
    try:
        M.decode_client(M.encode(message))
    except (M.WireError, OverflowError) as error:
        raise ClientError(str(error)) from None


def build(kind: Any, *values: Any, **more: Any) -> Any:
    """Build a message and check its bounds. Raises ClientError."""
    try:
        message = kind(*values, **more)
    except TypeError as error:
        raise ClientError(f"{kind.__name__}: {error}") from None
    checked(message)
    return message
