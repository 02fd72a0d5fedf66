"""What the registry needs from the engine. Tests and the trial of a configuration use something simpler instead."""

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Words = NDArray[np.int64]
Sink = Callable[[Words], None]


class EngineLike(Protocol):
    """What the registry needs from the engine."""

    @property
    def row_seq(self) -> int: ...
    @property
    def time_ns(self) -> int: ...
    @property
    def capacities(self) -> Any: ...
    @property
    def m(self) -> Words: ...
    def step_rows(self, rows: Words, words: int, sink: Sink) -> int: ...
