"""The kernels' layout in words against the bytes of format.py."""

from exchange_server.disk import journal_layout as dw
from exchange_server.journal import format as fmt


def test_layout_constants_of_kernel_and_format_are_the_same() -> None:
    assert dw.SEGMENT_MAGIC.to_bytes(8, "little") == fmt.SEGMENT_MAGIC
    assert dw.FRAME_MAGIC.to_bytes(8, "little") == fmt.FRAME_MAGIC
    assert dw.MARK_MAGIC.to_bytes(8, "little") == fmt.MARK_MAGIC
    names = (
        "SEGMENT_HEADER_BYTES",
        "FRAME_HEADER_BYTES",
        "ROW_BYTES",
        "FORMAT_VERSION",
        "OLDEST_VERSION",
        "FLAG_ASYNC",
        "FLAG_MARK",
        "FLAG_COMPACT",
    )
    names += ("PAYLOAD_UNIT", "ROWS_PER_MASK")
    assert [getattr(dw, n) for n in names] == [getattr(fmt, n) for n in names]
