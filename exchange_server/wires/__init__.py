"""Codec kernels: bytes to command rows, event rows to bytes. They import kit, layout and what they must look up."""
