"""Floor 3: the rows on disk. `format` knows the bytes, `store` the files, `recover` the way back to a running engine."""
