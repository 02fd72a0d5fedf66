"""How far a journal really goes: after a power cut its watermark may be older than its last acknowledged rows, and only the frames prove them."""

from pathlib import Path

from .. import identity
from ..journal import format as fmt
from ..journal.files import JournalError, Position
from ..journal.walk import Walk


def proven_end(journal: Path, after: Position, server_id: int) -> Position:
    """The end of the last frame that goes on from `after`, in a journal that no server is writing. Raises JournalError (it does not go on from there, or
    is damaged after it), OSError."""
    if not (journal / fmt.segment_name(after.segment)).exists():
        raise JournalError(f"journal folder {journal} lacks segment {after.segment}")
    seen = fmt.Watermark(server_id, after.epoch, after.seq, after.segment, after.offset, after.chain)
    walk = Walk(journal, start=after, server_id=server_id, logic=None, watermark=seen)
    for _ in walk:
        continue
    assert walk.tail is not None
    return walk.tail.position


def durable_end(journal: Path, mark: fmt.Watermark) -> tuple[fmt.Watermark, str]:
    """The watermark of a journal, moved to its last proven row where no server keeps it; and a note if what follows it cannot be trusted. Raises
    OSError."""
    after = Position(mark.segment, mark.offset, mark.seq, mark.chain, mark.epoch)
    end, why = after, ""
    try:
        end = proven_end(journal, after, mark.server_id)
    except JournalError as error:
        why = str(error)
    if (end == after and not why) or identity.holder(journal):
        return mark, ""  # a server that runs keeps the watermark itself: frames after it are not durable yet
    if why:
        return mark, f"the backup ends at row {mark.seq}, as the watermark says; what follows it in the journal cannot be trusted: {why}"
    return fmt.Watermark(mark.server_id, end.epoch, end.seq, end.segment, end.offset, end.chain), ""
