"""The C functions that the writer kernel calls, as addresses: libc's, and libcrypto's SHA-256 as Python's own hashlib loads it."""

import ctypes
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..disk import native

_LIBC = (
    (native.FN_PWRITEV, "pwritev"),
    (native.FN_FDATASYNC, "fdatasync"),
    (native.FN_READ, "read"),
    (native.FN_WRITE, "write"),
    (native.FN_POLL, "poll"),
    (native.FN_ERRNO, "__errno_location"),
    (native.FN_CLOCK, "clock_gettime"),
    (native.FN_PREAD, "pread"),
    (native.FN_ADVISE, "posix_fadvise"),
)
_SHA = ((native.FN_SHA_INIT, "SHA256_Init"), (native.FN_SHA_UPDATE, "SHA256_Update"), (native.FN_SHA_FINAL, "SHA256_Final"))


def address_of(function: Any) -> int:
    """The address of a C function that ctypes has loaded."""
    return int(ctypes.cast(function, ctypes.c_void_p).value or 0)


def sha_addresses() -> list[tuple[int, int]]:
    """(word of fn, address) of libcrypto's three functions; empty if this Python does not expose them (the kernel's own code is then
    used)."""
    try:
        import _hashlib

        library = ctypes.CDLL(getattr(_hashlib, "__file__", None))
        return [(word, address_of(getattr(library, name))) for word, name in _SHA]
    except (ImportError, OSError, AttributeError):
        return []


def functions() -> NDArray[np.int64]:
    """The array `fn` of disk/native.py, FN_WORDS words. Linux only: raises OSError elsewhere, naming what is missing."""
    libc = ctypes.CDLL(None)
    fn = np.zeros(native.FN_WORDS, dtype=np.int64)
    for word, name in _LIBC:
        try:
            fn[word] = address_of(getattr(libc, name))
        except AttributeError:
            raise OSError(f"this system's C library has no {name}; exos runs on Linux") from None
    for word, address in sha_addresses():
        fn[word] = address
    return fn


FUNCTIONS: NDArray[np.int64] = functions()
