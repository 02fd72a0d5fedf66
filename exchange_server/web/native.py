"""One native call that writes a frame to many sockets, made with llvmlite alone: it takes 50 ms and 60 MB where numba takes half a second and twice as much, and it is made
only when a group is large (outlets.py). It needs no cache, because it is compiled in a few milliseconds."""

import ctypes
from collections.abc import Callable
from typing import Any

DONTWAIT_NOSIGNAL = 0x40 | 0x4000  # flags of send() on Linux: do not wait, and no signal if the peer has gone
_TEXT = f"""
define i64 @write_listed(ptr %send, ptr %fds, ptr %rows, i64 %begin, i64 %end, ptr %data, i64 %size, ptr %counts) {{
entry:
  %some = icmp slt i64 %begin, %end
  br i1 %some, label %loop, label %none
none:
  ret i64 0
loop:
  %i = phi i64 [ %begin, %entry ], [ %next, %after ]
  %others = phi i64 [ 0, %entry ], [ %more, %after ]
  %row_at = getelementptr i64, ptr %rows, i64 %i
  %row = load i64, ptr %row_at
  %has_row = icmp sge i64 %row, 0
  br i1 %has_row, label %look, label %after
look:
  %fd_at = getelementptr i64, ptr %fds, i64 %row
  %fd_word = load i64, ptr %fd_at
  %open = icmp sge i64 %fd_word, 0
  br i1 %open, label %write, label %after
write:
  %fd = trunc i64 %fd_word to i32
  %sent = call i64 %send(i32 %fd, ptr %data, i64 %size, i32 {DONTWAIT_NOSIGNAL})
  br label %after
after:
  %taken = phi i64 [ -1, %loop ], [ -1, %look ], [ %sent, %write ]
  %place = sub i64 %i, %begin
  %count_at = getelementptr i64, ptr %counts, i64 %place
  store i64 %taken, ptr %count_at
  %short = icmp ne i64 %taken, %size
  %one = zext i1 %short to i64
  %more = add i64 %others, %one
  %next = add i64 %i, 1
  %again = icmp slt i64 %next, %end
  br i1 %again, label %loop, label %done
done:
  ret i64 %more
}}
"""
Write = Callable[[int, int, int, int, bytes, int, int], int]
_kept: list[Any] = []  # what the code lives in


def write_listed() -> Write:
    """A function (fds, rows, begin, end, data, size, counts): write data[:size] to the sockets fds[rows[begin:end]], never waiting. counts[i]: the bytes that the
    socket of rows[begin + i] took, or -1, also where there is none (the row or its descriptor is -1). It returns how many did not take all of it. Arrays are addresses of
    64-bit words. Raises ImportError, OSError or RuntimeError where it cannot be made."""
    import llvmlite.binding as llvm

    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    module = llvm.parse_assembly(_TEXT)
    module.verify()
    compiler = llvm.create_mcjit_compiler(module, llvm.Target.from_default_triple().create_target_machine(opt=2))
    compiler.finalize_object()
    _kept.append(compiler)
    send = ctypes.cast(ctypes.CDLL(None).send, ctypes.c_void_p).value
    word, address = ctypes.c_int64, ctypes.c_void_p
    call = ctypes.CFUNCTYPE(word, address, address, address, word, word, address, word, address)(
        compiler.get_function_address("write_listed")
    )

    def write(fds: int, rows: int, begin: int, end: int, data: bytes, size: int, counts: int) -> int:
        return int(call(send, fds, rows, begin, end, data, size, counts))

    return write
