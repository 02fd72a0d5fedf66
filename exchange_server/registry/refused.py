"""The refusal of an operator's record."""

from protocol import codes


class Refused(Exception):
    """An operator's record is refused: `code` (R_*), the sentence, and the numbers of the event row."""

    def __init__(self, code: int, text: str, limit: int = 0, asked: int = 0) -> None:
        super().__init__(text)
        self.code, self.text, self.limit, self.asked = code, text, limit, asked


def bad(key: str, sentence: str, limit: int = 0, asked: int = 0) -> Refused:
    """A listing rule is broken: R_BAD_DEFINITION, the sentence begins with the key's path."""
    return Refused(codes.R_BAD_DEFINITION, f"{key}: {sentence}", limit, asked)
