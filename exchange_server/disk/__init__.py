"""Floor 2, beside core: the kernels that touch the disk. They write, sync, wait and read the monotonic clock (through addresses of C functions) and
check what lies in files. The core knows nothing of them; no state of the exchange depends on what they see."""
