"""The functions of `packed` for plain Python, for ints and (elementwise) int64 arrays: `plain.kind_of(head)`."""

from typing import TYPE_CHECKING, Any

from . import packed

if TYPE_CHECKING:

    def __getattr__(name: str) -> Any: ...


globals().update({name: value.py_func for name, value in vars(packed).items() if hasattr(value, "py_func") and name != "leaf"})
