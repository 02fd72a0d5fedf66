"""The journal's records in words, shared by the writing and the reading kernels. journal/format.py describes the bytes and their
meaning."""

SEGMENT_HEADER_BYTES = 4096
SEGMENT_USED_BYTES = 512
SEGMENT_MAGIC = 0x31474553_534F5845  # b"EXOSSEG1"
FRAME_MAGIC = 0x314D5246_534F5845  # b"EXOSFRM1"
MARK_MAGIC = 0x314B4D57_534F5845  # b"EXOSWMK1"
FORMAT_VERSION = 2
OLDEST_VERSION = 1  # that can be read: the same, without FLAG_COMPACT
FRAME_HEADER_BYTES = 192
FRAME_WORDS = 24
ROW_BYTES = 128
PAYLOAD_UNIT = 64  # every payload is a multiple of it
ROWS_PER_MASK = 4  # rows of a compact payload that share a word with 16 bits for each

FR_MAGIC = 0
FR_VERSION = 1  # version | header bytes << 16 | flags << 32
FR_PAYLOAD = 2
FR_RECORDS = 3
FR_EPOCH = 4
FR_FIRST = 5
FR_SEGMENT = 6
FR_OFFSET = 7
FR_TIME = 8
FR_DURABLE = 9
FR_SERVER = 10
FR_DIGEST = 12  # SHA-256 of the payload
FR_CHAIN = 16  # SHA-256(previous chain, header bytes 0-127)
FR_CRC = 23  # CRC-32 of header bytes 0-183

FLAG_ASYNC = 1  # written in async mode: frames after it may exist although it does not
FLAG_MARK = 2  # no rows: the payload is a state digest
FLAG_COMPACT = 4  # the rows are packed without their zeros (compact_rows.py)

SG_MAGIC = 0
SG_VERSION = 1  # version | header bytes << 32
SG_SERVER = 2
SG_SEGMENT = 3
SG_FIRST = 4
SG_EPOCH = 5
SG_BYTES = 6
SG_LOGIC = 7
SG_CHAIN = 8  # 4 words
SG_CRC = 63  # CRC-32 of bytes 0-503

MK_MAGIC = 0
MK_VERSION = 1
MK_SERVER = 2
MK_EPOCH = 3
MK_SEQ = 4  # rows below this sequence are on the disk
MK_SEGMENT = 5
MK_OFFSET = 6  # end of the last frame that holds one of them
MK_CHAIN = 8  # 4 words
MK_CRC = 63  # CRC-32 of bytes 0-503; only 128 bytes are not zero
MARK_SLOT_WORDS = 512  # the two slots are on separate pages
MARK_CRC_BYTES = 504


def compact_room(rows: int) -> int:
    """Words that any `rows` command rows need in compact form."""
    return rows * ROW_BYTES // 8 + rows // ROWS_PER_MASK + 1 + PAYLOAD_UNIT // 8
