"""Floor 2, next to core: the kernels that access the disk. They write, sync, wait and read the monotonic clock (through addresses of C
functions) and check the contents of files. The core does not import them, and no state of the exchange depends on what they read."""
