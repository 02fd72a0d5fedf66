"""Machine access for kernels: calls through function addresses, atomic words, SHA-256 and CRC-32.

A kernel that is cached on disk may not hold the address of a C function, so every address arrives in an int64 array `fn` that
`journal/system.py` fills with libc's and libcrypto's functions, and that tests fill with their own.
"""

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic
from numpy.typing import NDArray

from ..core.kit.jit import kernel, leaf

# ---- words of fn: addresses of functions -----------------------------------------------------------------------------
FN_PWRITEV = 0
FN_FDATASYNC = 1
FN_READ = 2
FN_WRITE = 3
FN_POLL = 4
FN_ERRNO = 5  # __errno_location
FN_CLOCK = 6  # clock_gettime
FN_SHA_INIT = 7  # libcrypto's SHA256_Init, _Update, _Final; 0: use the slower one of this file
FN_SHA_UPDATE = 8
FN_SHA_FINAL = 9
FN_PREAD = 10
FN_ADVISE = 11
FN_WORDS = 12

SHA_STATE = 0  # words of the hash's scratch: 16 context, 64 message schedule, 8 working state
SHA_SCHEDULE = 16
SHA_WORKING = 80
SHA_WORDS = 88

_I64 = ir.IntType(64)
_I32 = ir.IntType(32)


def _pointer(builder: Any, address: Any, width: Any) -> Any:
    return builder.inttoptr(address, width.as_pointer())


@intrinsic
def load_seq(typingctx: Any, address: Any) -> Any:
    """The word at an address, sequentially consistent."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.load_atomic(_pointer(builder, args[0], _I64), "seq_cst", 8)

    return types.int64(types.int64), codegen


@intrinsic
def store_seq(typingctx: Any, address: Any, value: Any) -> Any:
    """Store a word at an address, sequentially consistent."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        builder.store_atomic(args[1], _pointer(builder, args[0], _I64), "seq_cst", 8)
        return context.get_dummy_value()

    return types.void(types.int64, types.int64), codegen


@intrinsic
def swap_seq(typingctx: Any, address: Any, old: Any, new: Any) -> Any:
    """Set the word at an address to `new` and return 1 if it is `old`; else return 0."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        pair = builder.cmpxchg(_pointer(builder, args[0], _I64), args[1], args[2], "seq_cst", "seq_cst")
        return builder.zext(builder.extract_value(pair, 1), _I64)

    return types.int64(types.int64, types.int64, types.int64), codegen


@intrinsic
def peek32(typingctx: Any, address: Any) -> Any:
    """The signed 32-bit integer at an address (errno)."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.sext(builder.load(_pointer(builder, args[0], _I32)), _I64)

    return types.int64(types.int64), codegen


def _call(builder: Any, args: Any, widths: Any, result: Any) -> Any:
    function = ir.FunctionType(result, widths)
    values = [builder.trunc(a, w) if w is _I32 else a for a, w in zip(args[1:], widths)]
    answer = builder.call(builder.inttoptr(args[0], function.as_pointer()), values)
    return builder.sext(answer, _I64) if result is _I32 else answer


@intrinsic
def call_fd(typingctx: Any, address: Any, fd: Any) -> Any:
    """int f(int)"""
    return types.int64(types.int64, types.int64), lambda c, b, s, a: _call(b, a, [_I32], _I32)


@intrinsic
def call_fd_buffer(typingctx: Any, address: Any, fd: Any, buffer: Any, count: Any) -> Any:
    """ssize_t f(int, void *, size_t)"""
    return types.int64(*[types.int64] * 4), lambda c, b, s, a: _call(b, a, [_I32, _I64, _I64], _I64)


@intrinsic
def call_send(typingctx: Any, address: Any, fd: Any, buffer: Any, count: Any, flags: Any) -> Any:
    """ssize_t send(int, const void *, size_t, int)"""
    return types.int64(*[types.int64] * 5), lambda c, b, s, a: _call(b, a, [_I32, _I64, _I64, _I32], _I64)


@intrinsic
def call_advise(typingctx: Any, address: Any, fd: Any, begin: Any, count: Any, advice: Any) -> Any:
    """int posix_fadvise(int, off_t, off_t, int)"""
    return types.int64(*[types.int64] * 5), lambda c, b, s, a: _call(b, a, [_I32, _I64, _I64, _I32], _I32)


@intrinsic
def call_pwritev(typingctx: Any, address: Any, fd: Any, iov: Any, count: Any, offset: Any) -> Any:
    """ssize_t pwritev(int, const struct iovec *, int, off_t)"""
    return types.int64(*[types.int64] * 5), lambda c, b, s, a: _call(b, a, [_I32, _I64, _I32, _I64], _I64)


