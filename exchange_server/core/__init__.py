"""Floor 2: the exchange as jitted functions and nothing else. Rows in, rows out; no clock, no I/O, no randomness, no float (kernels of the disk: ../disk)."""
