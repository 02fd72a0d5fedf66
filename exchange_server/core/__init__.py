"""Floor 2: the exchange, as jitted functions only. Rows in, rows out; no clock, no I/O, no randomness, no float (kernels with I/O: ../disk)."""