@intrinsic
def call_pread(typingctx: Any, address: Any, fd: Any, buffer: Any, count: Any, offset: Any) -> Any:
    """ssize_t pread(int, void *, size_t, off_t)"""
    return types.int64(*[types.int64] * 5), lambda c, b, s, a: _call(b, a, [_I32, _I64, _I64, _I64], _I64)


@intrinsic
def call_poll(typingctx: Any, address: Any, fds: Any, count: Any, timeout: Any) -> Any:
    """int poll(struct pollfd *, nfds_t, int)"""
    return types.int64(*[types.int64] * 4), lambda c, b, s, a: _call(b, a, [_I64, _I64, _I32], _I32)


@intrinsic
def call_clock(typingctx: Any, address: Any, which: Any, timespec: Any) -> Any:
    """int clock_gettime(clockid_t, struct timespec *)"""
    return types.int64(*[types.int64] * 3), lambda c, b, s, a: _call(b, a, [_I32, _I64], _I32)


@intrinsic
def call_pointer(typingctx: Any, address: Any) -> Any:
    """void *f(void)"""
    return types.int64(types.int64), lambda c, b, s, a: _call(b, a, [], _I64)


@intrinsic
def call_1(typingctx: Any, address: Any, x: Any) -> Any:
    """int f(void *)"""
    return types.int64(types.int64, types.int64), lambda c, b, s, a: _call(b, a, [_I64], _I32)


@intrinsic
def call_2(typingctx: Any, address: Any, x: Any, y: Any) -> Any:
    """int f(void *, void *)"""
    return types.int64(*[types.int64] * 3), lambda c, b, s, a: _call(b, a, [_I64, _I64], _I32)


@intrinsic
def call_3(typingctx: Any, address: Any, x: Any, y: Any, z: Any) -> Any:
    """int f(void *, const void *, size_t)"""
    return types.int64(*[types.int64] * 4), lambda c, b, s, a: _call(b, a, [_I64, _I64, _I64], _I32)


@intrinsic
def address_of(typingctx: Any, array: Any) -> Any:
    """Address of an array's first element as int64."""
    if not isinstance(array, types.Array):
        return None

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        struct = context.make_array(signature.args[0])(context, builder, args[0])
        return builder.ptrtoint(struct.data, _I64)

    return types.int64(array), codegen


@intrinsic
def mix(typingctx: Any, a: Any, b: Any) -> Any:
    """Both halves of the 128-bit product of two words and the words themselves (a factor of zero must not hide the other), xored into
    one."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        wide = ir.IntType(128)
        product = builder.mul(builder.zext(args[0], wide), builder.zext(args[1], wide))
        low = builder.trunc(product, _I64)
        high = builder.trunc(builder.lshr(product, ir.Constant(wide, 64)), _I64)
        return builder.xor(builder.xor(low, high), builder.xor(args[0], args[1]))

    return types.int64(types.int64, types.int64), codegen


@intrinsic
def count_bits(typingctx: Any, x: Any) -> Any:
    """Number of set bits of a word."""
    return types.int64(types.int64), lambda c, b, s, a: b.ctpop(a[0])


@leaf
def errno_of(fn):
    return peek32(call_pointer(fn[FN_ERRNO]))


def crc_table() -> NDArray[np.int64]:
    """The 256 words of the CRC-32 of zlib and Ethernet (reflected polynomial 0xEDB88320)."""
    table = np.zeros(256, dtype=np.int64)
    for i in range(256):
        c = i
        for _ in range(8):
            c = (c >> 1) ^ (0xEDB88320 if c & 1 else 0)
        table[i] = c
    return table


CRC_TABLE = crc_table()
CRC_TABLE.setflags(write=False)


@leaf
def crc32(data, start, count):
    """CRC-32 of a uint8 array's part, equal to zlib.crc32."""
    c = 0xFFFFFFFF
    for i in range(start, start + count):
        c = CRC_TABLE[(c ^ np.int64(data[i])) & 255] ^ (c >> 8)
    return c ^ 0xFFFFFFFF


_PRIMES = [p for p in range(2, 312) if all(p % d for d in range(2, p))]


def _root_fraction(p: int, power: int) -> int:
    """First 32 bits of the fraction of a prime's square or cube root, in integers."""
    scaled = p << (32 * power)
    low, high = 0, 1 << 40
    while low < high:  # the largest r with r ** power <= scaled
        middle = (low + high + 1) >> 1
        if middle**power <= scaled:
            low = middle
        else:
            high = middle - 1
    return low & 0xFFFFFFFF


