"""The terminal of `exos top`: what is written draws what is to be shown, and no more than what has changed."""

import io

from exchange_server.watch.screen import Line
from exchange_server.watch.terminal import ENTER, LEAVE, Terminal


def drawn(text: str) -> dict[int, str]:
    """Line -> what was written there last."""
    found = {}
    for piece in text.split("\x1b[")[1:]:
        head, _, rest = piece.partition("H")
        if head.endswith(";1"):
            found[int(head[:-2])] = rest
    return found


def test_only_lines_that_changed_are_written_again() -> None:
    out, size = io.StringIO(), (80, 24)
    with Terminal(out, lambda: size) as terminal:

        def shown(*lines: Line) -> str:
            out.seek(0)
            out.truncate()
            terminal.show(list(lines))
            return out.getvalue()

        assert out.getvalue() == ENTER
        first = shown([("a", "bold"), ("b", "")], [("c", "")], [("d", "")])
        assert first.startswith("\x1b[2J") and "\x1b[1;1H\x1b[1ma\x1b[0mb\x1b[K" in first and drawn(first).keys() == {1, 2, 3}
        assert shown([("a", "bold"), ("b", "")], [("c", "")], [("d", "")]) == ""
        assert shown([("a", "bold"), ("b", "")], [("C", "")], [("d", "")]) == "\x1b[2;1HC\x1b[K"
        assert shown([("a", "bold"), ("b", "")]) == "\x1b[2;1H\x1b[K\x1b[3;1H\x1b[K", "what is below goes"
        size = (100, 24)
        assert shown([("a", "bold"), ("b", "")]).startswith("\x1b[2J\x1b[1;1H"), "another size: everything"
    assert out.getvalue().endswith(LEAVE)
