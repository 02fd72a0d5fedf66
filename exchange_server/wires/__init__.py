"""Codec kernels: bytes to command rows, event rows to bytes. They import kit, layout and the few core functions that they look things up
with."""