SHA_K = np.array([_root_fraction(p, 3) for p in _PRIMES[:64]], dtype=np.int64)
SHA_H = np.array([_root_fraction(p, 2) for p in _PRIMES[:8]], dtype=np.int64)
SHA_K.setflags(write=False)
SHA_H.setflags(write=False)


@leaf
def _rotate(x, n):
    return ((x >> n) | (x << (32 - n))) & 0xFFFFFFFF


@leaf
def _sha_block(s, b):
    """Process one block: its 16 big-endian words are in the schedule of the scratch `s` that begins at word `b`."""
    w = b + SHA_SCHEDULE
    for i in range(w + 16, w + 64):
        x = s[i - 15]
        y = s[i - 2]
        s[i] = (
            s[i - 16] + s[i - 7] + (_rotate(x, 7) ^ _rotate(x, 18) ^ (x >> 3)) + (_rotate(y, 17) ^ _rotate(y, 19) ^ (y >> 10))
        ) & 0xFFFFFFFF
    a, bb, c, d = s[b], s[b + 1], s[b + 2], s[b + 3]
    e, f, g, h = s[b + 4], s[b + 5], s[b + 6], s[b + 7]
    for i in range(64):
        t1 = h + (_rotate(e, 6) ^ _rotate(e, 11) ^ _rotate(e, 25)) + ((e & f) ^ ((e ^ 0xFFFFFFFF) & g)) + SHA_K[i] + s[w + i]
        t2 = (_rotate(a, 2) ^ _rotate(a, 13) ^ _rotate(a, 22)) + ((a & bb) ^ (a & c) ^ (bb & c))
        h = g
        g = f
        f = e
        e = (d + t1) & 0xFFFFFFFF
        d = c
        c = bb
        bb = a
        a = (t1 + t2) & 0xFFFFFFFF
    s[b] = (s[b] + a) & 0xFFFFFFFF
    s[b + 1] = (s[b + 1] + bb) & 0xFFFFFFFF
    s[b + 2] = (s[b + 2] + c) & 0xFFFFFFFF
    s[b + 3] = (s[b + 3] + d) & 0xFFFFFFFF
    s[b + 4] = (s[b + 4] + e) & 0xFFFFFFFF
    s[b + 5] = (s[b + 5] + f) & 0xFFFFFFFF
    s[b + 6] = (s[b + 6] + g) & 0xFFFFFFFF
    s[b + 7] = (s[b + 7] + h) & 0xFFFFFFFF


@leaf
def sha256_slow(data, start, count, out, at, s, b):
    """SHA-256 without a library, about 300 MB/s: for Python builds whose hashlib does not expose libcrypto."""
    for i in range(8):
        s[b + i] = SHA_H[i]
    blocks = (count + 8) // 64 + 1
    for block in range(blocks):
        for i in range(16):
            word = 0
            for j in range(4):
                p = block * 64 + i * 4 + j
                byte = 0
                if p < count:
                    byte = np.int64(data[start + p])
                elif p == count:
                    byte = 128
                word = (word << 8) | byte
            s[b + SHA_SCHEDULE + i] = word
        if block == blocks - 1:
            s[b + SHA_SCHEDULE + 14] = (count * 8) >> 32
            s[b + SHA_SCHEDULE + 15] = (count * 8) & 0xFFFFFFFF
        _sha_block(s, b)
    for i in range(32):
        out[at + i] = (s[b + (i >> 2)] >> (24 - 8 * (i & 3))) & 255


@leaf
def sha256(fn, data, start, count, out, at, s, b):
    """SHA-256 of data[start : start + count] (uint8) into out[at : at + 32]; `s` from word `b` is scratch of SHA_WORDS words."""
    if fn[FN_SHA_INIT] == 0:
        sha256_slow(data, start, count, out, at, s, b)
        return
    context = address_of(s) + 8 * b
    call_1(fn[FN_SHA_INIT], context)
    call_3(fn[FN_SHA_UPDATE], context, address_of(data) + start, count)
    call_2(fn[FN_SHA_FINAL], address_of(out) + at, context)


@kernel("void(int64[::1], uint8[::1], int64, int64, uint8[::1], int64[::1])")
def sha256_kernel(fn, data, start, count, out, s):
    """sha256 for tests and tools: the digest is written to out[0:32]."""
    sha256(fn, data, start, count, out, 0, s, 0)
