"""Offsets of all words under one name (`from .. import layout as L`): command rows, event rows, rows of the state, arguments and results of kernels.

Everything is a signed 64-bit word. The arena is ONE int64 array `m`. A "pointer" is the absolute word offset of a row in it, so
`m[o + L.O_LEAVES]` is the open quantity of the order at `o`; 0 is the null pointer (the header is there). Commands and events are flat int64
arrays of whole rows. Words with several fields are packed and unpacked by `packed.py`. `shape.py` gives the widths of rows and words and
which words overlap on purpose; a test checks every name against it.
"""

from .calls import *  # noqa: F403
from .commands import *  # noqa: F403
from .events import *  # noqa: F403
from .orders import *  # noqa: F403
from .tables import *  # noqa: F403
from .work import *  # noqa: F403
