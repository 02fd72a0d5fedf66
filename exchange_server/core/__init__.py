"""Floor 2: every jitted function and nothing else. Rows in, rows out; no clock, no I/O, no randomness, no float."""
