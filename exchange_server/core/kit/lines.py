"""Arrays of words whose rows begin on cache lines."""

import numpy as np
from numpy.typing import NDArray

LINE = 8  # words of a cache line
LINE_BYTES = 8 * LINE


def zeros_on_lines(words: int) -> NDArray[np.int64]:
    """So many words, all 0, the first on a cache line. numpy takes what the allocator gives, 16 or 32 bytes into a line for large arrays: each row would
    share its first and its last line with its neighbours, and each store of a whole line would be two."""
    room = np.zeros(words + LINE, np.int64)
    begin = -room.ctypes.data % LINE_BYTES // 8
    return room[begin : begin + words]
