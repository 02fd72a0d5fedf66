"""Where each word lies: command rows, event rows, the rows of the state and what kernels say to each other, under one name (`from .. import layout as L`).

Everything is a signed 64-bit word. The arena is ONE int64 array `m`; a "pointer" is the absolute word offset of a
row in it, so `m[o + L.O_LEAVES]` is the open quantity of the order at `o`, and 0 is the null pointer (the header lies
there). Commands and events are flat int64 arrays of whole rows. Words that hold several things are put together by `packed.py`.
`shape.py` says how wide rows and words are and which share a place on purpose; a test holds every name against it.
"""

from .calls import *  # noqa: F403
from .commands import *  # noqa: F403
from .events import *  # noqa: F403
from .orders import *  # noqa: F403
from .tables import *  # noqa: F403
from .work import *  # noqa: F403
