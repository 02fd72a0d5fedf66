"""Loops of the benchmarks as kernels, cached like the core's."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba

from exchange_server.core.kit import jit

CORE = Path(jit.__file__).parents[1]


def compiled(function: Callable[..., Any], signature: str, *core_files: str) -> Any:
    """`function` compiled for exactly `signature`. The cache folder's name depends on its file, the named core files and everything they
    import."""
    source = hashlib.sha256(Path(function.__code__.co_filename).read_bytes())
    for stem in core_files:
        source.update(jit.source_hash(CORE / f"{stem}.py").encode())
    folder = jit.CACHE_ROOT / f"bench-{source.hexdigest()[:16]}"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    numba.config.CACHE_DIR = str(folder)  # type: ignore[attr-defined]
    kernel = numba.njit(signature, cache=True, **jit.FLAGS)(function)
    kernel.disable_compile()
    return kernel
