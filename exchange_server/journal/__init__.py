"""Floor 3: the rows on disk. `format` defines the bytes, `store` writes the files, `recover` restores a running engine."""
